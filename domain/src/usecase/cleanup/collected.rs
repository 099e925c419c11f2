//! What a rule removes without being asked: ended tasks that are old, and that somebody has collected.
//!
//! Who has collected what, whoever applies the rule knows. Keeps whatever [`super::cleanup`] keeps.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Cleaned, ended_before, remove_these};
use crate::port::worktrees::Worktrees;
use crate::task::{Task, TaskId};
use crate::usecase::prune::Mode;
use crate::usecase::{Trouble, World};

/// Removes those of these tasks that ended at least so long ago and of which `is_collected` says that somebody took what
/// they found, with what [`super::cleanup`] keeps kept. Leaves alone what other programs recorded: nobody knows who collected it.
///
/// # Errors
/// [`Trouble`] if nobody can say what is still needed; then nothing was removed.
pub async fn remove_collected(
    world: World<'_>,
    worktrees: &dyn Worktrees,
    ids: &[TaskId],
    older_than: Duration,
    is_collected: &(dyn Fn(&Task) -> bool + Sync),
) -> Result<Cleaned, Trouble> {
    let now = world.clock.now();
    let mut tasks = Vec::new();
    for id in ids {
        // What cannot be read is left as it is.
        tasks.extend(world.store.load(id).await);
    }
    tasks.retain(|task| task.status().is_ended() && task.is_ours());
    tasks.retain(|task| ended_before(task, older_than, now) && is_collected(task));
    if tasks.is_empty() {
        return Ok(Cleaned::default());
    }
    remove_these(world, worktrees, &tasks.iter().collect::<Vec<_>>(), Mode::Execute).await
}
