//! The agents: how an order becomes a command line, and what an agent's stream says.

pub mod command_line;
pub mod droid_stream;
pub mod event_log;
pub mod event_stream;
