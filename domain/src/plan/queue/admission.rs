//! Which queued tasks may start now.
//!
//! First come, first served, within what the limits allow: a task whose group is full is passed over
//! and delays no other. [`Admission`] is fed one task at a time, so that no record is read once no slot
//! is free; it starts nothing.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::task::order::Dependence;
use crate::task::state::{Queued, State, Status};
use crate::task::time::Timestamp;
use crate::task::{Task, TaskId};

/// How many tasks may run at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all, whatever a launcher says for its own tasks.
    pub max_running: usize,
    /// In all, for a task whose launcher says nothing.
    pub usual: usize,
    /// Of one group: a droid, or `model:<name>`.
    pub groups: BTreeMap<String, usize>,
}

impl Limits {
    /// How many tasks may run at once for a task to start whose launcher lets so many run, as far as that is known
    /// without its record.
    pub fn around(&self, at_most: Option<usize>) -> usize {
        at_most.unwrap_or(self.max_running).min(self.max_running)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_running: 10, usual: 10, groups: BTreeMap::new() }
    }
}

/// The state of a task that another waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not ended.
    Pending,
    /// Its record cannot be read: whether it has ended nobody knows.
    Unreadable,
    /// It ended with this status.
    Ended(Status),
    /// There is no such task any more.
    Absent,
}

/// What becomes of a task that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It starts.
    Start,
    /// It stays queued.
    Wait,
    /// It will never start: the task named here did not end as required.
    Fail(TaskId),
    /// It is not queued any more, or is being cancelled.
    Leave,
}

/// What keeps a queued task from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It waits until somebody releases it.
    Held,
    /// Nobody is admitted for now.
    Paused,
    /// Its time has not come.
    Moment(Timestamp),
    /// These tasks, which it comes after, have not ended.
    Tasks(Vec<TaskId>),
    /// The records of these tasks, which it comes after, cannot be read.
    Unreadable(Vec<TaskId>),
    /// As many run as may.
    Room {
        /// Of this group; of all if there is none.
        group: Option<String>,
        /// How many run.
        running: usize,
        /// How many may.
        limit: usize,
    },
    /// A cluster, which says this.
    Cluster(String),
    /// Nothing but its turn: the next admission starts it.
    Turn,
}

/// Admits tasks, one after another, until there is no free slot.
#[derive(Clone, Debug)]
pub struct Admission<'a> {
    limits: &'a Limits,
    now: Timestamp,
    running: usize,
    groups: BTreeMap<String, usize>,
}

impl<'a> Admission<'a> {
    /// Begins with no task counted.
    pub const fn new(limits: &'a Limits, now: Timestamp) -> Self {
        Self { limits, now, running: 0, groups: BTreeMap::new() }
    }

    /// Counts a task that runs, or is about to.
    pub fn count(&mut self, task: &Task) {
        self.running += 1;
        for group in task.groups() {
            *self.groups.entry(group).or_default() += 1;
        }
    }

    /// Counts a running task whose record is not known, against every group.
    pub fn count_unknown(&mut self) {
        self.running += 1;
        for group in self.limits.groups.keys() {
            *self.groups.entry(group.clone()).or_default() += 1;
        }
    }

    /// Whether groups have limits, so that it matters which tasks run.
    pub fn has_groups(&self) -> bool {
        !self.limits.groups.is_empty()
    }

    /// How many tasks were counted.
    pub const fn running(&self) -> usize {
        self.running
    }

    /// How many tasks were counted of each group that has a limit.
    pub fn running_of_groups(&self) -> BTreeMap<String, usize> {
        let limited = self.limits.groups.keys();
        limited
            .map(|group| (group.clone(), self.groups.get(group).copied().unwrap_or_default()))
            .collect()
    }

    /// How many tasks may run at once with this one: its launcher's own limit counts, and never opens more
    /// than the store's.
    fn limit_of(&self, task: &Task) -> usize {
        let own = task.order().placement.at_most.unwrap_or(self.limits.usual);
        own.min(self.limits.max_running)
    }

    /// Whether no slot is free.
    pub const fn is_full(&self) -> bool {
        self.running >= self.limits.max_running
    }

    /// Whether no slot is free for a task whose launcher lets so many run at once: its record need not be read.
    pub fn is_full_for(&self, at_most: Option<usize>) -> bool {
        self.running >= self.limits.around(at_most)
    }

    /// Decides about the next task in the queue, and counts it if it starts. `dependence` gives the
    /// state of each task that it waits for.
    pub fn consider(
        &mut self,
        task: &Task,
        dependence: &mut dyn FnMut(&TaskId) -> Standing,
    ) -> Verdict {
        let State::Queued(Queued { held, cancel: None }) = task.state() else {
            return Verdict::Leave;
        };
        let placement = &task.order().placement;
        for earlier in &placement.after {
            match (dependence(earlier), placement.dependence) {
                (
                    Standing::Pending | Standing::Unreadable | Standing::Ended(Status::Completed),
                    _,
                )
                | (Standing::Ended(_) | Standing::Absent, Dependence::OnEnd) => {}
                (Standing::Ended(_) | Standing::Absent, Dependence::OnCompletion) => {
                    return Verdict::Fail(earlier.clone());
                }
            }
        }
        if self.obstacle(task, *held, dependence).is_some() {
            return Verdict::Wait;
        }
        self.count(task);
        Verdict::Start
    }

    /// What keeps a queued task from starting now; `None` if nothing does.
    pub fn obstacle(
        &self,
        task: &Task,
        held: bool,
        dependence: &mut dyn FnMut(&TaskId) -> Standing,
    ) -> Option<Obstacle> {
        let placement = &task.order().placement;
        if held {
            return Some(Obstacle::Held);
        }
        if let Some(moment) = placement.not_before.filter(|moment| self.now < *moment) {
            return Some(Obstacle::Moment(moment));
        }
        let (mut pending, mut unreadable) = (Vec::new(), Vec::new());
        for id in &placement.after {
            match dependence(id) {
                Standing::Pending => pending.push(id.clone()),
                Standing::Unreadable => unreadable.push(id.clone()),
                Standing::Ended(_) | Standing::Absent => {}
            }
        }
        // That is not over by itself, as the others are.
        if !unreadable.is_empty() {
            return Some(Obstacle::Unreadable(unreadable));
        }
        if !pending.is_empty() {
            return Some(Obstacle::Tasks(pending));
        }
        let (running, limit) = (self.running, self.limit_of(task));
        if running >= limit {
            return Some(Obstacle::Room { group: None, running, limit });
        }
        task.groups().find_map(|group| {
            let limit = *self.limits.groups.get(&group)?;
            let running = self.groups.get(&group).copied().unwrap_or(0);
            (running >= limit).then_some(Obstacle::Room { group: Some(group), running, limit })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Order, Placement};
    use crate::testing::{self, ORDERED};
    use proptest::prelude::*;

    fn waiting(number: u8, order: Order) -> Task {
        Task::ordered(TaskId::mint(ORDERED, [0, 0, number]), order, None, ORDERED)
    }

    fn of_group(number: u8, group: &str) -> Task {
        waiting(number, Order { agent: group.into(), ..testing::order() })
    }

    fn after(number: u8, dependence: Dependence) -> Task {
        let first = TaskId::parse("bg_first").expect("an id");
        let placement = Placement { after: std::vec![first], dependence, ..Placement::default() };
        waiting(number, Order { placement, ..testing::order() })
    }

    fn limits(max_running: usize, groups: &[(&str, usize)]) -> Limits {
        let groups = groups.iter().map(|(group, limit)| ((*group).into(), *limit)).collect();
        Limits { max_running, usual: max_running, groups }
    }

    fn plan(limits: &Limits, tasks: &[Task], standing: Standing) -> Vec<Verdict> {
        let mut admission = Admission::new(limits, ORDERED);
        tasks.iter().map(|task| admission.consider(task, &mut |_| standing)).collect()
    }

    #[test]
    fn a_task_whose_group_is_full_is_passed_by_and_not_waited_for() {
        let limits = limits(10, &[("explorer", 1)]);
        let tasks = [of_group(1, "explorer"), of_group(2, "explorer"), of_group(3, "oracle")];
        let expected = [Verdict::Start, Verdict::Wait, Verdict::Start];
        assert_eq!(plan(&limits, &tasks, Standing::Pending), expected);
    }

    // Whoever admitted a task did so by the limit of its own environment: those that were launched under
    // a limit of 1 ran side by side as soon as somebody without one looked.
    #[test]
    fn a_task_starts_when_its_launchers_limit_and_the_stores_both_allow_it() {
        let launched_under = |number, at_most| {
            let placement = Placement { at_most, ..Placement::default() };
            waiting(number, Order { placement, ..testing::order() })
        };
        let tasks =
            [Some(1), Some(1), None, Some(9), None].map(|at_most| launched_under(1, at_most));
        let limits = Limits { max_running: 4, usual: 2, groups: BTreeMap::new() };
        let expected =
            [Verdict::Start, Verdict::Wait, Verdict::Start, Verdict::Start, Verdict::Wait];
        assert_eq!(plan(&limits, &tasks, Standing::Pending), expected);
    }

    #[test]
    fn a_model_is_a_group_too() {
        let limits = limits(10, &[("model:x", 1)]);
        let with_model =
            |number| waiting(number, Order { model: Some("x".into()), ..testing::order() });
        let expected = [Verdict::Start, Verdict::Wait];
        assert_eq!(plan(&limits, &[with_model(1), with_model(2)], Standing::Pending), expected);
    }

    #[test]
    fn a_task_waits_for_those_it_comes_after() {
        let tasks = [after(1, Dependence::OnCompletion), after(2, Dependence::OnEnd)];
        let plan = |standing| plan(&Limits::default(), &tasks, standing);
        assert_eq!(plan(Standing::Pending), [Verdict::Wait, Verdict::Wait]);
        let well = Standing::Ended(Status::Completed);
        assert_eq!(plan(well), [Verdict::Start, Verdict::Start]);
        let first = TaskId::parse("bg_first").expect("an id");
        for badly in
            [Standing::Ended(Status::Error), Standing::Ended(Status::Cancelled), Standing::Absent]
        {
            assert_eq!(plan(badly), [Verdict::Fail(first.clone()), Verdict::Start]);
        }
    }

    #[test]
    fn a_held_task_and_one_whose_time_has_not_come_wait() {
        let held = Placement { held: true, ..Placement::default() };
        let later = ORDERED.plus(core::time::Duration::from_secs(1));
        let early = Placement { not_before: Some(later), ..Placement::default() };
        let tasks =
            [held, early].map(|placement| waiting(1, Order { placement, ..testing::order() }));
        assert_eq!(
            plan(&Limits::default(), &tasks, Standing::Pending),
            [Verdict::Wait, Verdict::Wait]
        );
        let mut admission = Admission::new(tasks_limits(), later);
        assert_eq!(admission.consider(&tasks[1], &mut |_| Standing::Pending), Verdict::Start);
    }

    #[test]
    fn what_keeps_a_task_waiting_is_named() {
        let limits = limits(1, &[("explorer", 0)]);
        let mut admission = Admission::new(&limits, ORDERED);
        let explorer = of_group(2, "explorer");
        let named = |admission: &Admission<'_>, task: &Task| {
            admission.obstacle(task, false, &mut |_| Standing::Pending)
        };
        let group = Some("explorer".into());
        let full = Obstacle::Room { group, running: 0, limit: 0 };
        assert_eq!(named(&admission, &explorer), Some(full));
        assert_eq!(named(&admission, &of_group(3, "oracle")), None);
        admission.count(&of_group(1, "oracle"));
        let full = Obstacle::Room { group: None, running: 1, limit: 1 };
        assert_eq!(named(&admission, &explorer), Some(full));
        let first = TaskId::parse("bg_first").expect("an id");
        let after = after(4, Dependence::OnEnd);
        assert_eq!(named(&admission, &after), Some(Obstacle::Tasks(std::vec![first])));
    }

    fn tasks_limits() -> &'static Limits {
        static LIMITS: std::sync::OnceLock<Limits> = std::sync::OnceLock::new();
        LIMITS.get_or_init(Limits::default)
    }

    proptest! {
        #[test]
        fn invariant_no_limit_is_ever_exceeded_and_nobody_waits_without_need(
            max_running in 0usize..6,
            group_limit in 0usize..4,
            groups in proptest::collection::vec(prop_oneof!["a", "b"], 0..12),
        ) {
            let limits = limits(max_running, &[("a", group_limit)]);
            let tasks: Vec<Task> =
                (0u8..).zip(&groups).map(|(number, group)| of_group(number, group)).collect();
            let verdicts = plan(&limits, &tasks, Standing::Pending);
            let started: Vec<&Task> = tasks.iter().zip(&verdicts)
                .filter(|(_, verdict)| **verdict == Verdict::Start).map(|(task, _)| task).collect();
            let of_a = started.iter().filter(|task| task.order().agent == "a").count();
            prop_assert!(started.len() <= max_running);
            prop_assert!(of_a <= group_limit);
            for (task, verdict) in tasks.iter().zip(&verdicts) {
                if *verdict == Verdict::Wait && started.len() < max_running {
                    prop_assert!(task.order().agent == "a" && of_a >= group_limit);
                }
            }
        }
    }
}
