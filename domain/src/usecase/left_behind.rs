//! What lives on of a task that has ended: which of the processes that its record names, what these started meanwhile,
//! and how many there were that nobody could name. What it wrote on to the logs is bounded by whoever looks. Ends no process.

use alloc::vec::Vec;

use super::{Trouble, World};
use crate::plan::reconcile::Custody;
use crate::port::Doomed;
use crate::task::{LeftBehind, ProcessId, Task, TaskId};

/// The living processes whose environment names a task, looked for when that is first needed.
pub type AtLarge = Option<Vec<(TaskId, ProcessId)>>;

/// The task without those processes that it left behind and that are gone by now, and with what these may have
/// started meanwhile: a look at the machine, which is only taken where one is gone. Gives back the middle of the logs of a task
/// that left something.
pub async fn without_gone(world: World<'_>, task: Task, at_large: &mut AtLarge) -> Task {
    let left = &task.progress().left;
    if left.count == 0 {
        return task;
    }
    let mut living: Vec<ProcessId> = Vec::new();
    let here = task.belongs_to(world.host.name());
    if here {
        keep_bound(world, &task).await;
    }
    let doomed = Doomed::of(&task);
    if here && doomed.group.is_some() {
        // The group knows them all, and whether that is so.
        if world.host.has_none(&doomed).await {
            world.host.clear(&doomed).await;
            return task.leaving(LeftBehind::default());
        }
        living = world.host.of_task(&doomed).await;
    } else if here {
        for process in &left.processes {
            if world.host.lives(process).await {
                living.push(process.clone());
            }
        }
        if living.len() < left.count {
            if at_large.is_none() {
                *at_large = Some(world.host.at_large().await);
            }
            let seen = at_large.iter().flatten().filter(|(id, _)| id == task.id());
            for (_, process) in seen {
                if !living.contains(process) {
                    living.push(process.clone());
                }
            }
        }
    }
    let living = LeftBehind::of(living);
    let in_group = task.progress().left.in_group;
    let count = if living.count == 0 { unnamed(world, &task).await } else { living.count };
    task.leaving(LeftBehind { count, ..living }.held(in_group))
}

/// Gives back the middle of the logs of a task that no supervisor looks after: what is left of it may write on.
pub(super) async fn keep_bound(world: World<'_>, task: &Task) {
    if let Some(most) = task.progress().log_limit.filter(|most| *most > 0) {
        // Whoever looks next tries it again.
        drop(world.logs.give_back(task.id(), most).await);
    }
}

/// How many processes the task left that nobody could name, and that are not known to be gone: no restart and no
/// cancel came since.
pub(super) async fn unnamed(world: World<'_>, task: &Task) -> usize {
    let left = &task.progress().left;
    let open = left.processes.is_empty() && may_have_left(world, task).await;
    if open { left.count } else { 0 }
}

/// Whether the task left something by its record, and neither a restart nor a cancel came since. What was left may have
/// started others before it went, which only a group knows that held it all.
pub(super) async fn may_have_left(world: World<'_>, task: &Task) -> bool {
    let progress = task.progress();
    let is_of_now = match &progress.supervisor {
        Some(supervisor) => world.host.is_of_this_boot(supervisor).await,
        None => false,
    };
    is_of_now
        && progress.stop.is_none()
        && progress.left.count > 0
        && !(progress.left.in_group && world.host.has_none(&Doomed::of(task)).await)
}

/// Whether nobody can say that nothing is left of an ended task of this machine: no supervisor saw how its agent exited,
/// and no group that held all of it, as far as the caller knows, is empty.
pub(super) async fn ended_unseen(world: World<'_>, task: &Task, was_whole: bool) -> bool {
    let progress = task.progress();
    let Some(supervisor) = progress.supervisor.as_ref().filter(|_| task.started_at().is_some())
    else {
        return false;
    };
    progress.exit.is_none()
        && task.belongs_to(world.host.name())
        && !task.is_at_a_cluster()
        && task.is_of_store(world.host.store().as_deref())
        && world.host.is_of_this_boot(supervisor).await
        && !(was_whole && world.host.has_none(&Doomed::of(task)).await)
}

/// Whether the record of an ended task may lack what lives on of it: nobody saw how its agent exited, as where it was
/// completed by hand and its supervisor killed then, which left the name of its life lock.
pub(super) async fn was_forsaken(world: World<'_>, task: &Task) -> Result<bool, Trouble> {
    let progress = task.progress();
    let unseen = progress.exit.is_none() && progress.left.count == 0 && task.was_supervised();
    Ok(unseen
        && task.belongs_to(world.host.name())
        && world.locks.custody(task.id()).await? == Custody::Free)
}
