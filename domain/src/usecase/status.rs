//! `status`: one task, as it is to be believed.

use super::reconcile::{Believed, reconcile};
use super::{Trouble, Witnesses};
use crate::port::{Clock, TaskStore};
use crate::task::TaskId;

/// Looks up one task.
///
/// # Errors
/// [`Trouble`] if there is no such task, or it cannot be read.
pub async fn status(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    id: &TaskId,
) -> Result<Believed, Trouble> {
    let task = store.load(id).await?;
    reconcile(store, witnesses, clock, task).await
}
