//! Which tasks are asked for, how many there are, and what could not be read.
//!
//! A listing always says what it left out: what is not shown is counted, what cannot be read is
//! named with the reason.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::AddAssign;

use super::Task;
use super::id::{SessionId, TaskId};
use super::state::Status;
use super::time::Timestamp;

/// Which tasks are asked for. The default asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only those with one of these statuses; all if there is none.
    pub statuses: Vec<Status>,
    /// Only those launched by one of these sessions; all if there is none.
    pub parents: Vec<SessionId>,
    /// Only those of one of these droids; all if there is none.
    pub agents: Vec<String>,
    /// Only those ordered at or after this moment.
    pub since: Option<Timestamp>,
    /// At most this many, the newest; the rest is counted.
    pub limit: Option<usize>,
}

impl Query {
    /// Whether it asks for tasks that have not ended, and for no others.
    pub fn is_of_unended(&self) -> bool {
        !self.statuses.is_empty() && self.statuses.iter().all(|status| !status.is_ended())
    }

    /// Whether a task is one of those counted: all filters but the status.
    pub fn counts(&self, task: Outline<'_>) -> bool {
        (self.parents.is_empty() || self.parents.iter().any(|it| it.launched(task.parent)))
            && (self.agents.is_empty() || self.agents.iter().any(|agent| task.agent == *agent))
            && self.since.is_none_or(|since| task.began.is_some_and(|began| began >= since))
    }

    /// Whether a task is one of those shown, as far as the limit allows.
    pub fn shows(&self, task: Outline<'_>) -> bool {
        self.counts(task) && (self.statuses.is_empty() || self.statuses.contains(&task.status))
    }
}

/// What of a task a query asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline<'a> {
    /// Where it is in its life.
    pub status: Status,
    /// The session that launched it.
    pub parent: Option<&'a str>,
    /// Its droid.
    pub agent: &'a str,
    /// When it was ordered.
    pub began: Option<Timestamp>,
    /// How much of the disk its logs took when it ended, in bytes; 0 if it has not ended.
    pub log_bytes: u64,
}

impl Task {
    /// What a query asks about.
    pub fn outline(&self) -> Outline<'_> {
        let order = self.order();
        Outline {
            status: self.status(),
            parent: order.parent.as_ref().map(SessionId::as_str),
            agent: &order.agent,
            began: self.queued_at().or(self.started_at()),
            log_bytes: self.progress().log_bytes.filter(|_| self.status().is_ended()).unwrap_or(0),
        }
    }
}

/// How many tasks have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that wait.
    pub queued: usize,
    /// Those that run.
    pub running: usize,
    /// Those that ended well.
    pub completed: usize,
    /// Those that ended badly.
    pub error: usize,
    /// Those that were stopped.
    pub cancelled: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        let Self { queued, running, completed, error, cancelled } = more;
        self.queued += queued;
        self.running += running;
        self.completed += completed;
        self.error += error;
        self.cancelled += cancelled;
    }
}

impl Tally {
    /// Counts one more task.
    pub const fn add(&mut self, status: Status) {
        let count = match status {
            Status::Queued => &mut self.queued,
            Status::Running => &mut self.running,
            Status::Completed => &mut self.completed,
            Status::Error => &mut self.error,
            Status::Cancelled => &mut self.cancelled,
        };
        *count += 1;
    }

    /// All of them.
    pub const fn total(&self) -> usize {
        self.queued + self.running + self.completed + self.error + self.cancelled
    }
}

/// What a store holds, and what of it could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// How many tasks of each status the query counts.
    pub tally: Tally,
    /// The tasks shown, newest first.
    pub tasks: Vec<Task>,
    /// How many more the query would have shown without its limit.
    pub omitted: usize,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// How much of the disk the logs of all ended tasks take, in bytes, as far as that is known without looking at the
    /// logs; 0 where ended tasks were not looked at.
    pub ended_logs: u64,
}

impl Listing {
    /// Only the last attempts among the tasks shown, counted anew.
    #[must_use]
    pub fn of_last_attempts(self) -> Self {
        let shown: BTreeSet<TaskId> = self.tasks.iter().map(|task| task.id().clone()).collect();
        let mut tally = Tally::default();
        let mut tasks = self.tasks;
        tasks.retain(|task| {
            let next = task.progress().retried_as.as_ref();
            let is_last = next.is_none_or(|next| !shown.contains(next));
            if is_last {
                tally.add(task.status());
            }
            is_last
        });
        Self { tally, tasks, ..self }
    }

    /// At most the first `limit` tasks after the first `offset`; those that come after these are counted.
    #[must_use]
    pub fn part(mut self, offset: usize, limit: usize) -> Self {
        let rest = self.tasks.len().saturating_sub(offset);
        self.tasks = self.tasks.into_iter().skip(offset).take(limit).collect();
        self.omitted += rest - self.tasks.len();
        self
    }
}

/// An entry of the store that could not be read. It is left unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its file name.
    pub file: String,
    /// Why.
    pub reason: String,
}
