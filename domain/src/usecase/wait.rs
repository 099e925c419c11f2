//! `wait`: blocking until tasks have ended, for no longer than the caller can afford.
//!
//! A task that is tried once more has not ended for who waits: the last attempt counts.
//!
//! The end of a supervised task wakes the wait at once, through its life lock. Endings from outside
//! and agents without a supervisor are noticed within [`LOOK`].

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use super::admit::{Door, admit};
use super::reconcile::{Believed, Note, reconcile};
use super::{Trouble, Witnesses};
use crate::plan::reconcile::Custody;
use crate::port::{Clock, StoreError, TaskStore, Watch, Woken};
use crate::task::{Status, Task, TaskId};

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
    door: Door<'_>,
    request: &WaitRequest,
) -> Result<Waited, Trouble> {
    let began = clock.elapsed();
    let mut watch: Option<Box<dyn Watch>> = None;
    let (mut watched, mut followed) = (BTreeSet::new(), BTreeSet::new());
    let mut known: BTreeMap<TaskId, Believed> = BTreeMap::new();
    let mut order = request.ids.clone();
    let mut stale: Vec<TaskId> = request.ids.clone();
    loop {
        while let Some(id) = stale.pop() {
            let task = store.load(&id).await?;
            let believed = reconcile(store, witnesses, clock, task).await?;
            // What tries the same once more is waited for in its place.
            let next = believed.task.progress().retried_as.as_ref();
            match next.filter(|_| believed.task.status() == Status::Error) {
                Some(next) if followed.insert(id.clone()) && is_there(store, next).await? => {
                    order
                        .iter_mut()
                        .filter(|known| **known == id)
                        .for_each(|id| id.clone_from(next));
                    known.remove(&id);
                    stale.push(next.clone());
                }
                Some(_) | None => drop(known.insert(id, believed)),
            }
        }
        if waits_for_a_turn(&known) {
            admit(store, witnesses, clock, door).await?;
        }
        let pending: Vec<TaskId> = pending(&known);
        let spent = clock.elapsed().saturating_sub(began);
        let left = request.at_most.map(|at_most| at_most.saturating_sub(spent));
        let enough = match request.until {
            Until::All => pending.is_empty(),
            Until::Any => pending.len() < known.len() || known.is_empty(),
        };
        if enough || left.is_some_and(|left| left.is_zero()) {
            return Ok(waited(&order, known, !enough));
        }
        let held = known.values().filter(|believed| believed.custody == Custody::Held);
        let fresh: Vec<TaskId> = held
            .map(|believed| believed.task.id().clone())
            .filter(|id| watched.insert(id.clone()))
            .collect();
        let watch = match &mut watch {
            Some(watch) => watch,
            None => watch.insert(witnesses.locks.watch(&[]).await?),
        };
        for id in &fresh {
            watch.include(id).await;
        }
        if !fresh.is_empty() {
            // Watched first and looked at once more afterwards, so that no ending falls in between.
            stale = fresh;
            continue;
        }
        let patience = if is_restless(&known) { LOOK } else { Duration::MAX };
        match watch.next(left.unwrap_or(Duration::MAX).min(patience)).await {
            Woken::Released(id) => stale.push(id),
            Woken::Changed | Woken::TimedOut => stale = pending,
        }
    }
}

/// Whether there is such a task; an attempt may have been removed.
async fn is_there(store: &dyn TaskStore, id: &TaskId) -> Result<bool, StoreError> {
    match store.load(id).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether some task waits in our queue, so that it is on us, too, to let it in.
fn waits_for_a_turn(known: &BTreeMap<TaskId, Believed>) -> bool {
    known.values().any(|believed| believed.custody == Custody::Waiting)
}

/// Whether something may happen that no life lock tells of.
fn is_restless(known: &BTreeMap<TaskId, Believed>) -> bool {
    waits_for_a_turn(known) || known.values().any(|believed| believed.note == Some(Note::Orphaned))
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
