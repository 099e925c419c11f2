//! What every store MUST do, as checks that any store can be put through.
//!
//! Each check gets a fresh, empty store, and panics with the sentence that does not hold. Nothing here
//! knows a format.

use alloc::string::ToString;
use core::time::Duration;

use crate::port::{StoreError, TaskStore};
use crate::task::{
    Activity, Ending, Event, Order, Query, Refusal, Report, SessionId, Status, Task, TaskId,
    TaskName, Timestamp,
};
use crate::testing::{self, ORDERED, order, queued_task};

/// Puts fresh stores, made by `fresh`, through every check.
pub async fn check_all<S: TaskStore>(fresh: &dyn Fn() -> S) {
    what_was_created_is_loaded_as_it_was(&fresh()).await;
    what_was_created_untold_is_loaded_as_it_was(&fresh()).await;
    a_record_that_is_there_is_not_replaced(&fresh()).await;
    a_task_that_is_not_there_is_not_found(&fresh()).await;
    events_change_the_record_and_return_the_task(&fresh()).await;
    a_refused_event_changes_nothing(&fresh()).await;
    the_first_ending_wins(&fresh()).await;
    a_listing_is_newest_first_and_counts_what_it_leaves_out(&fresh()).await;
    filters_choose_and_counts_ignore_the_status(&fresh()).await;
    an_exact_id_matches_alone(&fresh()).await;
    the_newest_ids_come_first(&fresh()).await;
    a_name_means_the_newest_task_that_has_it(&fresh()).await;
    unfinished_tasks_are_found_by_either_session(&fresh()).await;
    only_ended_tasks_can_be_removed(&fresh()).await;
    only_a_task_that_waits_can_be_retracted(&fresh()).await;
    sweeping_leaves_the_tasks_alone(&fresh()).await;
}

fn at(seconds: u64) -> Timestamp {
    ORDERED.plus(Duration::from_secs(seconds))
}

fn task_at(seconds: u64, order: Order) -> Task {
    Task::ordered(TaskId::mint(at(seconds), [0, 0, 7]), order, None, at(seconds))
}

fn started() -> Event {
    Event::Started(testing::started())
}

fn completed(result: &str) -> Event {
    Event::Ended {
        ending: Ending::Completed { result: result.to_string() },
        exit: None,
        next: None,
    }
}

async fn what_was_created_is_loaded_as_it_was(store: &dyn TaskStore) {
    let task = queued_task();
    store.create(&task).await.expect("created");
    assert_eq!(store.load(task.id()).await.expect("loaded"), task);
}

async fn what_was_created_untold_is_loaded_as_it_was(store: &dyn TaskStore) {
    let task = queued_task();
    store.create_untold(&task).await.expect("created");
    assert_eq!(store.load(task.id()).await.expect("loaded"), task);
    let exists = Err(StoreError::Exists { id: task.id().clone() });
    assert_eq!(store.create_untold(&task).await, exists);
}

async fn a_record_that_is_there_is_not_replaced(store: &dyn TaskStore) {
    let task = queued_task();
    store.create(&task).await.expect("created");
    let again = Task::ordered(
        task.id().clone(),
        Order { description: "another".to_string(), ..order() },
        None,
        at(5),
    );
    assert_eq!(store.create(&again).await, Err(StoreError::Exists { id: task.id().clone() }));
    assert_eq!(store.load(task.id()).await.expect("loaded"), task);
}

async fn a_task_that_is_not_there_is_not_found(store: &dyn TaskStore) {
    let id = TaskId::parse("bg_nobody").expect("an id");
    let missing = StoreError::NotFound { id: id.clone() };
    assert_eq!(store.load(&id).await, Err(missing.clone()));
    assert_eq!(store.apply(&id, started(), at(1)).await, Err(missing.clone()));
    assert_eq!(store.remove(&id).await, Err(missing));
}

async fn events_change_the_record_and_return_the_task(store: &dyn TaskStore) {
    let task = queued_task();
    store.create(&task).await.expect("created");
    let running = store.apply(task.id(), started(), at(1)).await.expect("started");
    assert_eq!(running.status(), Status::Running);
    assert_eq!(store.load(task.id()).await.expect("loaded"), running);
    let busy = Activity {
        tool_calls: 3,
        last_tool: Some("Execute".to_string()),
        last_message: Some("on it\n\"now\"".to_string()),
        last_message_at: Some(at(2)),
        session: SessionId::parse("droid-session").ok(),
        ..Activity::default()
    };
    let busy = store.apply(task.id(), Event::Progressed(busy), at(2)).await.expect("progressed");
    assert_eq!(store.load(task.id()).await.expect("loaded"), busy);
    let ended = store.apply(task.id(), completed("found"), at(3)).await.expect("ended");
    assert_eq!(ended.status(), Status::Completed);
    assert_eq!(store.load(task.id()).await.expect("loaded"), ended);
}

async fn a_refused_event_changes_nothing(store: &dyn TaskStore) {
    let task = queued_task();
    store.create(&task).await.expect("created");
    let refused = store.apply(task.id(), Event::Progressed(Activity::default()), at(1)).await;
    let refusal = Refusal::NotStarted;
    assert_eq!(refused, Err(StoreError::Refused { id: task.id().clone(), refusal }));
    assert_eq!(store.load(task.id()).await.expect("loaded"), task);
}

async fn the_first_ending_wins(store: &dyn TaskStore) {
    let task = queued_task();
    store.create(&task).await.expect("created");
    store.apply(task.id(), started(), at(1)).await.expect("started");
    let first = store.apply(task.id(), completed("first"), at(2)).await.expect("ended");
    let report = Report { result: "second".to_string(), error: None };
    let refused = store.apply(task.id(), Event::Reported(report), at(3)).await;
    let refusal = Refusal::AlreadyEnded { status: Status::Completed, at: Some(at(2)) };
    assert_eq!(refused, Err(StoreError::Refused { id: task.id().clone(), refusal }));
    assert_eq!(store.load(task.id()).await.expect("loaded"), first);
}

async fn a_listing_is_newest_first_and_counts_what_it_leaves_out(store: &dyn TaskStore) {
    for seconds in [3, 1, 2] {
        store.create(&task_at(seconds, order())).await.expect("created");
    }
    let query = Query { limit: Some(2), ..Query::default() };
    let listing = store.list(&query).await.expect("listed");
    let shown: alloc::vec::Vec<_> = listing.tasks.iter().map(Task::queued_at).collect();
    assert_eq!(shown, [Some(at(3)), Some(at(2))]);
    assert_eq!((listing.omitted, listing.tally.total(), listing.tally.queued), (1, 3, 3));
    assert_eq!(listing.unreadable, []);
}

async fn filters_choose_and_counts_ignore_the_status(store: &dyn TaskStore) {
    let parent = SessionId::parse("parent-1").ok();
    let mine = task_at(1, Order { parent: parent.clone(), ..order() });
    let other = task_at(2, order());
    let running = task_at(3, Order { parent: parent.clone(), ..order() });
    for task in [&mine, &other, &running] {
        store.create(task).await.expect("created");
    }
    store.apply(running.id(), started(), at(4)).await.expect("started");
    let parents = parent.into_iter().collect();
    let query = Query { parents, statuses: alloc::vec![Status::Queued], ..Query::default() };
    let listing = store.list(&query).await.expect("listed");
    assert_eq!(listing.tasks, [mine]);
    assert_eq!((listing.tally.queued, listing.tally.running), (1, 1));
}

async fn an_exact_id_matches_alone(store: &dyn TaskStore) {
    let ids = ["bg_1", "bg_12", "bg_2"].map(|id| TaskId::parse(id).expect("an id"));
    for id in &ids {
        let task = Task::ordered(id.clone(), order(), None, ORDERED);
        store.create(&task).await.expect("created");
    }
    let [one, twelve, two] = ids;
    assert_eq!(store.matching("bg_1", 9).await.expect("looked up"), [one]);
    assert_eq!(store.matching("bg_12", 9).await.expect("looked up"), [twelve]);
    assert_eq!(store.matching("bg_2", 9).await.expect("looked up"), [two]);
    assert_eq!(store.matching("bg_", 9).await.expect("looked up").len(), 3);
    assert_eq!(store.matching("bg_", 2).await.expect("looked up").len(), 2);
    assert_eq!(store.matching("bg_9", 9).await.expect("looked up"), []);
}

async fn the_newest_ids_come_first(store: &dyn TaskStore) {
    assert_eq!(store.newest(3).await.expect("looked up"), []);
    let tasks = [1, 2, 3].map(|seconds| task_at(seconds, order()));
    for task in &tasks {
        store.create(task).await.expect("created");
    }
    let [_, second, third] = tasks.map(|task| task.id().clone());
    assert_eq!(store.newest(2).await.expect("looked up"), [third, second]);
    assert_eq!(store.newest(usize::MAX).await.expect("looked up").len(), 3);
}

async fn a_name_means_the_newest_task_that_has_it(store: &dyn TaskStore) {
    let name = TaskName::parse("tests").expect("a name");
    assert_eq!(store.named(&name).await.expect("looked up"), None);
    let named = || Order { name: Some(name.clone()), ..order() };
    let tasks = [task_at(1, named()), task_at(2, named()), task_at(3, order())];
    for task in &tasks {
        store.create(task).await.expect("created");
    }
    let [first, second, _] = tasks.map(|task| task.id().clone());
    assert_eq!(store.named(&name).await.expect("looked up"), Some(second.clone()));
    store.apply(&second, completed("done"), at(4)).await.expect("ended");
    assert_eq!(store.named(&name).await.expect("looked up"), Some(second.clone()));
    store.remove(&second).await.expect("removed");
    assert_eq!(store.named(&name).await.expect("looked up"), Some(first.clone()));
    store.retract(&first).await.expect("retracted");
    assert_eq!(store.named(&name).await.expect("looked up"), None);
}

async fn unfinished_tasks_are_found_by_either_session(store: &dyn TaskStore) {
    let task = queued_task();
    store.create(&task).await.expect("created");
    store.apply(task.id(), started(), at(1)).await.expect("started");
    let theirs = SessionId::parse("chosen by the droid").expect("a session");
    let busy = Activity { session: Some(theirs.clone()), ..Activity::default() };
    store.apply(task.id(), Event::Progressed(busy), at(2)).await.expect("progressed");
    let minted = task.order().session.clone().expect("minted");
    for session in [&minted, &theirs] {
        assert_eq!(store.in_session(session).await.expect("looked up"), [task.id().clone()]);
    }
    let stranger = SessionId::parse("../../stranger").expect("a session");
    assert_eq!(store.in_session(&stranger).await.expect("looked up"), []);
    store.apply(task.id(), completed("done"), at(3)).await.expect("ended");
    assert_eq!(store.in_session(&minted).await.expect("looked up"), []);
}

async fn only_ended_tasks_can_be_removed(store: &dyn TaskStore) {
    let task = queued_task();
    store.create(&task).await.expect("created");
    let refusal = Refusal::NotEnded;
    let refused = StoreError::Refused { id: task.id().clone(), refusal };
    assert_eq!(store.remove(task.id()).await, Err(refused));
    store.apply(task.id(), completed("done"), at(3)).await.expect("ended");
    store.remove(task.id()).await.expect("removed");
    let missing = StoreError::NotFound { id: task.id().clone() };
    assert_eq!(store.load(task.id()).await, Err(missing));
}

async fn only_a_task_that_waits_can_be_retracted(store: &dyn TaskStore) {
    let (waiting, running) = (task_at(1, order()), task_at(2, order()));
    for task in [&waiting, &running] {
        store.create(task).await.expect("created");
    }
    store.apply(running.id(), started(), at(3)).await.expect("started");
    store.retract(waiting.id()).await.expect("retracted");
    let missing = StoreError::NotFound { id: waiting.id().clone() };
    assert_eq!(store.load(waiting.id()).await, Err(missing.clone()));
    assert_eq!(store.retract(waiting.id()).await, Err(missing));
    let refusal = Refusal::AlreadyStarted;
    let refused = StoreError::Refused { id: running.id().clone(), refusal };
    assert_eq!(store.retract(running.id()).await, Err(refused));
}

async fn sweeping_leaves_the_tasks_alone(store: &dyn TaskStore) {
    let (ended, waiting) = (task_at(1, order()), task_at(2, order()));
    for task in [&ended, &waiting] {
        store.create(task).await.expect("created");
    }
    let ended = store.apply(ended.id(), completed("done"), at(3)).await.expect("ended");
    store.sweep().await.expect("swept");
    let listing = store.list(&Query::default()).await.expect("listed");
    assert_eq!(listing.tasks, [waiting, ended]);
}
