//! A task in an answer: the keys of its record, and the note beside it.

use std::time::Duration;

pub(super) use domain::task::notice::{ending_words as status_words, output_command};
use domain::task::{State, Task, Timestamp, text};
use domain::usecase::reconcile::Note;
use serde_json::{Map, Value, json};

use super::LIST_PREVIEW;

/// The task with its record's keys; prompt and result cut to a preview unless they are wanted whole.
pub(super) fn record(
    task: &Task,
    (note, place): (Option<Note>, Option<usize>),
    whole: bool,
) -> Value {
    let text = adapters_fs::record_text(task);
    let mut record: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    if !whole {
        for key in ["prompt", "result"] {
            if let Some(Value::String(long)) = record.get_mut(key) {
                *long = text::preview(long, LIST_PREVIEW);
            }
        }
    }
    add_note(&mut record, task, note);
    add_place(&mut record, place);
    Value::Object(record)
}

/// Adds the note to the record, if there is one.
pub(super) fn add_note(record: &mut Map<String, Value>, task: &Task, note: Option<Note>) {
    if let Some(note) = note {
        record.insert("note".to_owned(), json!(sentence(task, note)));
    }
}

/// Adds the task's place in the queue, counted from 1.
pub(super) fn add_place(record: &mut Map<String, Value>, place: Option<usize>) {
    if let Some(place) = place {
        record.insert("queuePosition".to_owned(), json!(place + 1));
    }
}

/// The note, as a sentence for people.
pub(super) fn sentence(task: &Task, note: Note) -> String {
    match note {
        Note::Unsupervised => {
            "unsupervised: its record was not written by a supervisor of task-bg and stands as it is; \
             the hook, `complete` and `prune` can end it"
                .to_owned()
        }
        Note::Orphaned => {
            "its supervisor is gone but its agent still works; once the agent is done, the next \
             command that looks will record how it ended"
                .to_owned()
        }
        Note::Elsewhere => {
            let host = task.progress().host.as_deref().unwrap_or_default();
            format!("runs on {host}, which alone can judge and stop it")
        }
        Note::LeftBehind => left_behind(task),
        Note::EmptyAnswer => "it said that it was done, with an empty answer".to_owned(),
    }
}

/// The processes that live on after the end of a task, and what ends them.
fn left_behind(task: &Task) -> String {
    let (left, id) = (&task.progress().left, task.id());
    let pids: Vec<String> = left.processes.iter().map(|process| process.pid.to_string()).collect();
    let what = if left.count == 1 { "1 process" } else { &format!("{} processes", left.count) };
    format!("{what} left: {}; `task-bg cancel {id}` ends what is left", pids.join(", "))
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
pub(super) fn duration(task: &Task, now: Timestamp) -> Duration {
    let began = task.started_at().or(task.queued_at());
    let until = if task.status().is_ended() { task.state().ended_at() } else { Some(now) };
    began.zip(until).map_or(Duration::ZERO, |(began, until)| until.since(began))
}

/// The most telling line about the task: what it found, what went wrong, or what it is doing.
pub(super) fn gist(task: &Task) -> String {
    let activity = &task.progress().activity;
    match task.state() {
        State::Completed(done) => done.result.clone(),
        State::Error(failure) => match &task.progress().late_result {
            // The ending was a guess; what was found is worth more than why it was made.
            Some(late) => format!("{late} (found after it was ended: {})", failure.message),
            None => failure.message.clone(),
        },
        State::Queued(_) => String::new(),
        State::Cancelled(stopped) => stopped.result.clone().unwrap_or_default(),
        State::Running(_) => match (&activity.last_tool, &activity.last_message) {
            (Some(tool), _) if activity.tools_in_flight > 0 => format!("[{tool}]"),
            (_, Some(message)) => message.clone(),
            (Some(tool), None) => format!("[{tool}]"),
            (None, None) => String::new(),
        },
    }
}
