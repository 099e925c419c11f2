//! Putting a task into the queue: what it starts with is kept, it is recorded, and it gets its name.
//!
//! In this order, and with its life lock held meanwhile, so that whoever dies in between leaves traces by
//! which the next one who looks either completes the task or removes what there is of it. Admits nobody.

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
        // Nobody was told of it; what cannot be removed now is found by its lock.
        drop(claim.retire());
        return Err(trouble);
    }
    let mut troubles = Vec::new();
    // One without its name gets it from whoever looks next.
    troubles.extend(world.queue.enter(task).await.err().map(Trouble::from));
    // A task that waits has no life lock.
    drop(claim);
    if let Some(moment) = task.order().placement.not_before {
        troubles.extend(world.host.remind(moment).await.err().map(Trouble::from));
    }
    Ok(troubles)
}

async fn record(world: World<'_>, task: &Task, kit: &Kit) -> Result<(), Trouble> {
    // First: of several that try the same task again exactly one goes on.
    link(world, task).await?;
    world.kits.keep(task.id(), kit).await?;
    Ok(world.store.create(task).await?)
}
