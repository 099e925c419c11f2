//! The agents that this version knows: one line an agent.
//!
//! The registry finds the adapter that an order is for, by the name in the order. It is the only place
//! that lists the agents; it never looks at how one works.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use domain::port::{Agent, Agents};
use domain::task::{AgentName, Runner};

use super::command::Command;
use super::droid::{self, Droid};

/// Which program an agent is started with, where that is not the usual one.
#[derive(Clone, Debug, Default)]
pub struct Programs(BTreeMap<String, OsString>);

impl Programs {
    /// The same programs, and `program`, by name or path, for the agent `name`.
    #[must_use]
    pub fn with(mut self, name: &AgentName, program: &OsStr) -> Self {
        self.0.insert(name.as_str().to_owned(), program.to_owned());
        self
    }

    /// The program of the agent `name`, where `usual` is the program that it is usually started with.
    fn of(&self, name: &str, usual: &str) -> OsString {
        self.0.get(name).cloned().unwrap_or_else(|| usual.into())
    }
}

/// The agents that this version knows.
pub struct Registry {
    agents: Vec<Box<dyn Agent>>,
    command: Command,
}

impl Registry {
    /// Every agent that this version ships, started with these programs.
    pub fn new(programs: &Programs) -> Self {
        Self { agents: Vec::new(), command: Command }
            .with(Droid::new(programs.of(droid::NAME, droid::PROGRAM)))
    }

    /// The same agents, and one more. It takes the place of one that has the same name.
    #[must_use]
    pub fn with(mut self, agent: impl Agent + 'static) -> Self {
        self.agents.retain(|known| known.name() != agent.name());
        self.agents.push(Box::new(agent));
        self
    }
}

impl Agents for Registry {
    fn of(&self, runner: &Runner) -> Option<&dyn Agent> {
        match runner {
            Runner::Agent { name, .. } => {
                let agent = self.agents.iter().find(|agent| agent.name() == name.as_str())?;
                Some(agent.as_ref())
            }
            Runner::Command(_) => Some(&self.command),
            Runner::Elsewhere => None,
        }
    }

    fn all(&self) -> Vec<&dyn Agent> {
        self.agents.iter().map(AsRef::as_ref).collect()
    }
}
