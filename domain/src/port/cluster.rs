//! A cluster that places, limits and ends jobs: what task-bg asks of it.
//!
//! A job is known by its name, which is the id of its task; its number alone means nothing. A cluster that cannot be
//! reached decides nothing. Nothing here reads or writes a record. Main types: [`Cluster`], [`Submission`], [`Jobs`].

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;

use crate::plan::job::JobSeen;
use crate::task::{TaskId, Timestamp};

/// A cluster.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Hands a job over.
    ///
    /// MUST pass nothing of this process's environment on. MUST return within a minute.
    ///
    /// # Errors
    /// [`ClusterFailure::Lost`] where it is not known whether the cluster has taken the job; any other says that it has not.
    async fn submit(&self, job: &Submission) -> Result<Submitted, ClusterFailure>;

    /// All jobs of this user that the cluster knows, by the tasks that they are named after.
    ///
    /// MUST ask once, whatever the number of jobs, and not at all where an answer is no older than `age`; that nobody
    /// answered counts as an answer.
    ///
    /// # Errors
    /// [`ClusterFailure`] if there is no answer; that says nothing of any job.
    async fn jobs(&self, age: Age) -> Result<Jobs, ClusterFailure>;

    /// Whether a node answers the cluster.
    ///
    /// MUST ask once for all nodes, and not at all where an answer, or that there was none, is no older than `age`.
    ///
    /// # Errors
    /// [`ClusterFailure`] if that cannot be found out.
    async fn answers(&self, node: &str, age: Age) -> Result<bool, ClusterFailure>;

    /// How a job exited by the cluster's account, as `code:signal`; `None` if it does not say so.
    async fn exit_code(&self, job: Named<'_>) -> Option<String>;

    /// Asks the supervisor of a job, and no other process of it, to stop its task.
    ///
    /// MUST touch no other job, whichever has the number by now.
    ///
    /// # Errors
    /// [`ClusterFailure`] if that cannot be passed on.
    async fn ask_to_stop(&self, job: Named<'_>) -> Result<(), ClusterFailure>;

    /// Ends a job, whatever it is doing.
    ///
    /// MUST touch no other job, whichever has the number by now.
    ///
    /// # Errors
    /// [`ClusterFailure`] if that cannot be passed on.
    async fn end(&self, job: Named<'_>) -> Result<(), ClusterFailure>;

    /// Lets the job of a task start that was handed over to be held.
    ///
    /// # Errors
    /// [`ClusterFailure`] if that cannot be passed on, or the cluster knows no such job.
    async fn release(&self, task: &TaskId) -> Result<(), ClusterFailure>;
}

/// How old an answer may be, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// One that this process had itself.
    Own(Duration),
    /// One that another process had is as good: for those who wait, and ask again and again.
    Shared(Duration),
}

impl Age {
    /// How old it may be.
    pub const fn at_most(self) -> Duration {
        match self {
            Self::Own(at_most) | Self::Shared(at_most) => at_most,
        }
    }
}

/// A job to hand over. It has neither the prompt nor the environment nor the description of its task in it: whatever a
/// cluster keeps of a job, others may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The task, after which the job is named.
    pub task: TaskId,
    /// The partition; `None` leaves it to the cluster.
    pub partition: Option<String>,
    /// The folder that its first process begins in.
    pub folder: Option<String>,
    /// The file that the cluster writes its own words to.
    pub output: String,
    /// What the job runs: a script.
    pub script: String,
    /// After how long the cluster may end it.
    pub time_limit: Option<Duration>,
    /// How much further behind it stands than other jobs of this user; a negative number needs an administrator.
    pub nice: i32,
    /// Options of the cluster's own, as they are.
    pub options: Vec<String>,
    /// The groups whose limits it counts against; see [`crate::task::Task::groups`].
    pub groups: Vec<String>,
    /// The jobs that have to be over before it starts.
    pub after: Vec<String>,
    /// How long it waits at least.
    pub delay: Option<Duration>,
    /// Whether it waits until it is released.
    pub held: bool,
}

/// The cluster's answer to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its number.
    pub id: String,
    /// The cluster, where there are several.
    pub cluster: Option<String>,
}

/// A job as it is told from all others: a cluster that was killed may forget a number, and give it to another job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The task, after which the job is named.
    pub task: &'a TaskId,
    /// Its number.
    pub id: &'a str,
}

/// The jobs that a cluster knows, and when it said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// By task; of several of one task the newest. All who ask within one command share them.
    pub known: Arc<BTreeMap<TaskId, JobSeen>>,
    /// When it was asked.
    pub asked_at: Timestamp,
}

/// Why a cluster did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterFailure {
    /// Its program is not here.
    #[error("`{program}` was not found on PATH")]
    Absent {
        /// The program.
        program: String,
    },
    /// It does not answer.
    #[error("Slurm does not answer: {0}")]
    Unreachable(String),
    /// It refused, in its own words.
    #[error("Slurm refused: {0}")]
    Refused(String),
    /// It may have done it, and its answer did not arrive.
    #[error("the answer of Slurm was lost: {0}")]
    Lost(String),
}
