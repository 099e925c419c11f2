//! Putting a task into the queue: its kit is kept, then its record made, then its name in the queue.
//!
//! The life lock is held meanwhile, so that a process that is killed in between leaves traces from
//! which the next repair completes the task or removes what there is of it. Admits no task.

use alloc::vec::Vec;

use super::again::link;
use super::{Trouble, World};
use crate::port::{Fault, Kit};
use crate::task::Task;

/// Records a task and puts it into the queue; returns what could not be done after it was recorded.
///
/// # Errors
/// [`Trouble`] if it cannot be recorded; nothing is left of it then.
pub async fn enqueue(world: World<'_>, task: &Task, kit: &Kit) -> Result<Vec<Trouble>, Trouble> {
    let id = task.id();
    let Some(claim) = world.locks.claim(id).await? else {
        let (step, reason) = (alloc::format!("taking the life lock of {id}"), "somebody holds it");
        return Err(Fault { step, reason: reason.into() }.into());
    };
    if let Err(trouble) = record(world, task, kit).await {
        // Nobody was told of the task; the next repair removes what stays.
        drop(claim.retire());
        return Err(trouble);
    }
    let mut troubles = Vec::new();
    // If the name is missing, the next repair makes it.
    troubles.extend(world.queue.enter(task).await.err().map(Trouble::from));
    // A task that waits has no life lock.
    drop(claim);
    if let Some(moment) = task.order().placement.not_before {
        troubles.extend(world.host.remind(moment).await.err().map(Trouble::from));
    }
    Ok(troubles)
}

async fn record(world: World<'_>, task: &Task, kit: &Kit) -> Result<(), Trouble> {
    // The link first: of several retries of one task exactly one goes on.
    link(world, task).await?;
    world.kits.keep(task.id(), kit).await?;
    Ok(world.store.create(task).await?)
}
