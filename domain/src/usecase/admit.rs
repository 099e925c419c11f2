//! Letting queued tasks in: done by whoever ends a task, changes the queue or waits, since there is
//! no daemon to do it.
//!
//! The plan is made and the life locks are taken under one short lock; the supervisors are started
//! after it is free again. An environment that was kept is gone before its agent starts, so a task
//! whose start was cut short in between is never started twice.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::again::last_attempt;
use super::end::end;
use super::{Trouble, Witnesses};
use crate::plan::admission::{Admission, Standing, Verdict};
use crate::plan::reconcile::Custody;
use crate::port::{
    Clock, Environment, Fault, Gate, LaunchFailure, Launcher, Queue, Seat, StoreError, TaskStore,
};
use crate::task::{Ending, Reason, Status, Task, TaskId};

/// What it takes to let queued tasks in.
#[derive(Clone, Copy)]
pub struct Door<'a> {
    /// Who waits, and the lock to let them in under.
    pub queue: &'a dyn Queue,
    /// What starts them.
    pub launcher: &'a dyn Launcher,
}

/// Lets in as many queued tasks as there is room for, and returns how many were started.
///
/// # Errors
/// [`Trouble`] if the store, the queue or a witness fails. A task that cannot be started ends as an
/// error, and the next one takes its place.
pub async fn admit(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    door: Door<'_>,
) -> Result<usize, Trouble> {
    let mut started = 0;
    loop {
        let nobody_waits =
            door.queue.waiting().await?.is_empty() && !anybody_is_stranded(witnesses).await?;
        if nobody_waits || door.queue.is_paused().await? {
            return Ok(started);
        }
        let round = seat_next(store, witnesses, clock, door, &|| {}).await?;
        let (begun, again) = begin_all(store, witnesses, clock, round).await?;
        started += begun;
        if !again {
            return Ok(started);
        }
    }
}

/// Hands the place of a task that has ended to the next: the calling supervisor becomes that one's, if
/// it alone is let in and `successor` says that nothing is left of its own.
///
/// `vacate` gives up the place that was kept; it is called once nobody else can take it.
///
/// # Errors
/// [`Trouble`] as for [`admit`]; what is not let in now is let in by whoever looks next.
pub async fn hand_on(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    door: Door<'_>,
    vacate: &dyn Fn(),
    successor: &dyn Fn() -> bool,
) -> Result<(), Trouble> {
    if door.queue.waiting().await?.is_empty() || door.queue.is_paused().await? {
        vacate();
        return Ok(());
    }
    let mut round = seat_next(store, witnesses, clock, door, vacate).await?;
    if round.seats.len() == 1
        && successor()
        && let Some((id, seat)) = round.seats.pop()
    {
        let failure = seat.succeed().await;
        fail_to_start(store, witnesses, clock, &id, &failure).await?;
        round.ended += 1;
    }
    if begin_all(store, witnesses, clock, round).await?.1 {
        admit(store, witnesses, clock, door).await?;
    }
    Ok(())
}

/// Starts those that were given a seat; says how many, and whether another round is due.
async fn begin_all(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    round: Round,
) -> Result<(usize, bool), Trouble> {
    // A task that failed leaves its place to the next, and may have been waited for.
    let (mut started, mut again) = (0, round.ended > 0);
    for (id, seat) in round.seats {
        match seat.begin().await {
            Ok(()) => started += 1,
            Err(failure) => {
                fail_to_start(store, witnesses, clock, &id, &failure).await?;
                again = true;
            }
        }
    }
    Ok((started, again))
}

/// Whether somebody was let in, and whoever did it died before it could be started.
async fn anybody_is_stranded(witnesses: Witnesses<'_>) -> Result<bool, Trouble> {
    for id in witnesses.locks.index().await?.locked {
        if witnesses.locks.custody(&id).await? == Custody::Waiting {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The tasks that were given a seat under the lock.
struct Round {
    seats: Vec<(TaskId, Box<dyn Seat>)>,
    /// How many will never start.
    ended: usize,
}

/// How long to wait for the gate. Admitting takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes the lock under which tasks are admitted.
pub(super) async fn gate(queue: &dyn Queue) -> Result<Box<dyn Gate>, Fault> {
    queue.gate(PATIENCE).await?.ok_or_else(|| Fault {
        step: "waiting for the lock of the queue".into(),
        reason: format!("somebody else held it for {} s", PATIENCE.as_secs()),
    })
}

async fn seat_next(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    door: Door<'_>,
    vacate: &dyn Fn(),
) -> Result<Round, Trouble> {
    let gate = gate(door.queue).await?;
    vacate();
    let limits = door.queue.limits();
    let mut admission = Admission::new(&limits, clock.now());
    count_running(store, witnesses, &*gate, &mut admission).await?;
    let mut round = Round { seats: Vec::new(), ended: 0 };
    for waiting in door.queue.waiting().await? {
        if admission.is_full() && !waiting.conditional {
            continue;
        }
        // Its launcher may just be about to record it; what it left if it died is swept up. One that
        // cannot be read now must not cost those their seats who were let in before it.
        let Ok(task) = store.load(&waiting.id).await else { continue };
        let standings = standings(store, &task).await;
        let mut look = |id: &TaskId| standings.get(id).copied().unwrap_or(Standing::Absent);
        match admission.consider(&task, &mut look) {
            Verdict::Wait => {}
            Verdict::Leave => gate.leave(&waiting).await?,
            Verdict::Fail(earlier) => {
                fail_dependent(store, clock, &task, &earlier).await?;
                gate.leave(&waiting).await?;
                witnesses.locks.retire(task.id()).await?;
                round.ended += 1;
            }
            Verdict::Start => {
                let seat = door.launcher.prepare(task.id(), Environment::Kept).await?;
                gate.leave(&waiting).await?;
                round.seats.push((task.id().clone(), seat));
            }
        }
    }
    Ok(round)
}

/// Counts everything that runs: what has a supervisor or is just getting one, and agents that lost
/// theirs and still work.
pub(super) async fn count_running(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    gate: &dyn Gate,
    admission: &mut Admission<'_>,
) -> Result<(), Trouble> {
    for id in witnesses.locks.index().await?.locked {
        let custody = witnesses.locks.custody(&id).await?;
        let Ok(task) = store.load(&id).await else {
            // Somebody is just about to record it.
            if custody == Custody::Held {
                admission.count_unknown();
            }
            continue;
        };
        match custody {
            Custody::Held => admission.count(&task),
            // Whoever recorded its ending died before it could put everything away.
            Custody::Free | Custody::Waiting if task.status().is_ended() => {
                witnesses.locks.retire(&id).await?;
            }
            Custody::Free => {
                if let Some(agent) = &task.progress().agent
                    && witnesses.processes.lives(agent).await
                {
                    admission.count(&task);
                }
            }
            // Whoever let it in died before it could be started; it gets its place back.
            Custody::Waiting => gate.enter(&task).await?,
            Custody::Absent => {}
        }
    }
    Ok(())
}

/// How those stand that the task has to wait for. Of one that is tried once more the last attempt
/// counts.
pub(super) async fn standings(store: &dyn TaskStore, task: &Task) -> BTreeMap<TaskId, Standing> {
    let mut standings = BTreeMap::new();
    for id in &task.order().placement.after {
        let standing = match last_attempt(store, id).await {
            Ok(task) if task.status().is_ended() => Standing::Ended(task.status()),
            // One that cannot be read now may be readable later.
            Ok(_) | Err(StoreError::Unreadable { .. } | StoreError::Failed { .. }) => {
                Standing::Pending
            }
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

async fn fail_dependent(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    task: &Task,
    earlier: &TaskId,
) -> Result<(), Trouble> {
    let how = match last_attempt(store, earlier).await {
        Ok(earlier) => match earlier.status() {
            Status::Cancelled => "was cancelled",
            Status::Queued | Status::Running | Status::Completed | Status::Error => "failed",
        },
        Err(_) => "is not there any more",
    };
    let message = format!("task {earlier}, which it had to wait for, {how}");
    give_up(store, clock, task.id(), Ending::failed(Reason::Dependency, message)).await
}

async fn fail_to_start(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    id: &TaskId,
    failure: &LaunchFailure,
) -> Result<(), Trouble> {
    let ending = Ending::failed(Reason::LaunchFailed, format!("{failure}"));
    give_up(store, clock, id, ending).await?;
    witnesses.locks.retire(id).await?;
    Ok(())
}

/// Ends a task that will never start. One that was removed meanwhile needs no ending.
async fn give_up(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    id: &TaskId,
    ending: Ending,
) -> Result<(), Trouble> {
    match end(store, clock, id, ending).await {
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
