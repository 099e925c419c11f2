//! `launch` and `run`: from an order to a running or queued task, or an error that says why not.
//!
//! Under the gate, a launch looks for a free slot, takes the life lock and makes the record of a task
//! that starts at once: no other process can take the same slot, a running task is never unlocked, and
//! a process never unrecorded. A task for which there is no slot waits in the queue with its launcher's
//! environment, and costs no process.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::admit::{PATIENCE, Thoroughness, admit, count_running, standings};
use super::again::link;
use super::custody;
use super::enqueue::enqueue;
use super::never_started::unstarted;
use super::repair::{Look, look};
use super::{Trouble, World, jobs};
use crate::plan::queue::admission::{Admission, Standing, Verdict};
use crate::plan::queue::suspects;
use crate::port::{Claim, Fault, Gate, Kit, LaunchFailure, StoreError, Stream, Until};
use crate::task::{Order, Status, Task, TaskId};

/// How long a launch waits for the gate; after that, the task is queued.
const GATE: Duration = Duration::from_secs(3);

/// A launched task, and what could not be done after the launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launched {
    /// The task, once its agent runs or it is queued.
    pub task: Task,
    /// What could not be done after the launch.
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
        /// The task, which has ended, or is about to be ended by another process.
        id: TaskId,
        /// The attempt that follows it, if its order asks for one.
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

/// A new task with this id, for this machine.
pub fn ordered(world: World<'_>, id: TaskId, order: Order) -> Task {
    let output = world.logs.location(&id, Stream::Readable);
    Task::ordered(id, order, Some(output), world.clock.now()).on(world.host.name())
}

/// Launches a task, which starts with this kit. A retry is refused if the retried task has another
/// follower already.
///
/// # Errors
/// [`LaunchError`]; a task that was recorded by then has ended, or the next repair ends it.
pub async fn launch(world: World<'_>, task: &Task, kit: &Kit) -> Result<Launched, LaunchError> {
    let launched = Box::pin(place(world, task, kit)).await;
    if matches!(launched, Err(LaunchError::Trouble(_))) {
        // The life lock that was held here meanwhile occupied a slot, which is free again.
        admit(world, Thoroughness::Quick, PATIENCE).await;
    }
    launched
}

/// Starts the task if there is a slot for it, and queues it if not.
async fn place(world: World<'_>, task: &Task, kit: &Kit) -> Result<Launched, LaunchError> {
    if jobs::is_for_a_cluster(task) && !jobs::waits_here(world, task).await {
        return Box::pin(jobs::launch(world, task, kit)).await;
    }
    let mut troubles = Vec::new();
    match Box::pin(slot(world, task, kit)).await? {
        Slot::Taken { claim, untidy } => {
            let launched = Box::pin(start(world, task, kit, claim)).await;
            if untidy {
                // A killed process left something to repair.
                admit(world, Thoroughness::Quick, PATIENCE).await;
            }
            launched
        }
        full @ (Slot::None | Slot::Unknown) => {
            troubles.extend(Box::pin(enqueue(world, task, kit)).await?);
            // The task is queued now: this admission sees a slot that became free since the gate.
            if matches!(full, Slot::Unknown) {
                troubles.push(Trouble::QueueBusy { holder: world.queue.gate_holder() });
            } else {
                troubles.extend(admit(world, Thoroughness::Thorough, PATIENCE).await.troubles);
            }
            Ok(Launched { task: as_recorded(world, task, &mut troubles).await, troubles })
        }
    }
}

/// The task as recorded now, or as it was created if the record cannot be read.
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
            let ending = unstarted(world, id, &failure).await;
            let held = match custody::take(world, id).await {
                Ok(held) => held,
                // Whether it started is not known now; the next repair finds it by its life lock.
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
                // The supervisor was killed after it recorded the start and before it could report it.
                return Ok(Launched { task: task.clone(), troubles: Vec::new() });
            }
            let next = ended.ok().and_then(|task| task.progress().retried_as.clone());
            // The slot of the task is free again.
            admit(world, Thoroughness::Thorough, PATIENCE).await;
            Err(LaunchError::NotStarted { id: id.clone(), next, failure })
        }
    }
}

/// Whether the task has a slot.
enum Slot {
    /// It has one, and is recorded.
    Taken {
        /// Its life lock.
        claim: Box<dyn Claim>,
        /// Whether some other task has to be repaired.
        untidy: bool,
    },
    /// There is no slot for it now.
    None,
    /// Another process held the gate for too long.
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
        // Tasks with unmet conditions precede no other; eligible tasks do.
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

/// Takes the life lock of a task that starts at once, keeps what its start needs, and records it.
async fn record(
    world: World<'_>,
    task: &Task,
    kit: &Kit,
    _gate: &dyn Gate,
) -> Result<Box<dyn Claim>, LaunchError> {
    let id = task.id();
    let Some(claim) = world.locks.claim(id).await? else {
        let step = alloc::format!("taking the life lock of {id}");
        return Err(Fault::of(step, "somebody holds it").into());
    };
    match prepare(world, task, kit).await {
        Ok(()) => Ok(claim),
        Err(trouble) => {
            // Nobody was told of the task; the next repair removes what stays.
            drop(claim.retire());
            Err(trouble.into())
        }
    }
}

async fn prepare(world: World<'_>, task: &Task, kit: &Kit) -> Result<(), Trouble> {
    // The link first: of several retries of one task exactly one goes on.
    link(world, task).await?;
    if let Some(instructions) = &kit.instructions {
        world.kits.instruct(task.id(), instructions).await?;
    }
    if task.order().retries.left > 0 {
        world.kits.keep_for_next(task.id(), &kit.environment).await?;
    }
    // The caller is told once the supervisor has recorded the start, and that is durable.
    Ok(world.store.create_untold(task).await?)
}
