//! `task-bg mcp`: a server of the Model Context Protocol on standard input and output, for agents that call tools.
//!
//! A tool is an inbound adapter like a verb, over the same use cases: `tool` has the table of them, one file each.
//! `server` reads requests and gives each call a thread; `message` and `protocol` know the wire, `outlet` writes to it.
//! The server keeps nothing that a restart would lose, and ends when its client does. No task ends with it.

mod arguments;
mod call;
mod input;
mod message;
mod open_wait;
mod outlet;
mod protocol;
mod server;
mod told;
mod tool;
mod words;

pub(crate) use server::serve;
