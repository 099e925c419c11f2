//! A cluster in memory, and the files by which hosts tell each other of its jobs. Both count what they are asked.
//!
//! Nothing here changes by itself: a test says what becomes of a job.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ManualClock, ORDERED};
use crate::plan::job::JobSeen;
use crate::port::{
    Age, Clock as _, Cluster, ClusterFailure, Endings, Fault, JobFiles, Jobs, Named, Prepared,
    Submission, Submitted,
};
use crate::task::{CancelIntent, TaskId, Timestamp};

/// How often a cluster was asked what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// For all jobs.
    pub jobs: usize,
    /// To take a job.
    pub submissions: usize,
    /// For all nodes.
    pub nodes: usize,
    /// Anything else.
    pub others: usize,
}

#[derive(Default)]
struct State {
    jobs: Arc<BTreeMap<TaskId, JobSeen>>,
    submitted: Vec<Submission>,
    failure: Option<ClusterFailure>,
    silent_nodes: BTreeSet<String>,
    asked: Questions,
    told: Vec<(String, String)>,
    clock: Option<ManualClock>,
    answered: Option<Timestamp>,
    nodes_answered: Option<Timestamp>,
}

/// A cluster that is forgotten when it is dropped.
#[derive(Default)]
pub struct MemoryCluster(Mutex<State>);

impl MemoryCluster {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has answers age by this clock: one that is young enough is not asked for again.
    pub fn at(&self, clock: ManualClock) {
        self.state().clock = Some(clock);
    }

    /// Fails whatever it is asked from now on, or nothing.
    pub fn fail(&self, failure: Option<ClusterFailure>) {
        self.state().failure = failure;
    }

    /// Has the job of a task in this state; forgets it if there is none.
    pub fn set(&self, id: &TaskId, seen: Option<JobSeen>) {
        let mut state = self.state();
        match seen {
            Some(seen) => drop(Arc::make_mut(&mut state.jobs).insert(id.clone(), seen)),
            None => drop(Arc::make_mut(&mut state.jobs).remove(id)),
        }
    }

    /// Has this node not answer.
    pub fn silence(&self, node: &str) {
        self.state().silent_nodes.insert(node.into());
    }

    /// The jobs that it was given.
    pub fn submitted(&self) -> Vec<Submission> {
        self.state().submitted.clone()
    }

    /// What it was told of which job, besides being asked: `stop`, `end`, `release`.
    pub fn told(&self) -> Vec<(String, String)> {
        self.state().told.clone()
    }

    /// How often it was asked.
    pub fn asked(&self) -> Questions {
        self.state().asked
    }

    fn tell(&self, what: &str, job: &str) -> Result<(), ClusterFailure> {
        let mut state = self.state();
        state.asked.others += 1;
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        state.told.push((what.into(), job.into()));
        Ok(())
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn submit(&self, job: &Submission) -> Result<Submitted, ClusterFailure> {
        let mut state = self.state();
        state.asked.submissions += 1;
        let number = state.submitted.len() + 1;
        let seen = JobSeen {
            id: number.to_string(),
            state: "PENDING".into(),
            reason: "Priority".into(),
            ..JobSeen::default()
        };
        match state.failure.clone() {
            // It takes the job, and the answer does not arrive.
            Some(failure @ ClusterFailure::Lost(_)) => {
                state.submitted.push(job.clone());
                Arc::make_mut(&mut state.jobs).insert(job.task.clone(), seen);
                Err(failure)
            }
            Some(failure) => Err(failure),
            None => {
                state.submitted.push(job.clone());
                Arc::make_mut(&mut state.jobs).insert(job.task.clone(), seen);
                Ok(Submitted { id: number.to_string(), cluster: None })
            }
        }
    }

    async fn jobs(&self, age: Age) -> Result<Jobs, ClusterFailure> {
        let mut state = self.state();
        let now = state.clock.as_ref().map(ManualClock::now);
        let is_young = |(now, then): (Timestamp, Timestamp)| now.since(then) <= age.at_most();
        if !now.zip(state.answered).is_some_and(is_young) {
            state.asked.jobs += 1;
            state.answered = now;
        }
        match &state.failure {
            Some(ClusterFailure::Lost(_)) | None => {
                Ok(Jobs { known: state.jobs.clone(), asked_at: ORDERED })
            }
            Some(failure) => Err(failure.clone()),
        }
    }

    async fn answers(&self, node: &str, age: Age) -> Result<bool, ClusterFailure> {
        let mut state = self.state();
        let now = state.clock.as_ref().map(ManualClock::now);
        let is_young = |(now, then): (Timestamp, Timestamp)| now.since(then) <= age.at_most();
        if !now.zip(state.nodes_answered).is_some_and(is_young) {
            state.asked.nodes += 1;
            state.nodes_answered = now;
        }
        Ok(!state.silent_nodes.contains(node))
    }

    async fn exit_code(&self, _job: Named<'_>) -> Option<String> {
        None
    }

    async fn ask_to_stop(&self, job: Named<'_>) -> Result<(), ClusterFailure> {
        self.tell("stop", job.id)
    }

    async fn end(&self, job: Named<'_>) -> Result<(), ClusterFailure> {
        self.tell("end", job.id)
    }

    async fn release(&self, task: &TaskId) -> Result<(), ClusterFailure> {
        let known = self.state().jobs.get(task).map(|seen| seen.id.clone());
        self.tell("release", &known.unwrap_or_default())
    }
}

#[derive(Default)]
struct Files {
    started: BTreeSet<TaskId>,
    intents: BTreeMap<TaskId, CancelIntent>,
    words: BTreeMap<TaskId, String>,
    silences: BTreeMap<TaskId, Duration>,
    lag: Duration,
    looked: usize,
    ended: Vec<TaskId>,
}

/// Files that are forgotten when they are dropped.
#[derive(Default)]
pub struct MemoryJobs(Mutex<Files>);

impl MemoryJobs {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the supervisor of a task be silent for so long.
    pub fn silent(&self, id: &TaskId, silence: Duration) {
        self.files().silences.insert(id.clone(), silence);
    }

    /// Has the cluster have written this about the job of a task.
    pub fn write(&self, id: &TaskId, words: &str) {
        self.files().words.insert(id.clone(), words.into());
    }

    /// Has what one host writes take so long to be seen on another.
    pub fn lag_by(&self, lag: Duration) {
        self.files().lag = lag;
    }

    /// How often a file was looked at.
    pub fn looked(&self) -> usize {
        self.files().looked
    }
}

#[async_trait]
impl JobFiles for MemoryJobs {
    async fn prepare(&self, id: &TaskId) -> Result<Prepared, Fault> {
        let output = format!("/store/.active/{id}.slurm");
        Ok(Prepared { program: "/store/.bin/task-bg".into(), store: "/store".into(), output })
    }

    async fn claim_start(&self, id: &TaskId) -> Result<bool, Fault> {
        Ok(self.files().started.insert(id.clone()))
    }

    async fn leave_intent(&self, id: &TaskId, intent: CancelIntent) -> Result<(), Fault> {
        self.files().intents.insert(id.clone(), intent);
        Ok(())
    }

    async fn intent(&self, id: &TaskId) -> Option<CancelIntent> {
        self.files().intents.get(id).copied()
    }

    async fn last_words(&self, id: &TaskId) -> String {
        let mut files = self.files();
        files.looked += 1;
        files.words.get(id).cloned().unwrap_or_default()
    }

    async fn silence(&self, id: &TaskId) -> Option<Duration> {
        let mut files = self.files();
        files.looked += 1;
        files.silences.get(id).copied()
    }

    async fn beat(&self, id: &TaskId) -> Result<(), Fault> {
        self.files().silences.insert(id.clone(), Duration::ZERO);
        Ok(())
    }

    async fn note_ending(&self, id: &TaskId) -> Result<(), Fault> {
        self.files().ended.push(id.clone());
        Ok(())
    }

    async fn endings(&self, seen: &mut Endings) -> Vec<TaskId> {
        let mut files = self.files();
        files.looked += 1;
        let count = files.ended.len() as u64;
        let (_, read) = seen.read.insert("here".into(), (0, count)).unwrap_or_default();
        let news = files.ended.iter().skip(usize::try_from(read).unwrap_or(0)).cloned().collect();
        if core::mem::replace(&mut seen.begun, true) { news } else { Vec::new() }
    }

    async fn lag(&self) -> Duration {
        self.files().lag
    }

    async fn forget(&self, id: &TaskId) -> Result<(), Fault> {
        let mut files = self.files();
        files.started.remove(id);
        files.intents.remove(id);
        files.words.remove(id);
        Ok(())
    }
}
