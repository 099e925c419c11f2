//! Putting a task into the queue: its kit is kept, then its record made, then its name in the queue.
//!
//! The life lock is held meanwhile, so that a process that is killed in between leaves traces from
//! which the next repair completes the task or removes what there is of it. Admits no task.

use alloc::vec::Vec;

use super::again::link;
use super::{Trouble, World};
use crate::port::{Fault, Kit};
use crate::task::{Task, TaskId};

/// Records a task and puts it into the queue, durably; returns what could not be done after it was recorded.
///
/// # Errors
/// [`Trouble`] if it cannot be recorded; nothing is left of it then.
pub async fn enqueue(world: World<'_>, task: &Task, kit: &Kit) -> Result<Vec<Trouble>, Trouble> {
    let mut troubles = enqueue_untold(world, task, kit).await?;
    troubles.extend(make_durable(world, core::slice::from_ref(task.id())).await);
    Ok(troubles)
}

/// Records a task and puts it into the queue, as one of several of which nobody is told before
/// [`make_durable`]; returns what could not be done after it was recorded.
///
/// # Errors
/// [`Trouble`] if it cannot be recorded; nothing is left of it then.
pub async fn enqueue_untold(
    world: World<'_>,
    task: &Task,
    kit: &Kit,
) -> Result<Vec<Trouble>, Trouble> {
    let id = task.id();
    let Some(claim) = world.locks.claim(id).await? else {
        let (step, reason) = (alloc::format!("taking the life lock of {id}"), "somebody holds it");
        return Err(Fault::of(step, reason).into());
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

/// Makes durable what was recorded of these tasks; returns what could not be.
pub async fn make_durable(world: World<'_>, ids: &[TaskId]) -> Vec<Trouble> {
    let mut troubles = Vec::new();
    // The kits first: a record that lasts promises a start.
    troubles.extend(world.kits.make_durable(ids).await.err().map(Trouble::from));
    troubles.extend(world.store.make_durable(ids).await.err().map(Trouble::from));
    troubles
}

async fn record(world: World<'_>, task: &Task, kit: &Kit) -> Result<(), Trouble> {
    // The link first: of several retries of one task exactly one goes on.
    link(world, task).await?;
    world.kits.keep(task.id(), kit).await?;
    Ok(world.store.create_untold(task).await?)
}
