//! `cancel`: from what was typed to tasks, from the receipt to an answer that names every refusal.

use domain::task::TaskId;
use domain::usecase::cancel::cancel as stop;

use super::elsewhere;
use crate::Outcome;
use crate::cli::args::Cancel;
use crate::cli::view::cancelled::CancelledView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

pub(super) async fn cancel(context: &Context, args: Cancel) -> Outcome {
    let wiring = &context.wiring;
    let named_by_id = !args.all && args.parent.is_empty();
    let (mut ids, unknown) = named(context, &args).await?;
    let there = elsewhere::cancelled(context, &mut ids, args.grace).await;
    let receipt = stop(wiring.world(), &ids, args.grace).await;
    let refused: Vec<(String, Failure)> = receipt
        .refused
        .into_iter()
        .map(|(id, trouble)| (id.to_string(), Failure::from(trouble)))
        .chain(there.refused.into_iter().map(|(id, failure)| (id.to_string(), failure)))
        // Who means all of them does not mean those that have just ended by themselves.
        .filter(|(_, failure)| named_by_id || failure.kind != Kind::AlreadyEnded)
        .chain(unknown)
        .collect();
    let admitted = wiring.admit().await;
    let kind = if receipt.survivors.is_empty() {
        refused.first().map(|(_, failure)| failure.kind)
    } else {
        Some(Kind::Unexpected)
    };
    let mut cancelled = receipt.cancelled;
    cancelled.extend(there.cancelled);
    let told = context.tasks(&cancelled).await;
    let mut stopped = receipt.stopped;
    stopped.extend(there.stopped);
    let view = CancelledView {
        cancelled,
        stopped,
        refused,
        survivors: receipt.survivors,
        unproved: receipt.unproved,
    };
    let troubles = receipt.troubles.into_iter().chain(admitted.troubles);
    Ok(Answer::with(view, kind).collecting(told).noting(troubles).saying(there.notes))
}

/// The tasks that are meant, and the words that mean none.
async fn named(
    context: &Context,
    args: &Cancel,
) -> Result<(Vec<TaskId>, Vec<(String, Failure)>), Failure> {
    if args.all {
        return Ok((context.to_stop_of_all().await?, Vec::new()));
    }
    if !args.parent.is_empty() {
        return Ok((context.to_stop_of_families(&args.parent).await?, Vec::new()));
    }
    let mut unknown = Vec::new();
    let ids = context.resolve_each(&args.ids, &mut unknown).await;
    Ok((ids, unknown))
}
