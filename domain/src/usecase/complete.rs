//! `complete`: ending a task by hand.
//!
//! The agent is never stopped; a supervisor lets it finish. A task that waits never starts.

use alloc::borrow::ToOwned;

use super::custody;
use super::{Trouble, World};
use crate::task::{Event, Reason, Report, State, Status, Task, TaskId};

/// How a report was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The task as it is now.
    pub task: Task,
    /// Whether the report came after an ending that was only a guess: the ending stands, and the result is
    /// kept beside it.
    pub late: bool,
    /// What could not be removed after the report was recorded.
    pub trouble: Option<Trouble>,
}

/// Ends a task with the report of a person or a hook.
///
/// # Errors
/// [`Trouble`] if there is no such task, or it has ended or is being cancelled.
pub async fn complete(world: World<'_>, id: &TaskId, report: Report) -> Result<Completed, Trouble> {
    let before = world.store.load(id).await?;
    let report = with_findings(world, &before, report).await;
    let held = match before.status() {
        // While its life lock is held here, no other process starts or concludes it.
        Status::Queued | Status::Running => custody::take(world, id).await?,
        Status::Completed | Status::Error | Status::Cancelled => None,
    };
    let (task, trouble) = if let Some(held) = held {
        held.report(world, report).await?
    } else {
        // The holder of the life lock removes what is kept for the task.
        let event = Event::Reported(report);
        (world.store.apply(id, event, world.clock.now()).await?, None)
    };
    let late = matches!(task.state(), State::Error(failure) if failure.reason != Reason::Reported);
    Ok(Completed { task, late, trouble })
}

/// The report; where it brings no result, what the agent of a running task said last takes its place.
async fn with_findings(world: World<'_>, task: &Task, mut report: Report) -> Report {
    if report.result.is_empty() && task.status() == Status::Running {
        // Without an account the report stands as it is.
        let account = world.events.account(task.id(), &task.order().runner).await;
        let found = account.ok().and_then(|account| account.findings().map(ToOwned::to_owned));
        report.result = found.unwrap_or_default();
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{StoreError, TaskStore};
    use crate::task::{Ending, Refusal};
    use crate::testing::{self, MemoryWorld, ORDERED};

    fn report(result: &str) -> Report {
        Report { result: result.into(), error: None }
    }

    // Of two that completed a queued task at once, both were told that they had, and one result was
    // lost. Here the second holds the life lock when the report of the first is recorded.
    #[tokio::test]
    async fn whoever_completes_a_task_that_ended_in_the_same_moment_is_refused() {
        let task = testing::queued_task();
        for (event, status) in [
            (Event::Reported(report("first")), Status::Completed),
            (Event::Ended { ending: Ending::CANCELLED, exit: None, next: None }, Status::Cancelled),
        ] {
            let memory = MemoryWorld::holding([task.clone()]);
            let held = custody::take(memory.world(), task.id()).await.expect("it works");
            let held = held.expect("nobody holds it");
            memory.store.apply(task.id(), event, ORDERED).await.expect("it waits");
            let refused = held.report(memory.world(), report("second")).await;
            let Err(Trouble::Store(StoreError::Refused { refusal, .. })) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(refusal, Refusal::AlreadyEnded { status, at: Some(ORDERED) });
            let names = memory.world().locks.index().await.expect("it works");
            assert_eq!(names.locked, [], "it is put away");
        }
    }

    #[tokio::test]
    async fn a_report_that_comes_after_a_guess_is_late_also_where_the_task_waited_before() {
        let memory = MemoryWorld::holding([testing::queued_task()]);
        let id = testing::queued_task().id().clone();
        let lost =
            Event::Ended { ending: Ending::failed(Reason::Lost, "x"), exit: None, next: None };
        memory.store.apply(&id, lost, ORDERED).await.expect("it waits");
        let completed = complete(memory.world(), &id, report("found")).await.expect("it is kept");
        assert!(completed.late);
        assert_eq!(completed.task.progress().late_result.as_deref(), Some("found"));
    }
}
