//! What `list` answers: tasks, counts, and everything that could not be read or shown.

use domain::task::{Status, Tally, Task, TaskId, Timestamp};
use domain::usecase::list::Listed;
use domain::usecase::reconcile::Note;
use serde_json::{Value, json};

use super::{View, task, terminal};

/// What there is.
pub(crate) struct ListingView {
    /// What there is.
    pub(crate) listed: Listed,
    /// Who waits in the queue, first come first.
    pub(crate) queue: Vec<TaskId>,
    /// Whether prompts and results are wanted whole.
    pub(crate) whole: bool,
    /// The moment it is now.
    pub(crate) now: Timestamp,
}

impl ListingView {
    fn note(&self, task: &Task) -> Option<Note> {
        self.listed.notes.iter().find(|(id, _)| id == task.id()).map(|(_, note)| *note)
    }

    /// How many wait before a task in the queue.
    fn place(&self, task: &Task) -> Option<usize> {
        if task.status() != Status::Queued {
            return None;
        }
        self.queue.iter().position(|waiting| waiting == task.id())
    }

    /// The status, and its place for a task in the queue.
    fn status(&self, task: &Task) -> String {
        match self.place(task) {
            Some(place) => format!("{} ({})", task::status_words(task), place + 1),
            None => task::status_words(task),
        }
    }

    fn records(&self) -> Vec<Value> {
        let tasks = self.listed.listing.tasks.iter();
        let beside = |task| (self.note(task), self.place(task));
        tasks.map(|task| task::record(task, beside(task), self.whole)).collect()
    }

    fn unreadable(&self) -> Vec<Value> {
        let entries = self.listed.listing.unreadable.iter();
        entries.map(|entry| json!({"file": entry.file, "reason": entry.reason})).collect()
    }

    fn summary(&self) -> String {
        let Tally { queued, running, completed, error, cancelled } = self.listed.listing.tally;
        let total = self.listed.listing.tally.total();
        format!(
            "{total} tasks: {running} running, {queued} queued, {completed} completed, {error} error, {cancelled} cancelled\n"
        )
    }

    /// What a person has to know besides the table.
    fn remarks(&self) -> String {
        let listing = &self.listed.listing;
        let mut remarks = String::new();
        if listing.omitted > 0 {
            remarks.push_str(&format!(
                "{} older ones are not shown; --all shows them\n",
                listing.omitted
            ));
        }
        for (id, note) in &self.listed.notes {
            if let Some(task) = listing.tasks.iter().find(|task| task.id() == id) {
                remarks.push_str(&format!("{id}: {}\n", task::sentence(task, *note)));
            }
        }
        for entry in &listing.unreadable {
            let file = terminal::one_line(&entry.file, 100);
            let reason = terminal::one_line(&entry.reason, 200);
            remarks.push_str(&format!("unreadable: {file}: {reason}\n"));
        }
        remarks
    }
}

impl View for ListingView {
    fn json(&self) -> Value {
        let tally = self.listed.listing.tally;
        json!({
            "total": tally.total(),
            "running": tally.running,
            "queued": tally.queued,
            "completed": tally.completed,
            "error": tally.error,
            "cancelled": tally.cancelled,
            "tasks": self.records(),
            "omitted": self.listed.listing.omitted,
            "unreadable": self.unreadable(),
        })
    }

    fn lines(&self) -> Vec<Value> {
        self.records()
    }

    fn table(&self) -> String {
        let mut rows = terminal::table(&["ID", "STATUS", "DROID", "TIME", "DESCRIPTION", "LAST"]);
        for task in &self.listed.listing.tasks {
            rows.add_row([
                task.id().to_string(),
                self.status(task),
                terminal::one_line(&task.order().agent, 20),
                terminal::span(task::duration(task, self.now)),
                terminal::one_line(&task.order().description, 40),
                terminal::one_line(&task::gist(task), 60),
            ]);
        }
        let shown = if self.listed.listing.tasks.is_empty() {
            String::new()
        } else {
            terminal::lines(&rows)
        };
        format!("{shown}{}{}", self.summary(), self.remarks())
    }

    fn markdown(&self) -> String {
        let rows = self.listed.listing.tasks.iter().map(|task| {
            let order = task.order();
            format!(
                "| {} | {} | {} | {} |\n",
                task.id(),
                terminal::cell(&order.agent),
                task::status_words(task),
                terminal::cell(&task::gist(task)),
            )
        });
        let head = "| Task ID | Droid | Status | Result |\n|---|---|---|---|\n";
        format!("{head}{}\n{}{}", rows.collect::<String>(), self.summary(), self.remarks())
    }
}
