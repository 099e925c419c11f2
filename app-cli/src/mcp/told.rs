//! What this server has said to its client: which endings, which tasks it launched, and how often it was asked in vain.
//!
//! For a task that its session launched, the notices in the store say whether its ending was told; this is for the
//! others, and for clients without a session. A new server has an empty one: at worst it tells an ending again, and
//! takes the tasks of others for those of its client.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use domain::task::{Task, TaskId};

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Told {
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    /// With which answer each ending was said last, counted from 1.
    endings: BTreeMap<TaskId, u64>,
    answers: u64,
    launched: BTreeSet<TaskId>,
    looks: u64,
    cancelled: BTreeSet<String>,
}

impl Told {
    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the endings of these tasks are said by one answer; returns what [`Told::take_back`] needs.
    pub(super) fn add(&self, tasks: &[Task]) -> Vec<(TaskId, Option<u64>)> {
        let mut said = self.said();
        said.answers += 1;
        let answer = said.answers;
        let ended = tasks.iter().filter(|task| task.status().is_ended()).map(Task::id);
        ended.map(|id| (id.clone(), said.endings.insert(id.clone(), answer))).collect()
    }

    /// Takes back that the endings of these tasks were said: nobody heard it.
    pub(super) fn take_back(&self, before: Vec<(TaskId, Option<u64>)>) {
        let mut said = self.said();
        for (id, answer) in before.into_iter().rev() {
            match answer {
                Some(answer) => said.endings.insert(id, answer),
                None => said.endings.remove(&id),
            };
        }
    }

    /// With which answer the ending of a task was said last, counted from 1; 0 if it was not.
    pub(super) fn answer(&self, id: &TaskId) -> u64 {
        self.said().endings.get(id).copied().unwrap_or(0)
    }

    /// Whether the ending of a task was said.
    pub(super) fn has(&self, id: &TaskId) -> bool {
        self.said().endings.contains_key(id)
    }

    /// Notes a task that was launched for a client that names no session.
    pub(super) fn launch(&self, id: &TaskId) {
        self.said().launched.insert(id.clone());
    }

    /// The tasks that were launched for a client that names no session, oldest first.
    pub(super) fn launched(&self) -> Vec<TaskId> {
        self.said().launched.iter().cloned().collect()
    }

    /// Counts one more wait that ran out of time.
    pub(super) fn next_look(&self) -> u64 {
        let mut said = self.said();
        said.looks += 1;
        said.looks
    }

    /// Notes that nobody asks for the answer to this wait any more.
    pub(super) fn cancel(&self, wait: &str) {
        self.said().cancelled.insert(wait.to_owned());
    }

    /// Whether nobody asks for the answer to this wait any more.
    pub(super) fn is_cancelled(&self, wait: &str) -> bool {
        self.said().cancelled.contains(wait)
    }
}
