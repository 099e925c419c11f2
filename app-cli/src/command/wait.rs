//! `wait`: which tasks are meant, and what their endings mean for the exit code.

use std::time::Duration;

use domain::port::Clock;
use domain::task::{Status, TaskId};
use domain::usecase::wait::{Until, WaitRequest, wait as block};

use crate::Outcome;
use crate::args::Wait;
use crate::context::Context;
use crate::failure::Kind;
use crate::view::{Answer, waited::WaitedView};

pub(super) async fn wait(context: &Context, args: Wait) -> Outcome {
    let ids = if args.ids.is_empty() {
        match args.parent.or_else(Context::default_parent) {
            Some(parent) => context.of_parent(&parent, None).await?,
            None => context.unfinished().await?,
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
    let wiring = &context.wiring;
    let request = WaitRequest { ids, until, at_most };
    let launcher = wiring.launcher(Vec::new(), None);
    let door = wiring.door(&launcher);
    let waited = block(&wiring.store, wiring.witnesses(), &wiring.clock, door, &request).await?;
    let kind = if waited.timed_out {
        Some(Kind::TimedOut)
    } else if waited.ended.iter().any(|task| task.status() != Status::Completed) {
        Some(Kind::TaskFailed)
    } else {
        None
    };
    let ended = waited.ended.clone();
    Ok(Answer::with(WaitedView { waited, now: wiring.clock.now() }, kind).collecting(ended))
}
