//! `complete`: ending a task by hand.
//!
//! Its agent is not stopped; a supervisor that still has one lets it finish. A task that waits never starts.

use super::custody;
use super::{Trouble, World};
use crate::task::{Event, Report, State, Status, Task, TaskId};

/// How a report was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The task as it is now.
    pub task: Task,
    /// Whether the report came after an ending that was only a guess: the ending stands, and the result is
    /// kept beside it.
    pub late: bool,
    /// What could not be put away once it was recorded.
    pub trouble: Option<Trouble>,
}

/// Ends a task with the report of somebody outside.
///
/// # Errors
/// [`Trouble`] if there is no such task, or it has ended or is being cancelled.
pub async fn complete(world: World<'_>, id: &TaskId, report: Report) -> Result<Completed, Trouble> {
    let before = world.store.load(id).await?;
    let held = match before.status() {
        // While its life lock is held here, nobody starts it, and nobody concludes it for a supervisor
        // that is gone.
        Status::Queued | Status::Running => custody::take(world, id).await?,
        Status::Completed | Status::Error | Status::Cancelled => None,
    };
    let (task, trouble) = if let Some(held) = held {
        held.report(world, report).await?
    } else {
        // Whoever holds it puts it away.
        let event = Event::Reported(report);
        (world.store.apply(id, event, world.clock.now()).await?, None)
    };
    let late = before.status().is_ended() && matches!(task.state(), State::Error(_));
    Ok(Completed { task, late, trouble })
}
