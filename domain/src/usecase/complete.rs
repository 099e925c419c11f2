//! `complete`: ending a task by hand.
//!
//! Its agent is not stopped; a supervisor that still has one lets it finish.

use super::Trouble;
use crate::port::{Clock, LifeLocks, TaskStore};
use crate::task::{Event, Report, Task, TaskId};

/// Ends a task with the report of somebody outside.
///
/// # Errors
/// [`Trouble`] if there is no such task, or it has ended or is being cancelled.
pub async fn complete(
    store: &dyn TaskStore,
    locks: &dyn LifeLocks,
    clock: &dyn Clock,
    id: &TaskId,
    report: Report,
) -> Result<Task, Trouble> {
    let task = store.apply(id, Event::Reported(report), clock.now()).await?;
    locks.retire(id).await?;
    Ok(task)
}
