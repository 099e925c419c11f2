//! A hermetic place to run task-bg in: its own home, a cleared environment, a scripted `droid`.
//!
//! A sandbox never touches the home of whoever runs the tests, and when it is dropped, nothing that
//! was started in it is left, whatever the test did. The main type is [`Sandbox`].

mod groups;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Seen, comes_true, everybody, kill_everything_of, wait_for, wait_until};
use crate::run::Run;

/// Where the programs under test are; only an integration test knows it from cargo.
#[derive(Debug, Clone, Copy)]
pub struct Programs {
    /// `task-bg`.
    pub task_bg: &'static str,
    /// `task-bg-hook`.
    pub hook: &'static str,
    /// The stand-in for `droid`.
    pub droid: &'static str,
}

/// The agents beside `droid`.
pub const OTHER_AGENTS: [&str; 4] = ["claude", "codex", "gemini", "opencode"];

/// One home with one store.
#[derive(Debug)]
pub struct Sandbox {
    // Invariant: canonical, because processes are told apart by paths under it.
    root: PathBuf,
    /// Variables that every program here sees besides the usual ones.
    extra: Vec<(&'static str, OsString)>,
    // Dropped last, after everything that lives in it.
    _folder: TempDir,
}

impl Sandbox {
    /// A fresh home, with nothing recorded.
    ///
    /// # Panics
    ///
    /// When the temporary folder cannot be used.
    pub fn new(programs: Programs) -> Self {
        let folder =
            tempfile::Builder::new().prefix("task-bg-").tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("a folder that was just made");
        for name in ["home", "bin", "work"] {
            fs::create_dir(root.join(name)).expect("a folder in a fresh folder");
        }
        let Programs { task_bg, hook, droid } = programs;
        for (name, target) in [("task-bg", task_bg), ("task-bg-hook", hook), ("droid", droid)] {
            symlink(target, root.join("bin").join(name)).expect("a link in a fresh folder");
        }
        Self { root, extra: Vec::new(), _folder: folder }
    }

    /// The same with a variable that every program here sees.
    #[must_use]
    pub fn with_env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The folder that commands run in.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// The folder of the records.
    pub fn store(&self) -> PathBuf {
        self.home().join(".factory/.omd/background-tasks")
    }

    /// A path in the sandbox that a script can mention.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Puts the other agents on the search path, which the stand-in for `droid` plays as well.
    ///
    /// # Panics
    ///
    /// When they are there already.
    #[must_use]
    pub fn with_other_agents(self) -> Self {
        let bin = self.root.join("bin");
        let stand_in = fs::read_link(bin.join("droid")).expect("droid is there");
        for name in OTHER_AGENTS {
            symlink(&stand_in, bin.join(name)).expect("a link in a fresh folder");
        }
        self
    }

    /// Takes `droid` off the search path.
    ///
    /// # Panics
    ///
    /// When it is off already.
    pub fn remove_droid(&self) {
        fs::remove_file(self.root.join("bin/droid")).expect("droid is there to be removed");
    }

    /// `task-bg` with these arguments.
    pub fn task_bg<A: Into<OsString>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.program("task-bg", arguments)
    }

    /// `task-bg-hook` with this on its standard input.
    pub fn hook(&self, input: impl Into<Vec<u8>>) -> Run {
        self.program("task-bg-hook", [] as [&str; 0]).stdin(input)
    }

    /// A shell script in which all programs are on the search path.
    pub fn shell(&self, script: &str) -> Run {
        let arguments = ["-c", script];
        Run::new("/bin/sh".into(), arguments, &self.environment(), self.work())
    }

    fn program<A: Into<OsString>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Run {
        Run::new(self.root.join("bin").join(name), arguments, &self.environment(), self.work())
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut path = self.root.join("bin").into_os_string();
        path.push(":/usr/bin:/bin");
        let usual = [("HOME", self.home().into()), ("PATH", path), ("LANG", "C.UTF-8".into())];
        usual.into_iter().chain(self.extra.clone()).collect()
    }

    /// Launches a droid with this script as its prompt and returns the task's id.
    ///
    /// # Panics
    ///
    /// When it cannot be launched.
    pub fn launch(&self, prompt: &str) -> String {
        self.launch_with([] as [&str; 0], prompt)
    }

    /// The same with further options.
    ///
    /// # Panics
    ///
    /// When it cannot be launched.
    pub fn launch_with<A: Into<OsString>>(
        &self,
        options: impl IntoIterator<Item = A>,
        prompt: &str,
    ) -> String {
        let words = ["launch", "a scripted task", "--prompt-file", "-"].map(OsString::from);
        let words = words.into_iter().chain(options.into_iter().map(Into::into));
        task_id(&self.task_bg(words).stdin(prompt).ok().json())
    }

    /// Runs a command in the background and returns the task's id.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn run_command<A: Into<OsString>>(&self, argv: impl IntoIterator<Item = A>) -> String {
        let words = ["run", "a command", "--"].map(OsString::from);
        let words = words.into_iter().chain(argv.into_iter().map(Into::into));
        task_id(&self.task_bg(words).ok().json())
    }

    /// Runs a shell script in the background, with these options, and returns the task's id.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn run_script(&self, options: &[&str], script: &str) -> String {
        let words = [&["run", "a script"], options, &["--", "sh", "-c", script]].concat();
        task_id(&self.task_bg(words).ok().json())
    }

    /// The words of a shell that goes on once the file is there.
    pub fn until(&self, gate: &str) -> String {
        format!("until [ -e {} ]; do sleep 0.01; done", self.path(gate).display())
    }

    /// The record of a task as the file holds it.
    ///
    /// # Panics
    ///
    /// When there is none, or it is no JSON.
    pub fn record(&self, id: &str) -> Value {
        let file = self.store().join(format!("{id}.json"));
        let text = fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("reading {}: {error}", file.display()));
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is no JSON: {error}\n{text}", file.display()))
    }

    /// The record of a task once the file says that it has ended.
    ///
    /// # Panics
    ///
    /// When it does not end within twenty seconds.
    pub fn ended(&self, id: &str) -> Value {
        wait_for(&format!("the end of {id}"), || {
            let record = self.record(id);
            let status = record["status"].as_str().unwrap_or_default();
            (!matches!(status, "running" | "queued")).then_some(record)
        })
    }

    /// The status of a task as its record says it.
    ///
    /// # Panics
    ///
    /// When there is no record, or it is no JSON.
    pub fn status(&self, id: &str) -> String {
        self.record(id)["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Everything below `.active` and `.queue` whose name mentions a task.
    pub fn traces(&self, id: &str) -> Vec<String> {
        let names = self.active().into_iter().chain(self.queue());
        names.filter(|name| name.contains(id)).collect()
    }

    /// The names of what is not finished, as the index holds them.
    pub fn active(&self) -> Vec<String> {
        // The room for the ending, second names of logs and the note of a group that is left are no locks.
        let others = [".reserve", ".out", ".events.jsonl", groups::NOTE];
        let names = self.beside_locks().into_iter();
        names.filter(|name| !others.iter().any(|it| name.ends_with(it))).collect()
    }

    fn beside_locks(&self) -> Vec<String> {
        let entries = fs::read_dir(self.store().join(".active")).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }

    /// The names of the queue's entries, first come first.
    pub fn queue(&self) -> Vec<String> {
        let entries = fs::read_dir(self.store().join(".queue")).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort_unstable();
        names
    }

    /// Holds that nothing is kept for any task, once the last supervisor has put away what it had.
    ///
    /// # Panics
    ///
    /// When something stays; the message names it.
    #[track_caller]
    pub fn assert_nothing_kept(&self) {
        let kept = || [self.queue(), self.active(), self.groups_left()].concat();
        comes_true(|| kept().is_empty());
        assert_eq!(kept(), [""; 0], "kept in the queue, and beside the records");
    }

    /// Holds that nothing is kept for any task but half-written files of programs that were killed.
    ///
    /// # Panics
    ///
    /// When something else is there; the message names it.
    #[track_caller]
    pub fn assert_only_half_written_kept(&self) {
        let mut active = self.active();
        active.retain(|name| !name.starts_with('.'));
        assert_eq!((self.queue(), active), (Vec::new(), Vec::new()));
    }

    /// The lines of a file that scripts append to; none before the first does.
    pub fn lines_of(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The process id a script wrote, once it has.
    ///
    /// # Panics
    ///
    /// When the file does not come, or holds something else.
    pub fn pid_in(&self, name: &str) -> u32 {
        let file = self.path(name);
        let text = wait_for(&format!("the process id in {}", file.display()), || {
            // A shell makes the file before it writes.
            fs::read_to_string(&file).ok().filter(|text| !text.is_empty())
        });
        text.trim().parse().unwrap_or_else(|_| panic!("`{text}` is no process id"))
    }

    /// Waits until a script has made this file.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn wait_for_file(&self, name: &str) {
        let file = self.path(name);
        wait_until(&format!("the file {}", file.display()), || file.exists());
    }

    /// Makes a file that a script waits for.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn open_gate(&self, name: &str) {
        fs::write(self.path(name), "").expect("a file in the sandbox");
    }

    /// Waits until nothing that was started here is left.
    ///
    /// # Panics
    ///
    /// When something stays for long.
    pub fn wait_until_idle(&self) {
        wait_until("that nothing runs", || self.leftovers().is_empty());
    }

    /// Everything that was started here and still lives.
    pub fn leftovers(&self) -> Vec<Seen> {
        everybody().into_iter().filter(|seen| seen.belongs_to(&self.root)).collect()
    }

    /// Holds that everything that was started here is gone or about to go.
    ///
    /// # Panics
    ///
    /// When something stays; the message names it.
    pub fn assert_nothing_left(&self) {
        if !comes_true(|| self.leftovers().is_empty()) {
            let left = self.leftovers();
            let lines = left.iter().map(|seen| format!("{} {}", seen.pid, seen.command_line));
            panic!("still alive:\n{}", lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        kill_everything_of(&self.root);
        groups::remove(&self.store());
    }
}

/// Makes a program of a script, in place of whatever has that name.
///
/// # Panics
///
/// When it cannot be made.
pub fn executable(program: &Path, script: &str) {
    fs::create_dir_all(program.parent().unwrap_or(program)).expect("a folder");
    // A link would be written through.
    drop(fs::remove_file(program));
    fs::write(program, script).expect("a script");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// The id in the answer of a command that started a task.
///
/// # Panics
///
/// When there is none.
pub fn task_id(answer: &Value) -> String {
    let id = answer["taskId"].as_str();
    id.unwrap_or_else(|| panic!("no taskId in {answer}")).to_owned()
}

/// The process id that a record names as its `supervisor` or its `agentProcess`.
///
/// # Panics
///
/// When it names none.
#[track_caller]
pub fn pid_at(record: &Value, key: &str) -> u32 {
    let pid = record["progress"][key]["pid"].as_u64();
    pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_else(|| panic!("no {key} in {record:#}"))
}

/// Whether a list in an answer names a task.
pub fn names(list: &Value, id: &str) -> bool {
    list.as_array().is_some_and(|ids| ids.iter().any(|named| named == id || named["taskId"] == id))
}

/// The text of a path that goes into a script.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
