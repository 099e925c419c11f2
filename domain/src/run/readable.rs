//! What a person reads of an agent: its messages as they come, errors, and its final answer last.
//!
//! Decides which words of an event are worth reading; writes nothing.

use alloc::format;
use alloc::string::String;

use super::account::{AgentEvent, RESULT_LIMIT};
use crate::task::text;

/// Turns an agent's events into the paragraphs that people read, without saying anything twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    last: String,
    /// The pieces of a message that goes on, as far as they are kept.
    pieces: String,
    /// How many bytes of it are not kept.
    missing: usize,
}

impl Readable {
    /// The paragraph for one event, if it has one; it ends with a line break.
    ///
    /// A message that comes in pieces is shown in one, with the first event of another kind; of a very long one
    /// the beginning.
    pub fn paragraph(&mut self, event: &AgentEvent) -> Option<String> {
        if let AgentEvent::SaidPart { text } = event {
            self.missing += match self.missing {
                0 => text::add_within(&mut self.pieces, text, RESULT_LIMIT),
                _ => text.len(),
            };
            return None;
        }
        if *event == AgentEvent::Other {
            return None;
        }
        let before = self.rest();
        let own = self.own_paragraph(event);
        match (before, own) {
            (Some(before), Some(own)) => Some(before + &own),
            (before, own) => before.or(own),
        }
    }

    /// The paragraph of a message that goes on, as far as it was said.
    pub fn rest(&mut self) -> Option<String> {
        let mut pieces = core::mem::take(&mut self.pieces);
        if self.missing > 0 {
            pieces.push_str(&text::more_bytes(core::mem::take(&mut self.missing)));
        }
        let shown = ended(&pieces);
        if shown.is_some() {
            self.last = pieces;
        }
        shown
    }

    fn own_paragraph(&mut self, event: &AgentEvent) -> Option<String> {
        match event {
            AgentEvent::Said { text, .. } => {
                self.last.clone_from(text);
                ended(text)
            }
            // Often the last message again, which has been shown already.
            AgentEvent::Finished { text, .. } => {
                let known = core::mem::take(&mut self.last);
                if *text == known { None } else { ended(text) }
            }
            // Some agents say a refusal twice, as a message and as an error.
            AgentEvent::Failed { message, .. } if *message == self.last => None,
            AgentEvent::Failed { message, .. } => ended(&format!("error: {message}")),
            AgentEvent::Refused { tool, words } if words.is_empty() => {
                ended(&format!("refused: {tool}"))
            }
            AgentEvent::Refused { tool, words } => ended(&format!("refused: {tool}: {words}")),
            AgentEvent::Retrying { message } => ended(&format!("retrying: {message}")),
            AgentEvent::Began { .. }
            | AgentEvent::SaidPart { .. }
            | AgentEvent::Used { .. }
            | AgentEvent::Done { .. }
            | AgentEvent::ToolCalled { .. }
            | AgentEvent::ToolReturned
            | AgentEvent::AtWork { .. }
            | AgentEvent::NotDone
            | AgentEvent::Unread
            | AgentEvent::Other => None,
        }
    }
}

/// The paragraphs that come after the last one that stands in `log`, where other words stand between
/// them. Of a log without any of them all are missing.
pub fn missing<'a>(log: &str, paragraphs: &'a [String]) -> &'a [String] {
    let (mut from, mut shown) = (0, 0);
    for (number, paragraph) in paragraphs.iter().enumerate() {
        let Some(rest) = log.get(from..) else { break };
        let mut found = rest.match_indices(paragraph.as_str());
        let whole = found.find(|(at, _)| *at == 0 || rest[..*at].ends_with('\n'));
        if let Some((at, _)) = whole {
            from += at + paragraph.len();
            shown = number + 1;
        }
    }
    paragraphs.get(shown..).unwrap_or_default()
}

fn ended(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| format!("{}\n", text.trim_end_matches('\n')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> AgentEvent {
        AgentEvent::Said { text: text.into(), at: None }
    }

    #[test]
    fn a_message_in_pieces_is_shown_whole_before_what_comes_next() {
        let mut readable = Readable::default();
        let piece = |text: &str| AgentEvent::SaidPart { text: text.into() };
        for event in [piece("I "), AgentEvent::Other, piece("look")] {
            assert_eq!(readable.paragraph(&event), None);
        }
        let refused = AgentEvent::Refused { tool: "Bash".into(), words: "no".into() };
        assert_eq!(readable.paragraph(&refused).as_deref(), Some("I look\nrefused: Bash: no\n"));
        assert_eq!(readable.paragraph(&piece("cut")), None);
        assert_eq!(readable.rest().as_deref(), Some("cut\n"));
        assert_eq!(readable.rest(), None);
    }

    fn finished(text: &str) -> AgentEvent {
        AgentEvent::Finished { text: text.into(), usage: None }
    }

    #[test]
    fn what_a_log_lacks_comes_after_the_last_paragraph_that_it_has() {
        let said = ["one\n", "two\n", "one\n", "three\n"].map(String::from);
        assert_eq!(missing("", &said), said);
        assert_eq!(missing("one\nnoise\ntwo\n", &said), &said[2..]);
        assert_eq!(missing("noise one\n", &said), said);
        assert_eq!(missing("two\none\nthree\nnoise", &said), [] as [String; 0]);
    }

    #[test]
    fn a_final_answer_that_was_just_said_is_not_said_again() {
        let mut readable = Readable::default();
        assert_eq!(readable.paragraph(&said("found\n\n")).as_deref(), Some("found\n"));
        assert_eq!(readable.paragraph(&finished("found\n\n")), None);
        assert_eq!(readable.paragraph(&finished("more")).as_deref(), Some("more\n"));
        assert_eq!(readable.paragraph(&said(" \n")), None);
    }
}
