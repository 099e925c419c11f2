//! `list`: what there is, newest first, and what could not be read.

use alloc::vec::Vec;

use super::reconcile::{Note, reconcile};
use super::repair::{look, mend};
use super::{Trouble, World};
use crate::plan::queue::suspects;
use crate::task::{Listing, Query, TaskId};

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
pub async fn list(world: World<'_>, query: &Query) -> Result<Listed, Trouble> {
    if let Ok(found) = look(world).await {
        // What cannot be mended now must not keep anybody from looking.
        mend(world, &found, &suspects(&found.names)).await;
    }
    survey(world, query).await
}

/// Lists tasks as they are to be believed, without completing what others left half done.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn survey(world: World<'_>, query: &Query) -> Result<Listed, Trouble> {
    let mut listing = world.store.list(query).await?;
    let mut notes = Vec::new();
    let mut changed = false;
    for task in listing.tasks.iter().filter(|task| !task.status().is_ended()) {
        // One that cannot be judged now is shown as it is recorded.
        let Ok(believed) = reconcile(world, task.clone()).await else { continue };
        changed |= believed.task.status() != task.status();
        notes.extend(believed.note.map(|note| (task.id().clone(), note)));
    }
    if changed {
        listing = world.store.list(query).await?;
    }
    Ok(Listed { listing, notes })
}
