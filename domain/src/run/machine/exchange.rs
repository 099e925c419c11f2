//! What a machine and its driver tell each other.
//!
//! Plain values: nothing here decides anything.

use alloc::string::String;
use core::time::Duration;

use crate::run::account::AgentEvent;
use crate::task::{
    CancelIntent, Event, Exit, LeftBehind, Order, Reason, Runner, Task, Timestamp, retention,
};

/// A moment, by each of the clocks that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock, which dates what happens and limits nothing.
    pub wall: Timestamp,
    /// By a clock that never goes back: every limit runs on it.
    pub elapsed: Duration,
    /// By the clock that does not count the time the computer sleeps.
    pub awake: Duration,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The start is recorded, and the record says this.
    Started(Sight),
    /// The agent said something of its own work.
    Said(AgentEvent),
    /// The task's processes wrote or computed something that no event told of.
    Stirred,
    /// Somebody asked the driver itself to end.
    Asked,
    /// A log has passed the most that it may take, and nothing of it can be given back.
    Overflowed {
        /// The most, in bytes.
        limit: u64,
    },
    /// The driver read the record.
    Seen(Sight),
    /// Time passed.
    Tick,
    /// The agent is gone.
    AgentExited(Exited),
    /// What became of the event that the machine wanted recorded last.
    Recorded(Recorded),
}

/// What a record says, as far as a machine has to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Whether the task has ended.
    pub ended: bool,
    /// The intent to stop its processes, if one is recorded.
    pub stop: Option<CancelIntent>,
}

impl Sight {
    /// What the record of `task` says.
    pub fn of(task: &Task) -> Self {
        Self { ended: task.status().is_ended(), stop: task.to_be_stopped() }
    }
}

/// How an agent exited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exited {
    /// How it exited; `None` if that cannot be known.
    pub exit: Option<Exit>,
    /// The last lines of its log.
    pub log_tail: String,
    /// What kind of failure the agent's own words in that log are, where its events never began.
    pub log_complaint: Option<Reason>,
    /// Whether the agent says nothing but text for people.
    pub text_only: bool,
    /// What of the task lives on.
    pub left: LeftBehind,
    /// Random bits, for the id of the attempt that may follow.
    pub random: [u8; 3],
}

/// What became of an event that was to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is recorded, and the record says this now.
    Done(Sight),
    /// The task refused the event in its current state.
    Refused,
    /// The record is missing or unreadable: nothing can be recorded unless somebody restores it.
    Gone,
    /// The store did not work.
    Failed,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Record this event and answer with [`Input::Recorded`].
    Apply(Event),
    /// Stop the agent and all it started, with this grace between SIGTERM and SIGKILL; shorten the
    /// grace if they are being stopped already. Answer with [`Input::AgentExited`] once they are gone.
    Stop {
        /// The time between SIGTERM and SIGKILL.
        grace: Duration,
    },
    /// Append this to the readable log.
    Show(String),
    /// Nothing is to be done before this moment by the clock that never goes back, unless something
    /// happens.
    SleepUntil(Duration),
    /// The end is recorded, or can never be: the machine has nothing left to do.
    Done,
}

/// What a machine has to know of its task beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// How its order became a process.
    pub runner: Runner,
    /// The time limit of the task, above zero.
    pub time_limit: Option<Duration>,
    /// Whether another attempt may follow.
    pub may_be_retried: bool,
}

impl Charge {
    /// What is to be known of a task with this order.
    pub fn of(order: &Order) -> Self {
        Self {
            runner: order.runner.clone(),
            time_limit: order.time_limit.and_then(retention::limit),
            may_be_retried: order.retries.left > 0,
        }
    }
}
