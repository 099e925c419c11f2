//! Stopping what is left of tasks, whoever owns it: shared by the verbs that do.
//!
//! A task with a supervisor is stopped by its supervisor, which alone sees how its agent exits. Where
//! there is none, the processes are stopped from here. All are asked first and then waited for, so
//! that many take no longer than one.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Trouble, Witnesses};
use crate::plan::reconcile::Custody;
use crate::port::{Clock, Woken};
use crate::task::{Task, TaskId};

/// How long a supervisor may take beyond the grace: two rounds of signals and a record.
const PATIENCE: Duration = Duration::from_secs(15);

/// Stops the processes of `tasks`; returns the numbers of those that are left after all.
///
/// # Errors
/// [`Trouble`] if it cannot be told who owns a task, or a supervisor cannot be signalled.
pub async fn stop_all(
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    tasks: &[Task],
    grace: Duration,
) -> Result<Vec<u32>, Trouble> {
    let mut asked: Vec<TaskId> = Vec::new();
    for task in tasks {
        let held = witnesses.locks.custody(task.id()).await? == Custody::Held;
        match &task.progress().supervisor {
            Some(supervisor) if held => {
                witnesses.processes.ask_to_stop(supervisor).await?;
                asked.push(task.id().clone());
            }
            Some(_) | None => {
                let agent = task.progress().agent.clone();
                witnesses.processes.stop(task.id(), agent, grace).await;
            }
        }
    }
    wait_for_release(witnesses, clock, asked, grace.saturating_add(PATIENCE)).await?;
    let mut survivors = Vec::new();
    for task in tasks {
        let left = witnesses.processes.of_task(task.id()).await;
        if left.is_empty() {
            continue;
        }
        // A supervisor that is stuck or was killed meanwhile leaves this to us.
        let agent = task.progress().agent.clone();
        survivors.extend(witnesses.processes.stop(task.id(), agent, Duration::ZERO).await);
    }
    Ok(survivors)
}

async fn wait_for_release(
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    mut pending: Vec<TaskId>,
    at_most: Duration,
) -> Result<(), Trouble> {
    if pending.is_empty() {
        return Ok(());
    }
    let began = clock.elapsed();
    let mut watch = witnesses.locks.watch(&pending).await?;
    loop {
        let left = at_most.saturating_sub(clock.elapsed().saturating_sub(began));
        if pending.is_empty() || left.is_zero() {
            return Ok(());
        }
        match watch.next(left).await {
            Woken::Released(id) => pending.retain(|other| *other != id),
            Woken::Changed => {}
            Woken::TimedOut => return Ok(()),
        }
    }
}
