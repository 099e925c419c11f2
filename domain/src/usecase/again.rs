//! Retry and resume: the orders of tasks that repeat or continue another, and the chain of attempts.
//!
//! A new attempt is a new task with the same order, linked to the one before. Nothing here changes how an
//! earlier one ended, and nothing is started.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::repair::follower_is_due;
use super::{Trouble, World};
use crate::plan::reconcile::Custody;
use crate::port::{Abilities, StoreError, TaskStore};
use crate::run::retry::by_hand;
use crate::task::{
    Continuation, Event, Lineage, Order, Prompt, Retries, Runner, SessionId, Status, Task, TaskId,
};

/// The most attempts that are followed in one direction: records written by hand may form a circle.
const MOST_ATTEMPTS: usize = 100;

/// Why a task cannot be retried or resumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAgain {
    /// It has not ended.
    #[error("it has not ended")]
    NotEnded,
    /// Another program launched it, so its command line is not known.
    #[error("its record does not say what to run")]
    NotOurs,
    /// It is a plain command, which has no session.
    #[error("it is a plain command and has no session to go on with")]
    NoSession,
    /// Another program launched it, so how to go on in its session is not known.
    #[error("another program launched it, and its record does not say how to go on in its session")]
    Elsewhere,
    /// Its agent never said which session it works in.
    #[error("its agent never said which session it works in")]
    Unnamed,
    /// What its agent called its session names none.
    #[error(
        "what its agent called its session, `{0}`, is an option or a word for some other session"
    )]
    OddlyNamed(SessionId),
    /// Its agent cannot go on in a session.
    #[error("its agent cannot go on in a session that it left")]
    CannotResume,
    /// Its agent cannot go on in a copy of a session.
    #[error("its agent cannot go on in a copy of a session")]
    CannotFork,
}

/// What the record of another program does not say of an order, as it is to be instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// How the order becomes a process.
    pub runner: Runner,
    /// The folder it runs in.
    pub cwd: Option<String>,
}

/// Whether the record was written by the program that had this format first: it says the prompt, the droid
/// and the model, and neither the autonomy nor the folder.
pub fn is_of_the_original(task: &Task) -> bool {
    !task.is_ours() && !task.order().prompt.as_str().is_empty()
}

/// Whether the record says enough to run its order once more.
pub fn says_what_to_run(task: &Task) -> bool {
    task.order().runner != Runner::Elsewhere || is_of_the_original(task)
}

/// The order of a next attempt, by hand; what a record of the original does not say is as `unsaid` has it.
///
/// # Errors
/// [`NotAgain`] if the task has not ended, or its record does not say what to run.
pub fn retry(
    task: &Task,
    session: Option<SessionId>,
    unsaid: Option<Unsaid>,
) -> Result<Order, NotAgain> {
    if !task.status().is_ended() {
        return Err(NotAgain::NotEnded);
    }
    if !says_what_to_run(task) {
        return Err(NotAgain::NotOurs);
    }
    let order = by_hand(task, session);
    match unsaid {
        Some(Unsaid { runner, cwd }) if is_of_the_original(task) => {
            Ok(Order { runner, cwd: order.cwd.or(cwd), ..order })
        }
        None if is_of_the_original(task) => Err(NotAgain::NotOurs),
        Some(_) | None => Ok(order),
    }
}

/// How to continue a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// In the session itself.
    Same,
    /// In a copy of it.
    Fork,
}

/// The session that the agent of a task named, or else the one that it was given.
fn session_of(task: &Task, abilities: Option<Abilities>) -> Option<SessionId> {
    // One that says nothing while it works keeps to the session it was told to use.
    let given = abilities.is_some_and(|able| able.takes_session_name && !able.streams);
    let named = task.progress().activity.session.clone();
    named.or_else(|| task.order().session.clone().filter(|_| given))
}

/// Whether an agent that is given this word goes on in that session. The agent itself chose it and may have been
/// misled: an option could take its limits away, and a number or a word for the last session leads into that of
/// another task.
fn names_one(session: &SessionId) -> bool {
    let word = session.as_str();
    let stands_for_another =
        ["last", "latest"].iter().any(|other| word.eq_ignore_ascii_case(other));
    let is_number = word.chars().all(|c| c.is_ascii_digit());
    !word.starts_with('-') && !stands_for_another && !is_number
}

/// The order of a follow-up in the session of a task.
///
/// # Errors
/// [`NotAgain`] if the task has not ended, has no session to continue, or an agent with these abilities
/// cannot do that.
pub fn resume(
    task: &Task,
    prompt: Prompt,
    manner: Manner,
    session: Option<SessionId>,
    abilities: Option<Abilities>,
) -> Result<Order, NotAgain> {
    if !task.status().is_ended() {
        return Err(NotAgain::NotEnded);
    }
    match task.order().runner {
        Runner::Agent { .. } => {}
        Runner::Command(_) => return Err(NotAgain::NoSession),
        Runner::Elsewhere => return Err(NotAgain::Elsewhere),
    }
    match (manner, abilities) {
        (Manner::Same, Some(Abilities { resumes: false, .. })) => {
            return Err(NotAgain::CannotResume);
        }
        (Manner::Fork, Some(Abilities { forks: false, .. })) => return Err(NotAgain::CannotFork),
        (Manner::Same | Manner::Fork, Some(_) | None) => {}
    }
    let theirs = session_of(task, abilities).ok_or(NotAgain::Unnamed)?;
    if !names_one(&theirs) {
        return Err(NotAgain::OddlyNamed(theirs));
    }
    let continues = match manner {
        Manner::Same => Continuation::Same(theirs),
        Manner::Fork => Continuation::Fork(theirs),
    };
    let lineage = Lineage {
        resume_of: Some(task.id().clone()),
        continues: Some(continues),
        ..Lineage::default()
    };
    Ok(Order { prompt, lineage, retries: Retries::default(), ..by_hand(task, session) })
}

/// All attempts at the order of `task`, oldest first, `task` included. An attempt that was removed ends
/// the chain.
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

/// The last attempt that followed the task where it failed; the task itself if none did.
///
/// # Errors
/// [`StoreError`] if the task cannot be read. Where an attempt is not there any more, the one before it
/// is the last.
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

/// Records in the task that `next` retries that `next` follows it; does nothing if `next` retries none.
/// The caller holds the life lock of `next` until `next` is recorded. Of several callers at once
/// exactly one succeeds. A linked attempt that will never be recorded is replaced.
///
/// # Errors
/// [`StoreError::Refused`] with [`crate::task::Refusal::AlreadyRetried`] if another attempt follows.
pub(super) async fn link(world: World<'_>, next: &Task) -> Result<(), Trouble> {
    let Some(earlier) = &next.order().lineage.retry_of else { return Ok(()) };
    let earlier = match world.store.load(earlier).await {
        Ok(earlier) => earlier,
        // Without a record nobody else can retry it.
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let instead_of = match &earlier.progress().retried_as {
        // The next repair records the attempt that follows by itself.
        Some(_) if follower_is_due(world, &earlier).await => None,
        Some(known) if is_given_up(world, known).await? => Some(known.clone()),
        Some(_) | None => None,
    };
    let event = Event::Retried { next: next.id().clone(), instead_of };
    world.store.apply(earlier.id(), event, world.clock.now()).await?;
    Ok(())
}

/// Whether nobody will ever record this attempt. A process that is about to record it has held its life
/// lock since before the link; so the lock is probed before the record is read.
async fn is_given_up(world: World<'_>, id: &TaskId) -> Result<bool, Trouble> {
    let held = world.locks.custody(id).await? == Custody::Held;
    Ok(!held && matches!(world.store.load(id).await, Err(StoreError::NotFound { .. })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Ending, Reason};
    use crate::testing::{self, ORDERED};

    fn failed(reason: Reason) -> Ending {
        Ending::failed(reason, "it broke")
    }

    #[tokio::test]
    async fn attempts_are_found_from_any_of_them_and_a_circle_ends() {
        let id = |name: &str| TaskId::parse(name).expect("an id");
        let attempt = |name: &str, earlier: Option<&str>, later: &str| {
            let lineage = Lineage { retry_of: earlier.map(id), ..Lineage::default() };
            let order = Order { lineage, ..testing::order() };
            let task = Task::ordered(id(name), order, None, ORDERED);
            let event = Event::Ended { ending: failed(Reason::Exit), exit: None, next: None };
            let task = task.apply(event, ORDERED).expect("it waited").task;
            let event = Event::Retried { next: id(later), instead_of: None };
            task.apply(event, ORDERED).expect("linked").task
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

    #[tokio::test]
    async fn the_last_attempt_is_found_whatever_the_links_say() {
        let link = |from: u8, to: u8| {
            let id = |number: u8| TaskId::mint(ORDERED, [0, 0, number]);
            let task = Task::ordered(id(from), testing::order(), None, ORDERED);
            let event = Event::Ended { ending: failed(Reason::Exit), exit: None, next: None };
            let task = task.apply(event, ORDERED).expect("it had not ended").task;
            let event = Event::Retried { next: id(to), instead_of: None };
            task.apply(event, ORDERED).expect("linked").task
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

    // A record of the original could not be tried again: it does not say what was started, but all that
    // is needed.
    #[test]
    fn a_record_of_the_original_is_tried_again_with_what_it_does_not_say_as_usual() {
        let unsaid = || Some(Unsaid { runner: testing::order().runner, cwd: Some("/here".into()) });
        let ended = |task: Task| {
            let event = Event::Ended { ending: failed(Reason::Lost), exit: None, next: None };
            task.apply(event, ORDERED).expect("it had not ended").task
        };
        let theirs = testing::foreign_running_task();
        assert_eq!(retry(&theirs, None, unsaid()), Err(NotAgain::NotEnded));
        let theirs = ended(theirs);
        let order = retry(&theirs, None, unsaid()).expect("it says enough");
        assert_eq!(
            (&order.runner, &order.prompt),
            (&testing::order().runner, &theirs.order().prompt)
        );
        assert_eq!(order.lineage.retry_of.as_ref(), Some(theirs.id()));
        let order = retry(&ended(testing::running_task()), None, unsaid());
        assert_eq!(order.expect("ours").cwd, testing::order().cwd);
        // One of ours whose runner a later version has changed so that nobody knows it.
        let order = Order { runner: Runner::Elsewhere, ..testing::order() };
        let task = Task::ordered(theirs.id().clone(), order, None, ORDERED);
        let task = task.apply(Event::Started(testing::started()), ORDERED).expect("queued").task;
        assert_eq!(retry(&ended(task), None, unsaid()), Err(NotAgain::NotOurs));
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
        let resume =
            |task: &Task, manner, abilities| resume(task, prompt(), manner, None, abilities);
        assert_eq!(resume(&task, Manner::Same, None), Err(NotAgain::NotEnded));
        let ending = Ending::Completed { result: "done".into() };
        let task = task
            .apply(Event::Ended { ending, exit: None, next: None }, ORDERED)
            .expect("it ran")
            .task;
        let abilities = |forks| Abilities {
            resumes: true,
            forks,
            takes_session_name: false,
            streams: true,
            models_of_droids: false,
            levels: &[],
        };
        let refused = resume(&task, Manner::Fork, Some(abilities(false)));
        assert_eq!(refused, Err(NotAgain::CannotFork));
        let order = resume(&task, Manner::Fork, Some(abilities(true))).expect("it has a session");
        let theirs = SessionId::parse("theirs").expect("a session");
        assert_eq!(order.lineage.continues, Some(Continuation::Fork(theirs)));
        assert_eq!((order.lineage.attempt, order.runner), (1, testing::order().runner));
        assert_eq!(order.prompt.as_str(), "and now?");
    }

    /// One agent named its session `--dangerously-bypass-approvals-and-sandbox`, and the follow-up ran without
    /// the sandbox; `--last` and `latest` went on in the session of another task.
    #[test]
    fn a_word_that_is_an_option_or_means_another_session_is_not_gone_on_with() {
        for (word, is_one) in [
            ("--last", false),
            ("-c", false),
            ("latest", false),
            ("7", false),
            ("7d1f-a", true),
            ("ses_1", true),
        ] {
            let session = SessionId::parse(word).expect("a record may hold it");
            assert_eq!(names_one(&session), is_one, "{word}");
        }
    }

    #[test]
    fn an_agent_that_says_nothing_keeps_to_the_session_that_it_was_given() {
        let task = testing::running_task();
        let ending = Ending::Completed { result: "done".into() };
        let ended = Event::Ended { ending, exit: None, next: None };
        let task = task.apply(ended, ORDERED).expect("it ran").task;
        let able = |streams| Abilities {
            resumes: true,
            forks: false,
            takes_session_name: true,
            streams,
            models_of_droids: false,
            levels: &[],
        };
        let resume = |streams| {
            resume(&task, Prompt::recorded("on".into()), Manner::Same, None, Some(able(streams)))
        };
        let order = resume(false).expect("it was given one");
        let given = task.order().session.clone().expect("one was minted");
        assert_eq!(order.lineage.continues, Some(Continuation::Same(given)));
        assert_eq!(resume(true), Err(NotAgain::Unnamed));
    }
}
