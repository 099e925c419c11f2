//! `status`: one task, after [`super::reconcile`]. Changes nothing else.

use super::reconcile::{Believed, reconcile};
use super::{Trouble, World};
use crate::task::TaskId;

/// Looks up one task.
///
/// # Errors
/// [`Trouble`] if there is no such task, or it cannot be read.
pub async fn status(world: World<'_>, id: &TaskId) -> Result<Believed, Trouble> {
    let task = world.store.load(id).await?;
    reconcile(world, task).await
}
