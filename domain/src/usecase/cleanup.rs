//! `cleanup`: forgetting what is only derived and, if asked, removing ended tasks.
//!
//! A task's worktree goes with it, unless something in it would be lost; then the task stays too, so
//! that its record still names the worktree.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::Trouble;
use crate::plan::reconcile::Custody;
use crate::port::worktrees::{Removal as Fate, Worktrees};
use crate::port::{Clock, LifeLocks, StoreError, TaskStore};
use crate::task::{Query, Status, Task, TaskId, Unreadable, Worktree};

/// Which ended tasks to remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Only those that ended at least so long ago.
    pub older_than: Option<Duration>,
    /// Only those with this status.
    pub status: Option<Status>,
}

/// What was cleaned up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// How many derived entries were removed that belonged to no task any more.
    pub swept: usize,
    /// The tasks that were removed, with all their files.
    pub removed: Vec<TaskId>,
    /// The tasks that should have been removed and were not, with why.
    pub kept: Vec<(TaskId, StoreError)>,
    /// The tasks that are still there because of what is in their worktrees.
    pub worktrees_kept: Vec<WorktreeKept>,
    /// Entries that cannot be read; they are never removed.
    pub unreadable: Vec<Unreadable>,
}

/// A worktree in which something would have been lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorktreeKept {
    /// The task it was made for.
    pub id: TaskId,
    /// The worktree.
    pub worktree: Worktree,
    /// Why it was kept.
    pub why: String,
}

/// Sweeps the store; with a `removal`, removes ended tasks too.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn cleanup(
    store: &dyn TaskStore,
    locks: &dyn LifeLocks,
    worktrees: &dyn Worktrees,
    clock: &dyn Clock,
    removal: Option<Removal>,
) -> Result<Cleaned, Trouble> {
    let mut cleaned = Cleaned { swept: store.sweep().await?, ..Cleaned::default() };
    let Some(removal) = removal else { return Ok(cleaned) };
    let now = clock.now();
    let listing = store.list(&Query { status: removal.status, ..Query::default() }).await?;
    cleaned.unreadable = listing.unreadable;
    let old_enough = |task: &Task| {
        let ended = task.state().ended_at().or(task.progress().last_update);
        removal.older_than.is_none_or(|age| ended.is_some_and(|ended| now.since(ended) >= age))
    };
    let in_use = in_use(store).await?;
    for task in listing.tasks.iter().filter(|task| task.status().is_ended() && old_enough(task)) {
        if let Some(worktree) = &task.order().worktree {
            let why = if in_use.contains(&worktree.path) {
                Some("another task still works in it".to_owned())
            } else if locks.custody(task.id()).await? == Custody::Held {
                Some("its agent still works in it".to_owned())
            } else {
                match worktrees.remove_if_clean(worktree).await {
                    Ok(Fate::Removed) => None,
                    Ok(Fate::Kept(why)) => Some(why),
                    Err(fault) => Some(alloc::format!("{fault}")),
                }
            };
            if let Some(why) = why {
                let (id, worktree) = (task.id().clone(), worktree.clone());
                cleaned.worktrees_kept.push(WorktreeKept { id, worktree, why });
                continue;
            }
        }
        match store.remove(task.id()).await {
            Ok(()) => cleaned.removed.push(task.id().clone()),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => cleaned.kept.push((task.id().clone(), error)),
        }
    }
    Ok(cleaned)
}

/// The worktrees of tasks that have not ended: a later attempt may work in that of an earlier one.
async fn in_use(store: &dyn TaskStore) -> Result<Vec<String>, Trouble> {
    let mut paths = Vec::new();
    for status in [Status::Running, Status::Queued] {
        let query = Query { status: Some(status), ..Query::default() };
        let unfinished = store.list(&query).await?.tasks;
        let worktrees = unfinished.iter().filter_map(|task| task.order().worktree.as_ref());
        paths.extend(worktrees.map(|worktree| worktree.path.clone()));
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::life_locks::MockLifeLocks;
    use crate::port::worktrees::MockWorktrees;
    use crate::task::{Ending, Event, Order, Recorded};
    use crate::testing::{self, ManualClock, MemoryStore};

    fn ended(order: Order) -> Task {
        let running = testing::running_task();
        let parts = Recorded {
            id: running.id().clone(),
            order,
            state: running.state().clone(),
            queued_at: running.queued_at(),
            started_at: running.started_at(),
            progress: running.progress().clone(),
        };
        let ending = Ending::Completed { result: "done".into() };
        let event = Event::Ended { ending, exit: None };
        Task::recorded(parts).apply(event, testing::ORDERED).expect("it ran").task
    }

    fn isolated() -> Order {
        let [path, branch, base, repository] = ["/w/1", "task-bg/1", "c0ffee", "/r"];
        let worktree = Worktree {
            path: path.into(),
            branch: branch.into(),
            base: base.into(),
            repository: repository.into(),
        };
        Order { worktree: Some(worktree), ..testing::order() }
    }

    fn free() -> MockLifeLocks {
        let mut locks = MockLifeLocks::new();
        locks.expect_custody().returning(|_| Ok(Custody::Absent));
        locks
    }

    #[tokio::test]
    async fn only_ended_tasks_that_are_old_enough_are_removed() {
        let ended = ended(testing::order());
        let running = testing::foreign_running_task();
        let store = MemoryStore::holding([ended.clone(), running]);
        let (clock, worktrees) = (ManualClock::at(testing::ORDERED), MockWorktrees::new());
        let removal = Removal { older_than: Some(Duration::from_secs(60)), status: None };
        let early = cleanup(&store, &free(), &worktrees, &clock, Some(removal)).await;
        assert_eq!(early.expect("cleaned").removed, []);
        clock.advance(Duration::from_secs(60));
        let late = cleanup(&store, &free(), &worktrees, &clock, Some(removal)).await;
        assert_eq!(late.expect("cleaned").removed, [ended.id().clone()]);
    }

    #[tokio::test]
    async fn a_task_whose_worktree_is_kept_stays_and_is_named() {
        let ended = ended(isolated());
        let store = MemoryStore::holding([ended.clone()]);
        let clock = ManualClock::at(testing::ORDERED);
        let mut worktrees = MockWorktrees::new();
        worktrees.expect_remove_if_clean().returning(|_| Ok(Fate::Kept("it is dirty".into())));
        let removal = Some(Removal::default());
        let cleaned = cleanup(&store, &free(), &worktrees, &clock, removal).await.expect("cleaned");
        assert_eq!(cleaned.removed, []);
        assert_eq!(cleaned.worktrees_kept[0].why, "it is dirty");
        assert!(store.load(ended.id()).await.is_ok());
    }

    #[tokio::test]
    async fn a_worktree_in_which_somebody_works_is_not_even_looked_at() {
        let ended = ended(isolated());
        let clock = ManualClock::at(testing::ORDERED);
        let untouched = MockWorktrees::new();
        let removal = Some(Removal::default());
        let mut held = MockLifeLocks::new();
        held.expect_custody().returning(|_| Ok(Custody::Held));
        let store = MemoryStore::holding([ended.clone()]);
        let cleaned = cleanup(&store, &held, &untouched, &clock, removal).await.expect("cleaned");
        assert_eq!(cleaned.worktrees_kept.len(), 1);
        let id = TaskId::mint(testing::ORDERED, [7, 7, 7]);
        let next = Task::ordered(id, isolated(), None, testing::ORDERED);
        let store = MemoryStore::holding([ended, next]);
        let cleaned = cleanup(&store, &free(), &untouched, &clock, removal).await.expect("cleaned");
        assert_eq!(cleaned.worktrees_kept.len(), 1);
    }
}
