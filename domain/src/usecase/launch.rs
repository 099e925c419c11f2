//! `launch` and `run`: from an order to a running or waiting task, or a clear word why not.
//!
//! Whether there is room is decided under the lock of the queue, and there the life lock is taken and the
//! record made of a task that starts at once: nobody can take the same slot, and at no moment a running
//! task is unlocked or a process unrecorded. A task for which there is no room waits in the queue with its
//! launcher's environment, and costs no process.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::admit::{PATIENCE, Thoroughness, admit, count_running, standings};
use super::again::link;
use super::custody;
use super::enqueue::enqueue;
use super::repair::{Look, look};
use super::{Trouble, World};
use crate::plan::queue::admission::{Admission, Standing, Verdict};
use crate::plan::queue::suspects;
use crate::port::{Claim, Fault, Gate, Kit, LaunchFailure, StoreError, Until};
use crate::task::{Ending, Order, Reason, Status, Task, TaskId};

/// How long a launch waits for the lock of the queue before the task waits instead.
const GATE: Duration = Duration::from_secs(3);

/// A task that was launched, and what could not be done after that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launched {
    /// The task, as it is once its agent runs or it waits for its turn.
    pub task: Task,
    /// What could not be done once it was launched.
    pub troubles: Vec<Trouble>,
}

/// Why a task could not be launched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// It could not be recorded; nothing is left of it.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// It was recorded, but its agent could not be started.
    #[error("could not launch task {id}")]
    NotStarted {
        /// The task, which has ended as an error, or is just being ended by somebody who wants it cancelled.
        id: TaskId,
        /// The attempt that follows it, if it was ordered to be tried again.
        next: Option<TaskId>,
        /// Why.
        #[source]
        failure: LaunchFailure,
    },
}

impl From<StoreError> for LaunchError {
    fn from(error: StoreError) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<Fault> for LaunchError {
    fn from(fault: Fault) -> Self {
        Self::Trouble(fault.into())
    }
}

/// A task that has just been ordered under the name `id`.
pub fn ordered(world: World<'_>, id: TaskId, order: Order) -> Task {
    let output = world.logs.location(&id);
    Task::ordered(id, order, Some(output), world.clock.now()).on(world.host.name())
}

/// Launches a task, which starts with this kit. One that was ordered to follow another is refused if
/// another attempt follows that already.
///
/// # Errors
/// [`LaunchError`]; where the task was recorded by then, it has ended.
pub async fn launch(world: World<'_>, task: &Task, kit: &Kit) -> Result<Launched, LaunchError> {
    let launched = Box::pin(place(world, task, kit)).await;
    if matches!(launched, Err(LaunchError::Trouble(_))) {
        // The life lock that was held here meanwhile counted like a task that runs.
        admit(world, Thoroughness::Quick, PATIENCE).await;
    }
    launched
}

/// Starts the task if there is a slot, and lets it wait if not.
async fn place(world: World<'_>, task: &Task, kit: &Kit) -> Result<Launched, LaunchError> {
    let mut troubles = Vec::new();
    match Box::pin(slot(world, task, kit)).await? {
        Slot::Taken { claim, untidy } => {
            let launched = Box::pin(start(world, task, kit, claim)).await;
            if untidy {
                // Somebody else began something and did not finish it.
                admit(world, Thoroughness::Quick, PATIENCE).await;
            }
            launched
        }
        full @ (Slot::None | Slot::Unknown) => {
            troubles.extend(Box::pin(enqueue(world, task, kit)).await?);
            // Counted again now that the task waits, so that no slot that became free in between is missed.
            if matches!(full, Slot::Unknown) {
                troubles.push(Trouble::QueueBusy);
            } else {
                troubles.extend(admit(world, Thoroughness::Thorough, PATIENCE).await.troubles);
            }
            Ok(Launched { task: as_recorded(world, task, &mut troubles).await, troubles })
        }
    }
}

/// The task as it is recorded now, or as it was recorded if that cannot be read.
async fn as_recorded(world: World<'_>, task: &Task, troubles: &mut Vec<Trouble>) -> Task {
    match world.store.load(task.id()).await {
        Ok(task) => task,
        Err(error) => {
            troubles.push(error.into());
            task.clone()
        }
    }
}

/// Starts a task that was recorded under `claim`.
async fn start(
    world: World<'_>,
    task: &Task,
    kit: &Kit,
    claim: Box<dyn Claim>,
) -> Result<Launched, LaunchError> {
    let id = task.id();
    match world.host.start(claim, &kit.environment, Until::Running).await {
        Ok(()) => {
            let mut troubles = Vec::new();
            Ok(Launched { task: as_recorded(world, task, &mut troubles).await, troubles })
        }
        Err(failure) => {
            let ending = Ending::failed(Reason::LaunchFailed, alloc::format!("{failure}"));
            let held = match custody::take(world, id).await {
                Ok(held) => held,
                // What became of it cannot be told now; by its lock whoever looks finds out.
                Err(trouble) => {
                    return Ok(Launched { task: task.clone(), troubles: Vec::from([trouble]) });
                }
            };
            let ended = match held {
                Some(held) if held.task.status() == Status::Queued => {
                    held.end(world, ending).await.map(|(task, _)| task)
                }
                Some(held) => Ok(held.task.clone()),
                // The supervisor may have recorded it itself.
                None => match world.store.load(id).await {
                    Ok(task) => Ok(task),
                    Err(error) => {
                        let troubles = Vec::from([error.into()]);
                        return Ok(Launched { task: task.clone(), troubles });
                    }
                },
            };
            if let Ok(task) = &ended
                && task.started_at().is_some()
            {
                // Its supervisor was killed after the start was recorded and before it could say so.
                return Ok(Launched { task: task.clone(), troubles: Vec::new() });
            }
            let next = ended.ok().and_then(|task| task.progress().retried_as.clone());
            // The slot it had is free again.
            admit(world, Thoroughness::Thorough, PATIENCE).await;
            Err(LaunchError::NotStarted { id: id.clone(), next, failure })
        }
    }
}

/// Whether the task has a slot.
enum Slot {
    /// It has, and is recorded.
    Taken {
        /// Its life lock.
        claim: Box<dyn Claim>,
        /// Whether some other task has to be seen to.
        untidy: bool,
    },
    /// There is none.
    None,
    /// Somebody else held the lock of the queue for too long.
    Unknown,
}

/// Takes a slot and records the task, unless there is none or an eligible queued task precedes it.
async fn slot(world: World<'_>, task: &Task, kit: &Kit) -> Result<Slot, LaunchError> {
    if !task.order().placement.is_unconditional() {
        return Ok(Slot::None);
    }
    let Some(gate) = world.queue.gate(GATE).await? else { return Ok(Slot::Unknown) };
    let found = look(world).await?;
    if !has_room(world, task, &found).await? {
        return Ok(Slot::None);
    }
    let claim = record(world, task, kit, gate.as_ref()).await?;
    Ok(Slot::Taken { claim, untidy: !suspects(&found.names).is_empty() })
}

async fn has_room(world: World<'_>, task: &Task, found: &Look) -> Result<bool, LaunchError> {
    if world.queue.is_paused().await? {
        return Ok(false);
    }
    let limits = world.queue.limits();
    let mut admission = Admission::new(&limits, world.clock.now());
    count_running(world, found, &mut admission).await;
    for waiting in &found.waiting {
        // Those who wait for more than room keep nobody from it, unless their time has come.
        if admission.is_full() || !waiting.conditional {
            return Ok(false);
        }
        let Ok(waiting) = world.store.load(&waiting.id).await else { continue };
        let standings = standings(world, &waiting).await;
        let mut standing = |id: &TaskId| standings.get(id).copied().unwrap_or(Standing::Absent);
        match admission.consider(&waiting, &mut standing) {
            Verdict::Start | Verdict::Fail(_) | Verdict::Leave => return Ok(false),
            Verdict::Wait => {}
        }
    }
    Ok(admission.consider(task, &mut |_| Standing::Pending) == Verdict::Start)
}

/// Records a task that starts at once, with its life lock held and what it starts with kept.
async fn record(
    world: World<'_>,
    task: &Task,
    kit: &Kit,
    _gate: &dyn Gate,
) -> Result<Box<dyn Claim>, LaunchError> {
    let id = task.id();
    let Some(claim) = world.locks.claim(id).await? else {
        let step = alloc::format!("taking the life lock of {id}");
        return Err(Fault { step, reason: "somebody holds it".into() }.into());
    };
    match prepare(world, task, kit).await {
        Ok(()) => Ok(claim),
        Err(trouble) => {
            // Nobody was told of it; what cannot be removed now is found by its lock.
            drop(claim.retire());
            Err(trouble.into())
        }
    }
}

async fn prepare(world: World<'_>, task: &Task, kit: &Kit) -> Result<(), Trouble> {
    // First: of several that try the same task again exactly one goes on.
    link(world, task).await?;
    if let Some(instructions) = &kit.instructions {
        world.kits.instruct(task.id(), instructions).await?;
    }
    if task.order().retries.left > 0 {
        world.kits.keep_for_next(task.id(), &kit.environment).await?;
    }
    Ok(world.store.create(task).await?)
}
