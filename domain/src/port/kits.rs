//! Kits: what the start of a task needs besides its record.
//!
//! A task starts with the environment of its launcher, not of the process that admits it, and its agent
//! may be given instructions besides its prompt. Both may hold secrets, so they are in no record, and
//! are kept only as long as a task that has not ended needs them. Nothing here starts anything. Main
//! types: [`Kits`], [`Kit`], [`Environment`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::fmt;

use super::Fault;
use crate::task::TaskId;
use crate::task::droid::Instructions;

/// Keeps what the start of tasks needs.
///
/// What is kept MUST NOT be readable by other users. Each operation, called again, MUST complete an
/// earlier call that was cut short anywhere.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Kits: Send + Sync {
    /// Keeps environment and instructions for a task that is about to wait.
    ///
    /// It need not be durable before [`make_durable`](Self::make_durable). The environment comes last: where
    /// it is kept, everything is.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be kept; nothing of it is left then, as far as it can be removed.
    async fn keep(&self, id: &TaskId, kit: &Kit) -> Result<(), Fault>;

    /// Returns when what is kept for these tasks is durable. Where nothing is kept, that is so already.
    ///
    /// # Errors
    /// [`Fault`] if some of it cannot be synced.
    async fn make_durable(&self, ids: &[TaskId]) -> Result<(), Fault>;

    /// Keeps the instructions for the agent of a task that starts at once. They need not be durable.
    ///
    /// # Errors
    /// [`Fault`] if they cannot be kept.
    async fn instruct(&self, id: &TaskId, instructions: &Instructions) -> Result<(), Fault>;

    /// The environment of a task that waits.
    ///
    /// # Errors
    /// [`Fault`] if none is kept, or the one that is kept is not whole.
    async fn kept(&self, id: &TaskId) -> Result<Environment, Fault>;

    /// Whether an environment is kept for a task, whole or not.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be told.
    async fn keeps(&self, id: &TaskId) -> Result<bool, Fault>;

    /// Keeps the environment of a task that runs for an attempt that may follow it.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be kept.
    async fn keep_for_next(&self, id: &TaskId, environment: &Environment) -> Result<(), Fault>;

    /// Records that a queued task starts now: its environment is not kept for it any more.
    ///
    /// Nothing happens where nothing is kept.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be recorded; then the task MUST NOT be started.
    async fn begin(&self, id: &TaskId, further: Further) -> Result<(), Fault>;

    /// Passes on to `to`, which is about to wait, what was kept for the next attempt after `from`, or
    /// else for `from` itself. The instructions are kept for both from then on.
    ///
    /// Where everything was passed on before, that MUST count as done.
    ///
    /// # Errors
    /// [`Fault`] if nothing was kept, or it cannot be passed on.
    async fn pass_on(&self, from: &TaskId, to: &TaskId) -> Result<(), Fault>;

    /// Forgets all that is kept for the task.
    ///
    /// # Errors
    /// [`Fault`] if some of it cannot be removed; all that can be is gone then.
    async fn forget(&self, id: &TaskId) -> Result<(), Fault>;
}

/// What the start of a task needs besides its record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kit {
    /// The variables its agent starts with.
    pub environment: Environment,
    /// What its agent is told besides its prompt.
    pub instructions: Option<Instructions>,
}

/// Variables with their values, in bytes. They may hold secrets, so debug output leaves them out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub Vec<(Vec<u8>, Vec<u8>)>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}

/// What is to become of the environment of a task that starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// No attempt may follow: the environment is removed.
    Forget,
    /// An attempt may follow: the environment is kept for that attempt.
    KeepForNext,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn an_environment_shows_only_how_many_variables_it_has() {
        let environment = Environment(std::vec![(b"TOKEN".to_vec(), b"hunter2".to_vec())]);
        let kit = Kit { environment, instructions: Instructions::parse("hunter2") };
        assert!(!format!("{kit:?}").contains("hunter2"));
        assert!(format!("{kit:?}").contains("1 variables"));
    }
}
