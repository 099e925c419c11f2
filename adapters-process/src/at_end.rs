//! What somebody wants run when a task has ended: a line for the shell, or a notice on the desktop.
//!
//! [`AtEnd`] starts it and waits for nothing that it does: what it prints, how long it takes and how it ends is
//! nobody's business here, and the task has ended before. It belongs to no task, so that nothing that looks for what
//! a task left behind finds it, and what it launches is as deep as if the task had launched it. It never runs for
//! another user: a record of somebody else's may ask for anything.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::port::Aftermath;
use domain::task::preview::preview;
use domain::task::text::{self, screen::settled};
use domain::task::{Exit, State, Task, TaskId, TaskName};

use crate::{DEPTH_VARIABLE, SUPERVISOR_VARIABLE, TASK_ID_VARIABLE};

/// The word that stands for a notice on the desktop.
pub const DESKTOP: &str = "desktop";
/// The variables that tell the line how the task ended, and what each says.
pub const VARIABLES: [(&str, &str); 11] = [
    ("TASK_BG_ID", "the id"),
    ("TASK_BG_NAME", "its `--name`, or nothing"),
    ("TASK_BG_DESCRIPTION", "what it was to do, in a line"),
    ("TASK_BG_AGENT", "its droid, or `command`"),
    ("TASK_BG_STATUS", "`completed`, `error` or `cancelled`"),
    ("TASK_BG_REASON", "why it did not complete, in a word, or nothing"),
    ("TASK_BG_ERROR", "the same in a sentence, or nothing"),
    ("TASK_BG_EXIT_CODE", "the exit code, where there is one"),
    ("TASK_BG_RESULT", "what came of it, at most 4,000 characters"),
    ("TASK_BG_RECORD", "the path of its record"),
    ("TASK_BG_DIR", "the store"),
];
/// The most of a result that is told, in characters: the environment of a process has little room.
const TOLD: usize = 4_000;
/// The most of a line of a notice, in characters.
const LINE: usize = 200;

/// Starts a line in a shell of its own and does not wait: a process that has ended is nobody's to wait for.
const BEHIND: &str = "/bin/sh -c \"$1\" task-bg &";
/// Says it on the desktop, where there is a program for that. Its text may be read as markup.
const ON_DESKTOP: &str = "exec notify-send -a task-bg -- \"$TASK_BG_TITLE\" \"$TASK_BG_LINE\"";

/// Starts what orders want run at the ends of tasks of one store.
pub struct AtEnd {
    store: PathBuf,
    depth: u32,
    record: Box<dyn Fn(&TaskId) -> PathBuf + Send + Sync>,
}

impl AtEnd {
    /// For the store in this folder, where `record` tells the path of a record. What is run is `depth` tasks deep, one
    /// more than this process: without that, a line that launches the task which it belongs to would do so for ever.
    pub fn of(
        store: PathBuf,
        depth: u32,
        record: impl Fn(&TaskId) -> PathBuf + Send + Sync + 'static,
    ) -> Self {
        Self { store, depth, record: Box::new(record) }
    }
}

impl Aftermath for AtEnd {
    fn ended(&self, task: &Task) {
        if let Some(line) = task.order().notify.as_deref()
            && is_own(&self.store)
        {
            let values = values(&self.store, &(self.record)(task.id()), task);
            start(line, task, self.depth, values);
        }
    }
}

/// Starts a line for the shell, or the program that [`DESKTOP`] stands for.
fn start(line: &str, task: &Task, depth: u32, values: [OsString; VARIABLES.len()]) {
    let folder = task.order().cwd.as_deref().map(Path::new).filter(|cwd| cwd.is_dir());
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", BEHIND, "task-bg"]);
    if line == DESKTOP {
        let title = format!("{}: {}", task.status().word(), task.order().label());
        shell.arg(ON_DESKTOP).env("TASK_BG_TITLE", line_of(&title));
        shell.env("TASK_BG_LINE", without_markup(&line_of(&preview(task, LINE))));
    } else {
        shell.arg(line);
    }
    shell
        .envs(VARIABLES.iter().map(|(name, _)| *name).zip(values))
        .env(DEPTH_VARIABLE, depth.to_string())
        .env_remove(TASK_ID_VARIABLE)
        .env_remove(SUPERVISOR_VARIABLE)
        .current_dir(folder.unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    // The shell is gone as soon as it has started the line. That there is no shell is no fault of the task's.
    drop(shell.status());
}

/// What [`VARIABLES`] say of this task, in their order.
fn values(store: &Path, record: &Path, task: &Task) -> [OsString; VARIABLES.len()] {
    let order = task.order();
    let (reason, error) = match task.state() {
        State::Error(failure) => (failure.reason.word(), failure.message.as_str()),
        State::Queued(_) | State::Running(_) | State::Completed(_) | State::Cancelled(_) => {
            ("", "")
        }
    };
    let code = match task.progress().exit {
        Some(Exit::Code(code)) => code.to_string(),
        Some(Exit::Signal(_)) | None => String::new(),
    };
    let result = text::preview(task.state().result().unwrap_or_default(), TOLD);
    [
        task.id().as_str().into(),
        order.name.as_ref().map_or("", TaskName::as_str).into(),
        line_of(order.label()).into(),
        plain(&order.agent).into(),
        task.status().word().into(),
        reason.into(),
        plain(&text::preview(error, TOLD)).into(),
        code.into(),
        plain(&result).into(),
        record.into(),
        store.into(),
    ]
}

/// A text that can stand in an environment.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A text in one line, as a terminal would show it.
fn line_of(text: &str) -> String {
    let shown = settled(text);
    let words: Vec<&str> = shown.split_whitespace().collect();
    text::preview(&plain(&words.join(" ")), LINE)
}

/// A text of which nothing is markup.
fn without_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Whether the store belongs to the user of this process.
fn is_own(store: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    fs::metadata(store).is_ok_and(|folder| folder.uid() == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_on_the_desktop_is_one_line_without_markup() {
        let line = line_of("a\u{1b}[31m <b>&\nb c");
        assert_eq!(without_markup(&line), "a &lt;b&gt;&amp; b c");
        assert_eq!(plain("a\0b"), "a\u{fffd}b");
    }
}
