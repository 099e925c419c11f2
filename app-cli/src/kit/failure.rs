//! Every way a command can fail: its exit code, its word for machines, what to do about it.
//!
//! The words of an error stand where it is defined; here it only gets a kind, hints, and the chain
//! of its causes. Each match is complete, so that nobody can forget a new error.

pub(crate) mod wording;

use std::error::Error;

use adapters_fs::NoHome;
use adapters_fs::hook_settings::HookSettingsError;
use domain::port::{Fault, LaunchFailure, StoreError, StoreFailure, WorktreeError};
use domain::task::Refusal;
use domain::task::droid::NoDroid;
use domain::usecase::Trouble;
use domain::usecase::diff::DiffError;
use domain::usecase::launch::LaunchError;
use domain::usecase::resolve::ResolveError;

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
    const fn meaning(self) -> &'static str {
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

    fn of(kind: Kind, error: &dyn Error) -> Self {
        let mut failure = Self::new(kind, error.to_string());
        let mut next = error.source();
        while let Some(cause) = next {
            failure.causes.push(cause.to_string());
            next = cause.source();
        }
        failure
    }

    /// The message with its causes, as one sentence.
    pub fn sentence(&self) -> String {
        let causes = self.causes.iter().map(|cause| format!(": {cause}"));
        format!("{}{}", self.message, causes.collect::<String>())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { .. } => {
                Self::of(Kind::NotFound, &error).hint("run `task-bg list` to see the ids")
            }
            StoreError::Unreadable { .. } => Self::of(Kind::Unreadable, &error)
                .hint("the file was left as it is; `task-bg list` names all that cannot be read"),
            StoreError::Exists { .. } => Self::of(Kind::Unexpected, &error).hint("try once more"),
            StoreError::Refused { id, refusal } => {
                let failure = Self::of(refused(refusal), &error);
                match refusal {
                    Refusal::AlreadyEnded { .. } => failure
                        .hint(format!("run `task-bg output --result {id}` to see what it found")),
                    Refusal::BeingCancelled { .. } | Refusal::NotEnded => {
                        failure.hint(format!("run `task-bg wait {id}` to wait for its end"))
                    }
                    Refusal::AlreadyStarted
                    | Refusal::NotHeld
                    | Refusal::NotStarted
                    | Refusal::NotExpired { .. } => failure,
                    Refusal::AlreadyRetried { next } => {
                        failure.hint(format!("run `task-bg wait {next}` to wait for that attempt"))
                    }
                }
            }
            StoreError::Failed { failure: StoreFailure::Busy { .. }, .. } => {
                Self::of(Kind::StoreUnavailable, &error).hint(
                    "another program holds the lock; see who has the file open, then try again",
                )
            }
            StoreError::Failed { failure: StoreFailure::Full(_), .. } => {
                Self::of(Kind::StoreUnavailable, &error)
                    .hint("run `task-bg cleanup --delete --older-than 7d` to remove old tasks")
            }
            StoreError::Failed { failure: StoreFailure::Fault(_), .. } => {
                Self::of(Kind::StoreUnavailable, &error).hint(format!(
                    "check the folder's owner and mode, or set `{}`",
                    crate::kit::environment::DIR
                ))
            }
        }
    }
}

/// The kind of a refusal.
pub(crate) const fn refused(refusal: &Refusal) -> Kind {
    match refusal {
        Refusal::AlreadyEnded { .. } | Refusal::BeingCancelled { .. } => Kind::AlreadyEnded,
        Refusal::AlreadyStarted
        | Refusal::AlreadyRetried { .. }
        | Refusal::NotHeld
        | Refusal::NotStarted
        | Refusal::NotEnded
        | Refusal::NotExpired { .. } => Kind::WrongState,
    }
}

impl From<Fault> for Failure {
    fn from(error: Fault) -> Self {
        Self::of(Kind::StoreUnavailable, &error).hint(format!(
            "check the folder's owner and mode, or set `{}`",
            crate::kit::environment::DIR
        ))
    }
}

impl From<Trouble> for Failure {
    fn from(error: Trouble) -> Self {
        match error {
            Trouble::Store(error) => error.into(),
            Trouble::Fault(error) => error.into(),
            Trouble::Elsewhere { ref host, .. } => Self::of(Kind::WrongState, &error)
                .hint(format!("run the command on `{host}`: it alone can judge and stop its tasks")),
            Trouble::Unanswered { ref id } => Self::of(Kind::Unexpected, &error).hint(format!(
                "its supervisor may be stopped: `task-bg status {id}` names it"
            )),
            Trouble::QueueBusy => Self::of(Kind::StoreUnavailable, &error).hint(
                "another task-bg holds `.locks/gate` in the store; see who has it open, and whether it is stopped",
            ),
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Store(error) => error.into(),
            ResolveError::Invalid { invalid, .. } => {
                // The original's wording alone; what it cannot be goes into the hint.
                Self::new(Kind::NotFound, error.to_string()).hint(format!(
                    "that cannot be an id: {invalid}; run `task-bg list` to see the ids"
                ))
            }
            ResolveError::NotFound { .. } => {
                Self::of(Kind::NotFound, &error).hint("run `task-bg list` to see the ids")
            }
            ResolveError::Ambiguous { .. } => {
                Self::of(Kind::Ambiguous, &error).hint("give more of the id")
            }
        }
    }
}

impl From<LaunchError> for Failure {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Trouble(trouble) => trouble.into(),
            LaunchError::NotStarted { ref id, ref failure, ref next } => {
                let hint = match failure {
                    LaunchFailure::NotFound { program } => format!(
                        "install `{program}`, put its folder on PATH, or set `TASK_BG_DROID` to the droid program"
                    ),
                    LaunchFailure::NotStarted { .. } | LaunchFailure::Supervisor(_) => {
                        format!("run `task-bg status {id}` to see what was recorded")
                    }
                };
                let mut failed = Self::of(Kind::LaunchFailed, &error).hint(hint);
                failed.facts.push(("taskId", id.to_string()));
                if let Some(next) = next {
                    failed.facts.push(("retriedAs", next.to_string()));
                    failed = failed.hint(format!("it is tried once more as {next}"));
                }
                failed
            }
        }
    }
}

impl From<NoDroid> for Failure {
    fn from(error: NoDroid) -> Self {
        let list = "run `task-bg droids` to see which droids there are";
        let failure = Self::of(Kind::Usage, &error);
        match error {
            NoDroid::Unknown { near, .. } if near.is_empty() => failure.hint(list),
            NoDroid::Unknown { near, .. } => {
                let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
                failure.hint(format!("did you mean {}? {list}", near.join(" or ")))
            }
            NoDroid::Unreadable { .. } => failure.hint(format!("mend the file, or {list}")),
        }
    }
}

impl From<WorktreeError> for Failure {
    fn from(error: WorktreeError) -> Self {
        let (kind, hint) = match &error {
            WorktreeError::NoRepository { .. } => {
                (Kind::Usage, "name a folder in a repository with --cwd, or leave out --worktree")
            }
            WorktreeError::Bare { .. } => {
                (Kind::Usage, "name a folder of a repository with files, with --cwd DIR")
            }
            WorktreeError::NoCommit { .. } => (Kind::Usage, "make a first commit, then try again"),
            WorktreeError::BadName { .. } => {
                (Kind::Usage, "use letters, digits, `-`, `_` and `/`, as in --worktree=fix-login")
            }
            WorktreeError::Taken { .. } | WorktreeError::InTheWay { .. } => {
                (Kind::Usage, "give another name, or none: then it is the task's id")
            }
            WorktreeError::TooLong { .. } => (Kind::Usage, "give a shorter name"),
            WorktreeError::Occupied { .. } => (Kind::Usage, "move it away, then try again"),
            WorktreeError::Busy { .. } => {
                (Kind::Unexpected, "see which git or task-bg still works in that repository")
            }
            WorktreeError::NoGit => (Kind::Usage, "install git, or put its folder on PATH"),
            WorktreeError::Gone { .. } | WorktreeError::Replaced { .. } => {
                (Kind::WrongState, "look at its branch, if that is still there")
            }
            WorktreeError::Fault(_) => {
                (Kind::Unexpected, "try the git command by hand to see what it needs")
            }
        };
        Self::of(kind, &error).hint(hint)
    }
}

impl From<DiffError> for Failure {
    fn from(error: DiffError) -> Self {
        match error {
            DiffError::NotIsolated { .. } => Self::of(Kind::WrongState, &error)
                .hint("launch with --worktree to keep what a task changes apart"),
            DiffError::Trouble(error) => error.into(),
            DiffError::Worktree(error) => error.into(),
        }
    }
}

impl From<NoHome> for Failure {
    fn from(error: NoHome) -> Self {
        Self::of(Kind::StoreUnavailable, &error)
            .hint(format!("set `{}` to an absolute path", crate::kit::environment::DIR))
    }
}

impl From<HookSettingsError> for Failure {
    fn from(error: HookSettingsError) -> Self {
        let by_hand = "run `task-bg hooks print` to see what to add by hand";
        let hint = match &error {
            HookSettingsError::Broken { .. } => {
                format!("mend that place, then try again, or {by_hand}")
            }
            HookSettingsError::Odd { .. } => by_hand.to_owned(),
            HookSettingsError::Io { .. } => {
                format!("check the owner and the mode of the file and its folder, or {by_hand}")
            }
        };
        Self::of(Kind::SettingsRefused, &error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::task::{Status, TaskId};

    #[test]
    fn the_table_names_every_exit_code_once_a_word() {
        let table = markdown();
        for kind in Kind::ALL {
            assert_eq!(table.matches(&format!("`{}`", kind.word())).count(), 1);
        }
    }

    #[test]
    fn a_refusal_is_worded_with_its_cause_and_says_what_to_do() {
        let id = TaskId::parse("bg_1").expect("an id");
        let refusal = Refusal::AlreadyEnded { status: Status::Completed, at: None };
        let failure = Failure::from(StoreError::Refused { id, refusal });
        assert_eq!(failure.kind.exit_code(), 4);
        assert_eq!(
            failure.sentence(),
            "task bg_1 cannot be changed: it has already ended: completed"
        );
        assert_eq!(failure.hints.len(), 1);
    }
}
