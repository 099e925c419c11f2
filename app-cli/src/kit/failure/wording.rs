//! How a failure reads: as JSON for programs, as words for people.

use anstyle::Style;
use domain::task::text;
use serde_json::{Map, Value, json};

use crate::kit::failure::Failure;
use crate::kit::{bound, terminal};

/// The most characters of a word: a path as long as most file systems allow a name to be is shown whole.
const WORD: usize = 300;
/// The most characters of a message or a hint.
const SENTENCE: usize = 2_000;
/// The most failures of one command that are told in words.
const MOST_WORDED: usize = 10;

/// A message or a hint as it is shown: whatever it repeats of what was given, it can be read and is no flood.
pub(crate) fn bounded(text: &str) -> String {
    text::readable_sentence(text, WORD, SENTENCE)
}

/// The same for people at a terminal.
fn shown(text: &str) -> String {
    terminal::harmless(&bounded(text))
}

/// The failure for programs, as one line.
pub(crate) fn json(failure: &Failure) -> String {
    let mut answer = Map::new();
    add(&mut answer, failure);
    format!("{}\n", bound::unforeseen(Value::Object(answer)))
}

/// Adds a failure to an answer that says more.
pub(crate) fn add(answer: &mut Map<String, Value>, failure: &Failure) {
    answer.insert("error".to_owned(), json!(failure.sentence()));
    answer.insert("code".to_owned(), json!(failure.kind.word()));
    for (key, fact) in &failure.facts {
        answer.insert((*key).to_owned(), json!(fact));
    }
    if !failure.hints.is_empty() {
        answer.insert("hint".to_owned(), json!(bounded(&failure.hints.join("; "))));
    }
}

/// The members of `refused`: what could not be done for some of several tasks, with why.
pub(crate) fn refused(refused: &[(String, Failure)]) -> Value {
    let refused = refused.iter().map(|(id, failure)| {
        json!({"taskId": id, "id": id, "error": failure.sentence(), "code": failure.kind.word()})
    });
    refused.collect()
}

/// Adds the first of what was refused to the answer, if there is any: a reader that looks only for an
/// error finds it.
pub(crate) fn add_first(answer: &mut Value, refused: &[(String, Failure)]) {
    if let (Some((_, first)), Value::Object(answer)) = (refused.first(), answer) {
        add(answer, first);
    }
}

/// The same as [`refused`], a line each, for people.
pub(crate) fn refused_lines(refused: &[(String, Failure)]) -> String {
    let lines = refused.iter().map(|(id, failure)| {
        format!("{}: {}\n", terminal::harmless(id), terminal::harmless(&failure.sentence()))
    });
    lines.collect()
}

/// The failure for people: what is wrong, what caused it, what can be done.
pub(crate) fn words(failure: &Failure, error: Style, hint: Style) -> String {
    words_of_all(std::slice::from_ref(failure), error, hint)
}

/// Several failures for people: the first of them with their causes, a count of the others, and what can
/// be done, each thing once.
pub(crate) fn words_of_all(failures: &[Failure], error: Style, hint: Style) -> String {
    let (mut words, mut hints) = (String::new(), Vec::new());
    let first = &failures[..failures.len().min(MOST_WORDED)];
    for failure in first {
        words.push_str(&format!("{error}error{error:#}: {}\n", shown(&failure.message)));
        for cause in &failure.causes {
            words.push_str(&format!("{error}caused by{error:#}: {}\n", shown(cause)));
        }
        for what in &failure.hints {
            if !hints.contains(&what) {
                hints.push(what);
            }
        }
    }
    if failures.len() > first.len() {
        let rest = failures.len() - first.len();
        words
            .push_str(&format!("{error}error{error:#}: and {rest} more, which the answer names\n"));
    }
    if !hints.is_empty() {
        words.push('\n');
    }
    for what in hints {
        words.push_str(&format!("{hint}hint{hint:#}: {}\n", shown(what)));
    }
    words
}
