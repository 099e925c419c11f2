//! An answer of another machine about a task that is kept there, told as one about the task here.

use serde_json::{Map, Value};

use super::{View, terminal};

/// An answer of another machine.
pub(crate) struct RelayedView {
    /// The answer, with the id of the task here.
    pub(crate) answer: Map<String, Value>,
    /// What of it is for people.
    pub(crate) text: String,
}

impl View for RelayedView {
    fn is_verbatim(&self) -> bool {
        true
    }

    fn json(&self) -> Value {
        Value::Object(self.answer.clone())
    }

    fn table(&self) -> String {
        let text = terminal::harmless(&self.text);
        if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
    }
}
