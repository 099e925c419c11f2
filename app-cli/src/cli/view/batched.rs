//! What `batch` answers: which lines became which tasks, and what is wrong with the others.

use domain::task::{Listing, Status, Tally, Task, TaskId, Timestamp};
use domain::usecase::list::Listed;
use serde_json::{Value, json};

use super::report::ReportView;
use super::waited::{WaitedView, wait_for};
use super::{View, WAIT_PREVIEW, rows, terminal};
use crate::kit::bound::{List, Shape};
use crate::kit::failure::{Failure, Kind};

/// The command that shows the tasks that were left out: the last ones that were launched come first.
const MORE: &str = "task-bg list";

/// A line that was launched.
pub(crate) struct LaunchedLine {
    /// Its number, counted from 1.
    pub(crate) line: usize,
    /// Its name in the batch.
    pub(crate) name: Option<String>,
    /// What people recognise it by: its name, its description, or what is to be done.
    pub(crate) label: String,
    /// Its task.
    pub(crate) id: TaskId,
    /// How the task fared when it was recorded: one with a key, or for another machine, is started at once.
    pub(crate) status: Status,
}

/// A line that is wrong.
pub(crate) struct RejectedLine {
    /// Its number, counted from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) wrong: Wrong,
}

/// What is wrong with a line.
pub(crate) struct Wrong {
    error: String,
    /// What the writer of the line can do.
    hints: Vec<String>,
}

impl From<String> for Wrong {
    fn from(error: String) -> Self {
        Self { error, hints: Vec::new() }
    }
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self { error: failure.sentence(), hints: failure.hints }
    }
}

/// What became of a batch.
pub(crate) struct BatchView {
    /// The lines that were launched.
    pub(crate) launched: Vec<LaunchedLine>,
    /// The lines that are wrong.
    pub(crate) rejected: Vec<RejectedLine>,
}

/// What became of a batch that was waited for.
pub(crate) struct BatchWaitedView {
    /// What became of its lines.
    pub(crate) batch: BatchView,
    /// How its tasks fared.
    pub(crate) waited: WaitedView,
    /// The moment it is now.
    pub(crate) now: Timestamp,
}

impl BatchView {
    /// Which lists give way in an answer that is too long.
    fn lists() -> [List; 2] {
        let launched = rows::of_others("launched", &["line", "taskId"], "launchedOmitted");
        let rejected = rows::of_others("rejected", &["line"], "rejectedOmitted");
        [launched, rejected]
    }
}

impl BatchWaitedView {
    /// The report over its tasks.
    fn report(&self) -> ReportView {
        let waited = &self.waited.waited;
        let pending = waited.pending.iter().map(|believed| &believed.task);
        let tasks: Vec<Task> = waited.ended.iter().chain(pending).cloned().collect();
        let mut tally = Tally::default();
        for task in &tasks {
            tally.add(task.status());
        }
        let listing = Listing { tally, tasks, ..Listing::default() };
        ReportView {
            listed: Listed { listing, notes: Vec::new() },
            parents: Vec::new(),
            whole: false,
            now: self.now,
        }
    }
}

impl View for BatchWaitedView {
    fn ids(&self) -> Vec<String> {
        self.batch.ids()
    }

    fn json(&self) -> Value {
        self.json_within(WAIT_PREVIEW)
    }

    fn json_within(&self, texts: usize) -> Value {
        let mut answer = self.batch.json();
        let waited = self.waited.json_within(texts);
        if let (Value::Object(answer), Value::Object(waited)) = (&mut answer, waited) {
            answer.extend(waited);
        }
        answer
    }

    fn shape(&self) -> Option<Shape> {
        let waited = self.waited.limits();
        // Which line became which task can be told from the order of the lines.
        let lists = BatchView::lists().into_iter().chain(waited.lists).collect();
        Some(Shape { lists, ..waited })
    }

    fn failures(&self) -> Vec<Failure> {
        self.batch.failures().into_iter().chain(self.waited.failures()).collect()
    }

    fn table(&self) -> String {
        let wrong: String = self.batch.rejected.iter().map(wrong_line).collect();
        format!("{wrong}{}", self.waited.table())
    }

    fn markdown(&self) -> String {
        let wrong: String = self.batch.rejected.iter().map(wrong_line).collect();
        format!("{wrong}{}", self.report().markdown())
    }
}

fn wrong_line(line: &RejectedLine) -> String {
    format!("line {:>4}  wrong: {}\n", line.line, terminal::one_line(&line.wrong.error, 200))
}

impl View for BatchView {
    fn ids(&self) -> Vec<String> {
        self.launched.iter().map(|line| line.id.to_string()).collect()
    }

    fn json(&self) -> Value {
        let launched = self.launched.iter().map(|line| {
            json!({
                "line": line.line,
                "name": line.name,
                "taskId": line.id.as_str(),
                "id": line.id.as_str(),
                "status": line.status.word(),
            })
        });
        let rejected = self.rejected.iter().map(|RejectedLine { line, wrong }| {
            let mut rejected = json!({"line": line, "error": wrong.error});
            if !wrong.hints.is_empty() {
                rejected["hint"] = json!(wrong.hints.join("; "));
            }
            rejected
        });
        let mut answer = json!({
            "launched": launched.collect::<Vec<_>>(),
            "rejected": rejected.collect::<Vec<_>>(),
        });
        let ids: Vec<&TaskId> = self.launched.iter().map(|line| &line.id).collect();
        if !ids.is_empty() {
            answer["next"] = json!(wait_for(&ids));
        }
        answer
    }

    fn shape(&self) -> Option<Shape> {
        Some(Shape { lists: Self::lists().into(), more: Some(MORE.to_owned()), ..Shape::default() })
    }

    fn failures(&self) -> Vec<Failure> {
        let failure = |RejectedLine { line, wrong }: &RejectedLine| {
            let message = format!("line {line}: {}", wrong.error);
            Failure { hints: wrong.hints.clone(), ..Failure::new(Kind::Usage, message) }
        };
        self.rejected.iter().map(failure).collect()
    }

    fn table(&self) -> String {
        let launched = self.launched.iter().map(|line| {
            let label = terminal::one_line(&line.label, 60);
            format!("line {:>4}  launched {}  {label}\n", line.line, line.id)
        });
        launched.chain(self.rejected.iter().map(wrong_line)).collect()
    }
}
