//! `--key`: the same request twice is one task.
//!
//! The key's lock is held from the look-up until the task is launched, so that of any number of
//! launches at once one starts it and the others get that one back. A launcher that died in between
//! leaves a key without a record, which the next one takes over.

use alloc::boxed::Box;

use super::Witnesses;
use super::admit::Door;
use super::launch::{LaunchError, launch};
use crate::port::keys::KeyEntry;
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

/// What a key is claimed with: the task that has it, or the right to launch one.
#[must_use = "a claim that is dropped is given up"]
pub enum Claim {
    /// There is a task of that key.
    Existing(Box<Task>),
    /// There is none, and nobody else can make one while this is held; nothing is held without a key.
    Free(Option<Box<dyn KeyEntry>>),
}

/// Claims the key of an order that is about to be launched.
///
/// # Errors
/// [`LaunchError`] if it cannot be told who has the key.
pub async fn claim(
    store: &dyn TaskStore,
    keys: &dyn Keys,
    key: Option<&str>,
) -> Result<Claim, LaunchError> {
    let Some(key) = key else { return Ok(Claim::Free(None)) };
    let entry = keys.open(key).await?;
    if let Some(owner) = entry.owner() {
        match store.load(owner).await {
            Ok(task) => return Ok(Claim::Existing(Box::new(task))),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Claim::Free(Some(entry)))
}

/// Launches the task under the claim that was made for it.
///
/// # Errors
/// [`LaunchError`]; a key whose task could not be started stays with that task.
pub async fn launch_claimed(
    store: &dyn TaskStore,
    witnesses: Witnesses<'_>,
    clock: &dyn Clock,
    door: Door<'_>,
    mut entry: Option<Box<dyn KeyEntry>>,
    task: Task,
) -> Result<Task, LaunchError> {
    if let Some(entry) = &mut entry {
        entry.give(task.id()).await?;
    }
    let launched = launch(store, witnesses, clock, door, task).await;
    drop(entry);
    launched
}
