//! `--key`: the same request twice is one task.
//!
//! The key's lock is held from the look-up until the task is launched, so that of any number of
//! launches at once one starts it and the others get that one back. A launcher that died in between
//! leaves a key without a record, which the next one takes over.

use super::Witnesses;
use super::admit::Door;
use super::launch::{LaunchError, launch};
use crate::port::{Clock, Keys, StoreError, TaskStore};
use crate::task::Task;

/// A task that was asked for by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// It was launched by this.
    Launched(Task),
    /// It was there before.
    Existing(Task),
}

/// Launches the task, unless its key has a task already.
///
/// # Errors
/// [`LaunchError`]; a key whose task could not be started stays with that task.
pub async fn launch_once(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    door: Door<'_>,
    keys: &dyn Keys,
    task: Task,
) -> Result<Once, LaunchError> {
    let Some(key) = &task.order().key else {
        return launch(store, witnesses, clock, door, task).await.map(Once::Launched);
    };
    let mut entry = keys.open(key).await?;
    if let Some(owner) = entry.owner() {
        match store.load(owner).await {
            Ok(task) => return Ok(Once::Existing(task)),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    entry.give(task.id()).await?;
    let launched = launch(store, witnesses, clock, door, task).await;
    drop(entry);
    launched.map(Once::Launched)
}
