//! Running `git` for what it prints: by its arguments, without anybody's hooks, pagers or questions.
//!
//! Nothing here knows of worktrees.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use domain::port::Fault;

use super::running::{self, Answer};

/// Variables with their values.
type Variables = Vec<(OsString, OsString)>;

/// How much of what git says on standard error is passed on at most, in bytes.
const WORDS: u64 = 2_000;
/// The most of an answer that is read where nobody asked for less, in bytes.
const ANSWER: usize = 8 << 20;
/// How long git may take to answer a question.
const QUESTION: Duration = Duration::from_secs(30);
/// How long git may take to change a repository. Checking out a large worktree takes minutes.
const CHANGE: Duration = Duration::from_secs(300);

/// How the variables begin by which git finds its configuration. All others of git's describe the
/// repository, or the manners, of whoever calls.
const CONFIGURATION: [&str; 8] = [
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_",
    "GIT_CONFIG_VALUE_",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EXEC_PATH",
];

/// The variables that say which repository is meant, whatever the folder; git sets them for hooks.
const REPOSITORY: [&str; 12] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_GRAFT_FILE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
];

/// Whether a variable of the caller's would lead a git in another worktree back into the caller's.
pub fn names_a_repository(name: &OsStr) -> bool {
    REPOSITORY.iter().any(|variable| name == *variable)
}

/// Whether a variable is of no concern to the git commands that are run here.
fn misleads(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let configures = CONFIGURATION.iter().any(|variable| name.starts_with(variable.as_bytes()));
    name.starts_with(b"GIT_") && !configures
}

/// What a git command came to.
pub(super) struct Ran {
    /// How it ended; a command that was cut short counts as a success.
    pub(super) ok: bool,
    /// Whether something ended it before it could answer.
    pub(super) killed: bool,
    /// The beginning of what it printed.
    pub(super) stdout: Vec<u8>,
    /// Whether there was more.
    pub(super) truncated: bool,
    /// The beginning of what it complained about.
    pub(super) words: String,
}

impl Ran {
    /// What it printed, as one value.
    pub(super) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.stdout);
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }
}

/// Runs git.
#[derive(Clone, Debug)]
pub(super) struct Git {
    environment: Variables,
    /// How long git may take to answer a question.
    pub(super) question: Duration,
    /// How long git may take to change a repository.
    pub(super) change: Duration,
}

impl Git {
    /// Git in the environment of the caller, without the variables that would mislead it.
    pub(super) fn new(environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let environment = environment.filter(|(name, _)| !misleads(name)).collect();
        Self { environment, question: QUESTION, change: CHANGE }
    }

    /// A question, asked in `folder`.
    pub(super) fn at(&self, folder: &Path) -> Call {
        let mut command = Command::new("git");
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
        // Hooks and monitors are programs of the repository's: they may ask, hang or start others.
        let manners =
            ["--no-pager", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];
        command.args(manners).arg("-C").arg(folder);
        let answer = Answer::Pipe(ANSWER);
        Call { command, input: Ok(Stdio::null()), answer, limit: self.question }
    }

    /// A change of the repository that `folder` is in.
    ///
    /// Git gets `lock` as its standard input, which it never reads. A lock belongs to the open file:
    /// if this process is killed, the repository stays locked until git has ended.
    pub(super) fn changing(&self, folder: &Path, lock: &File) -> Call {
        let input = lock.try_clone().map(Stdio::from);
        Call { input, answer: Answer::Memory, limit: self.change, ..self.at(folder) }
    }
}

/// A git command being put together.
#[must_use = "nothing runs before `run`"]
pub(super) struct Call {
    command: Command,
    input: io::Result<Stdio>,
    answer: Answer,
    limit: Duration,
}

impl Call {
    /// Adds arguments.
    pub(super) fn args<A: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.command.args(words);
        self
    }

    /// Makes git use this index in place of the worktree's.
    pub(super) fn index(mut self, file: &Path) -> Self {
        self.command.env("GIT_INDEX_FILE", file);
        self
    }

    /// Reads at most so many bytes of its answer.
    pub(super) fn at_most(mut self, bytes: usize) -> Self {
        self.answer = Answer::Pipe(bytes);
        self
    }

    /// Runs it to its end, until it has printed enough, or until its time is over.
    ///
    /// # Errors
    /// The system's, if there is no git or it cannot be run; one of the kind
    /// [`io::ErrorKind::TimedOut`] if git took too long and was stopped.
    pub(super) fn run(self) -> io::Result<Ran> {
        let ended = running::run(self.command, self.input?, self.answer, self.limit)?;
        let mut words = Vec::new();
        ended.complaints.take(WORDS).read_to_end(&mut words)?;
        Ok(Ran {
            ok: ended.truncated || ended.status.success(),
            killed: !ended.truncated && ended.status.code().is_none(),
            stdout: ended.stdout,
            truncated: ended.truncated,
            words: said(ended.status, String::from_utf8_lossy(&words).trim()),
        })
    }

    /// Runs it to its end, which has to be success, and returns what it printed as one value.
    ///
    /// # Errors
    /// [`Fault`] with git's own words.
    pub(super) fn done(self, step: &str) -> Result<Ran, Fault> {
        let fault = |reason: String| Fault::of(step, reason);
        let ran = self.run().map_err(|error| fault(unable(&error)))?;
        if ran.ok { Ok(ran) } else { Err(fault(ran.words)) }
    }
}

/// Why git gave no answer at all.
pub(super) fn unable(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::TimedOut {
        error.to_string()
    } else {
        format!("`git` cannot be run: {error}")
    }
}

fn said(status: ExitStatus, words: &str) -> String {
    if words.is_empty() { format!("git ended with {status}") } else { words.to_owned() }
}
