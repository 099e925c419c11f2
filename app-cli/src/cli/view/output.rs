//! What `output` answers: a part of a log, and where the rest of it is.

use domain::usecase::output::Output;
use serde_json::{Value, json};

use super::{View, terminal};

/// A part of what a task wrote.
pub(crate) struct OutputView {
    /// The part, and the task.
    pub(crate) receipt: Output,
    /// Where the whole is.
    pub(crate) path: String,
}

impl View for OutputView {
    fn json(&self) -> Value {
        let (task, log) = (&self.receipt.believed.task, &self.receipt.log);
        json!({
            "taskId": task.id().as_str(),
            "output": log.text,
            "status": task.status().word(),
            "totalBytes": log.total_bytes,
            "truncated": log.truncated,
            "outputFile": self.path,
            "nextOffset": log.next_offset,
        })
    }

    fn table(&self) -> String {
        let text = terminal::harmless(&self.receipt.log.text);
        if text.is_empty() || text.ends_with('\n') { text } else { format!("{text}\n") }
    }
}
