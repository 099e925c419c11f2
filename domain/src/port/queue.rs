//! The queue: which tasks wait, in which order, and the one lock under which tasks are admitted.
//!
//! A task that waits costs no process. The queue holds names and order only; what a task is, and
//! whether it still waits, its record says. Names come and go under the life lock of their task; the
//! lock of the queue ([`Gate`]) is only for taking slots. Nothing here decides who is admitted.

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
    /// Who waits, in the order in which they are considered: higher priority first, then first come.
    ///
    /// MUST cost one listing and nothing for tasks that do not wait.
    ///
    /// # Errors
    /// [`Fault`] if the queue cannot be read.
    async fn waiting(&self) -> Result<Vec<Waiting>, Fault>;

    /// Takes a task out, by the name that it has by its record. Nothing happens if it is not there.
    ///
    /// MUST need no gate, and MUST cost no listing.
    ///
    /// # Errors
    /// [`Fault`] if the task is there and cannot be taken out.
    async fn withdraw(&self, task: &Task) -> Result<(), Fault>;

    /// Puts a recorded task into the queue: behind those of a higher priority, and behind those of the
    /// same that were ordered before. Nothing happens if it is there.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be put there.
    async fn enter(&self, task: &Task) -> Result<(), Fault>;

    /// Takes out what was listed. Nothing happens if it is not there any more.
    ///
    /// # Errors
    /// [`Fault`] if it is there and cannot be taken out.
    async fn leave(&self, waiting: &Waiting) -> Result<(), Fault>;

    /// Whether nobody is admitted for now.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be told.
    async fn is_paused(&self) -> Result<bool, Fault>;

    /// Admits nobody from now on, or somebody again.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be recorded.
    async fn set_paused(&self, paused: bool) -> Result<(), Fault>;

    /// Takes the lock under which tasks are admitted; `None` if somebody else held it for as long as
    /// `patience`.
    ///
    /// MUST be held by one at a time, and MUST be freed however the holder dies.
    ///
    /// # Errors
    /// [`Fault`] if the lock cannot be used at all.
    async fn gate(&self, patience: Duration) -> Result<Option<Box<dyn Gate>>, Fault>;

    /// How many may run at once, as it is set at this moment.
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
    /// The name of its entry in the queue, which nobody but the queue understands.
    pub entry: String,
}
