//! Life locks and kits in memory, for tests of use cases: one folder, as on disk, with the names of
//! locks beside what is kept for their tasks.
//!
//! A file and its name are kept apart, since a name can be removed, or given to another file, while the
//! file is locked. Nothing here waits: a watch looks once and returns. Main types: [`MemoryLocks`] and
//! [`MemoryKits`](super::MemoryKits), two views of one [`Folder`].

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::any::Any;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::plan::reconcile::Custody;
use crate::port::{Claim, Environment, Fault, Index, LifeLocks, Renewal, Watch, Woken};
use crate::task::TaskId;
use crate::task::droid::Instructions;

/// What the folder holds: names of locks, the files that are locked, and what is kept for tasks.
#[derive(Debug, Default)]
pub struct Folder {
    pub(super) names: BTreeMap<TaskId, u64>,
    held: BTreeSet<u64>,
    made: u64,
    /// Whether a holder of claims is being killed: its locks become free and their names stay.
    dying: bool,
    pub(super) kept: BTreeMap<TaskId, Environment>,
    pub(super) again: BTreeMap<TaskId, Environment>,
    pub(super) instructed: BTreeMap<TaskId, Instructions>,
    remains: BTreeSet<TaskId>,
}

/// A folder that [`MemoryLocks`] and `MemoryKits` share.
pub(super) type Shared = Arc<Mutex<Folder>>;

pub(super) fn open(folder: &Shared) -> MutexGuard<'_, Folder> {
    folder.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Folder {
    fn is_held(&self, id: &TaskId) -> bool {
        self.names.get(id).is_some_and(|file| self.held.contains(file))
    }

    fn custody(&self, id: &TaskId) -> Custody {
        if self.is_held(id) {
            return Custody::Held;
        }
        match (self.kept.contains_key(id), self.names.contains_key(id)) {
            (true, _) => Custody::Waiting,
            (false, true) => Custody::Free,
            (false, false) => Custody::Absent,
        }
    }

    pub(super) fn forget(&mut self, id: &TaskId) {
        self.kept.remove(id);
        self.again.remove(id);
        self.instructed.remove(id);
    }

    fn unlink(&mut self, id: &TaskId, file: u64) {
        if self.names.get(id) == Some(&file) {
            self.names.remove(id);
        }
    }

    /// Takes the lock of this name; `None` if somebody holds it.
    fn seize(&mut self, id: &TaskId) -> Option<u64> {
        if self.is_held(id) {
            return None;
        }
        self.made += 1;
        let file = self.names.get(id).copied().unwrap_or(self.made);
        self.names.insert(id.clone(), file);
        self.held.insert(file);
        Some(file)
    }
}

/// The life locks of a folder in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryLocks {
    pub(super) folder: Shared,
}

impl MemoryLocks {
    /// Takes the life lock of a task, without waiting; `None` if somebody else holds it.
    pub fn take(&self, id: &TaskId) -> Option<Box<dyn Claim>> {
        let mut folder = open(&self.folder);
        let is_new = !folder.names.contains_key(id);
        let file = folder.seize(id)?;
        drop(folder);
        let life = Life { folder: self.folder.clone(), file };
        Some(Box::new(Claimed { id: id.clone(), life: Some(life), is_new }))
    }

    /// The claim of a supervisor that was handed its life lock as `life`; `None` if `life` is no lock
    /// in memory.
    pub fn held(&self, id: &TaskId, life: Box<dyn Any + Send>) -> Option<Box<dyn Claim>> {
        let life = life.downcast::<Life>().ok()?;
        Some(Box::new(Claimed { id: id.clone(), life: Some(*life), is_new: false }))
    }

    /// Leaves a lock that nobody holds, as a killed process does.
    pub fn leave_free(&self, id: &TaskId) {
        self.take(id).into_iter().for_each(Claim::leave);
    }

    /// Keeps an environment, as for a task that waits.
    pub fn keep_waiting(&self, id: &TaskId) {
        open(&self.folder).kept.insert(id.clone(), Environment::default());
    }

    /// Who holds the lock of a task.
    pub fn look(&self, id: &TaskId) -> Custody {
        open(&self.folder).custody(id)
    }

    /// What the folder holds, by name.
    pub fn names(&self) -> Index {
        let folder = open(&self.folder);
        Index {
            locked: folder.names.keys().cloned().collect(),
            kept: folder.kept.keys().cloned().collect(),
            again: folder.again.keys().cloned().collect(),
            instructed: folder.instructed.keys().cloned().collect(),
            jobs: Vec::new(),
            remains: folder.remains.iter().cloned().collect(),
        }
    }

    /// Drops `dies` as a killed process: its locks become free, and their names stay.
    pub fn kill<T>(&self, dies: T) {
        open(&self.folder).dying = true;
        drop(dies);
        open(&self.folder).dying = false;
    }
}

/// An open file that is locked. Dropping it frees the lock; its name stays.
struct Life {
    folder: Shared,
    file: u64,
}

impl Drop for Life {
    fn drop(&mut self) {
        open(&self.folder).held.remove(&self.file);
    }
}

/// A claimed lock; dropping it removes its name too, unless its holder is being killed.
struct Claimed {
    id: TaskId,
    // `None` only once it was given away.
    life: Option<Life>,
    is_new: bool,
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if let Some(life) = &self.life {
            let mut folder = open(&life.folder);
            if !folder.dying {
                folder.unlink(&self.id, life.file);
            }
        }
    }
}

impl Claim for Claimed {
    fn id(&self) -> &TaskId {
        &self.id
    }

    fn is_new(&self) -> bool {
        self.is_new
    }

    fn hand_over(mut self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.life.take().expect("a claim has its file until it is given away"))
    }

    fn renew(&mut self) -> Result<Renewal, Fault> {
        let Some(life) = &self.life else { return Ok(Renewal::Settled) };
        let folder = life.folder.clone();
        if open(&folder).names.get(&self.id) == Some(&life.file) {
            return Ok(Renewal::Settled);
        }
        let anew = open(&folder).seize(&self.id);
        if let Some(file) = anew {
            self.life = Some(Life { folder, file });
        }
        Ok(Renewal::Settled)
    }

    fn leave(mut self: Box<Self>) {
        drop(self.life.take());
    }

    fn retire(mut self: Box<Self>) -> Result<(), Fault> {
        if let Some(life) = self.life.take() {
            let mut folder = open(&life.folder);
            folder.forget(&self.id);
            folder.unlink(&self.id, life.file);
        }
        Ok(())
    }
}

#[async_trait]
impl LifeLocks for MemoryLocks {
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault> {
        Ok(self.look(id))
    }

    async fn index(&self) -> Result<Index, Fault> {
        Ok(self.names())
    }

    async fn claim(&self, id: &TaskId) -> Result<Option<Box<dyn Claim>>, Fault> {
        Ok(self.take(id))
    }

    async fn retire(&self, id: &TaskId) -> Result<(), Fault> {
        let mut folder = open(&self.folder);
        if !folder.is_held(id) {
            folder.forget(id);
            folder.names.remove(id);
        }
        Ok(())
    }

    async fn note_remains(&self, id: &TaskId) -> Result<(), Fault> {
        open(&self.folder).remains.insert(id.clone());
        Ok(())
    }

    async fn forget_remains(&self, id: &TaskId) -> Result<(), Fault> {
        open(&self.folder).remains.remove(id);
        Ok(())
    }

    fn holder(&self, _: &TaskId) -> String {
        // Nobody in memory has a number.
        String::new()
    }

    async fn watch(&self, ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault> {
        Ok(Box::new(Watched { locks: self.clone(), ids: ids.to_vec() }))
    }
}

/// A watch that looks once each time and never blocks.
struct Watched {
    locks: MemoryLocks,
    ids: Vec<TaskId>,
}

#[async_trait]
impl Watch for Watched {
    async fn next(&mut self, _at_most: Duration) -> Woken {
        let free = self.ids.iter().position(|id| self.locks.look(id) != Custody::Held);
        free.map_or(Woken::TimedOut, |free| Woken::Released(self.ids.swap_remove(free)))
    }

    async fn include(&mut self, id: &TaskId) {
        self.ids.push(id.clone());
    }

    // Nobody tells anybody anything here.
    async fn expect(&mut self, _id: &TaskId) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_claim_that_is_dropped_takes_its_name_along_and_one_of_a_killed_holder_does_not() {
        let (locks, task) = (MemoryLocks::default(), testing::queued_task());
        drop(locks.take(task.id()).expect("nobody holds it"));
        assert_eq!(locks.look(task.id()), Custody::Absent);
        locks.kill(locks.take(task.id()));
        assert_eq!(locks.look(task.id()), Custody::Free);
    }

    #[test]
    fn a_lock_that_was_handed_over_is_held_until_its_new_holder_is_gone() {
        let (locks, task) = (MemoryLocks::default(), testing::queued_task());
        let life = locks.take(task.id()).expect("nobody holds it").hand_over();
        assert!(locks.take(task.id()).is_none(), "the supervisor holds it");
        drop(life);
        assert_eq!(locks.look(task.id()), Custody::Free);
    }
}
