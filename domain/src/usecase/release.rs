//! `release`: a task that is held may start. Admits nobody.

use super::{Trouble, World};
use crate::task::{Event, Queued, State, Task, TaskId};

/// Releases a task; of one that a cluster holds, the cluster is told first.
///
/// # Errors
/// [`Trouble`] if it is not held, cannot be recorded, or the cluster cannot be told.
pub async fn release(world: World<'_>, id: &TaskId) -> Result<Task, Trouble> {
    let task = world.store.load(id).await?;
    let was_taken = task.progress().slurm.as_ref().is_some_and(|job| job.id.is_some());
    if matches!(task.state(), State::Queued(Queued { held: true, .. })) && was_taken {
        let told = world.cluster.release(id).await;
        told.map_err(|failure| Trouble::AtCluster { id: id.clone(), failure })?;
    }
    Ok(world.store.apply(id, Event::Released, world.clock.now()).await?)
}
