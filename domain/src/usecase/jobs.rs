//! Tasks that a cluster runs: handing them over, and what to believe of them from another host.
//!
//! The record is made first, and the job is named after the task, so that whoever dies in between leaves what the next
//! one completes. Nobody judges such a task by a lock or a process of this machine; [`crate::plan::job`] decides. The
//! cluster is asked only about tasks that give no sign of life, and once for all of them.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::again::{last_attempt, link};
use super::autopsy::autopsy;
use super::custody::{self, Held};
use super::launch::{LaunchError, Launched};
use super::reconcile::{Believed, Note};
use super::{Trouble, World};
use crate::plan::job::{FRESH, Facts, JobSeen, Outlook, in_words, is_of_node, outlook, told};
use crate::plan::queue::admission::Standing;
use crate::plan::queue::{Admission, Limits, Verdict};
use crate::port::{
    Age, ClusterFailure, Fault, Kit, LaunchFailure, Named, Prepared, StoreError, Submission,
    Submitted,
};
use crate::task::{Ending, Event, Job, Queued, Reason, State, Status, Target, Task, TaskId};

/// How old an answer of the cluster may be for whoever looks once.
pub const RECENT: Age = Age::Own(Duration::from_secs(5));
/// The same for those who wait, and look again and again: sites dislike to be asked more often, and of several who wait
/// one asks for all.
pub const PATIENT: Age = Age::Shared(SELDOM);
const SELDOM: Duration = Duration::from_secs(20);
/// How old it may be for those who wait for a task that was only just handed over: whether its job failed to start, or
/// somebody cancelled it, the cluster alone knows.
const EAGER: Duration = Duration::from_secs(2);
/// Which part of the time that a task has waited an answer about it may be old.
const PART: u32 = 30;
/// How old it may be where the cluster wrote of its own that it ended a job.
const TOLD: Duration = Duration::from_secs(5);
/// How often a job is looked for by its name, where the answer of the cluster was lost.
const LOOKS: usize = 3;
/// The verb that a job starts this program with.
pub const ARRIVE_VERB: &str = "__host";

/// Whether a task is to be handed over to a cluster.
pub fn is_for_a_cluster(task: &Task) -> bool {
    matches!(task.order().target, Target::Slurm { .. })
}

/// Records a task and hands it over. A task that has to wait for one that no cluster has waits in our queue.
///
/// # Errors
/// [`LaunchError`] as for [`super::launch::launch`].
pub(super) async fn launch(
    world: World<'_>,
    task: &Task,
    kit: &Kit,
) -> Result<Launched, LaunchError> {
    let id = task.id();
    let Some(claim) = world.locks.claim(id).await? else {
        return Err(Fault::of(format!("taking the life lock of {id}"), "somebody holds it").into());
    };
    let task = task.clone().handed_over(beginning(world, task));
    if let Err(trouble) = record(world, &task, kit).await {
        drop(claim.retire());
        return Err(trouble.into());
    }
    let mut troubles = Vec::new();
    troubles.extend(super::enqueue::make_durable(world, core::slice::from_ref(id)).await);
    match Box::pin(hand_over(world, Held::of(claim, task))).await {
        Ok(task) => Ok(Launched { task, troubles }),
        Err((next, failure)) => Err(LaunchError::NotStarted { id: id.clone(), next, failure }),
    }
}

async fn record(world: World<'_>, task: &Task, kit: &Kit) -> Result<(), Trouble> {
    link(world, task).await?;
    world.kits.keep(task.id(), kit).await?;
    Ok(world.store.create_untold(task).await?)
}

/// What is known of a job that is about to be handed over.
fn beginning(world: World<'_>, task: &Task) -> Job {
    let partition = match &task.order().target {
        Target::Slurm { partition } => partition.clone(),
        Target::Local | Target::Ssh { .. } => None,
    };
    Job { partition, submitted_at: Some(world.clock.now()), ..Job::default() }
}

/// The tasks that this one comes after and that no cluster has, so that it has to wait here for them.
pub(super) async fn waits_here(world: World<'_>, task: &Task) -> bool {
    for id in &task.order().placement.after {
        if let Ok(earlier) = last_attempt(world.store, id).await
            && !earlier.status().is_ended()
            && number_of(&earlier).is_none()
        {
            return true;
        }
    }
    false
}

/// The task that it had to wait for and that did not end as it had to: to the cluster one ending is as good as another.
pub(super) async fn spoiled_by(world: World<'_>, task: &Task) -> Option<TaskId> {
    let standings = super::admit::standings(world, task).await;
    let limits = Limits { max_running: usize::MAX, usual: usize::MAX, ..Limits::default() };
    let mut admission = Admission::new(&limits, world.clock.now());
    let mut standing = |id: &TaskId| standings.get(id).copied().unwrap_or(Standing::Absent);
    match admission.consider(task, &mut standing) {
        Verdict::Fail(earlier) => Some(earlier),
        Verdict::Start | Verdict::Wait | Verdict::Leave => None,
    }
}

fn number_of(task: &Task) -> Option<&String> {
    task.progress().slurm.as_ref()?.id.as_ref()
}

/// Hands a recorded task over whose life lock is held here, and lets go of the lock. A task that the cluster does not take
/// ends; a job of it that turns up all the same finds that it has ended, and starts nothing.
///
/// # Errors
/// Why the cluster did not take it, and the attempt that follows if there is one.
pub(super) async fn hand_over(
    world: World<'_>,
    held: Held,
) -> Result<Task, (Option<TaskId>, LaunchFailure)> {
    let mut held = held;
    if !held.task.is_at_a_cluster() {
        let event = placed(beginning(world, &held.task));
        match held.record(world, event).await {
            Ok(task) => held.task = task,
            Err(error) => return Err((None, LaunchFailure::Supervisor(error.to_string()))),
        }
    }
    match Box::pin(submitted(world, &held.task)).await {
        Ok(Submitted { id, cluster }) => {
            let event = placed(Job { id: Some(id), cluster, ..Job::default() });
            // What is not recorded is found by the name of the job.
            if let Ok(task) = held.record(world, event).await {
                held.task = task;
            }
            Ok(held.into_waiting())
        }
        Err(failure) => {
            let ending = Ending::failed(Reason::LaunchFailed, failure.to_string());
            let ended = held.end(world, ending).await;
            let next = ended.ok().and_then(|(task, _)| task.progress().retried_as.clone());
            Err((next, failure))
        }
    }
}

pub(super) fn placed(job: Job) -> Event {
    Event::Placed { job: Box::new(job), host: None }
}

async fn submitted(world: World<'_>, task: &Task) -> Result<Submitted, LaunchFailure> {
    let prepared = world.jobs.prepare(task.id()).await;
    let prepared = prepared.map_err(|fault| LaunchFailure::Supervisor(fault.to_string()))?;
    let submission = submission(world, task, &prepared).await;
    match world.cluster.submit(&submission).await {
        Err(ClusterFailure::Lost(words)) => {
            for _ in 0..LOOKS {
                let Ok(jobs) = world.cluster.jobs(Age::Own(Duration::ZERO)).await else { continue };
                let Some(seen) = jobs.known.get(task.id()) else { break };
                return Ok(Submitted { id: seen.id.clone(), cluster: None });
            }
            Err(ClusterFailure::Lost(words).into())
        }
        answer => Ok(answer?),
    }
}

/// The job of a task. Neither its prompt nor its environment nor its description is in it.
async fn submission(world: World<'_>, task: &Task, prepared: &Prepared) -> Submission {
    let (order, id) = (task.order(), task.id());
    let mut after = Vec::new();
    for earlier in &order.placement.after {
        if let Ok(earlier) = last_attempt(world.store, earlier).await
            && !earlier.status().is_ended()
        {
            after.extend(number_of(&earlier).cloned());
        }
    }
    let partition = match &order.target {
        Target::Slurm { partition } => partition.clone(),
        Target::Local | Target::Ssh { .. } => None,
    };
    let now = world.clock.now();
    let due = order.placement.not_before.filter(|moment| *moment > now);
    let (program, store) = (quoted(&prepared.program), quoted(&prepared.store));
    Submission {
        task: id.clone(),
        partition,
        folder: order.cwd.clone(),
        output: prepared.output.clone(),
        script: format!("#!/bin/sh\nexec {program} {ARRIVE_VERB} {id} {store}\n"),
        time_limit: order.time_limit.filter(|limit| !limit.is_zero()),
        // Of a higher priority only an administrator can make use.
        nice: (-i32::from(order.placement.priority)).max(0),
        options: order.cluster_options.clone(),
        groups: task.groups().collect(),
        after,
        delay: due.map(|moment| moment.since(now)),
        held: matches!(task.state(), State::Queued(Queued { held: true, .. })),
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// How old an answer may be for whoever waits for a task that waits itself: the longer it does, the more seldom the cluster
/// is asked.
pub(super) fn age_of_queued(world: World<'_>, task: &Task) -> Duration {
    let handed_over = task.progress().slurm.as_ref().and_then(|job| job.submitted_at);
    let waited = handed_over.or(task.queued_at()).map(|then| world.clock.now().since(then));
    waited.map_or(SELDOM, |waited| (waited / PART).clamp(EAGER, SELDOM))
}

/// The same for any task, of which the cluster has written these words.
fn age_within(world: World<'_>, task: &Task, last_words: &str, age: Age) -> Age {
    match (age, told(last_words)) {
        (Age::Shared(at_most), _) if task.status() == Status::Queued => {
            Age::Shared(age_of_queued(world, task).min(at_most))
        }
        // A node that is lost stays so for long.
        (Age::Shared(at_most), Some(state)) if !is_of_node(state) => Age::Shared(TOLD.min(at_most)),
        (age, _) => age,
    }
}

/// What to believe of a task that a cluster has, whose record does not say that it has ended; ends it where it is over.
/// An answer of the cluster may be of that age.
///
/// # Errors
/// [`Trouble`] if the store fails.
pub(super) async fn judge(world: World<'_>, task: Task, age: Age) -> Result<Believed, Trouble> {
    let id = task.id().clone();
    let there =
        |task| Believed { task, note: None, custody: crate::plan::reconcile::Custody::Absent };
    let last_words = world.jobs.last_words(&id).await;
    let silence = match task.status() {
        Status::Running => world.jobs.silence(&id).await,
        Status::Queued | Status::Completed | Status::Error | Status::Cancelled => None,
    };
    if silence.is_some_and(|silence| silence < FRESH) && told(&last_words).is_none() {
        return Ok(there(task));
    }
    let age = age_within(world, &task, &last_words, age);
    let Ok(jobs) = world.cluster.jobs(age).await else {
        return Ok(Believed { note: Some(Note::ClusterSilent), ..there(task) });
    };
    let seen = jobs.known.get(&id);
    let node_answers = match seen.filter(|seen| is_of_node(&seen.state)) {
        Some(seen) => world.cluster.answers(&seen.node, age).await.ok(),
        None => None,
    };
    let facts = Facts {
        seen,
        last_words: &last_words,
        silence,
        to_be_cancelled: world.jobs.intent(&id).await.is_some(),
        node_answers,
        lag: world.jobs.lag().await,
        now: world.clock.now(),
    };
    let news = Job { asked_at: Some(jobs.asked_at), ..seen.map(news).unwrap_or_default() };
    match outlook(&task, &facts) {
        Outlook::Waits | Outlook::There | Outlook::Settling => Ok(there(task.with_job(news))),
        Outlook::NotAnswering => {
            Ok(Believed { note: Some(Note::NodeSilent), ..there(task.with_job(news)) })
        }
        Outlook::NotTaken => match custody::take(world, &id).await? {
            Some(held) if held.task.status() == Status::Queued => {
                // Whoever handed it over was killed, and the cluster has no job of this name.
                drop(Box::pin(hand_over(world, held)).await);
                Ok(there(world.store.load(&id).await?))
            }
            Some(_) | None => Ok(there(task)),
        },
        Outlook::Over(ending) => {
            Box::pin(conclude(world, &task, ending, seen, &facts, news.clone())).await
        }
    }
}

/// What the cluster says of a job, for its record.
fn news(seen: &JobSeen) -> Job {
    Job {
        id: Some(seen.id.clone()),
        partition: Some(seen.partition.clone()).filter(|name| !name.is_empty()),
        state: Some(seen.state.clone()),
        reason: in_words(seen),
        ..Job::default()
    }
}

/// Ends a task whose job is over, unless its own ending came meanwhile: the record is read afresh, and once more under
/// the life lock.
async fn conclude(
    world: World<'_>,
    task: &Task,
    ending: Ending,
    seen: Option<&JobSeen>,
    facts: &Facts<'_>,
    news: Job,
) -> Result<Believed, Trouble> {
    let id = task.id();
    let there =
        |task| Believed { task, note: None, custody: crate::plan::reconcile::Custody::Absent };
    let now = world.store.load(id).await?;
    if now.status() != task.status() {
        return Ok(if now.status().is_ended() { Believed::over(now) } else { there(now) });
    }
    // Somebody who holds a lock that can be seen lives, whatever the cluster says.
    let Some(mut held) = custody::take(world, id).await? else { return Ok(there(now)) };
    if held.task.status().is_ended() {
        let task = held.task.clone();
        drop(held.put_away(world).await);
        return Ok(Believed::over(task));
    }
    let mut ending = ending;
    if held.task.status() == Status::Running {
        let found = autopsy(world, &held.task).await?;
        ending = with_findings(ending, found);
    }
    let wanted = facts.to_be_cancelled || held.task.cancel_requested().is_some();
    let mut news = news;
    if matches!(ending, Ending::Cancelled { .. }) && !wanted {
        news.state = news.state.or_else(|| Some("CANCELLED".to_owned()));
        news.reason = Some(OUTSIDE.to_owned());
    }
    if let Some(seen) = seen {
        news.exit_code = world.cluster.exit_code(Named { task: id, id: &seen.id }).await;
    }
    match held.record(world, placed(news)).await {
        Ok(task) => held.task = task,
        Err(StoreError::Refused { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let (task, _) = held.end(world, ending).await?;
    if let Some(seen) = seen.filter(|seen| seen.state == "PENDING") {
        // It would find that its task has ended, if it ever started.
        drop(world.cluster.end(Named { task: id, id: &seen.id }).await);
    }
    Ok(Believed::over(task))
}

/// Why a task was cancelled that nobody cancelled with us.
pub const OUTSIDE: &str = "by scancel, from outside of task-bg";

/// An ending by the cluster's account, with what the agent's own words add: a result, and where the cluster knows no
/// more than that the job is gone, how the agent ended.
fn with_findings(ending: Ending, found: Ending) -> Ending {
    match (ending, found) {
        (
            Ending::Failed { reason: Reason::Lost, message, .. },
            Ending::Failed { reason: Reason::Lost, result, .. },
        ) => Ending::Failed { reason: Reason::Lost, message, result },
        (Ending::Failed { reason: Reason::Lost, .. }, found) => found,
        (Ending::Failed { reason, message, .. }, found) => {
            Ending::Failed { reason, message, result: found.into_result() }
        }
        (Ending::Cancelled { .. }, found) => Ending::Cancelled { result: found.into_result() },
        (completed @ Ending::Completed { .. }, _) => completed,
    }
}

#[cfg(test)]
mod tests;
