//! Trying the same once more, and going on where a task stopped: pure planning, and the link
//! between an attempt and the next.
//!
//! A new attempt is a new task with the same order. Nothing here changes how the earlier one ended.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use crate::port::{Clock, StoreError, TaskStore};
use crate::task::{
    Continuation, Ending, Event, Lineage, Order, Placement, Prompt, Reason, Retries, Runner,
    SessionId, Status, Task, TaskId, Timestamp,
};

/// The longest an attempt waits after the one before.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60 * 60);
/// The most attempts that are followed in one direction: records written by hand may form a circle.
const MOST_ATTEMPTS: usize = 100;
/// Bad endings that would come out the same once more, and so are not retried unless asked for.
const FINAL: [Reason; 4] = [Reason::Permission, Reason::Auth, Reason::Dependency, Reason::Reported];

/// Why a task cannot be taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAgain {
    /// It has not ended.
    #[error("it has not ended")]
    NotEnded,
    /// It was not launched by us, so nobody knows how.
    #[error("its record does not say what to run")]
    NotOurs,
    /// It is a plain command, which has no session.
    #[error("it is a plain command and has no session to go on with")]
    NoSession,
}

/// The order of a next attempt, by hand.
///
/// # Errors
/// [`NotAgain`] if there is nothing to repeat.
pub fn retry(task: &Task, session: Option<SessionId>) -> Result<Order, NotAgain> {
    if !task.status().is_ended() {
        return Err(NotAgain::NotEnded);
    }
    match task.order().runner {
        Runner::Elsewhere => Err(NotAgain::NotOurs),
        Runner::Agent { .. } | Runner::Command(_) => Ok(next_attempt(task, session)),
    }
}

fn next_attempt(task: &Task, session: Option<SessionId>) -> Order {
    let order = task.order().clone();
    let lineage = Lineage {
        attempt: order.lineage.attempt.saturating_add(1),
        retry_of: Some(task.id().clone()),
        ..order.lineage
    };
    let placement = Placement {
        priority: order.placement.priority,
        group: order.placement.group,
        ..Placement::default()
    };
    Order { session, lineage, placement, key: None, ..order }
}

/// The order of a next attempt, if the task was ordered to have one after such an ending.
pub fn automatic_retry(
    task: &Task,
    ending: &Ending,
    session: Option<SessionId>,
    now: Timestamp,
) -> Option<Order> {
    let Ending::Failed { reason, .. } = ending else { return None };
    let retries = &task.order().retries;
    let wanted =
        if retries.on.is_empty() { !FINAL.contains(reason) } else { retries.on.contains(reason) };
    // What somebody ended by hand is over, however its agent fares afterwards.
    if retries.left == 0 || !wanted || task.status().is_ended() {
        return None;
    }
    let mut order = next_attempt(task, session);
    order.placement.not_before = Some(now.plus(retries.backoff));
    order.retries = Retries {
        left: retries.left - 1,
        backoff: retries.backoff.saturating_mul(2).min(LONGEST_BACKOFF),
        on: retries.on.clone(),
    };
    Some(order)
}

/// How to go on in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// In the session itself.
    Same,
    /// In a copy of it.
    Fork,
}

/// The order of a follow-up in the session of a task.
///
/// # Errors
/// [`NotAgain`] if there is no session to go on in.
pub fn resume(
    task: &Task,
    prompt: Prompt,
    manner: Manner,
    session: Option<SessionId>,
) -> Result<Order, NotAgain> {
    if !task.status().is_ended() {
        return Err(NotAgain::NotEnded);
    }
    let Runner::Agent { .. } = task.order().runner else { return Err(NotAgain::NoSession) };
    let theirs = task.progress().activity.session.clone().ok_or(NotAgain::NoSession)?;
    let continues = match manner {
        Manner::Same => Continuation::Same(theirs),
        Manner::Fork => Continuation::Fork(theirs),
    };
    let lineage = Lineage {
        resume_of: Some(task.id().clone()),
        continues: Some(continues),
        ..Lineage::default()
    };
    Ok(Order { prompt, lineage, retries: Retries::default(), ..next_attempt(task, session) })
}

/// All attempts at what this task was ordered to do, first come first; only itself if it was never
/// tried again. An attempt that was removed ends the chain.
pub async fn attempts(store: &dyn TaskStore, task: &Task) -> Vec<Task> {
    let mut attempts = alloc::vec![task.clone()];
    while let Some(id) = &attempts[0].order().lineage.retry_of
        && attempts.len() < MOST_ATTEMPTS
        && let Ok(earlier) = store.load(id).await
    {
        attempts.insert(0, earlier);
    }
    while let Some(id) = &attempts[attempts.len() - 1].progress().retried_as
        && attempts.len() < 2 * MOST_ATTEMPTS
        && let Ok(later) = store.load(id).await
    {
        attempts.push(later);
    }
    attempts
}

/// The task, or the last attempt that followed it where it failed and was tried once more.
///
/// # Errors
/// [`StoreError`] if the task cannot be read. An attempt that is not there any more leaves the one
/// before it as the last.
pub async fn last_attempt(store: &dyn TaskStore, id: &TaskId) -> Result<Task, StoreError> {
    let mut task = store.load(id).await?;
    let mut seen = BTreeSet::from([id.clone()]);
    while let (Status::Error, Some(next)) = (task.status(), &task.progress().retried_as) {
        if !seen.insert(next.clone()) {
            break;
        }
        match store.load(next).await {
            Ok(attempt) => task = attempt,
            Err(StoreError::NotFound { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(task)
}

/// Links a task to the attempt that follows it.
///
/// # Errors
/// [`StoreError`] if that cannot be recorded.
pub async fn link(
    store: &dyn TaskStore,
    clock: &dyn Clock,
    earlier: &TaskId,
    next: &TaskId,
) -> Result<(), StoreError> {
    store.apply(earlier, Event::Retried(next.clone()), clock.now()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, ORDERED};

    fn task(retries: Retries) -> Task {
        let order = Order { retries, ..testing::order() };
        Task::ordered(TaskId::mint(ORDERED, [1, 1, 1]), order, None, ORDERED)
    }

    fn failed(reason: Reason) -> Ending {
        Ending::failed(reason, "it broke")
    }

    #[test]
    fn each_attempt_waits_twice_as_long_as_the_one_before() {
        let second = Duration::from_secs(1);
        let mut task = task(Retries { left: 2, on: std::vec![], backoff: second });
        for (attempt, wait) in [(2, second), (3, second * 2)] {
            let order = automatic_retry(&task, &failed(Reason::Exit), None, ORDERED);
            let order = order.expect("there is one left");
            assert_eq!(order.lineage.attempt, attempt);
            assert_eq!(order.placement.not_before, Some(ORDERED.plus(wait)));
            assert_eq!(order.lineage.retry_of.as_ref(), Some(task.id()));
            task = Task::ordered(TaskId::mint(ORDERED, [0, 0, 2]), order, None, ORDERED);
        }
        assert_eq!(automatic_retry(&task, &failed(Reason::Exit), None, ORDERED), None);
    }

    #[test]
    fn only_the_endings_asked_for_are_retried_and_hopeless_ones_only_if_asked_for() {
        let once = |on: &[Reason]| task(Retries { left: 1, on: on.to_vec(), ..Retries::default() });
        let again = |task: &Task, ending| automatic_retry(task, &ending, None, ORDERED).is_some();
        assert!(again(&once(&[]), failed(Reason::Timeout)));
        assert!(!again(&once(&[]), failed(Reason::Permission)));
        assert!(again(&once(&[Reason::Auth]), failed(Reason::Auth)));
        assert!(!again(&once(&[Reason::Auth]), failed(Reason::Exit)));
        assert!(!again(&once(&[]), Ending::Cancelled));
        assert!(!again(&once(&[]), Ending::Completed { result: "done".into() }));
    }

    #[tokio::test]
    async fn attempts_are_found_from_any_of_them_and_a_circle_ends() {
        let id = |name: &str| TaskId::parse(name).expect("an id");
        let attempt = |name: &str, earlier: Option<&str>, later: &str| {
            let lineage = Lineage { retry_of: earlier.map(id), ..Lineage::default() };
            let order = Order { lineage, ..testing::order() };
            let task = Task::ordered(id(name), order, None, ORDERED);
            task.apply(Event::Retried(id(later)), ORDERED).expect("linked").task
        };
        let tasks = [
            attempt("a", None, "b"),
            attempt("b", Some("a"), "c"),
            attempt("c", Some("b"), "gone"),
        ];
        let store = testing::MemoryStore::holding(tasks.clone());
        for task in &tasks {
            assert_eq!(attempts(&store, task).await, tasks);
        }
        let circle = [attempt("x", Some("y"), "y"), attempt("y", Some("x"), "x")];
        let store = testing::MemoryStore::holding(circle.clone());
        assert!(attempts(&store, &circle[0]).await.len() <= 2 * MOST_ATTEMPTS);
    }

    #[test]
    fn what_somebody_ended_by_hand_is_not_retried_however_its_agent_fares() {
        let ending = Ending::Completed { result: "done".into() };
        let task = task(Retries { left: 1, ..Retries::default() });
        let task = task.apply(Event::Ended { ending, exit: None }, ORDERED).expect("it runs").task;
        assert_eq!(automatic_retry(&task, &failed(Reason::Exit), None, ORDERED), None);
    }

    #[tokio::test]
    async fn the_last_attempt_is_found_whatever_the_links_say() {
        let link = |from: u8, to: u8| {
            let id = |number: u8| TaskId::mint(ORDERED, [0, 0, number]);
            let task = Task::ordered(id(from), testing::order(), None, ORDERED);
            let task = task.apply(Event::Retried(id(to)), ORDERED).expect("linked").task;
            let event = Event::Ended { ending: failed(Reason::Exit), exit: None };
            task.apply(event, ORDERED).expect("it had not ended").task
        };
        // One chain that ends at a task that is gone, and one that never ends.
        let store =
            crate::testing::MemoryStore::holding([link(1, 2), link(2, 3), link(4, 5), link(5, 4)]);
        for (first, last) in [(1, 2), (4, 5)] {
            let id = |number: u8| TaskId::mint(ORDERED, [0, 0, number]);
            let found = last_attempt(&store, &id(first)).await.expect("it is there");
            assert_eq!(*found.id(), id(last));
        }
    }

    #[test]
    fn a_follow_up_goes_on_in_the_session_that_the_agent_named() {
        let task = testing::running_task();
        let activity = crate::task::Activity {
            session: SessionId::parse("theirs").ok(),
            ..crate::task::Activity::default()
        };
        let task = task.apply(Event::Progressed(activity), ORDERED).expect("it runs").task;
        let prompt = || Prompt::recorded("and now?".into());
        assert_eq!(resume(&task, prompt(), Manner::Same, None), Err(NotAgain::NotEnded));
        let ending = Ending::Completed { result: "done".into() };
        let task = task.apply(Event::Ended { ending, exit: None }, ORDERED).expect("it ran").task;
        let order = resume(&task, prompt(), Manner::Fork, None).expect("it has a session");
        let theirs = SessionId::parse("theirs").expect("a session");
        assert_eq!(order.lineage.continues, Some(Continuation::Fork(theirs)));
        assert_eq!((order.lineage.attempt, order.runner), (1, testing::order().runner));
        assert_eq!(order.prompt.as_str(), "and now?");
    }
}
