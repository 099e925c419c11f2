//! The laws of [`repair`] and [`suspects`], over any traces and any record.
//!
//! Nothing here has a disk: a move changes a small model, and of a move with several steps only the
//! first may be made, as if the process was killed then.

use super::*;
use crate::run::retry;
use crate::task::{CancelIntent, Ending, Event, Order, Reason, Recorded, Status, Timestamp};
use crate::testing::{HERE, ORDERED, strategies};
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::vec::Vec;

/// The most moves until there is nothing left to do.
const MOST_MOVES: usize = 6;

/// What is known of a record.
#[derive(Clone, Debug)]
enum Known {
    Absent,
    Unreadable,
    Task(Box<Task>),
}

/// The model: one task, and the attempts before and after it.
#[derive(Clone, Debug)]
struct Model {
    traces: Traces,
    record: Known,
    kin: Kin,
    /// Whether its agent works without a supervisor.
    orphaned: bool,
}

impl Model {
    fn task(&self) -> Option<&Task> {
        match &self.record {
            Known::Task(task) => Some(task),
            Known::Absent | Known::Unreadable => None,
        }
    }

    fn repair(&self) -> Repair {
        let record = match &self.record {
            Known::Absent => Record::Absent,
            Known::Unreadable => Record::Unreadable,
            Known::Task(task) => Record::Task(task),
        };
        repair(self.traces, record, self.kin, HERE)
    }

    fn end(&mut self, ending: Ending) {
        let Some(task) = self.task().cloned() else { return };
        let next = Some(TaskId::mint(ORDERED, [8, 8, 8]));
        let ended =
            task.apply(Event::Ended { ending, exit: None, next }, ORDERED).expect("it can end");
        if ended.task.progress().retried_as.is_some() && self.kin.follower == Follower::None {
            self.kin.follower = Follower::Absent;
        }
        self.record = Known::Task(Box::new(ended.task));
    }

    /// Makes the first step of a move, and leaves the lock as a killed process does.
    fn make(&mut self, repair: Repair) {
        self.traces.lock = Lock::Free;
        match repair {
            Repair::Nothing => {}
            Repair::Forget | Repair::Retire => self.traces = Traces::default(),
            Repair::Follow => {
                (self.traces.kept, self.traces.again) = (false, false);
                self.kin.follower = Follower::Waiting;
            }
            Repair::Retract => self.record = Known::Absent,
            Repair::Enter => self.traces.waiting = true,
            Repair::Release => self.traces.lock = Lock::Absent,
            Repair::Cancel => {
                self.traces.waiting = false;
                self.end(Ending::CANCELLED);
            }
            Repair::Abandon => {
                self.traces.waiting = false;
                self.end(Ending::failed(Reason::LaunchFailed, "cut short"));
            }
            Repair::Examine => self.end(Ending::failed(Reason::Lost, "lost")),
        }
    }
}

fn record() -> impl Strategy<Value = Known> {
    let host = prop_oneof![Just(None), Just(Some(HERE)), Just(Some("elsewhere"))];
    let task = (strategies::task(), host, 0u32..2, any::<bool>()).prop_map(
        |(task, host, left, cancelled)| {
            let mut order = Order::default();
            order.retries.left = left;
            let mut progress = task.progress().clone();
            progress.host = host.map(Into::into);
            let state = match task.state() {
                State::Queued(queued) if cancelled => {
                    let grace = core::time::Duration::ZERO;
                    let cancel = Some(CancelIntent { at: ORDERED, grace });
                    State::Queued(Queued { cancel, ..*queued })
                }
                State::Queued(_)
                | State::Running(_)
                | State::Completed(_)
                | State::Error(_)
                | State::Cancelled(_) => task.state().clone(),
            };
            let (id, queued_at) = (task.id().clone(), task.queued_at());
            let started_at: Option<Timestamp> = task.started_at();
            let (order, progress) = (Arc::new(order), Box::new(progress));
            let parts = Recorded { id, order, state, queued_at, started_at, progress };
            Known::Task(Box::new(Task::recorded(parts)))
        },
    );
    prop_oneof![1 => Just(Known::Absent), 1 => Just(Known::Unreadable), 8 => task]
}

fn model() -> impl Strategy<Value = Model> {
    let lock = prop_oneof![Just(Lock::Absent), Just(Lock::Held), Just(Lock::Free)];
    let traces =
        (lock, any::<[bool; 4]>()).prop_map(|(lock, [kept, again, instructed, waiting])| Traces {
            lock,
            kept,
            again,
            instructed,
            waiting,
        });
    let follower =
        prop_oneof![Just(Follower::Absent), Just(Follower::Waiting), Just(Follower::Begun)];
    let predecessor = prop_oneof![
        Just(Predecessor::None),
        Just(Predecessor::Keeps),
        Just(Predecessor::Names),
        Just(Predecessor::Disowns),
    ];
    let kin = (follower, option::of(predecessor));
    (traces, record(), kin, any::<bool>()).prop_map(
        |(traces, record, (follower, predecessor), orphaned)| {
            let predecessor = predecessor.unwrap_or(Predecessor::None);
            let mut model = Model { traces, record, kin: Kin { follower, predecessor }, orphaned };
            let named = model.task().is_some_and(|task| task.progress().retried_as.is_some());
            if !named {
                model.kin.follower = Follower::None;
            }
            model
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn invariant_repairs_come_to_an_end_and_leave_what_should_be(mut model in model()) {
        let before = model.clone();
        let mut moves = Vec::new();
        loop {
            let repair = model.repair();
            // An agent that works is left alone.
            let left_alone = repair == Repair::Examine && model.orphaned;
            if repair == Repair::Nothing || left_alone {
                break;
            }
            let unfinished = model.task().is_some_and(|task| !task.status().is_ended());
            prop_assert!(repair != Repair::Forget || matches!(model.record, Known::Absent));
            prop_assert!(repair != Repair::Retire || !unfinished, "a task that goes on is forgotten");
            moves.push(repair);
            prop_assert!(moves.len() <= MOST_MOVES, "{moves:?} of {before:?}");
            model.make(repair);
        }
        let (traces, kept) = (model.traces, model.traces.keeps());
        let judged = model.task().is_none_or(|task| task.belongs_to(HERE)) && traces.lock != Lock::Held;
        match (&model.record, judged) {
            (_, false) | (Known::Unreadable, true) => prop_assert_eq!(moves, []),
            (Known::Absent, true) => prop_assert!(!kept, "kept for nobody: {traces:?}"),
            (Known::Task(task), true) => match task.status() {
                Status::Completed | Status::Error | Status::Cancelled => {
                    prop_assert!(!kept, "kept for one that has ended: {traces:?}");
                    let due = retry::follows_by_itself(task) && before.traces.keeps();
                    let missing = model.kin.follower == Follower::Absent;
                    prop_assert!(!due || !missing, "the attempt that follows is forgotten");
                }
                Status::Queued => {
                    let waits = traces.kept && traces.waiting && traces.lock == Lock::Absent;
                    let is_anothers = model.kin.predecessor == Predecessor::Keeps && !traces.kept;
                    prop_assert!(waits || is_anothers, "it neither waits nor ends: {model:?}");
                }
                Status::Running => prop_assert!(model.orphaned, "nobody looks after it"),
            },
        }
    }

    // Only an admission starts a task, and only one with a name in the queue. A repair makes no name
    // for a task that was started or has ended, or whose environment a supervisor has removed.
    #[test]
    fn invariant_a_repair_lets_nobody_wait_who_may_have_started(model in model()) {
        let repair = model.repair();
        if matches!(repair, Repair::Enter | Repair::Release) {
            let queued = model.task().map(Task::status) == Some(Status::Queued);
            prop_assert!(queued && model.traces.kept && model.traces.lock != Lock::Held);
        }
    }

    #[test]
    fn invariant_whoever_needs_a_repair_is_a_suspect_or_leaves_the_queue(model in model()) {
        let id = TaskId::mint(ORDERED, [7, 7, 7]);
        let Traces { lock, kept, again, instructed, waiting } = model.traces;
        let names = |there: bool| there.then(|| id.clone()).into_iter().collect();
        let names = Names {
            locks: (lock != Lock::Absent).then(|| (id.clone(), lock)).into_iter().collect(),
            kept: names(kept),
            again: names(again),
            instructed: names(instructed),
            waiting: names(waiting),
            jobs: BTreeSet::new(),
            remains: BTreeSet::new(),
        };
        prop_assert_eq!(names.of(&id), model.traces);
        let suspect = suspects(&names).contains(&id);
        let any = lock != Lock::Absent || kept || again || instructed || waiting;
        if any && model.repair() != Repair::Nothing && !suspect {
            // By its traces it waits; an admission considers it, and removes its name.
            let limits = Limits::default();
            let mut admission = Admission::new(&limits, ORDERED);
            let leaves = model.task().map(|task| {
                admission.consider(task, &mut |_| Standing::Pending) == Verdict::Leave
            });
            prop_assert!(kept && waiting && leaves != Some(false));
        }
    }
}
