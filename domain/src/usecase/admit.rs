//! Admitting queued tasks: done by whoever ends a task, changes the queue, waits or looks, since there is
//! no daemon to do it.
//!
//! First everything is completed that somebody began and did not finish ([`super::repair`]); that needs
//! no lock but those of the tasks. Then, under the lock of the queue, what runs is counted and the life
//! locks of those are taken that may start; their supervisors are started after it is free again. What
//! fails is a value of the receipt beside what succeeded: nothing that was claimed is ever dropped.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::again::last_attempt;
use super::custody;
use super::repair::{Look, follower_is_due, look, mend};
use super::{Trouble, World};
use crate::plan::queue::admission::{Admission, Standing, Verdict};
use crate::plan::queue::{Lock, suspects};
use crate::port::{Claim, Environment, Gate, StoreError, Until, Waiting};
use crate::task::{Ending, Reason, State, Status, Task, TaskId};

/// How long a command waits for the lock of the queue once its own work is done: others hold it for
/// milliseconds, and the deed decides the answer.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// The most rounds of one call: each follows because the one before ended a task.
const MOST_ROUNDS: usize = 64;

/// What came of admitting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The tasks whose supervisors were started.
    pub started: Vec<TaskId>,
    /// The tasks that ended by this, as they could not be started or nobody looked after them any more.
    pub ended: Vec<TaskId>,
    /// What could not be done; whoever looks next tries it again.
    pub troubles: Vec<Trouble>,
}

/// Whether a look is worth the lock of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thoroughness {
    /// Only if somebody can start, or something has to be completed.
    Quick,
    /// Also if the store is full, since a task may have to fail that waits for another.
    Thorough,
}

/// Completes what others began, and admits as many queued tasks as there is room for. Waits for the lock of
/// the queue for at most `patience`.
pub async fn admit(world: World<'_>, how: Thoroughness, patience: Duration) -> Admitted {
    let mut admitted = Admitted::default();
    for _ in 0..MOST_ROUNDS {
        match Box::pin(round(world, how, patience, &mut admitted)).await {
            Ok(Next::Again) => {}
            Ok(Next::Nothing) => break,
            Err(trouble) => {
                admitted.troubles.push(trouble);
                break;
            }
        }
    }
    admitted
}

/// Whether another round may find more to do.
enum Next {
    Again,
    Nothing,
}

async fn round(
    world: World<'_>,
    how: Thoroughness,
    patience: Duration,
    admitted: &mut Admitted,
) -> Result<Next, Trouble> {
    let found = look(world).await?;
    let mended = mend(world, &found, &suspects(&found.names)).await;
    admitted.ended.extend(mended.ended);
    admitted.troubles.extend(mended.troubles);
    let found = if mended.changed { look(world).await? } else { found };
    if found.waiting.is_empty() || world.queue.is_paused().await? {
        return Ok(Next::Nothing);
    }
    let full = found.names.held() >= world.queue.limits().max_running;
    let may_fail =
        how == Thoroughness::Thorough && found.waiting.iter().any(|waiting| waiting.conditional);
    if full && !may_fail {
        return Ok(Next::Nothing);
    }
    let Some(gate) = world.queue.gate(patience).await? else { return Err(Trouble::QueueBusy) };
    let chosen = choose(world, gate.as_ref(), admitted).await;
    drop(gate);
    let chosen = chosen?;
    start_all(world, chosen, admitted).await
}

/// The tasks that were chosen under the lock of the queue.
#[derive(Default)]
struct Chosen {
    /// Those that start, with their life locks and what they start with.
    claims: Vec<(TaskId, Box<dyn Claim>, Environment)>,
    /// Whether some of those that waited will never start.
    ended: bool,
}

/// Chooses who starts. Once a life lock was taken nothing returns early.
async fn choose(
    world: World<'_>,
    _gate: &dyn Gate,
    admitted: &mut Admitted,
) -> Result<Chosen, Trouble> {
    let found = look(world).await?;
    let limits = world.queue.limits();
    let mut admission = Admission::new(&limits, world.clock.now());
    count_running(world, &found, &mut admission).await;
    let mut chosen = Chosen::default();
    for waiting in &found.waiting {
        if admission.is_full() && !waiting.conditional {
            continue;
        }
        if let Err(trouble) = consider(world, &mut admission, waiting, &mut chosen).await {
            admitted.troubles.push(trouble);
        }
    }
    Ok(chosen)
}

/// Decides about one that waits, and makes the move.
async fn consider(
    world: World<'_>,
    admission: &mut Admission<'_>,
    waiting: &Waiting,
    chosen: &mut Chosen,
) -> Result<(), Trouble> {
    let task = match world.store.load(&waiting.id).await {
        Ok(task) => task,
        Err(StoreError::NotFound { .. }) => {
            // What else there is of it is seen to in the next round.
            chosen.ended = true;
            return Ok(world.queue.leave(waiting).await?);
        }
        // One that cannot be read now must not keep the others from their slots.
        Err(_) => return Ok(()),
    };
    if !task.belongs_to(world.host.name()) {
        return Ok(());
    }
    let standings = standings(world, &task).await;
    let mut standing = |id: &TaskId| standings.get(id).copied().unwrap_or(Standing::Absent);
    match admission.consider(&task, &mut standing) {
        Verdict::Wait => Ok(()),
        Verdict::Leave => {
            // What else there is of it is seen to in the next round, by what it has lost now.
            world.queue.leave(waiting).await?;
            chosen.ended = true;
            Ok(())
        }
        Verdict::Fail(earlier) => fail_dependent(world, &task, &earlier, chosen).await,
        Verdict::Start => claim(world, waiting, chosen).await,
    }
}

/// Takes the life lock of one that is to start.
async fn claim(world: World<'_>, waiting: &Waiting, chosen: &mut Chosen) -> Result<(), Trouble> {
    let id = &waiting.id;
    // Whoever holds it is concluding the task, and admits others afterwards.
    let Some(held) = custody::take(world, id).await? else { return Ok(()) };
    match held.task.state() {
        State::Queued(queued) if queued.cancel.is_none() => {}
        State::Queued(_) => {
            chosen.ended = true;
            held.end(world, Ending::Cancelled).await?;
            return Ok(());
        }
        State::Running(_) | State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
            return Ok(());
        }
    }
    match world.kits.kept(id).await {
        Ok(environment) => {
            // A name that stays is taken away by whoever meets it next.
            let left = world.queue.leave(waiting).await.map_err(Trouble::from);
            if let Some(claim) = held.into_claim() {
                chosen.claims.push((id.clone(), claim, environment));
            }
            left
        }
        Err(fault) => {
            chosen.ended = true;
            let message = format!("the supervisor failed: its environment was lost: {fault}");
            held.end(world, Ending::failed(Reason::LaunchFailed, message)).await?;
            Ok(())
        }
    }
}

/// Starts the supervisors of those that were chosen.
async fn start_all(
    world: World<'_>,
    chosen: Chosen,
    admitted: &mut Admitted,
) -> Result<Next, Trouble> {
    let mut again = chosen.ended;
    for (id, claim, environment) in chosen.claims {
        match world.host.start(claim, &environment, Until::Detached).await {
            Ok(()) => admitted.started.push(id),
            Err(failure) => {
                // A task that failed leaves its slot to the next, and may have been waited for.
                again = true;
                let ending = Ending::failed(Reason::LaunchFailed, format!("{failure}"));
                match end(world, &id, ending).await {
                    Ok(()) => admitted.ended.push(id),
                    Err(trouble) => admitted.troubles.push(trouble),
                }
            }
        }
    }
    Ok(if again { Next::Again } else { Next::Nothing })
}

/// Ends a task that could not be started, unless somebody looks after it after all.
async fn end(world: World<'_>, id: &TaskId, ending: Ending) -> Result<(), Trouble> {
    match custody::take(world, id).await? {
        Some(held) if held.task.status() == Status::Queued => {
            held.end(world, ending).await.map(drop)
        }
        // It was started after all, and its supervisor is gone: whoever looks concludes it.
        Some(_) | None => Ok(()),
    }
}

/// Counts everything that runs: what has a supervisor or is just getting one, and agents that lost theirs
/// and still work. Reads the records of those that have a supervisor only where groups have limits.
pub(super) async fn count_running(world: World<'_>, found: &Look, admission: &mut Admission<'_>) {
    for (id, lock) in &found.names.locks {
        match lock {
            Lock::Absent => {}
            Lock::Held if !admission.has_groups() => admission.count_unknown(),
            Lock::Held => match world.store.load(id).await {
                Ok(task) => admission.count(&task),
                // It is being recorded, to wait.
                Err(StoreError::NotFound { .. }) => {}
                Err(_) => admission.count_unknown(),
            },
            Lock::Free => match world.store.load(id).await {
                Ok(task) if custody::is_at_work(world, &task).await => admission.count(&task),
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(_) if !world.host.of_task(id).await.is_empty() => admission.count_unknown(),
                Err(_) => {}
            },
        }
    }
}

/// How those stand that the task has to wait for. Of one that is tried once more the last attempt counts.
pub(super) async fn standings(world: World<'_>, task: &Task) -> BTreeMap<TaskId, Standing> {
    let mut standings = BTreeMap::new();
    for id in &task.order().placement.after {
        let standing = match last_attempt(world.store, id).await {
            Ok(last) if follower_is_due(world, &last).await => Standing::Pending,
            Ok(last) if last.status().is_ended() => Standing::Ended(last.status()),
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
    world: World<'_>,
    task: &Task,
    earlier: &TaskId,
    chosen: &mut Chosen,
) -> Result<(), Trouble> {
    let how = match last_attempt(world.store, earlier).await {
        Ok(earlier) => match earlier.status() {
            Status::Cancelled => "was cancelled",
            Status::Queued | Status::Running | Status::Completed | Status::Error => "failed",
        },
        Err(_) => "is not there any more",
    };
    let message = format!("task {earlier}, which it had to wait for, {how}");
    let Some(held) = custody::take(world, task.id()).await? else { return Ok(()) };
    chosen.ended = true;
    held.end(world, Ending::failed(Reason::Dependency, message)).await.map(drop)
}
