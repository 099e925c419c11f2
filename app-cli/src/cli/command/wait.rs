//! `wait`: which tasks are meant, and what their endings mean for the exit code.

use std::time::Duration;

use domain::port::Clock;
use domain::task::{Status, TaskId};
use domain::usecase::wait::{Until, WaitRequest, Waited, wait as block};

use crate::Outcome;
use crate::cli::args::Wait;
use crate::cli::view::waited::WaitedView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

pub(super) async fn wait(context: &Context, args: Wait) -> Outcome {
    let ids = if args.ids.is_empty() {
        match args.parent.or_else(Context::default_parent) {
            Some(parent) => Context::not_around(context.of_parent(&parent).await?),
            None => Context::not_around(context.unfinished().await?),
        }
    } else {
        context.resolve_all(&args.ids).await?
    };
    let until = if args.any { Until::Any } else { Until::All };
    for_ids(context, ids, until, args.timeout.limit()).await
}

/// Waits for these tasks and says how they fared.
pub(super) async fn for_ids(
    context: &Context,
    ids: Vec<TaskId>,
    until: Until,
    at_most: Option<Duration>,
) -> Outcome {
    let (waited, kind) = block_on(context, WaitRequest { ids, until, at_most }).await?;
    let (ended, now) = (waited.ended.clone(), context.wiring.clock.now());
    Ok(Answer::with(WaitedView { waited, now }, kind).collecting(ended))
}

/// Waits until all of these tasks have ended, or for so long; says how they fared, and what that means
/// for the exit code.
pub(super) async fn outcome(
    context: &Context,
    ids: Vec<TaskId>,
    at_most: Option<Duration>,
) -> Result<(Waited, Option<Kind>), Failure> {
    block_on(context, WaitRequest { ids, until: Until::All, at_most }).await
}

async fn block_on(
    context: &Context,
    request: WaitRequest,
) -> Result<(Waited, Option<Kind>), Failure> {
    let wiring = &context.wiring;
    let waited = Box::pin(block(wiring.world(), &request)).await?;
    let kind = if waited.timed_out {
        Some(Kind::TimedOut)
    } else if let Some((_, trouble)) = waited.refused.first() {
        Some(Failure::from(trouble.clone()).kind)
    } else if waited.ended.iter().any(|task| task.status() != Status::Completed) {
        Some(Kind::TaskFailed)
    } else {
        None
    };
    Ok((waited, kind))
}
