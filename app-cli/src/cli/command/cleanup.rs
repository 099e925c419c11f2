//! `cleanup`: from its flags to what may be removed, and from the receipt to an answer.

use domain::usecase::cleanup::{Removal, cleanup as clean};

use crate::Outcome;
use crate::cli::args::Cleanup;
use crate::cli::view::done::CleanedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::wiring::Wiring;

pub(super) async fn cleanup(context: &Context, args: &Cleanup) -> Outcome {
    let wiring = &context.wiring;
    let removal = args.delete.then(|| Removal {
        older_than: args.older_than,
        status: args.status.map(|status| status.0),
    });
    let worktrees = Wiring::worktrees();
    let cleaned = clean(wiring.world(), &worktrees, removal).await?;
    let admitted = wiring.admit().await;
    Ok(Answer::ok(CleanedView { cleaned }).noting(admitted.troubles))
}
