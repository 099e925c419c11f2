//! `launch` and `run`: from an order to a running or waiting task, or a clear word why not.
//!
//! The life lock is taken before there is a record and the record is durable before there is a
//! process, so that at no moment a running task is unlocked or a process unrecorded. A task for
//! which there is no room waits in the queue, with its launcher's environment, and costs no process.

use alloc::boxed::Box;

use super::admit::{Door, admit, count_running, gate, standings};
use super::end::end;
use super::{Trouble, Witnesses};
use crate::plan::admission::{Admission, Standing, Verdict};
use crate::port::{Clock, Entropy, Environment, Fault, LaunchFailure, Seat, StoreError, TaskStore};
use crate::task::{Ending, Order, Reason, Task, TaskId};

/// Why a task could not be launched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A lock could not be taken.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It was recorded, but its agent could not be started.
    #[error("could not launch task {id}")]
    NotStarted {
        /// The task, which has ended as an error.
        id: TaskId,
        /// Why.
        #[source]
        failure: LaunchFailure,
    },
}

impl From<Trouble> for LaunchError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error.into(),
            Trouble::Fault(fault) => fault.into(),
        }
    }
}

/// Launches a task that was minted for it, and returns it as it is once its agent runs or it waits for its turn.
///
/// # Errors
/// [`LaunchError`]; where the task was recorded by then, it has ended.
pub async fn launch(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    door: Door<'_>,
    task: Task,
) -> Result<Task, LaunchError> {
    let id = task.id();
    let Some(seat) = seat(store, witnesses, clock, door, &task).await? else {
        enqueue(store, door, &task).await?;
        admit(store, witnesses, clock, door).await?;
        return Ok(store.load(id).await?);
    };
    store.create(&task).await?;
    match seat.start().await {
        Ok(()) => Ok(store.load(id).await?),
        Err(failure) => {
            fail(store, witnesses, clock, id, &failure).await?;
            // The place it had is free again.
            admit(store, witnesses, clock, door).await?;
            Err(LaunchError::NotStarted { id: id.clone(), failure })
        }
    }
}

/// A task that has just been ordered, with a name of its own.
pub fn mint(
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    order: Order,
) -> Task {
    ordered(witnesses, clock, mint_id(clock, entropy), order)
}

/// A name for a task, which no other has.
pub fn mint_id(clock: &dyn Clock, entropy: &dyn Entropy) -> TaskId {
    let [a, b, c, ..] = entropy.bytes();
    TaskId::mint(clock.now(), [a, b, c])
}

/// A task that has just been ordered under the name `id`.
pub fn ordered(witnesses: Witnesses<'_>, clock: &dyn Clock, id: TaskId, order: Order) -> Task {
    let output = witnesses.logs.location(&id);
    Task::ordered(id, order, Some(output), clock.now())
}

/// Records a task and puts it into the queue, without letting anybody in.
///
/// # Errors
/// [`LaunchError`] if it cannot be recorded.
pub async fn enqueue(
    store: &dyn TaskStore,
    door: Door<'_>,
    task: &Task,
) -> Result<(), LaunchError> {
    // In this order, so that a record never waits without what it needs to be let in.
    let gate = gate(door.queue).await?;
    door.launcher.keep_environment(task.id()).await?;
    store.create(task).await?;
    gate.enter(task).await?;
    drop(gate);
    if let Some(moment) = task.order().placement.not_before {
        door.launcher.remind(moment).await?;
    }
    Ok(())
}

/// A seat for the task, if it may start at once and nobody who could start as well was there first.
async fn seat(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    door: Door<'_>,
    task: &Task,
) -> Result<Option<Box<dyn Seat>>, LaunchError> {
    if !task.order().placement.is_unconditional() {
        return Ok(None);
    }
    let gate = gate(door.queue).await?;
    if door.queue.is_paused().await? {
        return Ok(None);
    }
    let limits = door.queue.limits();
    let mut admission = Admission::new(&limits, clock.now());
    count_running(store, witnesses, &*gate, &mut admission).await?;
    for waiting in door.queue.waiting().await? {
        // Those who wait for more than room keep nobody from it, unless their time has come.
        if admission.is_full() || !waiting.conditional {
            return Ok(None);
        }
        let Ok(waiting) = store.load(&waiting.id).await else { continue };
        let standings = standings(store, &waiting).await;
        let mut look = |id: &TaskId| standings.get(id).copied().unwrap_or(Standing::Absent);
        match admission.consider(&waiting, &mut look) {
            Verdict::Start | Verdict::Fail(_) | Verdict::Leave => return Ok(None),
            Verdict::Wait => {}
        }
    }
    match admission.consider(task, &mut |_| Standing::Pending) {
        Verdict::Start => Ok(Some(door.launcher.prepare(task.id(), Environment::Callers).await?)),
        Verdict::Wait | Verdict::Fail(_) | Verdict::Leave => Ok(None),
    }
}

async fn fail(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    id: &TaskId,
    failure: &LaunchFailure,
) -> Result<(), LaunchError> {
    let ending = Ending::failed(Reason::LaunchFailed, alloc::format!("{failure}"));
    // The supervisor may have recorded it itself.
    end(store, clock, id, ending).await?;
    Ok(witnesses.locks.retire(id).await?)
}
