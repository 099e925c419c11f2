//! `task-bg mcp`: a server of the Model Context Protocol on standard input and output, for agents that call tools.
//!
//! A tool is an inbound adapter like a verb, over the same use cases: `tool` has the table of them, one file each.
//! `server` reads requests and gives each call a thread; `message` and `protocol` know the wire, `group` which answers go
//! out together, `outlet` writes them.
//! The server keeps nothing that a restart would lose (`told` says what little it does keep), and ends when its client
//! does. No task ends with it.

mod arguments;
mod call;
mod group;
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
