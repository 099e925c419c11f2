//! `cancel`: stopping tasks and everything they started.
//!
//! The intent is recorded before any signal is sent, so that it decides the ending whatever the
//! agent still says. A task that has already ended keeps its ending; what is left of it is stopped.

use alloc::vec::Vec;
use core::time::Duration;

use super::end::end;
use super::reconcile::reconcile;
use super::stopping::stop_all;
use super::{Trouble, Witnesses};
use crate::plan::reconcile::Custody;
use crate::port::{Clock, StoreError, TaskStore};
use crate::task::{CancelIntent, Ending, Event, Refusal, Status, Task, TaskId};

/// What became of the tasks that were to be cancelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Those that ended as cancelled by this.
    pub cancelled: Vec<TaskId>,
    /// Those that had ended before and had processes left, which were stopped.
    pub stopped: Vec<TaskId>,
    /// Those that could not be cancelled, with why.
    pub refused: Vec<(TaskId, Trouble)>,
    /// The numbers of processes that are left after all.
    pub survivors: Vec<u32>,
}

/// Cancels all of `ids`, with so much `grace` between the polite signal and the last one.
///
/// Returns when nothing of them is left, or names what is.
///
/// # Errors
/// [`Trouble`] if the system fails as a whole; what concerns one task is in the receipt.
pub async fn cancel(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    ids: &[TaskId],
    grace: Duration,
) -> Result<Cancelled, Trouble> {
    let mut receipt = Cancelled::default();
    let (mut doomed, mut remains) = (Vec::new(), Vec::new());
    for id in ids {
        match doom(store, witnesses, clock, id, grace).await {
            Ok(Doom::ToStop(task)) => doomed.push(task),
            Ok(Doom::Remains(task)) => remains.push(task),
            Ok(Doom::Done) => receipt.cancelled.push(id.clone()),
            Err(trouble) => receipt.refused.push((id.clone(), trouble)),
        }
    }
    let all: Vec<Task> = doomed.iter().chain(&remains).cloned().collect();
    receipt.survivors = stop_all(witnesses, clock, &all, grace).await?;
    for task in &doomed {
        match bury(store, witnesses, clock, task).await? {
            Status::Cancelled => receipt.cancelled.push(task.id().clone()),
            status @ (Status::Queued | Status::Running | Status::Completed | Status::Error) => {
                let refusal = Refusal::AlreadyEnded { status, at: None };
                let refused = StoreError::Refused { id: task.id().clone(), refusal };
                receipt.refused.push((task.id().clone(), refused.into()));
            }
        }
    }
    receipt.stopped = remains.iter().map(|task| task.id().clone()).collect();
    Ok(receipt)
}

enum Doom {
    /// The intent is recorded; its processes are to be stopped.
    ToStop(Task),
    /// It had ended before, and processes of it are left.
    Remains(Task),
    /// It had no process and is cancelled already.
    Done,
}

/// Records the intent, or the ending itself where there is nothing to stop.
async fn doom(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    id: &TaskId,
    grace: Duration,
) -> Result<Doom, Trouble> {
    let task = store.load(id).await?;
    let task = reconcile(store, witnesses, clock, task).await?.task;
    let now = clock.now();
    match task.status() {
        Status::Queued => {
            let event = Event::Ended { ending: Ending::Cancelled, exit: None };
            match store.apply(id, event, now).await {
                Ok(_) => {
                    witnesses.locks.retire(id).await?;
                    Ok(Doom::Done)
                }
                Err(error) => Err(error.into()),
            }
        }
        Status::Running => {
            let intent = Event::CancelRequested(CancelIntent { at: now, grace });
            match store.apply(id, intent, now).await {
                Ok(task) => Ok(Doom::ToStop(task)),
                // Somebody ended it since it was looked at: its agent is to go all the same.
                Err(refused @ StoreError::Refused { .. }) => {
                    let task = store.load(id).await?;
                    if task.status().is_ended() {
                        remains(witnesses, task).await
                    } else {
                        Err(refused.into())
                    }
                }
                Err(error) => Err(error.into()),
            }
        }
        Status::Completed | Status::Error | Status::Cancelled => remains(witnesses, task).await,
    }
}

/// An ended task, if processes of it are left.
async fn remains(witnesses: Witnesses<'_>, task: Task) -> Result<Doom, Trouble> {
    let id = task.id();
    let held = witnesses.locks.custody(id).await? == Custody::Held;
    if held || !witnesses.processes.of_task(id).await.is_empty() {
        return Ok(Doom::Remains(task));
    }
    let refusal = Refusal::AlreadyEnded { status: task.status(), at: task.state().ended_at() };
    Err(StoreError::Refused { id: id.clone(), refusal }.into())
}

/// Sees to it that the cancelled task is recorded as such where no supervisor did.
async fn bury(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    task: &Task,
) -> Result<Status, Trouble> {
    let id = task.id();
    let now = store.load(id).await?;
    if now.status().is_ended() || witnesses.locks.custody(id).await? == Custody::Held {
        return Ok(now.status());
    }
    let ended = end(store, clock, id, Ending::Cancelled).await?;
    witnesses.locks.retire(id).await?;
    Ok(ended.status())
}
