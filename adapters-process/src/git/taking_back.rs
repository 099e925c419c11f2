//! Taking back what a launcher left that was killed before it recorded its task.
//!
//! Each step can be repeated: the files go first, then the entry in git's list, and the branch last,
//! because the branch says for whom it was made. Git is not asked to remove a worktree that it has
//! not finished, because somebody would have to force it, and it may not even be able to read its own
//! list.

use std::fs;
use std::io::Read;
use std::path::Path;

use domain::port::Fault;
use domain::port::worktrees::{Removal, Wanted, WorktreeError};
use domain::task::Worktree;
use rustix::fs::OFlags;

use super::lock::Locked;
use super::looking::TemporaryIndex;
use super::making::{Site, note};
use super::place::{self, Place};
use super::removing::{NOT_OURS, UNKNOWN};
use super::{GitWorktrees, fault, reference};
use crate::plain_file;

/// How large a file that differs may be for the question whether git was cut off in it, in bytes.
const COMPARED: u64 = 64 << 20;

/// What is known of a branch that was made for a worktree.
struct Birth {
    /// The commit it was made from.
    base: String,
    /// Whether it points at another commit now.
    moved: bool,
}

impl GitWorktrees {
    /// See [`domain::port::Worktrees::take_back`].
    pub(super) fn revoke(&self, wanted: &Wanted) -> Result<Removal, WorktreeError> {
        let site = self.survey(&wanted.folder)?;
        let locked = self.lock(&site)?;
        Ok(self.undo(&locked, &site, wanted)?)
    }

    /// Takes back whatever [`GitWorktrees::make`] has made of what was wanted.
    pub(super) fn undo(
        &self,
        locked: &Locked,
        site: &Site,
        wanted: &Wanted,
    ) -> Result<Removal, Fault> {
        let path = Path::new(&wanted.path);
        let birth = self.birth(site, wanted)?;
        let place = place::look(path)?;
        let known = place::registered(&site.common, path)?;
        let kept = |why: &str| Ok(Removal::Kept(why.to_owned()));
        match (place, known) {
            (Place::Foreign, _) => return kept(NOT_OURS),
            (Place::Worktree(folder), _) if !place::is_in(&folder, &site.common) => {
                return kept(NOT_OURS);
            }
            (_, Some(folder)) if place::is_half_made(&folder) => {
                if let Some(why) = self.strangers(site, birth.as_ref(), path, &folder)? {
                    return kept(why);
                }
                remove_all(path)?;
                remove_all(&folder)?;
            }
            (Place::Worktree(_), _) => return self.undo_whole(locked, site, wanted, birth, true),
            // It goes only if nothing is in it.
            (Place::Plain, _) if fs::remove_dir(path).is_err() => return kept(UNKNOWN),
            (Place::Plain | Place::Empty, Some(_)) => {
                return self.undo_whole(locked, site, wanted, birth, false);
            }
            (Place::Plain | Place::Empty, None) => {}
        }
        self.undo_branch(locked, site, wanted, birth)
    }

    /// Takes back a worktree that git has finished, as if it were a task's.
    fn undo_whole(
        &self,
        locked: &Locked,
        site: &Site,
        wanted: &Wanted,
        birth: Option<Birth>,
        there: bool,
    ) -> Result<Removal, Fault> {
        let Some(Birth { base, .. }) = birth else {
            return Ok(Removal::Kept(format!("`{}` was not made for it", wanted.branch)));
        };
        let worktree = Worktree {
            path: wanted.path.clone(),
            branch: wanted.branch.clone(),
            base,
            repository: site.top.clone(),
        };
        match self.attachment(&worktree, there)? {
            Some(why) => Ok(Removal::Kept(why)),
            None => self.dismantle(locked, &worktree),
        }
    }

    /// Takes back the branch if it was made for this worktree and nothing happened to it since.
    fn undo_branch(
        &self,
        locked: &Locked,
        site: &Site,
        wanted: &Wanted,
        birth: Option<Birth>,
    ) -> Result<Removal, Fault> {
        let branch = &wanted.branch;
        // A branch that was not made for this worktree is of no concern here.
        let Some(Birth { base, moved }) = birth else { return Ok(Removal::Removed) };
        if moved {
            return Ok(Removal::Kept(format!("`{branch}` has moved since it was made")));
        }
        if let Some(other) = self.other_place(site.at(), branch, Path::new(&wanted.path))? {
            return Ok(Removal::Kept(format!("its branch is checked out at `{other}`")));
        }
        // Git compares once more and deletes it in one step.
        self.change(locked, site.at(), &["update-ref", "-d", &reference(branch), &base])?;
        Ok(Removal::Removed)
    }

    /// What the reflog says of the branch; `None` if it was not made for the worktree that is wanted.
    fn birth(&self, site: &Site, wanted: &Wanted) -> Result<Option<Birth>, Fault> {
        let name = reference(&wanted.branch);
        let Some(now) = self.ask(site.at(), &["rev-parse", "--verify", "--quiet", &name])? else {
            return Ok(None);
        };
        let format = "--format=%H %gs";
        let log = ["log", "--walk-reflogs", "--no-show-signature", "-s", format, &name, "--"];
        let entries = self.tell(site.at(), &log)?;
        let note = note(&wanted.path);
        let made = entries.lines().filter_map(|line| line.split_once(' '));
        let base = made.filter(|(_, words)| *words == note).map(|(commit, _)| commit).next_back();
        Ok(base.map(|base| Birth { base: base.to_owned(), moved: base != now }))
    }

    /// Why a worktree that git did not finish has to stay: something that git did not put there.
    ///
    /// Files may be missing, and those that git was writing may end too early.
    fn strangers(
        &self,
        site: &Site,
        birth: Option<&Birth>,
        path: &Path,
        folder: &Path,
    ) -> Result<Option<&'static str>, Fault> {
        if place::is_bare_of_files(path) {
            return Ok(None);
        }
        let Some(Birth { base, .. }) = birth else { return Ok(Some(NOT_OURS)) };
        // An index of our own: git's may be missing or broken, and so may the folder it is in.
        let index = TemporaryIndex(folder.join("task-bg-index"));
        let call = |words: &[&str]| {
            let place = [Path::new("--git-dir"), &site.common, Path::new("--work-tree"), path];
            self.git.at(path).index(&index.0).args(place).args(words)
        };
        let step = format!("looking for files in `{}`", path.display());
        let items = |words: &[&str]| -> Result<Vec<String>, Fault> {
            let text = call(words).done(&step)?.text();
            Ok(text.split_terminator('\0').map(ToOwned::to_owned).collect())
        };
        call(&["read-tree", base]).done(&step)?;
        if !items(&["ls-files", "--others", "-z"])?.is_empty() {
            return Ok(Some("something in it was not put there by git"));
        }
        let differing =
            ["diff", "--name-only", "--diff-filter=d", "--ignore-submodules=all", "--no-renames"];
        for name in items(&[&differing[..], &["-z", "--"]].concat())? {
            let Some(written) = content(&path.join(&name)) else { return Ok(Some(CHANGED)) };
            let whole = call(&["cat-file", "--filters", &format!("{base}:{name}")]);
            let whole = whole.at_most(written.len()).done(&step)?;
            if whole.stdout != written {
                return Ok(Some(CHANGED));
            }
        }
        Ok(None)
    }
}

/// Why a file of git's that says something else than git wrote is left alone.
const CHANGED: &str = "something in it is not committed";

/// What is in a plain file that is not too large to compare.
fn content(file: &Path) -> Option<Vec<u8>> {
    let opened = plain_file::open(file, OFlags::RDONLY).ok()?;
    if opened.metadata().ok()?.len() > COMPARED {
        return None;
    }
    let mut content = Vec::new();
    opened.take(COMPARED).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Removes a folder with what is in it; links in it are not followed.
fn remove_all(folder: &Path) -> Result<(), Fault> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(fault(&format!("removing `{}`", folder.display()), &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
