//! Life locks: who is alive, without looking at process numbers, and what to wait on.
//!
//! From launch until its ending is recorded, somebody holds the life lock of a running task. The
//! kernel frees it however the holder dies.

use alloc::boxed::Box;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;

use super::Fault;
use crate::plan::reconcile::Custody;
use crate::task::TaskId;

/// Looks at life locks.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait LifeLocks: Send + Sync {
    /// Who holds the life lock of the task. MUST NOT wait.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be told.
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault>;

    /// Every task that has a life lock, held or free, or waits for one: the index of what has not
    /// finished.
    ///
    /// MUST cost nothing for tasks that have finished.
    ///
    /// # Errors
    /// [`Fault`] if the index cannot be read.
    async fn unfinished(&self) -> Result<Vec<TaskId>, Fault>;

    /// Every task that has a life lock, held or free: what runs, or ran until just now.
    ///
    /// MUST cost nothing for tasks that wait or have finished.
    ///
    /// # Errors
    /// [`Fault`] if the index cannot be read.
    async fn locked(&self) -> Result<Vec<TaskId>, Fault>;

    /// How many supervisors are just handing their place to the next task; each counts as one that
    /// runs.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be told.
    async fn handed_on(&self) -> Result<usize, Fault>;

    /// Removes the life lock of an ended task if nobody holds it, and whatever was kept for its
    /// start.
    ///
    /// MUST NOT remove one that somebody holds.
    ///
    /// # Errors
    /// [`Fault`] if it is free and cannot be removed.
    async fn retire(&self, id: &TaskId) -> Result<(), Fault>;

    /// Begins to watch the life locks of `ids`.
    ///
    /// # Errors
    /// [`Fault`] if they cannot be watched.
    async fn watch(&self, ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault>;
}

/// A watch over some life locks.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Watch: Send {
    /// Waits until a watched lock becomes free or the store changes otherwise, at most this long.
    ///
    /// MUST wake at once when a lock becomes free, and within 0.2 s of any change of a record. MUST
    /// NOT miss what happened between two calls.
    async fn next(&mut self, at_most: Duration) -> Woken;

    /// Watches one more.
    async fn include(&mut self, id: &TaskId);
}

/// Why a watch woke up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The life lock of this task became free, or was never there.
    Released(TaskId),
    /// Some record changed.
    Changed,
    /// Nothing happened for as long as was allowed.
    TimedOut,
}
