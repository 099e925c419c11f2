//! A store in memory, for tests of use cases. It keeps the contract of the real one, and never breaks
//! down.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::port::{StoreError, TaskStore, Unended};
use crate::task::{
    Event, Listing, Query, Refusal, Report, SessionId, Status, Task, TaskId, TaskName, Timestamp,
};

/// A store that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tasks: Mutex<BTreeMap<TaskId, Task>>,
    changes: AtomicU64,
    loads: AtomicU64,
}

impl MemoryStore {
    /// A store that holds `tasks`.
    pub fn holding(tasks: impl IntoIterator<Item = Task>) -> Self {
        let tasks = tasks.into_iter().map(|task| (task.id().clone(), task)).collect();
        Self { tasks: Mutex::new(tasks), changes: AtomicU64::new(0), loads: AtomicU64::new(0) }
    }

    /// Every record.
    pub fn all(&self) -> Vec<Task> {
        self.tasks().values().cloned().collect()
    }

    /// How often a change was asked for.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// How often a record was read alone.
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    fn changing(&self) -> MutexGuard<'_, BTreeMap<TaskId, Task>> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.tasks()
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<TaskId, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TaskStore for MemoryStore {
    async fn create(&self, task: &Task) -> Result<(), StoreError> {
        let mut tasks = self.changing();
        if tasks.contains_key(task.id()) {
            return Err(StoreError::Exists { id: task.id().clone() });
        }
        tasks.insert(task.id().clone(), task.clone());
        Ok(())
    }

    async fn create_untold(&self, task: &Task) -> Result<(), StoreError> {
        // The power does not fail in memory.
        self.create(task).await
    }

    async fn make_durable(&self, _ids: &[TaskId]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self, id: &TaskId) -> Result<Task, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.tasks().get(id).cloned().ok_or_else(|| StoreError::NotFound { id: id.clone() })
    }

    async fn apply(&self, id: &TaskId, event: Event, at: Timestamp) -> Result<Task, StoreError> {
        let mut tasks = self.changing();
        let task = tasks.get_mut(id).ok_or_else(|| StoreError::NotFound { id: id.clone() })?;
        let applied = task
            .clone()
            .apply(event, at)
            .map_err(|refusal| StoreError::Refused { id: id.clone(), refusal })?;
        *task = applied.task.clone();
        Ok(applied.task)
    }

    async fn list(&self, query: &Query) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for task in self.tasks().values().rev() {
            if query.counts(task.outline()) {
                listing.tally.add(task.status());
            }
            if query.shows(task.outline()) {
                if query.limit.is_some_and(|limit| listing.tasks.len() >= limit) {
                    listing.omitted += 1;
                } else {
                    listing.tasks.push(task.clone());
                }
            }
        }
        Ok(listing)
    }

    async fn matching(&self, prefix: &str, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        let tasks = self.tasks();
        if let Some(id) = tasks.keys().find(|id| id.as_str() == prefix) {
            return Ok(alloc::vec![id.clone()]);
        }
        let fits = tasks.keys().filter(|id| id.as_str().starts_with(prefix));
        Ok(fits.take(limit).cloned().collect())
    }

    async fn newest(&self, count: usize) -> Result<Vec<TaskId>, StoreError> {
        Ok(self.tasks().keys().rev().take(count).cloned().collect())
    }

    async fn named(&self, name: &TaskName) -> Result<Option<TaskId>, StoreError> {
        let tasks = self.tasks();
        let mut named =
            tasks.values().rev().filter(|task| task.order().name.as_ref() == Some(name));
        Ok(named.next().map(|task| task.id().clone()))
    }

    async fn in_session(&self, session: &SessionId) -> Result<Vec<TaskId>, StoreError> {
        let tasks = self.tasks();
        let fits = tasks.values().filter(|task| task.works_in(session));
        Ok(Task::meant_by_report(fits.cloned()))
    }

    async fn put_off(&self, _id: &TaskId, _report: &Report) -> Result<(), StoreError> {
        // Nobody holds a lock in memory for long.
        Ok(())
    }

    async fn put_off_report(&self, _id: &TaskId) -> Option<Report> {
        None
    }

    async fn unended(&self) -> Result<Vec<Unended>, StoreError> {
        let tasks = self.tasks();
        let unended = tasks.values().filter(|task| !task.status().is_ended());
        Ok(unended.map(|task| (task.id().clone(), Ok(task.clone()))).collect())
    }

    async fn remove(&self, id: &TaskId) -> Result<(), StoreError> {
        let mut tasks = self.changing();
        match tasks.get(id) {
            None => Err(StoreError::NotFound { id: id.clone() }),
            Some(task) if !task.status().is_ended() => {
                Err(StoreError::Refused { id: id.clone(), refusal: Refusal::NotEnded })
            }
            Some(_) => {
                tasks.remove(id);
                Ok(())
            }
        }
    }

    async fn retract(&self, id: &TaskId) -> Result<(), StoreError> {
        let mut tasks = self.changing();
        match tasks.get(id).map(Task::status) {
            None => Err(StoreError::NotFound { id: id.clone() }),
            Some(Status::Queued) => {
                tasks.remove(id);
                Ok(())
            }
            Some(_) => {
                Err(StoreError::Refused { id: id.clone(), refusal: Refusal::AlreadyStarted })
            }
        }
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_contract;

    #[tokio::test]
    async fn the_memory_store_keeps_the_contract() {
        store_contract::check_all(&|| MemoryStore::default()).await;
    }
}
