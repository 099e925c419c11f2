//! The few words that tell most of what an ended task found or why it failed, for whoever shows it in short.
//!
//! Of an agent's answer the beginning counts. Of a command, and of a bad ending whose message quotes a log, the end
//! counts: the cause of a failed build stands in its last lines. What a terminal would not show is not in a preview.
//! Of a task that has not ended there is nothing to preview.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::Task;
use super::order::Runner;
use super::state::{Reason, State};
use super::text::{self, screen::settled};

/// The longest words before a quoted log, such as `exited with code 101`.
const WORDS: usize = 40;

/// Which end of a text tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// What there is to tell of an ended task.
struct Told<'a> {
    /// How it ended, where the text does not say so.
    words: &'a str,
    /// What it found, or what went wrong.
    text: Cow<'a, str>,
    /// Which end of the text tells more.
    end: End,
}

/// What an ended task found or why it failed, in at most `limit` characters and an ellipsis, over several lines where
/// it has several.
pub fn preview(task: &Task, limit: usize) -> String {
    let Some(Told { words, text, end }) = told(task) else { return String::new() };
    let text = settled(text.trim());
    if text.is_empty() {
        return text::preview(words, limit);
    }
    let words = if words.is_empty() { String::new() } else { format!("{words}: ") };
    let room = limit.saturating_sub(words.chars().count());
    match end {
        End::First => format!("{words}{}", text::preview(&text, room)),
        End::Last => format!("{words}{}", text::last_lines(&text, room)),
    }
}

/// How many characters of such a preview are words before a text whose end tells more: whoever shortens it keeps them and the end.
/// `None` where the beginning tells more.
pub fn lead(task: &Task) -> Option<usize> {
    let Told { words, text, end } = told(task)?;
    let led = if words.is_empty() { 0 } else { words.chars().count() + 2 };
    (end == End::Last && !settled(text.trim()).is_empty()).then_some(led)
}

/// The same on one line that is harmless for a terminal.
pub fn line(task: &Task, limit: usize) -> String {
    text::one_line(&preview(task, limit), limit.saturating_add(1))
}

/// Whether a preview of `limit` characters leaves nothing to read.
pub fn tells_all(task: &Task, limit: usize) -> bool {
    let found = match task.state() {
        State::Error(_) | State::Cancelled(_) => task.state().result().unwrap_or_default(),
        State::Queued(_) | State::Running(_) | State::Completed(_) => "",
    };
    match told(task) {
        None => found.is_empty(),
        Some(Told { words, text, .. }) => {
            let text = text.trim();
            text.contains(found.trim()) && words.chars().count() + text.chars().count() <= limit
        }
    }
}

fn told(task: &Task) -> Option<Told<'_>> {
    let end = if is_agents(task) { End::First } else { End::Last };
    let progress = task.progress();
    match task.state() {
        State::Queued(_) | State::Running(_) => None,
        State::Completed(done) if done.result.trim().is_empty() => {
            let words = match task.order().runner {
                Runner::Command(_) if progress.log_lost > 0 => "(what it printed is lost)",
                Runner::Command(_) => "(it printed nothing)",
                Runner::Agent { .. } | Runner::Elsewhere => "(its answer is empty)",
            };
            Some(Told { words, text: Cow::Borrowed(""), end })
        }
        State::Completed(done) => Some(Told { words: "", text: Cow::Borrowed(&done.result), end }),
        State::Cancelled(_) => {
            let found = task.state().result()?;
            Some(Told { words: "", text: Cow::Borrowed(found), end })
        }
        State::Error(failure) => Some(match &progress.late_result {
            // The ending was a guess; what was found is worth more than why it was made.
            Some(late) => {
                let text = format!("{late} (found after it was ended: {})", failure.message);
                Told { words: "", text: Cow::Owned(text), end }
            }
            None => failed(task, &failure.message, failure.reason),
        }),
    }
}

/// What there is to tell of a task that ended badly.
fn failed<'a>(task: &'a Task, message: &'a str, reason: Reason) -> Told<'a> {
    let exited = matches!(reason, Reason::Exit | Reason::Signal);
    match message.split_once(": ") {
        Some((words, log)) if exited && words.chars().count() <= WORDS => {
            Told { words, text: Cow::Borrowed(log), end: End::Last }
        }
        // What a command printed is not in the other messages.
        _ if !is_agents(task) => {
            let log = task.state().result().unwrap_or_default();
            if log.is_empty() || message.chars().count() > 2 * WORDS {
                Told { words: "", text: Cow::Borrowed(message), end: End::First }
            } else {
                Told { words: message, text: Cow::Borrowed(log), end: End::Last }
            }
        }
        _ => Told { words: "", text: Cow::Borrowed(message), end: End::First },
    }
}

/// Whether what the task found is an agent's answer and not the end of a log.
fn is_agents(task: &Task) -> bool {
    match task.order().runner {
        Runner::Agent { .. } | Runner::Elsewhere => true,
        Runner::Command(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Ending, Event, Order, Task};
    use crate::testing;
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec;

    fn ended(runner: Option<Runner>, ending: Ending) -> Task {
        let usual = testing::order();
        let order = Order { runner: runner.unwrap_or(usual.runner.clone()), ..usual };
        let task =
            Task::ordered(testing::queued_task().id().clone(), order, None, testing::ORDERED);
        let event = Event::Ended { ending, exit: None, next: None };
        task.apply(event, testing::ORDERED).expect("it had not ended").task
    }

    fn command(ending: Ending) -> Task {
        ended(Some(Runner::Command(vec!["make".to_string()])), ending)
    }

    fn completed(result: &str) -> Ending {
        Ending::Completed { result: result.to_string() }
    }

    #[test]
    fn of_an_agents_answer_the_beginning_counts_and_of_a_command_the_end() {
        let log = format!("{}FATAL: disk is missing", "test ok\n".repeat(100));
        assert_eq!(preview(&ended(None, completed(&log)), 12), "test ok\ntest…");
        assert_eq!(
            preview(&command(completed(&log)), 40),
            "…test ok\ntest ok\nFATAL: disk is missing"
        );
        assert_eq!(line(&command(completed(&log)), 40), "…test ok test ok FATAL: disk is missing");
        let failed = Ending::failed(Reason::Exit, format!("exited with code 1: {log}"));
        let expected = "exited with code 1: …test ok\nFATAL: disk is missing";
        assert_eq!(preview(&command(failed.clone()), 55), expected);
        assert_eq!(preview(&ended(None, failed), 55), expected);
    }

    #[test]
    fn a_command_that_was_stopped_still_shows_its_last_lines() {
        let result = Some("one\ntwo\nthree".to_string());
        let message = "timed out after 5 s".to_string();
        let ending = Ending::Failed { reason: Reason::Timeout, message, result };
        assert_eq!(preview(&command(ending.clone()), 28), "timed out after 5 s: …three");
        assert_eq!(preview(&ended(None, ending), 28), "timed out after 5 s");
    }

    #[test]
    fn an_empty_answer_is_named() {
        assert_eq!(preview(&command(completed("\n")), 99), "(it printed nothing)");
        assert_eq!(line(&ended(None, completed("")), 99), "(its answer is empty)");
        let cancelled = |result| ended(None, Ending::Cancelled { result });
        assert_eq!(preview(&cancelled(None), 99), "");
        assert_eq!(preview(&cancelled(Some("found so far".to_string())), 99), "found so far");
    }

    #[test]
    fn progress_bars_and_colours_are_as_a_terminal_would_show_them_in_the_end() {
        let log = "\u{1b}[1mBuild\u{1b}[0m\n10 %\r20 %\r100 %\n";
        assert_eq!(preview(&command(completed(log)), 99), "Build\n100 %");
    }

    proptest! {
        #[test]
        fn invariant_a_preview_is_no_longer_than_was_asked_for(
            text in "(\\PC|\n|\r|\u{1b}\\[K){0,200}",
            limit in 1usize..120,
            by_hand: bool,
            failed: bool,
        ) {
            let ending = if failed {
                Ending::failed(Reason::Exit, format!("exited with code 1: {text}"))
            } else {
                completed(&text)
            };
            let task = if by_hand { command(ending) } else { ended(None, ending) };
            // Words before a log are shown whole.
            let most = limit.max(22) + 1;
            prop_assert!(preview(&task, limit).chars().count() <= most);
            prop_assert!(line(&task, limit).chars().count() <= limit + 2);
        }
    }
}
