//! What an agent is started with: its program, and words that stand before all others, such as the path of
//! a script.
//!
//! [`Start`] is what the adapters of all agents share: whose order it is, and the command line that begins like this.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use domain::port::{CommandLine, Input, OsText, Program, Speech};
use domain::task::{Autonomy, Briefing, Order, Runner};

/// How one agent is started.
#[derive(Clone, Debug)]
pub(super) struct Start {
    name: String,
    install: &'static str,
    program: OsText,
    first: Vec<OsText>,
}

impl Start {
    /// The agent `name`, started with these words; where there are none, with the program of that name. `install`
    /// says how it is installed.
    pub(super) fn new(words: &[OsString], name: &str, install: &'static str) -> Self {
        let mut words = words.iter().map(|word| OsText::from(word.as_bytes().to_vec()));
        let program = words.next().unwrap_or_else(|| name.into());
        Self { name: name.to_owned(), install, program, first: words.collect() }
    }

    /// The autonomy that the order gives the agent; `None` where the order is not for it.
    pub(super) fn autonomy(&self, order: &Order) -> Option<Autonomy> {
        match &order.runner {
            Runner::Agent { name, autonomy } if name.as_str() == self.name => Some(*autonomy),
            Runner::Agent { .. } | Runner::Command(_) | Runner::Elsewhere => None,
        }
    }

    /// The program, by name or path, and how it is installed.
    pub(super) const fn program(&self) -> Program<'_> {
        Program { name: &self.program, install: self.install }
    }

    /// How many words stand before all others.
    pub(super) const fn length(&self) -> usize {
        self.first.len()
    }

    /// Whether one of those words has this text in it.
    pub(super) fn has(&self, text: &str) -> bool {
        let has = |word: &OsText| String::from_utf8_lossy(word.as_bytes()).contains(text);
        self.first.iter().any(has)
    }

    /// The command line that ends in these arguments, reads its prompt and writes its event stream.
    pub(super) fn with(&self, arguments: Vec<OsText>) -> CommandLine {
        CommandLine {
            program: self.program.clone(),
            arguments: self.first.iter().cloned().chain(arguments).collect(),
            environment: Vec::new(),
            defaults: Vec::new(),
            input: Input::Prompt,
            speech: Speech::Events,
        }
    }
}

/// Whether nobody asked for the instructions that the order comes with. An agent whose own system prompt could only
/// be replaced keeps it then.
pub(super) fn is_unasked(order: &Order) -> bool {
    order.briefing.as_ref().is_some_and(Briefing::is_unasked)
}
