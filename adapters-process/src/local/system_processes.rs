//! The processes of this system, behind the domain's port.

use std::time::Duration;

use async_trait::async_trait;
use domain::port::{Fault, Processes, Survivors};
use domain::task::{ProcessId, TaskId};
use rustix::process::Signal;

use crate::local::{identity, termination, tree};

/// The processes of this system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemProcesses;

#[async_trait]
impl Processes for SystemProcesses {
    async fn lives(&self, process: &ProcessId) -> bool {
        identity::lives(process)
    }

    async fn ask_to_stop(&self, supervisor: &ProcessId) -> Result<(), Fault> {
        // One that does nothing where nobody listens to it: the process may supervise another task by
        // the time it comes, or be just about to.
        match termination::signal(supervisor, Signal::URG) {
            Ok(_) => Ok(()),
            Err(error) => Err(Fault {
                step: format!("signalling the supervisor, process {}", supervisor.pid),
                reason: error.to_string(),
            }),
        }
    }

    async fn stop(&self, id: &TaskId, agent: Option<ProcessId>, grace: Duration) -> Survivors {
        termination::stop(id, None, agent.as_ref(), grace)
    }

    async fn is_of_this_boot(&self, process: &ProcessId) -> bool {
        process.boot_id == identity::boot_id()
    }

    async fn of_task(&self, id: &TaskId) -> Survivors {
        tree::belonging_to(id, None).iter().map(|stat| stat.pid).collect()
    }
}
