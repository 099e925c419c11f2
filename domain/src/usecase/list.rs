//! `list`: what there is, newest first, and what could not be read.

use alloc::vec::Vec;

use super::reconcile::{Note, reconcile};
use super::{Trouble, Witnesses};
use crate::plan::reconcile::Custody;
use crate::port::{Clock, StoreError, TaskStore};
use crate::task::{Listing, Query, Task, TaskId};

/// What there is, with what has to be said beside some of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What there is.
    pub listing: Listing,
    /// What has to be said beside running tasks.
    pub notes: Vec<(TaskId, Note)>,
}

/// Lists tasks, after ending those that lost their supervisor and their agent.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn list(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    query: &Query,
) -> Result<Listed, Trouble> {
    for id in witnesses.locks.index().await?.unfinished() {
        if witnesses.locks.custody(&id).await? == Custody::Free {
            settle(store, witnesses, clock, &id).await?;
        }
    }
    let mut listing = store.list(query).await?;
    let mut notes = Vec::new();
    let mut changed = false;
    for task in listing.tasks.iter().filter(|task| !task.status().is_ended()) {
        let believed = reconcile(store, witnesses, clock, task.clone()).await?;
        changed |= believed.task.status() != task.status();
        notes.extend(believed.note.map(|note| (task.id().clone(), note)));
    }
    if changed {
        listing = store.list(query).await?;
    }
    Ok(Listed { listing, notes })
}

/// Ends one task if it is over. A life lock without a readable record is left to the clean-up.
pub(super) async fn settle(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    id: &TaskId,
) -> Result<Option<Task>, Trouble> {
    match store.load(id).await {
        Ok(task) if task.status().is_ended() => {
            witnesses.locks.retire(id).await?;
            Ok(Some(task))
        }
        Ok(task) => Ok(Some(reconcile(store, witnesses, clock, task).await?.task)),
        Err(StoreError::NotFound { .. } | StoreError::Unreadable { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
