//! `launch --key`: orders under one key start one task.
//!
//! The key's lock is held from the look-up until the task is launched, so that of several launches at
//! once one starts the task and the others return it. The next launch takes over a key whose task never
//! had an agent, or has no record because its launcher was killed. Never looks at what is ordered.

use alloc::boxed::Box;

use super::World;
use super::launch::{LaunchError, Launched, launch};
use super::reconcile::reconcile;
use crate::port::keys::KeyEntry;
use crate::port::{Keys, Kit, StoreError};
use crate::task::{Reason, State, Task};

/// What claiming a key gives: the task that has it, or the right to launch one.
#[must_use = "dropping the claim frees the key"]
pub enum KeyClaim {
    /// The task that has the key.
    Existing(Box<Task>),
    /// No task has the key, and no other process can launch one while the entry is held; `None` without
    /// a key.
    Free(Option<Box<dyn KeyEntry>>),
}

/// Claims the key of an order that is about to be launched.
///
/// # Errors
/// [`LaunchError`] if it cannot be found out which task has the key.
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
                // Reconciled, so that the answer is true and a task that was never started frees its
                // key.
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

/// Whether the task ended before there was an agent, and without a follower: no work was done.
fn never_had_an_agent(task: &Task) -> bool {
    let failed_to_launch =
        matches!(task.state(), State::Error(failure) if failure.reason == Reason::LaunchFailed);
    failed_to_launch && task.started_at().is_none() && task.progress().retried_as.is_none()
}

/// Launches the task, holding its key.
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
