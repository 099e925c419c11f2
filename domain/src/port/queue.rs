//! The queue: which tasks wait, in which order, and the one lock under which they are let in.
//!
//! A task that waits costs no process. The queue holds names and order only; what a task is, and
//! whether it still waits, its record says.

use alloc::boxed::Box;
use alloc::vec::Vec;
use async_trait::async_trait;

use super::Fault;
use crate::plan::admission::Limits;
use crate::task::{Task, TaskId};

/// Keeps the queue.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Queue: Send + Sync {
    /// Puts a recorded task in its place: higher priority first, then first come, first served.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be put there.
    async fn enter(&self, task: &Task) -> Result<(), Fault>;

    /// Takes a task out; nothing happens if it is not there.
    ///
    /// # Errors
    /// [`Fault`] if it is there and cannot be taken out.
    async fn leave(&self, id: &TaskId) -> Result<(), Fault>;

    /// Who waits, first come first. MUST cost nothing for tasks that do not wait.
    ///
    /// # Errors
    /// [`Fault`] if the queue cannot be read.
    async fn waiting(&self) -> Result<Vec<Waiting>, Fault>;

    /// Whether nobody is let in for now.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be told.
    async fn is_paused(&self) -> Result<bool, Fault>;

    /// Lets nobody in from now on, or lets them in again.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be recorded.
    async fn set_paused(&self, paused: bool) -> Result<(), Fault>;

    /// Takes the lock under which tasks are let in. MUST be held by one at a time, and MUST be
    /// freed however the holder dies.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be had in time.
    async fn gate(&self) -> Result<Box<dyn Gate>, Fault>;

    /// How many may run at once.
    fn limits(&self) -> &Limits;
}

/// The lock under which tasks are let in. Dropping it frees it.
#[must_use = "dropping the gate opens it for others"]
pub trait Gate: Send {}

/// A task that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: TaskId,
    /// Whether there is more to wait for than room: other tasks, a moment, or a release.
    pub conditional: bool,
}
