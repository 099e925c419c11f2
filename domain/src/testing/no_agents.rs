//! A registry that knows no agent, for tests in which no agent's words matter.
//!
//! Every question to it has the answer that a version without any agent would give.

use alloc::vec::Vec;

use crate::port::{Agent, Agents};
use crate::task::Runner;

/// A registry that knows no agent.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAgents;

impl Agents for NoAgents {
    fn of(&self, _runner: &Runner) -> Option<&dyn Agent> {
        None
    }

    fn all(&self) -> Vec<&dyn Agent> {
        Vec::new()
    }
}
