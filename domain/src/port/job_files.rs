//! The files by which the hosts that share a store tell each other of one task that a cluster runs.
//!
//! Each file has one writer. A lock may end at the border of a host, and so may every signal; a file that is made, or
//! touched, is seen everywhere. The record of a running task has one writer, its supervisor: others leave what they
//! want in a file of its own, which the supervisor looks for. Nothing here asks a cluster.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;

use super::Fault;
use crate::task::{CancelIntent, TaskId};

/// The files of tasks that a cluster runs.
#[async_trait]
pub trait JobFiles: Send + Sync {
    /// Makes what a job needs before it is handed over: the file for the cluster's own words, by whose name others know
    /// that a cluster runs the task, and this program where every host finds it.
    ///
    /// # Errors
    /// [`Fault`] if something cannot be made.
    async fn prepare(&self, id: &TaskId) -> Result<Prepared, Fault>;

    /// Claims the start of the task for this process, once and for all: `false` if somebody has claimed it before.
    ///
    /// MUST be decided by the file server, whatever locks can do.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be found out.
    async fn claim_start(&self, id: &TaskId) -> Result<bool, Fault>;

    /// Leaves the wish that the task be cancelled.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be left.
    async fn leave_intent(&self, id: &TaskId, intent: CancelIntent) -> Result<(), Fault>;

    /// The wish that the task be cancelled, if somebody has left one.
    async fn intent(&self, id: &TaskId) -> Option<CancelIntent>;

    /// What the cluster wrote about the job: its last words, a few lines.
    async fn last_words(&self, id: &TaskId) -> String;

    /// How long ago the supervisor of the task last gave a sign of life, by the clock of whatever keeps the files.
    /// `None` if it never did.
    async fn silence(&self, id: &TaskId) -> Option<Duration>;

    /// Gives a sign of life.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be given; the next one may be.
    async fn beat(&self, id: &TaskId) -> Result<(), Fault>;

    /// Notes for others that the task has ended, which its record says already.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be noted; those who wait then find it out later.
    async fn note_ending(&self, id: &TaskId) -> Result<(), Fault>;

    /// The endings that were noted by any host since `seen` was last used here, which is then up to date. The first
    /// time there are none. What was noted MUST be told at least once, and costs no look at a record.
    async fn endings(&self, seen: &mut Endings) -> Vec<TaskId>;

    /// How long what one host wrote may take to be seen on another.
    async fn lag(&self) -> Duration;

    /// Removes the files of a task that has ended or was never recorded.
    ///
    /// # Errors
    /// [`Fault`] if one cannot be removed.
    async fn forget(&self, id: &TaskId) -> Result<(), Fault>;
}

/// How far the endings were seen that each host noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endings {
    /// Whether they were looked at before.
    pub begun: bool,
    /// By host: which file that was, and how many bytes of it were read.
    pub read: BTreeMap<String, (u64, u64)>,
}

/// What a job needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// This program, where every host finds it.
    pub program: String,
    /// The folder of the store.
    pub store: String,
    /// The file for the cluster's own words.
    pub output: String,
}
