//! What a person reads of an agent: its messages as they come, errors, and its final answer last.
//!
//! Appends to the file that also takes the agent's stderr. Nobody may lose a task for want of a
//! readable log, so a write that fails is passed over: the event stream has it all.

use std::fs::File;
use std::io::Write;

use domain::run::AgentEvent;

/// Writes an agent's words where people read them.
pub(super) struct Readable<'a> {
    file: &'a File,
    last: String,
}

impl<'a> Readable<'a> {
    /// Appends to `file`.
    pub(super) const fn to(file: &'a File) -> Self {
        Self { file, last: String::new() }
    }

    /// Writes what is worth reading of one event.
    pub(super) fn write(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::Said { text, .. } => {
                self.paragraph(text);
                self.last.clone_from(text);
            }
            // Often the last message again; then it stands there already.
            AgentEvent::Finished { text, .. } => {
                if *text != self.last {
                    self.paragraph(text);
                }
                self.last = String::new();
            }
            // Droid says a refusal twice, as a message and as an error.
            AgentEvent::Failed { message, .. } if *message == self.last => {}
            AgentEvent::Failed { message, .. } => self.paragraph(&format!("error: {message}")),
            AgentEvent::Began { .. }
            | AgentEvent::ToolCalled { .. }
            | AgentEvent::ToolReturned
            | AgentEvent::Other => {}
        }
    }

    /// One write for the whole, so that nothing of the agent's stderr comes in between.
    fn paragraph(&self, text: &str) {
        if !text.trim().is_empty() {
            let whole = format!("{}\n", text.trim_end_matches('\n'));
            let mut file = self.file;
            drop(file.write_all(whole.as_bytes()));
        }
    }
}
