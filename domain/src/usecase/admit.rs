//! Admitting queued tasks. There is no daemon, so every command that ends a task, changes the queue,
//! waits or reads does it.
//!
//! An admission first repairs what killed processes left ([`super::repair`]), under the life locks of
//! these tasks alone. Then, under the gate, it counts what runs and takes the life locks of the tasks
//! that may start. It frees the gate and starts their supervisors. What fails is a value of the
//! receipt: a failure never drops the claim of another task.

mod counting;

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::again::last_attempt;
use super::custody;
use super::repair::{Look, look, look_beside, mend};
use super::{Trouble, World, jobs, never_started};
use crate::plan::queue::admission::{Admission, Standing, Verdict};
use crate::plan::queue::suspects;
use crate::port::{Claim, Environment, Gate, LaunchFailure, StoreError, Until, Waiting};
use crate::task::{Ending, Reason, State, Status, Task, TaskId};

pub use counting::running;
pub(super) use counting::{count_running, standings};

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
    /// The same where the caller has just freed a slot: if a task waits, one look under the gate most likely is enough.
    Freed,
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
    let found = if how == Thoroughness::Freed {
        match at_once(world, patience, admitted).await? {
            Seen::Admitted(next) => return Ok(next),
            Seen::Nobody => look_beside(world, Vec::new()).await?,
            Seen::Disorder => look(world).await?,
        }
    } else {
        look(world).await?
    };
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
        how != Thoroughness::Quick && found.waiting.iter().any(|waiting| waiting.conditional);
    if full && !may_fail {
        return Ok(Next::Nothing);
    }
    let Some(gate) = world.queue.gate(patience).await? else {
        return Err(Trouble::QueueBusy { holder: world.queue.gate_holder() });
    };
    let found = look(world).await?;
    admit_under(world, gate, &found, admitted).await
}

/// What an admission saw that took the gate first.
enum Seen {
    /// Some wait, and those for whom there is room were admitted.
    Admitted(Next),
    /// Nobody waits.
    Nobody,
    /// A killed process left something that has to be repaired without the gate, or somebody holds that.
    Disorder,
}

/// Admits under the gate from the first look on, where everything is in order. A look costs as much as there are names, and the
/// usual way takes two: one to see whether the gate is worth it.
async fn at_once(
    world: World<'_>,
    patience: Duration,
    admitted: &mut Admitted,
) -> Result<Seen, Trouble> {
    if world.queue.is_empty().await? {
        return Ok(Seen::Nobody);
    }
    let Some(gate) = world.queue.gate(patience).await? else { return Ok(Seen::Disorder) };
    let found = look(world).await?;
    if !suspects(&found.names).is_empty() || world.queue.is_paused().await? {
        return Ok(Seen::Disorder);
    }
    admit_under(world, gate, &found, admitted).await.map(Seen::Admitted)
}

/// Chooses under the gate, frees it, and starts what was chosen.
async fn admit_under(
    world: World<'_>,
    gate: Box<dyn Gate>,
    found: &Look,
    admitted: &mut Admitted,
) -> Result<Next, Trouble> {
    let chosen = choose(world, gate.as_ref(), found, admitted).await;
    drop(gate);
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
    found: &Look,
    admitted: &mut Admitted,
) -> Chosen {
    let limits = world.queue.limits();
    let mut admission = Admission::new(&limits, world.clock.now());
    count_running(world, found, &mut admission).await;
    let mut chosen = Chosen::default();
    for waiting in &found.waiting {
        if !waiting.conditional && admission.is_full_for(waiting.at_most) {
            continue;
        }
        if let Err(trouble) = consider(world, &mut admission, waiting, &mut chosen).await {
            admitted.troubles.push(trouble);
        }
    }
    chosen
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
                let ending = never_started::unstarted(world, &id, &failure).await;
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
