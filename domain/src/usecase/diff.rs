//! `diff`: what a task changed in the worktree that was made for it. Never changes the worktree.

use super::Trouble;
use crate::port::worktrees::{Changes, Diff, WorktreeError, Worktrees};
use crate::port::{StoreError, TaskStore};
use crate::task::{TaskId, Worktree};

/// The most files that are named.
pub const FILES_NAMED: usize = 200;

/// What a task changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The worktree.
    pub worktree: Worktree,
    /// Which files, and what is committed.
    pub changes: Changes,
    /// The difference itself.
    pub diff: Diff,
}

/// Why there is no difference to be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// The task has no worktree of its own.
    #[error("task {id} has no worktree of its own")]
    NotIsolated {
        /// Which.
        id: TaskId,
    },
    /// The record could not be read.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The worktree could not be read.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
}

impl From<StoreError> for DiffError {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

/// Compares a task's worktree with the commit it was made from, and returns at most `at_most` bytes of
/// the difference.
///
/// # Errors
/// [`DiffError`] if there is no worktree to read.
pub async fn diff(
    store: &dyn TaskStore,
    worktrees: &dyn Worktrees,
    id: &TaskId,
    at_most: usize,
) -> Result<Difference, DiffError> {
    let task = store.load(id).await?;
    let worktree: &Worktree =
        task.order().worktree.as_ref().ok_or_else(|| DiffError::NotIsolated { id: id.clone() })?;
    let changes = worktrees.changes(worktree, FILES_NAMED).await?;
    let diff = worktrees.diff(worktree, at_most).await?;
    Ok(Difference { worktree: worktree.clone(), changes, diff })
}
