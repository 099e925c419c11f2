//! Stopping tasks for which an intent to stop is recorded, until their endings are recorded: shared by
//! `cancel` and `prune`.
//!
//! A supervisor stops its own task, since it alone sees how the agent exits. The processes of a task
//! without a supervisor are stopped from here, under its life lock. All supervisors are asked first and
//! then waited for, so that many take no longer than one. A failure for one task never affects the
//! others. Records no intent.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use super::autopsy::autopsy;
use super::cancel::Cancelled;
use super::custody::{self, Held};
use super::left_behind::ended_unseen;
use super::{Trouble, World};
use crate::plan::reconcile::Custody;
use crate::port::{Doomed, Life, StoreError, Woken};
use crate::task::{Ending, Status, Task, TaskId};

/// How long a supervisor may take beyond the grace: two rounds of signals and a record.
const MARGIN: Duration = Duration::from_secs(15);

/// How long a supervisor that is stopped itself may take to be let go on.
const DEAF: Duration = Duration::from_secs(5);
/// How often processes that nobody can be asked about are looked at.
const STEP: Duration = Duration::from_millis(50);
/// How long a supervisor has at least to hear that it is to stop its task.
const LEAST: Duration = Duration::from_millis(300);

/// What came of stopping tasks.
#[derive(Debug, Default)]
pub(super) struct Stopped {
    /// The tasks as they are now, or why they could not be stopped.
    pub(super) tasks: BTreeMap<TaskId, Result<Task, Trouble>>,
    /// The numbers of the processes that are left after all.
    pub(super) survivors: Vec<u32>,
    /// The tasks that had been started and whose processes no supervisor of theirs saw end.
    pub(super) unproved: Vec<TaskId>,
}

/// Stops the processes of `tasks`, and ends those that have not ended.
pub(super) async fn stop_all(world: World<'_>, tasks: &[Task], grace: Duration) -> Stopped {
    let mut stopped = Stopped::default();
    let (mut asked, mut ours): (Vec<TaskId>, Vec<Held>) = (Vec::new(), Vec::new());
    let (mut deaf, mut whole) = (Vec::new(), BTreeSet::new());
    for task in tasks {
        match custody::take(world, task.id()).await {
            Ok(Some(held)) => {
                see_whether_whole(world, task, &mut whole).await;
                ours.push(held);
            }
            Ok(None) => {
                // Its supervisor may be about to go, also by what killed it a moment ago.
                see_whether_whole(world, task, &mut whole).await;
                // A supervisor that is starting its agent reads the record by itself.
                if let Some(supervisor) = &task.progress().supervisor
                    && let Err(fault) = world.host.ask_to_look(supervisor).await
                {
                    // It finds the intent by itself before long, and is not waited for.
                    stopped.tasks.insert(task.id().clone(), Err(fault.into()));
                    continue;
                }
                if is_deaf(world, task).await {
                    deaf.push(Doomed::of(task));
                }
                asked.push(task.id().clone());
            }
            Err(trouble) => drop(stopped.tasks.insert(task.id().clone(), Err(trouble))),
        }
    }
    // Nobody but this process stops the processes of a task whose supervisor is stopped itself.
    let is_heard = deaf.len() < asked.len();
    let doomed: Vec<Doomed> = ours.iter().map(|held| Doomed::of(&held.task)).chain(deaf).collect();
    if !doomed.is_empty() {
        stopped.survivors = world.host.stop(&doomed, grace).await;
    }
    for held in ours {
        let id = held.task.id().clone();
        let started = held.task.started_at().is_some();
        if started && !holds_none(world, &held.task, &whole).await {
            stopped.unproved.push(id.clone());
        }
        stopped.tasks.insert(id, Box::pin(end(world, held)).await);
    }
    let margin = if is_heard { grace.saturating_add(MARGIN) } else { DEAF };
    let by = world.clock.elapsed().saturating_add(margin);
    wait_for_release(world, asked.clone(), by).await;
    for id in asked {
        let survivors = sweep(world, &id).await;
        stopped.survivors.extend(survivors);
        let (ended, by_whom) = Box::pin(see_ended(world, &id, by)).await;
        if !is_proved(world, &ended, by_whom, &whole).await {
            stopped.unproved.push(id.clone());
        }
        stopped.tasks.entry(id).or_insert(ended);
    }
    stopped
}

/// Stops the processes of running tasks whose intent the store cannot record, because the disk is full or
/// read-only. A supervisor is asked by a signal: it takes that for a cancel, and records the ending as soon
/// as the store works again.
pub(super) async fn stop_unrecorded(
    world: World<'_>,
    tasks: Vec<(Task, StoreError)>,
    grace: Duration,
    receipt: &mut Cancelled,
) {
    let (mut asked, mut alone, mut whole) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (task, _) in &tasks {
        see_whether_whole(world, task, &mut whole).await;
        let held = world.locks.custody(task.id()).await == Ok(Custody::Held);
        match &task.progress().supervisor {
            // One that cannot be asked finds that its agent is gone.
            Some(supervisor) if held => {
                // Whose agent is gone only waits for the store, and a signal would end that.
                if custody::is_at_work(world, task).await {
                    drop(world.host.ask_to_stop(supervisor).await);
                }
                asked.push(Doomed::of(task));
            }
            Some(_) | None => alone.push(Doomed::of(task)),
        }
    }
    if !alone.is_empty() {
        receipt.survivors.extend(world.host.stop(&alone, grace).await);
    }
    if !asked.is_empty() {
        let by = world.clock.elapsed().saturating_add(grace.max(LEAST));
        wait_for_processes(world, &asked, by).await;
        receipt.survivors.extend(world.host.stop(&asked, Duration::ZERO).await);
    }
    for doomed in alone {
        if !(whole.contains(&doomed.id) && world.host.has_none(&doomed).await) {
            receipt.unproved.push(doomed.id);
        }
    }
    for (task, error) in tasks {
        let id = task.id().clone();
        receipt.stopped.push(id.clone());
        receipt.refused.push((id.clone(), Trouble::Unrecorded { id, error }));
    }
}

/// Waits until nothing of these tasks is left, at most until `by`.
async fn wait_for_processes(world: World<'_>, tasks: &[Doomed], by: Duration) {
    let ids: Vec<TaskId> = tasks.iter().map(|doomed| doomed.id.clone()).collect();
    let Ok(mut watch) = world.locks.watch(&ids).await else { return };
    loop {
        let left = by.saturating_sub(world.clock.elapsed());
        let mut at_work = false;
        for doomed in tasks {
            at_work |= !world.host.of_task(doomed).await.is_empty();
        }
        if left.is_zero() || !at_work {
            return;
        }
        // Nothing wakes who waits for processes of others: a lock that is freed is the best sign.
        drop(watch.next(left.min(STEP)).await);
    }
}

/// Whether it is certain that nothing of a task is left that was ended: its first supervisor is the reaper of its processes, and
/// whoever else ended it may have a group that knows them all.
async fn is_proved(
    world: World<'_>,
    ended: &Result<Task, Trouble>,
    by_whom: Ender,
    whole: &BTreeSet<TaskId>,
) -> bool {
    match ended {
        Ok(task) if by_whom == Ender::Us || task.progress().adoptions > 0 => {
            holds_none(world, task, whole).await
        }
        // Its supervisor had looked at the record for the last time before the cancel was there.
        Ok(task) if task.status() == Status::Cancelled && task.progress().left.count > 0 => {
            world.host.has_none(&Doomed::of(task)).await
        }
        // Somebody else may have concluded it whose supervisor was killed meanwhile.
        Ok(task) => !ended_unseen(world, task, whole.contains(task.id())).await,
        Err(_) => by_whom == Ender::Supervisor,
    }
}

/// Whether a group that was seen to hold all of a task says that nothing of it is left.
async fn holds_none(world: World<'_>, task: &Task, whole: &BTreeSet<TaskId>) -> bool {
    whole.contains(task.id()) && world.host.has_none(&Doomed::of(task)).await
}

/// Ends a task whose life lock is held here, unless it has ended. The recorded intent decides how.
async fn end(world: World<'_>, held: Held) -> Result<Task, Trouble> {
    if held.task.status().is_ended() {
        let task = held.task.clone();
        drop(held.put_away(world).await);
        return Ok(task);
    }
    let ending = autopsy(world, &held.task).await.unwrap_or(Ending::CANCELLED);
    held.end(world, ending).await.map(|(task, _)| task)
}

/// Stops the processes that a supervisor left that hangs or was killed.
async fn sweep(world: World<'_>, id: &TaskId) -> Vec<u32> {
    let task = world.store.load(id).await;
    let doomed = task.map_or_else(|_| Doomed::named(id.clone()), |task| Doomed::of(&task));
    if world.host.of_task(&doomed).await.is_empty() {
        return Vec::new();
    }
    let survivors = world.host.stop(core::slice::from_ref(&doomed), Duration::ZERO).await;
    if doomed.group.is_some() {
        world.host.put_away(&doomed).await;
    }
    survivors
}

/// The task, once it has ended; ends it here if its life lock is free. Waits until `by` for the holder
/// to end it.
async fn see_ended(world: World<'_>, id: &TaskId, by: Duration) -> (Result<Task, Trouble>, Ender) {
    loop {
        match world.store.load(id).await {
            Ok(task) if !task.status().is_ended() => {}
            ended => return (ended.map_err(Trouble::from), Ender::Supervisor),
        }
        match custody::take(world, id).await {
            Ok(Some(held)) => return (end(world, held).await, Ender::Us),
            Ok(None) => {}
            Err(trouble) => return (Err(trouble), Ender::Us),
        }
        let over = world.clock.elapsed() >= by;
        if over || !wait_for_release(world, alloc::vec![id.clone()], by).await {
            return (Err(unanswered(world, id).await), Ender::Us);
        }
    }
}

/// Sees whether what holds a task together holds all of it, before somebody removes it: what was started before that was
/// whole is found by nobody but a reaper.
async fn see_whether_whole(world: World<'_>, task: &Task, whole: &mut BTreeSet<TaskId>) {
    if world.host.holds_all(&Doomed::of(task)).await {
        whole.insert(task.id().clone());
    }
}

/// Whether the supervisor of a task is stopped, so that it hears nothing.
async fn is_deaf(world: World<'_>, task: &Task) -> bool {
    match &task.progress().supervisor {
        Some(supervisor) => world.host.life(supervisor).await == Life::Stopped,
        None => false,
    }
}

/// That nobody recorded the end of a task in time, with who is to: its supervisor got its life lock from another process,
/// so the lock does not name it.
pub(super) async fn unanswered(world: World<'_>, id: &TaskId) -> Trouble {
    if let Ok(task) = world.store.load(id).await
        && let Some(supervisor) = &task.progress().supervisor
        && is_deaf(world, &task).await
    {
        let holder =
            alloc::format!("process {}, its supervisor, which is stopped,", supervisor.pid);
        return Trouble::Unanswered { id: id.clone(), holder };
    }
    Trouble::unanswered(world, id)
}

/// Who saw the end of a task's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ender {
    /// Its supervisor, which is the reaper of all of them.
    Supervisor,
    /// Nobody but this process, which finds them by what leads to them.
    Us,
}

/// Waits until nobody holds the life locks of these tasks, at most until `by`; returns `false` if the
/// locks cannot be watched.
async fn wait_for_release(world: World<'_>, mut pending: Vec<TaskId>, by: Duration) -> bool {
    if pending.is_empty() {
        return true;
    }
    let Ok(mut watch) = world.locks.watch(&pending).await else { return false };
    loop {
        let left = by.saturating_sub(world.clock.elapsed());
        if pending.is_empty() || left.is_zero() {
            return true;
        }
        match watch.next(left).await {
            Woken::Released(id) => pending.retain(|other| *other != id),
            // The watch may have missed a release, so each lock is probed.
            Woken::Ended(_) | Woken::Changed | Woken::TimedOut => {
                let mut held = Vec::new();
                for id in pending {
                    if world.locks.custody(&id).await == Ok(Custody::Held) {
                        held.push(id);
                    }
                }
                pending = held;
            }
        }
    }
}
