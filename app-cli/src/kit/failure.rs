//! Every way a command can fail: its exit code, its word for machines, what to do about it.
//!
//! The words of an error stand where it is defined; here it only gets a kind, hints, and the chain
//! of its causes. Each match is complete, so that nobody can forget a new error.

mod advice;
mod causes;
mod silence;
pub(crate) mod wording;

use std::error::Error;

use domain::task::TaskId;

/// What kind of failure it is. Decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something that should not happen.
    Unexpected,
    /// The command line, or what it names, is wrong.
    Usage,
    /// There is no such task.
    NotFound,
    /// The beginning of an id fits several tasks.
    Ambiguous,
    /// The task has already ended.
    AlreadyEnded,
    /// The task is in another state than it would have to be.
    WrongState,
    /// Tasks are launched too deep.
    TooDeep,
    /// A settings file could not be changed, and is as it was.
    SettingsRefused,
    /// A task that was waited for did not complete.
    TaskFailed,
    /// The wait ran out of time.
    TimedOut,
    /// The agent could not be started.
    LaunchFailed,
    /// The store cannot be used.
    StoreUnavailable,
    /// The record cannot be read.
    Unreadable,
}

impl Kind {
    /// Every kind, in the order of the documents.
    pub const ALL: [Self; 13] = [
        Self::Unexpected,
        Self::Usage,
        Self::NotFound,
        Self::Ambiguous,
        Self::AlreadyEnded,
        Self::WrongState,
        Self::TooDeep,
        Self::SettingsRefused,
        Self::TaskFailed,
        Self::TimedOut,
        Self::LaunchFailed,
        Self::StoreUnavailable,
        Self::Unreadable,
    ];

    /// The exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::NotFound | Self::Ambiguous => 3,
            Self::AlreadyEnded | Self::WrongState | Self::TooDeep | Self::SettingsRefused => 4,
            Self::TaskFailed => 5,
            Self::TimedOut => 6,
            Self::LaunchFailed => 7,
            Self::StoreUnavailable => 8,
            Self::Unreadable => 9,
        }
    }

    /// The word for machines, under `code`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::AlreadyEnded => "already_ended",
            Self::WrongState => "wrong_state",
            Self::TooDeep => "too_deep",
            Self::SettingsRefused => "settings_refused",
            Self::TaskFailed => "task_failed",
            Self::TimedOut => "timed_out",
            Self::LaunchFailed => "launch_failed",
            Self::StoreUnavailable => "store_unavailable",
            Self::Unreadable => "unreadable",
        }
    }

    /// What it means, for the documents.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Unexpected => {
                "something unexpected, such as a process that cannot be stopped; or a finding of `doctor`"
            }
            Self::Usage => "the command line, or a file, folder or variable it names, is wrong",
            Self::NotFound => "there is no such task",
            Self::Ambiguous => "the beginning of an id fits several tasks",
            Self::AlreadyEnded => "the task has already ended, or is being cancelled",
            Self::WrongState => "the task is in another state than it would have to be",
            Self::TooDeep => "tasks launch tasks too deep",
            Self::SettingsRefused => "a settings file could not be changed, and is as it was",
            Self::TaskFailed => "a task that was waited for ended, but did not complete",
            Self::TimedOut => "the wait ran out of time",
            Self::LaunchFailed => "the agent could not be started",
            Self::StoreUnavailable => "the store cannot be used",
            Self::Unreadable => "the record cannot be read",
        }
    }
}

/// The table of exit codes as Markdown.
pub fn markdown() -> String {
    let rows = Kind::ALL
        .iter()
        .map(|kind| format!("| {} | `{}` | {} |\n", kind.exit_code(), kind.word(), kind.meaning()));
    let rows: String = rows.collect();
    format!("| exit code | `code` | meaning |\n|---|---|---|\n| 0 | | all went well |\n{rows}")
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What is wrong, as a fact.
    pub message: String,
    /// What caused it, outermost first.
    pub causes: Vec<String>,
    /// What the reader can do.
    pub hints: Vec<String>,
    /// Further members of the answer for machines, each with its key.
    pub facts: Vec<(&'static str, String)>,
}

impl Failure {
    /// A failure without causes or hints.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// The same with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with the task that it is about.
    #[must_use]
    pub fn about(mut self, id: &TaskId) -> Self {
        self.facts.extend([("taskId", id.to_string()), ("id", id.to_string())]);
        self
    }

    pub(super) fn of(kind: Kind, error: &dyn Error) -> Self {
        let mut failure = Self::new(kind, error.to_string());
        let mut next = error.source();
        while let Some(cause) = next {
            failure.causes.push(cause.to_string());
            next = cause.source();
        }
        failure
    }

    /// The same with what can be done about it.
    pub fn with_hint(&self) -> String {
        let hints = self.hints.iter().map(|hint| format!("; {hint}"));
        wording::bounded(&format!("{}{}", self.sentence(), hints.collect::<String>()))
    }

    /// The message with its causes, as one sentence, of which the middle gives way where it is long.
    pub fn sentence(&self) -> String {
        let causes = self.causes.iter().map(|cause| format!(": {cause}"));
        wording::bounded(&format!("{}{}", self.message, causes.collect::<String>()))
    }
}
