//! The states of a task, each with exactly its own data.
//!
//! `queued -> running -> completed | error | cancelled`, or from `queued` to any of these three at
//! once. Nothing here changes a state; [`super::Task::apply`] alone does.

use alloc::string::String;
use core::time::Duration;

use super::time::Timestamp;

/// The state of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Recorded, not started.
    Queued(Queued),
    /// Its agent was started and no ending is recorded.
    Running(Running),
    /// It ended well.
    Completed(Completed),
    /// It ended badly.
    Error(Failure),
    /// It was stopped on request.
    Cancelled(Cancelled),
}

/// What is known of a task while it waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// Whether it waits until somebody releases it.
    pub held: bool,
    /// A cancel that was asked for while another process held the life lock, such as a supervisor that
    /// starts. That process, or the next that takes the lock, carries the cancel out.
    pub cancel: Option<CancelIntent>,
}

/// What is known of a task while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// The intent to stop it, recorded before any signal is sent: it decides the ending, and any later
    /// command can carry it out.
    pub stop: Option<StopIntent>,
}

/// A recorded intent to stop a running task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopIntent {
    /// When it was recorded.
    pub at: Timestamp,
    /// The time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Why, which also decides how the task ends.
    pub cause: Cause,
}

impl StopIntent {
    /// The intent of a cancel.
    pub const fn cancel(wish: CancelIntent) -> Self {
        Self { at: wish.at, grace: wish.grace, cause: Cause::Cancel }
    }

    /// When it was recorded, and the grace.
    pub const fn timing(&self) -> CancelIntent {
        CancelIntent { at: self.at, grace: self.grace }
    }
}

/// Why a running task is to be stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody asked for it; the task ends as cancelled.
    Cancel,
    /// It ran too long or fell silent; the task ends as an error.
    Expiry {
        /// Why, for machines.
        reason: Reason,
        /// Why, for people.
        message: String,
    },
}

/// A recorded intent to cancel a task, or to stop what an ended one left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelIntent {
    /// When it was asked for.
    pub at: Timestamp,
    /// The time between SIGTERM and SIGKILL.
    pub grace: Duration,
}

/// A task that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// When; absent in some records of other programs.
    pub at: Option<Timestamp>,
    /// What it found: the agent's final text, or the last lines of a command.
    pub result: String,
}

/// A task that ended badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When; absent in some records of other programs.
    pub at: Option<Timestamp>,
    /// Why, for machines.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
    /// What it had found until then, if anything.
    pub result: Option<String>,
}

/// A task that was stopped on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// When; absent in some records of other programs.
    pub at: Option<Timestamp>,
    /// What it had found until then, if anything.
    pub result: Option<String>,
}

/// Why a task ended badly, for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It exited with a code other than 0.
    Exit,
    /// A signal ended it.
    Signal,
    /// It ran, or waited, for too long.
    Timeout,
    /// It gave no sign of life for too long.
    Stale,
    /// Its supervisor and its agent are gone and nothing says how it ended.
    Lost,
    /// The agent was not allowed to do what it needed to do.
    Permission,
    /// The agent was not logged in, or its model refused the credentials.
    Auth,
    /// The agent's model refused more work for now: too many requests, or a quota that is used up.
    RateLimit,
    /// The agent exited with 0 but never said that it was done.
    NoResult,
    /// It could not be started.
    LaunchFailed,
    /// A task it had to wait for did not complete.
    Dependency,
    /// It wrote more than the limit, on a file system that cannot free the middle of a file.
    OutputLimit,
    /// A person or a hook reported it.
    Reported,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::Exit,
        Self::Signal,
        Self::Timeout,
        Self::Stale,
        Self::Lost,
        Self::Permission,
        Self::Auth,
        Self::RateLimit,
        Self::NoResult,
        Self::LaunchFailed,
        Self::Dependency,
        Self::OutputLimit,
        Self::Reported,
    ];

    /// Whether an ending with this reason may be wrong, so that a later result is kept beside it.
    pub const fn is_guess(self) -> bool {
        matches!(self, Self::Timeout | Self::Stale | Self::Lost | Self::LaunchFailed)
    }

    /// The word for it in records and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Signal => "signal",
            Self::Timeout => "timeout",
            Self::Stale => "stale",
            Self::Lost => "lost",
            Self::Permission => "permission",
            Self::Auth => "auth",
            Self::RateLimit => "rate_limit",
            Self::NoResult => "no_result",
            Self::LaunchFailed => "launch_failed",
            Self::Dependency => "dependency",
            Self::OutputLimit => "output_limit",
            Self::Reported => "reported",
        }
    }

    /// The reason that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

/// The name of a state, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// See [`State::Queued`].
    Queued,
    /// See [`State::Running`].
    Running,
    /// See [`State::Completed`].
    Completed,
    /// See [`State::Error`].
    Error,
    /// See [`State::Cancelled`].
    Cancelled,
}

impl Status {
    /// Every status, in the order in which a task may have them.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Completed, Self::Error, Self::Cancelled];

    /// The word for it in records and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether a task with this status never changes again.
    pub const fn is_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Completed | Self::Error | Self::Cancelled => true,
        }
    }
}

impl State {
    /// The name of the state.
    pub const fn status(&self) -> Status {
        match self {
            Self::Queued(_) => Status::Queued,
            Self::Running(_) => Status::Running,
            Self::Completed(_) => Status::Completed,
            Self::Error(_) => Status::Error,
            Self::Cancelled(_) => Status::Cancelled,
        }
    }

    /// When it ended; `None` while it has not, or where the record does not say.
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Queued(_) | Self::Running(_) => None,
            Self::Completed(Completed { at, .. })
            | Self::Error(Failure { at, .. })
            | Self::Cancelled(Cancelled { at, .. }) => *at,
        }
    }

    /// What it found, as far as it got.
    pub fn result(&self) -> Option<&str> {
        match self {
            Self::Queued(_) | Self::Running(_) => None,
            Self::Cancelled(stopped) => stopped.result.as_deref(),
            Self::Completed(done) => Some(&done.result),
            Self::Error(failure) => failure.result.as_deref(),
        }
    }
}
