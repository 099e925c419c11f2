//! What runs, and what a task has to wait for, as an admission counts it. Admits nobody.

use alloc::collections::BTreeMap;
use alloc::string::String;

use crate::plan::queue::Lock;
use crate::plan::queue::admission::{Admission, Limits, Standing};
use crate::port::{Doomed, StoreError};
use crate::task::{Task, TaskId};
use crate::usecase::again::last_attempt;
use crate::usecase::custody;
use crate::usecase::repair::{Look, follower_is_due, look};
use crate::usecase::{Trouble, World};

/// Counts everything that runs: tasks whose life lock is held, and agents that lost their supervisor
/// and still work. Reads the records behind held locks only where groups have limits.
pub(in crate::usecase) async fn count_running(
    world: World<'_>,
    found: &Look,
    admission: &mut Admission<'_>,
) {
    for (id, lock) in &found.names.locks {
        match lock {
            Lock::Absent => {}
            Lock::Held if !admission.has_groups() => admission.count_unknown(),
            Lock::Held => match world.store.load(id).await {
                Ok(task) => admission.count(&task),
                // It is being recorded as queued, so it takes no slot.
                Err(StoreError::NotFound { .. }) => {}
                Err(_) => admission.count_unknown(),
            },
            Lock::Free => match world.store.load(id).await {
                Ok(task) if custody::is_at_work(world, &task).await => admission.count(&task),
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(_) if !world.host.of_task(&Doomed::named(id.clone())).await.is_empty() => {
                    admission.count_unknown();
                }
                Err(_) => {}
            },
        }
    }
}

/// How many tasks run: in all, and of each group that has a limit.
///
/// # Errors
/// [`Trouble`] if the store cannot be read.
pub async fn running(
    world: World<'_>,
    limits: &Limits,
) -> Result<(usize, BTreeMap<String, usize>), Trouble> {
    let found = look(world).await?;
    let mut admission = Admission::new(limits, world.clock.now());
    count_running(world, &found, &mut admission).await;
    Ok((admission.running(), admission.running_of_groups()))
}

/// The states of the tasks that the task has to wait for. Of a retried one the last attempt counts.
pub(in crate::usecase) async fn standings(
    world: World<'_>,
    task: &Task,
) -> BTreeMap<TaskId, Standing> {
    let mut standings = BTreeMap::new();
    for id in &task.order().placement.after {
        let standing = match last_attempt(world.store, id).await {
            Ok(last) if follower_is_due(world, &last).await => Standing::Pending,
            Ok(last) if last.status().is_ended() => Standing::Ended(last.status()),
            Ok(_) => Standing::Pending,
            // It may be readable later.
            Err(StoreError::Unreadable { .. } | StoreError::Failed { .. }) => Standing::Unreadable,
            Err(
                StoreError::NotFound { .. }
                | StoreError::Exists { .. }
                | StoreError::Refused { .. },
            ) => Standing::Absent,
        };
        standings.insert(id.clone(), standing);
    }
    standings
}
