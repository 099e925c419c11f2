//! A model server that does as its prompt says, so that the real agents can be run without a login, a key or a network.
//!
//! It speaks as much of the Anthropic Messages API as `droid exec` and Claude Code use, and of the APIs of the other agents
//! (see [`apis`]), on loopback only. What it answers stands in
//! the prompt itself, as steering words (see [`plan`]); it holds no state between two requests, and it never thinks.
//!
//! Main types: [`plan::Plan`] (what a request asks for) and [`server::Server`] (the listening socket).

pub mod apis;
pub mod http;
pub mod plan;
pub mod server;
pub mod wire;
