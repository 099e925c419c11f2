//! Processes that are already there: who lives, and how to end them all.

use alloc::boxed::Box;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;

use super::Fault;
use crate::task::{ProcessId, TaskId};

/// Looks at processes and ends them.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Processes: Send + Sync {
    /// Whether this very process lives. MUST say no for a zombie, for another process that was
    /// given the same number, and for one of an earlier boot.
    async fn lives(&self, process: &ProcessId) -> bool;

    /// Asks the supervisor to look at the record of its task, and to stop it if that says so. MUST NOT
    /// signal any other process, and MUST do no harm to one that supervises another task by now.
    ///
    /// # Errors
    /// [`Fault`] if the signal cannot be sent to a supervisor that lives.
    async fn ask_to_stop(&self, supervisor: &ProcessId) -> Result<(), Fault>;

    /// Ends the agent's group and everything else that belongs to the task, politely first.
    ///
    /// MUST reach descendants in other sessions and those whose parents are gone. MUST spare what
    /// belongs to another task.
    async fn stop(&self, id: &TaskId, agent: Option<ProcessId>, grace: Duration) -> Survivors;

    /// Whether the process is one of the boot the machine is in now.
    async fn is_of_this_boot(&self, process: &ProcessId) -> bool;

    /// The processes that carry the task's name.
    async fn of_task(&self, id: &TaskId) -> Vec<u32>;
}

/// The numbers of the processes that are left.
pub type Survivors = Vec<u32>;
