//! What is to be done about the tasks that wait, and about what others left half done.
//!
//! Moving a task takes several steps on disk, and whoever makes them may die between any two. So every
//! step leaves traces from which the next one who looks can tell what is missing: [`repair`] judges one
//! task by its [`Traces`] and its record, [`suspects`] names the tasks that have to be judged, and
//! [`Admission`] says who of those that wait may start. Each answer is one move that can be repeated.
//! Nothing here reads or changes anything.

pub mod admission;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::plan::reconcile::Custody;
use crate::run::retry;
use crate::task::{Queued, State, Status, Task, TaskId};

pub use admission::{Admission, Limits, Standing, Verdict};

/// What the folders of a store show of one task, without its record.
#[expect(clippy::struct_excessive_bools, reason = "each says whether one file is there")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Its life lock.
    pub lock: Lock,
    /// Whether the environment is kept that it starts with.
    pub kept: bool,
    /// Whether an environment is kept for the attempt that may follow it.
    pub again: bool,
    /// Whether instructions for its agent are there.
    pub instructed: bool,
    /// Whether it has a name in the queue.
    pub waiting: bool,
}

/// A life lock, as a look at it shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// There is none.
    #[default]
    Absent,
    /// Somebody holds it: a supervisor, one that is just being started, or whoever concludes the task.
    Held,
    /// There is one that nobody holds.
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
}

impl Names {
    /// What is there of one task.
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
        self.locks.values().filter(|lock| **lock == Lock::Held).count()
    }
}

/// Whether these are the traces of a task that runs or waits as it should; its record need not be read.
const fn is_sound(traces: Traces) -> bool {
    match traces.lock {
        // Its supervisor looks after the rest.
        Lock::Held => true,
        Lock::Free => false,
        Lock::Absent => traces.kept && traces.waiting && !traces.again,
    }
}

/// The tasks whose traces alone do not say that all is well.
pub fn suspects(names: &Names) -> Vec<TaskId> {
    let locked = names.locks.keys();
    let others =
        names.kept.iter().chain(&names.again).chain(&names.instructed).chain(&names.waiting);
    let all: BTreeSet<&TaskId> = locked.chain(others).collect();
    all.into_iter().filter(|id| !is_sound(names.of(id))).cloned().collect()
}

/// What is known of the record of a task.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// There is none.
    Absent,
    /// There is one that cannot be read now.
    Unreadable,
    /// This is what it says.
    Task(&'a Task),
}

/// How the attempt stands that the record of an ended task names.
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
    /// How the attempt that a record names stands, whose own record says this.
    pub fn of(named: Option<Record<'_>>) -> Self {
        match named {
            None => Self::None,
            Some(Record::Absent) => Self::Absent,
            Some(Record::Task(task)) if task.status() == Status::Queued => Self::Waiting,
            // One that cannot be read is not made again.
            Some(Record::Task(_) | Record::Unreadable) => Self::Begun,
        }
    }
}

/// How a task stands to the attempt before it, where it is one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predecessor {
    /// It is the first attempt, or the one before it is gone.
    None,
    /// The one before it names it as the next, and what it starts with is still kept there.
    Keeps,
    /// The one before it names it as the next, and keeps nothing.
    Names,
    /// The one before it does not name it: its ending was not recorded, or came to something else.
    Disowns,
}

/// What a judgement rests on besides the traces of a task and its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin {
    /// The attempt that follows it.
    pub follower: Follower,
    /// The attempt before it.
    pub predecessor: Predecessor,
}

/// A move that completes what somebody began. Each can be made again without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nothing is to be done.
    Nothing,
    /// Nobody recorded the task: all that was prepared for it is removed.
    Forget,
    /// The task has ended: what is left of its start and its life is removed.
    Retire,
    /// The task has ended and names an attempt that follows it, which does not wait as it should yet.
    Follow,
    /// The task was recorded to follow another, which does not name it: it never was an attempt.
    Retract,
    /// The task waits and lost its name in the queue.
    Enter,
    /// The task waits as it should, but for a life lock that somebody left.
    Release,
    /// Somebody asked to cancel the task, and nobody is there to carry that out.
    Cancel,
    /// Whoever was to start the task is gone, and so is what it was to be started with.
    Abandon,
    /// The task runs, as far as its record knows, and nobody looks after it.
    Examine,
}

/// What is to be done about a task with these traces; `host` is the machine that asks.
pub fn repair(traces: Traces, record: Record<'_>, kin: Kin, host: &str) -> Repair {
    let nothing_is_left = traces == Traces::default();
    let task = match record {
        Record::Absent if nothing_is_left => return Repair::Nothing,
        // What is being recorded is recorded under the lock of the queue, and so is this judgement.
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
                // Whoever completes the attempt before it completes this one.
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
