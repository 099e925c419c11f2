//! The agents that this version knows: one line an agent.
//!
//! The registry finds the adapter that an order is for, by the name in the order. It is the only place
//! that lists the agents; it never looks at how one works.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use domain::port::{Agent, Agents};
use domain::task::{AgentName, Runner};

use super::claude::{self, Claude};
use super::codex::{self, Codex};
use super::command::Command;
use super::droid::{self, Droid};
use super::gemini::{self, Gemini};
use super::opencode::{self, OpenCode};
use super::own::{Description, Own};

/// Which words an agent is started with, where those are not the usual ones: the program, by name or path,
/// and what stands before all other arguments.
#[derive(Clone, Debug, Default)]
pub struct Programs(BTreeMap<String, Vec<OsString>>);

impl Programs {
    /// The same programs, and `program`, by name or path, for the agent `name`.
    #[must_use]
    pub fn with(self, name: &AgentName, program: &OsStr) -> Self {
        self.with_words(name, vec![program.to_owned()])
    }

    /// The same programs, and these words for the agent `name`.
    #[must_use]
    pub fn with_words(mut self, name: &AgentName, words: Vec<OsString>) -> Self {
        self.0.insert(name.as_str().to_owned(), words);
        self
    }

    /// The words of the agent `name`; none where they are the usual ones.
    fn of(&self, name: &str) -> &[OsString] {
        self.0.get(name).map_or(&[], Vec::as_slice)
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
            .with(Droid::new(programs.of(droid::NAME)))
            .with(Claude::new(programs.of(claude::NAME)))
            .with(Codex::new(programs.of(codex::NAME)))
            .with(Gemini::new(programs.of(gemini::NAME)))
            .with(OpenCode::new(programs.of(opencode::NAME)))
    }

    /// The same agents, and those that the settings describe.
    #[must_use]
    pub fn with_own(self, described: &[Description]) -> Self {
        described.iter().fold(self, |known, one| known.with(Own::new(one.clone())))
    }

    /// The same agents, and one more. It takes the place of one that has the same name.
    #[must_use]
    pub fn with(mut self, agent: impl Agent + 'static) -> Self {
        self.agents.retain(|known| known.name() != agent.name());
        self.agents.push(Box::new(agent));
        self
    }
}

/// The names of the agents that this version ships.
pub const SHIPPED: [&str; 5] =
    [droid::NAME, claude::NAME, codex::NAME, gemini::NAME, opencode::NAME];

/// The variables by which agents name their sessions to what they start, the one that counts first.
pub const SESSION_VARIABLES: [&str; 3] = [claude::SESSION, codex::SESSION, opencode::SESSION];

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
