//! A registry that knows no agent, for tests in which no agent's words matter.
//!
//! It never finds an agent, for plain commands either.

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
