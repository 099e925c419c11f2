//! What an agent is started with: its program, and words that stand before all others, such as the path of
//! a script.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use domain::port::{CommandLine, Input, OsText, Speech};
use domain::task::Order;

/// The program of an agent, and the words that always stand first.
#[derive(Clone, Debug)]
pub(super) struct Start {
    program: OsText,
    first: Vec<OsText>,
}

impl Start {
    /// These words; where there are none, the program that is usual.
    pub(super) fn new(words: &[OsString], usual: &str) -> Self {
        let mut words = words.iter().map(|word| OsText::from(word.as_bytes().to_vec()));
        let program = words.next().unwrap_or_else(|| usual.into());
        Self { program, first: words.collect() }
    }

    /// The program, by name or path.
    pub(super) const fn program(&self) -> &OsText {
        &self.program
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

    /// The command line that ends in these arguments, with nothing to read and text for people.
    pub(super) fn with(&self, arguments: Vec<OsText>) -> CommandLine {
        CommandLine {
            program: self.program.clone(),
            arguments: self.first.iter().cloned().chain(arguments).collect(),
            environment: Vec::new(),
            defaults: Vec::new(),
            input: Input::Nothing,
            speech: Speech::Text,
        }
    }
}

/// Whether the order names no droid, or the one that is usual anyway. An agent whose own system prompt could only
/// be replaced keeps it then.
pub(super) fn is_for_usual_droid(order: &Order) -> bool {
    order.briefing.as_ref().is_some_and(|given| given.is_usual(&order.agent))
}
