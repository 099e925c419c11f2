//! What a hook says to the agent, in the form that the event wants it.
//!
//! The forms are those that droid and Claude Code both read: plain text where a session begins,
//! `additionalContext` while it is at work, a `block` where it is about to stop.

use serde_json::json;

/// In which form an event takes words for the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Standard output as it is.
    Plain,
    /// Words beside what the agent is told anyway, by this event.
    Context(String),
    /// The reason why the agent goes on for one more turn.
    Block,
}

impl Form {
    /// What to print so that the agent is told `message`.
    pub(crate) fn render(self, message: &str) -> String {
        match self {
            Self::Plain => message.to_owned(),
            Self::Context(event) => {
                let told = json!({"hookEventName": event, "additionalContext": message});
                json!({"hookSpecificOutput": told}).to_string()
            }
            Self::Block => json!({"decision": "block", "reason": message}).to_string(),
        }
    }
}
