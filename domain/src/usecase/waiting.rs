//! Why queued tasks wait, for whoever shows them. Admits nobody.

use alloc::vec::Vec;

use super::admit::{count_running, standings};
use super::repair::look;
use super::{Trouble, World};
use crate::plan::queue::{Admission, Obstacle, Standing};
use crate::task::{State, Task, TaskId};

/// What keeps those of these tasks that are queued from starting, as it is now.
///
/// # Errors
/// [`Trouble`] if the queue or the store cannot be read.
pub async fn obstacles(
    world: World<'_>,
    tasks: &[Task],
) -> Result<Vec<(TaskId, Obstacle)>, Trouble> {
    let limits = world.queue.limits();
    let paused = world.queue.is_paused().await?;
    let mut admission = Admission::new(&limits, world.clock.now());
    count_running(world, &look(world).await?, &mut admission).await;
    let mut found = Vec::new();
    for task in tasks {
        let State::Queued(queued) = task.state() else { continue };
        if !task.is_ours() {
            // Whoever queued it knows what it waits for.
            continue;
        }
        if let Some(job) = &task.progress().slurm {
            let words = job.reason.clone().or_else(|| job.state.clone());
            let words = words.unwrap_or_else(|| "was handed over to Slurm".into());
            found.push((task.id().clone(), Obstacle::Cluster(words)));
            continue;
        }
        let standings = standings(world, task).await;
        let mut standing = |id: &TaskId| standings.get(id).copied().unwrap_or(Standing::Absent);
        let obstacle = match admission.obstacle(task, queued.held, &mut standing) {
            // What is in its own way stays when the queue goes on.
            Some(
                own @ (Obstacle::Held
                | Obstacle::Moment(_)
                | Obstacle::Tasks(_)
                | Obstacle::Unreadable(_)),
            ) => own,
            _ if paused => Obstacle::Paused,
            Some(other) => other,
            None => Obstacle::Turn,
        };
        found.push((task.id().clone(), obstacle));
    }
    Ok(found)
}
