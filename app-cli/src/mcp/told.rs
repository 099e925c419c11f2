//! What this server has said to its client: which endings, which tasks it launched, and how often it was asked in vain.
//!
//! For a task that its session launched, the notices in the store say whether its ending was told; this is for the
//! others, and for clients without a session. A new server has an empty one: at worst it tells an ending again, and
//! takes the tasks of others for those of its client.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adapters_fs::DataDir;
use domain::port::Whereabouts;
use domain::task::{Task, TaskId};

/// For how long after an answer its client may say that it does not wait for it any more. Some clients withdraw, long afterwards,
/// whatever they asked for before.
const LATE: Duration = Duration::from_secs(5);

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Told {
    said: Mutex<Said>,
    /// The store of the wait that became a task of the protocol last.
    store: Mutex<Option<DataDir>>,
}

#[derive(Debug, Default)]
struct Said {
    /// With which answer each ending was said last, counted from 1.
    endings: BTreeMap<TaskId, u64>,
    answers: u64,
    /// The last answers that said endings, oldest first.
    recent: Vec<Answered>,
    unheard: BTreeSet<TaskId>,
    launched: BTreeSet<TaskId>,
    looks: u64,
    cancelled: BTreeSet<String>,
}

/// What an answer said.
#[derive(Debug)]
struct Answered {
    /// To the request of this name.
    request: String,
    /// When.
    at: Instant,
    /// The endings, each with the answer that had said it before.
    before: Vec<(TaskId, Option<u64>)>,
}

impl Told {
    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the answer to the request of this name says the endings of these tasks.
    pub(super) fn add(&self, request: &str, tasks: &[Task]) {
        let mut said = self.said();
        said.answers += 1;
        let answer = said.answers;
        let mut before = Vec::new();
        for task in tasks.iter().filter(|task| task.status().is_ended()) {
            said.unheard.remove(task.id());
            before.push((task.id().clone(), said.endings.insert(task.id().clone(), answer)));
        }
        said.recent.retain(|answered| answered.at.elapsed() < LATE);
        if !before.is_empty() {
            said.recent.push(Answered { request: request.to_owned(), at: Instant::now(), before });
        }
    }

    /// Takes back what the answer to the request of this name has said within [`LATE`]: nobody heard it.
    pub(super) fn take_back(&self, request: &str) {
        let mut said = self.said();
        let is_meant = |it: &Answered| it.request == request && it.at.elapsed() < LATE;
        let Some(at) = said.recent.iter().rposition(is_meant) else { return };
        for (id, answer) in said.recent.remove(at).before.into_iter().rev() {
            if let Some(answer) = answer {
                said.endings.insert(id, answer);
            } else {
                said.endings.remove(&id);
                said.unheard.insert(id);
            }
        }
    }

    /// The tasks whose endings were said to nobody, and count as told in the store.
    pub(super) fn unheard(&self) -> Vec<TaskId> {
        self.said().unheard.iter().cloned().collect()
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

    /// Keeps the store of a wait that the client asks for later, so that it is found where it was moved by then.
    pub(super) fn keep_store(&self, store: &DataDir) {
        let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let is_kept = |kept: &DataDir| kept == store && kept.settle() == Whereabouts::Here;
        if !kept.as_ref().is_some_and(is_kept) {
            store.hold();
            *kept = Some(store.clone());
        }
    }

    /// That store, if it was moved since and one of these tasks is in it.
    pub(super) fn moved_store(&self, ids: &[TaskId]) -> Option<DataDir> {
        let kept = self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_moved = kept.settle() == Whereabouts::Moved || kept.moved_from().is_some();
        (is_moved && ids.iter().any(|id| kept.record(id).exists())).then_some(kept)
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
