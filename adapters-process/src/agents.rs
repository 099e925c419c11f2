//! The agents: how an order becomes a command line, and what an agent's event stream says.
//!
//! Each agent has one file here, an adapter of the port [`domain::port::Agent`], and one line in the
//! [`registry`]. Nothing outside this folder asks which agent it has before it: whatever differs from
//! one agent to another is behind the port. Nothing in here starts a process.

mod api_failure;
pub mod claude;
pub mod codex;
pub mod command;
mod deep_line;
pub mod droid;
pub mod event_log;
pub mod event_stream;
pub mod gemini;
mod json_line;
mod long_line;
pub mod opencode;
pub mod own;
pub mod registry;
pub(crate) mod session_marks;
mod start;
pub mod streams;
mod tools;

#[cfg(test)]
pub(crate) mod tests;
