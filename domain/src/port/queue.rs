//! The queue: which tasks wait, in which order, and the gate, the one lock under which slots are taken.
//!
//! A task that waits costs no process. The queue holds names and order only; what a task is, and
//! whether it still waits, its record says. Names are made and removed under the life lock of their
//! task; the [`Gate`] is only for taking slots. Nothing here decides which task is admitted.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;

use super::Fault;
use crate::plan::queue::admission::Limits;
use crate::task::{Task, TaskId};

/// Keeps the queue.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Queue: Send + Sync {
    /// The tasks that wait, in the order in which they are considered: higher priority first, then
    /// first come.
    ///
    /// MUST cost one listing and nothing for tasks that do not wait.
    ///
    /// # Errors
    /// [`Fault`] if the queue cannot be read.
    async fn waiting(&self) -> Result<Vec<Waiting>, Fault>;

    /// Whether nobody waits.
    ///
    /// MUST read no more of the queue than that takes.
    ///
    /// # Errors
    /// [`Fault`] if the queue cannot be read.
    async fn is_empty(&self) -> Result<bool, Fault> {
        Ok(self.waiting().await?.is_empty())
    }

    /// Removes the name of a task, which follows from its record. Nothing happens if there is none.
    ///
    /// MUST need no gate, and MUST cost no listing.
    ///
    /// # Errors
    /// [`Fault`] if the name is there and cannot be removed.
    async fn withdraw(&self, task: &Task) -> Result<(), Fault>;

    /// Puts a recorded task into the queue: behind tasks of a higher priority, and tasks of the same
    /// priority that were ordered before. Nothing happens if it is there already.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be put there.
    async fn enter(&self, task: &Task) -> Result<(), Fault>;

    /// Removes a name that was listed. Nothing happens if it is not there any more.
    ///
    /// # Errors
    /// [`Fault`] if it is there and cannot be removed.
    async fn leave(&self, waiting: &Waiting) -> Result<(), Fault>;

    /// Whether admission is paused.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be told.
    async fn is_paused(&self) -> Result<bool, Fault>;

    /// Pauses admission, or resumes it.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be recorded.
    async fn set_paused(&self, paused: bool) -> Result<(), Fault>;

    /// Takes the gate; `None` if another process held it for as long as `patience`.
    ///
    /// At most one process MUST hold it, and it MUST be freed however the holder dies.
    ///
    /// # Errors
    /// [`Fault`] if the lock cannot be used at all.
    async fn gate(&self, patience: Duration) -> Result<Option<Box<dyn Gate>>, Fault>;

    /// Who holds the gate at this moment, as in "process 12 (`task-bg wait`)"; empty where nobody does, or
    /// that cannot be told. For the words of whoever waited in vain.
    fn gate_holder(&self) -> String {
        String::new()
    }

    /// How many tasks may run at once, as set at this moment.
    fn limits(&self) -> Limits;
}

/// The lock under which slots are taken. Dropping it frees it.
#[must_use = "dropping the gate frees the lock"]
pub trait Gate: Send + Sync {}

/// A task that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: TaskId,
    /// Whether the task waits for more than a slot: other tasks, a moment, or a release.
    pub conditional: bool,
    /// How many tasks its launcher lets run at once, as far as the queue knows; its record says it in any case.
    pub at_most: Option<usize>,
    /// The name of its entry in the queue, which only the queue interprets.
    pub entry: String,
}
