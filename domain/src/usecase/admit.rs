//! Admitting queued tasks. There is no daemon, so every command that ends a task, changes the queue,
//! waits or reads does it.
//!
//! An admission first repairs what killed processes left ([`super::repair`]), under the life locks of
//! these tasks alone. Then, under the gate, it counts what runs and takes the life locks of the tasks
//! that may start. It frees the gate and starts their supervisors. What fails is a value of the
//! receipt: a failure never drops the claim of another task.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::again::last_attempt;
use super::custody;
use super::repair::{Look, follower_is_due, look, mend};
use super::{Trouble, World, jobs};
use crate::plan::queue::admission::{Admission, Limits, Standing, Verdict};
use crate::plan::queue::{Lock, suspects};
use crate::port::{Claim, Doomed, Environment, Gate, LaunchFailure, StoreError, Until, Waiting};
use crate::task::{Ending, Reason, State, Status, Task, TaskId};

/// How long a command waits for the gate once its own work is done: others hold the gate for
/// milliseconds, and the answer does not depend on it.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// The most rounds of one call: another round follows only one that ended a task.
const MOST_ROUNDS: usize = 64;

/// What came of admitting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The tasks whose supervisors were started.
    pub started: Vec<TaskId>,
    /// The tasks that were ended, as they could not be started or had lost their supervisor.
    pub ended: Vec<TaskId>,
    /// What could not be done; the next admission tries it again.
    pub troubles: Vec<Trouble>,
}

/// When an admission takes the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thoroughness {
    /// Only if a task waits and there is a free slot.
    Quick,
    /// Also if there is no free slot, since a task that waits for another may have to fail.
    Thorough,
}

/// Repairs what killed processes left, and admits as many queued tasks as there are slots. Waits for
/// the gate for at most `patience`.
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
    let (held, limits) = (found.names.held(), world.queue.limits());
    let full = found.waiting.iter().all(|waiting| held >= limits.around(waiting.at_most));
    let may_fail =
        how == Thoroughness::Thorough && found.waiting.iter().any(|waiting| waiting.conditional);
    if full && !may_fail {
        return Ok(Next::Nothing);
    }
    let Some(gate) = world.queue.gate(patience).await? else {
        return Err(Trouble::QueueBusy { holder: world.queue.gate_holder() });
    };
    let chosen = choose(world, gate.as_ref(), admitted).await;
    drop(gate);
    let chosen = chosen?;
    start_all(world, chosen, admitted).await
}

/// What was decided under the gate.
#[derive(Default)]
struct Chosen {
    /// The tasks that start, with their life locks and environments.
    claims: Vec<(TaskId, Box<dyn Claim>, Environment)>,
    /// The tasks that are handed over to a cluster.
    jobs: Vec<custody::Held>,
    /// Whether some task left the queue without a start.
    ended: bool,
}

/// Chooses the tasks that start. Once a life lock was taken, nothing returns early.
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
        if !waiting.conditional && admission.is_full_for(waiting.at_most) {
            continue;
        }
        if let Err(trouble) = consider(world, &mut admission, waiting, &mut chosen).await {
            admitted.troubles.push(trouble);
        }
    }
    Ok(chosen)
}

/// Decides about one queued task, and carries the decision out.
async fn consider(
    world: World<'_>,
    admission: &mut Admission<'_>,
    waiting: &Waiting,
    chosen: &mut Chosen,
) -> Result<(), Trouble> {
    let task = match world.store.load(&waiting.id).await {
        Ok(task) => task,
        Err(StoreError::NotFound { .. }) => {
            // The next round repairs what else is left of the task.
            chosen.ended = true;
            return Ok(world.queue.leave(waiting).await?);
        }
        // A record that cannot be read now must not keep other tasks from their slots.
        Err(_) => return Ok(()),
    };
    if !task.belongs_to(world.host.name()) {
        return Ok(());
    }
    if jobs::is_for_a_cluster(&task) {
        // Room, moments and holds are the cluster's matter.
        return match jobs::spoiled_by(world, &task).await {
            Some(earlier) => fail_dependent(world, &task, &earlier, chosen).await,
            None if jobs::waits_here(world, &task).await => Ok(()),
            None => claim(world, waiting, chosen).await,
        };
    }
    let standings = standings(world, &task).await;
    let mut standing = |id: &TaskId| standings.get(id).copied().unwrap_or(Standing::Absent);
    match admission.consider(&task, &mut standing) {
        Verdict::Wait => Ok(()),
        Verdict::Leave => {
            // Without its name in the queue, the task is a suspect: the next round repairs it.
            world.queue.leave(waiting).await?;
            chosen.ended = true;
            Ok(())
        }
        Verdict::Fail(earlier) => fail_dependent(world, &task, &earlier, chosen).await,
        Verdict::Start => claim(world, waiting, chosen).await,
    }
}

/// Takes the life lock of a task that is to start.
async fn claim(world: World<'_>, waiting: &Waiting, chosen: &mut Chosen) -> Result<(), Trouble> {
    let id = &waiting.id;
    // The holder is concluding the task, and admits others afterwards.
    let Some(held) = custody::take(world, id).await? else { return Ok(()) };
    match held.task.state() {
        State::Queued(queued) if queued.cancel.is_none() => {}
        State::Queued(_) => {
            chosen.ended = true;
            held.end(world, Ending::CANCELLED).await?;
            return Ok(());
        }
        State::Running(_) | State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
            return Ok(());
        }
    }
    match world.kits.kept(id).await {
        Ok(environment) => {
            // A name that stays is removed by the next admission.
            let left = world.queue.leave(waiting).await.map_err(Trouble::from);
            if jobs::is_for_a_cluster(&held.task) {
                chosen.jobs.push(held);
            } else if let Some(claim) = held.into_claim() {
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

/// Starts the supervisors of the chosen tasks.
async fn start_all(
    world: World<'_>,
    chosen: Chosen,
    admitted: &mut Admitted,
) -> Result<Next, Trouble> {
    let mut again = chosen.ended;
    for held in chosen.jobs {
        let id = held.task.id().clone();
        if Box::pin(jobs::hand_over(world, held)).await.is_ok() {
            admitted.started.push(id);
        } else {
            again = true;
            admitted.ended.push(id);
        }
    }
    for (id, claim, environment) in chosen.claims {
        match world.host.start(claim, &environment, Until::Detached).await {
            Ok(()) => admitted.started.push(id),
            // It was announced, and a lack of this process is none of the task.
            Err(failure @ LaunchFailure::NoProcess(_)) => {
                let trouble = match wait_on(world, &id).await {
                    Ok(()) => Trouble::NotAdmitted { id, failure },
                    Err(trouble) => trouble,
                };
                admitted.troubles.push(trouble);
            }
            Err(failure) => {
                // A task that failed frees its slot, and other tasks may wait for it.
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

/// Puts a task of which nothing has been started back into the queue.
async fn wait_on(world: World<'_>, id: &TaskId) -> Result<(), Trouble> {
    match custody::take(world, id).await? {
        Some(held) if held.task.status() == Status::Queued => {
            world.queue.enter(&held.task).await?;
            drop(held.into_waiting());
        }
        // Its holder, or the next repair, concludes it.
        Some(_) | None => {}
    }
    Ok(())
}

/// Ends a task that could not be started, unless it has a supervisor after all.
async fn end(world: World<'_>, id: &TaskId, ending: Ending) -> Result<(), Trouble> {
    match custody::take(world, id).await? {
        Some(held) if held.task.status() == Status::Queued => {
            held.end(world, ending).await.map(drop)
        }
        // It was started after all, or is held: its supervisor, or the next repair, concludes it.
        Some(_) | None => Ok(()),
    }
}

/// Counts everything that runs: tasks whose life lock is held, and agents that lost their supervisor
/// and still work. Reads the records behind held locks only where groups have limits.
pub(super) async fn count_running(world: World<'_>, found: &Look, admission: &mut Admission<'_>) {
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
pub(super) async fn standings(world: World<'_>, task: &Task) -> BTreeMap<TaskId, Standing> {
    let mut standings = BTreeMap::new();
    for id in &task.order().placement.after {
        let standing = match last_attempt(world.store, id).await {
            Ok(last) if follower_is_due(world, &last).await => Standing::Pending,
            Ok(last) if last.status().is_ended() => Standing::Ended(last.status()),
            // A record that cannot be read now may be readable later.
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

#[cfg(test)]
mod tests;
