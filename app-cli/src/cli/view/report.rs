//! What `report` answers: the Markdown that an agent puts into its own answer.
//!
//! A table of all tasks, then what was found, what went wrong, and what is still at work. Texts are
//! cut and made harmless; the commands that show the rest are in the JSON form.

use domain::task::{SessionId, Status, Tally, Task, Timestamp};
use domain::usecase::list::Listed;
use serde_json::{Value, json};

use super::{View, task, terminal};

/// The characters of a result in the table.
const CELL: usize = 100;
/// The characters of a result in the sections.
const LINE: usize = 300;

/// How tasks fare.
pub(crate) struct ReportView {
    /// The tasks.
    pub(crate) listed: Listed,
    /// Whose they are, if not everybody's.
    pub(crate) parent: Option<SessionId>,
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
    fn gist(&self, task: &Task) -> String {
        let gist = task::gist(task);
        if task.status().is_ended() {
            return gist;
        }
        let span = terminal::span(task::duration(task, self.now));
        if gist.is_empty() { format!("for {span}") } else { format!("for {span}, last: {gist}") }
    }

    fn row(&self, task: &Task) -> String {
        format!(
            "| {} | {} | {} | {} |\n",
            task.id(),
            terminal::cell(&task.order().agent),
            task::status_words(task),
            terminal::one_line(&terminal::cell(&self.gist(task)), CELL),
        )
    }

    fn line(&self, task: &Task) -> String {
        let label = terminal::one_line(&task.order().description, 80);
        let words = match task.status() {
            Status::Completed => String::new(),
            Status::Queued | Status::Running | Status::Error | Status::Cancelled => {
                format!(" {}", task::status_words(task))
            }
        };
        let said = terminal::one_line(&self.gist(task), LINE);
        let said = if said.is_empty() { said } else { format!(": {said}") };
        format!("- {label} (`{}`){words}{said}\n", task.id())
    }

    fn section(&self, heading: &str, statuses: &[Status]) -> String {
        let lines: String = self.with(statuses).map(|task| self.line(task)).collect();
        let lines = if lines.is_empty() { "- none\n".to_owned() } else { lines };
        format!("\n### {heading}\n\n{lines}")
    }

    /// What is not shown, and why.
    fn remarks(&self) -> String {
        let listing = &self.listed.listing;
        let mut remarks = String::new();
        if listing.omitted > 0 {
            remarks.push_str(&format!("\n{} older ones are not shown.\n", listing.omitted));
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

impl View for ReportView {
    fn json(&self) -> Value {
        let Tally { queued, running, completed, error, cancelled } = self.listed.listing.tally;
        let rows = self.tasks().iter().map(|task| {
            json!({
                "taskId": task.id().as_str(),
                "droid": task.order().agent,
                "status": task.status().word(),
                "reason": task::reason(task),
                "description": task.order().description,
                "result": terminal::one_line(&self.gist(task), LINE),
                "outputCommand": task::output_command(task),
            })
        });
        let ids = |statuses: &[Status]| {
            self.with(statuses).map(|task| json!(task.id().as_str())).collect::<Vec<_>>()
        };
        let unreadable = self.listed.listing.unreadable.iter();
        json!({
            "parent": self.parent.as_ref().map(SessionId::as_str),
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

    fn table(&self) -> String {
        let rows: String = self.tasks().iter().map(|task| self.row(task)).collect();
        let failed = [Status::Error, Status::Cancelled];
        let failed = match self.with(&failed).next() {
            Some(_) => self.section("Not Completed", &failed),
            None => String::new(),
        };
        format!(
            "## Background Tasks\n\n| Task ID | Droid | Status | Result |\n|---|---|---|---|\n{rows}{}{failed}{}{}",
            self.section("Completed", &[Status::Completed]),
            self.section("Still Running", &[Status::Running, Status::Queued]),
            self.remarks(),
        )
    }
}
