//! `wait`: blocking until tasks have ended, for no longer than the caller can afford.
//!
//! The end of a supervised task wakes the wait at once, through its life lock. Endings from outside
//! and agents without a supervisor are noticed within [`LOOK`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::reconcile::{Believed, Note, reconcile};
use super::{Trouble, Witnesses};
use crate::port::{Clock, TaskStore, Woken};
use crate::task::{Task, TaskId};

/// How long an ending that no life lock tells of may go unnoticed.
pub const LOOK: Duration = Duration::from_millis(200);

/// What to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRequest {
    /// The tasks.
    pub ids: Vec<TaskId>,
    /// How many of them.
    pub until: Until,
    /// For how long; `None` is for ever.
    pub at_most: Option<Duration>,
}

/// How many tasks have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// All.
    All,
    /// One.
    Any,
}

/// How a wait ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waited {
    /// The tasks that have ended, in the order they were named.
    pub ended: Vec<Task>,
    /// Those that have not.
    pub pending: Vec<Believed>,
    /// Whether the time ran out.
    pub timed_out: bool,
}

/// Waits until the tasks have ended or the time runs out.
///
/// # Errors
/// [`Trouble`] if there is no such task, or the store or a witness fails.
pub async fn wait(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    request: &WaitRequest,
) -> Result<Waited, Trouble> {
    let began = clock.elapsed();
    let mut watch = None;
    let mut known: BTreeMap<TaskId, Believed> = BTreeMap::new();
    let mut stale: Vec<TaskId> = request.ids.clone();
    loop {
        for id in stale.drain(..) {
            let task = store.load(&id).await?;
            known.insert(id, reconcile(store, witnesses, clock, task).await?);
        }
        let pending: Vec<TaskId> = pending(&known);
        let spent = clock.elapsed().saturating_sub(began);
        let left = request.at_most.map(|at_most| at_most.saturating_sub(spent));
        let enough = match request.until {
            Until::All => pending.is_empty(),
            Until::Any => pending.len() < known.len() || known.is_empty(),
        };
        if enough || left.is_some_and(|left| left.is_zero()) {
            return Ok(waited(&request.ids, known, !enough));
        }
        // Watched first and looked at once more afterwards, so that no ending falls in between.
        let Some(watch) = &mut watch else {
            watch = Some(witnesses.locks.watch(&pending).await?);
            stale = pending;
            continue;
        };
        let restless = known.values().any(|believed| believed.note == Some(Note::Orphaned));
        let patience = if restless { LOOK } else { Duration::MAX };
        match watch.next(left.unwrap_or(Duration::MAX).min(patience)).await {
            Woken::Released(id) => stale.push(id),
            Woken::Changed | Woken::TimedOut => stale = pending,
        }
    }
}

fn pending(known: &BTreeMap<TaskId, Believed>) -> Vec<TaskId> {
    let unended = known.iter().filter(|(_, believed)| !believed.task.status().is_ended());
    unended.map(|(id, _)| id.clone()).collect()
}

fn waited(order: &[TaskId], mut known: BTreeMap<TaskId, Believed>, timed_out: bool) -> Waited {
    let mut waited = Waited { timed_out, ..Waited::default() };
    for believed in order.iter().filter_map(|id| known.remove(id)) {
        if believed.task.status().is_ended() {
            waited.ended.push(believed.task);
        } else {
            waited.pending.push(believed);
        }
    }
    waited
}
