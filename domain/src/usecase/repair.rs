//! Completing what somebody began and did not finish, one task at a time.
//!
//! [`crate::plan::queue::repair`] decides from the traces of a task and its record; here the move is made,
//! under the task's life lock and judged again there, so that it can be made by anybody at any time and
//! any number of times. None of it needs the lock of the queue.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::custody::{self, Held};
use super::reconcile::reconcile;
use super::{Trouble, World, follow};
use crate::plan::queue::{Follower, Kin, Lock, Names, Predecessor, Record, Repair, Traces, repair};
use crate::plan::reconcile::Custody;
use crate::port::{StoreError, Waiting};
use crate::run::retry;
use crate::task::{Ending, Reason, Status, Task, TaskId};

/// What the folders of the store hold, and who waits in which order.
pub(super) struct Look {
    /// The names.
    pub(super) names: Names,
    /// Who waits, first come first.
    pub(super) waiting: Vec<Waiting>,
}

/// Looks at the folders of the store; reads no record.
///
/// # Errors
/// [`Trouble`] if they cannot be read.
pub(super) async fn look(world: World<'_>) -> Result<Look, Trouble> {
    let mut found = unlocked(world).await?;
    for id in core::mem::take(&mut found.names.locks).into_keys() {
        let lock = match world.locks.custody(&id).await {
            // Beside a kept environment a free lock is called waiting.
            Ok(Custody::Free | Custody::Waiting) => Lock::Free,
            Ok(Custody::Absent) => continue,
            // What cannot be looked at is not known to be free.
            Ok(Custody::Held) | Err(_) => Lock::Held,
        };
        found.names.locks.insert(id, lock);
    }
    Ok(found)
}

/// The same, where nobody asks who holds the locks: each of them counts as free.
async fn unlocked(world: World<'_>) -> Result<Look, Trouble> {
    // The queue first: a task that is admitted in between has a life lock then, and is not overlooked.
    let waiting = world.queue.waiting().await?;
    let index = world.locks.index().await?;
    let names = Names {
        locks: index.locked.into_iter().map(|id| (id, Lock::Free)).collect(),
        kept: index.kept.into_iter().collect(),
        again: index.again.into_iter().collect(),
        instructed: index.instructed.into_iter().collect(),
        waiting: waiting.iter().map(|waiting| waiting.id.clone()).collect(),
    };
    Ok(Look { names, waiting })
}

/// Whether an attempt follows the task, which has ended, and does not wait as it should yet. Where that cannot
/// be told now, it may: what is kept for the attempt must not be removed then.
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

/// How the attempt stands that the record of the task names.
async fn follower(world: World<'_>, task: &Task) -> Follower {
    let Some(next) = &task.progress().retried_as else { return Follower::None };
    let loaded = world.store.load(next).await;
    Follower::of(Some(record(&loaded)))
}

/// How the task stands to the attempt before it.
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

/// What is known of a record that was to be loaded.
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

/// What became of the tasks that were looked at.
#[derive(Default)]
pub(super) struct Mended {
    /// The tasks that ended by this.
    pub(super) ended: Vec<TaskId>,
    /// What could not be completed, and why.
    pub(super) troubles: Vec<Trouble>,
    /// Whether anything was changed.
    pub(super) changed: bool,
}

/// Completes what was left half done of these tasks.
pub(super) async fn mend(world: World<'_>, look: &Look, suspects: &[TaskId]) -> Mended {
    let mut mended = Mended::default();
    for id in suspects {
        match Box::pin(mend_one(world, look, id)).await {
            Ok(Change::None) => {}
            Ok(Change::Made) => mended.changed = true,
            Ok(Change::Ended) => {
                mended.changed = true;
                mended.ended.push(id.clone());
            }
            Err(trouble) => mended.troubles.push(trouble),
        }
    }
    mended
}

/// What a repair changed.
enum Change {
    /// Nothing.
    None,
    /// Something; the task has not ended by it.
    Made,
    /// The task has ended by it.
    Ended,
}

/// Completes what was left half done of one task.
async fn mend_one(world: World<'_>, look: &Look, id: &TaskId) -> Result<Change, Trouble> {
    let traces = look.names.of(id);
    let loaded = world.store.load(id).await;
    let kin = kin(world, look, loaded.as_ref().ok()).await;
    match repair(traces, record(&loaded), kin, world.host.name()) {
        Repair::Nothing => Ok(Change::None),
        Repair::Forget => forget(world, look, id).await.map(|()| Change::None),
        Repair::Examine => {
            let Ok(task) = loaded else { return Ok(Change::None) };
            let ended = reconcile(world, task).await?.task.status().is_ended();
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
            let ended = conclude(world, held).await?.status().is_ended();
            Ok(if ended && !before { Change::Ended } else { Change::Made })
        }
    }
}

/// Makes the move that the task needs now that its life lock is held.
async fn conclude(world: World<'_>, held: Held) -> Result<Task, Trouble> {
    // Looked at again: until the lock was held here, somebody else may have made the very move.
    let look = unlocked(world).await?;
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
        Repair::Cancel => Ok(held.end(world, Ending::Cancelled).await?.0),
        Repair::Abandon => {
            let message = "its start was cut short; what there was of it has been stopped";
            Ok(held.end(world, Ending::failed(Reason::LaunchFailed, message)).await?.0)
        }
        Repair::Retire => {
            let task = held.task.clone();
            remove_names(world, &look, task.id()).await?;
            held.put_away(world).await.map_or(Ok(task), Err)
        }
        Repair::Nothing | Repair::Forget | Repair::Examine => Ok(held.task.clone()),
    }
}

/// Sees to it that the attempt that follows an ended task is recorded and waits, with what was kept for it.
///
/// # Errors
/// [`Trouble`] if that cannot be done; it can be done again.
async fn follow_up(world: World<'_>, task: &Task) -> Result<(), Trouble> {
    let Some(next) = &task.progress().retried_as else { return Ok(()) };
    // Whoever holds it is at it already.
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

/// Removes all that was prepared for a task that nobody recorded.
async fn forget(world: World<'_>, look: &Look, id: &TaskId) -> Result<(), Trouble> {
    // Whoever is just recording it holds its life lock.
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
