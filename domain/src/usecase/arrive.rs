//! A job on its node: from the first moment of the job to a supervisor that may start the agent.
//!
//! A cluster may start a job twice in spite of all, and may have two of it at work on two nodes, so the start is claimed
//! once and for all in the store. Whoever comes second starts nothing. Nothing here starts a process.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::custody::{self, Held};
use super::jobs::spoiled_by;
use super::reconcile::{CONCLUSION, reconcile, wait_for_conclusion};
use super::{Trouble, World};
use crate::port::Environment;
use crate::task::{Ending, Event, Job, Queued, Reason, State, TaskId};

/// How often the life lock is tried: whoever hands the task over holds it until that is recorded.
const TRIES: usize = 10;

/// What a job finds.
pub enum Arrival {
    /// Its task, whose life lock is held here, and the environment that it starts with.
    Start(Box<Held>, Environment),
    /// Nothing to do: the task was started before, or has ended, or does now.
    Nothing,
}

/// Claims the start of a task for the job that this process is, on the host `host`.
///
/// # Errors
/// [`Trouble`] if the store fails; whoever looks finds the job over and the task not started.
pub async fn arrive(
    world: World<'_>,
    id: &TaskId,
    job: Job,
    host: &str,
) -> Result<Arrival, Trouble> {
    if !world.jobs.claim_start(id).await? {
        let task = world.store.load(id).await?;
        if task.belongs_to(world.host.name()) {
            // Of one that was started on this host and is gone the end can be told.
            Box::pin(reconcile(world, task)).await?;
        }
        return Ok(Arrival::Nothing);
    }
    let mut held = None;
    for _ in 0..TRIES {
        held = custody::take(world, id).await?;
        if held.is_some() {
            break;
        }
        let task = world.store.load(id).await?;
        wait_for_conclusion(world, &task, &mut CONCLUSION.clone()).await;
    }
    let Some(mut held) = held else { return Err(Trouble::unanswered(world, id)) };
    let wanted = world.jobs.intent(id).await;
    match held.task.state() {
        State::Queued(Queued { cancel: None, .. }) if wanted.is_none() => {}
        State::Queued(_) => {
            held.end(world, Ending::CANCELLED).await?;
            return Ok(Arrival::Nothing);
        }
        State::Running(_) => return Ok(Arrival::Nothing),
        State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
            drop(held.put_away(world).await);
            return Ok(Arrival::Nothing);
        }
    }
    if let Some(earlier) = spoiled_by(world, &held.task).await {
        let message = alloc::format!("task {earlier}, which it had to wait for, did not complete");
        held.end(world, Ending::failed(Reason::Dependency, message)).await?;
        return Ok(Arrival::Nothing);
    }
    let event = Event::Placed { job: Box::new(job), host: Some(host.into()) };
    held.task = held.record(world, event).await?;
    match world.kits.kept(id).await {
        Ok(environment) => Ok(Arrival::Start(Box::new(held), environment)),
        Err(fault) => {
            let message = alloc::format!("its environment was lost: {fault}");
            held.end(world, Ending::failed(Reason::LaunchFailed, message)).await?;
            Ok(Arrival::Nothing)
        }
    }
}

/// The environment of an agent on a node: that of its launcher without what belongs to the launcher's machine, and what
/// the job has of its own.
#[must_use]
pub fn on_the_node(kept: Environment, own: Environment) -> Environment {
    let Environment(kept) = kept;
    let Environment(own) = own;
    let travels = kept.into_iter().filter(|(name, _)| !is_of_a_machine(name));
    let arrived: Vec<_> = own.into_iter().filter(|(name, _)| is_of_the_job(name)).collect();
    let mut all: Vec<(Vec<u8>, Vec<u8>)> =
        travels.filter(|(name, _)| !arrived.iter().any(|(other, _)| other == name)).collect();
    all.extend(arrived);
    Environment(all)
}

/// Whether a variable means something on its own machine, or in its own session or job, alone.
fn is_of_a_machine(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 7] = [
        b"HOSTNAME",
        b"TMPDIR",
        b"XDG_RUNTIME_DIR",
        b"DISPLAY",
        b"WAYLAND_DISPLAY",
        b"TERM",
        b"XAUTHORITY",
    ];
    const PREFIXES: [&[u8]; 4] = [b"SSH_", b"DBUS_", b"SLURM_", b"SBATCH_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a variable is one that the cluster, or its site, sets for a job.
fn is_of_the_job(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [
        b"TMPDIR",
        b"HOSTNAME",
        b"CUDA_VISIBLE_DEVICES",
        b"GPU_DEVICE_ORDINAL",
        b"ROCR_VISIBLE_DEVICES",
        b"ZE_AFFINITY_MASK",
    ];
    NAMES.contains(&name) || name.starts_with(b"SLURM")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Environment {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Environment(pairs.iter().map(|(name, value)| (bytes(name), bytes(value))).collect())
    }

    #[test]
    fn an_agent_gets_what_its_launcher_had_without_what_belongs_to_that_machine() {
        let kept = variables(&[
            ("TOKEN", "secret"),
            ("PATH", "/bin"),
            ("DISPLAY", ":0"),
            ("SSH_AUTH_SOCK", "/tmp/x"),
            ("SLURM_JOB_ID", "1"),
            ("TMPDIR", "/scratch/login"),
            ("CUDA_VISIBLE_DEVICES", "7"),
        ]);
        let own = variables(&[
            ("SLURM_JOB_ID", "2"),
            ("CUDA_VISIBLE_DEVICES", "0"),
            ("PATH", "/slurm"),
            ("HOSTNAME", "node1"),
        ]);
        let expected = variables(&[
            ("TOKEN", "secret"),
            ("PATH", "/bin"),
            ("SLURM_JOB_ID", "2"),
            ("CUDA_VISIBLE_DEVICES", "0"),
            ("HOSTNAME", "node1"),
        ]);
        assert!(on_the_node(kept, own) == expected);
    }
}
