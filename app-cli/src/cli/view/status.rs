//! What `status` answers: the whole record, as it is in its file.

use domain::port::worktrees::{Changes, WorktreeError};
use domain::task::{Exit, Runner, SessionId, Task, Timestamp, text};
use domain::usecase::reconcile::Believed;
use serde_json::{Map, Value, json};

use super::task::Beside;
use super::{View, failure, rows, task, terminal, worktree};
use crate::kit::bound::{self, Shape};
use crate::kit::failure::Failure;
use crate::kit::screen::{self, Screen};

/// What a usual character weighs.
const HALVES: usize = 2;

/// One task's record.
pub(crate) struct StatusView {
    /// The task, as it is to be believed.
    pub(crate) believed: Believed,
    /// Its record, as it is in its file.
    pub(crate) record: String,
    /// All attempts at what it was ordered to do, itself among them.
    pub(crate) attempts: Vec<Task>,
    /// How many wait before it, if it is in the queue.
    pub(crate) place: Option<usize>,
    /// What changed in its worktree, if it has one.
    pub(crate) changes: Option<Result<Changes, WorktreeError>>,
    /// Why it waits, if it is in the queue.
    pub(crate) waits: Option<String>,
    /// Whether it was asked for whole, however long it is.
    pub(crate) whole: bool,
    /// The moment it is now.
    pub(crate) now: Timestamp,
    /// The terminal that it is shown on; none if it goes elsewhere.
    pub(crate) screen: Option<Screen>,
}

impl StatusView {
    /// The command that shows what was cut.
    fn more(&self) -> String {
        format!("task-bg status --full {}", self.believed.task.id())
    }

    /// A moment by the clock on the wall, and how long ago that is.
    fn moment(&self, at: Timestamp) -> String {
        let ago = terminal::rough_span(self.now.since(at));
        let moment = jiff::Timestamp::from_microsecond(at.as_micros()).ok();
        let moment = moment.map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
        let moment = moment.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
        format!("{} ({ago} ago)", moment.unwrap_or_default())
    }

    /// A row with its status in colour.
    fn painted(&self, row: String) -> String {
        let task = &self.believed.task;
        match row.strip_prefix("      status  ") {
            Some(words) => {
                let words = screen::styled(screen::colour(task.status()), words.trim_end());
                format!("      status  {words}\n")
            }
            None => row,
        }
    }

    fn attempt_words(&self) -> String {
        let words = self.attempts.iter().map(|task| {
            format!("{} {} {}", task.order().lineage.attempt, task.id(), task::status_words(task))
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// Keeps as many of the first rows as have together at most so many characters; says how many of them, if not all.
fn shorten(rows: &mut Vec<Value>, texts: usize) -> Option<Value> {
    let (count, mut room) = (rows.len(), texts / 2 * HALVES);
    let fits = |row: &&Value| {
        let rest = room.checked_sub(bound::weight(row));
        room = rest.unwrap_or_default();
        rest.is_some()
    };
    let shown = rows.iter().take_while(fits).count();
    rows.truncate(shown);
    (shown < count).then(|| json!({"shown": shown, "rows": count}))
}

fn attempt(task: &Task) -> Value {
    json!({
        "taskId": task.id().as_str(),
        "id": task.id().as_str(),
        "attempt": task.order().lineage.attempt,
        "status": task.status().word(),
        "reason": task::reason(task),
    })
}

impl View for StatusView {
    fn json_within(&self, texts: usize) -> Value {
        let mut answer = self.json();
        let Value::Object(record) = &mut answer else { return answer };
        let mut cut = Map::new();
        if let Some(Value::Object(progress)) = record.get_mut("progress") {
            for (key, value) in progress {
                if let Some(counts) = value.as_array_mut().and_then(|rows| shorten(rows, texts)) {
                    cut.insert(key.clone(), counts);
                }
            }
        }
        for key in ["prompt", "result", "error", "description"] {
            // Whoever gave the order knows it.
            let texts = if key == "prompt" { texts / 2 } else { texts };
            let Some(Value::String(long)) = record.get_mut(key) else { continue };
            let characters = long.chars().count();
            if characters > texts {
                *long = text::preview(long, texts);
                cut.insert(key.to_owned(), json!({"shown": texts, "characters": characters}));
            }
        }
        record.insert("cut".to_owned(), cut.into());
        record.insert("more".to_owned(), self.more().into());
        answer
    }

    fn shape(&self) -> Option<Shape> {
        const TEXTS: &[usize] = &[12_000, 6_000, 3_000, 1_000, 300];
        let shape = Shape { texts: TEXTS, lists: Vec::new(), more: Some(self.more()) };
        (!self.whole).then_some(shape)
    }

    fn json(&self) -> Value {
        let mut record: Map<String, Value> = serde_json::from_str(&self.record).unwrap_or_default();
        let (note, place, waits) = (self.believed.note, self.place, self.waits.as_deref());
        task::add_beside(&mut record, &self.believed.task, Beside { note, place, waits });
        if self.believed.task.is_at_a_cluster() {
            task::name_the_job(&mut record, &self.believed.task);
        }
        if self.believed.task.status().is_ended() {
            task::name_the_living(&mut record, &self.believed.task);
        }
        if self.believed.task.progress().left.count > 0 {
            record.insert("survivors".to_owned(), task::survivors(&self.believed.task).into());
        }
        if self.attempts.len() > 1 {
            let attempts: Vec<Value> = self.attempts.iter().map(attempt).collect();
            record.insert("attempts".to_owned(), attempts.into());
        }
        let of = self.believed.task.order().worktree.as_ref();
        if let (Some(of), Some(changes)) = (of, &self.changes) {
            record.insert("worktreeChanges".to_owned(), worktree::json(of, changes));
        }
        Value::Object(record)
    }

    fn table(&self) -> String {
        let task = &self.believed.task;
        let (order, progress) = (task.order(), task.progress());
        let activity = &progress.activity;
        let mut rows: Vec<(&str, String)> = vec![
            ("task", task.id().to_string()),
            ("description", terminal::one_line(order.label(), 400)),
            ("status", task::status_words(task)),
        ];
        let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
        add("exit", progress.exit.map(exit_words));
        let is_elsewhere = !order.target.is_local();
        add("target", is_elsewhere.then(|| order.target.to_string()));
        add("host", progress.host.clone().filter(|_| task.is_at_a_cluster()));
        add("job", progress.slurm.as_deref().map(task::job_words));
        let ended = task.state().ended_at().filter(|_| task.status().is_ended());
        let is_command = matches!(order.runner, Runner::Command(_));
        add("name", order.name.as_ref().map(ToString::to_string));
        add(if is_command { "command" } else { "prompt" }, Some(order.prompt.as_str().to_owned()));
        add("droid", (!is_command).then(|| order.agent.clone()));
        add("ordered", task.queued_at().map(|at| self.moment(at)));
        add("started", task.started_at().map(|at| self.moment(at)));
        add("ended", ended.map(|at| self.moment(at)));
        add("time", Some(terminal::span(task::duration(task, self.now))));
        add("note", self.believed.note.map(|note| task::sentence(&self.believed.task, note)));
        add("place", self.place.map(|place| format!("{} in the queue", place + 1)));
        add("attempts", (self.attempts.len() > 1).then(|| self.attempt_words()));
        add("folder", order.cwd.clone());
        add("worktree", order.worktree.as_ref().map(|it| format!("{} on {}", it.path, it.branch)));
        let changed = order.worktree.as_ref().zip(self.changes.as_ref());
        add("changes", changed.map(|(of, changes)| worktree::words(of, changes)));
        add("model", order.model.clone());
        add("parent", order.parent.as_ref().map(SessionId::to_string));
        add(
            "session",
            activity.session.as_ref().or(order.session.as_ref()).map(SessionId::to_string),
        );
        add("tools", (activity.tool_calls > 0).then(|| activity.tool_calls.to_string()));
        add("last tool", activity.last_tool.clone());
        add("last message", activity.last_message.clone());
        add(
            "tokens",
            activity
                .usage
                .map(|used| format!("{} in, {} out", used.input_tokens, used.output_tokens)),
        );
        add("waits", self.waits.clone());
        add("result", Some(task::gist(task, 400)).filter(|_| task.status().is_ended()));
        add("output", progress.output_file.clone());
        let line = |(name, value): &(&str, String)| {
            format!("{name:>12}  {}", terminal::one_line(value, 400))
        };
        let lines = rows.iter().map(line);
        match self.screen {
            Some(screen) => {
                lines.map(|line| self.painted(screen.wrapped_line(&line, 14))).collect()
            }
            None => lines.map(|line| line + "\n").collect(),
        }
    }
}

/// How a process ended, in words.
fn exit_words(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    }
}

/// Several tasks' records.
pub(crate) struct ManyStatusView {
    /// The records.
    pub(crate) shown: Vec<StatusView>,
    /// Tasks of which none can be shown, with why.
    pub(crate) refused: Vec<(String, Failure)>,
    /// Whether all of them were asked for, however long they are.
    pub(crate) whole: bool,
}

impl View for ManyStatusView {
    fn ids(&self) -> Vec<String> {
        self.shown.iter().map(|view| view.believed.task.id().to_string()).collect()
    }

    fn json(&self) -> Value {
        let shown: Vec<Value> = self.shown.iter().map(View::json).collect();
        let mut answer = json!({"tasks": shown, "refused": failure::refused(&self.refused)});
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn json_within(&self, texts: usize) -> Value {
        let shown: Vec<Value> = self.shown.iter().map(|view| view.json_within(texts)).collect();
        let mut answer = json!({"tasks": shown, "refused": failure::refused(&self.refused)});
        failure::add_first(&mut answer, &self.refused);
        answer
    }

    fn shape(&self) -> Option<Shape> {
        let lists =
            vec![rows::of_tasks("tasks", "omitted"), rows::of_tasks("refused", "refusedOmitted")];
        let more = Some("task-bg status --full ID".to_owned());
        (!self.whole).then_some(Shape { texts: &[3_000, 1_000, 300, 80], lists, more })
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["tasks", "refused"]
    }

    fn failures(&self) -> Vec<Failure> {
        self.refused.iter().map(|(_, failure)| failure.clone()).collect()
    }

    fn table(&self) -> String {
        let shown: Vec<String> = self.shown.iter().map(View::table).collect();
        format!("{}{}", shown.join("\n"), failure::refused_lines(&self.refused))
    }
}
