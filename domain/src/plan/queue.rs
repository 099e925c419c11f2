//! The rules of the queue: which tasks may start, and how to complete what a killed process left.
//!
//! Moving a task takes several steps on disk, and a process may be killed between any two. Each step
//! leaves traces that show what is missing: [`repair`] judges one task by its [`Traces`] and its
//! record, and answers with one move that can be repeated; [`suspects`] names the tasks that have to be
//! judged. [`Admission`] says which queued tasks may start. Nothing here reads or changes anything.

pub mod admission;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::plan::reconcile::Custody;
use crate::run::retry;
use crate::task::{Queued, State, Status, Task, TaskId};

pub use admission::{Admission, Limits, Obstacle, Standing, Verdict};

/// What the folders of a store show of one task, without its record.
#[expect(clippy::struct_excessive_bools, reason = "each says whether one file is there")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Its life lock.
    pub lock: Lock,
    /// Whether the environment that it starts with is kept.
    pub kept: bool,
    /// Whether an environment is kept for the attempt that may follow it.
    pub again: bool,
    /// Whether instructions for its agent are there.
    pub instructed: bool,
    /// Whether it has a name in the queue.
    pub waiting: bool,
}

/// The state of a life lock, as a probe shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// There is none.
    #[default]
    Absent,
    /// Some process holds it: a supervisor, or one that starts a supervisor, records the task or
    /// concludes it.
    Held,
    /// Its name is there, and nobody holds it.
    Free,
}

impl From<Custody> for Lock {
    fn from(custody: Custody) -> Self {
        match custody {
            Custody::Held => Self::Held,
            Custody::Free => Self::Free,
            Custody::Waiting | Custody::Absent => Self::Absent,
        }
    }
}

/// The names that the folders of a store hold, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The tasks that have a life lock, and whether somebody holds it.
    pub locks: BTreeMap<TaskId, Lock>,
    /// The tasks whose environment is kept.
    pub kept: BTreeSet<TaskId>,
    /// The tasks for whose next attempt an environment is kept.
    pub again: BTreeSet<TaskId>,
    /// The tasks whose agents have instructions.
    pub instructed: BTreeSet<TaskId>,
    /// The tasks that have a name in the queue.
    pub waiting: BTreeSet<TaskId>,
    /// The tasks that a cluster has: they take no slot here, and nothing of theirs is completed by what lies here.
    pub jobs: BTreeSet<TaskId>,
    /// The ended tasks for which the host keeps something that could not be removed yet.
    pub remains: BTreeSet<TaskId>,
}

impl Names {
    /// The traces of one task.
    pub fn of(&self, id: &TaskId) -> Traces {
        Traces {
            lock: self.locks.get(id).copied().unwrap_or_default(),
            kept: self.kept.contains(id),
            again: self.again.contains(id),
            instructed: self.instructed.contains(id),
            waiting: self.waiting.contains(id),
        }
    }

    /// How many life locks somebody holds.
    pub fn held(&self) -> usize {
        let here = self.locks.iter().filter(|(id, _)| !self.jobs.contains(*id));
        here.filter(|(_, lock)| **lock == Lock::Held).count()
    }
}

/// Whether these are the traces of a task that runs or waits as it should; its record need not be read.
const fn is_sound(traces: Traces) -> bool {
    match traces.lock {
        // The holder sees to the rest.
        Lock::Held => true,
        Lock::Free => false,
        Lock::Absent => traces.kept && traces.waiting && !traces.again,
    }
}

/// The tasks whose traces alone do not show that they run or wait as they should.
pub fn suspects(names: &Names) -> Vec<TaskId> {
    // Thousands may wait as they should: those are passed by without a look at each name of each.
    let alone = names.kept.symmetric_difference(&names.waiting);
    let others = names.again.iter().chain(names.instructed.difference(&names.waiting));
    let all: BTreeSet<&TaskId> = names.locks.keys().chain(alone).chain(others).collect();
    let here = all.into_iter().filter(|id| !names.jobs.contains(*id));
    here.filter(|id| !is_sound(names.of(id))).cloned().collect()
}

/// What is known of the record of a task.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// There is none.
    Absent,
    /// There is one that cannot be read now.
    Unreadable,
    /// The record says this.
    Task(&'a Task),
}

/// The state of the attempt that the record of an ended task names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follower {
    /// The record names none.
    None,
    /// It is not recorded.
    Absent,
    /// It is recorded and waits.
    Waiting,
    /// It was started, or has ended.
    Begun,
}

impl Follower {
    /// The state of an attempt, by its own record; `named` is `None` if no attempt is named.
    pub fn of(named: Option<Record<'_>>) -> Self {
        match named {
            None => Self::None,
            Some(Record::Absent) => Self::Absent,
            Some(Record::Task(task)) if task.status() == Status::Queued => Self::Waiting,
            // An attempt whose record cannot be read is not recorded again.
            Some(Record::Task(_) | Record::Unreadable) => Self::Begun,
        }
    }
}

/// Whether the attempt before a task names the task as its follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predecessor {
    /// It is the first attempt, or the record of the one before it cannot be read.
    None,
    /// The attempt before it names it, and still keeps the environment that it starts with.
    Keeps,
    /// The attempt before it names it, and keeps no environment.
    Names,
    /// The attempt before it does not name it: the earlier attempt has not ended, or has ended without
    /// this follower.
    Disowns,
}

/// The attempts before and after a task, as far as a repair depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin {
    /// The attempt that follows it.
    pub follower: Follower,
    /// The attempt before it.
    pub predecessor: Predecessor,
}

/// A move that completes what a killed process began. Each can be repeated without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing is to be done.
    Nothing,
    /// There is no record: all that was prepared for the task is removed.
    Forget,
    /// The task has ended: its life lock and all that is kept for it are removed.
    Retire,
    /// The task has ended and its follower is not in the queue yet: the follower is recorded and
    /// queued.
    Follow,
    /// The task was recorded as a follower, but the attempt before it does not name it: its record is
    /// removed.
    Retract,
    /// The task waits without a name in the queue: it gets one.
    Enter,
    /// The task waits, but a killed process left its life lock: the lock is removed.
    Release,
    /// A cancel of the waiting task is recorded, and nobody holds the life lock: the task ends as
    /// cancelled.
    Cancel,
    /// The process that was to start the task is gone, and so is the environment: the task ends as
    /// failed.
    Abandon,
    /// The record says that the task runs, and nobody holds the life lock: it is reconciled.
    Examine,
}

/// What is to be done about a task with these traces; `host` is the machine that asks.
pub fn repair(traces: Traces, record: Record<'_>, kin: Kin, host: &str) -> Repair {
    let nothing_is_left = traces == Traces::default();
    let task = match record {
        Record::Absent if nothing_is_left => return Repair::Nothing,
        // A process that is recording the task holds its life lock.
        Record::Absent if traces.lock != Lock::Held => return Repair::Forget,
        Record::Absent | Record::Unreadable => return Repair::Nothing,
        Record::Task(task) => task,
    };
    if !task.belongs_to(host) {
        return Repair::Nothing;
    }
    if traces.lock == Lock::Held {
        return Repair::Nothing;
    }
    match task.state() {
        State::Completed(_) | State::Error(_) | State::Cancelled(_) => match kin.follower {
            _ if nothing_is_left => Repair::Nothing,
            Follower::Absent | Follower::Waiting
                if traces.keeps() && retry::follows_by_itself(task) =>
            {
                Repair::Follow
            }
            Follower::None | Follower::Absent | Follower::Waiting | Follower::Begun => {
                Repair::Retire
            }
        },
        State::Queued(Queued { cancel: Some(_), .. }) => Repair::Cancel,
        State::Queued(Queued { cancel: None, .. }) => match (traces.kept, traces.waiting) {
            (true, true) if traces.lock == Lock::Free => Repair::Release,
            (true, true) => Repair::Nothing,
            (true, false) => Repair::Enter,
            (false, _) => match kin.predecessor {
                // The repair of the attempt before it completes this one too.
                Predecessor::Keeps => Repair::Nothing,
                Predecessor::Disowns => Repair::Retract,
                Predecessor::None | Predecessor::Names => Repair::Abandon,
            },
        },
        State::Running(_) => Repair::Examine,
    }
}

impl Traces {
    /// Whether an environment is kept with which another attempt could start.
    const fn keeps(self) -> bool {
        self.kept || self.again
    }
}

#[cfg(test)]
mod tests;
