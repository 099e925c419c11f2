//! What parents have not been told yet: an index from a parent to the tasks it launched.
//!
//! An entry begins with the launch of a task that has a parent and goes when its parent knows all.
//! Only the index is kept here; the words are decided in [`crate::plan::notice`], and whether
//! a task has really ended is in its record.

use alloc::boxed::Box;
use async_trait::async_trait;

use super::Fault;
use crate::task::notice::{Mark, Stage};
use crate::task::{SessionId, TaskId};

/// Looks after what parents have not been told yet.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Notices: Send + Sync {
    /// Takes hold of what `parent` has not been told; `None` if there is nothing, or somebody else
    /// kept hold of it for too long.
    ///
    /// MUST cost nothing for tasks of other parents. MUST NOT let two hold it at once. MUST let go
    /// of it however the holder dies, with everything as it was marked by then.
    ///
    /// # Errors
    /// [`Fault`] if the index cannot be read.
    async fn take(&self, parent: &SessionId) -> Result<Option<Box<dyn NoticeBatch>>, Fault>;

    /// Notes that `parent` has seen for itself how the task fared: nothing is left to tell.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be noted.
    async fn collected(&self, parent: &SessionId, id: &TaskId) -> Result<(), Fault>;
}

/// What one parent has not been told, in the hands of one teller. Dropping it lets go.
#[async_trait]
pub trait NoticeBatch: Send {
    /// The tasks, oldest first, with how far telling of each has come.
    fn entries(&self) -> &[(TaskId, Stage)];

    /// Notes a step.
    ///
    /// MUST NOT leave a task untold that was told: where [`Mark::Told`] cannot be noted, it counts as
    /// [`Mark::Settled`].
    ///
    /// # Errors
    /// [`Fault`] if it cannot be noted.
    async fn mark(&self, id: &TaskId, mark: Mark) -> Result<(), Fault>;
}
