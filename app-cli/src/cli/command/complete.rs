//! `complete`: passes on a report by hand, and stops no process.

use std::path::Path;

use domain::task::{Report, TaskId};
use domain::usecase::again::last_attempt;
use domain::usecase::complete::complete as report;

use serde::Deserialize;

use super::elsewhere;
use super::launch::read_text;
use crate::Outcome;
use crate::cli::args::Complete;
use crate::cli::view::done::CompletedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

pub(super) async fn complete(context: &Context, args: Complete) -> Outcome {
    let wiring = &context.wiring;
    let id = context.resolve(&args.id).await?;
    let words = match &args.report {
        Some(path) => read(path)?,
        None => Report { result: args.result.unwrap_or_default(), error: args.error },
    };
    if let Some(task) = elsewhere::completed(context, &id, &words).await? {
        return Ok(Answer::ok(CompletedView { task: task.clone(), late: false }).collecting([task]));
    }
    let completed = match report(wiring.world(), &id, words).await {
        Ok(completed) => completed,
        Err(trouble) => return Err(naming_the_next(context, &id, trouble.into()).await),
    };
    let admitted = wiring.admit().await;
    let task = completed.task;
    // The ending that was there stands; that the result was kept beside it is in the answer.
    let kind = completed.late.then_some(Kind::AlreadyEnded);
    let view = CompletedView { task: task.clone(), late: completed.late };
    let answer = Answer::with(view, kind).collecting([task]);
    Ok(answer.noting(completed.trouble.into_iter().chain(admitted.troubles)))
}

/// What a report in a file, or on standard input, has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    result: String,
    error: Option<String>,
}

fn read(path: &Path) -> Result<Report, Failure> {
    let text = read_text(path, "report")?;
    let Written { result, error } = serde_json::from_str(&text).map_err(|error| {
        let message = format!("the report file `{}` is no report: {error}", path.display());
        Failure::new(Kind::Usage, message)
            .hint("write `{\"result\": TEXT, \"error\": TEXT}`, of which each may be left out")
    })?;
    Ok(Report { result, error })
}

/// The failure, with the attempt at the task that counts now, if there was another one.
async fn naming_the_next(context: &Context, id: &TaskId, failure: Failure) -> Failure {
    if failure.kind != Kind::AlreadyEnded {
        return failure;
    }
    // Without the next attempt the failure stands as it is.
    let last = last_attempt(context.wiring.world().store, id).await;
    match last.ok().filter(|last| last.id() != id) {
        None => failure,
        Some(last) => {
            let (id, status) = (last.id(), last.status());
            let verb = if status.is_ended() { "output --result" } else { "complete" };
            let word = status.word();
            let hint =
                format!("it was tried again as {id}, which is {word}: run `task-bg {verb} {id}`");
            Failure { hints: vec![hint], ..failure }
        }
    }
}
