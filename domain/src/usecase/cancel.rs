//! `cancel`: stopping tasks and everything they started.
//!
//! The intent is recorded before any signal is sent, so that it decides the ending whatever the agent
//! still says, and the next command can carry it out if this one is killed. Of a retried task the last
//! attempt is cancelled. A task that has ended keeps its ending; its remaining processes are stopped.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::admit::{Thoroughness, admit};
use super::again::last_attempt;
use super::custody;
use super::left_behind::{ended_unseen, keep_bound, may_have_left, unnamed};
use super::reconcile::{Believed, CONCLUSION, Note, reconcile_within, wait_for_conclusion};
use super::repair::follower_is_due;
use super::stop_jobs::stop_jobs;
use super::stopping::{stop_all, stop_unrecorded, unanswered};
use super::{Trouble, World, jobs};
use crate::plan::reconcile::Custody;
use crate::port::{Doomed, StoreError, Survivors};
use crate::task::{CancelIntent, Ending, Event, Refusal, Status, Task, TaskId};

/// How often a cancel is tried on a task that changes meanwhile.
const TRIES: usize = 8;

/// What became of the tasks that were to be cancelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Those that ended as cancelled.
    pub cancelled: Vec<TaskId>,
    /// Those that had ended before and had processes left, which were stopped.
    pub stopped: Vec<TaskId>,
    /// Those that could not be cancelled, with why.
    pub refused: Vec<(TaskId, Trouble)>,
    /// The numbers of processes that are left after all.
    pub survivors: Vec<u32>,
    /// The tasks of which no supervisor could say that nothing is left: what was found is gone, and what left its
    /// parents and its environment behind is found by nobody. Among them those that had ended, left something by their
    /// records, and of which nothing is found.
    pub unproved: Vec<TaskId>,
    /// What could not be done besides, of tasks that were cancelled.
    pub troubles: Vec<Trouble>,
}

/// Cancels all of `ids`, with `grace` between SIGTERM and SIGKILL.
///
/// Returns when no process of these tasks is found any more, or names those that are left, and says of which tasks that
/// is no proof. What fails for one task is
/// in the receipt.
pub async fn cancel(world: World<'_>, ids: &[TaskId], grace: Duration) -> Cancelled {
    let mut receipt = Cancelled::default();
    let (mut doomed, mut remains, mut unrecorded) = (Vec::new(), Vec::new(), Vec::new());
    let (mut at_cluster, mut patience) = (Vec::new(), CONCLUSION);
    for id in ids {
        match Box::pin(doom(world, id, grace, &mut patience)).await {
            Ok(Doom::ToStop(task)) => doomed.push(task),
            Ok(Doom::Remains(task)) => remains.push(task),
            Ok(Doom::Done(id)) => receipt.cancelled.push(id),
            Ok(Doom::NotFound(task, survivors)) => {
                receipt.unproved.push(id.clone());
                receipt.survivors.extend(survivors);
                let (id, refusal) = (task.id().clone(), already_ended(&task));
                receipt.refused.push((id.clone(), StoreError::Refused { id, refusal }.into()));
            }
            Ok(Doom::AtCluster(task)) => at_cluster.push(task),
            Ok(Doom::Unrecorded(task, error)) => unrecorded.push((task, error)),
            Err(trouble) => receipt.refused.push((id.clone(), trouble)),
        }
    }
    let all: Vec<Task> = doomed.iter().chain(&remains).cloned().collect();
    let mut stopped = stop_all(world, &all, grace).await;
    receipt.survivors.extend(stopped.survivors);
    receipt.unproved.extend(stopped.unproved);
    for task in doomed {
        let id = task.id().clone();
        match stopped.tasks.remove(&id) {
            Some(Ok(task)) if task.status() == Status::Cancelled => receipt.cancelled.push(id),
            Some(Ok(task)) => {
                let refusal = already_ended(&task);
                receipt.refused.push((id.clone(), StoreError::Refused { id, refusal }.into()));
            }
            Some(Err(trouble)) => receipt.refused.push((id, trouble)),
            None => {
                let trouble = unanswered(world, &id).await;
                receipt.refused.push((id, trouble));
            }
        }
    }
    for task in remains {
        // What was stopped may have written until then.
        keep_bound(world, &task).await;
        match stopped.tasks.remove(task.id()) {
            Some(Err(trouble)) => receipt.refused.push((task.id().clone(), trouble)),
            Some(Ok(_)) | None => receipt.stopped.push(task.id().clone()),
        }
    }
    Box::pin(stop_unrecorded(world, unrecorded, grace, &mut receipt)).await;
    Box::pin(stop_jobs(world, at_cluster, grace, &mut receipt)).await;
    receipt
}

enum Doom {
    /// The intent is recorded; its processes are to be stopped.
    ToStop(Task),
    /// It had ended before, and processes of it are left.
    Remains(Task),
    /// It has ended and may have left something, of which nothing was found, or what is named here.
    NotFound(Task, Survivors),
    /// It had no process and is cancelled already.
    Done(TaskId),
    /// A cluster has it.
    AtCluster(Task),
    /// It runs, and the store cannot record the intent.
    Unrecorded(Task, StoreError),
}

/// Records the intent, or the ending itself where there is nothing to stop.
async fn doom(
    world: World<'_>,
    id: &TaskId,
    grace: Duration,
    patience: &mut Duration,
) -> Result<Doom, Trouble> {
    let mut hindered = None;
    for _ in 0..TRIES {
        let task = last_attempt(world.store, id).await?;
        if follower_is_due(world, &task).await {
            // The attempt that follows is recorded first, and then cancelled in its place.
            let admitted = admit(world, Thoroughness::Quick, Duration::ZERO).await;
            hindered = admitted.troubles.into_iter().next();
            continue;
        }
        let unended = !task.status().is_ended();
        let recorded = task.clone();
        // Whoever concludes the task removes the group that would prove it, which of one that ended before is not known.
        let was_whole = if unended {
            world.host.holds_all(&Doomed::of(&task)).await
        } else {
            task.progress().group.is_some()
        };
        let Believed { task, note, .. } =
            reconcile_within(world, task, jobs::RECENT, patience).await?;
        if note == Some(Note::Copied) {
            return Err(copied(&task));
        }
        if unended && task.status() == Status::Cancelled {
            // An earlier cancel was cut short, and somebody carried it out, who may have been killed before
            // the last process was gone.
            let left = world.host.of_task(&Doomed::of(&task)).await;
            let is_proved = left.is_empty() && !ended_unseen(world, &task, was_whole).await;
            let done = is_proved.then(|| task.id().clone());
            return Ok(done.map_or(Doom::ToStop(task), Doom::Done));
        }
        if !task.belongs_to(world.host.name()) && task.is_at_a_cluster() && unended {
            return Ok(Doom::AtCluster(task));
        }
        if !task.belongs_to(world.host.name()) && !task.status().is_ended() {
            return Err(elsewhere(&task));
        }
        let id = task.id();
        let wish = CancelIntent { at: world.clock.now(), grace };
        if task.status().is_ended() {
            // What is shown of a task that has ended is without what is gone, and that may have left others.
            let has_left = !unended && recorded.progress().left.count > 0;
            let task = if has_left { recorded } else { task };
            return remains(world, task, (wish, was_whole), patience).await;
        }
        if task.status() == Status::Queued
            && let Some(held) = custody::take(world, id).await?
        {
            if held.task.status() == Status::Queued {
                let (task, _) = held.end(world, Ending::CANCELLED).await?;
                if task.status() == Status::Cancelled {
                    return Ok(Doom::Done(task.id().clone()));
                }
            }
            // Somebody else started or ended it meanwhile, and that stands.
            continue;
        }
        // Whoever holds the life lock finds the intent in the record.
        match world.store.apply(id, Event::CancelRequested(wish), wish.at).await {
            Ok(task) => return Ok(Doom::ToStop(task)),
            // Somebody ended it meanwhile: the next try stops what is left of its agent.
            Err(StoreError::Refused { .. }) => {}
            Err(error @ StoreError::Failed { .. }) if task.status() == Status::Running => {
                return Ok(Doom::Unrecorded(task, error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(hindered.unwrap_or_else(|| Trouble::unanswered(world, id)))
}

/// An ended task, if processes of it are left; records the intent to stop them. Of one whose end no supervisor saw, what
/// is found nowhere is stopped as well as it can be.
async fn remains(
    world: World<'_>,
    task: Task,
    (wish, was_whole): (CancelIntent, bool),
    patience: &mut Duration,
) -> Result<Doom, Trouble> {
    let id = task.id();
    let ours = task.belongs_to(world.host.name());
    // A task that never started has no supervisor: whoever holds its lock is just ending it.
    let started = ours && task.started_at().is_some();
    let doomed = Doomed::of(&task);
    let mut held = started && world.locks.custody(id).await? == Custody::Held;
    let mut left = ours && !world.host.of_task(&doomed).await.is_empty();
    if held && !left {
        // Its supervisor has recorded the ending and is about to go: there is nothing to stop.
        wait_for_conclusion(world, &task, patience).await;
        held = world.locks.custody(id).await? == Custody::Held;
        left = !world.host.of_task(&doomed).await.is_empty();
    }
    if left && !task.is_of_store(world.host.store().as_deref()) {
        return Err(copied(&task));
    }
    if held || left || (ours && unnamed(world, &task).await > 0) {
        // The supervisor reads the grace from the record; if that failed, it uses its own.
        let recorded = world.store.apply(id, Event::StopRequested(wish), wish.at).await;
        return Ok(Doom::Remains(recorded.unwrap_or(task)));
    }
    if ours && may_have_left(world, &task).await {
        return Ok(Doom::NotFound(task, Survivors::new()));
    }
    if task.progress().stop.is_none() && ended_unseen(world, &task, was_whole).await {
        let survivors = world.host.stop(&[doomed], wish.grace).await;
        return Ok(Doom::NotFound(task, survivors));
    }
    let refusal = already_ended(&task);
    Err(StoreError::Refused { id: id.clone(), refusal }.into())
}

pub(super) fn already_ended(task: &Task) -> Refusal {
    Refusal::AlreadyEnded { status: task.status(), at: task.state().ended_at() }
}

/// That the processes of a task are those of another store, by where its log was made.
pub(super) fn copied(task: &Task) -> Trouble {
    let log = task.progress().output_file.as_deref().unwrap_or_default();
    let store = log.rsplit_once('/').map_or("", |(folder, _)| folder).into();
    Trouble::Copied { id: task.id().clone(), store }
}

fn elsewhere(task: &Task) -> Trouble {
    let host = task.progress().host.clone().unwrap_or_default();
    Trouble::Elsewhere { id: task.id().clone(), host }
}
