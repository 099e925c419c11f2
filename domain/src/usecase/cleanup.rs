//! `cleanup`: removing derived files that belong to no task and, if asked, ended tasks.
//!
//! A task's worktree is removed with it, unless work in it would be lost; then the task stays too, so
//! that its record still names the worktree. Never removes a task that has not ended.

mod collected;
mod idle;
mod in_use;

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::prune::Mode;
use super::reconcile::CONCLUSION;
use super::repair::{look, mend};
use super::{Trouble, World};
use crate::plan::queue::suspects;
use crate::port::worktrees::{Removal as Fate, Worktrees};
use crate::port::{Doomed, StoreError};
use crate::task::{Query, Status, Task, TaskId, Timestamp, Unreadable, Worktree, text};
pub use collected::remove_collected;
use idle::{is_deserted, is_idle};
use in_use::InUse;

/// How many processes of a task are named.
const NAMED: usize = 5;

/// Which ended tasks to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Only tasks that ended at least this long ago.
    pub older_than: Option<Duration>,
    /// Only tasks with one of these statuses; all if there is none.
    pub statuses: Vec<Status>,
}

/// What was cleaned up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// How many derived entries were removed that belonged to no task any more.
    pub swept: usize,
    /// The tasks that were removed, with all their files.
    pub removed: Vec<TaskId>,
    /// The tasks that should have been removed and were not, with why.
    pub kept: Vec<(TaskId, Kept)>,
    /// The tasks that were kept together with their worktrees.
    pub worktrees_kept: Vec<WorktreeKept>,
    /// Why some of what belongs to no task could not be swept.
    pub unswept: Option<Trouble>,
    /// Entries that cannot be read; they are never removed.
    pub unreadable: Vec<Unreadable>,
}

/// A worktree that was kept, with its task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorktreeKept {
    /// The task it was made for.
    pub id: TaskId,
    /// The worktree.
    pub worktree: Worktree,
    /// Why it was kept.
    pub why: String,
}

/// Why an ended task was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kept {
    /// Its agent still works, which the record alone names.
    #[error("its agent still works; `task-bg cancel {id}` stops it")]
    AtWork {
        /// Which.
        id: TaskId,
    },
    /// Somebody holds its life lock, as a supervisor that was stopped once it had recorded the ending.
    #[error("{} has not let go of it; `task-bg doctor` says what holds it up", holding(.holder))]
    Held {
        /// Who, in words; empty where that is not known.
        holder: String,
    },
    /// A task that has not ended comes after it, or asks for its result.
    #[error("task {by}, which has not ended, waits for it or asks for its result")]
    Needed {
        /// That task.
        by: TaskId,
    },
    /// Processes that it left behind live on, and may use what would be removed.
    #[error("processes of it live on: {}; `task-bg cancel {id}` ends them", listed(.pids))]
    LeftBehind {
        /// Which.
        id: TaskId,
        /// Their numbers.
        pids: Vec<u32>,
    },
    /// Processes that nothing else leads to, such as what a leftover started with an empty environment, work in its
    /// worktree.
    #[error("processes work in its worktree: {}; end them, or let them leave it", listed(.pids))]
    InUse {
        /// Their numbers.
        pids: Vec<u32>,
    },
    /// Processes that nobody could name lived on when it ended, and are not known to be gone.
    #[error("what it left behind could not be named; `task-bg cancel {id}` ends what it finds")]
    Unnamed {
        /// Which.
        id: TaskId,
    },
    /// Another machine ran it, and its agent is not known to have exited.
    #[error(
        "it ran on `{host}`, which alone can see whether its agent is gone: run the command there; if that machine is no more, or this is a copy of its store, remove the files `{id}.*` by hand"
    )]
    Elsewhere {
        /// Which.
        id: TaskId,
        /// The machine.
        host: String,
    },
    /// It could not be removed, or not be checked.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Sweeps the store; with a `removal`, removes ended tasks too. What fails for one task is in the
/// receipt. A dry run removes nothing, and its receipt is of what would be removed.
///
/// # Errors
/// [`Trouble`] if the store as a whole cannot be read.
pub async fn cleanup(
    world: World<'_>,
    worktrees: &dyn Worktrees,
    removal: Option<Removal>,
    mode: Mode,
) -> Result<Cleaned, Trouble> {
    let mut cleaned = Cleaned::default();
    if mode == Mode::Execute {
        // Sweeping removes names; what else a killed supervisor left is put away by a repair.
        if let Ok(found) = look(world).await {
            mend(world, &found, &suspects(&found.names)).await;
        }
        match world.store.sweep().await.map_err(Trouble::from) {
            Ok(swept) => cleaned.swept = swept,
            Err(trouble) if trouble.is_of_read_only_store() => return Err(trouble),
            // What stays of one task keeps no other from being removed.
            Err(trouble) => cleaned.unswept = Some(trouble),
        }
    }
    let Some(removal) = removal else { return Ok(cleaned) };
    let now = world.clock.now();
    let query = Query { statuses: removal.statuses, ..Query::default() };
    let listing = world.store.list(&query).await?;
    cleaned.unreadable = listing.unreadable;
    let old_enough =
        |task: &Task| removal.older_than.is_none_or(|age| ended_before(task, age, now));
    let to_go = |task: &&Task| task.status().is_ended() && old_enough(task);
    let tasks: Vec<&Task> = listing.tasks.iter().filter(to_go).collect();
    remove_all(world, worktrees, &tasks, mode, &mut cleaned).await?;
    Ok(cleaned)
}

/// Whether a task ended at least so long ago.
fn ended_before(task: &Task, age: Duration, now: Timestamp) -> bool {
    let ended = task.state().ended_at().or(task.progress().last_update);
    ended.is_some_and(|ended| now.since(ended) >= age)
}

/// Removes these ended tasks, or says of each why not. A dry run removes nothing, and its receipt is of what would be
/// removed.
///
/// # Errors
/// [`Trouble`] if nobody can say what is still needed; then nothing was removed.
pub async fn remove_these(
    world: World<'_>,
    worktrees: &dyn Worktrees,
    tasks: &[&Task],
    mode: Mode,
) -> Result<Cleaned, Trouble> {
    let mut cleaned = Cleaned::default();
    remove_all(world, worktrees, tasks, mode, &mut cleaned).await?;
    Ok(cleaned)
}

async fn remove_all(
    world: World<'_>,
    worktrees: &dyn Worktrees,
    tasks: &[&Task],
    mode: Mode,
    cleaned: &mut Cleaned,
) -> Result<(), Trouble> {
    let in_use = InUse::look(world).await?;
    // One look for all of them, and before the first is removed.
    let at_large = world.host.at_large().await;
    let worktree = |task: &&Task| Some(task.order().worktree.as_ref()?.path.clone());
    let folders: Vec<String> = tasks.iter().filter_map(worktree).collect();
    let working = world.host.working_in(&folders).await;
    let mut patience = CONCLUSION;
    for task in tasks {
        let idle = match in_use.needs(task.id()) {
            Some(why) => Err(why),
            None => is_idle(world, task, &at_large, &mut patience).await,
        };
        let idle = idle.and_then(|()| is_deserted(task, &working));
        remove(world, worktrees, task, (&in_use, mode, idle), cleaned).await;
    }
    Ok(())
}

/// Removes one ended task with its worktree, or says why not.
async fn remove(
    world: World<'_>,
    worktrees: &dyn Worktrees,
    task: &Task,
    (in_use, mode, idle): (&InUse, Mode, Result<(), Kept>),
    cleaned: &mut Cleaned,
) {
    if let Err(why) = idle {
        if let Some(worktree) = &task.order().worktree {
            let (id, worktree) = (task.id().clone(), worktree.clone());
            let why = alloc::format!("{why}");
            cleaned.worktrees_kept.push(WorktreeKept { id, worktree, why });
        }
        cleaned.kept.push((task.id().clone(), why));
        return;
    }
    if let Some(worktree) = &task.order().worktree {
        let why = if in_use.worktrees.contains(&worktree.path) {
            Some("another task still works in it".to_owned())
        } else {
            let fate = match mode {
                Mode::Execute => worktrees.remove_if_clean(worktree).await,
                Mode::DryRun => worktrees.is_clean(worktree).await,
            };
            match fate {
                Ok(Fate::Removed) => None,
                Ok(Fate::Kept(why)) => Some(why),
                Err(fault) => Some(alloc::format!("{fault}")),
            }
        };
        if let Some(why) = why {
            let (id, worktree) = (task.id().clone(), worktree.clone());
            cleaned.worktrees_kept.push(WorktreeKept { id, worktree, why });
            return;
        }
    }
    if mode == Mode::DryRun {
        return cleaned.removed.push(task.id().clone());
    }
    // Nobody would look for it who does not know the task.
    if task.progress().group.is_some() && !world.host.clear(&Doomed::of(task)).await {
        drop(world.locks.note_remains(task.id()).await);
    }
    match world.store.remove(task.id()).await {
        Ok(()) => cleaned.removed.push(task.id().clone()),
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => cleaned.kept.push((task.id().clone(), Trouble::from(error).into())),
    }
}

fn holding(holder: &str) -> &str {
    if holder.is_empty() { "its supervisor" } else { holder }
}

/// The first of these numbers, and how many more there are.
fn listed(pids: &[u32]) -> String {
    let named: Vec<String> = pids.iter().map(ToString::to_string).collect();
    text::some_of(&named, NAMED)
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;
    use alloc::sync::Arc;

    use super::*;
    use crate::port::worktrees::MockWorktrees;
    use crate::task::{Ending, Event, Order, Recorded};
    use crate::testing::{self, MemoryWorld, Part};

    fn ended(order: Order) -> Task {
        let running = testing::running_task();
        let parts = Recorded {
            id: running.id().clone(),
            order: Arc::new(order),
            state: running.state().clone(),
            queued_at: running.queued_at(),
            started_at: running.started_at(),
            progress: Box::new(running.progress().clone()),
        };
        let ending = Ending::Completed { result: "done".into() };
        let event = Event::Ended { ending, exit: None, next: None };
        Task::recorded(parts).apply(event, testing::ORDERED).expect("it ran").task
    }

    fn isolated() -> Order {
        let [path, branch, base, repository] = ["/w/1", "task-bg/1", "c0ffee", "/r"];
        let worktree = Worktree {
            path: path.into(),
            branch: branch.into(),
            base: base.into(),
            repository: repository.into(),
        };
        Order { worktree: Some(worktree), ..testing::order() }
    }

    #[tokio::test]
    async fn only_ended_tasks_that_are_old_enough_are_removed() {
        let ended = ended(testing::order());
        let running = testing::foreign_running_task();
        let memory = MemoryWorld::holding([ended.clone(), running]);
        let worktrees = MockWorktrees::new();
        let removal = Removal { older_than: Some(Duration::from_secs(60)), statuses: Vec::new() };
        let removal = Some(removal);
        let early = cleanup(memory.world(), &worktrees, removal.clone(), Mode::Execute).await;
        assert_eq!(early.expect("cleaned").removed, []);
        memory.clock.advance(Duration::from_secs(60));
        let late = cleanup(memory.world(), &worktrees, removal, Mode::Execute).await;
        assert_eq!(late.expect("cleaned").removed, [ended.id().clone()]);
    }

    #[tokio::test]
    async fn a_task_whose_worktree_is_kept_stays_and_is_named() {
        let ended = ended(isolated());
        let memory = MemoryWorld::holding([ended.clone()]);
        let mut worktrees = MockWorktrees::new();
        worktrees.expect_remove_if_clean().returning(|_| Ok(Fate::Kept("it is dirty".into())));
        let removal = Some(Removal::default());
        let cleaned =
            cleanup(memory.world(), &worktrees, removal, Mode::Execute).await.expect("cleaned");
        assert_eq!(cleaned.removed, []);
        assert_eq!(cleaned.worktrees_kept[0].why, "it is dirty");
        assert!(memory.world().store.load(ended.id()).await.is_ok());
    }

    #[tokio::test]
    async fn a_worktree_in_which_somebody_works_is_not_even_looked_at() {
        let ended = ended(isolated());
        let untouched = MockWorktrees::new();
        let removal = Some(Removal::default());
        let id = TaskId::mint(testing::ORDERED, [7, 7, 7]);
        let next = Task::ordered(id, isolated(), None, testing::ORDERED);
        let memory = MemoryWorld::holding([ended, next]);
        let cleaned =
            cleanup(memory.world(), &untouched, removal, Mode::Execute).await.expect("cleaned");
        assert_eq!(cleaned.worktrees_kept.len(), 1);
    }

    // The record alone names the agent; without it nobody could stop the agent any more.
    #[tokio::test]
    async fn an_ended_task_whose_agent_works_or_whose_lock_is_held_is_kept() {
        let ended = ended(testing::order());
        let (untouched, removal) = (MockWorktrees::new(), Some(Removal::default()));
        let memory = MemoryWorld::holding([ended.clone()]);
        let claim = memory.locks.take(ended.id());
        let cleaned = cleanup(memory.world(), &untouched, removal.clone(), Mode::Execute);
        let cleaned = cleaned.await.expect("cleaned");
        assert!(matches!(cleaned.kept[..], [(_, Kept::Held { .. })]), "{cleaned:?}");
        drop(claim);
        let agent = ended.progress().agent.clone().expect("it ran");
        memory.host.revive(&agent, ended.id(), Part::Agent);
        let cleaned =
            cleanup(memory.world(), &untouched, removal, Mode::Execute).await.expect("cleaned");
        assert!(matches!(cleaned.kept[..], [(_, Kept::AtWork { .. })]), "{cleaned:?}");
    }

    #[tokio::test]
    async fn one_with_a_worktree_is_named_with_that() {
        let ended = ended(isolated());
        let (untouched, removal) = (MockWorktrees::new(), Some(Removal::default()));
        let memory = MemoryWorld::holding([ended.clone()]);
        let claim = memory.locks.take(ended.id());
        let cleaned =
            cleanup(memory.world(), &untouched, removal, Mode::Execute).await.expect("cleaned");
        assert!(
            cleaned.worktrees_kept[0].why.contains("its supervisor has not let go"),
            "{cleaned:?}"
        );
        drop(claim);
    }
}
