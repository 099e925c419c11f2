//! What `output` answers: a part of a log, and where the rest of it is.

use domain::task::{Status, TaskId, preview, text};
use domain::usecase::output::Output;
use serde_json::{Value, json};

use super::{LIST_PREVIEW, View, failure, terminal};
use crate::kit::bound::Shape;
use crate::kit::failure::Failure;

/// The most tasks that the command for the rest names.
const NAMED: usize = 50;

/// A part of what a task wrote.
#[expect(clippy::struct_excessive_bools, reason = "each says what was asked for, or what is there")]
pub(crate) struct OutputView {
    /// The part, and the task.
    pub(crate) receipt: Output,
    /// Where the whole is.
    pub(crate) path: String,
    /// The command without offset and id.
    pub(crate) command: String,
    /// Whether it is the final answer and not the log.
    pub(crate) is_result: bool,
    /// Whether every character was asked for, also those that a terminal acts on.
    pub(crate) is_raw: bool,
    /// Whether there is no log yet.
    pub(crate) is_missing: bool,
    /// Whether it was found although another file has its name.
    pub(crate) is_by_second_name: bool,
    /// Whether all of it was asked for.
    pub(crate) whole: bool,
    /// The size of the log, where the final answer is the end of it alone.
    pub(crate) log: Option<u64>,
}

impl OutputView {
    /// The command that shows what begins at this byte.
    fn from(&self, offset: u64) -> String {
        format!("{} --since {offset} {}", self.command, self.receipt.believed.task.id())
    }

    /// Why there is no log: its supervisor makes it before the agent starts.
    fn why_missing(&self) -> String {
        let (task, path) = (&self.receipt.believed.task, &self.path);
        match (task.progress().agent.is_some(), task.status().is_ended()) {
            (false, _) => format!("there is no output yet: the task is {}", task.status().word()),
            (true, false) => format!(
                "the log `{path}` was removed or replaced while the task runs; its supervisor puts it back with the task's end"
            ),
            (true, true) => {
                format!("the log `{path}` was removed: what the task printed is not known any more")
            }
        }
    }

    /// What an empty text means, and a log that has not the name which the answer gives.
    fn note(&self) -> Option<String> {
        if self.is_by_second_name {
            return Some(format!(
                "the log `{}` was removed or replaced while the task runs; this is what the task wrote, and its supervisor puts it back with the task's end",
                self.path
            ));
        }
        let task = &self.receipt.believed.task;
        let is_empty = self.receipt.log.total_bytes == 0 && task.status() == Status::Completed;
        (is_empty && self.is_result).then(|| preview::line(task, LIST_PREVIEW))
    }
}

impl View for OutputView {
    fn is_verbatim(&self) -> bool {
        true
    }

    fn json(&self) -> Value {
        let (task, log) = (&self.receipt.believed.task, &self.receipt.log);
        let id = task.id().as_str();
        let mut answer = json!({
            "taskId": id,
            "id": id,
            "description": text::preview(task.order().label(), LIST_PREVIEW),
            "output": log.text,
            "status": task.status().word(),
            "totalBytes": log.total_bytes,
            "truncated": log.truncated,
            "outputFile": self.path,
            "nextOffset": log.next_offset,
        });
        if self.is_missing {
            answer["output"] = Value::Null;
            answer["error"] = json!(self.why_missing());
        }
        if let Some(note) = self.note() {
            answer["note"] = json!(note);
        }
        if let Some(bytes) = self.log {
            let note = format!(
                "the result of a command is the end of its log, which has {bytes} bytes: `task-bg output {id}`"
            );
            answer["note"] = json!(note);
        }
        if let Some(gap) = log.gap {
            let (offset, bytes) = (gap.offset, gap.bytes);
            answer["gap"] = json!({"offset": offset, "bytes": bytes, "command": self.from(offset)});
        }
        answer
    }

    fn shape(&self) -> Option<Shape> {
        (!self.whole).then(Shape::default)
    }

    fn table(&self) -> String {
        let log = &self.receipt.log;
        let mut shown = if self.is_raw { log.text.clone() } else { terminal::harmless(&log.text) };
        if self.is_by_second_name && !shown.is_empty() && !shown.ends_with('\n') {
            shown.push('\n');
        }
        if let Some(note) = self.note() {
            shown.push_str(&note);
        }
        if !shown.is_empty() && !shown.ends_with('\n') {
            shown.push('\n');
        }
        let gap = log.gap.map(|gap| {
            format!("… {} bytes are not shown: `{}`\n", gap.bytes, self.from(gap.offset))
        });
        shown + &gap.unwrap_or_default()
    }
}

/// Parts of what several tasks wrote, each with its share of the room.
pub(crate) struct ManyOutputsView {
    /// The parts.
    pub(crate) shown: Vec<OutputView>,
    /// Tasks of which none can be shown, with why.
    pub(crate) refused: Vec<(String, Failure)>,
    /// Tasks for which there was no room.
    pub(crate) later: Vec<TaskId>,
    /// Whether all of them were asked for.
    pub(crate) whole: bool,
}

impl ManyOutputsView {
    /// The command that shows the tasks for which there was no room.
    fn more(&self) -> String {
        let command = self.shown.first().map_or("task-bg output", |view| view.command.as_str());
        let ids = self.later.iter().take(NAMED).map(|id| format!(" {id}"));
        format!("{command}{}", ids.collect::<String>())
    }
}

impl View for ManyOutputsView {
    fn is_verbatim(&self) -> bool {
        true
    }

    fn json(&self) -> Value {
        let shown: Vec<Value> = self.shown.iter().map(View::json).collect();
        let mut answer = json!({"outputs": shown});
        if !self.refused.is_empty() {
            answer["refused"] = failure::refused(&self.refused);
        }
        if !self.later.is_empty() {
            answer["omitted"] = json!(self.later.len());
            answer["more"] = json!(self.more());
        }
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn shape(&self) -> Option<Shape> {
        (!self.whole).then(Shape::default)
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["outputs", "refused"]
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused.iter().map(|(_, failure)| failure.clone()).collect()
    }

    fn table(&self) -> String {
        let parts = self.shown.iter().map(|view| {
            let task = &view.receipt.believed.task;
            let label = terminal::one_line(task.order().label(), 60);
            format!("==> {} {label} <==\n{}", task.id(), view.table())
        });
        let parts: Vec<String> = parts.collect();
        parts.join("\n") + &failure::refused_lines(&self.refused)
    }
}
