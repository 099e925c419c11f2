//! Cancelling tasks that a cluster has, from any host that shares their store.
//!
//! The wish is left in a file of its own before anybody is asked, so that the supervisor finds it whatever becomes of the
//! signal and of this process. The supervisor alone is asked first, since it gives its agent the grace; only then the
//! cluster is told to end the job. All tasks are stopped side by side.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::cancel::{Cancelled, already_ended};
use super::custody;
use super::jobs::judge;
use super::reconcile::{Believed, Note};
use super::{Trouble, World};
use crate::port::{Age, ClusterFailure, Named, StoreError};
use crate::task::{CancelIntent, Ending, Status, Task, TaskId};

/// How long a supervisor may take beyond the grace before the cluster is told to end its job.
const MARGIN: Duration = Duration::from_secs(5);
/// How long is waited then until the cluster says so. It may take longer; whoever cancels is told what happens next before
/// they give up themselves.
const LAST: Duration = Duration::from_secs(8);
/// How often the records are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(200);
/// How old an answer of the cluster may be, once it was told to end a job.
const ANSWER: Age = Age::Own(Duration::from_secs(2));

/// Cancels these tasks, and says in the receipt what became of each.
pub(super) async fn stop_jobs(
    world: World<'_>,
    tasks: Vec<Task>,
    grace: Duration,
    receipt: &mut Cancelled,
) {
    let mut pending: BTreeMap<TaskId, Option<ClusterFailure>> = BTreeMap::new();
    for task in tasks {
        let id = task.id().clone();
        match Box::pin(ask(world, &task, grace)).await {
            Ok(Asked::Ended(failure)) => {
                let left = failure.map(|failure| Trouble::JobLeft { id: id.clone(), failure });
                receipt.troubles.extend(left);
                receipt.cancelled.push(id);
            }
            Ok(Asked::Waits(failure)) => drop(pending.insert(id, failure)),
            Err(trouble) => receipt.refused.push((id, trouble)),
        }
    }
    let began = world.clock.elapsed();
    let politely = began.saturating_add(grace).saturating_add(MARGIN);
    let at_last = politely.saturating_add(LAST);
    let (mut told, mut is_first) = (false, true);
    while !pending.is_empty() {
        let ids: Vec<TaskId> = pending.keys().cloned().collect();
        for id in &ids {
            match Box::pin(look(world, id, told || is_first)).await {
                Ok(Seen::Ended { task, by_word }) => {
                    pending.remove(id);
                    settle(&task, told || by_word, receipt);
                }
                Ok(Seen::NodeSilent(node)) => {
                    pending.remove(id);
                    if !told && let Ok(task) = world.store.load(id).await {
                        // Where the node comes back, nothing of the job is to go on.
                        drop(end(world, &task).await);
                    }
                    receipt.refused.push((id.clone(), Trouble::AtNode { id: id.clone(), node }));
                }
                Ok(Seen::Unended) => {}
                Err(trouble) => {
                    pending.remove(id);
                    receipt.refused.push((id.clone(), trouble));
                }
            }
        }
        is_first = false;
        let now = world.clock.elapsed();
        if !told && now >= politely {
            told = true;
            for (id, failure) in &mut pending {
                if let Ok(task) = world.store.load(id).await {
                    *failure = end(world, &task).await;
                }
            }
        }
        // A cluster that cannot be reached ends nothing, however long it is waited for.
        let unreachable = told && pending.values().all(Option::is_some);
        if now >= at_last || unreachable {
            break;
        }
        if !pending.is_empty() {
            match world.locks.watch(&[]).await {
                Ok(mut watch) => drop(watch.next(LOOK).await),
                Err(_) => break,
            }
        }
    }
    for (id, failure) in pending {
        let trouble = match failure {
            Some(failure) => Trouble::AtCluster { id: id.clone(), failure },
            None => Trouble::NotYet { id: id.clone() },
        };
        receipt.refused.push((id, trouble));
    }
}

/// What came of asking.
enum Asked {
    /// It had not started, and has ended; why its job may be left, if that is so.
    Ended(Option<ClusterFailure>),
    /// It is to stop; why nobody could be asked, if that is so: the supervisor finds the wish by itself.
    Waits(Option<ClusterFailure>),
}

async fn ask(world: World<'_>, task: &Task, grace: Duration) -> Result<Asked, Trouble> {
    let id = task.id();
    let wish = CancelIntent { at: world.clock.now(), grace };
    world.jobs.leave_intent(id, wish).await?;
    if task.status() == Status::Queued
        && let Some(held) = custody::take(world, id).await?
        && held.task.status() == Status::Queued
    {
        // The record first: a job that starts all the same finds that its task has ended.
        let job = held.task.clone();
        held.end(world, Ending::CANCELLED).await?;
        return Ok(Asked::Ended(end(world, &job).await));
    }
    let failure = match number(task) {
        Some(number) => world.cluster.ask_to_stop(Named { task: id, id: &number }).await.err(),
        None => None,
    };
    Ok(Asked::Waits(failure))
}

/// Tells the cluster to end the job of a task.
async fn end(world: World<'_>, task: &Task) -> Option<ClusterFailure> {
    match number(task) {
        Some(number) => match world.cluster.end(Named { task: task.id(), id: &number }).await {
            // It knows no such job any more.
            Ok(()) | Err(ClusterFailure::Refused(_)) => None,
            Err(failure) => Some(failure),
        },
        None => None,
    }
}

fn number(task: &Task) -> Option<String> {
    task.progress().slurm.as_ref()?.id.clone()
}

/// What is seen of a task that is to stop.
enum Seen {
    /// It has ended; whether it was ended just now, by the word of the cluster alone.
    Ended { task: Box<Task>, by_word: bool },
    /// It has not.
    Unended,
    /// It has not, and its node does not answer the cluster.
    NodeSilent(String),
}

/// What is seen of the task. Where it gives no sign of life at the beginning, or the cluster was told to end its job, the
/// word of the cluster `counts` as well.
async fn look(world: World<'_>, id: &TaskId, counts: bool) -> Result<Seen, Trouble> {
    let mut task = world.store.load(id).await?;
    let (mut note, was_ended) = (None, task.status().is_ended());
    if counts && !was_ended {
        Believed { task, note, .. } = judge(world, task, ANSWER).await?;
    }
    Ok(match note {
        _ if task.status().is_ended() => Seen::Ended { task: Box::new(task), by_word: !was_ended },
        Some(Note::NodeSilent) => {
            Seen::NodeSilent(task.progress().host.clone().unwrap_or_default())
        }
        Some(_) | None => Seen::Unended,
    })
}

fn settle(task: &Task, is_unproved: bool, receipt: &mut Cancelled) {
    let id = task.id().clone();
    if task.status() == Status::Cancelled {
        if is_unproved {
            // No supervisor saw the last of its processes end.
            receipt.unproved.push(id.clone());
        }
        receipt.cancelled.push(id);
    } else {
        let refusal = already_ended(task);
        receipt.refused.push((id.clone(), StoreError::Refused { id, refusal }.into()));
    }
}
