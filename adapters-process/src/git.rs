//! Worktrees by `git`: made, looked at, and removed only where nothing is lost.
//!
//! Each change of a repository happens under its lock, one at a time; questions need none. Never
//! forces git to anything.

mod command;
mod lock;
mod making;
mod place;
mod running;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use domain::port::Fault;
use domain::port::worktrees::{Changes, Diff, Made, Removal, Wanted, WorktreeError, Worktrees};
use domain::task::Worktree;

pub use command::names_a_repository;
use command::{Git, unable};
use lock::Locked;

/// Whatever the repository's configuration leaves out of it.
const STATUS: [&str; 5] =
    ["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=none"];

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
    fn ask(&self, folder: &Path, words: &[&str]) -> Result<Option<String>, Fault> {
        let ran = self.git.at(folder).args(words).run();
        let ran =
            ran.map_err(|error| Fault { step: step(folder, words), reason: unable(&error) })?;
        Ok(ran.ok.then(|| ran.text()))
    }

    fn tell(&self, folder: &Path, words: &[&str]) -> Result<String, Fault> {
        Ok(self.git.at(folder).args(words).done(&step(folder, words))?.text())
    }

    /// Changes a repository that is locked.
    fn change(&self, locked: &Locked, folder: &Path, words: &[&str]) -> Result<String, Fault> {
        Ok(self.git.changing(folder, locked.file()).args(words).done(&step(folder, words))?.text())
    }

    /// Items that git separates by NUL.
    fn items(&self, folder: &Path, words: &[&str]) -> Result<Vec<String>, Fault> {
        let text = self.tell(folder, words)?;
        Ok(text.split('\0').filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect())
    }

    /// How many commits there are in the worktree and on its branch, but not in what `without` names.
    fn commits(&self, at: &Path, refs: &[&str], without: &[&str]) -> Result<u64, Fault> {
        let words = [&["rev-list", "--count", "--ignore-missing"], refs, &["--not"], without];
        let count = self.tell(at, &words.concat())?;
        count.parse().map_err(|_| Fault {
            step: "counting commits".to_owned(),
            reason: format!("`{count}` is no number"),
        })
    }

    fn is_dirty(&self, at: &Path) -> Result<bool, Fault> {
        Ok(!self.tell(at, &STATUS)?.is_empty())
    }

    /// An index in which files that git does not track yet stand as well, beside the real one.
    fn widened_index(&self, at: &Path) -> Result<TemporaryIndex, Fault> {
        let place = |name: &str| -> Result<PathBuf, Fault> {
            Ok(at.join(self.tell(at, &["rev-parse", "--git-path", name])?))
        };
        let index = place("index")?;
        let copy = place(&format!("task-bg-index-{}", std::process::id()))?;
        fs::copy(&index, &copy).map_err(|error| fault("copying the index", &error))?;
        let copy = TemporaryIndex(copy);
        let words = ["add", "--intent-to-add", "--ignore-errors", "--", "."];
        let ran = self.git.at(at).index(&copy.0).args(words).run();
        // What cannot be read is left out; the rest is still worth showing.
        drop(ran.map_err(|error| fault("running `git`", &error))?);
        Ok(copy)
    }

    /// Why the worktree, or its branch, has to stay; `None` if nothing would be lost.
    fn attachment(&self, worktree: &Worktree) -> Result<Option<String>, Fault> {
        let (at, repository) = (Path::new(&worktree.path), Path::new(&worktree.repository));
        let there = at.is_dir();
        if there && self.ask(at, &["rev-parse", "--git-dir"])?.is_none() {
            return Ok(Some("git does not know it any more".to_owned()));
        }
        if there && self.is_dirty(at)? {
            return Ok(Some("something in it is not committed".to_owned()));
        }
        let branch = reference(&worktree.branch);
        let exclude = format!("--exclude={}", worktree.branch);
        let others = [worktree.base.as_str(), &exclude, "--branches", "--remotes", "--tags"];
        let own = if there {
            self.commits(at, &["HEAD", &branch], &others)?
        } else {
            self.commits(repository, &[&branch], &others)?
        };
        Ok((own > 0).then(|| {
            format!("{own} of its commits are on no other branch than `{}`", worktree.branch)
        }))
    }

    fn removal(&self, worktree: &Worktree) -> Result<Removal, Fault> {
        let repository = Path::new(&worktree.repository);
        if !repository.is_dir() {
            return Ok(if Path::new(&worktree.path).exists() {
                Removal::Kept(format!("its repository `{}` is gone", worktree.repository))
            } else {
                Removal::Removed
            });
        }
        let locked = lock::take(&self.common(repository)?, self.patience);
        let locked = locked.map_err(|error| fault("locking its repository", &error))?;
        let Some(locked) = locked else {
            return Ok(Removal::Kept("its repository is being changed by another".to_owned()));
        };
        if let Some(why) = self.attachment(worktree)? {
            return Ok(Removal::Kept(why));
        }
        // Without force: git looks once more whether it is clean.
        let removed =
            self.change(&locked, repository, &["worktree", "remove", "--", &worktree.path]);
        if let Err(fault) = removed
            && Path::new(&worktree.path).exists()
        {
            return Ok(Removal::Kept(fault.reason));
        }
        let branch = reference(&worktree.branch);
        if self.ask(repository, &["rev-parse", "--verify", "--quiet", &branch])?.is_some() {
            // It has been seen above that no commit goes with it.
            self.change(&locked, repository, &["branch", "-D", "--quiet", "--", &worktree.branch])?;
        }
        Ok(Removal::Removed)
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

    async fn changes(&self, of: &Worktree, at_most: usize) -> Result<Changes, WorktreeError> {
        let at = there(of)?;
        let mut files =
            self.items(at, &["diff", "--name-only", "--no-renames", "-z", &of.base, "--"])?;
        files.extend(self.items(at, &["ls-files", "--others", "--exclude-standard", "-z"])?);
        files.sort_unstable();
        files.dedup();
        let omitted = files.len().saturating_sub(at_most);
        files.truncate(at_most);
        let ahead = self.commits(at, &["HEAD", &reference(&of.branch)], &[&of.base])?;
        Ok(Changes { files, omitted, ahead, dirty: self.is_dirty(at)? })
    }

    async fn diff(&self, of: &Worktree, at_most: usize) -> Result<Diff, WorktreeError> {
        let at = there(of)?;
        let index = self.widened_index(at)?;
        let words = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", &of.base, "--"];
        let call = self.git.at(at).index(&index.0).args(words).at_most(at_most);
        let ran = call.done("comparing with the commit it was made from")?;
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        Ok(Diff { text, truncated: ran.truncated })
    }

    async fn remove_if_clean(&self, worktree: &Worktree) -> Result<Removal, Fault> {
        self.removal(worktree)
    }
}

/// A copy of an index, removed when it is dropped.
struct TemporaryIndex(PathBuf);

impl Drop for TemporaryIndex {
    fn drop(&mut self) {
        // A copy that stays harms nobody.
        drop(fs::remove_file(&self.0));
    }
}

fn there(worktree: &Worktree) -> Result<&Path, WorktreeError> {
    let path = Path::new(&worktree.path);
    if path.is_dir() { Ok(path) } else { Err(WorktreeError::Gone { path: worktree.path.clone() }) }
}

/// What git is doing where, for a fault.
fn step(folder: &Path, words: &[&str]) -> String {
    format!("`git {}` in `{}`", words.first().unwrap_or(&""), folder.display())
}

fn reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn fault(step: &str, error: &io::Error) -> Fault {
    Fault { step: step.to_owned(), reason: error.to_string() }
}
