//! Repair: completing what killed processes left half done, one task at a time.
//!
//! [`crate::plan::queue::repair`] decides on a move from the traces of a task and its record. This
//! module decides again under the life lock of the task and makes the move there, so any process may do
//! so at any time, and repeatedly. Never takes the gate.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::custody::{self, Held};
use super::reconcile::{CONCLUSION, reconcile_within};
use super::{Trouble, World, follow, jobs, never_started};
use crate::plan::queue::{Follower, Kin, Lock, Names, Predecessor, Record, Repair, Traces, repair};
use crate::plan::reconcile::Custody;
use crate::port::{Doomed, StoreError, Waiting};
use crate::run::retry;
use crate::task::{Ending, Status, Task, TaskId};

/// What the folders of the store hold, and the queue.
pub(super) struct Look {
    /// The names.
    pub(super) names: Names,
    /// The tasks that wait, in the order of the queue.
    pub(super) waiting: Vec<Waiting>,
}

/// Lists the folders of the store and probes the life locks; reads no record.
///
/// # Errors
/// [`Trouble`] if they cannot be read.
pub(super) async fn look(world: World<'_>) -> Result<Look, Trouble> {
    look_beside(world, world.queue.waiting().await?).await
}

/// The same for whoever knows already who waits.
///
/// # Errors
/// [`Trouble`] as for [`look`].
pub(super) async fn look_beside(world: World<'_>, waiting: Vec<Waiting>) -> Result<Look, Trouble> {
    let mut found = unlocked(world, waiting).await?;
    for id in core::mem::take(&mut found.names.locks).into_keys() {
        // What a cluster has is not judged by a lock, which may end at the border of its node.
        if found.names.jobs.contains(&id) {
            continue;
        }
        let lock = match world.locks.custody(&id).await {
            // A free lock beside a kept environment is reported as `Waiting`.
            Ok(Custody::Free | Custody::Waiting) => Lock::Free,
            Ok(Custody::Absent) => continue,
            // A lock that cannot be probed is not known to be free.
            Ok(Custody::Held) | Err(_) => Lock::Held,
        };
        found.names.locks.insert(id, lock);
    }
    Ok(found)
}

/// The same without probing the locks: each counts as free. The queue is listed before the locks: a task that is admitted
/// in between has a life lock by then, and is counted.
async fn unlocked(world: World<'_>, waiting: Vec<Waiting>) -> Result<Look, Trouble> {
    let index = world.locks.index().await?;
    let names = Names {
        locks: index.locked.into_iter().map(|id| (id, Lock::Free)).collect(),
        kept: index.kept.into_iter().collect(),
        again: index.again.into_iter().collect(),
        instructed: index.instructed.into_iter().collect(),
        waiting: waiting.iter().map(|waiting| waiting.id.clone()).collect(),
        jobs: index.jobs.into_iter().collect(),
        remains: index.remains.into_iter().collect(),
    };
    Ok(Look { names, waiting })
}

/// Whether the ended task has a follower that is not queued yet. Also true where that cannot be found
/// out now, since what is kept for the follower must not be removed then.
pub(super) async fn follower_is_due(world: World<'_>, task: &Task) -> bool {
    let Some(next) = &task.progress().retried_as else { return false };
    if !retry::follows_by_itself(task) {
        return false;
    }
    let loaded = world.store.load(next).await;
    if matches!(loaded, Err(StoreError::Failed { .. })) {
        return true;
    }
    match Follower::of(Some(record(&loaded))) {
        Follower::None | Follower::Begun => false,
        Follower::Absent | Follower::Waiting => match world.locks.index().await {
            Ok(index) => index.again.contains(task.id()) || index.kept.contains(task.id()),
            Err(_) => true,
        },
    }
}

/// The state of the follower that the record of the task names.
async fn follower(world: World<'_>, task: &Task) -> Follower {
    let Some(next) = &task.progress().retried_as else { return Follower::None };
    let loaded = world.store.load(next).await;
    Follower::of(Some(record(&loaded)))
}

/// Whether the attempt before the task names it.
async fn predecessor(world: World<'_>, look: &Look, task: &Task) -> Predecessor {
    let Some(earlier) = &task.order().lineage.retry_of else { return Predecessor::None };
    match world.store.load(earlier).await {
        Ok(earlier) if earlier.progress().retried_as.as_ref() == Some(task.id()) => {
            let traces = look.names.of(earlier.id());
            if traces.kept || traces.again { Predecessor::Keeps } else { Predecessor::Names }
        }
        Ok(_) => Predecessor::Disowns,
        Err(_) => Predecessor::None,
    }
}

/// What loading a record showed.
fn record(loaded: &Result<Task, StoreError>) -> Record<'_> {
    match loaded {
        Ok(task) => Record::Task(task),
        Err(StoreError::NotFound { .. }) => Record::Absent,
        Err(_) => Record::Unreadable,
    }
}

/// What is known of the attempts before and after the task.
async fn kin(world: World<'_>, look: &Look, task: Option<&Task>) -> Kin {
    let Some(task) = task else {
        return Kin { follower: Follower::None, predecessor: Predecessor::None };
    };
    let predecessor = match task.status() {
        Status::Queued => predecessor(world, look, task).await,
        Status::Running | Status::Completed | Status::Error | Status::Cancelled => {
            Predecessor::None
        }
    };
    Kin { follower: follower(world, task).await, predecessor }
}

/// What came of repairing tasks.
#[derive(Default)]
pub(super) struct Mended {
    /// The tasks that were ended.
    pub(super) ended: Vec<TaskId>,
    /// What could not be completed, and why.
    pub(super) troubles: Vec<Trouble>,
    /// Whether anything was changed.
    pub(super) changed: bool,
}

/// Repairs these tasks, where they need it.
pub(super) async fn mend(world: World<'_>, look: &Look, suspects: &[TaskId]) -> Mended {
    let (mut mended, mut patience) = (Mended::default(), CONCLUSION);
    for id in suspects {
        match Box::pin(mend_one(world, look, id, &mut patience)).await {
            Ok(Change::None) => {}
            Ok(Change::Made) => mended.changed = true,
            Ok(Change::Ended) => {
                mended.changed = true;
                mended.ended.push(id.clone());
            }
            Err(trouble) => mended.troubles.push(trouble),
        }
    }
    for id in &look.names.remains {
        clear(world, id).await;
    }
    mended
}

/// Removes what the host keeps for an ended task, if the last process that was in the way is gone by now.
async fn clear(world: World<'_>, id: &TaskId) {
    let doomed = match world.store.load(id).await {
        Ok(task) if task.belongs_to(world.host.name()) => Doomed::of(&task),
        Err(StoreError::NotFound { .. }) => Doomed::named(id.clone()),
        // That machine sees to it, or a later look.
        Ok(_) | Err(_) => return,
    };
    if world.host.clear(&doomed).await {
        drop(world.locks.forget_remains(id).await);
    }
}

/// What a repair changed.
enum Change {
    /// Nothing.
    None,
    /// Something, but the task was not ended.
    Made,
    /// The task was ended.
    Ended,
}

/// Repairs one task, if it needs it.
async fn mend_one(
    world: World<'_>,
    look: &Look,
    id: &TaskId,
    patience: &mut Duration,
) -> Result<Change, Trouble> {
    let traces = look.names.of(id);
    let loaded = world.store.load(id).await;
    let kin = kin(world, look, loaded.as_ref().ok()).await;
    match repair(traces, record(&loaded), kin, world.host.name()) {
        Repair::Nothing => Ok(Change::None),
        Repair::Forget => forget(world, look, id).await.map(|()| Change::None),
        Repair::Examine => {
            let Ok(task) = loaded else { return Ok(Change::None) };
            let believed = reconcile_within(world, task, jobs::RECENT, patience).await?;
            let ended = believed.task.status().is_ended();
            Ok(if ended { Change::Ended } else { Change::None })
        }
        Repair::Retire
        | Repair::Follow
        | Repair::Enter
        | Repair::Release
        | Repair::Retract
        | Repair::Cancel
        | Repair::Abandon => {
            let Some(held) = custody::take(world, id).await? else { return Ok(Change::None) };
            let before = held.task.status().is_ended();
            // Without a lock that somebody left, it was not being started.
            let ending = if traces.lock == Lock::Absent {
                never_started::robbed()
            } else {
                never_started::cut_short(world, &held.task).await
            };
            let ended = conclude(world, held, ending).await?.status().is_ended();
            Ok(if ended && !before { Change::Ended } else { Change::Made })
        }
    }
}

/// Decides again, now that the life lock is held, and makes the move; a task that cannot be started any more ends as
/// `never_started` has it.
async fn conclude(world: World<'_>, held: Held, never_started: Ending) -> Result<Task, Trouble> {
    // Another process may have made the same move before the lock was taken here.
    let look = unlocked(world, world.queue.waiting().await?).await?;
    let kin = kin(world, &look, Some(&held.task)).await;
    let traces = Traces { lock: Lock::Free, ..look.names.of(held.task.id()) };
    match repair(traces, Record::Task(&held.task), kin, world.host.name()) {
        Repair::Follow => {
            follow_up(world, &held.task).await?;
            let task = held.task.clone();
            held.put_away(world).await.map_or(Ok(task), Err)
        }
        Repair::Retract => {
            let task = held.task.clone();
            held.retract(world).await.map(|()| task)
        }
        Repair::Enter => {
            world.queue.enter(&held.task).await?;
            Ok(held.into_waiting())
        }
        Repair::Release => Ok(held.into_waiting()),
        Repair::Cancel => Ok(held.end(world, Ending::CANCELLED).await?.0),
        Repair::Abandon => Ok(held.end(world, never_started).await?.0),
        Repair::Retire => {
            let task = held.task.clone();
            remove_names(world, &look, task.id()).await?;
            held.put_away(world).await.map_or(Ok(task), Err)
        }
        Repair::Nothing | Repair::Forget | Repair::Examine => Ok(held.task.clone()),
    }
}

/// Records the follower of an ended task, if it has no record, and queues it with what was kept for it.
///
/// # Errors
/// [`Trouble`] if that cannot be done; it can be repeated.
async fn follow_up(world: World<'_>, task: &Task) -> Result<(), Trouble> {
    let Some(next) = &task.progress().retried_as else { return Ok(()) };
    // The holder is doing this already.
    let Some(claim) = world.locks.claim(next).await? else { return Ok(()) };
    let follower = match world.store.load(next).await {
        Ok(follower) => follower,
        Err(StoreError::NotFound { .. }) => {
            let follower = follow::attempt(world, task, next);
            if let Err(error) = world.store.create(&follower).await {
                claim.leave();
                return Err(error.into());
            }
            follower
        }
        Err(error) => {
            claim.leave();
            return Err(error.into());
        }
    };
    let held = Held::of(claim, follower);
    if held.task.status() != Status::Queued {
        return Ok(());
    }
    match follow::wait(world, task.id(), held).await.into_iter().next() {
        None => Ok(()),
        Some(trouble) => Err(trouble),
    }
}

/// Removes all that was prepared for a task without a record.
async fn forget(world: World<'_>, look: &Look, id: &TaskId) -> Result<(), Trouble> {
    // A process that is recording the task holds its life lock.
    let Some(claim) = world.locks.claim(id).await? else { return Ok(()) };
    if !matches!(world.store.load(id).await, Err(StoreError::NotFound { .. })) {
        claim.leave();
        return Ok(());
    }
    let removed = remove_names(world, look, id).await;
    claim.retire()?;
    removed
}

/// Removes the names that a task has in the queue.
async fn remove_names(world: World<'_>, look: &Look, id: &TaskId) -> Result<(), Trouble> {
    for waiting in look.waiting.iter().filter(|waiting| waiting.id == *id) {
        world.queue.leave(waiting).await?;
    }
    Ok(())
}
