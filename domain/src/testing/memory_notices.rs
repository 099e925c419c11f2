//! Notices in memory, for tests of use cases. They fail only where a test makes them read-only.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::port::{Fault, NoticeBatch, Notices};
use crate::task::notice::{Mark, Stage};
use crate::task::{SessionId, TaskId};

/// Notices that are forgotten when this is dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryNotices {
    index: Arc<Mutex<Index>>,
}

#[derive(Debug, Default)]
struct Index {
    entries: BTreeMap<(SessionId, TaskId), Stage>,
    taken: BTreeSet<SessionId>,
    read_only: bool,
}

struct Taken {
    notices: MemoryNotices,
    parent: SessionId,
    entries: Vec<(TaskId, Stage)>,
}

impl MemoryNotices {
    /// Notices with these entries.
    pub fn holding(entries: impl IntoIterator<Item = (SessionId, TaskId, Stage)>) -> Self {
        let notices = Self::default();
        let entries = entries.into_iter().map(|(parent, id, stage)| ((parent, id), stage));
        notices.index().entries.extend(entries);
        notices
    }

    /// Marks an entry as ended, as a store does when the task ends.
    pub fn ended(&self, parent: &SessionId, id: &TaskId) {
        self.index().entries.insert((parent.clone(), id.clone()), Stage::Ended);
    }

    /// Lets no mark be made any more, or lets it again, as on a disk that is mounted read-only.
    pub fn read_only(&self, so: bool) {
        self.index().read_only = so;
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Notices for MemoryNotices {
    async fn take(&self, parent: &SessionId) -> Result<Option<Box<dyn NoticeBatch>>, Fault> {
        let mut index = self.index();
        let of_parent = index.entries.iter().filter(|((of, _), _)| of == parent);
        let entries: Vec<_> = of_parent.map(|((_, id), stage)| (id.clone(), *stage)).collect();
        if entries.is_empty() || !index.taken.insert(parent.clone()) {
            return Ok(None);
        }
        Ok(Some(Box::new(Taken { notices: self.clone(), parent: parent.clone(), entries })))
    }

    async fn collected(&self, parent: &SessionId, id: &TaskId) -> Result<(), Fault> {
        self.index().entries.remove(&(parent.clone(), id.clone()));
        Ok(())
    }
}

#[async_trait]
impl NoticeBatch for Taken {
    fn entries(&self) -> &[(TaskId, Stage)] {
        &self.entries
    }

    fn takes_marks(&self) -> bool {
        !self.notices.index().read_only
    }

    fn was_named(&self, id: &TaskId) -> bool {
        let entry = (self.parent.clone(), id.clone());
        self.notices.index().entries.get(&entry) == Some(&Stage::Named)
    }

    fn was_told(&self, _id: &TaskId) -> bool {
        // In memory, every entry can be removed.
        false
    }

    async fn mark(&self, id: &TaskId, mark: Mark) -> Result<(), Fault> {
        let (mut index, entry) = (self.notices.index(), (self.parent.clone(), id.clone()));
        if index.read_only {
            return Err(Fault::of("marking", "read-only"));
        }
        match mark {
            Mark::Named => index.entries.insert(entry, Stage::Named),
            Mark::Told => index.entries.insert(entry, Stage::Told),
            Mark::Settled => index.entries.remove(&entry),
        };
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.notices.index().taken.remove(&self.parent);
    }
}
