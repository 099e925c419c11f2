//! What a task ends as of which no start is recorded. That its agent never ran is only said where that is certain: then
//! nothing was done, and the same order may be given again under its key.

use alloc::format;

use super::World;
use crate::port::LaunchFailure;
use crate::task::{Ending, Reason, Task, TaskId};

/// What a task ends as whose launcher or supervisor was killed before the start was recorded.
pub(super) async fn cut_short(world: World<'_>, task: &Task) -> Ending {
    let message = if task.order().lineage.retry_of.is_some() {
        // Who prepared it may have found nothing to start it with.
        "its start was cut short, or what it was to start with was removed from the store; what there was of it has been \
         stopped"
    } else {
        "its start was cut short; what there was of it has been stopped"
    };
    unrecorded(world, task.id(), message).await
}

/// What a task ends as that has no record of a start, for this reason. Where its supervisor had come so far that the agent
/// may have run, it is lost: only of one that certainly never ran nothing was done.
async fn unrecorded(world: World<'_>, id: &TaskId, message: &str) -> Ending {
    if world.logs.is_made(id).await {
        let lost = format!("{message}; whether its agent ran before is not known");
        return Ending::failed(Reason::Lost, lost);
    }
    Ending::failed(Reason::LaunchFailed, message)
}

/// What a task ends as that waited in the queue, of which nothing but its record is left: nobody could start it any
/// more.
pub(super) fn robbed() -> Ending {
    let message = "what it was to start with was removed from the store while it waited";
    Ending::failed(Reason::LaunchFailed, message)
}

/// What a task ends as whose supervisor could not be started, or failed before it recorded a start.
pub(super) async fn unstarted(world: World<'_>, id: &TaskId, failure: &LaunchFailure) -> Ending {
    let message = format!("{failure}");
    match failure {
        LaunchFailure::Supervisor(_) => unrecorded(world, id, &message).await,
        LaunchFailure::NotFound { .. }
        | LaunchFailure::NotStarted { .. }
        | LaunchFailure::Cluster(_)
        | LaunchFailure::NoProcess(_) => Ending::failed(Reason::LaunchFailed, message),
    }
}
