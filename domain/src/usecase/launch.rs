//! `launch` and `run`: from an order to a running task, or a clear word why not.
//!
//! The life lock is taken before there is a record and the record is durable before there is a
//! process, so that at no moment a running task is unlocked or a process unrecorded.

use crate::port::{
    Clock, Entropy, Fault, LaunchFailure, Launcher, LifeLocks, OutputLog, StoreError, TaskStore,
};
use crate::task::{Ending, Event, Order, Reason, Task, TaskId};

/// Why a task could not be launched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The life lock could not be taken.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It was recorded, but its agent could not be started.
    #[error("could not launch task {id}")]
    NotStarted {
        /// The task, which has ended as an error.
        id: TaskId,
        /// Why.
        #[source]
        failure: LaunchFailure,
    },
}

/// Launches a task and returns it as it is once its agent runs.
///
/// # Errors
/// [`LaunchError`]; where the task was recorded by then, it has ended.
pub async fn launch(
    store: &dyn TaskStore,
    launcher: &dyn Launcher,
    locks: &dyn LifeLocks,
    logs: &dyn OutputLog,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
    order: Order,
) -> Result<Task, LaunchError> {
    let now = clock.now();
    let [a, b, c, ..] = entropy.bytes();
    let id = TaskId::mint(now, [a, b, c]);
    let task = Task::ordered(id.clone(), order, Some(logs.location(&id)), now);
    let seat = launcher.prepare(&id).await?;
    store.create(&task).await?;
    match seat.start().await {
        Ok(()) => Ok(store.load(&id).await?),
        Err(failure) => {
            let ending = Ending::failed(Reason::LaunchFailed, alloc::format!("{failure}"));
            let event = Event::Ended { ending, exit: None };
            match store.apply(&id, event, clock.now()).await {
                // The supervisor may have recorded it itself.
                Ok(_) | Err(StoreError::Refused { .. }) => locks.retire(&id).await?,
                Err(error) => return Err(error.into()),
            }
            Err(LaunchError::NotStarted { id, failure })
        }
    }
}
