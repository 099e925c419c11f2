//! What can happen to a task, and why an event may be refused.
//!
//! Every change of a task is one of these events, given to [`super::Task::apply`]. An event says what
//! was seen or asked for; `apply` decides what follows.

use alloc::boxed::Box;
use alloc::string::String;
use core::time::Duration;

use super::ending::Ending;
use super::id::TaskId;
use super::job::Job;
use super::mirror::Mirror;
use super::process::{Exit, LeftBehind, ProcessId};
use super::progress::Activity;
use super::retention::{Policy, Signs, Verdict};
use super::state::{CancelIntent, Reason, Status};
use super::time::Timestamp;

/// What can happen to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody released it: it is not held any more.
    Released,
    /// Its agent was started.
    Started(Started),
    /// Its supervisor was gone while its agent worked, and another one took it over.
    Adopted {
        /// The process that supervises it from now on.
        supervisor: ProcessId,
    },
    /// Somebody ordered another attempt by hand.
    Retried {
        /// The next attempt.
        next: TaskId,
        /// The attempt that was linked before and is known not to exist; `None` where there was none.
        instead_of: Option<TaskId>,
    },
    /// Its agent did something, or is at least alive.
    Progressed(Activity),
    /// Somebody asked to cancel it. Recorded before any signal is sent; asking again can only shorten
    /// the grace.
    CancelRequested(CancelIntent),
    /// It has passed its time limit, as its supervisor saw.
    Overran {
        /// The time limit.
        limit: Duration,
        /// The time between SIGTERM and SIGKILL.
        grace: Duration,
    },
    /// One of its logs has passed the most that one may take, and its middle cannot be given back to the disk, as its
    /// supervisor saw.
    Overflowed {
        /// The most bytes of a log.
        limit: u64,
        /// The time between SIGTERM and SIGKILL.
        grace: Duration,
    },
    /// Somebody asked to stop the processes that it left after its end.
    StopRequested(CancelIntent),
    /// The holder of its life lock says that it has ended, and how.
    Ended {
        /// How.
        ending: Ending,
        /// How the agent exited, if that was seen.
        exit: Option<Exit>,
        /// The id of the next attempt, if the order asks for one after this ending.
        next: Option<TaskId>,
    },
    /// A person or a hook says that it has ended.
    Reported(Report),
    /// A cluster has its job, or says something new of it; `host` is the node that it is to run on, once it is there.
    Placed {
        /// What is known of the job.
        job: Box<Job>,
        /// The node.
        host: Option<String>,
    },
    /// Something outside is about to stop it, and says why.
    Displaced {
        /// Why, for machines.
        reason: Reason,
        /// Why, for people.
        message: String,
        /// The time between SIGTERM and SIGKILL.
        grace: Duration,
    },
    /// `prune` found it expired, without a lock; `apply` judges again.
    Expired {
        /// The limits it is judged by.
        policy: Policy,
        /// The signs of life that were looked up besides the record.
        signs: Signs,
        /// The time between SIGTERM and SIGKILL.
        grace: Duration,
        /// The id of the next attempt, if this ends a queued task and the order asks for one.
        next: Option<TaskId>,
    },
    /// The machine in whose store it is kept says how it fares.
    Mirrored(Box<Mirror>),
    /// Its agent is gone, and this lives on.
    LeftBehind(LeftBehind),
    /// So much of what its supervisor adds to the readable log has found no room so far.
    LogLost {
        /// How many bytes; zero once there was room.
        bytes: u64,
    },
    /// Its agent exited after the task had ended.
    AgentExited {
        /// How, if that was seen.
        exit: Option<Exit>,
        /// What it found, which is kept where the ending was a guess or brought no result.
        result: Option<String>,
    },
}

impl Event {
    /// Whether only whoever keeps the task may decide it. A pointer to a task of another machine hears of such things by
    /// [`Event::Mirrored`]; were they recorded here, the task would go on there and nobody would look.
    pub const fn is_up_to_its_keeper(&self) -> bool {
        matches!(
            self,
            Self::Started(_)
                | Self::Released
                | Self::CancelRequested(_)
                | Self::Reported(_)
                | Self::Expired { .. }
        )
    }
}

/// The processes of a task that has just been started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The process that supervises it.
    pub supervisor: ProcessId,
    /// The agent itself.
    pub agent: ProcessId,
    /// The time since boot without sleep; see [`crate::port::Clock::awake`].
    pub awake: Option<Duration>,
    /// What holds all processes of the task together; see [`super::Progress::group`].
    pub group: Option<String>,
    /// The store that they were started from; see [`super::Progress::store`].
    pub store: Option<String>,
    /// The most that each of its logs may take; see [`super::Progress::log_limit`].
    pub log_limit: Option<u64>,
}

/// An ending that a person or a hook reports.
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
    /// An intent to cancel it is recorded, and decides its ending.
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
    /// It is kept in this store, so no other machine knows better.
    #[error("it is no task of another machine")]
    NotElsewhere,
    /// It is kept in the store of another machine, and its record here is a pointer.
    #[error("it is kept on `{host}`, which alone can change it")]
    KeptElsewhere {
        /// The machine, as ssh knows it.
        host: String,
    },
    /// It was started before.
    #[error("it has already been started")]
    AlreadyStarted,
    /// It is not held, so nothing can be released.
    #[error("it is not held")]
    NotHeld,
    /// It was not started yet.
    #[error("it has not been started")]
    NotStarted,
    /// It has not ended.
    #[error("it has not ended")]
    NotEnded,
    /// It has not expired; a sign of life may have come in between.
    #[error("it is still alive")]
    NotExpired {
        /// The verdict on it.
        verdict: Verdict,
    },
}
