//! The outer ring: what each verb does, as one free function a file.
//!
//! A function's arguments are its permissions: `prune` cannot launch anything, because it is given
//! nothing that launches. Nothing here prints, formats for people, or knows how a port works.

pub mod admit;
pub mod again;
pub mod cancel;
pub mod cleanup;
pub mod complete;
pub mod diff;
pub mod droids;
mod end;
pub mod isolate;
pub mod launch;
pub mod launch_once;
pub mod list;
pub mod notify;
pub mod output;
pub mod prune;
pub mod reconcile;
pub mod resolve;
pub mod status;
pub mod stopping;
pub mod subagent_stop;
pub mod wait;

use crate::port::{Agents, EventLog, Fault, LifeLocks, OutputLog, Processes, StoreError};

/// Everything that can be asked about a task besides its record.
#[derive(Clone, Copy)]
pub struct Witnesses<'a> {
    /// Who holds its life lock.
    pub locks: &'a dyn LifeLocks,
    /// Which of its processes live.
    pub processes: &'a dyn Processes,
    /// What its agent's words mean.
    pub agents: &'a dyn Agents,
    /// What its agent said of its own work.
    pub events: &'a dyn EventLog,
    /// What it wrote.
    pub logs: &'a dyn OutputLog,
}

/// Why a verb could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else outside failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}
