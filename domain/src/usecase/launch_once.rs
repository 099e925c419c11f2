//! `--key`: the same request twice is one task.
//!
//! The key's lock is held from the look-up until the task is launched, so that of any number of launches at
//! once one starts it and the others get that one back. A launcher that died in between leaves a key without
//! a record, and a task that never had an agent leaves one without work done: the next one takes it over.

use alloc::boxed::Box;

use super::World;
use super::launch::{LaunchError, Launched, launch};
use super::reconcile::reconcile;
use crate::port::keys::KeyEntry;
use crate::port::{Keys, Kit, StoreError};
use crate::task::{Reason, State, Task};

/// What a key is claimed with: the task that has it, or the right to launch one.
#[must_use = "a claim that is dropped is given up"]
pub enum KeyClaim {
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
    world: World<'_>,
    keys: &dyn Keys,
    key: Option<&str>,
) -> Result<KeyClaim, LaunchError> {
    let Some(key) = key else { return Ok(KeyClaim::Free(None)) };
    let entry = keys.open(key).await?;
    if let Some(owner) = entry.owner() {
        match world.store.load(owner).await {
            Ok(task) => {
                // What is said of it must be true, and one that died may have to be done again.
                let task = Box::pin(reconcile(world, task)).await?.task;
                if !never_had_an_agent(&task) {
                    return Ok(KeyClaim::Existing(Box::new(task)));
                }
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(KeyClaim::Free(Some(entry)))
}

/// Whether the task ended before there was an agent, so that nothing of what was asked for was done.
fn never_had_an_agent(task: &Task) -> bool {
    let failed_to_launch =
        matches!(task.state(), State::Error(failure) if failure.reason == Reason::LaunchFailed);
    failed_to_launch && task.started_at().is_none() && task.progress().retried_as.is_none()
}

/// Launches the task under the claim that was made for it.
///
/// # Errors
/// [`LaunchError`] as for [`launch`].
pub async fn launch_claimed(
    world: World<'_>,
    mut entry: Option<Box<dyn KeyEntry>>,
    task: &Task,
    kit: &Kit,
) -> Result<Launched, LaunchError> {
    if let Some(entry) = &mut entry {
        entry.give(task.id()).await?;
    }
    let launched = Box::pin(launch(world, task, kit)).await;
    drop(entry);
    launched
}
