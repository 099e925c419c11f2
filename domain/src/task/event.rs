//! What can happen to a task, and why it may be refused.
//!
//! Every change of a task is one of these events, given to [`super::Task::apply`]. An event says
//! what was seen or asked for; what follows from it is decided there.

use alloc::string::String;
use core::time::Duration;

use super::ending::Ending;
use super::id::TaskId;
use super::process::{Exit, ProcessId};
use super::progress::Activity;
use super::retention::{Policy, Signs, Verdict};
use super::state::{CancelIntent, Status};
use super::time::Timestamp;

/// What can happen to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody released it from being held.
    Released,
    /// Its agent was started.
    Started(Started),
    /// Somebody ordered another attempt by hand.
    Retried {
        /// The next attempt.
        next: TaskId,
        /// The attempt that was linked before and is known not to exist; `None` where there was none.
        instead_of: Option<TaskId>,
    },
    /// Its agent did something, or is at least alive.
    Progressed(Activity),
    /// Somebody wants it stopped. Recorded before any signal is sent; asking again can only shorten the
    /// grace.
    CancelRequested(CancelIntent),
    /// It has run for longer than it was ordered to, as its supervisor saw.
    Overran {
        /// How long it was to run.
        limit: Duration,
        /// How long the agent has between the polite signal and the last one.
        grace: Duration,
    },
    /// Somebody wants the processes stopped that an ended task left.
    StopRequested(CancelIntent),
    /// Whoever watched it says that it is over, and how.
    Ended {
        /// How.
        ending: Ending,
        /// How the agent exited, if that was seen.
        exit: Option<Exit>,
        /// A name for the attempt that follows, if the order asks for one after the ending it comes to.
        next: Option<TaskId>,
    },
    /// Somebody from outside says that it is over.
    Reported(Report),
    /// It looks expired to somebody who looked without a lock.
    Expired {
        /// What life means.
        policy: Policy,
        /// The signs of life that were looked up besides the record.
        signs: Signs,
        /// How long the agent has between the polite signal and the last one.
        grace: Duration,
        /// A name for the attempt that follows, if it ends by this at once and the order asks for one.
        next: Option<TaskId>,
    },
    /// Its agent exited after the task had already ended.
    AgentExited {
        /// How, if that was seen.
        exit: Option<Exit>,
        /// What it found, which is kept where the ending was a guess.
        result: Option<String>,
    },
}

/// Who runs a task that has just been started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The process that supervises it.
    pub supervisor: ProcessId,
    /// The agent itself.
    pub agent: ProcessId,
    /// What the clock that stands still with the machine showed; see [`crate::port::Clock::awake`].
    pub awake: Option<Duration>,
}

/// An ending given from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the task found.
    pub result: String,
    /// What went wrong; `None` or an empty text means nothing did.
    pub error: Option<String>,
}

/// Why an event was refused. The task is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The task ended before; the first ending wins.
    #[error("it has already ended: {}", .status.word())]
    AlreadyEnded {
        /// How it ended.
        status: Status,
        /// When it ended.
        at: Option<Timestamp>,
    },
    /// Somebody asked to cancel it before; that decides its ending.
    #[error("it is being cancelled")]
    BeingCancelled {
        /// When that was asked for.
        since: Timestamp,
    },
    /// Another attempt follows it already.
    #[error("it is tried again as {next}")]
    AlreadyRetried {
        /// That attempt.
        next: TaskId,
    },
    /// It was started before.
    #[error("it has already been started")]
    AlreadyStarted,
    /// Nobody holds it back.
    #[error("it is not held")]
    NotHeld,
    /// It was not started yet.
    #[error("it has not been started")]
    NotStarted,
    /// It has not ended.
    #[error("it has not ended")]
    NotEnded,
    /// It is not expired; a sign of life may have come in between.
    #[error("it is still alive")]
    NotExpired {
        /// The verdict on it.
        verdict: Verdict,
    },
}
