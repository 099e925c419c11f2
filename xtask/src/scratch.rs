//! A folder for one run, with everything in it that a run could touch.
//!
//! Programs started with its environment have their home, their store and their `PATH` there, and see nothing of the
//! caller's settings. When it goes, so do the processes that still carry its home in their environment, so that no run
//! leaves one behind. Main type: [`Scratch`].

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, thread};

use tempfile::TempDir;

use crate::command::observe;
use crate::failure::{During, Failure};

/// How long processes get to end after the last command has returned.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often they are looked for meanwhile.
const POLL: Duration = Duration::from_millis(20);
/// What programs keep of the caller's environment: where programs are, and how to print.
const KEPT: &[&str] =
    &["PATH", "LANG", "LC_ALL", "TERM", "NO_COLOR", "TMPDIR", "USER", "RUST_BACKTRACE"];

/// A scratch folder, removed with its processes at the end.
#[derive(Debug)]
#[must_use = "dropping it removes the folder"]
pub(crate) struct Scratch {
    folder: TempDir,
    places: Places,
}

/// Where things are in a scratch folder.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    root: PathBuf,
}

impl Places {
    /// The places below `root`.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The home of everything that runs.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Comes first on `PATH`.
    pub(crate) fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Where agents work.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Where `droid` looks for its settings.
    pub(crate) fn droid_settings(&self) -> PathBuf {
        self.home().join(".factory/settings.json")
    }

    /// What the scripted model was asked, one line a request.
    pub(crate) fn model_log(&self) -> PathBuf {
        self.root.join("model.log")
    }

    /// Appears when the scripted model listens.
    pub(crate) fn model_ready(&self) -> PathBuf {
        self.root.join("model.ready")
    }
}

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// When a folder cannot be made.
    pub(crate) fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("task-bg-").tempdir();
        let folder = folder.during("making a scratch folder")?;
        // The real path: `droid` resolves its folder before it names its sessions after it.
        let root = folder.path().canonicalize().during("finding the scratch folder")?;
        let places = Places::at(root);
        for made in [places.home().join(".factory"), places.bin(), places.work()] {
            fs::create_dir_all(&made).during(format_args!("making `{}`", made.display()))?;
        }
        Ok(Self { folder, places })
    }

    /// Where things are in it.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// Makes `program` reachable as `name`.
    ///
    /// # Errors
    ///
    /// When there is no such program, or the link cannot be made.
    pub(crate) fn link(&self, name: &str, program: &Path) -> Result<(), Failure> {
        let program = program.canonicalize().during(format_args!("finding `{name}`"))?;
        symlink(program, self.places.bin().join(name)).during(format_args!("linking `{name}`"))
    }

    /// Gives `command` this folder's environment and nothing else, and its work folder as the current one.
    pub(crate) fn dress(&self, command: &mut Command) {
        command.env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        let mut path = OsString::from(self.places.bin());
        if let Some(rest) = env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        // `ip` lives where an ordinary user does not look.
        path.push(":/usr/sbin:/sbin");
        command.env("PATH", path).env("HOME", self.places.home());
        command.env("FACTORY_AIRGAP_ENABLED", "1").env("MODEL_LOG", self.places.model_log());
        command.current_dir(self.places.work());
    }

    /// Removes the folder, after making sure that no process of it is left.
    ///
    /// # Errors
    ///
    /// When processes are left; they are ended all the same.
    pub(crate) fn close(self) -> Result<(), Failure> {
        self.close_within(PATIENCE)
    }

    fn close_within(self, patience: Duration) -> Result<(), Failure> {
        let start = Instant::now();
        let mut left = self.processes();
        while !left.is_empty() && start.elapsed() < patience {
            thread::sleep(POLL);
            left = self.processes();
        }
        if left.is_empty() {
            return Ok(());
        }
        let left: Vec<String> =
            left.iter().map(|(pid, words)| format!("{pid} ({words})")).collect();
        Err(Failure::new(format!("processes were left running: {}", left.join(", "))))
    }

    /// The processes whose home is somewhere in this folder, with their command lines.
    fn processes(&self) -> Vec<(u32, String)> {
        let mut marker = OsString::from("HOME=").into_encoded_bytes();
        marker.extend_from_slice(self.places.root.as_os_str().as_encoded_bytes());
        marker.push(b'/');
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        // What has ended, or belongs to somebody else, cannot be read, and is not ours.
        let ours = pids.filter(|pid: &u32| {
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            variables.split(|byte| *byte == 0).any(|variable| variable.starts_with(&marker))
        });
        ours.map(|pid| (pid, command_line(pid))).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let left = self.processes();
        if !left.is_empty() {
            let mut kill = Command::new("sh");
            kill.args(["-c", "kill -KILL \"$@\"", "sh"]);
            kill.args(left.iter().map(|(pid, _)| pid.to_string()));
            // Whoever ended in between cannot be killed, and need not be.
            drop(observe(&mut kill));
        }
        // A process in its last moments may still write; the folder itself must not stay for that.
        let path = self.folder.path();
        if fs::remove_dir_all(path).is_err() && path.exists() {
            drop(fs::remove_dir_all(path));
        }
    }
}

fn command_line(pid: u32) -> String {
    const SHOWN: usize = 100;
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).replace('\0', " ").trim().chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::Scratch;
    use crate::command::{Guarded, capture};

    #[test]
    fn a_program_sees_the_scratch_home_and_none_of_our_variables() {
        let scratch = Scratch::new().unwrap();
        let mut env = Command::new("env");
        scratch.dress(&mut env);
        let seen = capture(&mut env).unwrap();
        let home = format!("HOME={}\n", scratch.places().home().display());
        assert!(seen.contains(&home), "{seen}");
        assert!(!seen.contains("CARGO"), "{seen}");
    }

    #[test]
    fn a_process_left_behind_is_named_and_ended() {
        let scratch = Scratch::new().unwrap();
        let root = scratch.places().root().to_owned();
        let mut sleep = Command::new("sleep");
        scratch.dress(&mut sleep);
        let mut sleep = Guarded::spawn(sleep.arg("61")).unwrap();
        let failure = scratch.close_within(Duration::ZERO).unwrap_err().to_string();
        assert!(failure.contains("(sleep 61)"), "{failure}");
        while sleep.ended().is_none() {
            std::thread::yield_now();
        }
        assert!(!root.exists());
    }
}
