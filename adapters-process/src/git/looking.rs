//! What is different in a worktree.
//!
//! A look disturbs nobody who works there: git takes no lock of the worktree's index, and where it
//! needs an index of its own it gets a copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::port::Fault;
use domain::port::worktrees::{Changes, Diff, Head, WorktreeError};
use domain::task::Worktree;
use rustix::fs::OFlags;

use super::place::{self, Place};
use super::{GitWorktrees, fault, reference};
use crate::plain_file;

/// The options with which `git status` names everything, whatever the repository's configuration
/// leaves out.
const STATUS: [&str; 5] =
    ["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=none"];

impl GitWorktrees {
    /// See [`domain::port::Worktrees::changes`].
    pub(super) fn compare(&self, of: &Worktree, at_most: usize) -> Result<Changes, WorktreeError> {
        let at = there(of)?;
        let mut files =
            self.items(at, &["diff", "--name-only", "--no-renames", "-z", &of.base, "--"])?;
        files.extend(self.items(at, &["ls-files", "--others", "--exclude-standard", "-z"])?);
        files.sort_unstable();
        files.dedup();
        let omitted = files.len().saturating_sub(at_most);
        files.truncate(at_most);
        let ahead = self.commits(at, &["HEAD", &reference(&of.branch)], &[&of.base])?;
        let own = Head::Branch(of.branch.clone());
        let elsewhere = self.checked_out(at)?.filter(|found| *found != own);
        let branch_gone = !self.is_branch(at, &reference(&of.branch))?;
        let dirty = self.is_dirty(at)?;
        Ok(Changes { files, omitted, ahead, dirty, elsewhere, branch_gone })
    }

    /// See [`domain::port::Worktrees::diff`].
    pub(super) fn difference(&self, of: &Worktree, at_most: usize) -> Result<Diff, WorktreeError> {
        let at = there(of)?;
        let index = self.widened_index(at)?;
        let words = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", &of.base, "--"];
        let call = self.git.at(at).index(&index.0).args(words).at_most(at_most);
        let ran = call.done("comparing with the commit it was made from")?;
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        Ok(Diff { text, truncated: ran.truncated })
    }

    /// The branch that is checked out, or else the abbreviated commit; `None` if there is neither.
    fn checked_out(&self, at: &Path) -> Result<Option<Head>, Fault> {
        if let Some(name) = self.ask(at, &["symbolic-ref", "--quiet", "HEAD"])? {
            let name = name.strip_prefix("refs/heads/").unwrap_or(&name);
            return Ok(Some(Head::Branch(name.to_owned())));
        }
        let commit = self.ask(at, &["rev-parse", "--verify", "--quiet", "--short", "HEAD"])?;
        Ok(commit.map(Head::Commit))
    }

    /// Items that git separates by NUL.
    fn items(&self, folder: &Path, words: &[&str]) -> Result<Vec<String>, Fault> {
        let text = self.tell(folder, words)?;
        Ok(text.split('\0').filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect())
    }

    /// How many commits `refs` lead to, but not what `without` names.
    pub(super) fn commits(&self, at: &Path, refs: &[&str], without: &[&str]) -> Result<u64, Fault> {
        let words = [&["rev-list", "--count", "--ignore-missing"], refs, &["--not"], without];
        let count = self.tell(at, &words.concat())?;
        count.parse().map_err(|_| Fault::of("counting commits", format!("`{count}` is no number")))
    }

    /// Whether something in a worktree is not committed.
    pub(super) fn is_dirty(&self, at: &Path) -> Result<bool, Fault> {
        Ok(!self.tell(at, &STATUS)?.is_empty())
    }

    /// An index in which files that git does not track yet stand as well, beside the real one.
    fn widened_index(&self, at: &Path) -> Result<TemporaryIndex, Fault> {
        let place = |name: &str| -> Result<PathBuf, Fault> {
            Ok(at.join(self.tell(at, &["rev-parse", "--git-path", name])?))
        };
        let index = place("index")?;
        let copy = place(&format!("task-bg-index-{}", std::process::id()))?;
        let copied = || {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
            let mut from = plain_file::open(&index, OFlags::RDONLY)?;
            io::copy(&mut from, &mut plain_file::open(&copy, flags)?)
        };
        copied().map_err(|error| fault("copying the index", &error))?;
        let copy = TemporaryIndex(copy);
        let words = ["add", "--intent-to-add", "--ignore-errors", "--", "."];
        let ran = self.git.at(at).index(&copy.0).args(words).run();
        // What cannot be read is left out; the rest is still worth showing.
        drop(ran.map_err(|error| fault("running `git`", &error))?);
        Ok(copy)
    }
}

/// An index beside the real one, removed when it is dropped.
pub(super) struct TemporaryIndex(pub(super) PathBuf);

impl Drop for TemporaryIndex {
    fn drop(&mut self) {
        // A copy that stays harms nobody.
        drop(fs::remove_file(&self.0));
    }
}

/// The folder of a worktree that git still knows.
fn there(worktree: &Worktree) -> Result<&Path, WorktreeError> {
    let path = Path::new(&worktree.path);
    match place::look(path)? {
        Place::Worktree(_) => Ok(path),
        Place::Empty => Err(WorktreeError::Gone { path: worktree.path.clone() }),
        Place::Plain => Err(WorktreeError::Unlinked { path: worktree.path.clone() }),
        Place::Foreign => Err(WorktreeError::Replaced { path: worktree.path.clone() }),
    }
}
