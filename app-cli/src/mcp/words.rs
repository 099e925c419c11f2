//! How the tools word what they say: short lines, the key first, nothing that a terminal would act on.

use domain::task::notice::ending_words;
use domain::task::text::{preview, readable_sentence};
use domain::task::{Task, Timestamp, preview as found};
use serde_json::{Value, json};

use crate::cli::view::task::{duration, gist};
use crate::kit::failure::{Failure, Kind};
use crate::kit::terminal::span;
pub(super) use crate::kit::terminal::{harmless, one_line};

/// The most characters of a title.
const TITLE: usize = 80;
/// The most characters of a line's words on how a task fares.
const GIST: usize = 80;
/// The most characters of a word, and of a sentence, of a failure.
const SENTENCE: (usize, usize) = (200, 700);

/// How a task stands: `running`, `completed`, `error (exit)`.
pub(super) fn state(task: &Task) -> String {
    ending_words(task)
}

/// A task on one line.
pub(super) fn line(task: &Task, now: Timestamp) -> String {
    let head = head(task, now);
    let gist = gist(task, GIST);
    if gist.is_empty() { head } else { format!("{head} | {gist}") }
}

/// Which task it is, how it stands, and for how long.
pub(super) fn head(task: &Task, now: Timestamp) -> String {
    let title = one_line(task.order().label(), TITLE);
    format!("{} {} {} | {title}", task.id(), state(task), span(duration(task, now)))
}

/// What an ended task found, in at most so many characters, and the call that shows the rest if there is any: also where
/// what it found is the end of its log, of so many bytes.
pub(super) fn found_by(task: &Task, limit: usize, log: Option<u64>) -> String {
    let (text, id) = (harmless(&found::preview(task, limit)), task.id());
    match log {
        Some(bytes) => format!(
            "{text}\n(cut: its log has {bytes} bytes; task_output {{\"id\":\"{id}\",\"mode\":\"tail\"}} shows more)"
        ),
        None if found::tells_all(task, limit) => text,
        None => format!("{text}\n(cut: task_output {{\"id\":\"{id}\"}} shows more)"),
    }
}

/// A line about machines that did not answer; nothing if all did.
pub(super) fn of_silence(notes: &[String]) -> String {
    match notes {
        [] => String::new(),
        [first, others @ ..] => {
            let more = match others.len() {
                0 => String::new(),
                more => format!("; {more} more did not answer"),
            };
            format!("\nnote: {}{more}; shown is what was heard last", one_line(first, 250))
        }
    }
}

/// A line that the store was moved; nothing if it was not.
pub(super) fn of_move(moved: Option<String>) -> String {
    moved.map_or_else(String::new, |moved| format!("\nnote: {}", one_line(&moved, 500)))
}

/// What the hints call an option is an argument here.
const OPTIONS: [(&str, &str); 3] =
    [("--cwd DIR", "`cwd`"), ("--cwd", "`cwd`"), ("--worktree", "`worktree`")];

/// A failure as a model reads it: what, which kind, what to do.
pub(super) fn failure(failure: &Failure) -> Value {
    let sentence =
        |text: &str| one_line(&readable_sentence(text, SENTENCE.0, SENTENCE.1), SENTENCE.1);
    let hint = match failure.kind {
        Kind::NotFound | Kind::Ambiguous => Some(
            "list_tasks {} shows the ids of this session; all_sessions those of others".to_owned(),
        ),
        Kind::AlreadyEnded => Some("task_output shows what it found".to_owned()),
        Kind::WrongState => Some(
            "wait_for_tasks waits for its end; task_output with mode tail shows its log".to_owned(),
        ),
        Kind::Unexpected
        | Kind::Usage
        | Kind::TooDeep
        | Kind::SettingsRefused
        | Kind::TaskFailed
        | Kind::TimedOut
        | Kind::LaunchFailed
        | Kind::StoreUnavailable
        | Kind::Unreadable => {
            let hints =
                OPTIONS.iter().fold(failure.hints.join("; "), |hints, (option, argument)| {
                    hints.replace(option, argument)
                });
            (!hints.is_empty()).then(|| sentence(&hints))
        }
    };
    let mut text =
        format!("error: {}\ncode: {}", sentence(&failure.sentence()), failure.kind.word());
    if let Some(hint) = hint {
        text.push_str(&format!("\nhint: {hint}"));
    }
    json!({"content": [{"type": "text", "text": preview(&text, 2_000)}], "isError": true})
}
