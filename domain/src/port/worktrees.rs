//! Git worktrees: a folder and a branch of its own for a task that must not see what other tasks do.
//!
//! No work is ever lost through this port: it removes neither uncommitted changes, nor commits that are
//! on no other branch.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;

use super::Fault;
use crate::task::Worktree;

/// Makes, looks at and removes worktrees.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Worktrees: Send + Sync {
    /// Finds out whether [`Worktrees::create`] would refuse, without changing anything.
    ///
    /// MUST refuse for every reason that can be seen beforehand, and MUST NOT wait for other processes.
    /// What changes in between may still make [`Worktrees::create`] fail.
    ///
    /// # Errors
    /// [`WorktreeError`] as from [`Worktrees::create`], except [`WorktreeError::Busy`].
    async fn check(&self, wanted: &Wanted) -> Result<(), WorktreeError>;

    /// Makes a worktree with a new branch, from the commit that is checked out in the repository.
    ///
    /// MUST NOT change anything that is there already. MUST leave nothing behind if it fails. MUST
    /// work for many callers at once in one repository. MUST NOT be cut short by a signal to the
    /// caller's process group.
    ///
    /// # Errors
    /// [`WorktreeError`] if no worktree can be made there, or no branch of that name.
    async fn create(&self, wanted: &Wanted) -> Result<Made, WorktreeError>;

    /// Makes a worktree anew that is not there any more, on the branch that it had, with `folder` in it, where the task
    /// worked. What was not committed is lost with the one before.
    ///
    /// MUST NOT change a worktree that is there, nor anything else at its path. MUST work for many callers at once.
    ///
    /// # Errors
    /// [`WorktreeError::BranchGone`] if there is nothing to make it from, [`WorktreeError::CheckedOut`] if its branch
    /// is checked out elsewhere, [`WorktreeError`] as from [`Worktrees::diff`] if something else is at its path.
    async fn restore(&self, of: &Worktree, folder: &str) -> Result<Presence, WorktreeError>;

    /// Removes what a launcher left that was killed before it recorded its task: the worktree at the
    /// wanted path, complete or not, and its branch.
    ///
    /// The caller MUST know that no process is launching that task any more. An implementation MUST
    /// keep everything that was not made for that path, and all work that would be lost. MUST complete
    /// an earlier call that was cut short; where nothing is left it returns [`Removal::Removed`].
    ///
    /// # Errors
    /// [`WorktreeError`] if the repository is not there, is locked by others, or git fails.
    async fn take_back(&self, wanted: &Wanted) -> Result<Removal, WorktreeError>;

    /// What is different in a worktree from the commit it was made from.
    ///
    /// MUST NOT disturb an agent that works there. Names at most `at_most` files.
    ///
    /// # Errors
    /// [`WorktreeError::Gone`] if the worktree is not there any more, [`WorktreeError::Replaced`] if
    /// something else is, [`WorktreeError::Unlinked`] if git does not know it any more.
    async fn changes(&self, of: &Worktree, at_most: usize) -> Result<Changes, WorktreeError>;

    /// The difference itself, untracked files included, at most `at_most` bytes.
    ///
    /// MUST NOT disturb an agent that works there.
    ///
    /// # Errors
    /// [`WorktreeError::Gone`] if the worktree is not there any more, [`WorktreeError::Replaced`] if
    /// something else is, [`WorktreeError::Unlinked`] if git does not know it any more.
    async fn diff(&self, of: &Worktree, at_most: usize) -> Result<Diff, WorktreeError>;

    /// Removes a worktree and its branch, unless something would be lost.
    ///
    /// MUST keep it if anything is not committed or a commit is on no other branch. MUST keep what is
    /// not the worktree that was made for the task, such as a link to another one. A worktree that is
    /// not there any more counts as removed.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be found out.
    async fn remove_if_clean(&self, worktree: &Worktree) -> Result<Removal, Fault>;

    /// Says what [`Worktrees::remove_if_clean`] would do, and does nothing.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be found out.
    async fn is_clean(&self, worktree: &Worktree) -> Result<Removal, Fault>;
}

/// The worktree that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A folder in the repository, as an absolute path.
    pub folder: String,
    /// Where the worktree is to be, as an absolute path.
    pub path: String,
    /// What its branch is to be called.
    pub branch: String,
}

/// A worktree that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The worktree.
    pub worktree: Worktree,
    /// The folder in it that corresponds to the one that was asked for in the repository.
    pub folder: String,
}

/// What is different in a worktree from the commit it was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The files that differ, committed or not, by their paths in the worktree.
    pub files: Vec<String>,
    /// How many more there are.
    pub omitted: usize,
    /// How many commits were made since.
    pub ahead: u64,
    /// Whether something is not committed.
    pub dirty: bool,
    /// What is checked out, if not the task's branch.
    pub elsewhere: Option<Head>,
    /// Whether the task's branch is not there any more: it was deleted, or has another name now.
    pub branch_gone: bool,
}

/// What is checked out in a worktree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch, by its name.
    Branch(String),
    /// A commit without a branch, by the beginning of its id.
    Commit(String),
}

/// Whether a worktree was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It was.
    Found,
    /// It was made anew.
    MadeAnew,
}

/// A difference as git words it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// The text.
    pub text: String,
    /// Whether there is more of it.
    pub truncated: bool,
}

/// What became of a worktree that was to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is not there any more, nor is its branch.
    Removed,
    /// It is there, for this reason.
    Kept(String),
}

/// Why there is no worktree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorktreeError {
    /// There is no repository that git would work in.
    #[error("`{folder}` is in no git repository: {reason}")]
    NoRepository {
        /// The folder.
        folder: String,
        /// What git says.
        reason: String,
    },
    /// The repository has no files of its own to work on.
    #[error("the git repository at `{folder}` is bare: it has no files to work on")]
    Bare {
        /// The folder.
        folder: String,
    },
    /// There is no commit to make a worktree from.
    #[error("the git repository at `{folder}` has no commit yet")]
    NoCommit {
        /// The folder.
        folder: String,
    },
    /// No branch can have that name.
    #[error("`{branch}` cannot be the name of a branch")]
    BadName {
        /// The branch.
        branch: String,
    },
    /// The branch is there already.
    #[error("there is already a branch `{branch}`")]
    Taken {
        /// The branch.
        branch: String,
    },
    /// Git keeps branches like files in folders, so a branch cannot be a folder of others too.
    #[error("there is already a branch `{other}`, which leaves no room for `{branch}`")]
    InTheWay {
        /// The branch that was wanted.
        branch: String,
        /// The branch that is there.
        other: String,
    },
    /// The name is longer than a file name may be, and git keeps files named after a branch.
    #[error("`{branch}` is too long for the name of a branch")]
    TooLong {
        /// The branch.
        branch: String,
    },
    /// Something is where the worktree is to be, or git has that path in its list of worktrees.
    #[error("there is already something at `{path}`")]
    Occupied {
        /// Where the worktree is to be.
        path: String,
    },
    /// Another change of the repository did not end in time.
    #[error("the git repository at `{repository}` was locked by others for {seconds} s; try again")]
    Busy {
        /// The repository.
        repository: String,
        /// How long its lock was waited for, in seconds.
        seconds: u64,
    },
    /// Git is not installed.
    #[error("`git` was not found on PATH")]
    NoGit,
    /// Its files are there, and what makes a worktree of them is not.
    #[error("the worktree at `{path}` has lost its `.git`, so that git does not know it any more")]
    Unlinked {
        /// Where it is.
        path: String,
    },
    /// It was removed.
    #[error("the worktree at `{path}` is not there any more")]
    Gone {
        /// Where it was.
        path: String,
    },
    /// Something else is there now.
    #[error("what is at `{path}` is not the worktree that was made for the task")]
    Replaced {
        /// Where it was.
        path: String,
    },
    /// It was removed with its branch.
    #[error("the worktree at `{path}` is not there any more, and neither is its branch `{branch}`")]
    BranchGone {
        /// Where it was.
        path: String,
        /// The branch.
        branch: String,
    },
    /// It was removed, and its branch is in use elsewhere.
    #[error("the branch `{branch}` of the worktree, which is gone, is checked out at `{other}`")]
    CheckedOut {
        /// The branch.
        branch: String,
        /// Where.
        other: String,
    },
    /// Git did not do it.
    #[error(transparent)]
    Fault(#[from] Fault),
}
