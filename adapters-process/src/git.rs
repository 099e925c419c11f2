//! Worktrees by `git`: made, looked at, and removed only where nothing is lost.
//!
//! The branch is made before the worktree and by itself, so that of two that want one name exactly
//! one gets it, and only its maker ever takes it back. Never forces git to anything.

mod command;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::port::Fault;
use domain::port::worktrees::{Changes, Diff, Made, Removal, Wanted, WorktreeError, Worktrees};
use domain::task::Worktree;

use command::Git;
pub use command::names_a_repository;

/// Whatever the repository's configuration leaves out of it.
const STATUS: [&str; 5] =
    ["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=none"];

/// Worktrees made by the `git` on the search path.
#[derive(Clone, Debug)]
pub struct GitWorktrees {
    git: Git,
}

impl GitWorktrees {
    /// Runs git in this environment, without the variables that describe the caller's repository.
    pub fn new(environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        Self { git: Git::new(environment) }
    }

    /// Runs a command that answers with one value; `None` if git says no.
    fn ask(&self, folder: &Path, words: &[&str]) -> Result<Option<String>, Fault> {
        let ran = self.git.at(folder).args(words).run();
        let ran = ran.map_err(|error| fault("running `git`", &error))?;
        Ok(ran.ok.then(|| ran.text()))
    }

    fn tell(&self, folder: &Path, words: &[&str]) -> Result<String, Fault> {
        let step = format!("`git {}` in `{}`", words.first().unwrap_or(&""), folder.display());
        Ok(self.git.at(folder).args(words).done(&step)?.text())
    }

    /// Items that git separates by NUL.
    fn items(&self, folder: &Path, words: &[&str]) -> Result<Vec<String>, Fault> {
        let text = self.tell(folder, words)?;
        Ok(text.split('\0').filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect())
    }

    /// Refuses a folder that no worktree can be made from; returns the top folder of its
    /// repository and the folder's path below that.
    fn survey(&self, folder: &str) -> Result<(String, String), WorktreeError> {
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
        if !ran.ok {
            let reason = ran.words.lines().next().unwrap_or_default();
            let reason = reason.trim_start_matches("fatal: ").to_owned();
            return Err(WorktreeError::NoRepository { folder, reason });
        }
        if ran.text() != "true" {
            return Err(WorktreeError::Bare { folder });
        }
        let top = self.tell(at, &["rev-parse", "--show-toplevel"])?;
        Ok((top, self.tell(at, &["rev-parse", "--show-prefix"])?))
    }

    /// Takes back a branch that was made here and still is as it was made.
    fn take_back(&self, top: &Path, branch: &str, base: &str) {
        // Nothing better can be done about a branch that does not go away.
        drop(self.tell(top, &["update-ref", "-d", &reference(branch), base]));
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

    fn remove(&self, worktree: &Worktree) -> Result<Removal, Fault> {
        let repository = Path::new(&worktree.repository);
        if !repository.is_dir() {
            return Ok(if Path::new(&worktree.path).exists() {
                Removal::Kept(format!("its repository `{}` is gone", worktree.repository))
            } else {
                Removal::Removed
            });
        }
        if let Some(why) = self.attachment(worktree)? {
            return Ok(Removal::Kept(why));
        }
        // Without force: git looks once more whether it is clean.
        let removed = self.tell(repository, &["worktree", "remove", "--", &worktree.path]);
        if let Err(fault) = removed
            && Path::new(&worktree.path).exists()
        {
            return Ok(Removal::Kept(fault.reason));
        }
        let branch = reference(&worktree.branch);
        if self.ask(repository, &["rev-parse", "--verify", "--quiet", &branch])?.is_some() {
            // It has been seen above that no commit goes with it.
            self.tell(repository, &["branch", "-D", "--quiet", "--", &worktree.branch])?;
        }
        Ok(Removal::Removed)
    }
}

#[async_trait]
impl Worktrees for GitWorktrees {
    async fn create(&self, wanted: &Wanted) -> Result<Made, WorktreeError> {
        let (top, below) = self.survey(&wanted.folder)?;
        let (at, branch) = (Path::new(&top), wanted.branch.clone());
        let commit = ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"];
        let Some(base) = self.ask(at, &commit)? else {
            return Err(WorktreeError::NoCommit { folder: top });
        };
        let name = reference(&branch);
        if self.ask(at, &["check-ref-format", &name])?.is_none() {
            return Err(WorktreeError::BadName { branch });
        }
        if self.ask(at, &["rev-parse", "--verify", "--quiet", &name])?.is_some() {
            return Err(WorktreeError::Taken { branch });
        }
        self.tell(at, &["branch", "--no-track", "--", &branch, &base])?;
        let added = self.tell(at, &["worktree", "add", "--quiet", "--", &wanted.path, &branch]);
        let folder = Path::new(&wanted.path).join(below.trim_end_matches('/'));
        // A folder that holds nothing git knows is not there yet.
        let ready = added.and_then(|_| {
            fs::create_dir_all(&folder).map_err(|error| fault("making the folder", &error))
        });
        if let Err(fault) = ready {
            drop(self.tell(at, &["worktree", "remove", "--", &wanted.path]));
            self.take_back(at, &branch, &base);
            return Err(fault.into());
        }
        let folder = folder.to_string_lossy().trim_end_matches('/').to_owned();
        let worktree = Worktree { path: wanted.path.clone(), branch, base, repository: top };
        Ok(Made { worktree, folder })
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
        self.remove(worktree)
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

fn reference(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn fault(step: &str, error: &io::Error) -> Fault {
    Fault { step: step.to_owned(), reason: error.to_string() }
}
