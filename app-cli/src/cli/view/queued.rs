//! What `queue` and `release` answer: who waits, in which order, and for how much room.

use std::collections::BTreeMap;

use domain::plan::queue::admission::Limits;
use domain::task::TaskId;
use serde_json::{Value, json};

use super::config::word;
use super::{View, failure, rows, terminal};
use crate::kit::bound::Shape;
use crate::kit::failure::Failure;
use crate::kit::settings::Source;

/// The command that shows those that wait, a page at a time.
const MORE: &str = "task-bg list --status queued --sort oldest";

/// The queue.
pub(crate) struct QueueView {
    /// Who waits, first come first.
    pub(crate) waiting: Vec<TaskId>,
    /// Whether nobody is admitted for now.
    pub(crate) paused: bool,
    /// How many may run at once.
    pub(crate) limits: Limits,
    /// Who said how many may run in all.
    pub(crate) source: Source,
    /// How many run.
    pub(crate) running: usize,
    /// How many run of each group that has a limit.
    pub(crate) of_groups: BTreeMap<String, usize>,
}

impl View for QueueView {
    fn json(&self) -> Value {
        json!({
            "paused": self.paused,
            "running": self.running,
            "maxRunning": self.limits.max_running,
            "maxRunningSource": word(self.source),
            "runningByGroup": self.of_groups,
            "limits": self.limits.groups,
            "waiting": self.waiting.iter().map(TaskId::as_str).collect::<Vec<_>>(),
        })
    }

    fn shape(&self) -> Option<Shape> {
        let lists = vec![rows::of_ids("waiting", "waitingOmitted")];
        Some(Shape { lists, more: Some(MORE.to_owned()), ..Shape::default() })
    }

    fn table(&self) -> String {
        let state = if self.paused { "paused" } else { "open" };
        let waiting = self.waiting.iter().enumerate();
        let lines = waiting.map(|(index, id)| format!("{:>5}  {id}\n", index + 1));
        let groups = self.limits.groups.iter().map(|(group, limit)| {
            let running = self.of_groups.get(group).copied().unwrap_or_default();
            format!("{running} of {limit} of {}\n", terminal::one_line(group, 80))
        });
        format!(
            "the queue is {state}; {} of {} run, {} wait\n{}{}",
            self.running,
            self.limits.max_running,
            self.waiting.len(),
            groups.collect::<String>(),
            lines.collect::<String>()
        )
    }
}

/// Tasks that were to be released, and the queue after that.
pub(crate) struct ReleasedView {
    /// The queue.
    pub(crate) queue: QueueView,
    /// Those that were released.
    pub(crate) released: Vec<TaskId>,
    /// Those that could not be, with why.
    pub(crate) refused: Vec<(String, Failure)>,
}

impl View for ReleasedView {
    fn json(&self) -> Value {
        let mut answer = self.queue.json();
        if let Value::Object(answer) = &mut answer {
            let released: Vec<&str> = self.released.iter().map(TaskId::as_str).collect();
            answer.insert("released".to_owned(), json!(released));
            answer.insert("refused".to_owned(), failure::refused(&self.refused));
        }
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn shape(&self) -> Option<Shape> {
        let lists = vec![
            rows::of_ids("waiting", "waitingOmitted"),
            rows::of_ids("released", "releasedOmitted"),
            rows::of_tasks("refused", "refusedOmitted"),
        ];
        Some(Shape { lists, more: Some(MORE.to_owned()), ..Shape::default() })
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused.iter().map(|(_, failure)| failure.clone()).collect()
    }

    fn table(&self) -> String {
        format!("{}{}", failure::refused_lines(&self.refused), self.queue.table())
    }
}
