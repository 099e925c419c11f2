//! `complete`: passes on a report by hand, and stops no process.

use domain::task::Report;
use domain::usecase::complete::complete as report;

use crate::Outcome;
use crate::cli::args::Complete;
use crate::cli::view::done::CompletedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;

pub(super) async fn complete(context: &Context, args: Complete) -> Outcome {
    let wiring = &context.wiring;
    let id = context.resolve(&args.id).await?;
    let words = Report { result: args.result, error: args.error };
    let task = report(&wiring.store, &wiring.locks, &wiring.clock, &id, words).await?;
    wiring.admit().await?;
    Ok(Answer::ok(CompletedView { task: task.clone() }).collecting([task]))
}
