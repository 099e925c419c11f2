//! What `queue` and `release` answer: who waits, in which order, and for how much room.

use domain::plan::admission::Limits;
use domain::task::TaskId;
use serde_json::{Value, json};

use super::View;

/// The queue.
pub(crate) struct QueueView {
    /// Who waits, first come first.
    pub(crate) waiting: Vec<TaskId>,
    /// Whether nobody is let in for now.
    pub(crate) paused: bool,
    /// How many may run at once.
    pub(crate) limits: Limits,
}

impl View for QueueView {
    fn json(&self) -> Value {
        json!({
            "paused": self.paused,
            "maxRunning": self.limits.max_running,
            "limits": self.limits.groups,
            "waiting": self.waiting.iter().map(TaskId::as_str).collect::<Vec<_>>(),
        })
    }

    fn table(&self) -> String {
        let state = if self.paused { "paused" } else { "open" };
        let waiting = self.waiting.iter().enumerate();
        let lines = waiting.map(|(index, id)| format!("{:>5}  {id}\n", index + 1));
        format!(
            "the queue is {state}; {} may run at once, {} wait\n{}",
            self.limits.max_running,
            self.waiting.len(),
            lines.collect::<String>()
        )
    }
}
