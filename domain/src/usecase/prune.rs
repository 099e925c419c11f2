//! `prune`: giving up tasks that ran too long or fell silent, and stopping their processes.
//!
//! The plan is made without a lock and can be looked at alone. Each task is judged again, under its
//! lock and with fresh signs of life, when the plan is carried out: a sign that arrives in between
//! saves it.

use alloc::vec::Vec;
use core::time::Duration;

use super::reconcile::reconcile;
use super::stopping::stop_all;
use super::{Trouble, Witnesses};
use crate::plan::prune::{Expiry, plan_prune};
use crate::plan::reconcile::Custody;
use crate::port::{Clock, StoreError, TaskStore};
use crate::task::{Event, Policy, Query, Signs, Status, Task, TaskId};

/// What was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What was given up, and why; in a dry run, what would be.
    pub expired: Vec<Expiry>,
    /// What was to be given up and gave a sign of life in time.
    pub spared: Vec<TaskId>,
    /// The numbers of processes that are left after all.
    pub survivors: Vec<u32>,
}

/// How to prune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruneRequest {
    /// What life means.
    pub policy: Policy,
    /// How long agents have between the polite signal and the last one.
    pub grace: Duration,
    /// What to do with the plan.
    pub mode: Mode,
}

/// What to do with a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Show it.
    DryRun,
    /// Carry it out.
    Execute,
}

/// Gives up the tasks that the policy says are expired.
///
/// # Errors
/// [`Trouble`] if the store or a witness fails.
pub async fn prune(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    request: PruneRequest,
) -> Result<Pruned, Trouble> {
    let mut judged = Vec::new();
    for status in [Status::Running, Status::Queued] {
        let query = Query { status: Some(status), ..Query::default() };
        for task in store.list(&query).await?.tasks {
            let task = reconcile(store, witnesses, clock, task).await?.task;
            let signs = signs(witnesses, clock, &task).await?;
            judged.push((task, signs));
        }
    }
    let plan = plan_prune(&judged, request.policy, clock.now());
    match request.mode {
        Mode::DryRun => Ok(Pruned { expired: plan, ..Pruned::default() }),
        Mode::Execute => execute(store, witnesses, clock, request, plan).await,
    }
}

async fn signs(witnesses: Witnesses<'_>, clock: &dyn Clock, task: &Task) -> Result<Signs, Trouble> {
    let custody = witnesses.locks.custody(task.id()).await?;
    let last_output = witnesses.logs.last_write(task.id()).await?;
    let known_to_us = matches!(custody, Custody::Held | Custody::Waiting);
    let awake = match &task.progress().supervisor {
        Some(process) if witnesses.processes.is_of_this_boot(process).await => Some(clock.awake()),
        Some(_) | None => None,
    };
    Ok(Signs { last_output, known_to_us, awake })
}

async fn execute(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    request: PruneRequest,
    plan: Vec<Expiry>,
) -> Result<Pruned, Trouble> {
    let (mut pruned, mut ended) = (Pruned::default(), Vec::new());
    for expiry in plan {
        let task = match store.load(&expiry.id).await {
            Ok(task) => task,
            Err(StoreError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let signs = signs(witnesses, clock, &task).await?;
        let event = Event::Expired { policy: request.policy, signs };
        match store.apply(&expiry.id, event, clock.now()).await {
            Ok(task) => {
                ended.push(task);
                pruned.expired.push(expiry);
            }
            Err(StoreError::Refused { .. }) => pruned.spared.push(expiry.id),
            Err(error) => return Err(error.into()),
        }
    }
    pruned.survivors = stop_all(witnesses, clock, &ended, request.grace).await?;
    for task in &ended {
        witnesses.locks.retire(task.id()).await?;
    }
    Ok(pruned)
}
