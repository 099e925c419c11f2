//! The outer ring: what each verb does, as one free function a file.
//!
//! A verb that may read and repair tasks takes the [`World`]; others take the ports that they need.
//! [`list`] and every admission ([`admit`]) also complete what a killed process left ([`repair`]).
//! Nothing here prints, formats for people, or knows how a port works.
//!
//! Once a verb has done something, it does not return early: what was done, and what could not be done
//! after it, are values of its receipt.

pub mod admit;
pub mod again;
pub mod arrive;
pub mod autopsy;
pub mod cancel;
pub mod cleanup;
pub mod complete;
pub mod custody;
pub mod diff;
pub mod droids;
pub mod enqueue;
pub mod follow;
pub mod isolate;
pub mod jobs;
pub mod launch;
pub mod launch_once;
pub mod left_behind;
pub mod list;
pub mod mirror;
mod never_started;
pub mod notify;
pub mod output;
pub mod prune;
pub mod reconcile;
pub mod release;
pub mod repair;
pub mod resolve;
pub mod runners;
pub mod ship;
pub mod status;
pub(crate) mod stop_jobs;
pub mod stopping;
pub mod subagent_stop;
pub mod wait;
pub mod waiting;

use crate::port::{
    Aftermath, Agents, Cause, Clock, Cluster, ClusterFailure, Entropy, EventLog, Fault, Host,
    JobFiles, Kits, LaunchFailure, LifeLocks, OutputLog, Queue, StoreError, StoreFailure,
    TaskStore,
};
use crate::task::{Task, TaskId};

/// The ports that tasks are kept, judged, started and stopped with.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The records of tasks.
    pub store: &'a dyn TaskStore,
    /// The life locks, which say whether a task has a supervisor.
    pub locks: &'a dyn LifeLocks,
    /// The environments and instructions that tasks start with.
    pub kits: &'a dyn Kits,
    /// Which tasks wait, and how many may run.
    pub queue: &'a dyn Queue,
    /// The machine that runs tasks.
    pub host: &'a dyn Host,
    /// The cluster that tasks may be handed over to.
    pub cluster: &'a dyn Cluster,
    /// What the hosts that share the store tell each other of such tasks.
    pub jobs: &'a dyn JobFiles,
    /// What each kind of agent is like.
    pub agents: &'a dyn Agents,
    /// What agents said of their own work.
    pub events: &'a dyn EventLog,
    /// What agents and commands wrote.
    pub logs: &'a dyn OutputLog,
    /// What is done when a task has ended.
    pub aftermath: &'a dyn Aftermath,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Random bits.
    pub entropy: &'a dyn Entropy,
}

impl World<'_> {
    /// Does what the order of a task wants done at its end, which has come and was told nobody. A task that another attempt
    /// follows has not come to its end.
    fn ended(&self, task: &Task) {
        if task.order().notify.is_some() && task.progress().retried_as.is_none() {
            self.aftermath.ended(task);
        }
    }

    /// A new id for a task.
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
    /// Another machine runs the task, and that machine alone can judge and stop the task.
    #[error("task {id} runs on {host}")]
    Elsewhere {
        /// Which.
        id: TaskId,
        /// The machine.
        host: alloc::string::String,
    },
    /// The agent of the task was started from another store, of which this one is a copy, and works.
    #[error(
        "task {id}, of which processes live, was started from another store than this one: from the one in `{store}`, as that was then"
    )]
    Copied {
        /// Which.
        id: TaskId,
        /// The folder of that store.
        store: alloc::string::String,
    },
    /// The task's supervisor, or whoever else holds its life lock, does not answer; its processes were stopped.
    #[error("{} does not answer: its end is not recorded yet", keeper(.id, .holder))]
    Unanswered {
        /// Which.
        id: TaskId,
        /// Who holds its life lock; empty where that is not known.
        holder: alloc::string::String,
    },
    /// The node of a cluster's task does not answer, so that nobody can stop the task now.
    #[error(
        "task {id} cannot be stopped now: its node `{node}` does not answer, and its agent may work on"
    )]
    AtNode {
        /// Which.
        id: TaskId,
        /// The node.
        node: alloc::string::String,
    },
    /// A cluster was told to end the job of a task, and has not done so yet.
    #[error(
        "task {id} has not ended yet: neither its supervisor nor Slurm, which was told to end its job, has said so"
    )]
    NotYet {
        /// Which.
        id: TaskId,
    },
    /// The processes of the task were stopped, and nothing could be recorded of it.
    #[error("task {id} was stopped, which could not be recorded")]
    Unrecorded {
        /// Which.
        id: TaskId,
        /// Why not.
        #[source]
        error: StoreError,
    },
    /// No process could be had for the task, which waits for the next who admits.
    #[error("task {id} cannot start now, and waits")]
    NotAdmitted {
        /// Which.
        id: TaskId,
        /// Why not.
        #[source]
        failure: LaunchFailure,
    },
    /// A cluster did not do what it was asked, of which nothing follows for the task.
    #[error("task {id}: {failure}")]
    AtCluster {
        /// Which.
        id: TaskId,
        /// Why not.
        failure: ClusterFailure,
    },
    /// A task has ended before it started, and the cluster was not reached to take its job away, which starts nothing.
    #[error(
        "task {id} has ended, and its job may stay in the queue of the cluster, where it will start nothing: {failure}"
    )]
    JobLeft {
        /// Which.
        id: TaskId,
        /// Why the job was not taken away.
        failure: ClusterFailure,
    },
    /// Another process held the gate for too long.
    #[error("no queued task can be admitted: {} holds the lock of the queue", who(.holder))]
    QueueBusy {
        /// Who; empty where that is not known.
        holder: alloc::string::String,
    },
}

impl Trouble {
    /// That nobody recorded the end of a task in time, with who holds its life lock.
    pub(crate) fn unanswered(world: World<'_>, id: &TaskId) -> Self {
        Self::Unanswered { id: id.clone(), holder: world.locks.holder(id) }
    }

    /// Whether this failed only because nothing can be written to the store.
    pub(crate) fn is_of_read_only_store(&self) -> bool {
        match self {
            Self::Store(error) | Self::Unrecorded { error, .. } => {
                matches!(error, StoreError::Failed { failure: StoreFailure::ReadOnly(_), .. })
            }
            Self::Fault(fault) => fault.cause == Cause::ReadOnly,
            Self::Elsewhere { .. }
            | Self::Copied { .. }
            | Self::Unanswered { .. }
            | Self::NotAdmitted { .. }
            | Self::AtCluster { .. }
            | Self::AtNode { .. }
            | Self::NotYet { .. }
            | Self::JobLeft { .. }
            | Self::QueueBusy { .. } => false,
        }
    }
}

/// Who is to record the end of a task, by who holds its life lock.
fn keeper(id: &TaskId, holder: &str) -> alloc::string::String {
    if holder.is_empty() {
        return alloc::format!("the supervisor of task {id}");
    }
    alloc::format!("{holder} holds the life lock of task {id} and")
}

fn who(holder: &str) -> &str {
    if holder.is_empty() { "somebody else" } else { holder }
}

#[cfg(test)]
mod tests;
