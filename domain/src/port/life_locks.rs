//! Life locks: whether a running task has a supervisor, told by the kernel and not by process numbers.
//!
//! From the launch of a running task until its ending is recorded, some process holds its life lock.
//! The kernel frees the lock however the holder dies. Nothing here reads a record, so nothing here
//! knows whether a task has ended. Main types: [`LifeLocks`], [`Claim`], [`Index`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::any::Any;
use core::time::Duration;

use super::Fault;
use crate::plan::reconcile::Custody;
use crate::task::TaskId;

/// Looks at life locks, claims them and removes them.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait LifeLocks: Send + Sync {
    /// Who holds the life lock of the task.
    ///
    /// MUST NOT wait, and MUST NOT make anybody's claim fail.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be found out.
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault>;

    /// What the folder of the life locks holds, by name alone.
    ///
    /// MUST cost nothing for tasks that have finished. MUST NOT fail because of a single entry.
    ///
    /// # Errors
    /// [`Fault`] if the folder cannot be listed.
    async fn index(&self) -> Result<Index, Fault>;

    /// Whether more than `many` tasks have a life lock. For whoever need not know which, and lives for long: what lists
    /// names MUST stop there.
    ///
    /// # Errors
    /// [`Fault`] if the folder cannot be listed.
    async fn has_more_than(&self, many: usize) -> Result<bool, Fault> {
        Ok(self.index().await?.locked.len() > many)
    }

    /// Takes the life lock of a task; `None` if another process holds it.
    ///
    /// MUST take over a lock that is free, and MUST make one that is absent. MUST succeed where other
    /// processes only probe the lock at the same time.
    ///
    /// # Errors
    /// [`Fault`] if the lock cannot be probed or made.
    async fn claim(&self, id: &TaskId) -> Result<Option<Box<dyn Claim>>, Fault>;

    /// Removes the life lock of a task that has ended or vanished, with all that was kept for the
    /// task: both environments and the instructions.
    ///
    /// MUST leave everything where it is if somebody holds the lock.
    ///
    /// # Errors
    /// [`Fault`] if the lock is free and something cannot be removed. A repeated call completes it.
    async fn retire(&self, id: &TaskId) -> Result<(), Fault>;

    /// Notes that the host keeps something for an ended task that cannot be removed yet, by which the next repair finds it.
    /// It need not be durable: nothing of that outlives the machine.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be noted.
    async fn note_remains(&self, id: &TaskId) -> Result<(), Fault>;

    /// Forgets that note, if there is one.
    ///
    /// # Errors
    /// [`Fault`] if it is there and cannot be removed.
    async fn forget_remains(&self, id: &TaskId) -> Result<(), Fault>;

    /// Who holds the life lock of the task, in words; empty where nobody does or that cannot be told. Only to be said:
    /// nothing may follow from it.
    fn holder(&self, id: &TaskId) -> String;

    /// Begins to watch the life locks of `ids`.
    ///
    /// # Errors
    /// [`Fault`] if they cannot be watched.
    async fn watch(&self, ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault>;
}

/// What the folder of the life locks holds, by name alone. Each list is in no particular order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The tasks that have a life lock, held or free: those that run, are being started or concluded,
    /// or have lost the process that did so.
    pub locked: Vec<TaskId>,
    /// The tasks whose environment is kept: those that wait, or are being started.
    pub kept: Vec<TaskId>,
    /// The tasks for whose next attempt an environment is kept.
    pub again: Vec<TaskId>,
    /// The tasks for whose agents instructions are kept.
    pub instructed: Vec<TaskId>,
    /// The tasks that a cluster runs, or is to run.
    pub jobs: Vec<TaskId>,
    /// The ended tasks for which the host keeps something that could not be removed yet.
    pub remains: Vec<TaskId>,
}

impl Index {
    /// Every task that is locked, or for which or for whose next attempt an environment is kept;
    /// sorted, each once.
    pub fn unfinished(&self) -> Vec<TaskId> {
        let mut ids: Vec<TaskId> =
            self.locked.iter().chain(&self.kept).chain(&self.again).cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// What came of making the name of a life lock again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It is there, or not to be made.
    Settled,
    /// It is gone, and so may all of the store be in a moment: ask again a little later.
    Later,
}

/// A held life lock.
///
/// Dropping it MUST free the lock and remove its name if that is still its own; it MUST NOT remove
/// anything that is kept for the task.
#[must_use = "dropping a claim frees the life lock"]
pub trait Claim: Send {
    /// The task whose life lock it is.
    fn id(&self) -> &TaskId;

    /// Whether the lock was made by this claim: before, nothing had its name.
    fn is_new(&self) -> bool;

    /// What a process that is started for the task inherits: for tasks of this machine an open file
    /// (`std::fs::File`). From then on the lock lives as long as that file is open anywhere, and
    /// its name stays.
    fn hand_over(self: Box<Self>) -> Box<dyn Any + Send>;

    /// Makes the name of the lock again if somebody removed it: other processes find the task by that
    /// name. Does nothing where the name is there, even if it names a lock of another process.
    ///
    /// MUST make nothing where all of the store may just be about to be removed: the name went after the last call, or
    /// something else did meanwhile. The caller asks again then.
    ///
    /// # Errors
    /// [`Fault`] if the name cannot be made.
    fn renew(&mut self) -> Result<Renewal, Fault>;

    /// Frees the lock and leaves its name, by which the next repair finds the task.
    fn leave(self: Box<Self>);

    /// Removes the lock with all that was kept for the task, which has ended or has no record, and
    /// frees it.
    ///
    /// # Errors
    /// [`Fault`] if something cannot be removed. The lock is free then, and
    /// [`LifeLocks::retire`] completes it.
    fn retire(self: Box<Self>) -> Result<(), Fault>;
}

/// A watch over some life locks.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Watch: Send {
    /// Waits until a watched lock becomes free, a watched task has ended, or a record changes, at most this long.
    ///
    /// MUST wake at once when the store records that a watched task has ended, and when the lock of one becomes free
    /// of the first that were included; within 1.2 s when that of another one becomes free, and of any change of a
    /// record by other programs. MUST NOT miss what happened between two calls.
    async fn next(&mut self, at_most: Duration) -> Woken;

    /// Watches the life lock of one more task.
    async fn include(&mut self, id: &TaskId);

    /// Tells of the end of one more task as well, whose life lock nobody holds yet, where it hears of it.
    async fn expect(&mut self, id: &TaskId);
}

/// Why a watch woke up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The life lock of this task became free, or was never there.
    Released(TaskId),
    /// The record of this task says that it has ended; its life lock may be held.
    Ended(TaskId),
    /// Some record changed.
    Changed,
    /// Nothing happened for as long as was allowed.
    TimedOut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_locked_or_keeps_an_environment_is_unfinished_and_named_once() {
        let ids = |names: &[&str]| -> Vec<TaskId> {
            names.iter().map(|name| TaskId::parse(name).expect("an id")).collect()
        };
        let index = Index {
            locked: ids(&["bg_3", "bg_1"]),
            kept: ids(&["bg_2"]),
            again: ids(&["bg_3", "bg_0"]),
            instructed: ids(&["bg_9"]),
            remains: ids(&["bg_8"]),
            ..Index::default()
        };
        assert_eq!(index.unfinished(), ids(&["bg_0", "bg_1", "bg_2", "bg_3"]));
    }
}
