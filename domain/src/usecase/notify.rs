//! Telling a parent session of its tasks: each ending once, and a reminder when it is about to stop.
//!
//! An ending is marked as told after it was said, and the parent's lock is held meanwhile: a process
//! that is killed in between causes a repetition, never a loss. Where no mark can be made, no ending is
//! told until one can. A task whose supervisor and agent are gone is ended here, so that nobody is told
//! that it is at work. Nothing here prints.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::custody::agent_is_gone;
use super::reconcile::conclude_if_gone;
use super::{Trouble, World};
use crate::plan::notice::{Delay, Pending, plan_notice};
use crate::plan::reconcile::Custody;
use crate::port::{Fault, NoticeBatch, Notices, StoreError, TaskStore};
use crate::task::notice::{Mark, Occasion, Stage};
use crate::task::{SessionId, Task, TaskId};

/// A message that is due: to be printed, then marked with [`Due::said`]. If it is dropped instead, it
/// will be due again.
#[must_use = "say it and then note it with `said`"]
pub struct Due {
    message: String,
    marks: Vec<(TaskId, Mark)>,
    // Held until the end, so that no other process says the same.
    batch: Box<dyn NoticeBatch>,
}

impl Due {
    /// The words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Marks the tasks of the message as told.
    ///
    /// # Errors
    /// [`Fault`] if some task cannot be marked; the others are.
    pub async fn said(self) -> Result<(), Fault> {
        let mut noted = Ok(());
        for (id, mark) in &self.marks {
            noted = noted.and(self.batch.mark(id, *mark).await);
        }
        noted
    }
}

impl fmt::Debug for Due {
    // Results may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Due").field("marks", &self.marks).finish_non_exhaustive()
    }
}

/// What is to be said to `parent` on this occasion, if anything.
///
/// Costs a look at the life lock of each task that is at work, and reads the records of the others. Where a session
/// begins or stops, records that others made since the last look are read as well, each once.
///
/// # Errors
/// [`Trouble`] if the store or the index fails.
pub async fn due(
    world: World<'_>,
    notices: &dyn Notices,
    parent: &SessionId,
    occasion: Occasion,
) -> Result<Option<Due>, Trouble> {
    if occasion != Occasion::Working {
        // The store notes for its parent what another program recorded. A look that fails costs no notice of ours.
        drop(world.store.unended().await);
    }
    let Some(batch) = notices.take(parent).await? else { return Ok(None) };
    let takes_marks = batch.takes_marks();
    let mut pending = Vec::new();
    for (id, stage) in batch.entries() {
        let may_be_late = occasion == Occasion::Working
            && *stage == Stage::Open
            && Delay::is_possible(id, world.clock.now());
        let concerns = occasion.concerns(*stage) || may_be_late;
        if !(concerns || may_be_gone(world, id, *stage).await) {
            continue;
        }
        let Some(task) = own(world.store, batch.as_ref(), parent, id).await? else { continue };
        // Of what cannot be judged or recorded now nothing is said: it may be dead.
        let Ok(Some(task)) = conclude_if_gone(world, task).await else { continue };
        let ended = task.status().is_ended();
        let delay = Delay::of(&task, world.clock.now()).filter(|_| may_be_late && !ended);
        let is_gone = !ended && agent_is_gone(world, &task).await;
        if ended {
            // Said without a mark, it would be said again at every event.
            if !takes_marks {
                continue;
            }
            if batch.was_told(id) {
                // It may be possible by now to remove it.
                drop(batch.mark(id, Mark::Settled).await);
                continue;
            }
        } else if *stage == Stage::Ended && occasion == Occasion::Stopping && batch.was_named(id) {
            // Its supervisor is about to record an ending, and has been for a while.
            continue;
        } else if (occasion == Occasion::Stopping || delay.is_some())
            && *stage != Stage::Named
            // Marked before it is said: a lost reminder is better than one at every stop.
            && batch.mark(id, Mark::Named).await.is_err()
        {
            continue;
        }
        pending.push(Pending { task, stage: *stage, delay, is_gone });
    }
    let plan = plan_notice(occasion, &pending);
    Ok(plan.message.map(|message| Due { message, marks: plan.marks, batch }))
}

/// Whether a task may have lost its supervisor, or ended without a mark: nobody holds its life lock, and
/// it does not wait.
async fn may_be_gone(world: World<'_>, id: &TaskId, stage: Stage) -> bool {
    match stage {
        Stage::Open | Stage::Named => match world.locks.custody(id).await {
            Ok(Custody::Free | Custody::Absent) => true,
            Ok(Custody::Held | Custody::Waiting) | Err(_) => false,
        },
        Stage::Ended | Stage::Told => false,
    }
}

/// The task of an entry, if its record names this parent; otherwise removes the entry.
async fn own(
    store: &dyn TaskStore,
    batch: &dyn NoticeBatch,
    parent: &SessionId,
    id: &TaskId,
) -> Result<Option<Task>, Trouble> {
    match store.load(id).await {
        Ok(task) if task.order().parent.as_ref() == Some(parent) => Ok(Some(task)),
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            batch.mark(id, Mark::Settled).await?;
            Ok(None)
        }
        // What cannot be read now may be read later.
        Err(StoreError::Unreadable { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Records that `caller` has seen the endings of those of its own tasks among `tasks` that have ended.
///
/// # Errors
/// [`Fault`] if some task cannot be marked; the others are.
pub async fn collect(
    notices: &dyn Notices,
    caller: &SessionId,
    tasks: &[Task],
) -> Result<(), Fault> {
    let theirs =
        |task: &&Task| task.order().parent.as_ref() == Some(caller) && task.status().is_ended();
    let mut noted = Ok(());
    for task in tasks.iter().filter(theirs) {
        noted = noted.and(notices.collected(caller, task.id()).await);
    }
    noted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Ending, Event, Order, Status};
    use crate::testing::{self, MemoryNotices, MemoryWorld};

    fn parent() -> SessionId {
        SessionId::parse("parent-1").expect("a session")
    }

    /// A task of the parent; ended if a result is given.
    fn task(number: u8, result: Option<&str>) -> Task {
        let id = TaskId::mint(testing::ORDERED, [0, 0, number]);
        let order = Order { parent: Some(parent()), ..testing::order() };
        let task = Task::ordered(id, order, None, testing::ORDERED);
        let Some(result) = result else { return task };
        let ending = Ending::Completed { result: result.into() };
        task.apply(Event::Ended { ending, exit: None, next: None }, testing::ORDERED)
            .expect("ended")
            .task
    }

    fn noticed(tasks: &[Task]) -> (MemoryWorld, MemoryNotices) {
        let entries = tasks.iter().map(|task| {
            let stage = if task.status().is_ended() { Stage::Ended } else { Stage::Open };
            (parent(), task.id().clone(), stage)
        });
        let memory = MemoryWorld::holding(tasks.to_vec());
        for task in tasks.iter().filter(|task| task.status() == Status::Queued) {
            memory.locks.keep_waiting(task.id());
        }
        (memory, MemoryNotices::holding(entries))
    }

    async fn say(found: &(MemoryWorld, MemoryNotices), occasion: Occasion) -> Option<String> {
        let due =
            due(found.0.world(), &found.1, &parent(), occasion).await.expect("nothing fails")?;
        let message = due.message().into();
        due.said().await.expect("noted");
        Some(message)
    }

    #[tokio::test]
    async fn an_ending_is_told_once_and_again_only_if_it_was_not_said() {
        let found = noticed(&[task(1, Some("found"))]);
        let unsaid =
            due(found.0.world(), &found.1, &parent(), Occasion::Working).await.expect("due");
        drop(unsaid.expect("a message"));
        assert!(say(&found, Occasion::Working).await.expect("again").contains("found"));
        assert_eq!(say(&found, Occasion::Stopping).await, None);
    }

    #[tokio::test]
    async fn nobody_else_tells_while_somebody_does() {
        let found = noticed(&[task(1, Some("found"))]);
        let held = due(found.0.world(), &found.1, &parent(), Occasion::Working).await.expect("due");
        assert!(say(&found, Occasion::Working).await.is_none());
        drop(held);
        assert!(say(&found, Occasion::Working).await.is_some());
    }

    #[tokio::test]
    async fn at_a_stop_tasks_at_work_are_named_once_and_their_endings_still_told() {
        let working = task(1, None);
        let found = noticed(std::slice::from_ref(&working));
        assert_eq!(say(&found, Occasion::Working).await, None);
        assert!(say(&found, Occasion::Stopping).await.expect("named").contains("still at work"));
        assert_eq!(say(&found, Occasion::Stopping).await, None);
        let ending = Ending::Completed { result: "late".into() };
        let event = Event::Ended { ending, exit: None, next: None };
        found.0.store.apply(working.id(), event, testing::ORDERED).await.expect("ended");
        found.1.ended(&parent(), working.id());
        assert!(say(&found, Occasion::Working).await.expect("told").contains("late"));
    }

    // Hooks were silent about a task whose supervisor and agent had been killed, or "still at work" at a
    // stop; nobody was told that it was gone.
    #[tokio::test]
    async fn a_task_that_is_gone_is_told_as_lost_at_the_first_event_and_never_as_at_work() {
        for occasion in [Occasion::Starting, Occasion::Working, Occasion::Stopping] {
            let mut task = task(1, None);
            task =
                task.apply(Event::Started(testing::started()), testing::ORDERED).expect("ok").task;
            let found = noticed(std::slice::from_ref(&task));
            found.0.locks.leave_free(task.id());
            let message = say(&found, occasion).await.expect("a message");
            assert!(message.contains("error (lost)"), "{occasion:?}: {message}");
            assert!(!message.contains("at work"), "{occasion:?}: {message}");
            assert_eq!(say(&found, Occasion::Stopping).await, None);
        }
    }

    #[tokio::test]
    async fn a_session_that_begins_anew_is_told_each_time_what_has_not_ended() {
        let found = noticed(&[task(1, None)]);
        for _ in 0..2 {
            let message = say(&found, Occasion::Starting).await.expect("a message");
            assert!(message.contains("has not ended: "), "{message}");
            assert!(message.contains("`task-bg wait bg_"), "{message}");
        }
        assert!(say(&found, Occasion::Stopping).await.expect("named").contains("still at work"));
    }

    #[tokio::test]
    async fn an_ending_is_told_only_where_it_can_be_marked_and_then_once() {
        let found = noticed(&[task(1, Some("found")), task(2, None)]);
        found.1.read_only(true);
        assert_eq!(say(&found, Occasion::Working).await, None);
        assert_eq!(say(&found, Occasion::Stopping).await, None);
        let message = say(&found, Occasion::Starting).await.expect("what has not ended");
        assert!(!message.contains("found"), "{message}");
        found.1.read_only(false);
        assert!(say(&found, Occasion::Working).await.expect("told").contains("found"));
        assert_eq!(say(&found, Occasion::Working).await, None);
    }

    #[tokio::test]
    async fn what_a_parent_saw_for_itself_is_not_told_and_others_cannot_see_for_it() {
        let (ended, other) = (task(1, Some("seen")), task(2, Some("unseen")));
        let found = noticed(&[ended.clone(), other.clone()]);
        let stranger = SessionId::parse("stranger").expect("a session");
        collect(&found.1, &stranger, std::slice::from_ref(&other)).await.expect("noted");
        collect(&found.1, &parent(), &[ended]).await.expect("noted");
        let message = say(&found, Occasion::Stopping).await.expect("a message");
        assert!(message.contains("unseen") && !message.contains("\"seen"), "{message}");
        assert!(message.starts_with("task-bg: 1 background task has ended"), "{message}");
    }

    #[tokio::test]
    async fn an_entry_is_believed_only_as_far_as_the_record_goes() {
        let gone = task(1, Some("gone"));
        let notices = MemoryNotices::holding([(parent(), gone.id().clone(), Stage::Ended)]);
        let stranger = Task::ordered(gone.id().clone(), testing::order(), None, testing::ORDERED);
        for memory in [MemoryWorld::default(), MemoryWorld::holding([stranger])] {
            let due = due(memory.world(), &notices, &parent(), Occasion::Working).await;
            assert!(due.expect("nothing fails").is_none());
        }
        assert!(notices.take(&parent()).await.expect("taken").is_none());
    }
}
