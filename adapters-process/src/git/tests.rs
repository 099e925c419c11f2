//! Worktrees with the real git, in repositories that a test makes for itself.
//!
//! Nothing here waits for luck: what has to be in the middle of something is put there by hand.

mod looking;
mod making;
mod removing;
mod taking_back;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::port::worktrees::{Changes, Made, Removal, Wanted, WorktreeError, Worktrees};
use domain::task::Worktree;
use tempfile::TempDir;

use super::GitWorktrees;

/// A repository with one commit, and room beside it for worktrees.
struct Scene {
    folder: TempDir,
    worktrees: GitWorktrees,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = std::env::var_os("PATH").expect("a path");
        let worktrees = GitWorktrees::new(environment(folder.path(), path).into_iter());
        let scene = Self { folder, worktrees };
        fs::create_dir_all(scene.repository().join("src")).expect("a folder");
        fs::create_dir(scene.path("worktrees")).expect("a folder");
        let identity = "[user]\n\tname = A\n\temail = a@example.org\n";
        fs::write(scene.path(".gitconfig"), identity).expect("a file");
        scene.git("init -q -b main .");
        fs::write(scene.repository().join("src/it"), "one\n").expect("a file");
        fs::write(scene.repository().join(".gitignore"), "ignored\n").expect("a file");
        scene.git("add . && git commit -q -m first");
        scene
    }

    /// Runs git from now on as the script `body`, which finds the real one in `$GIT`.
    fn with_git(mut self, body: &str) -> Self {
        let bin = self.path("bin");
        fs::create_dir(&bin).expect("a folder");
        let path = std::env::var_os("PATH").expect("a path");
        let real = std::env::split_paths(&path).map(|place| place.join("git"));
        let real = real.into_iter().find(|git| git.is_file()).expect("a git");
        let script = format!("#!/bin/sh\nGIT='{}'\n{body}\n", real.display());
        fs::write(bin.join("git"), script).expect("a file");
        fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o700)).expect("a mode");
        let mut places = OsString::from(&bin);
        places.push(":");
        places.push(path);
        let environment = environment(self.folder.path(), places);
        self.worktrees = GitWorktrees::new(environment.into_iter());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn repository(&self) -> PathBuf {
        self.path("repository")
    }

    /// Runs `git` with what follows in the repository.
    fn git(&self, words: &str) -> String {
        self.git_in(&self.repository(), words)
    }

    fn git_in(&self, folder: &Path, words: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("git {words}")]).current_dir(folder).env_clear();
        let path = std::env::var_os("PATH").expect("a path");
        let ran = command.envs(environment(self.folder.path(), path)).output().expect("a shell");
        let complaints = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "git {words}: {complaints}");
        String::from_utf8_lossy(&ran.stdout).trim_end().to_owned()
    }

    fn wanted(&self, id: &str) -> Wanted {
        Wanted {
            folder: text(&self.repository()),
            path: text(&self.path("worktrees").join(id)),
            branch: format!("task-bg/{id}"),
        }
    }

    fn create(&self, wanted: &Wanted) -> Result<Made, WorktreeError> {
        pollster::block_on(self.worktrees.create(wanted))
    }

    fn check(&self, wanted: &Wanted) -> Result<(), WorktreeError> {
        pollster::block_on(self.worktrees.check(wanted))
    }

    /// A worktree that was made for `id`.
    fn made(&self, id: &str) -> Worktree {
        self.create(&self.wanted(id)).expect("a worktree").worktree
    }

    fn changes(&self, worktree: &Worktree) -> Result<Changes, WorktreeError> {
        pollster::block_on(self.worktrees.changes(worktree, 100))
    }

    /// Removes a worktree and returns why it is kept; `None` if it is gone.
    fn remove(&self, worktree: &Worktree) -> Option<String> {
        match pollster::block_on(self.worktrees.remove_if_clean(worktree)).expect("an answer") {
            Removal::Removed => None,
            Removal::Kept(why) => Some(why),
        }
    }

    /// Takes back what is left of `wanted` and returns why something is kept.
    fn take_back(&self, wanted: &Wanted) -> Option<String> {
        match pollster::block_on(self.worktrees.take_back(wanted)).expect("an answer") {
            Removal::Removed => None,
            Removal::Kept(why) => Some(why),
        }
    }

    fn branches(&self) -> String {
        self.git("branch --format='%(refname:short)'")
    }

    /// Asserts that the repository has one worktree and one branch, as at the beginning.
    fn assert_untouched(&self) {
        assert_eq!(self.branches(), "main");
        assert_eq!(self.git("worktree list").lines().count(), 1);
        let left = fs::read_dir(self.path("worktrees")).expect("a folder").count();
        assert_eq!(left, 0, "something is left where worktrees are made");
    }
}

fn environment(home: &Path, path: OsString) -> Vec<(OsString, OsString)> {
    vec![
        ("HOME".into(), home.into()),
        ("PATH".into(), path),
        ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ("GIT_CEILING_DIRECTORIES".into(), home.into()),
    ]
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}
