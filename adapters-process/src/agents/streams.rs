//! The event streams that are known here, by the names of the agents that print them.
//!
//! An agent of somebody's own may print one of them.

use domain::run::AgentEvent;

use super::{claude, codex, droid, gemini, opencode};

/// Hands what one line says to whoever wants to know.
pub type Decode = fn(&[u8], &mut dyn FnMut(AgentEvent));

const STREAMS: [(&str, Decode); 5] = [
    (droid::NAME, droid::decode),
    (claude::NAME, claude::decode),
    (codex::NAME, codex::decode),
    (gemini::NAME, gemini::decode),
    (opencode::NAME, opencode::decode),
];

/// The stream of the agent `name`; `None` if none is known.
pub fn named(name: &str) -> Option<Decode> {
    STREAMS.iter().find(|(known, _)| *known == name).map(|(_, decode)| *decode)
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    STREAMS.iter().map(|(name, _)| *name)
}
