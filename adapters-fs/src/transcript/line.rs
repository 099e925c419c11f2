//! One line of a transcript: whether an assistant speaks in it, and what it says.
//!
//! Knows both shapes, the plain `{"role":..,"content":..}` and droid's
//! `{"type":"message","message":{"role":..,"content":..}}`. A line that is neither says nothing.

use std::borrow::Cow;

use domain::task::text::readable;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::closed::closed;

/// How context that droid slips in begins and ends.
const REMINDER: (&str, &str) = ("<system-reminder>", "</system-reminder>");
/// Who speaks in the lines that count.
const ASSISTANT: &str = "assistant";
/// How the escape of a letter begins; a 6 or a 7 goes on.
const LETTER: &[u8] = b"\\u00";
/// Who must see a line for it not to count: it is no part of the conversation.
const ASIDE: [&str; 2] = ["user_only", "llm_only"];

/// What is known of a line of which only the beginning is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// The assistant says something in it; this is how that begins.
    Saying(String),
    /// It is no line in which the assistant says something.
    Otherwise,
    /// The assistant may say something in it, after what is held.
    Unknown,
}

/// A line, or the message in it. Each value is looked at only when it is needed, so that a strange
/// one elsewhere in the line does not hide what was said.
#[derive(Deserialize)]
struct Speech<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    role: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    visibility: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// A part of a message.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    text: String,
}

/// What the assistant says in `line`, if it is a line in which one says something.
pub(super) fn assistant_words(line: &[u8]) -> Option<String> {
    // A list would do for a struct, too.
    if !line.trim_ascii_start().starts_with(b"{") || !names_an_assistant(line) {
        return None;
    }
    let line = readable(line);
    let line: Speech<'_> = serde_json::from_slice(&line).ok()?;
    let inner = line.inner();
    if line.is_aside() || inner.as_ref().is_some_and(Speech::is_aside) {
        return None;
    }
    let speech = if line.role.is_some() { line } else { inner? };
    if text(speech.role)? != ASSISTANT {
        return None;
    }
    words(speech.content?)
}

/// What is known of a line that begins with `held`.
pub(super) fn begun(held: &[u8]) -> Begun {
    if !held.trim_ascii_start().starts_with(b"{") {
        return Begun::Otherwise;
    }
    let line = closed(held);
    if let Some(words) = assistant_words(&line) {
        return Begun::Saying(words);
    }
    let line = readable(&line);
    let Ok(line) = serde_json::from_slice::<Speech<'_>>(&line) else { return Begun::Otherwise };
    let inner = line.inner();
    let speaks = |speech: &Speech<'_>| match text(speech.role) {
        Some(role) => role == ASSISTANT && !speech.is_aside(),
        None => text(speech.kind).is_none_or(|kind| kind == "message"),
    };
    if speaks(&line) && inner.as_ref().is_none_or(speaks) {
        Begun::Unknown
    } else {
        Begun::Otherwise
    }
}

/// Whether a text in `line` may read `assistant`. Most lines of a long transcript hold what tools found, and
/// to search them costs a tenth of reading them as JSON.
fn names_an_assistant(line: &[u8]) -> bool {
    // A letter may be written as an escape, though nobody is known to do so.
    let is_letter = |at: usize| matches!(line.get(at + LETTER.len()), Some(b'6' | b'7'));
    memmem::find(line, ASSISTANT.as_bytes()).is_some()
        || memmem::find_iter(line, LETTER).any(is_letter)
}

impl<'a> Speech<'a> {
    fn inner(&self) -> Option<Speech<'a>> {
        self.message.and_then(|message| serde_json::from_str(message.get()).ok())
    }

    fn is_aside(&self) -> bool {
        text(self.visibility).is_some_and(|who| ASIDE.contains(&&*who))
    }
}

fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    serde_json::from_str(value?.get()).ok()
}

/// The texts of a message's content, which is one text or a list of blocks.
fn words(content: &RawValue) -> Option<String> {
    if let Ok(whole) = serde_json::from_str::<String>(content.get()) {
        return Some(whole).filter(|whole| says_something(whole));
    }
    let blocks: Vec<&RawValue> = serde_json::from_str(content.get()).ok()?;
    let texts: Vec<String> = blocks
        .into_iter()
        .filter_map(|block| serde_json::from_str::<Block<'_>>(block.get()).ok())
        .filter(|block| block.kind == "text" && says_something(&block.text))
        .map(|block| block.text)
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Whether there is anything in `text` but blanks and context that droid slipped in.
fn says_something(text: &str) -> bool {
    let mut rest = text.trim();
    while let Some(reminder) = rest.strip_prefix(REMINDER.0) {
        rest = reminder.split_once(REMINDER.1).map_or("", |(_, after)| after.trim_start());
    }
    !rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<String> {
        assistant_words(line.as_bytes())
    }

    #[test]
    fn both_shapes_and_both_kinds_of_content_are_understood() {
        let plain = r#"{"role":"assistant","content":"hi"}"#;
        let blocks = r#"{"role":"assistant","content":[{"type":"text","text":"hi"}]}"#;
        let droids = r#"{"type":"message","id":"x","message":{"role":"assistant","content":"hi"}}"#;
        for line in [plain, blocks, droids] {
            assert_eq!(said(line).as_deref(), Some("hi"), "{line}");
        }
    }

    #[test]
    fn text_blocks_are_joined_and_other_blocks_ignored() {
        let line = r#"{"type":"message","message":{"role":"assistant","content":[
            {"type":"thinking","text":"hm"},{"type":"text","text":"one"},
            {"type":"tool_use","name":"Read","input":{}},{"type":"text","text":"two"},7]}}"#;
        assert_eq!(said(line).as_deref(), Some("one\ntwo"));
    }

    #[test]
    fn a_role_may_be_written_with_escapes() {
        let line = r#"{"role":"\u0061ssis\u0074ant","content":"hi"}"#;
        assert_eq!(said(line).as_deref(), Some("hi"));
        assert_eq!(said(r#"{"role":"user","content":"\u001b[0m \u0041"}"#), None);
    }

    // Words that droid cut between the two halves of a character were passed over, and the ones before
    // them taken for the last.
    #[test]
    fn half_a_character_does_not_cost_the_words() {
        let line = r#"{"role":"assistant","content":[{"type":"text","text":"the answer \ud83d"}]}"#;
        assert_eq!(said(line).as_deref(), Some("the answer \u{fffd}"));
    }

    // Half an emoji as bytes, which a program leaves that cuts a text by its bytes, hid the line as well.
    #[test]
    fn bytes_that_are_no_character_do_not_cost_the_words_either() {
        let line = b"{\"role\":\"assistant\",\"content\":\"cut \xf0\x9f here\"}";
        assert_eq!(assistant_words(line).as_deref(), Some("cut \u{fffd} here"));
    }

    #[test]
    fn of_a_line_that_is_cut_off_it_is_known_who_speaks_and_how_it_begins() {
        let saying = |words: &str| Begun::Saying(words.to_owned());
        for (held, known) in [
            (
                r#"{"type":"message","message":{"role":"assistant","content":"so it i"#,
                saying("so it i"),
            ),
            (
                r#"{"role":"assistant","content":[{"type":"text","text":"one"},{"type":"te"#,
                saying("one"),
            ),
            (r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm"#, Begun::Unknown),
            (r#"{"content":"who says thi"#, Begun::Unknown),
            (r#"{"type":"message","id":"x","message":{"id":"y"#, Begun::Unknown),
            (
                r#"{"type":"message","message":{"role":"user","content":[{"type":"tool_r"#,
                Begun::Otherwise,
            ),
            (r#"{"role":"assistant","visibility":"user_only","content":"x"#, Begun::Otherwise),
            (r#"{"type":"snapshot","files":{"a":"x"#, Begun::Otherwise),
            ("xxxx", Begun::Otherwise),
        ] {
            assert_eq!(begun(held.as_bytes()), known, "{held}");
        }
    }

    #[test]
    fn nobody_but_an_assistant_is_heard() {
        for line in [
            r#"{"role":"user","content":"hi"}"#,
            r#"{"type":"message","message":{"role":"user","content":"hi"}}"#,
            r#"{"type":"session_start","title":"assistant"}"#,
            r#"{"role":"assistant","content":[{"type":"tool_use"}]}"#,
            r#"{"role":"assistant","content":" \n"}"#,
            r#"{"role":"assistant","content":null}"#,
            r#"{"role":["assistant"],"content":"hi"}"#,
            r#"["assistant","hi",null,null]"#,
            "",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }

    #[test]
    fn asides_and_reminders_are_no_words() {
        for line in [
            r#"{"role":"assistant","content":"hi","visibility":"user_only"}"#,
            r#"{"type":"message","message":{"role":"assistant","content":"hi","visibility":"llm_only"}}"#,
            r#"{"type":"message","visibility":"llm_only","message":{"role":"assistant","content":"hi"}}"#,
            r#"{"role":"assistant","content":"<system-reminder>a</system-reminder> <system-reminder>b"}"#,
        ] {
            assert_eq!(said(line), None, "{line}");
        }
        let mixed = r#"{"role":"assistant","content":"<system-reminder>a</system-reminder> done"}"#;
        assert_eq!(said(mixed).as_deref(), Some("<system-reminder>a</system-reminder> done"));
    }
}
