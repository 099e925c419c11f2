//! Worktrees by `git`: made, looked at, and removed only where nothing is lost.
//!
//! [`GitWorktrees`] makes one change of a repository at a time, under the repository's lock;
//! questions need no lock. It never forces git to anything.

mod command;
mod lock;
mod looking;
mod making;
mod place;
mod removing;
mod restoring;
mod running;
mod taking_back;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use domain::port::Fault;
use domain::port::worktrees::{
    Changes, Diff, Made, Presence, Removal, Wanted, WorktreeError, Worktrees,
};
use domain::task::Worktree;

pub use command::names_a_repository;
use command::{Git, unable};
use lock::Locked;

/// Worktrees made by the `git` on the search path.
#[derive(Clone, Debug)]
pub struct GitWorktrees {
    git: Git,
    /// How long a change waits for the lock of its repository.
    patience: Duration,
}

impl GitWorktrees {
    /// Runs git in this environment, without the variables that describe the caller's repository.
    pub fn new(environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        Self { git: Git::new(environment), patience: lock::PATIENCE }
    }

    /// Runs a command that answers with one value; `None` if git says no.
    ///
    /// # Errors
    /// [`Fault`] if git says nothing, as where it was killed.
    fn ask(&self, folder: &Path, words: &[&str]) -> Result<Option<String>, Fault> {
        let ran = self.git.at(folder).args(words).run();
        let ran = ran.map_err(|error| Fault::of(step(folder, words), unable(&error)))?;
        if ran.killed {
            return Err(Fault::of(step(folder, words), ran.words));
        }
        Ok(ran.ok.then(|| ran.text()))
    }

    fn tell(&self, folder: &Path, words: &[&str]) -> Result<String, Fault> {
        Ok(self.git.at(folder).args(words).done(&step(folder, words))?.text())
    }

    /// Changes a repository that is locked.
    fn change(&self, locked: &Locked, folder: &Path, words: &[&str]) -> Result<String, Fault> {
        Ok(self.git.changing(folder, locked.file()).args(words).done(&step(folder, words))?.text())
    }
}

#[async_trait]
impl Worktrees for GitWorktrees {
    async fn create(&self, wanted: &Wanted) -> Result<Made, WorktreeError> {
        self.make(wanted)
    }

    async fn check(&self, wanted: &Wanted) -> Result<(), WorktreeError> {
        let site = self.survey(&wanted.folder)?;
        self.judge(&site, wanted).map(drop)
    }

    async fn restore(&self, of: &Worktree, folder: &str) -> Result<Presence, WorktreeError> {
        self.restored(of, folder)
    }

    async fn take_back(&self, wanted: &Wanted) -> Result<Removal, WorktreeError> {
        self.revoke(wanted)
    }

    async fn changes(&self, of: &Worktree, at_most: usize) -> Result<Changes, WorktreeError> {
        self.compare(of, at_most)
    }

    async fn diff(&self, of: &Worktree, at_most: usize) -> Result<Diff, WorktreeError> {
        self.difference(of, at_most)
    }

    async fn remove_if_clean(&self, worktree: &Worktree) -> Result<Removal, Fault> {
        self.remove(worktree)
    }

    async fn is_clean(&self, worktree: &Worktree) -> Result<Removal, Fault> {
        self.look_at(worktree)
    }
}

/// What git is doing where, for a fault.
fn step(folder: &Path, words: &[&str]) -> String {
    format!("`git {}` in `{}`", words.first().unwrap_or(&""), folder.display())
}

fn reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn fault(step: &str, error: &io::Error) -> Fault {
    Fault::of(step, error.to_string())
}
