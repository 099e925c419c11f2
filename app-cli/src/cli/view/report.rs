//! What `report` answers: the Markdown that an agent puts into its own answer.
//!
//! A table of all tasks, then what was found, what went wrong, and what is still at work. Texts are cut and made
//! harmless, and no result stands in it twice; the commands that show the rest are in the JSON form.

use domain::task::{SessionId, Status, Tally, Task, Timestamp, text};
use domain::usecase::list::Listed;
use serde_json::{Value, json};

use super::{View, rows, task, terminal};
use crate::kit::bound::{self, Shape};

/// How much a document holds: the characters of a result in the table, and in the sections.
type Size = (usize, usize);
/// How long results are, tried one after another: the usual first.
const SIZES: [Size; 4] = [(80, 300), (60, 150), (40, 80), (20, 40)];

/// How tasks fare.
pub(crate) struct ReportView {
    /// The tasks, of each only the last attempt.
    pub(crate) listed: Listed,
    /// The sessions whose they are; none if they are everybody's.
    pub(crate) parents: Vec<SessionId>,
    /// Whether all of it is wanted, however long it is.
    pub(crate) whole: bool,
    /// The moment it is now.
    pub(crate) now: Timestamp,
}

impl ReportView {
    fn tasks(&self) -> &[Task] {
        &self.listed.listing.tasks
    }

    fn with(&self, statuses: &[Status]) -> impl Iterator<Item = &Task> {
        self.tasks().iter().filter(move |task| statuses.contains(&task.status()))
    }

    /// What a task found, or what it is doing and for how long.
    fn gist(&self, task: &Task, limit: usize) -> String {
        if task.status().is_ended() {
            return task::gist(task, limit);
        }
        let span = terminal::span(task::duration(task, self.now));
        match task::gist(task, limit) {
            none if none.is_empty() => format!("for {span}"),
            gist => format!("for {span}, last: {gist}"),
        }
    }

    /// What its record does not say, or what has to be looked at in it.
    fn note(&self, task: &Task) -> Option<String> {
        note_words(&self.listed, task)
    }

    fn row(&self, task: &Task, cell: usize) -> String {
        format!(
            "| {} | {} | {} | {} |\n",
            task.id(),
            terminal::cell(&terminal::one_line(&task.order().agent, 40)),
            task::status_words(task),
            terminal::cell(&self.gist(task, cell)),
        )
    }

    /// A line of a section. It has the result only where the table has not all of it.
    fn line(&self, task: &Task, (cell, line): Size) -> String {
        let label = terminal::one_line(task.order().label(), line.clamp(20, 80));
        let words = match task.status() {
            Status::Completed => String::new(),
            Status::Queued | Status::Running | Status::Error | Status::Cancelled => {
                format!(" {}", task::status_words(task))
            }
        };
        let said = self.gist(task, line);
        let said = if said == self.gist(task, cell) { String::new() } else { format!(": {said}") };
        format!("- {label} (`{}`){words}{said}\n", task.id())
    }

    fn section(&self, heading: &str, statuses: &[Status], rows: usize, size: Size) -> String {
        let of_these = self.with(statuses);
        let mut lines: String = of_these.take(rows).map(|task| self.line(task, size)).collect();
        let more = self.with(statuses).count().saturating_sub(rows);
        if more > 0 {
            lines.push_str(&format!("- and {more} more\n"));
        }
        let lines = if lines.is_empty() { "- none\n".to_owned() } else { lines };
        format!("\n### {heading}\n\n{lines}")
    }

    /// The document with at most so many rows in each of its parts.
    fn document(&self, rows: usize, size: Size) -> String {
        let table = self.tasks().iter().take(rows);
        let table: String = table.map(|task| self.row(task, size.0)).collect();
        let failed = [Status::Error, Status::Cancelled];
        let failed = match self.with(&failed).next() {
            Some(_) => self.section("Not Completed", &failed, rows, size),
            None => String::new(),
        };
        format!(
            "## Background Tasks\n\n| Task ID | Droid | Status | Result |\n|---|---|---|---|\n{table}{}{failed}{}{}",
            self.section("Completed", &[Status::Completed], rows, size),
            self.section("Still Running", &[Status::Running, Status::Queued], rows, size),
            self.remarks(rows),
        )
    }

    /// What is not shown, and why.
    fn remarks(&self, rows: usize) -> String {
        let listing = &self.listed.listing;
        let mut remarks = String::new();
        for task in self.tasks().iter().take(rows) {
            if let Some(note) = self.note(task) {
                remarks.push_str(&format!("\n{}: {note}\n", task.id()));
            }
        }
        let omitted = listing.omitted + self.tasks().len().saturating_sub(rows);
        if omitted > 0 {
            let more = "`task-bg report --all` shows them";
            remarks.push_str(&format!("\n{omitted} older ones are not in the table; {more}.\n"));
        }
        if !listing.unreadable.is_empty() {
            remarks.push_str(&format!(
                "\n{} records cannot be read; `task-bg list` says why.\n",
                listing.unreadable.len()
            ));
        }
        remarks
    }
}

/// What the record of a listed task does not say, or what has to be looked at in it.
pub(crate) fn note_words(listed: &Listed, task: &Task) -> Option<String> {
    let (_, note) = listed.notes.iter().find(|(id, _)| id == task.id())?;
    Some(task::sentence(task, *note))
}

impl View for ReportView {
    fn is_verbatim(&self) -> bool {
        true
    }

    fn json(&self) -> Value {
        self.json_within(SIZES[0].1)
    }

    fn json_within(&self, texts: usize) -> Value {
        let Tally { queued, running, completed, error, cancelled } = self.listed.listing.tally;
        let rows = self.tasks().iter().map(|task| {
            let mut row = json!({
                "taskId": task.id().as_str(),
                "id": task.id().as_str(),
                "droid": task.order().agent,
                "status": task.status().word(),
                "reason": task::reason(task),
                "description": text::preview(task.order().label(), texts),
                "result": self.gist(task, texts),
                "outputCommand": task::output_command(task),
            });
            if let Some(note) = self.note(task) {
                row["note"] = note.into();
            }
            row
        });
        let ids = |statuses: &[Status]| {
            self.with(statuses).map(|task| json!(task.id().as_str())).collect::<Vec<_>>()
        };
        let unreadable = self.listed.listing.unreadable.iter();
        let parents: Vec<&str> = self.parents.iter().map(SessionId::as_str).collect();
        json!({
            "parent": parents.first().filter(|_| parents.len() == 1),
            "parents": parents,
            "total": self.listed.listing.tally.total(),
            "counts": {"running": running, "queued": queued, "completed": completed, "error": error, "cancelled": cancelled},
            "tasks": rows.collect::<Vec<_>>(),
            "completed": ids(&[Status::Completed]),
            "notCompleted": ids(&[Status::Error, Status::Cancelled]),
            "stillRunning": ids(&[Status::Running, Status::Queued]),
            "omitted": self.listed.listing.omitted,
            "unreadable": unreadable.map(|entry| json!({"file": entry.file, "reason": entry.reason})).collect::<Vec<_>>(),
        })
    }

    fn shape(&self) -> Option<Shape> {
        let lists = vec![
            rows::of_tasks("tasks", "omitted"),
            rows::of_tasks("unreadable", "unreadableOmitted"),
            rows::of_tasks("completed", "completedOmitted"),
        ];
        let more = Some("task-bg report --json --all".to_owned());
        (!self.whole).then_some(Shape { texts: &[150, 80, 40], lists, more })
    }

    fn table(&self) -> String {
        let all = self.tasks().len();
        let sizes = SIZES.iter().map(|size| (all, *size));
        let fewer = std::iter::successors(Some(all / 2), |rows| (*rows > 0).then_some(rows / 2));
        let last = SIZES[SIZES.len() - 1];
        let mut documents = sizes
            .chain(fewer.map(|rows| (rows, last)))
            .map(|(rows, size)| self.document(rows, size));
        let fits = |document: &String| self.whole || bound::text_fits(document);
        documents.find(fits).unwrap_or_default()
    }
}
