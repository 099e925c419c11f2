//! One line of a transcript: whether an assistant speaks in it, and what it says.
//!
//! Knows both shapes, the plain `{"role":..,"content":..}` and droid's
//! `{"type":"message","message":{"role":..,"content":..}}`. A line that is neither says nothing.

use std::borrow::Cow;

use domain::task::text::without_lone_surrogates;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How context that droid slips in begins and ends.
const REMINDER: (&str, &str) = ("<system-reminder>", "</system-reminder>");
/// Who must see a line for it not to count: it is no part of the conversation.
const ASIDE: [&str; 2] = ["user_only", "llm_only"];

/// A line, or the message in it. Each value is looked at only when it is needed, so that a strange
/// one elsewhere in the line does not hide what was said.
#[derive(Deserialize)]
struct Speech<'a> {
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
    if !line.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let line = without_lone_surrogates(line);
    let line: Speech<'_> = serde_json::from_slice(&line).ok()?;
    let inner: Option<Speech<'_>> =
        line.message.and_then(|message| serde_json::from_str(message.get()).ok());
    let aside =
        |speech: &Speech<'_>| text(speech.visibility).is_some_and(|who| ASIDE.contains(&&*who));
    if aside(&line) || inner.as_ref().is_some_and(aside) {
        return None;
    }
    let speech = if line.role.is_some() { line } else { inner? };
    if text(speech.role)? != "assistant" {
        return None;
    }
    words(speech.content?)
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

    // Words that droid cut between the two halves of a character were passed over, and the ones before
    // them taken for the last.
    #[test]
    fn half_a_character_does_not_cost_the_words() {
        let line = r#"{"role":"assistant","content":[{"type":"text","text":"the answer \ud83d"}]}"#;
        assert_eq!(said(line).as_deref(), Some("the answer \u{fffd}"));
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
