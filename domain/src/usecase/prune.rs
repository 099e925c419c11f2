//! `prune`: expiring tasks that ran too long or fell silent, and stopping their processes.
//!
//! The plan is made without a lock and can be printed alone. When it is carried out, each task is
//! judged again, under the lock of its record and with fresh signs of life: a sign that arrives in
//! between saves the task. For a running task, the intent is recorded first, and the ending once its
//! processes are gone.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::custody;
use super::reconcile::{CONCLUSION, Note, look, reconcile_within};
use super::stopping::stop_all;
use super::{Trouble, World, jobs};
use crate::plan::prune::{Expiry, plan_prune};
use crate::plan::reconcile::{Custody, Standing};
use crate::port::{Doomed, StoreError};
use crate::task::{Event, Policy, Query, Signs, Status, Task, TaskId, Verdict};

/// What was expired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The tasks that were expired, and why; in a dry run, those that would be.
    pub expired: Vec<Expiry>,
    /// The tasks of the plan that were not expired after all, such as for a sign of life in between.
    pub spared: Vec<TaskId>,
    /// The tasks that could not be expired, with why.
    pub refused: Vec<(TaskId, Trouble)>,
    /// The numbers of processes that are left after all.
    pub survivors: Vec<u32>,
}

/// How to prune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruneRequest {
    /// The limits after which tasks expire.
    pub policy: Policy,
    /// The time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// What to do with the plan.
    pub mode: Mode,
}

/// What to do with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Return it.
    DryRun,
    /// Carry it out.
    Execute,
}

/// Expires tasks by the policy. What fails for one task is in the receipt.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn prune(world: World<'_>, request: PruneRequest) -> Result<Pruned, Trouble> {
    let mut pruned = Pruned::default();
    let (mut judged, mut patience) = (Vec::new(), CONCLUSION);
    for status in [Status::Running, Status::Queued] {
        let query = Query { statuses: alloc::vec![status], ..Query::default() };
        for task in world.store.list(&query).await?.tasks {
            let id = task.id().clone();
            match judge(world, task, request.mode, &mut patience).await {
                Ok(seen) => judged.extend(seen),
                Err(trouble) => pruned.refused.push((id, trouble)),
            }
        }
    }
    let plan = plan_prune(&judged, request.policy, world.clock.now());
    let plan = without_busy(world, &judged, plan).await;
    match request.mode {
        Mode::DryRun => pruned.expired = plan,
        Mode::Execute => execute(world, request, plan, &mut pruned).await,
    }
    Ok(pruned)
}

/// The plan without the tasks that are silent and spend processor time. Looked at only now, and only for
/// those: it takes a moment.
async fn without_busy(
    world: World<'_>,
    judged: &[(Task, Signs)],
    mut plan: Vec<Expiry>,
) -> Vec<Expiry> {
    let is_silent = |id: &TaskId| {
        let stale = |expiry: &Expiry| matches!(expiry.verdict, Verdict::Stale { .. });
        plan.iter().any(|expiry| expiry.id == *id && stale(expiry))
    };
    let silent = judged.iter().filter(|(task, _)| is_silent(task.id()));
    let silent: Vec<Doomed> = silent.map(|(task, _)| Doomed::of(task)).collect();
    if !silent.is_empty() {
        let busy = world.host.busy(&silent).await;
        plan.retain(|expiry| !busy.contains(&expiry.id));
    }
    plan
}

/// The task, reconciled, with its signs of life; `None` for a task of another machine. A dry run changes nothing, so it
/// leaves out what would end by being reconciled, which is no matter of age.
async fn judge(
    world: World<'_>,
    task: Task,
    mode: Mode,
    patience: &mut Duration,
) -> Result<Option<(Task, Signs)>, Trouble> {
    if !task.belongs_to(world.host.name()) {
        return Ok(None);
    }
    let task = match mode {
        Mode::Execute => {
            let believed = Box::pin(reconcile_within(world, task, jobs::RECENT, patience)).await?;
            if believed.note == Some(Note::Copied) {
                return Ok(None);
            }
            believed.task
        }
        Mode::DryRun => {
            let custody = world.locks.custody(task.id()).await?;
            match look(world, &task, custody).await {
                Standing::Gone | Standing::NeverStarted => return Ok(None),
                Standing::AsRecorded | Standing::Unsupervised | Standing::Orphaned => task,
            }
        }
    };
    let signs = signs(world, &task).await?;
    Ok(Some((task, signs)))
}

async fn signs(world: World<'_>, task: &Task) -> Result<Signs, Trouble> {
    let custody = world.locks.custody(task.id()).await?;
    let last_output = world.logs.last_write(task.id()).await?;
    let known_to_us = matches!(custody, Custody::Held | Custody::Waiting);
    let awake = match &task.progress().supervisor {
        Some(process) if world.host.is_of_this_boot(process).await => Some(world.clock.awake()),
        Some(_) | None => None,
    };
    Ok(Signs { last_output, known_to_us, awake, busy: false })
}

async fn execute(world: World<'_>, request: PruneRequest, plan: Vec<Expiry>, pruned: &mut Pruned) {
    let mut doomed: Vec<(Expiry, Task)> = Vec::new();
    for expiry in plan {
        match Box::pin(expire(world, request, &expiry.id)).await {
            Ok(Expired::Ended) => pruned.expired.push(expiry),
            Ok(Expired::ToStop(task)) => doomed.push((expiry, *task)),
            Ok(Expired::Spared) => pruned.spared.push(expiry.id),
            Err(Trouble::Store(StoreError::NotFound { .. })) => {}
            Err(trouble) => pruned.refused.push((expiry.id, trouble)),
        }
    }
    let tasks: Vec<Task> = doomed.iter().map(|(_, task)| task.clone()).collect();
    let mut stopped = stop_all(world, &tasks, request.grace).await;
    pruned.survivors = stopped.survivors;
    for (expiry, _) in doomed {
        match stopped.tasks.remove(&expiry.id) {
            Some(Ok(_)) => pruned.expired.push(expiry),
            Some(Err(trouble)) => pruned.refused.push((expiry.id, trouble)),
            None => {
                let trouble = Trouble::unanswered(world, &expiry.id);
                pruned.refused.push((expiry.id, trouble));
            }
        }
    }
}

/// What came of expiring one task.
enum Expired {
    /// It has ended.
    Ended,
    /// It runs, and the intent to stop it is recorded.
    ToStop(Box<Task>),
    /// It was not expired after all.
    Spared,
}

async fn expire(world: World<'_>, request: PruneRequest, id: &TaskId) -> Result<Expired, Trouble> {
    let task = world.store.load(id).await?;
    let signs = signs(world, &task).await?;
    let (policy, grace) = (request.policy, request.grace);
    let applied = match task.status() {
        Status::Queued => match custody::take(world, id).await? {
            Some(held) => {
                let next = held.next(world);
                let event = Event::Expired { policy, signs, grace, next };
                held.apply(world, event).await.map(|(task, _)| task)
            }
            // Another process is starting or concluding it.
            None => return Ok(Expired::Spared),
        },
        Status::Running | Status::Completed | Status::Error | Status::Cancelled => {
            let event = Event::Expired { policy, signs, grace, next: None };
            world.store.apply(id, event, world.clock.now()).await.map_err(Trouble::from)
        }
    };
    match applied {
        Ok(task) if task.status().is_ended() => Ok(Expired::Ended),
        Ok(task) => Ok(Expired::ToStop(Box::new(task))),
        Err(Trouble::Store(StoreError::Refused { .. })) => Ok(Expired::Spared),
        Err(trouble) => Err(trouble),
    }
}
