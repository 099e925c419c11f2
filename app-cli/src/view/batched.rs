//! What `batch` answers: which lines became which tasks, and what is wrong with the others.

use domain::task::{Status, TaskId};
use serde_json::{Value, json};

use super::{View, terminal};

/// A line that was launched.
pub(crate) struct LaunchedLine {
    /// Its number, counted from 1.
    pub(crate) line: usize,
    /// Its name in the batch.
    pub(crate) name: Option<String>,
    /// Its task.
    pub(crate) id: TaskId,
}

/// A line that is wrong.
pub(crate) struct RejectedLine {
    /// Its number, counted from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) error: String,
}

/// What became of a batch.
pub(crate) struct BatchView {
    /// The lines that were launched.
    pub(crate) launched: Vec<LaunchedLine>,
    /// The lines that are wrong.
    pub(crate) rejected: Vec<RejectedLine>,
}

impl View for BatchView {
    fn json(&self) -> Value {
        let launched = self.launched.iter().map(|line| {
            json!({
                "line": line.line,
                "name": line.name,
                "taskId": line.id.as_str(),
                "status": Status::Queued.word(),
            })
        });
        let rejected =
            self.rejected.iter().map(|line| json!({"line": line.line, "error": line.error}));
        json!({
            "launched": launched.collect::<Vec<_>>(),
            "rejected": rejected.collect::<Vec<_>>(),
        })
    }

    fn table(&self) -> String {
        let launched = self.launched.iter().map(|line| {
            let name = line.name.as_deref().unwrap_or_default();
            format!(
                "line {:>4}  launched {}  {}\n",
                line.line,
                line.id,
                terminal::one_line(name, 60)
            )
        });
        let rejected = self.rejected.iter().map(|line| {
            format!("line {:>4}  wrong: {}\n", line.line, terminal::one_line(&line.error, 200))
        });
        launched.chain(rejected).collect()
    }
}
