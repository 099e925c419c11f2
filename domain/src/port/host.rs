//! A machine that runs tasks: it starts supervisors, knows which processes live, and ends them.
//!
//! A host reads and writes no record. A launch takes two steps, so that the task is recorded and its
//! life lock held before there is a process: the caller claims the lock ([`super::LifeLocks::claim`])
//! and hands it to [`Host::start`].

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;

use super::Fault;
use super::cluster::ClusterFailure;
use super::kits::Environment;
use super::life_locks::Claim;
use crate::task::{ProcessId, Task, TaskId, Timestamp};

/// A machine that runs tasks.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait Host: Send + Sync {
    /// The name by which records tell machines apart.
    fn name(&self) -> &str;

    /// What tells the store that this process works over apart from every other on this machine, copies of it included;
    /// `None` if that cannot be told.
    fn store(&self) -> Option<String>;

    /// Starts the supervisor of a recorded task with this environment, and hands over the life lock.
    ///
    /// MUST NOT return before the supervisor has left the caller's process group and session, so that a
    /// signal to these does not end it. MUST NOT let the supervisor inherit any other descriptor of the
    /// caller.
    ///
    /// # Errors
    /// [`LaunchFailure`] if there is no supervisor, or, where `until` asks for that, no agent process. The
    /// lock is free then.
    async fn start(
        &self,
        claim: Box<dyn Claim>,
        environment: &Environment,
        until: Until,
    ) -> Result<(), LaunchFailure>;

    /// Starts another supervisor for a task whose supervisor is gone while its agent works, with the environment of this
    /// process, and hands over the life lock. Returns once the task is taken over.
    ///
    /// MUST hold to the same as [`Host::start`], and MUST NOT start an agent.
    ///
    /// # Errors
    /// [`LaunchFailure`] if there is no supervisor. The lock is free then.
    async fn adopt(&self, claim: Box<dyn Claim>) -> Result<(), LaunchFailure>;

    /// Arranges that queued tasks are admitted at this moment, even if no other command runs then.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be arranged; the next admission after that moment then starts the task.
    async fn remind(&self, at: Timestamp) -> Result<(), Fault>;

    /// Whether this very process lives. MUST say no for a zombie, for another process that was given the
    /// same number, and for one of an earlier boot.
    async fn lives(&self, process: &ProcessId) -> bool;

    /// The same, and whether somebody stopped it with a signal, so that it does nothing until it is continued. One look.
    async fn life(&self, process: &ProcessId) -> Life;

    /// Whether the process is one of the boot the machine is in now; true where that cannot be told.
    async fn is_of_this_boot(&self, process: &ProcessId) -> bool;

    /// Asks a supervisor to read the record of its task, and to do what the record says. MUST NOT
    /// signal any other process, and MUST do no harm to a supervisor that looks anyway.
    ///
    /// # Errors
    /// [`Fault`] if the signal cannot be sent to a supervisor that lives.
    async fn ask_to_look(&self, supervisor: &ProcessId) -> Result<(), Fault>;

    /// Asks a supervisor to cancel its task whatever the record says, for a store that cannot record an
    /// intent. MUST NOT signal any other process.
    ///
    /// # Errors
    /// [`Fault`] if the signal cannot be sent to a supervisor that lives.
    async fn ask_to_stop(&self, supervisor: &ProcessId) -> Result<(), Fault>;

    /// Ends the agents' process groups and all other processes of these tasks, all tasks side by side:
    /// SIGTERM, the grace, SIGKILL. Returns what is left.
    ///
    /// MUST reach descendants in other sessions, those whose parents are gone, and processes that replace
    /// themselves meanwhile. MUST spare what belongs to another task, and every process that has only the
    /// number of one that is known.
    async fn stop(&self, tasks: &[Doomed], grace: Duration) -> Survivors;

    /// The living processes of the task.
    ///
    /// MUST find what [`Host::stop`] would end.
    async fn of_task(&self, task: &Doomed) -> Vec<ProcessId>;

    /// Whether certainly no process of the task is left: more than that none is found.
    async fn has_none(&self, task: &Doomed) -> bool;

    /// Whether what holds the processes of the task together is there and has held all of them since it was made whole: only
    /// then [`Host::has_none`] is a proof to whoever is not their reaper, also once that is removed.
    async fn holds_all(&self, task: &Doomed) -> bool;

    /// Lets a task go on that may rest since its supervisor was killed; does nothing for any other.
    async fn let_go_on(&self, task: &Doomed);

    /// Whether a task rests: none of its processes runs until somebody lets it go on.
    async fn rests(&self, task: &Doomed) -> bool;

    /// Removes what the machine keeps for a task that has ended, unless a process of it is left; also what a record does
    /// not name, since its start was cut short. Lets what is left go on, and waits a moment for what is about to be gone.
    /// Returns whether nothing is kept any more.
    async fn put_away(&self, task: &Doomed) -> bool;

    /// The same for whoever comes later: MUST NOT wait, and MUST NOT touch a process.
    async fn clear(&self, task: &Doomed) -> bool;

    /// Those of the tasks whose processes spend processor time at this moment.
    ///
    /// MUST look long enough that a process that computes all the time is seen to, also on a busy machine,
    /// and no longer than a second.
    async fn busy(&self, tasks: &[Doomed]) -> Vec<TaskId>;

    /// The living processes that name a task, by their environment or by the log that they write into, with that
    /// task. One look, whatever the number of tasks.
    async fn at_large(&self) -> Vec<(TaskId, ProcessId)>;

    /// The numbers of the living processes that work in a folder or below it, for each of these folders that has
    /// any, whosesoever they are. The calling process is none of them. One look, whatever the number of folders.
    async fn working_in(&self, folders: &[String]) -> BTreeMap<String, Vec<u32>>;
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Living,
    /// It does, and is stopped.
    Stopped,
    /// It does not.
    Gone,
}

/// What a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The supervisor has detached from the caller. If it then cannot start its agent, it records that
    /// itself.
    Detached,
    /// The agent's process runs and the start is recorded, or it is certain that neither ever will be.
    Running,
}

/// A task whose processes are to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doomed {
    /// Which.
    pub id: TaskId,
    /// Its agent, where one is known.
    pub agent: Option<ProcessId>,
    /// Further processes that are known to belong to it.
    pub known: Vec<ProcessId>,
    /// What holds all its processes together on its machine, where the record names such a thing.
    pub group: Option<String>,
    /// The store that its processes were started from, where the record says it.
    pub store: Option<String>,
}

impl Doomed {
    /// The task, with the processes that its record names.
    pub fn of(task: &Task) -> Self {
        let progress = task.progress();
        let (known, group) = (progress.left.processes.clone(), progress.group.clone());
        let store = progress.store.clone();
        Self { id: task.id().clone(), agent: progress.agent.clone(), known, group, store }
    }

    /// The task, of which nothing but its id is known.
    pub const fn named(id: TaskId) -> Self {
        Self { id, agent: None, known: Vec::new(), group: None, store: None }
    }
}

/// The numbers of the processes that are left.
pub type Survivors = Vec<u32>;

/// Why there is no agent process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchFailure {
    /// The agent's program is not to be found.
    #[error("`{program}` was not found on PATH")]
    NotFound {
        /// The program.
        program: String,
    },
    /// The agent's program is there but does not start.
    #[error("could not start `{program}`: {reason}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// The supervisor failed before it tried to start the agent.
    #[error("the supervisor failed: {0}")]
    Supervisor(String),
    /// The cluster did not take the task.
    #[error(transparent)]
    Cluster(#[from] ClusterFailure),
    /// No process could be made for the supervisor, for want of processes, memory or descriptors: nothing of the start
    /// has happened, and at another moment, or for somebody else, it may work.
    #[error("no supervisor could be started: {0}")]
    NoProcess(String),
}
