//! What an agent's events add up to: the account that a supervisor keeps, and that any process can
//! rebuild from the event log.
//!
//! Events are given in the agent's own order. Nothing here reads or parses a stream.

use alloc::string::String;

use crate::task::progress::LAST_MESSAGE_LIMIT;
use crate::task::{Activity, Reason, SessionId, Timestamp, Usage, text};

/// The most bytes of an agent's final text kept in a record; the whole is in its event log.
pub const RESULT_LIMIT: usize = 1 << 20;

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
    fatal: Option<Complaint>,
    trouble: Option<Complaint>,
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
                self.last_words = Some(text::at_most(text, RESULT_LIMIT));
            }
            AgentEvent::ToolCalled { tool } => {
                self.activity.tool_calls = self.activity.tool_calls.saturating_add(1);
                self.activity.tools_in_flight = self.activity.tools_in_flight.saturating_add(1);
                self.activity.last_tool = Some(text::beginning(&tool, LAST_MESSAGE_LIMIT).into());
            }
            AgentEvent::ToolReturned => {
                self.activity.tools_in_flight = self.activity.tools_in_flight.saturating_sub(1);
            }
            AgentEvent::Failed { message, fatal, reason } => {
                let kept = if fatal { &mut self.fatal } else { &mut self.trouble };
                *kept = Some(Complaint { words: text::at_most(message, RESULT_LIMIT), reason });
            }
            AgentEvent::Finished { text, usage } => {
                self.final_text = Some(text::at_most(text, RESULT_LIMIT));
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

    /// Its final text, once it said that it is done.
    pub fn final_text(&self) -> Option<&str> {
        self.final_text.as_deref()
    }

    /// What it found, as far as is known: its final text, else what it said last.
    pub fn findings(&self) -> Option<&str> {
        self.final_text.as_deref().or(self.last_words.as_deref())
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
