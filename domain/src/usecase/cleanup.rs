//! `cleanup`: forgetting what is only derived and, if asked, removing ended tasks.

use alloc::vec::Vec;
use core::time::Duration;

use super::Trouble;
use crate::port::{Clock, StoreError, TaskStore};
use crate::task::{Query, Status, Task, TaskId, Unreadable};

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
    /// Entries that cannot be read; they are never removed.
    pub unreadable: Vec<Unreadable>,
}

/// Sweeps the store; with a `removal`, removes ended tasks too.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn cleanup(
    store: &dyn TaskStore,
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
    for task in listing.tasks.iter().filter(|task| task.status().is_ended() && old_enough(task)) {
        match store.remove(task.id()).await {
            Ok(()) => cleaned.removed.push(task.id().clone()),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => cleaned.kept.push((task.id().clone(), error)),
        }
    }
    Ok(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Ending;
    use crate::task::Event;
    use crate::testing::{self, ManualClock, MemoryStore};

    #[tokio::test]
    async fn only_ended_tasks_that_are_old_enough_are_removed() {
        let ending = Ending::Completed { result: "done".into() };
        let ended =
            testing::running_task().apply(Event::Ended { ending, exit: None }, testing::ORDERED);
        let ended = ended.expect("it ran").task;
        let running = testing::foreign_running_task();
        let store = MemoryStore::holding([ended.clone(), running]);
        let clock = ManualClock::at(testing::ORDERED);
        let removal = Removal { older_than: Some(Duration::from_secs(60)), status: None };
        let early = cleanup(&store, &clock, Some(removal)).await.expect("cleaned");
        assert_eq!(early.removed, []);
        clock.advance(Duration::from_secs(60));
        let late = cleanup(&store, &clock, Some(removal)).await.expect("cleaned");
        assert_eq!(late.removed, [ended.id().clone()]);
    }
}
