//! A task in an answer: the keys of its record, and the note beside it.

use std::time::Duration;

use domain::plan::queue::Obstacle;
pub(super) use domain::task::notice::{ending_words as status_words, output_command};
use domain::task::text::screen::settled;
use domain::task::{Job, Runner, State, Status, Task, TaskId, Timestamp, preview, text};
use domain::usecase::reconcile::Note;
use serde_json::{Map, Value, json};

use super::terminal;

/// What is known of a task besides its record.
#[derive(Clone, Copy, Default)]
pub(super) struct Beside<'a> {
    /// How far it is to be believed.
    pub(super) note: Option<Note>,
    /// How many wait before it in the queue.
    pub(super) place: Option<usize>,
    /// Why it waits.
    pub(super) waits: Option<&'a str>,
}

/// The task with all keys of its record.
pub(super) fn whole(task: &Task, beside: Beside<'_>) -> Value {
    Value::Object(with_beside(adapters_fs::record_members(task), task, beside))
}

fn with_beside(
    mut record: Map<String, Value>,
    task: &Task,
    beside: Beside<'_>,
) -> Map<String, Value> {
    add_beside(&mut record, task, beside);
    record
}

/// The keys under `progress` of a row.
const ROW_PROGRESS: [&str; 13] = [
    "lastUpdate",
    "lastTool",
    "lastMessage",
    "exitCode",
    "toolCalls",
    "name",
    "reason",
    "signal",
    "note",
    "queuePosition",
    "target",
    "host",
    "slurm",
];

/// The longest texts of a row, in characters.
pub(super) const ROW_TEXTS: usize = 200;

/// The task with those keys of its record that a reader of a list acts on, and texts of at most [`ROW_TEXTS`].
pub(super) fn row(task: &Task, beside: Beside<'_>) -> Map<String, Value> {
    let mut record = with_beside(adapters_fs::record_part(task, &ROW_PROGRESS), task, beside);
    if let Some(Value::Object(progress)) = record.get_mut("progress") {
        let runs = !task.status().is_ended();
        progress.retain(|key, value| match key.as_str() {
            "lastUpdate" | "lastTool" | "lastMessage" => runs,
            "exitCode" | "toolCalls" => *value != json!(0),
            "host" | "slurm" => task.is_at_a_cluster(),
            _ => true,
        });
        drop_empty(progress);
    }
    // What a command printed is in the words about its bad ending already.
    if matches!((task.status(), &task.order().runner), (Status::Error, Runner::Command(_))) {
        record.remove("result");
    }
    shorten_row(&mut record, task, ROW_TEXTS);
    drop_empty(&mut record);
    record
}

/// Cuts the texts of a row to at most `texts` characters.
pub(super) fn shorten_row(row: &mut Map<String, Value>, task: &Task, texts: usize) {
    // Whoever wrote the prompt knows it; others go by the description.
    for (key, texts) in [("description", texts), ("prompt", texts / 2), ("result", texts)] {
        shorten(row, key, texts);
    }
    let told = match task.status() {
        Status::Completed | Status::Cancelled => Some("result"),
        Status::Error => Some("error"),
        Status::Queued | Status::Running => None,
    };
    let words = told.map(|key| (key, preview::preview(task, texts)));
    if let Some((key, words)) = words.filter(|(_, words)| !words.is_empty()) {
        row.insert(key.to_owned(), words.into());
    }
    if let Some(Value::Object(progress)) = row.get_mut("progress") {
        for key in ["lastMessage", "lastTool"] {
            shorten(progress, key, texts);
        }
    }
}

fn shorten(members: &mut Map<String, Value>, key: &str, texts: usize) {
    if let Some(Value::String(long)) = members.get_mut(key) {
        *long = text::preview(long, texts);
    }
}

/// Drops what says nothing.
fn drop_empty(members: &mut Map<String, Value>) {
    members.retain(|_, value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(rows) => !rows.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    });
}

/// Adds what is known besides: the id under its other name, and under `progress` the note and the place in the queue,
/// counted from 1.
pub(super) fn add_beside(record: &mut Map<String, Value>, task: &Task, beside: Beside<'_>) {
    record.insert("taskId".to_owned(), task.id().as_str().into());
    let note = beside.note.map(|note| sentence(task, note));
    if let Some(note) = &note {
        record.insert("note".to_owned(), note.as_str().into());
    }
    let note = note.or_else(|| beside.waits.map(ToOwned::to_owned));
    let progress = record.entry("progress").or_insert_with(|| json!({}));
    let Value::Object(progress) = progress else { return };
    if let Some(note) = note {
        progress.insert("note".to_owned(), note.into());
    }
    if let Some(place) = beside.place {
        progress.insert("queuePosition".to_owned(), json!(place + 1));
    }
}

/// The note, as a sentence for people.
pub(super) fn sentence(task: &Task, note: Note) -> String {
    match note {
        Note::Unsupervised if task.status() == Status::Queued => format!(
            "queued by another program, and task-bg does not start it; `task-bg cancel {id}` ends it, and \
             `task-bg retry {id}` then starts it anew",
            id = task.id()
        ),
        Note::Unsupervised => {
            "unsupervised: its record was not written by a supervisor of task-bg and stands as it is; \
             the hook, `complete`, `cancel` and `prune` can end it, and `retry` then starts it anew"
                .to_owned()
        }
        Note::Orphaned => {
            "its supervisor is gone but its agent still works, and no other supervisor could be started; \
             the next command tries it again, or records how it ended once the agent is done"
                .to_owned()
        }
        Note::Adopted => {
            "re-adopted: the supervisor that started it was lost, and another one looks after it; how its \
             process exits cannot be known any more"
                .to_owned()
        }
        Note::Stopped => {
            let pid = task.progress().supervisor.as_ref().map_or(0, |supervisor| supervisor.pid);
            format!(
                "its supervisor, process {pid}, was stopped by a signal and records nothing; \
                 `kill -CONT {pid}` lets it go on"
            )
        }
        Note::StoppedInRest => {
            let pid = task.progress().supervisor.as_ref().map_or(0, |supervisor| supervisor.pid);
            format!(
                "its supervisor, process {pid}, was stopped by a signal and records nothing, and the task rests as long: its                  processes are frozen, since they write faster than its logs may grow; `kill -CONT {pid}` lets both go on,                  and `task-bg cancel {id}` ends the task",
                id = task.id()
            )
        }
        Note::HeldUp => {
            "its supervisor is not seen from here, and another process holds its life lock: one that has not recorded yet that \
             it took the task over, one that was stopped by a signal, which `task-bg doctor` names, or its supervisor \
             in another PID namespace"
                .to_owned()
        }
        Note::AgentGone => {
            "its agent is gone; its supervisor has not recorded yet how it ended, and cannot where the store \
             cannot be written"
                .to_owned()
        }
        Note::Unrecordable => {
            "its supervisor and its agent are gone; how it ended cannot be recorded, because the store is \
             read-only"
                .to_owned()
        }
        Note::Copied => {
            let store = store_of(task);
            if task.status().is_ended() {
                return format!(
                    "{}; they were started from another store than this one, from the one in `{store}` as that was then: \
                     `task-bg cancel {}` over that one ends them",
                    what_is_left(task),
                    task.id()
                );
            }
            format!(
                "it was started from another store than this one, from the one in `{store}` as that was then: this \
                 one is a copy, or was restored, and can neither stop it nor tell how it ends"
            )
        }
        Note::Elsewhere if task.kept_on().is_some() => {
            let there = task.progress().remote_id.as_ref();
            let there = there.map(|id| format!(" as {id}")).unwrap_or_default();
            format!("runs on {}{there}; shown as it was heard of last", task.order().target)
        }
        Note::Elsewhere => {
            let host = task.progress().host.as_deref().unwrap_or_default();
            format!(
                "runs on {host}, which alone can judge and stop it; if that machine is no more, `task-bg complete {}` ends it",
                task.id()
            )
        }
        Note::ClusterSilent => {
            "Slurm does not answer, so whether it still waits or runs is not known; nothing is decided until it does"
                .to_owned()
        }
        Note::NodeSilent => {
            let host = task.progress().host.as_deref().unwrap_or_default();
            format!(
                "its node {host} is not answering; whether it works on cannot be known until the node is back"
            )
        }
        Note::LeftBehind => left_behind(task),
        Note::EmptyAnswer => "it said that it was done, with an empty answer".to_owned(),
    }
}

/// What keeps a queued task from starting, for people.
pub(crate) fn obstacle(id: &TaskId, obstacle: &Obstacle) -> String {
    obstacle_by(&|id| id.to_string(), id, obstacle)
}

/// The same, where a task is called what `call` says.
pub(super) fn obstacle_by(
    call: &dyn Fn(&TaskId) -> String,
    id: &TaskId,
    obstacle: &Obstacle,
) -> String {
    match obstacle {
        Obstacle::Held => format!("held: `task-bg release {}` lets it start", call(id)),
        Obstacle::Paused => "the queue is paused: `task-bg queue resume` lets it go on".to_owned(),
        Obstacle::Moment(moment) => match jiff::Timestamp::from_microsecond(moment.as_micros()) {
            Ok(moment) => format!("waits until {moment:.0}"),
            Err(_) => "waits for its time".to_owned(),
        },
        Obstacle::Tasks(ids) => {
            let named: Vec<String> = ids.iter().map(call).collect();
            format!("waits for {}", text::some_of(&named, 5))
        }
        Obstacle::Unreadable(ids) => {
            let named: Vec<String> = ids.iter().map(call).collect();
            format!(
                "waits for {}, whose record cannot be read: `task-bg status {}` says why",
                text::some_of(&named, 5),
                named.first().map_or("", String::as_str)
            )
        }
        Obstacle::Room { group, running, limit } => {
            let group =
                group.as_deref().map(|group| format!(" of {}", terminal::one_line(group, 60)));
            format!("waits for room: {running} of {limit}{} run", group.unwrap_or_default())
        }
        Obstacle::Cluster(words) => terminal::one_line(words, 200),
        Obstacle::Turn => "about to start".to_owned(),
    }
}

/// The folder of the store that a task was started from, by where its log was made.
pub(crate) fn store_of(task: &Task) -> &str {
    let log = task.progress().output_file.as_deref().unwrap_or_default();
    log.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The processes that live on after the end of a task, and what ends them.
fn left_behind(task: &Task) -> String {
    let finds = if task.progress().left.processes.is_empty() { "it finds" } else { "is left" };
    format!("{}; `task-bg cancel {}` ends what {finds}", what_is_left(task), task.id())
}

/// The processes that live on after the end of a task.
fn what_is_left(task: &Task) -> String {
    let left = &task.progress().left;
    let pids: Vec<String> = left.processes.iter().map(|process| process.pid.to_string()).collect();
    let what = if left.count == 1 { "1 process" } else { &format!("{} processes", left.count) };
    if pids.is_empty() {
        return format!("{what} left that nobody could name, as it replaced itself");
    }
    format!("{what} left: {}", pids.join(", "))
}

/// The job of a task on one line.
pub(super) fn job_words(job: &Job) -> String {
    let words = [&job.id, &job.state, &job.partition, &job.reason];
    words.into_iter().flatten().cloned().collect::<Vec<_>>().join(", ")
}

/// Says under `progress` what is known of its job by now, in place of what the record says.
pub(super) fn name_the_job(record: &mut Map<String, Value>, task: &Task) {
    let part = adapters_fs::record_part(task, &["slurm"]);
    let job = part.get("progress").and_then(|progress| progress.get("slurm"));
    if let (Some(Value::Object(progress)), Some(job)) = (record.get_mut("progress"), job) {
        progress.insert("slurm".to_owned(), job.clone());
    }
}

/// Names under `progress` the processes that live on now, in place of those that did when the task ended.
pub(super) fn name_the_living(record: &mut Map<String, Value>, task: &Task) {
    let Some(Value::Object(progress)) = record.get_mut("progress") else { return };
    let left = &task.progress().left;
    if left.count == 0 {
        progress.remove("survivors");
        progress.remove("survivorCount");
        progress.remove("survivorsInGroup");
        return;
    }
    let named = left.processes.iter().map(|process| {
        json!({"pid": process.pid, "startTime": process.start_time, "bootId": process.boot_id})
    });
    progress.insert("survivors".to_owned(), named.collect());
    progress.insert("survivorCount".to_owned(), left.count.into());
}

/// The numbers of the processes that live on after the end of a task.
pub(super) fn survivors(task: &Task) -> Vec<u32> {
    task.progress().left.processes.iter().map(|process| process.pid).collect()
}

/// Why the task ended badly, for machines.
pub(super) fn reason(task: &Task) -> Option<&'static str> {
    match task.state() {
        State::Error(failure) => Some(failure.reason.word()),
        State::Queued(_) | State::Running(_) | State::Completed(_) | State::Cancelled(_) => None,
    }
}

/// How long it has run, or ran, or waited.
pub(crate) fn duration(task: &Task, now: Timestamp) -> Duration {
    let began = task.started_at().or(task.queued_at());
    let until = if task.status().is_ended() { task.state().ended_at() } else { Some(now) };
    began.zip(until).map_or(Duration::ZERO, |(began, until)| until.since(began))
}

/// What a task that runs does, the tool it uses or used last before what it said last; of others the most telling words.
pub(crate) fn last_deed(task: &Task, limit: usize) -> String {
    if task.status() != Status::Running {
        return preview::line(task, limit);
    }
    let activity = &task.progress().activity;
    let tool = activity.last_tool.as_ref().map(|tool| format!("[{tool}]"));
    let words: Vec<String> = tool.into_iter().chain(activity.last_message.clone()).collect();
    terminal::one_line(&settled(&words.join(" ")), limit)
}

/// The most telling words about the task on one line: what it found, what went wrong, or what it is doing.
pub(crate) fn gist(task: &Task, limit: usize) -> String {
    let activity = &task.progress().activity;
    if task.status() != Status::Running {
        return preview::line(task, limit);
    }
    let tool = activity.last_tool.as_ref().map(|tool| format!("[{tool}]"));
    let message = activity.last_message.clone();
    let words = if activity.tools_in_flight > 0 { tool.or(message) } else { message.or(tool) };
    terminal::one_line(&settled(&words.unwrap_or_default()), limit)
}
