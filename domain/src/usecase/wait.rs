//! `wait`: blocking until tasks have ended or the given time has passed.
//!
//! A retried task counts as ended only when its last attempt has. Never stops or cancels a task.
//!
//! The end of a supervised task wakes the wait at once, through its life lock, and so does any ending that this program
//! records. Endings from outside and agents without a supervisor are noticed within [`LOOK`].

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use super::admit::{PATIENCE, Thoroughness, admit};
use super::reconcile::{Believed, CONCLUSION, reconcile_within};
use super::repair::follower_is_due;
use super::{Trouble, World, jobs};
use crate::plan::reconcile::Custody;
use crate::port::{StoreError, Watch, Woken};
use crate::task::{Status, Task, TaskId};

mod elsewhere;

use elsewhere::Elsewhere;

/// How long an ending may go unnoticed that frees no life lock and that nobody tells of. Nothing is looked at more often, so that
/// a wait for many that wait themselves costs next to nothing.
pub const LOOK: Duration = Duration::from_secs(1);

/// What to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRequest {
    /// The tasks.
    pub ids: Vec<TaskId>,
    /// How many of them have to end.
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
    /// Those that could not be judged, with why.
    pub refused: Vec<(TaskId, Trouble)>,
    /// Whether the time ran out.
    pub timed_out: bool,
}

/// Waits until the tasks have ended or the time runs out. Does not wait for a task that cannot be
/// judged.
///
/// # Errors
/// [`Trouble`] if the life locks cannot be watched.
pub async fn wait(world: World<'_>, request: &WaitRequest) -> Result<Waited, Trouble> {
    let began = world.clock.elapsed();
    let left = || {
        let spent = world.clock.elapsed().saturating_sub(began);
        request.at_most.map(|at_most| at_most.saturating_sub(spent))
    };
    let mut how = Thoroughness::Thorough;
    // Tasks that ended and whose followers are not queued yet.
    let mut due: BTreeSet<TaskId> = BTreeSet::new();
    let mut watch: Option<Box<dyn Watch>> = None;
    let (mut watched, mut followed) = (Watched::default(), BTreeSet::new());
    let mut known: BTreeMap<TaskId, Believed> = BTreeMap::new();
    let mut order = request.ids.clone();
    let mut stale: Vec<TaskId> = request.ids.clone();
    let mut refused: BTreeMap<TaskId, Trouble> = BTreeMap::new();
    // Why the followers of those that are due are not queued yet, as far as it was told.
    let mut hindered: BTreeMap<TaskId, Trouble> = BTreeMap::new();
    let mut asked_again = false;
    let mut elsewhere = Elsewhere::begin(began);
    let mut turn = Turn { at: None, is_due: true };
    loop {
        // Those whose locks others hold are waited for together, and no longer than there is time.
        let mut together = left().map_or(CONCLUSION, |left| left.min(CONCLUSION));
        while let Some(id) = stale.pop() {
            due.remove(&id);
            hindered.remove(&id);
            let believed = match believed(world, &id, &mut turn, &mut together).await {
                Ok(believed) => believed,
                Err(trouble) => {
                    known.remove(&id);
                    refused.insert(id, trouble);
                    continue;
                }
            };
            if follower_is_due(world, &believed.task).await {
                // An admission repairs first, and so queues the follower.
                let admitted = admit(world, Thoroughness::Quick, Duration::ZERO).await;
                if follower_is_due(world, &believed.task).await {
                    due.insert(id.clone());
                    let why = admitted.troubles.into_iter().next();
                    hindered.extend(why.map(|why| (id.clone(), why)));
                }
            }
            // Of a retried task, the next attempt is waited for in its place.
            let next = believed.task.progress().retried_as.as_ref();
            match next.filter(|_| believed.task.status() == Status::Error) {
                Some(next) if is_there(world, next).await && followed.insert(id.clone()) => {
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
        if waits_for_a_turn(&known) && turn.comes(world.clock.elapsed()) {
            // A failed admission does not end the wait, nor does a slow one prolong it.
            let patience = left().map_or(PATIENCE, |left| left.min(PATIENCE));
            admit(world, how, patience).await;
            how = Thoroughness::Quick;
        }
        let pending: Vec<TaskId> = pending(&known, &due);
        let left = left();
        let enough = match request.until {
            Until::All => pending.is_empty(),
            Until::Any => pending.len() < known.len() || known.is_empty(),
        };
        if enough && !refused.is_empty() && !asked_again {
            // A record that could not be read for a moment may be back by now.
            asked_again = true;
            stale = core::mem::take(&mut refused).into_keys().collect();
            continue;
        }
        asked_again = false;
        let is_over = left.is_some_and(|left| left.is_zero());
        if !enough && is_over && elsewhere.looks_once_more(&known) {
            stale = pending;
            continue;
        }
        if enough || is_over {
            let refused = refused.into_iter().chain(hindered).collect();
            return Ok(Waited { refused, ..waited(&order, known, !enough) });
        }
        let watch = match &mut watch {
            Some(watch) => watch,
            None => watch.insert(world.locks.watch(&[]).await?),
        };
        // Watched first and judged again afterwards, so that no ending in between is missed.
        stale = watched.with(&known, watch.as_mut()).await;
        if !stale.is_empty() {
            continue;
        }
        let patience = patience(&elsewhere, world.clock.elapsed(), &known, &due);
        match watch.next(left.unwrap_or(Duration::MAX).min(patience)).await {
            // Another attempt may be waited for in its place by now.
            Woken::Released(id) | Woken::Ended(id) => {
                stale.extend(Some(id).filter(|id| known.contains_key(id)));
            }
            woken @ (Woken::Changed | Woken::TimedOut) => {
                turn.is_due = true;
                let may_have_changed = may_have_changed(&woken, pending, &known, &due);
                stale = elsewhere.of_interest(world, may_have_changed, &known).await;
            }
        }
    }
}

/// The tasks that the watch of a wait was told of.
#[derive(Default)]
struct Watched {
    /// Those whose life lock somebody holds.
    held: BTreeSet<TaskId>,
    /// Those that wait for their turn.
    waiting: BTreeSet<TaskId>,
}

impl Watched {
    /// Tells `watch` of those that it was not told of yet, and returns them.
    async fn with(
        &mut self,
        known: &BTreeMap<TaskId, Believed>,
        watch: &mut dyn Watch,
    ) -> Vec<TaskId> {
        let mut fresh = Vec::new();
        for (id, believed) in known {
            match believed.custody {
                Custody::Held if self.held.insert(id.clone()) => watch.include(id).await,
                Custody::Waiting if self.waiting.insert(id.clone()) => watch.expect(id).await,
                Custody::Held | Custody::Waiting | Custody::Free | Custody::Absent => continue,
            }
            fresh.push(id.clone());
        }
        fresh
    }
}

/// When this wait admits those that wait for their turn: whoever ends a task admits the next, so that a wait need not
/// do it after each ending that somebody else recorded.
struct Turn {
    /// When it did so last.
    at: Option<Duration>,
    /// Whether somebody else may not do it.
    is_due: bool,
}

impl Turn {
    /// Whether to admit now.
    fn comes(&mut self, now: Duration) -> bool {
        let is_old = self.at.is_none_or(|at| now.saturating_sub(at) >= LOOK);
        if is_old || self.is_due {
            *self = Self { at: Some(now), is_due: false };
            return true;
        }
        false
    }
}

/// The task, reconciled.
async fn believed(
    world: World<'_>,
    id: &TaskId,
    turn: &mut Turn,
    patience: &mut Duration,
) -> Result<Believed, Trouble> {
    let task = world.store.load(id).await?;
    let was_over = task.status().is_ended();
    // Whoever waits looks again, and is content with an answer of a cluster that others had.
    let believed = Box::pin(reconcile_within(world, task, jobs::PATIENT, patience)).await?;
    // Nobody but this process knows of an ending that it recorded itself.
    turn.is_due |= !was_over && believed.task.status().is_ended();
    Ok(believed)
}

/// Whether the task has a record, or may have one that cannot be read; an attempt may have been
/// removed.
async fn is_there(world: World<'_>, id: &TaskId) -> bool {
    !matches!(world.store.load(id).await, Err(StoreError::NotFound { .. }))
}

/// Whether some task waits in our queue, so that this wait has to admit, too.
fn waits_for_a_turn(known: &BTreeMap<TaskId, Believed>) -> bool {
    known.values().any(|believed| believed.custody == Custody::Waiting)
}

/// How long nothing need be looked at, unless something wakes the wait.
fn patience(
    elsewhere: &Elsewhere,
    now: Duration,
    known: &BTreeMap<TaskId, Believed>,
    due: &BTreeSet<TaskId>,
) -> Duration {
    if !is_restless(known) && due.is_empty() {
        return Duration::MAX;
    }
    elsewhere.pause(now, known).filter(|_| due.is_empty()).unwrap_or(LOOK)
}

/// Those of the pending tasks that may have changed: where nothing woke the wait, the holder of a lock holds it still.
fn may_have_changed(
    woken: &Woken,
    mut pending: Vec<TaskId>,
    known: &BTreeMap<TaskId, Believed>,
    due: &BTreeSet<TaskId>,
) -> Vec<TaskId> {
    if *woken == Woken::TimedOut {
        pending.retain(|id| due.contains(id) || known.get(id).is_some_and(is_unheld));
    }
    pending
}

/// Whether something may change without freeing a life lock: nobody holds that of a task that waits, has lost its
/// supervisor, was recorded by another program, or runs on another machine.
fn is_restless(known: &BTreeMap<TaskId, Believed>) -> bool {
    known.values().any(is_unheld)
}

/// Whether nobody holds the life lock of a task that has not ended.
fn is_unheld(believed: &Believed) -> bool {
    !believed.task.status().is_ended() && believed.custody != Custody::Held
}

fn pending(known: &BTreeMap<TaskId, Believed>, due: &BTreeSet<TaskId>) -> Vec<TaskId> {
    let unended =
        |id: &TaskId, believed: &Believed| !believed.task.status().is_ended() || due.contains(id);
    let pending = known.iter().filter(|(id, believed)| unended(id, believed));
    pending.map(|(id, _)| id.clone()).collect()
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
