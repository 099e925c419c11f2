//! This machine as a host: how a supervisor is started, what it does, and how a task's processes are ended.
//!
//! [`host`] is the port's adapter. Nothing here knows what an agent is called, or builds a path of the
//! store.

pub mod ancestry;
mod freezing;
pub mod group;
pub(crate) mod handshake;
pub mod host;
pub mod identity;
mod notifying;
pub mod open_logs;
mod proc_file;
pub mod program;
pub mod supervisor;
pub mod supervisors;
pub mod termination;
pub(crate) mod time_namespace;
pub mod tree;
