//! What parents have not been told yet: an index from a parent to the tasks it launched.
//!
//! An entry is made with the launch of a task that has a parent and removed once the parent knows all.
//! Never decides the words ([`crate::plan::notice`] does), nor whether a task has ended (its record
//! says).

use alloc::boxed::Box;
use async_trait::async_trait;

use super::Fault;
use crate::task::notice::{Mark, Stage};
use crate::task::{SessionId, TaskId};

/// Keeps what parents have not been told yet.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Notices: Send + Sync {
    /// Locks the entries of `parent`; `None` if there are none, or another process held the lock for
    /// too long.
    ///
    /// MUST cost nothing for tasks of other parents. At most one process MUST hold the lock. It MUST be
    /// freed however the holder dies, and every mark made by then MUST stay.
    ///
    /// # Errors
    /// [`Fault`] if the index cannot be read.
    async fn take(&self, parent: &SessionId) -> Result<Option<Box<dyn NoticeBatch>>, Fault>;

    /// Records that `parent` has seen the ending of the task for itself: nothing is left to tell.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be recorded.
    async fn collected(&self, parent: &SessionId, id: &TaskId) -> Result<(), Fault>;
}

/// The locked entries of one parent. Dropping the batch frees the lock.
#[async_trait]
pub trait NoticeBatch: Send {
    /// The tasks, oldest first, with how far telling of each has come.
    fn entries(&self) -> &[(TaskId, Stage)];

    /// Whether the task was named as one that has not ended ([`Mark::Named`]), also where more was marked since.
    fn was_named(&self, id: &TaskId) -> bool;

    /// Whether marks can be made now: on a store that is read-only they cannot.
    ///
    /// MUST be asked before something is told that is to be told once; MUST cost no more than one look.
    fn takes_marks(&self) -> bool;

    /// Whether the task was told of to the end although it is still among the entries: its entry could not be removed.
    fn was_told(&self, id: &TaskId) -> bool;

    /// Records a step.
    ///
    /// MUST NOT keep a told task as untold: where [`Mark::Told`] cannot be recorded, MUST record
    /// [`Mark::Settled`].
    ///
    /// # Errors
    /// [`Fault`] if it cannot be recorded.
    async fn mark(&self, id: &TaskId, mark: Mark) -> Result<(), Fault>;
}
