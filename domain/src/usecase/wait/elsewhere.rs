//! Waiting for tasks that run on other hosts, of which no lock and no signal tells here.
//!
//! A few are looked at by their records, every [`LOOK`] at first and every [`PAUSE`] then. Of many the endings that their
//! hosts note are looked at instead, with what the cluster says of those that wait, and their records seldom: then the cost
//! does not grow with their number.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use crate::plan::reconcile::Custody;
use crate::port::{Age, Endings};
use crate::task::{Status, TaskId};
use crate::usecase::reconcile::Believed;
use crate::usecase::{World, jobs};

/// How often is looked while a wait is young.
const LOOK: Duration = Duration::from_millis(200);
/// How often is looked once a wait has lasted for [`HASTY`].
const PAUSE: Duration = Duration::from_secs(1);
/// How long a wait is young: many tasks are short.
const HASTY: Duration = Duration::from_secs(2);
/// How many records are read each time.
const FEW: usize = 16;
/// How often all of them are, where there are more.
const SELDOM: Duration = Duration::from_secs(30);

/// What one wait knows of other hosts.
pub(super) struct Elsewhere {
    seen: Endings,
    began: Duration,
    looked: Duration,
    last: bool,
}

impl Elsewhere {
    /// A wait that begins now.
    pub(super) const fn begin(now: Duration) -> Self {
        let seen = Endings { begun: false, read: BTreeMap::new() };
        Self { seen, began: now, looked: now, last: false }
    }

    /// How long to wait for the next look, if nothing but other hosts is to be looked at.
    pub(super) fn pause(
        &self,
        now: Duration,
        known: &BTreeMap<TaskId, Believed>,
    ) -> Option<Duration> {
        let mut unheld = known.values().filter(|believed| {
            !believed.task.status().is_ended() && believed.custody != Custody::Held
        });
        if !unheld.all(is_elsewhere) {
            return None;
        }
        Some(if now.saturating_sub(self.began) < HASTY { LOOK } else { PAUSE })
    }

    /// Whether to look at all once more, at the end: what is said of them last is to be what is so then.
    pub(super) fn looks_once_more(&mut self, known: &BTreeMap<TaskId, Believed>) -> bool {
        !core::mem::replace(&mut self.last, true) && known.values().any(is_elsewhere)
    }

    /// Those of the pending tasks that are to be looked at now.
    pub(super) async fn of_interest(
        &mut self,
        world: World<'_>,
        pending: Vec<TaskId>,
        known: &BTreeMap<TaskId, Believed>,
    ) -> Vec<TaskId> {
        let elsewhere = |id: &TaskId| known.get(id).is_some_and(is_elsewhere);
        if pending.iter().filter(|id| elsewhere(id)).count() <= FEW {
            return pending;
        }
        let now = world.clock.elapsed();
        // The first time nobody knows what was noted before, so that all are looked at once more.
        let is_first = !self.seen.begun;
        let mut noted: BTreeSet<TaskId> =
            world.jobs.endings(&mut self.seen).await.into_iter().collect();
        noted.extend(moved(world, known).await);
        if is_first || now.saturating_sub(self.looked) >= SELDOM {
            self.looked = now;
            return pending;
        }
        pending.into_iter().filter(|id| !elsewhere(id) || noted.contains(id)).collect()
    }
}

/// Those that wait by their records and whose jobs do not wait any more by the word of the cluster, which alone knows of
/// one that was cancelled or failed before its task began. Reads no record.
async fn moved(world: World<'_>, known: &BTreeMap<TaskId, Believed>) -> Vec<TaskId> {
    let waits =
        |believed: &&Believed| is_elsewhere(believed) && believed.task.status() == Status::Queued;
    let queued = || known.iter().filter(|(_, believed)| waits(believed));
    let age = queued().map(|(_, believed)| jobs::age_of_queued(world, &believed.task)).min();
    let Some(age) = age else { return Vec::new() };
    let Ok(jobs) = world.cluster.jobs(Age::Shared(age)).await else { return Vec::new() };
    let moved = |id: &TaskId| jobs.known.get(id).is_some_and(|seen| seen.state != "PENDING");
    queued().map(|(id, _)| id).filter(|id| moved(id)).cloned().collect()
}

/// Whether a task that has not ended is one that a cluster has, on some other host.
fn is_elsewhere(believed: &Believed) -> bool {
    believed.task.is_at_a_cluster()
        && !believed.task.status().is_ended()
        && believed.custody == Custody::Absent
}
