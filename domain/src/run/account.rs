//! What an agent's events add up to: the account that a supervisor keeps, and that any process can
//! rebuild from the event log.
//!
//! Events are given in the agent's own order. Nothing here reads or parses a stream.

use alloc::format;
use alloc::string::String;

use crate::task::progress::{LAST_MESSAGE_LIMIT, MOST_REFUSED, REFUSAL_LIMIT};
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
    /// It said the next piece of a message that goes on until it does something else.
    SaidPart {
        /// The piece.
        text: String,
    },
    /// It called a tool.
    ToolCalled {
        /// The tool's name.
        tool: String,
    },
    /// A tool call returned, well or badly.
    ToolReturned,
    /// It was not allowed to use a tool, and went on without.
    Refused {
        /// The tool's name.
        tool: String,
        /// Why, in the agent's words; empty where it only says that it was refused.
        words: String,
    },
    /// Its model did not answer, and it tries again by itself.
    Retrying {
        /// Why, and how often it has tried, in the agent's words.
        message: String,
    },
    /// It used up this much, besides what it used up before.
    Used {
        /// How much.
        usage: Usage,
    },
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
    /// It is done, and what it said last is its final text.
    Done {
        /// What it used up in all; absent where it says so step by step.
        usage: Option<Usage>,
    },
    /// This many things that it started in the background are at work, and it is not done before they are.
    AtWork {
        /// How many.
        count: usize,
    },
    /// It was not done when it said so: it has more to do, or what it waited for was stopped.
    NotDone,
    /// A line of its stream that looks like an event cannot be read, so what it said of its end may not be the
    /// last word.
    Unread,
    /// Anything else it said; it changes no account.
    Other,
}

/// Why what an agent said of its end does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reopened {
    /// It was not done.
    NotDone,
    /// The last event of its stream cannot be read.
    Unread,
}

/// What the events so far add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    activity: Activity,
    final_text: Option<String>,
    last_words: Option<String>,
    /// What it said before its last words, in case these turn out to be an error's.
    earlier_words: Option<String>,
    /// Whether the next piece of a message belongs to the last words.
    unfinished: bool,
    /// How many bytes of the last words, as far as they came in pieces, were too many to keep.
    missing: usize,
    /// Why what it said of its end does not count, if it does not.
    reopened: Option<Reopened>,
    /// How many things that it started in the background are at work.
    at_work: usize,
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
        let goes_on = matches!(event, AgentEvent::SaidPart { .. });
        if !goes_on && event != AgentEvent::Other {
            self.end_pieces();
        }
        match event {
            AgentEvent::Began { session } => {
                // Some agents begin anew, when what they started in the background has ended: what
                // they were done with, or failed with, before was not the end.
                if self.final_text.take().is_some() || self.reopened.is_some() {
                    self.reopened = Some(Reopened::NotDone);
                }
                self.fatal = None;
                self.go_on();
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
                self.go_on();
                if !text.trim().is_empty() {
                    self.earlier_words = self.last_words.take();
                    self.last_words = Some(text::at_most(text, RESULT_LIMIT));
                }
            }
            AgentEvent::SaidPart { text } => {
                self.go_on();
                if !self.unfinished {
                    self.earlier_words = self.last_words.take();
                }
                let words = self.last_words.get_or_insert_default();
                self.missing += match self.missing {
                    0 => text::add_within(words, &text, RESULT_LIMIT),
                    _ => text.len(),
                };
                self.activity.last_message =
                    Some(text::beginning(words, LAST_MESSAGE_LIMIT).into());
                self.activity.last_message_at = None;
            }
            AgentEvent::ToolCalled { tool } => {
                self.go_on();
                self.activity.tool_calls = self.activity.tool_calls.saturating_add(1);
                self.activity.tools_in_flight = self.activity.tools_in_flight.saturating_add(1);
                self.activity.last_tool = Some(text::beginning(&tool, LAST_MESSAGE_LIMIT).into());
            }
            AgentEvent::ToolReturned => {
                self.standing = None;
                self.activity.tools_in_flight = self.activity.tools_in_flight.saturating_sub(1);
            }
            AgentEvent::Refused { tool, words } => self.refuse(&tool, &words),
            AgentEvent::Retrying { message } => {
                self.activity.last_message =
                    Some(text::beginning(&message, LAST_MESSAGE_LIMIT).into());
                self.activity.last_message_at = None;
            }
            AgentEvent::Used { usage } => {
                self.activity.usage = Some(self.activity.usage.unwrap_or_default().plus(usage));
            }
            AgentEvent::Failed { message, fatal, reason } => {
                if fatal {
                    self.final_text = None;
                }
                if self.last_words.as_deref().is_some_and(|said| repeats(said, &message)) {
                    self.last_words = self.earlier_words.take();
                }
                let words = text::at_most(message, RESULT_LIMIT);
                self.standing = Some(words.clone());
                let kept = if fatal { &mut self.fatal } else { &mut self.trouble };
                *kept = Some(Complaint { words, reason });
            }
            AgentEvent::Finished { text, usage } => {
                // With nothing to say after an error, it is not done either.
                let is_error = |error: &str| text.trim().is_empty() || repeats(&text, error);
                self.gave_up = self.standing.as_deref().is_some_and(is_error);
                self.final_text = (!self.gave_up).then(|| text::at_most(text, RESULT_LIMIT));
                self.reopened = None;
                self.activity.tools_in_flight = 0;
                self.activity.usage = usage.or(self.activity.usage);
            }
            AgentEvent::Done { usage } => {
                let words = self.last_words.as_deref().unwrap_or_default();
                self.final_text = Some(words.trim_end().into());
                self.reopened = None;
                self.activity.tools_in_flight = 0;
                self.activity.usage = usage.or(self.activity.usage);
            }
            AgentEvent::AtWork { count } => self.at_work = count,
            AgentEvent::NotDone if self.final_text.is_none() => {}
            AgentEvent::NotDone => self.reopened = Some(Reopened::NotDone),
            AgentEvent::Unread => self.reopened = Some(Reopened::Unread),
            AgentEvent::Other => return,
        }
        self.unfinished = goes_on;
    }

    /// Says at the end of the last words how much of them was not kept, as far as they came in pieces.
    fn end_pieces(&mut self) {
        if let (1.., Some(words)) = (self.missing, &mut self.last_words) {
            words.push_str(&text::more_bytes(self.missing));
        }
        self.missing = 0;
    }

    /// Notes that its model has answered after whatever went wrong before: an error that it got over does
    /// not say how it ends.
    fn go_on(&mut self) {
        self.standing = None;
        if let Some(trouble) = &mut self.trouble {
            trouble.reason = None;
        }
    }

    /// Remembers that a tool was refused, once for each tool and reason.
    fn refuse(&mut self, tool: &str, words: &str) {
        let refused = &mut self.activity.refused;
        let known = if words.is_empty() {
            refused.iter().any(|known| known.split(": ").next() == Some(tool))
        } else {
            false
        };
        let entry = if words.is_empty() { tool.into() } else { format!("{tool}: {words}") };
        let entry = text::beginning(&entry, REFUSAL_LIMIT).into();
        if !known && !refused.contains(&entry) && refused.len() < MOST_REFUSED {
            refused.push(entry);
        }
    }

    /// What the agent did.
    pub const fn activity(&self) -> &Activity {
        &self.activity
    }

    /// Its answer, once it said that it is done: its final text or, where that is empty, what it said
    /// last. `None` also where the final text only repeats the error that came before, and where it turned out that
    /// it was not done.
    pub fn answer(&self) -> Option<&str> {
        if self.reopened().is_some() {
            return None;
        }
        let text = self.final_text.as_deref()?;
        if text.trim().is_empty() { self.last_words.as_deref().or(Some(text)) } else { Some(text) }
    }

    /// Why what it said of its end does not count, if it said so and it does not. Something that it started in the
    /// background and that is at work yet is a reason.
    pub fn reopened(&self) -> Option<Reopened> {
        let waits = self.at_work > 0 && self.final_text.is_some();
        self.reopened.or_else(|| waits.then_some(Reopened::NotDone))
    }

    /// Whether it has done anything in its event stream but report errors.
    pub fn has_begun(&self) -> bool {
        let Activity { session, last_message, tool_calls, .. } = &self.activity;
        session.is_some() || last_message.is_some() || *tool_calls > 0
    }

    /// Whether it said that it was done, and only repeated the error that it had met.
    pub const fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// What it found, as far as is known: its answer, else what it said last. Never an error that it
    /// only repeated.
    pub fn findings(&self) -> Option<&str> {
        let taken_back = self.final_text.as_deref().filter(|text| !text.trim().is_empty());
        let words = self.last_words.as_deref().map(str::trim_end);
        self.answer().or(taken_back).or(words)
    }

    /// The error its program ended with.
    pub const fn fatal(&self) -> Option<&Complaint> {
        self.fatal.as_ref()
    }

    /// The last error within its conversation, such as a model that refused. Its kind is forgotten once the
    /// agent has gone on.
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
mod tests;
