//! `list`: the tasks, newest first. A record that cannot be read is named, and never fails the listing.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::left_behind::without_gone;
use super::reconcile::{CONCLUSION, Note, reconcile_within};
use super::repair::{look, mend};
use super::{Trouble, World, jobs};
use crate::plan::queue::suspects;
use crate::plan::reconcile::Custody;
use crate::port::StoreError;
use crate::task::{Listing, Query, Status, Task, TaskId, Unreadable};

/// The tasks, and notes on some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The tasks.
    pub listing: Listing,
    /// Notes on some of them.
    pub notes: Vec<(TaskId, Note)>,
}

/// Lists tasks, after repairing what killed processes left.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn list(world: World<'_>, query: &Query) -> Result<Listed, Trouble> {
    if let Ok(found) = look(world).await {
        // A failed repair must not make the listing fail.
        mend(world, &found, &suspects(&found.names)).await;
    }
    judged(world, query, asked(world, query).await?).await
}

async fn asked(world: World<'_>, query: &Query) -> Result<Listing, Trouble> {
    if query.is_of_unended() {
        unended(world, query).await
    } else {
        Ok(world.store.list(query).await?)
    }
}

/// The answer to a query for tasks that have not ended, which counts no others: it reads nothing of them.
async fn unended(world: World<'_>, query: &Query) -> Result<Listing, Trouble> {
    let mut read: BTreeMap<TaskId, _> = world.store.unended().await?.into_iter().collect();
    for id in world.locks.index().await?.unfinished() {
        if let Entry::Vacant(unread) = read.entry(id) {
            let task = world.store.load(unread.key()).await;
            unread.insert(task);
        }
    }
    let mut listing = Listing::default();
    for (id, task) in read.into_iter().rev() {
        let task = match task {
            Ok(task) => task,
            Err(StoreError::NotFound { .. }) => continue,
            Err(error) => {
                let (file, reason) = (id.to_string(), error.to_string());
                listing.unreadable.push(Unreadable { file, reason });
                continue;
            }
        };
        if task.status().is_ended() {
            continue;
        }
        if query.counts(task.outline()) {
            listing.tally.add(task.status());
        }
        if !query.shows(task.outline()) {
            continue;
        }
        if query.limit.is_none_or(|limit| listing.tasks.len() < limit) {
            listing.tasks.push(task);
        } else {
            listing.omitted += 1;
        }
    }
    Ok(listing)
}

/// All tasks, as [`list`] judges them, for whoever looks for what is wrong. Repairs nothing that killed processes left.
/// Reads every record once, and once more those that have changed meanwhile.
///
/// Names as well the tasks that run under a supervisor which lives, and whose life lock has no name any more because
/// somebody removed its file: whoever goes by the names of the locks overlooks them.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn survey(world: World<'_>) -> Result<(Listed, Vec<TaskId>), Trouble> {
    let query = Query::default();
    let listing = world.store.list(&query).await?;
    // Before anybody is asked to put the locks back.
    let unlocked = unlocked(world, &listing).await.unwrap_or_default();
    Ok((judged(world, &query, listing).await?, unlocked))
}

async fn unlocked(world: World<'_>, listing: &Listing) -> Result<Vec<TaskId>, Trouble> {
    let mut found = Vec::new();
    for task in listing.tasks.iter().filter(|task| task.status() == Status::Running) {
        if !task.belongs_to(world.host.name()) || !is_unlocked(world, task).await? {
            continue;
        }
        // One that has just ended has let go of its lock, too.
        let now = world.store.load(task.id()).await;
        if now.is_ok_and(|now| now.status() == Status::Running) {
            found.push(task.id().clone());
        }
    }
    Ok(found)
}

async fn is_unlocked(world: World<'_>, task: &Task) -> Result<bool, Trouble> {
    let Some(supervisor) = &task.progress().supervisor else { return Ok(false) };
    Ok(world.locks.custody(task.id()).await? == Custody::Absent
        && world.host.lives(supervisor).await)
}

/// The tasks that the query was answered with, reconciled.
async fn judged(world: World<'_>, query: &Query, mut listing: Listing) -> Result<Listed, Trouble> {
    let mut notes = Vec::new();
    let mut changed = false;
    let (mut at_cluster, mut patience) = (BTreeMap::new(), CONCLUSION);
    for task in listing.tasks.iter().filter(|task| !task.status().is_ended()) {
        // A task that cannot be judged now is shown as recorded.
        let judged = reconcile_within(world, task.clone(), jobs::RECENT, &mut patience).await;
        let Ok(believed) = judged else { continue };
        changed |= believed.task.status() != task.status();
        if let Some(job) = believed.task.progress().slurm.as_deref() {
            at_cluster.insert(task.id().clone(), job.clone());
        }
        notes.extend(believed.note.map(|note| (task.id().clone(), note)));
    }
    if changed {
        listing = asked(world, query).await?;
    }
    // What the cluster says of jobs is in no record.
    for task in listing.tasks.iter_mut().filter(|task| !task.status().is_ended()) {
        if let Some(job) = at_cluster.remove(task.id()) {
            *task = task.clone().with_job(job);
        }
    }
    let mut at_large = None;
    for task in listing.tasks.iter_mut().filter(|task| task.status().is_ended()) {
        *task = without_gone(world, task.clone(), &mut at_large).await;
        let note = Note::of_ended(task, || world.host.store());
        notes.extend(note.map(|note| (task.id().clone(), note)));
    }
    Ok(Listed { listing, notes })
}
