//! The follower, an attempt that follows another by itself: it is recorded before the ending that names
//! it, so that no record names an attempt that is not there.
//!
//! Its life lock is held from its record on until it is queued, or until its record is removed because
//! the ending turned out not to name it. A process that is killed in between leaves a free lock, by
//! which the next repair does one of the two. Nothing here starts an attempt.

use alloc::vec::Vec;

use super::custody::Held;
use super::{Trouble, World};
use crate::port::{StoreError, Stream};
use crate::run::retry;
use crate::task::{Ending, SessionId, Status, Task, TaskId};

/// A follower that is recorded, and that no ending names yet.
#[must_use = "settle it once the ending is recorded"]
pub struct Prepared {
    held: Held,
}

/// Records the follower `next` of a `task` that is about to end as `ending`; `None` if no attempt
/// follows such an ending, or `next` cannot be recorded now. In the latter case the next repair records
/// it.
pub async fn prepare(
    world: World<'_>,
    task: &Task,
    ending: &Ending,
    next: &TaskId,
) -> Option<Prepared> {
    if task.order().retries.left == 0 || task.progress().retried_as.is_some() {
        return None;
    }
    // An intent that was recorded meanwhile decides the ending.
    let known = world.store.load(task.id()).await.unwrap_or_else(|_| task.clone());
    if !task.order().retries.follow(&known.would_end_as(ending.clone())?) {
        return None;
    }
    let claim = world.locks.claim(next).await.ok()??;
    let follower = attempt(world, task, next);
    let recorded = match world.store.create(&follower).await {
        Ok(()) => Ok(follower),
        // An earlier try recorded the follower, but could not record the ending.
        Err(StoreError::Exists { .. }) => world.store.load(next).await,
        Err(error) => Err(error),
    };
    match recorded {
        Ok(follower) if follower.status() == Status::Queued => {
            Some(Prepared { held: Held::of(claim, follower) })
        }
        Ok(_) | Err(_) => {
            // The next repair finds what is left of the follower by this lock.
            claim.leave();
            None
        }
    }
}

/// The follower of `task`, with the id `next`.
pub(super) fn attempt(world: World<'_>, task: &Task, next: &TaskId) -> Task {
    let now = world.clock.now();
    let session = SessionId::from_random(world.entropy.bytes());
    let order = retry::by_itself(task, Some(session), now);
    let output = world.logs.location(next, Stream::Readable);
    Task::ordered(next.clone(), order, Some(output), now).on(world.host.name())
}

impl Prepared {
    /// Removes the record of the follower.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be removed; the next repair finds it by its life lock.
    pub async fn take_back(self, world: World<'_>) -> Result<(), Trouble> {
        self.held.retract(world).await
    }

    /// Queues the follower if `ended` names it, and removes its record if not; returns what could not
    /// be done.
    pub async fn settle(self, world: World<'_>, ended: Option<&Task>) -> Vec<Trouble> {
        let id = self.held.task.id().clone();
        match ended {
            Some(ended) if ended.progress().retried_as.as_ref() == Some(&id) => {
                wait(world, ended.id(), self.held).await
            }
            Some(_) => self.take_back(world).await.err().into_iter().collect(),
            // Whether the ending is recorded is not known: the lock stays, by which the next repair
            // decides.
            None => Vec::new(),
        }
    }
}

/// Queues a recorded follower, with the kit that the attempt before it kept.
pub(super) async fn wait(world: World<'_>, earlier: &TaskId, held: Held) -> Vec<Trouble> {
    let (id, moment) = (held.task.id().clone(), held.task.order().placement.not_before);
    if let Err(fault) = world.kits.pass_on(earlier, &id).await {
        return Vec::from([fault.into()]);
    }
    let mut troubles = Vec::new();
    match world.queue.enter(&held.task).await {
        Ok(()) => drop(held.into_waiting()),
        // The lock stays, and the next repair makes the name.
        Err(fault) => troubles.push(fault.into()),
    }
    if let Some(moment) = moment {
        troubles.extend(world.host.remind(moment).await.err().map(Trouble::from));
    }
    troubles
}
