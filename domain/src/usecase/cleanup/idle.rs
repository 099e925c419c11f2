//! Whether anybody still works for an ended task, or in its worktree.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::Kept;
use crate::plan::reconcile::Custody;
use crate::task::{ProcessId, Task, TaskId};
use crate::usecase::cancel::copied;
use crate::usecase::left_behind::{keep_bound, unnamed};
use crate::usecase::reconcile::wait_for_conclusion;
use crate::usecase::{Trouble, World};

/// Refuses a task whose agent still works: without the record nobody could stop the agent, and it would
/// occupy a slot for ever.
pub(super) async fn is_idle(
    world: World<'_>,
    task: &Task,
    at_large: &[(TaskId, ProcessId)],
    patience: &mut Duration,
) -> Result<(), Kept> {
    let id = task.id();
    let agent = task.progress().agent.as_ref();
    if !task.belongs_to(world.host.name()) {
        // Only the machine that ran the agent can see whether it is gone.
        let seen = task.progress().exit.is_some() || agent.is_none();
        return if seen { Ok(()) } else { Err(ran_elsewhere(task)) };
    }
    if let Some(agent) = agent
        && world.host.lives(agent).await
    {
        if !task.is_of_store(world.host.store().as_deref()) {
            return Err(copied(task).into());
        }
        return Err(Kept::AtWork { id: id.clone() });
    }
    if world.locks.custody(id).await.map_err(Trouble::from)? == Custody::Held {
        // Its supervisor lets go of the lock a moment after it recorded the ending.
        wait_for_conclusion(world, task, patience).await;
        if world.locks.custody(id).await.map_err(Trouble::from)? == Custody::Held {
            return Err(Kept::Held { holder: world.locks.holder(id) });
        }
    }
    let mut pids: Vec<u32> = Vec::new();
    for process in &task.progress().left.processes {
        if world.host.lives(process).await {
            pids.push(process.pid);
        }
    }
    pids.extend(at_large.iter().filter(|(named, _)| named == id).map(|(_, process)| process.pid));
    pids.sort_unstable();
    pids.dedup();
    if !pids.is_empty() && !task.is_of_store(world.host.store().as_deref()) {
        return Err(copied(task).into());
    }
    if !pids.is_empty() {
        keep_bound(world, task).await;
    }
    match (pids.is_empty(), unnamed(world, task).await) {
        (false, _) => Err(Kept::LeftBehind { id: id.clone(), pids }),
        (true, 1..) => Err(Kept::Unnamed { id: id.clone() }),
        (true, 0) => Ok(()),
    }
}

fn ran_elsewhere(task: &Task) -> Kept {
    let host = task.progress().host.clone().unwrap_or_default();
    Kept::Elsewhere { id: task.id().clone(), host }
}

/// Refuses a task in whose worktree somebody works.
pub(super) fn is_deserted(task: &Task, working: &BTreeMap<String, Vec<u32>>) -> Result<(), Kept> {
    let inside = task.order().worktree.as_ref().and_then(|worktree| working.get(&worktree.path));
    inside.map_or(Ok(()), |pids| Err(Kept::InUse { pids: pids.clone() }))
}
