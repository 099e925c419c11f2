//! `status`: one task, after [`super::reconcile`]. Changes nothing else.

use core::time::Duration;

use super::reconcile::{Believed, CONCLUSION, reconcile_within};
use super::{Trouble, World, jobs};
use crate::task::TaskId;

/// Looks up one task.
///
/// # Errors
/// [`Trouble`] if there is no such task, or it cannot be read.
pub async fn status(world: World<'_>, id: &TaskId) -> Result<Believed, Trouble> {
    status_within(world, id, &mut CONCLUSION.clone()).await
}

/// The same for one of several, where other processes that conclude it are waited for no longer than `patience`, of which that
/// takes away.
///
/// # Errors
/// As for [`status`].
pub async fn status_within(
    world: World<'_>,
    id: &TaskId,
    patience: &mut Duration,
) -> Result<Believed, Trouble> {
    let task = world.store.load(id).await?;
    reconcile_within(world, task, jobs::RECENT, patience).await
}
