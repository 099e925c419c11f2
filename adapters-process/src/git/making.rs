//! Making a worktree: every reason to refuse one is found before anything is changed.
//!
//! [`GitWorktrees`] makes the branch before the worktree and by itself, so of two that want one
//! name exactly one gets it. It never changes what is there already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::port::Fault;
use domain::port::worktrees::{Made, Wanted, WorktreeError};
use domain::task::Worktree;

use super::lock::{self, Locked};
use super::{GitWorktrees, fault, place, reference};

/// The longest path that the system takes, in bytes.
const PATH_MAX: usize = 4095;
/// The longest name of a file where the file system does not say, in bytes.
const NAME_MAX: usize = 255;
/// What git appends to the name of a branch while it changes the branch.
const LOCK: &str = ".lock";

/// Where a worktree is made from.
pub(super) struct Site {
    /// The top folder of the repository, or of the worktree of it that was named.
    pub(super) top: String,
    /// The path from there to the folder that was named; empty or with a slash at its end.
    below: String,
    /// The folder that all worktrees of the repository share.
    pub(super) common: PathBuf,
}

impl Site {
    /// The top folder.
    pub(super) fn at(&self) -> &Path {
        Path::new(&self.top)
    }
}

impl GitWorktrees {
    /// Refuses a folder that no worktree can be made from.
    pub(super) fn survey(&self, folder: &str) -> Result<Site, WorktreeError> {
        let at = Path::new(folder);
        let asked = self.git.at(at).args(["rev-parse", "--is-inside-work-tree"]).run();
        let ran = asked.map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                WorktreeError::NoGit
            } else {
                fault("running `git`", &error).into()
            }
        })?;
        let folder = folder.to_owned();
        if ran.killed {
            return Err(Fault::of("running `git`", ran.words).into());
        }
        if !ran.ok {
            let reason = ran.words.lines().next().unwrap_or_default();
            let reason = reason.trim_start_matches("fatal: ").to_owned();
            return Err(WorktreeError::NoRepository { folder, reason });
        }
        match ran.text().as_str() {
            "true" => {}
            "false" => return Err(WorktreeError::Bare { folder }),
            other => {
                let reason = format!("`git` does not answer as git does: {other:?}");
                return Err(Fault::of("running `git`", reason).into());
            }
        }
        let top = self.tell(at, &["rev-parse", "--show-toplevel"])?;
        let below = self.tell(at, &["rev-parse", "--show-prefix"])?;
        let common = self.common(Path::new(&top))?;
        Ok(Site { top, below, common })
    }

    /// The folder that all worktrees of a repository share.
    pub(super) fn common(&self, at: &Path) -> Result<PathBuf, Fault> {
        Ok(at.join(self.tell(at, &["rev-parse", "--git-common-dir"])?))
    }

    /// Waits until nobody else of task-bg changes the repository.
    pub(super) fn lock(&self, site: &Site) -> Result<Locked, WorktreeError> {
        let locked = lock::take(&site.common, self.patience);
        let locked = locked
            .map_err(|error| fault(&format!("locking `{}`", site.common.display()), &error))?;
        locked.ok_or_else(|| WorktreeError::Busy {
            repository: site.top.clone(),
            seconds: self.patience.as_secs(),
        })
    }

    /// Refuses whatever [`GitWorktrees::make`] could not make; returns the commit to make it from.
    pub(super) fn judge(&self, site: &Site, wanted: &Wanted) -> Result<String, WorktreeError> {
        let commit = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
        let Some(base) = self.ask(site.at(), &commit)? else {
            return Err(WorktreeError::NoCommit { folder: site.top.clone() });
        };
        self.judge_name(site, &wanted.branch)?;
        let path = Path::new(&wanted.path);
        if fs::symlink_metadata(path).is_ok() || place::registered(&site.common, path)?.is_some() {
            return Err(WorktreeError::Occupied { path: wanted.path.clone() });
        }
        Ok(base)
    }

    /// Refuses a name that no new branch can have.
    fn judge_name(&self, site: &Site, branch: &str) -> Result<(), WorktreeError> {
        let at = site.at();
        // Git answers with another name where it takes this one for an abbreviation.
        let named = self.ask(at, &["check-ref-format", "--branch", branch])?;
        if named.as_deref() != Some(branch) {
            return Err(WorktreeError::BadName { branch: branch.to_owned() });
        }
        let name = reference(branch);
        if is_too_long(&site.common, &name) {
            return Err(WorktreeError::TooLong { branch: branch.to_owned() });
        }
        if self.is_branch(at, &name)? {
            return Err(WorktreeError::Taken { branch: branch.to_owned() });
        }
        let in_the_way =
            |other: &str| WorktreeError::InTheWay { branch: branch.into(), other: other.into() };
        for (slash, _) in branch.match_indices('/') {
            if self.is_branch(at, &reference(&branch[..slash]))? {
                return Err(in_the_way(&branch[..slash]));
            }
        }
        let below = format!("{name}/");
        let list = ["for-each-ref", "--count=1", "--format=%(refname:lstrip=2)", &below];
        match self.tell(at, &list)?.as_str() {
            "" => Ok(()),
            other => Err(in_the_way(other)),
        }
    }

    /// Whether there is a branch with this full name.
    pub(super) fn is_branch(&self, at: &Path, name: &str) -> Result<bool, Fault> {
        Ok(self.ask(at, &["rev-parse", "--verify", "--quiet", name])?.is_some())
    }

    /// Makes a worktree with a branch of its own.
    pub(super) fn make(&self, wanted: &Wanted) -> Result<Made, WorktreeError> {
        let site = self.survey(&wanted.folder)?;
        let locked = self.lock(&site)?;
        let base = self.judge(&site, wanted)?;
        let (at, branch) = (site.at(), wanted.branch.as_str());
        // The empty word makes git refuse if there is such a branch by now.
        let begin = [
            "update-ref",
            "--create-reflog",
            "-m",
            &note(&wanted.path),
            &reference(branch),
            &base,
            "",
        ];
        if let Err(fault) = self.change(&locked, at, &begin) {
            // Somebody who does not know the lock may have been faster, and that is better said so.
            self.judge(&site, wanted)?;
            return Err(fault.into());
        }
        let add = ["worktree", "add", "--quiet", "--", &wanted.path, branch];
        let added = self.change(&locked, at, &add);
        let folder = Path::new(&wanted.path).join(site.below.trim_end_matches('/'));
        // A folder that holds nothing git knows is not there yet.
        let ready = added.and_then(|_| {
            fs::create_dir_all(&folder).map_err(|error| fault("making the folder", &error))
        });
        if let Err(fault) = ready {
            // What cannot be taken back now can be later; why it was not made has to be told.
            drop(self.undo(&locked, &site, wanted));
            return Err(fault.into());
        }
        let folder = folder.to_string_lossy().trim_end_matches('/').to_owned();
        let worktree = Worktree {
            path: wanted.path.clone(),
            branch: branch.into(),
            base,
            repository: site.top,
        };
        Ok(Made { worktree, folder })
    }
}

/// What the reflog of a branch says of its beginning: for whom it was made.
pub(super) fn note(path: &str) -> String {
    // Git writes any space as one blank.
    let spaces = [' ', '\t', '\n', '\r'];
    let words: Vec<&str> = path.split(spaces).filter(|word| !word.is_empty()).collect();
    format!("task-bg: made for the worktree at {}", words.join(" "))
}

/// Whether the files that git keeps about a branch could not have their names.
fn is_too_long(common: &Path, name: &str) -> bool {
    let longest = rustix::fs::statvfs(common).ok();
    let longest = longest.and_then(|found| usize::try_from(found.f_namemax).ok());
    let longest = longest.filter(|bytes| *bytes > 0).unwrap_or(NAME_MAX);
    let path = common.join("logs").join(name);
    name.split('/').any(|part| part.len() + LOCK.len() > longest)
        || path.as_os_str().len() + LOCK.len() > PATH_MAX
}
