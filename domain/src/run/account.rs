//! What an agent's events add up to: the account that a supervisor keeps, and that any process can
//! rebuild from the event log.
//!
//! Events are given in the agent's own order. Nothing here reads or parses a stream.

use alloc::string::String;

use crate::task::progress::LAST_MESSAGE_LIMIT;
use crate::task::{Activity, Reason, SessionId, Timestamp, Usage, text};

/// The most bytes of an agent's final text kept in a record; the whole is in its event log.
pub const RESULT_LIMIT: usize = 1 << 20;

/// How many bytes an agent adds when it only repeats an error, such as `API Error: `.
const FRAME: usize = 40;

/// One thing an agent said about its own work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// It began to work, in this session.
    Began {
        /// The session, where it could be read.
        session: Option<SessionId>,
    },
    /// It said something.
    Said {
        /// What.
        text: String,
        /// When, by its own clock.
        at: Option<Timestamp>,
    },
    /// It called a tool.
    ToolCalled {
        /// The tool's name.
        tool: String,
    },
    /// A tool call returned, well or badly.
    ToolReturned,
    /// It, or the program that runs it, met an error.
    Failed {
        /// In its words.
        message: String,
        /// Whether the program itself reports it, and not the conversation with the model.
        fatal: bool,
        /// What kind of failure it is, where the agent's adapter knows the words.
        reason: Option<Reason>,
    },
    /// It is done, and this is its final text.
    Finished {
        /// The final text.
        text: String,
        /// What it used up.
        usage: Option<Usage>,
    },
    /// Anything else it said; it changes no account.
    Other,
}

/// What the events so far add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    activity: Activity,
    final_text: Option<String>,
    last_words: Option<String>,
    /// What it said before its last words, in case these turn out to be an error's.
    earlier_words: Option<String>,
    fatal: Option<Complaint>,
    trouble: Option<Complaint>,
    /// The error that it reported last, if it has said and done nothing else since.
    standing: Option<String>,
    /// Whether it said that it was done in the words of that error.
    gave_up: bool,
}

/// An error that an agent reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The error in the agent's words.
    pub words: String,
    /// What kind of failure it is, where the agent's adapter knows the words.
    pub reason: Option<Reason>,
}

impl Account {
    /// Adds one event to the account.
    pub fn note(&mut self, event: AgentEvent) {
        match event {
            AgentEvent::Began { session } => {
                if session.is_some() {
                    self.activity.session = session;
                }
            }
            AgentEvent::Said { text, at } => {
                self.activity.last_message =
                    Some(text::beginning(&text, LAST_MESSAGE_LIMIT).into());
                self.activity.last_message_at = at;
                if self.standing.as_deref().is_some_and(|error| repeats(&text, error)) {
                    return;
                }
                self.standing = None;
                if !text.trim().is_empty() {
                    self.earlier_words = self.last_words.take();
                    self.last_words = Some(text::at_most(text, RESULT_LIMIT));
                }
            }
            AgentEvent::ToolCalled { tool } => {
                self.standing = None;
                self.activity.tool_calls = self.activity.tool_calls.saturating_add(1);
                self.activity.tools_in_flight = self.activity.tools_in_flight.saturating_add(1);
                self.activity.last_tool = Some(text::beginning(&tool, LAST_MESSAGE_LIMIT).into());
            }
            AgentEvent::ToolReturned => {
                self.standing = None;
                self.activity.tools_in_flight = self.activity.tools_in_flight.saturating_sub(1);
            }
            AgentEvent::Failed { message, fatal, reason } => {
                if self.last_words.as_deref().is_some_and(|said| repeats(said, &message)) {
                    self.last_words = self.earlier_words.take();
                }
                let words = text::at_most(message, RESULT_LIMIT);
                self.standing = Some(words.clone());
                let kept = if fatal { &mut self.fatal } else { &mut self.trouble };
                *kept = Some(Complaint { words, reason });
            }
            AgentEvent::Finished { text, usage } => {
                self.gave_up = self.standing.as_deref().is_some_and(|error| repeats(&text, error));
                self.final_text = (!self.gave_up).then(|| text::at_most(text, RESULT_LIMIT));
                self.activity.tools_in_flight = 0;
                self.activity.usage = usage.or(self.activity.usage);
            }
            AgentEvent::Other => {}
        }
    }

    /// What the agent did.
    pub const fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Its answer, once it said that it is done: its final text or, where that is empty, what it said
    /// last. `None` also where the final text only repeats the error that came before.
    pub fn answer(&self) -> Option<&str> {
        let text = self.final_text.as_deref()?;
        if text.trim().is_empty() { self.last_words.as_deref().or(Some(text)) } else { Some(text) }
    }

    /// Whether it said that it was done, and only repeated the error that it had met.
    pub const fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// What it found, as far as is known: its answer, else what it said last. Never an error that it
    /// only repeated.
    pub fn findings(&self) -> Option<&str> {
        self.answer().or(self.last_words.as_deref())
    }

    /// The error its program ended with.
    pub const fn fatal(&self) -> Option<&Complaint> {
        self.fatal.as_ref()
    }

    /// The last error within its conversation, such as a model that refused.
    pub const fn trouble(&self) -> Option<&Complaint> {
        self.trouble.as_ref()
    }
}

/// Whether `text` is the words of `error` and hardly more, or a large part of them.
fn repeats(text: &str, error: &str) -> bool {
    let (text, error) = (text.trim(), error.trim());
    if text.is_empty() || error.is_empty() {
        return false;
    }
    let hardly_more = text.len() <= error.len() + FRAME && text.contains(error);
    let large_part = text.len() >= error.len().div_ceil(2) && error.contains(text);
    hardly_more || large_part
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn tool_calls_are_counted_and_the_open_ones_known() {
        let mut account = Account::default();
        account.note(AgentEvent::ToolCalled { tool: "Read".to_string() });
        account.note(AgentEvent::ToolCalled { tool: "Execute".to_string() });
        account.note(AgentEvent::ToolReturned);
        let activity = account.activity();
        assert_eq!((activity.tool_calls, activity.tools_in_flight), (2, 1));
        assert_eq!(activity.last_tool.as_deref(), Some("Execute"));
    }

    fn said(text: &str) -> AgentEvent {
        AgentEvent::Said { text: text.to_string(), at: None }
    }

    fn failed(message: &str) -> AgentEvent {
        AgentEvent::Failed { message: message.to_string(), fatal: false, reason: None }
    }

    fn finished(text: &str) -> AgentEvent {
        AgentEvent::Finished { text: text.to_string(), usage: None }
    }

    fn of(events: &[AgentEvent]) -> Account {
        let mut account = Account::default();
        for event in events {
            account.note(event.clone());
        }
        account
    }

    #[test]
    fn a_final_text_that_only_repeats_the_error_before_it_is_no_answer() {
        let error = failed("429 rate_limit_error");
        let echo = "API Error: 429 rate_limit_error";
        for events in [
            [said("half"), error.clone(), finished(echo)].to_vec(),
            [said("half"), error.clone(), said(echo), finished(echo)].to_vec(),
            [said("half"), said(echo), error.clone(), finished(echo)].to_vec(),
        ] {
            let account = of(&events);
            assert!(account.gave_up() && account.answer().is_none(), "{events:?}");
            assert_eq!(account.findings(), Some("half"), "{events:?}");
        }
        // An agent that worked on after the error may well speak of it, and a short answer may stand
        // in an error by chance.
        for (after, text) in [
            ([error.clone(), said("I go on")], echo),
            ([error.clone(), AgentEvent::ToolReturned], echo),
            ([failed("the token expired"), AgentEvent::Other], "ok"),
        ] {
            let account = of(&[after.to_vec(), [finished(text)].to_vec()].concat());
            assert_eq!(account.answer(), Some(text));
        }
    }

    #[test]
    fn what_was_said_last_is_the_answer_where_the_final_text_is_empty() {
        assert_eq!(of(&[said("found"), said(" "), finished("")]).answer(), Some("found"));
        assert_eq!(of(&[finished("")]).answer(), Some(""));
        assert_eq!(of(&[said("found")]).answer(), None);
    }

    #[test]
    fn findings_are_the_final_text_or_else_the_last_words() {
        let mut account = Account::default();
        assert_eq!(account.findings(), None);
        account.note(AgentEvent::Said { text: "half".to_string(), at: None });
        assert_eq!(account.findings(), Some("half"));
        account.note(AgentEvent::Finished { text: "whole".to_string(), usage: None });
        assert_eq!(account.findings(), Some("whole"));
    }
}
