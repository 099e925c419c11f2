//! The outer ring: what each verb does, as one free function a file.
//!
//! A function takes the [`World`] where it may look at and change whatever its tasks need, and single
//! ports where it needs no more; what it looks at may always need mending, so that whoever looks also
//! completes what somebody else began ([`admit`]). Nothing here prints, formats for people, or knows how
//! a port works.
//!
//! Once something was done, nothing returns early: what was done, and what could not be done after it,
//! are values of the receipt.

pub mod admit;
pub mod again;
pub mod cancel;
pub mod cleanup;
pub mod complete;
pub mod custody;
pub mod diff;
pub mod droids;
pub mod enqueue;
pub mod follow;
pub mod isolate;
pub mod launch;
pub mod launch_once;
pub mod list;
pub mod notify;
pub mod output;
pub mod prune;
pub mod reconcile;
pub mod repair;
pub mod resolve;
pub mod status;
pub mod stopping;
pub mod subagent_stop;
pub mod wait;

use crate::port::{
    Agents, Clock, Entropy, EventLog, Fault, Host, Kits, LifeLocks, OutputLog, Queue, StoreError,
    TaskStore,
};
use crate::task::TaskId;

/// Everything that tasks are kept, judged, started and stopped with.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// What is recorded of them.
    pub store: &'a dyn TaskStore,
    /// Who looks after them.
    pub locks: &'a dyn LifeLocks,
    /// What those need to start that wait.
    pub kits: &'a dyn Kits,
    /// Which of them wait, and how many may run.
    pub queue: &'a dyn Queue,
    /// The machine that runs them.
    pub host: &'a dyn Host,
    /// What each kind of agent is like.
    pub agents: &'a dyn Agents,
    /// What agents said of their own work.
    pub events: &'a dyn EventLog,
    /// What they wrote.
    pub logs: &'a dyn OutputLog,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Random bits.
    pub entropy: &'a dyn Entropy,
}

impl World<'_> {
    /// A name for a task, which no other has.
    pub fn mint(&self) -> TaskId {
        let [a, b, c, ..] = self.entropy.bytes();
        TaskId::mint(self.clock.now(), [a, b, c])
    }
}

/// Why a verb could not be carried out, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else outside failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Another machine runs the task, and it alone can judge and stop it.
    #[error("task {id} runs on {host}")]
    Elsewhere {
        /// Which.
        id: TaskId,
        /// The machine.
        host: alloc::string::String,
    },
    /// The task's supervisor lives and does not answer; its processes were stopped.
    #[error("the supervisor of task {id} does not answer: its end is not recorded yet")]
    Unanswered {
        /// Which.
        id: TaskId,
    },
    /// Somebody else holds the lock under which tasks are admitted.
    #[error("no queued task can be admitted: somebody else holds the lock of the queue")]
    QueueBusy,
}

#[cfg(test)]
mod tests;
