//! `droids`: which there are, and where each comes from.

use domain::usecase::droids;

use super::folder::working_folder;
use crate::Outcome;
use crate::cli::args::Droids;
use crate::cli::view::droids::DroidsView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;

pub(super) async fn droids(context: &Context, args: &Droids) -> Outcome {
    let cwd = working_folder(args.cwd.as_deref())?;
    let catalog = droids::droids(&context.wiring.droids, &cwd).await;
    let mut more = "task-bg droids --all".to_owned();
    if let Some(cwd) = args.cwd.as_deref().and_then(|cwd| shlex::try_quote(cwd.to_str()?).ok()) {
        more.push_str(&format!(" --cwd {cwd}"));
    }
    Ok(Answer::ok(DroidsView { catalog, whole: args.all, more }))
}
