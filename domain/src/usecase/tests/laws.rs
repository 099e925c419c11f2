//! What must hold in every schedule. The numbers in the messages only tell the laws apart.
//!
//! Nothing here acts; each check panics with the number of the law and the task that breaks it.

use alloc::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

use crate::port::{Clock, Queue};
use crate::task::{Ending, Queued, Reason, State, Status, Task, TaskId};
use crate::testing::{MemoryWorld, Part};

/// What was seen so far, for checks of later steps.
#[derive(Default)]
pub(super) struct Laws {
    /// The records as they were last.
    seen: BTreeMap<TaskId, Task>,
    changes: u64,
    /// The tasks whose agents were started, each with the attempt before it.
    started: BTreeMap<TaskId, Option<TaskId>>,
    /// The attempts that somebody ordered by hand.
    by_hand: BTreeSet<TaskId>,
    /// The tasks that a caller was told are cancelled.
    over: BTreeSet<TaskId>,
}

impl Laws {
    /// Records that this attempt is ordered by hand.
    pub(super) fn by_hand(&mut self, id: &TaskId) {
        self.by_hand.insert(id.clone());
    }

    /// Records that a caller was told that this task is cancelled.
    pub(super) fn never_again(&mut self, id: &TaskId) {
        self.over.insert(id.clone());
    }

    /// Checks what must hold whenever an agent is started.
    pub(super) fn agent_starts(&mut self, memory: &MemoryWorld, task: &Task) {
        let (id, limits) = (task.id(), memory.queue.limits());
        assert!(!self.over.contains(id), "law 17: {id} was cancelled and starts");
        let earlier = task.order().lineage.retry_of.clone();
        let before = self.started.insert(id.clone(), earlier.clone());
        assert!(before.is_none(), "law 17: the agent of {id} is started a second time");
        if let Some(earlier) = &earlier {
            let others = self
                .started
                .iter()
                .filter(|(other, of)| *other != id && of.as_ref() == Some(earlier));
            let others: Vec<_> = others.collect();
            assert!(others.is_empty(), "law 17: {earlier} is tried again as {id} and {others:?}");
            let ended = self.seen.get(earlier).is_none_or(|task| task.status().is_ended());
            assert!(ended, "law 17: {id} starts before {earlier} has ended");
            if !self.by_hand.contains(id) {
                let works = memory.at_work().contains(earlier);
                assert!(!works, "law 17: {id} starts while the agent of {earlier} works");
            }
        }
        let kept = memory.locks.names().kept.contains(id);
        assert!(!kept, "law 14: an environment is kept for {id}, which starts");
        let at_work = memory.host.living(Part::Agent);
        let most = limits.max_running;
        assert!(at_work.len() <= most, "law 15: {id} is one too many of {at_work:?}");
        for (group, most) in &limits.groups {
            let of_group = at_work.iter().filter(|(_, id)| {
                let known = self.seen.get(id);
                known.is_some_and(|task| task.groups().any(|known| known == *group))
            });
            let of_group = of_group.count();
            assert!(of_group <= *most, "law 15: {id} is one too many of {group}: {of_group}");
        }
    }

    /// Checks what must hold after each step.
    pub(super) fn hold_always(&mut self, memory: &MemoryWorld) {
        let changes = memory.store.changes();
        if changes == self.changes {
            return;
        }
        self.changes = changes;
        let now = memory.store.all();
        let is_there: BTreeSet<&TaskId> = now.iter().map(Task::id).collect();
        for (id, task) in &self.seen {
            let taken_back = task.status() == Status::Queued && !self.started.contains_key(id);
            assert!(is_there.contains(id) || taken_back, "law 8: the record of {id} is gone");
        }
        let is_there: BTreeSet<TaskId> = is_there.into_iter().cloned().collect();
        self.seen.retain(|id, _| is_there.contains(id));
        for task in now {
            let id = task.id();
            if let Some(before) = self.seen.get(id) {
                let same = before.state() == task.state();
                assert!(same || !before.status().is_ended(), "law 4: {id} ended and changed");
                let cancelled = before.cancel_requested().is_some() && task.status().is_ended();
                let as_wanted = !cancelled || same || task.status() == Status::Cancelled;
                assert!(as_wanted, "law 17: a recorded cancel does not decide about {id}");
            }
            let never_started = task.started_at().is_none()
                && matches!(task.state(), State::Error(why) if why.reason == Reason::LaunchFailed);
            let told_truly = !never_started || !self.started.contains_key(id);
            assert!(
                told_truly,
                "law 17: {id} is said to have had no agent, so its key is free, and had one"
            );
            self.seen.insert(id.clone(), task);
        }
    }

    /// Checks what must hold once all actors have finished, while agents without a supervisor may still
    /// work.
    pub(super) fn hold_among_orphans(&self, memory: &MemoryWorld) {
        let at_work = memory.host.living(Part::Agent);
        let limits = memory.queue.limits();
        assert!(at_work.len() <= limits.max_running, "law 15: {at_work:?}");
        if at_work.len() == limits.max_running {
            return;
        }
        for task in self.seen.values().filter(|task| self.may_start(memory, task)) {
            let full = task.groups().any(|group| {
                let of_group = at_work.iter().filter(|(_, id)| {
                    self.seen.get(id).is_some_and(|task| task.groups().any(|it| it == group))
                });
                limits.groups.get(&group).is_some_and(|most| of_group.count() >= *most)
            });
            let full =
                full || task.order().placement.at_most.is_some_and(|most| at_work.len() >= most);
            assert!(full, "law 16: {} waits and there is room: {at_work:?}", task.id());
        }
    }

    /// Whether a queued task waits only for a slot.
    fn may_start(&self, memory: &MemoryWorld, task: &Task) -> bool {
        let State::Queued(Queued { held: false, .. }) = task.state() else { return false };
        let placement = &task.order().placement;
        let due = placement.not_before.is_none_or(|moment| moment <= memory.clock.now());
        due && placement.after.iter().all(|id| {
            let last = self.last(id);
            last.is_none_or(|last| last.status().is_ended())
        })
    }

    /// The last attempt that followed a task.
    fn last(&self, id: &TaskId) -> Option<&Task> {
        let mut task = self.seen.get(id)?;
        while let (Status::Error, Some(next)) = (task.status(), &task.progress().retried_as) {
            let Some(later) = self.seen.get(next) else { break };
            task = later;
        }
        Some(task)
    }

    /// Checks what must hold once all actors have finished, no agent works, and `look` has run.
    pub(super) fn hold_at_the_end(&self, memory: &MemoryWorld, undisturbed: bool) {
        let mut waiting = Vec::new();
        for task in memory.store.all() {
            let id = task.id();
            match task.state() {
                State::Queued(queued) => {
                    assert_eq!(
                        queued.cancel, None,
                        "law 18: the cancel of {id} is not carried out"
                    );
                    assert!(!self.may_start(memory, &task), "law 16: {id} waits for nobody");
                    waiting.push(id.clone());
                }
                State::Running(_) => panic!("law 16: {id} runs for nobody: {task:?}"),
                State::Completed(_) | State::Cancelled(_) => self.nothing_follows(&task),
                State::Error(failure) => {
                    let ending = Ending::failed(failure.reason, "");
                    if !task.order().retries.follow(&ending) {
                        self.nothing_follows(&task);
                        continue;
                    }
                    let next = task.progress().retried_as.as_ref();
                    let next = next.unwrap_or_else(|| panic!("law 17: nothing follows {id}"));
                    let there = self.by_hand.contains(next) || self.seen.contains_key(next);
                    assert!(there, "law 17: {next}, which follows {id}, is not recorded");
                }
            }
        }
        let mut told = memory.aftermath.told();
        told.sort();
        let over = memory
            .store
            .all()
            .into_iter()
            .filter(|task| task.status().is_ended() && task.progress().retried_as.is_none());
        // Of an attempt that somebody follows by hand it depends on who was first.
        told.retain(|id| self.seen.get(id).is_none_or(|it| it.progress().retried_as.is_none()));
        if !undisturbed {
            // Whoever is killed while it looks at a task that was put away leaves what looks like one that was not.
            told.dedup();
        }
        let over: Vec<TaskId> = over.map(|task| task.id().clone()).collect();
        assert_eq!(told, over, "law 21: each end is told once");
        for (process, id) in memory.host.living(Part::Stray) {
            // Whoever reports an ending by hand has not seen the processes; `cancel` finds them.
            let Some(task) = self.seen.get(&id).filter(|task| !is_by_hand(task)) else { continue };
            let named = task.progress().left.processes.contains(&process);
            assert!(named, "law 20: {id} left {} and does not name it: {task:?}", process.pid);
        }
        let names = memory.locks.names();
        assert_eq!(names.locked, [], "law 14: life locks of tasks that are over");
        assert_eq!(names.again, [], "law 14: environments of tasks that are over");
        assert_eq!(names.instructed, [], "law 14: instructions of tasks that are over");
        for id in &names.remains {
            let is_of = |(_, task): &(_, TaskId)| task == id;
            let lives = memory.host.living(Part::Stray).iter().any(is_of);
            assert!(lives, "law 14: what the host keeps for {id} is not removed");
        }
        assert_eq!(names.kept, waiting, "law 14: what is kept is for those that wait");
        let queued: BTreeSet<TaskId> =
            memory.queue.names().into_iter().map(|waiting| waiting.id).collect();
        assert_eq!(queued, waiting.into_iter().collect(), "law 16: who waits is in the queue");
    }

    fn nothing_follows(&self, task: &Task) {
        let next = task.progress().retried_as.as_ref();
        let follows = next.is_some_and(|next| !self.by_hand.contains(next));
        assert!(!follows, "law 17: {next:?} follows {}, which is over", task.id());
    }
}

/// Whether somebody reported the ending who has not seen the agent's.
fn is_by_hand(task: &Task) -> bool {
    match task.state() {
        State::Error(failure) => failure.reason == Reason::Reported,
        State::Completed(done) => done.result == "by hand",
        State::Queued(_) | State::Running(_) | State::Cancelled(_) => false,
    }
}
