//! Removing a worktree and its branch, where nothing is lost by it.
//!
//! Nothing here forces git to remove anything, or follows a link to somebody else's worktree.

use std::fs;
use std::path::Path;

use domain::port::Fault;
use domain::port::worktrees::Removal;
use domain::task::Worktree;

use super::lock::{self, Locked};
use super::place::{self, Place};
use super::{GitWorktrees, fault, reference};

/// Why something else at the path of a task's worktree stays.
pub(super) const NOT_OURS: &str = "is not the worktree that was made for the task";

/// Why a folder without `.git` stays.
pub(super) const UNKNOWN: &str = "it has no `.git`, so that git does not know it any more";

impl GitWorktrees {
    /// See [`domain::port::Worktrees::remove_if_clean`].
    pub(super) fn remove(&self, worktree: &Worktree) -> Result<Removal, Fault> {
        let (path, repository) = (Path::new(&worktree.path), Path::new(&worktree.repository));
        if let Some(orphaned) = self.without_repository(worktree)? {
            return Ok(orphaned);
        }
        let common = self.common(repository)?;
        let locked = lock::take(&common, self.patience);
        let locked =
            locked.map_err(|error| fault(&format!("locking `{}`", common.display()), &error))?;
        let Some(locked) = locked else {
            return Ok(Removal::Kept("its repository was locked by others; try again".to_owned()));
        };
        let why = match place::look(path)? {
            Place::Foreign => Some(NOT_OURS.to_owned()),
            Place::Worktree(folder) if !place::is_in(&folder, &common) => Some(NOT_OURS.to_owned()),
            Place::Worktree(_) => self.attachment(worktree, true)?,
            // It goes only if nothing is in it.
            Place::Plain if fs::remove_dir(path).is_err() => Some(UNKNOWN.to_owned()),
            Place::Plain | Place::Empty => self.attachment(worktree, false)?,
        };
        if let Some(why) = why {
            return Ok(Removal::Kept(why));
        }
        self.dismantle(&locked, worktree)
    }

    /// See [`domain::port::Worktrees::is_clean`]. Needs no lock, as it changes nothing.
    pub(super) fn look_at(&self, worktree: &Worktree) -> Result<Removal, Fault> {
        let (path, repository) = (Path::new(&worktree.path), Path::new(&worktree.repository));
        if let Some(orphaned) = self.without_repository(worktree)? {
            return Ok(orphaned);
        }
        let common = self.common(repository)?;
        let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        let why = match place::look(path)? {
            Place::Foreign => Some(NOT_OURS.to_owned()),
            Place::Worktree(folder) if !place::is_in(&folder, &common) => Some(NOT_OURS.to_owned()),
            Place::Worktree(_) => self.attachment(worktree, true)?,
            Place::Plain if !is_empty() => Some(UNKNOWN.to_owned()),
            Place::Plain | Place::Empty => self.attachment(worktree, false)?,
        };
        Ok(why.map_or(Removal::Removed, Removal::Kept))
    }

    /// What becomes of a worktree whose repository is gone; `None` if the repository is there.
    fn without_repository(&self, worktree: &Worktree) -> Result<Option<Removal>, Fault> {
        let (path, repository) = (Path::new(&worktree.path), Path::new(&worktree.repository));
        // A repository further up would answer in place of one that is gone.
        let top = if repository.is_dir() {
            self.ask(repository, &["rev-parse", "--show-toplevel"])?
        } else {
            None
        };
        if top.is_some_and(|top| place::same(Path::new(&top), repository)) {
            return Ok(None);
        }
        let there = fs::symlink_metadata(path).is_ok();
        let gone = format!("its repository `{}` is gone", worktree.repository);
        Ok(Some(if there { Removal::Kept(gone) } else { Removal::Removed }))
    }

    /// Removes a worktree of which nothing would be lost; git looks once more whether it is clean.
    pub(super) fn dismantle(&self, locked: &Locked, worktree: &Worktree) -> Result<Removal, Fault> {
        let repository = Path::new(&worktree.repository);
        let remove = ["worktree", "remove", "--", &worktree.path];
        if let Err(fault) = self.change(locked, repository, &remove)
            && fs::symlink_metadata(&worktree.path).is_ok()
        {
            return Ok(Removal::Kept(first_line(&fault.reason)));
        }
        if self.is_branch(repository, &reference(&worktree.branch))? {
            // It has been seen before that no commit goes with it.
            let delete = ["branch", "-D", "--quiet", "--", &worktree.branch];
            if let Err(fault) = self.change(locked, repository, &delete) {
                return Ok(Removal::Kept(first_line(&fault.reason)));
            }
        }
        Ok(Removal::Removed)
    }

    /// Why the worktree, or its branch, has to stay; `None` if nothing would be lost.
    pub(super) fn attachment(
        &self,
        worktree: &Worktree,
        there: bool,
    ) -> Result<Option<String>, Fault> {
        let (at, repository) = (Path::new(&worktree.path), Path::new(&worktree.repository));
        if there && self.is_dirty(at)? {
            return Ok(Some("something in it is not committed".to_owned()));
        }
        if let Some(other) = self.other_place(repository, &worktree.branch, at)? {
            return Ok(Some(format!("its branch is checked out at `{other}`")));
        }
        let branch = reference(&worktree.branch);
        let exclude = format!("--exclude={}", worktree.branch);
        let others = [worktree.base.as_str(), &exclude, "--branches", "--remotes", "--tags"];
        let of_branch = self.commits(repository, &[&branch], &others)?;
        // A commit that is checked out without a branch is on no branch, not even on the task's.
        let with_branch = [&others[..], &[&branch]].concat();
        let loose = if there { self.commits(at, &["HEAD"], &with_branch)? } else { 0 };
        let are = |count| if count == 1 { "commit of it is" } else { "commits of it are" };
        let mut own = Vec::new();
        if of_branch > 0 {
            let (are, branch) = (are(of_branch), &worktree.branch);
            own.push(format!("{of_branch} {are} on no other branch than `{branch}`"));
        }
        if loose > 0 {
            own.push(format!("{loose} {} on no branch", are(loose)));
        }
        Ok((!own.is_empty()).then(|| own.join(", and ")))
    }

    /// Another worktree of the repository than `own` that has the branch checked out.
    pub(super) fn other_place(
        &self,
        repository: &Path,
        branch: &str,
        own: &Path,
    ) -> Result<Option<String>, Fault> {
        let list = self.tell(repository, &["worktree", "list", "--porcelain"])?;
        let branch = format!("branch {}", reference(branch));
        let mut entries = list.split("\n\n").map(|entry| entry.lines());
        let found = entries.find_map(|mut lines| {
            let path = lines.next()?.strip_prefix("worktree ")?;
            let has = lines.any(|line| line == branch);
            (has && !place::same(Path::new(path), own)).then_some(path)
        });
        Ok(found.map(ToOwned::to_owned))
    }
}

/// The first line of git's words: what follows are its hints, which are not for our readers.
fn first_line(words: &str) -> String {
    words.lines().next().unwrap_or_default().to_owned()
}
