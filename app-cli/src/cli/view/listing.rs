//! What `list` answers: tasks, counts, and everything that could not be read or shown.

use std::cell::OnceCell;

use domain::plan::queue::Obstacle;
use domain::task::text::counted;
use domain::task::{Status, Tally, Task, TaskId, Timestamp};
use domain::usecase::list::Listed;
use domain::usecase::reconcile::Note;
use serde_json::{Map, Value, json};

use super::task::Beside;
use super::task_lines::{self, OnScreen, TaskLine};
use super::{View, rows, task, terminal};
use crate::kit::answer::Format;
use crate::kit::bound::Shape;
use crate::kit::screen::{self, Screen};
use crate::kit::size::{rounded_size, written_size};

/// The command that frees the room that logs of ended tasks take.
pub(crate) const FREE_LOGS: &str = "task-bg cleanup --delete --older-than 7d";

/// That the logs of ended tasks take `bytes`, if that is more than `limit`, which is not zero then.
pub(crate) fn too_much_logs(bytes: u64, limit: u64) -> Option<String> {
    let is_too_much = limit > 0 && bytes > limit;
    is_too_much.then(|| {
        let (taken, limit) = (rounded_size(bytes), written_size(limit));
        format!("the logs of ended tasks take {taken}, more than {limit} (`ended_logs`)")
    })
}

/// How much of a listing was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// As much as fits into an answer.
    Bounded,
    /// All tasks.
    All,
    /// Whole records.
    Full,
}

/// What there is.
pub(crate) struct ListingView {
    /// What there is.
    pub(crate) listed: Listed,
    /// Who waits in the queue, first come first.
    pub(crate) queue: Vec<TaskId>,
    /// How much was asked for.
    pub(crate) extent: Extent,
    /// Why those in the queue wait.
    pub(crate) waits: Vec<(TaskId, Obstacle)>,
    /// The command that shows the same tasks, without the place to begin at.
    pub(crate) command: String,
    /// How many tasks come before these.
    pub(crate) offset: usize,
    /// The moment it is now.
    pub(crate) now: Timestamp,
    /// The terminal that it is shown on; none if it goes elsewhere.
    pub(crate) screen: Option<OnScreen>,
    /// Whether no more is shown there than fits.
    pub(crate) fits: bool,
    /// Whether only tasks that have not ended were asked for, and so no others counted.
    pub(crate) of_unended: bool,
    /// How many bytes the logs of ended tasks may take before that is said; 0 for any number.
    pub(crate) ended_logs: u64,
    /// The rows of the answer, made once: an answer that is too long is put together several times.
    pub(crate) rows: OnceCell<Vec<Map<String, Value>>>,
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

    fn waits(&self, task: &Task) -> Option<String> {
        let found = self.waits.iter().find(|(id, _)| id == task.id());
        found.map(|(id, obstacle)| task::obstacle(id, obstacle))
    }

    fn records(&self, texts: usize) -> Vec<Value> {
        let tasks = &self.listed.listing.tasks;
        if self.extent == Extent::Full {
            return tasks.iter().map(|task| self.made(task, task::whole)).collect();
        }
        let rows =
            self.rows.get_or_init(|| tasks.iter().map(|task| self.made(task, task::row)).collect());
        let cut = |(row, task): (&Map<String, Value>, &Task)| {
            let mut row = row.clone();
            if texts < task::ROW_TEXTS {
                task::shorten_row(&mut row, task, texts);
            }
            Value::Object(row)
        };
        rows.iter().zip(tasks).map(cut).collect()
    }

    /// What `make` makes of a task and what is known besides.
    fn made<T>(&self, task: &Task, make: fn(&Task, Beside<'_>) -> T) -> T {
        let waits = self.waits(task);
        let (note, place) = (self.note(task), self.place(task));
        make(task, Beside { note, place, waits: waits.as_deref() })
    }

    fn unreadable(&self) -> Vec<Value> {
        let entries = self.listed.listing.unreadable.iter();
        entries.map(|entry| json!({"file": entry.file, "reason": entry.reason})).collect()
    }

    fn summary(&self) -> String {
        let Tally { queued, running, completed, error, cancelled } = self.listed.listing.tally;
        let total = self.listed.listing.tally.total();
        if self.of_unended {
            let tasks = counted(total, "unfinished task");
            return format!("{tasks}: {running} running, {queued} queued\n");
        }
        format!(
            "{}: {running} running, {queued} queued, {completed} completed, {error} error, {cancelled} cancelled\n",
            counted(total, "task")
        )
    }

    /// That the logs of ended tasks take more than they may, if they do.
    fn too_much_logs(&self) -> Option<String> {
        too_much_logs(self.listed.listing.ended_logs, self.ended_logs)
    }

    /// The command that shows the tasks that come after the first `shown` of these.
    fn after(&self, shown: usize) -> String {
        format!("{} --offset {}", self.command, self.offset + shown)
    }

    /// What a person has to know besides the table of so many tasks.
    fn remarks(&self, shown: usize) -> String {
        let listing = &self.listed.listing;
        let mut remarks = String::new();
        let omitted = listing.omitted + listing.tasks.len() - shown;
        if omitted > 0 {
            let more = self.after(shown);
            remarks.push_str(&format!("{omitted} more are not shown; `{more}` shows more\n"));
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
        if let Some(words) = self.too_much_logs() {
            remarks.push_str(&format!("{words}; `{FREE_LOGS}` frees some\n"));
        }
        remarks
    }
}

impl View for ListingView {
    fn ids(&self) -> Vec<String> {
        self.listed.listing.tasks.iter().map(|task| task.id().to_string()).collect()
    }

    fn json(&self) -> Value {
        self.json_within(task::ROW_TEXTS)
    }

    fn json_within(&self, texts: usize) -> Value {
        let tally = self.listed.listing.tally;
        let mut answer = json!({
            "total": tally.total(),
            "running": tally.running,
            "queued": tally.queued,
            "completed": tally.completed,
            "error": tally.error,
            "cancelled": tally.cancelled,
            "tasks": null,
            "omitted": self.listed.listing.omitted,
            "unreadable": self.unreadable(),
        });
        // `json!` would copy what it is given.
        answer["tasks"] = Value::Array(self.records(texts));
        if let (Value::Object(answer), true) = (&mut answer, self.of_unended) {
            for uncounted in ["completed", "error", "cancelled"] {
                answer.shift_remove(uncounted);
            }
        }
        if self.too_much_logs().is_some() {
            let (bytes, limit) = (self.listed.listing.ended_logs, self.ended_logs);
            answer["endedLogs"] = json!({"bytes": bytes, "limit": limit, "fix": FREE_LOGS});
        }
        if self.listed.listing.omitted > 0 {
            answer["more"] = json!(self.after(self.listed.listing.tasks.len()));
        }
        answer
    }

    fn shape(&self) -> Option<Shape> {
        let tasks = rows::of_tasks("tasks", "omitted");
        let unreadable = rows::of_others("unreadable", &["file"], "unreadableOmitted");
        let lists = vec![unreadable, tasks];
        // Of a row that was reduced, its record tells the rest.
        let is_last = self.listed.listing.omitted == 0;
        let all = self.listed.listing.tasks.len();
        let more = if is_last { "task-bg status ID".to_owned() } else { self.after(all) };
        let shape = Shape { texts: &[100, 50], lists, more: Some(more) };
        (self.extent == Extent::Bounded).then_some(shape)
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["tasks", "unreadable"]
    }

    fn rows(&self) -> usize {
        self.listed.listing.tasks.len()
    }

    fn table(&self) -> String {
        self.with_rows(Format::Table, self.rows())
    }

    fn markdown(&self) -> String {
        self.with_rows(Format::Markdown, self.rows())
    }

    fn with_rows(&self, format: Format, rows: usize) -> String {
        let tasks = &self.listed.listing.tasks[..rows.min(self.rows())];
        match (format, self.screen) {
            (Format::Markdown, _) => self.markdown_of(tasks),
            (_, Some(on)) => self.drawn_on(on),
            (_, None) => self.table_of(tasks),
        }
    }
}

impl ListingView {
    fn table_of(&self, tasks: &[Task]) -> String {
        let mut rows = terminal::table(&["ID", "STATUS", "DROID", "TIME", "DESCRIPTION", "LAST"]);
        for task in tasks {
            rows.add_row([
                task.id().to_string(),
                self.status(task),
                terminal::one_line(&task.order().agent, 20),
                terminal::span(task::duration(task, self.now)),
                terminal::one_line(task.order().label(), 40),
                self.waits(task)
                    .map_or_else(|| task::gist(task, 60), |why| terminal::one_line(&why, 60)),
            ]);
        }
        let shown = if tasks.is_empty() { String::new() } else { terminal::lines(&rows) };
        format!("{shown}{}{}", self.summary(), self.remarks(tasks.len()))
    }

    /// A line a task, as many as fit, and below them what a person has to know besides.
    pub(crate) fn drawn_on(&self, OnScreen { screen, short, times }: OnScreen) -> String {
        let tasks = &self.listed.listing.tasks;
        let line = |task: &Task| {
            let place = self.place(task).map(|place| place + 1);
            let found = self.waits.iter().find(|(id, _)| id == task.id());
            let why = found.map(|found| task_lines::obstacle(short, self.now, times, found));
            TaskLine::of(task, short, self.now, times).waiting(place, why)
        };
        let lines: Vec<TaskLine> = tasks.iter().map(line).collect();
        // The heads of the columns, and the line in which the next command is typed.
        let room = screen.height.saturating_sub(2);
        let mut shown = lines.len();
        loop {
            let below = self.below(shown, screen, short);
            if !self.fits || shown + below.lines().count() <= room || shown <= 1 {
                return task_lines::table(&lines[..shown], screen) + &below;
            }
            shown -= 1;
        }
    }

    /// What stands below so many lines on a terminal.
    fn below(&self, shown: usize, screen: Screen, short: usize) -> String {
        let listing = &self.listed.listing;
        let mut lines = vec![if self.of_unended {
            let tally = Tally { completed: 0, error: 0, cancelled: 0, ..listing.tally };
            task_lines::total(&tally)
        } else {
            task_lines::total(&listing.tally)
        }];
        let omitted = listing.omitted + listing.tasks.len() - shown;
        if omitted > 0 {
            let more = format!("{omitted} not shown: `{}`", self.after(shown));
            if screen::shown_width(&lines[0]) + more.len() + 2 < screen.width {
                lines[0].push_str(&format!("; {more}"));
            } else {
                lines.push(more);
            }
        }
        let notes = self.listed.notes.iter().filter_map(|(id, note)| {
            let task = listing.tasks[..shown].iter().find(|task| task.id() == id)?;
            Some(format!("{}: {}", task_lines::short_id(id, short), task::sentence(task, *note)))
        });
        lines.extend(notes);
        match listing.unreadable.as_slice() {
            [] => {}
            [only] => {
                let reason = terminal::one_line(&only.reason, 200);
                lines
                    .push(format!("unreadable: {}: {reason}", terminal::one_line(&only.file, 100)));
            }
            many => lines
                .push(format!("{} files cannot be read; `task-bg doctor` names them", many.len())),
        }
        lines
            .extend(self.too_much_logs().map(|words| format!("{words}; `{FREE_LOGS}` frees some")));
        lines.iter().map(|line| screen.wrapped(line)).collect()
    }

    fn markdown_of(&self, tasks: &[Task]) -> String {
        let rows = tasks.iter().map(|task| {
            let order = task.order();
            format!(
                "| {} | {} | {} | {} |\n",
                task.id(),
                terminal::cell(&order.agent),
                task::status_words(task),
                terminal::cell(&task::gist(task, task::ROW_TEXTS)),
            )
        });
        let head = "| Task ID | Droid | Status | Result |\n|---|---|---|---|\n";
        format!(
            "{head}{}\n{}{}",
            rows.collect::<String>(),
            self.summary(),
            self.remarks(tasks.len())
        )
    }
}
