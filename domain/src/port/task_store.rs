//! The store of records, which alone say what tasks there are and in which state.
//!
//! A store applies events, it does not save tasks: it locks, reads, lets [`Task::apply`] decide and
//! replaces the record whole, so that no update is lost and the first ending wins.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;

use super::{Cause, Fault};
use crate::task::{
    Event, Listing, Query, Refusal, Report, SessionId, Task, TaskId, TaskName, Timestamp,
};

/// A task that has not ended, or why its record cannot be read.
pub type Unended = (TaskId, Result<Task, StoreError>);

/// What became of a store that somebody works over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It is where it was, whether or not it works.
    Here,
    /// It was moved, and was found.
    Moved,
    /// It is there no more, or something else is in its place.
    Gone,
}

/// Keeps the records of tasks.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait TaskStore: Send + Sync {
    /// Records a new task.
    ///
    /// MUST be durable when it returns. MUST NOT replace a record that is there.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be recorded.
    async fn create(&self, task: &Task) -> Result<(), StoreError>;

    /// Records a new task of which nobody is told before its start or its ending is recorded.
    ///
    /// MUST be whole for every reader from the moment it is there. It becomes durable with the next
    /// [`Lasting`](crate::task::Weight::Lasting) change or by [`make_durable`](Self::make_durable); a power cut
    /// before that may lose or tear it. MUST NOT replace a record that is there.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be recorded.
    async fn create_untold(&self, task: &Task) -> Result<(), StoreError>;

    /// Returns when the records of these tasks are durable, as they are now. A record that is gone is none
    /// of them.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if one of them, or their folder, cannot be synced.
    async fn make_durable(&self, ids: &[TaskId]) -> Result<(), StoreError>;

    /// Reads one record.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] or [`StoreError::Unreadable`].
    async fn load(&self, id: &TaskId) -> Result<Task, StoreError>;

    /// Applies an event to a task, and returns the changed task.
    ///
    /// MUST decide through [`Task::apply`] on the current record, with no other change of the record in
    /// between. MUST be durable when it returns if the change is
    /// [`Lasting`](crate::task::Weight::Lasting). MUST NOT change the record if the event is refused,
    /// nor anything in it that the event does not concern.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the task refuses the event in its current state.
    async fn apply(&self, id: &TaskId, event: Event, at: Timestamp) -> Result<Task, StoreError>;

    /// Lists what the store holds, newest first, and what it could not read.
    ///
    /// MUST name every record it could not read and go on with the others.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store as a whole cannot be read.
    async fn list(&self, query: &Query) -> Result<Listing, StoreError>;

    /// Every id that begins with `prefix`, at most `limit` of them; only the id `prefix` itself if a
    /// task has it.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store as a whole cannot be read.
    async fn matching(&self, prefix: &str, limit: usize) -> Result<Vec<TaskId>, StoreError>;

    /// The ids of the newest tasks, at most `count` of them, newest first. What has such an id may turn out to be no
    /// record.
    ///
    /// MUST go by the ids alone, and read no record.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store as a whole cannot be read.
    async fn newest(&self, count: usize) -> Result<Vec<TaskId>, StoreError>;

    /// The newest task of this name; of several that are launched at the same moment, one of them.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store as a whole cannot be read.
    async fn named(&self, name: &TaskName) -> Result<Option<TaskId>, StoreError>;

    /// The tasks that a report about this session means ([`Task::meant_by_report`]), also where another program
    /// recorded them; of those that ended by a guess, the ones that were known before.
    ///
    /// MUST NOT read a record at each call that is of no use.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the index cannot be read.
    async fn in_session(&self, session: &SessionId) -> Result<Vec<TaskId>, StoreError>;

    /// Keeps a report beside the record of a task that cannot be changed now, because somebody else holds its lock for
    /// too long. MUST NOT wait for that lock. A later report takes the place of an earlier one.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it cannot be kept.
    async fn put_off(&self, id: &TaskId, report: &Report) -> Result<(), StoreError>;

    /// The report that was put off, if there is one; it is gone once the life lock of the task is retired.
    async fn put_off_report(&self, id: &TaskId) -> Option<Report>;

    /// The tasks that have not ended, whoever recorded them, oldest first. One that cannot be read now may be one of
    /// them: it comes with why.
    ///
    /// MUST note each one of another program that it sees for the first time for its parent ([`super::Notices`]), as a
    /// launch does. MUST NOT read the record of an ended task at each call.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store as a whole cannot be read.
    async fn unended(&self) -> Result<Vec<Unended>, StoreError>;

    /// Removes an ended task and everything that belongs to it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with [`Refusal::NotEnded`] if it has not ended.
    async fn remove(&self, id: &TaskId) -> Result<(), StoreError>;

    /// Removes the record of a task that was never started and that nobody was told of.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with [`Refusal::AlreadyStarted`] if it is not queued.
    async fn retract(&self, id: &TaskId) -> Result<(), StoreError>;

    /// Removes derived entries that belong to no task any more, and returns how many.
    ///
    /// MUST NOT touch a record, a log, or what a task that has not ended needs.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store cannot be read.
    async fn sweep(&self) -> Result<usize, StoreError>;
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such task.
    #[error("Task not found: {id}")]
    NotFound {
        /// The id asked for.
        id: TaskId,
    },
    /// There is a record, but it cannot be read. It was left unchanged.
    #[error("the record of {id} cannot be read: {reason}")]
    Unreadable {
        /// Which.
        id: TaskId,
        /// Why.
        reason: String,
    },
    /// A task of this id is recorded already.
    #[error("a task named {id} is already recorded")]
    Exists {
        /// Which.
        id: TaskId,
    },
    /// The task refused the event in its current state.
    #[error("task {id} cannot be changed")]
    Refused {
        /// Which.
        id: TaskId,
        /// Why not.
        #[source]
        refusal: Refusal,
    },
    /// The store itself does not work.
    #[error("the store at `{folder}` does not work")]
    Failed {
        /// Its folder.
        folder: String,
        /// What happened.
        #[source]
        failure: StoreFailure,
    },
}

/// The end of a sentence about a lock that is held.
fn held_by(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!("; {holder} holds it") }
}

/// What is wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFailure {
    /// A step on a file failed.
    #[error(transparent)]
    Fault(Fault),
    /// Somebody else held a lock for too long.
    #[error("the lock `{lock}` was not free for {waited_ms} ms{}", held_by(.holder))]
    Busy {
        /// The lock file.
        lock: String,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
        /// Who holds it, as in "process 12 (`task-bg wait`)"; empty where that cannot be told.
        holder: String,
    },
    /// No space is left.
    #[error("no room is left: {0}")]
    Full(Fault),
    /// Nothing can be changed in it: what it lies on is mounted read-only.
    #[error(transparent)]
    ReadOnly(Fault),
}

impl From<Fault> for StoreFailure {
    fn from(fault: Fault) -> Self {
        match fault.cause {
            Cause::ReadOnly => Self::ReadOnly(fault),
            Cause::Exhausted | Cause::Other => Self::Fault(fault),
        }
    }
}
