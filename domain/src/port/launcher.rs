//! Making processes: one supervisor for one task.
//!
//! In two steps, so that the life lock is held before there is a record and no process ever exists
//! without one.

use alloc::boxed::Box;
use alloc::string::String;
use async_trait::async_trait;

use super::Fault;
use crate::task::{TaskId, Timestamp};

/// Starts supervisors.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// Takes the life lock of a task that is about to be recorded, or waits in the queue.
    ///
    /// MUST hold the lock when it returns, and MUST fail if anybody else holds it.
    ///
    /// # Errors
    /// [`Fault`] if the lock cannot be taken.
    async fn prepare(&self, id: &TaskId, environment: Environment) -> Result<Box<dyn Seat>, Fault>;

    /// Keeps the caller's environment for a task that is about to wait in the queue.
    ///
    /// MUST be readable by nobody else. MUST be gone before the task's agent starts, so that no
    /// agent is ever started twice.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be kept.
    async fn keep_environment(&self, id: &TaskId) -> Result<(), Fault>;

    /// Sees to it that queued tasks are let in at this moment, even if nobody looks then.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be arranged; the task then starts when somebody next looks.
    async fn remind(&self, at: Timestamp) -> Result<(), Fault>;
}

/// Whose environment an agent starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// The caller's.
    Callers,
    /// The one that was kept when the task was launched.
    Kept,
}

/// A held life lock, waiting for the supervisor that will sit on it.
///
/// Dropping it gives the lock up and MUST leave nothing behind.
#[must_use = "dropping a seat gives up the life lock"]
#[async_trait]
pub trait Seat: Send {
    /// Starts the supervisor of the task, which has been recorded by now, and hands it the lock.
    ///
    /// MUST return only when the agent's process runs and the start is recorded, or when it is
    /// certain that it never will. MUST NOT leave any descriptor of the caller with the supervisor.
    ///
    /// # Errors
    /// [`LaunchFailure`] if there is no agent process.
    async fn start(self: Box<Self>) -> Result<(), LaunchFailure>;

    /// The same without waiting for the agent. A supervisor that cannot start it records that itself.
    ///
    /// # Errors
    /// [`LaunchFailure`] if there is no supervisor.
    async fn begin(self: Box<Self>) -> Result<(), LaunchFailure>;

    /// Becomes the supervisor, in the place of the calling process: no process more than before.
    ///
    /// MUST return only if that cannot be, with why.
    async fn succeed(self: Box<Self>) -> LaunchFailure;
}

/// Why there is no agent process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchFailure {
    /// The agent's program is not to be found.
    #[error("`{program}` was not found on PATH")]
    NotFound {
        /// The program.
        program: String,
    },
    /// The agent's program is there but does not start.
    #[error("could not start `{program}`: {reason}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// The supervisor itself did not get that far.
    #[error("the supervisor failed: {0}")]
    Supervisor(String),
}
