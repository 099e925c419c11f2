//! `complete`: passes on a report by hand, and stops no process.

use domain::task::Report;
use domain::usecase::complete::complete as report;

use crate::Outcome;
use crate::cli::args::Complete;
use crate::cli::view::done::CompletedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::Kind;

pub(super) async fn complete(context: &Context, args: Complete) -> Outcome {
    let wiring = &context.wiring;
    let id = context.resolve(&args.id).await?;
    let words = Report { result: args.result, error: args.error };
    let completed = report(wiring.world(), &id, words).await?;
    let admitted = wiring.admit().await;
    let task = completed.task;
    // The ending that was there stands; that the result was kept beside it is in the answer.
    let kind = completed.late.then_some(Kind::AlreadyEnded);
    let view = CompletedView { task: task.clone(), late: completed.late };
    let answer = Answer::with(view, kind).collecting([task]);
    Ok(answer.noting(completed.trouble.into_iter().chain(admitted.troubles)))
}
