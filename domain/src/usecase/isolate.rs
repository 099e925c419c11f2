//! A worktree of its own for a task: made before the task is recorded, and removed again if the task
//! never starts.
//!
//! Nothing is recorded or started here.

use super::Trouble;
use crate::port::worktrees::{Removal, Wanted, WorktreeError, Worktrees};
use crate::port::{StoreError, TaskStore};
use crate::task::{Order, TaskId, Worktree};

/// Makes a worktree, and returns the order with its folder there.
///
/// # Errors
/// [`WorktreeError`] if there can be none; then nothing has changed.
pub async fn isolate(
    worktrees: &dyn Worktrees,
    wanted: &Wanted,
    order: Order,
) -> Result<Order, WorktreeError> {
    let made = worktrees.create(wanted).await?;
    Ok(Order { cwd: Some(made.folder), worktree: Some(made.worktree), ..order })
}

/// Takes back what a launcher left that was cut off before it recorded its task. Returns whether nothing is left of
/// it: a repository that is gone has nothing left either.
pub async fn is_taken_back(worktrees: &dyn Worktrees, wanted: &Wanted) -> bool {
    match worktrees.take_back(wanted).await {
        Ok(Removal::Removed) | Err(WorktreeError::NoRepository { .. }) => true,
        Ok(Removal::Kept(_)) | Err(_) => false,
    }
}

/// Removes the worktree of a task that was not started; keeps it if work in it would be lost, or if the
/// task may yet start.
///
/// # Errors
/// [`Trouble`] if that cannot be found out.
pub async fn take_back(
    store: &dyn TaskStore,
    worktrees: &dyn Worktrees,
    id: &TaskId,
    worktree: &Worktree,
) -> Result<(), Trouble> {
    match store.load(id).await {
        Ok(task) if !task.status().is_ended() => return Ok(()),
        Ok(_) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    worktrees.remove_if_clean(worktree).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::worktrees::MockWorktrees;
    use crate::testing::{self, MemoryStore};

    fn worktree() -> Worktree {
        let [path, branch, base, repository] = ["/w/1", "task-bg/1", "c0ffee", "/r"];
        Worktree {
            path: path.into(),
            branch: branch.into(),
            base: base.into(),
            repository: repository.into(),
        }
    }

    #[tokio::test]
    async fn the_worktree_of_a_task_that_may_yet_start_is_not_taken_back() {
        let task = testing::queued_task();
        let store = MemoryStore::holding([task.clone()]);
        let untouched = MockWorktrees::new();
        take_back(&store, &untouched, task.id(), &worktree()).await.expect("kept");
    }

    #[tokio::test]
    async fn the_worktree_of_a_task_that_was_never_recorded_is_taken_back() {
        let store = MemoryStore::holding([]);
        let mut worktrees = MockWorktrees::new();
        worktrees.expect_remove_if_clean().times(1).returning(|_| Ok(Removal::Removed));
        let id = testing::queued_task().id().clone();
        take_back(&store, &worktrees, &id, &worktree()).await.expect("taken back");
    }
}
