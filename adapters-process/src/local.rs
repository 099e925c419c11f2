//! Processes of this machine: how a supervisor is started, what it does, and how a task is ended.

pub mod identity;
pub mod launcher;
pub mod program;
pub mod supervisor;
pub mod system_processes;
pub mod termination;
pub mod tree;
