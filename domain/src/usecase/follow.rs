//! The attempt that follows another by itself: it is recorded before the ending that names it, so that
//! nobody ever reads of an attempt that is not there.
//!
//! Its life lock is held from its record on until it waits as it should, or until it turns out that the
//! ending came to something else and it never was an attempt. Whoever dies in between leaves a free lock,
//! by which the next one who looks finds out which of the two it is ([`super::repair`]).

use alloc::vec::Vec;

use super::custody::Held;
use super::{Trouble, World};
use crate::port::StoreError;
use crate::run::retry;
use crate::task::{Ending, SessionId, Status, Task, TaskId};

/// An attempt that is recorded, and not named by anybody yet.
#[must_use = "settle it once the ending is recorded"]
pub struct Prepared {
    held: Held,
}

/// Records the attempt named `next` that follows `task` if that comes to `ending`; `None` if none follows
/// such an ending, or it cannot be recorded now. Then whoever looks next records it.
pub async fn prepare(
    world: World<'_>,
    task: &Task,
    ending: &Ending,
    next: &TaskId,
) -> Option<Prepared> {
    if task.order().retries.left == 0 || task.progress().retried_as.is_some() {
        return None;
    }
    // An intent that somebody recorded meanwhile decides what it comes to.
    let known = world.store.load(task.id()).await.unwrap_or_else(|_| task.clone());
    if !task.order().retries.follow(&known.would_end_as(ending.clone())?) {
        return None;
    }
    let claim = world.locks.claim(next).await.ok()??;
    let follower = attempt(world, task, next);
    let recorded = match world.store.create(&follower).await {
        Ok(()) => Ok(follower),
        // Recorded when the ending was to be recorded before, and could not be.
        Err(StoreError::Exists { .. }) => world.store.load(next).await,
        Err(error) => Err(error),
    };
    match recorded {
        Ok(follower) if follower.status() == Status::Queued => {
            Some(Prepared { held: Held::of(claim, follower) })
        }
        Ok(_) | Err(_) => {
            // By its lock whoever looks finds out what is left of it.
            claim.leave();
            None
        }
    }
}

/// The attempt named `next` that follows `task`.
pub(super) fn attempt(world: World<'_>, task: &Task, next: &TaskId) -> Task {
    let now = world.clock.now();
    let session = SessionId::from_random(world.entropy.bytes());
    let order = retry::by_itself(task, Some(session), now);
    let output = world.logs.location(next);
    Task::ordered(next.clone(), order, Some(output), now).on(world.host.name())
}

impl Prepared {
    /// Lets the attempt wait if `ended` names it, and takes it back if not; returns what could not be done.
    pub async fn settle(self, world: World<'_>, ended: Option<&Task>) -> Vec<Trouble> {
        let id = self.held.task.id().clone();
        match ended {
            Some(ended) if ended.progress().retried_as.as_ref() == Some(&id) => {
                wait(world, ended.id(), self.held).await
            }
            Some(_) => self.held.retract(world).await.err().into_iter().collect(),
            // Whether the ending is recorded is not known: its lock stays, by which that is found out.
            None => Vec::new(),
        }
    }
}

/// Lets an attempt that is recorded wait, with what was kept for it by the one before it.
pub(super) async fn wait(world: World<'_>, earlier: &TaskId, held: Held) -> Vec<Trouble> {
    let (id, moment) = (held.task.id().clone(), held.task.order().placement.not_before);
    if let Err(fault) = world.kits.pass_on(earlier, &id).await {
        return Vec::from([fault.into()]);
    }
    let mut troubles = Vec::new();
    match world.queue.enter(&held.task).await {
        Ok(()) => drop(held.into_waiting()),
        // Its lock stays: one without its name gets it from whoever looks next.
        Err(fault) => troubles.push(fault.into()),
    }
    if let Some(moment) = moment {
        troubles.extend(world.host.remind(moment).await.err().map(Trouble::from));
    }
    troubles
}
