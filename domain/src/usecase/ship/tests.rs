//! Shipping and mirroring over machines in memory, which are cut off at the worst moments.

use std::boxed::Box;
use std::string::ToString as _;
use std::vec;
use std::vec::Vec;

use super::{Shipped, ship};
use crate::port::remotes::{Parcel, Variables};
use crate::port::{StoreError, TaskStore as _};
use crate::task::{
    Ending, Event, Order, Reason, Refusal, Report, State, Status, Target, Task, TaskId,
};
use crate::testing::{self, MemoryRemotes, MemoryWorld, ORDERED};
use crate::usecase::mirror::mirror;

const HOST: &str = "box";

fn id(number: u8) -> TaskId {
    TaskId::mint(ORDERED, [0, 0, number])
}

fn cargo(number: u8) -> (Task, Parcel) {
    let target = Target::Ssh { host: HOST.to_string() };
    let order = Order { target, ..testing::order() };
    let task = Task::ordered(id(number), order.clone(), None, ORDERED).on(HOST);
    let parcel = Parcel {
        id: id(number),
        order,
        level_is_said: false,
        effort: None,
        worktree: None,
        after: Vec::new(),
        start_in: None,
        variables: Variables::default(),
    };
    (task, parcel)
}

async fn load(world: &MemoryWorld, number: u8) -> Task {
    world.store.load(&id(number)).await.expect("it is recorded")
}

async fn look(world: &MemoryWorld, remotes: &MemoryRemotes) -> usize {
    let tasks: Vec<Task> = world
        .store
        .unended()
        .await
        .expect("a store")
        .into_iter()
        .filter_map(|(_, task)| task.ok())
        .collect();
    Box::pin(mirror(world.world(), remotes, &tasks)).await.silent.len()
}

#[tokio::test]
async fn tasks_are_ordered_with_one_call_and_their_end_is_heard_with_another() {
    let (world, remotes) = (MemoryWorld::default(), MemoryRemotes::default());
    let shipped = ship(world.world(), &remotes, HOST, vec![cargo(1), cargo(2)]).await;
    assert!(shipped.iter().all(|it| matches!(it, Shipped::Taken { .. })), "{shipped:?}");
    assert_eq!(remotes.calls(), 1);
    let there = remotes.tasks(HOST);
    assert_eq!(there.len(), 2);
    let ending = Ending::Completed { result: "found".to_string() };
    let event = Event::Ended { ending, exit: None, next: None };
    remotes.happen(HOST, there[0].id(), event, ORDERED);
    assert_eq!((look(&world, &remotes).await, remotes.calls()), (0, 2));
    assert_eq!(load(&world, 1).await.state().result(), Some("found"));
    assert_eq!(load(&world, 2).await.status(), Status::Queued);
    assert!(world.locks.names().locked.is_empty(), "nobody looks after a pointer");
}

#[tokio::test]
async fn a_machine_that_is_down_takes_nothing_and_one_that_falls_silent_decides_nothing() {
    let (world, remotes) = (MemoryWorld::default(), MemoryRemotes::default());
    remotes.cut_off(HOST, true);
    let shipped = ship(world.world(), &remotes, HOST, vec![cargo(1)]).await;
    assert!(matches!(&shipped[0], Shipped::Unheard(unheard) if unheard.is_certain()));
    let State::Error(failure) = load(&world, 1).await.state().clone() else { panic!("it failed") };
    assert_eq!(failure.reason, Reason::LaunchFailed);
    remotes.cut_off(HOST, false);
    ship(world.world(), &remotes, HOST, vec![cargo(2)]).await;
    remotes.cut_off(HOST, true);
    assert_eq!(look(&world, &remotes).await, 1, "it is named");
    assert_eq!(load(&world, 2).await.status(), Status::Queued, "and nothing is concluded");
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_found_again_by_its_key_and_never_ordered_twice() {
    let (world, remotes) = (MemoryWorld::default(), MemoryRemotes::default());
    remotes.lose_the_next_answer();
    let shipped = ship(world.world(), &remotes, HOST, vec![cargo(1)]).await;
    assert!(matches!(&shipped[0], Shipped::Unheard(unheard) if !unheard.is_certain()));
    assert_eq!(load(&world, 1).await.status(), Status::Queued);
    assert_eq!(look(&world, &remotes).await, 0);
    let there = remotes.tasks(HOST);
    assert_eq!(there.len(), 1);
    assert_eq!(load(&world, 1).await.progress().remote_id.as_ref(), Some(there[0].id()));
}

#[tokio::test]
async fn a_pointer_ends_whose_machine_knows_no_such_task() {
    let (world, remotes) = (MemoryWorld::default(), MemoryRemotes::default());
    ship(world.world(), &remotes, HOST, vec![cargo(1)]).await;
    remotes.forget(HOST, remotes.tasks(HOST)[0].id());
    look(&world, &remotes).await;
    let State::Error(failure) = load(&world, 1).await.state().clone() else { panic!("it is lost") };
    assert_eq!(failure.reason, Reason::Lost);
}

#[tokio::test]
async fn a_pointer_follows_the_attempts_that_its_machine_makes() {
    let (world, remotes) = (MemoryWorld::default(), MemoryRemotes::default());
    ship(world.world(), &remotes, HOST, vec![cargo(1), cargo(2)]).await;
    let there = remotes.tasks(HOST);
    let ending = Ending::failed(Reason::Exit, "it broke");
    remotes.happen(HOST, there[0].id(), Event::Ended { ending, exit: None, next: None }, ORDERED);
    let next = there[1].id().clone();
    let retried = Event::Retried { next: next.clone(), instead_of: None };
    remotes.happen(HOST, there[0].id(), retried, ORDERED);
    look(&world, &remotes).await;
    assert_eq!(load(&world, 1).await.status(), Status::Queued, "the next attempt waits");
    assert_eq!(load(&world, 1).await.progress().remote_id, Some(next));
}

// Once, a report or a release was recorded in the pointer alone, and the task went on there.
#[tokio::test]
async fn what_only_its_keeper_can_decide_is_never_recorded_in_a_pointer() {
    let (world, remotes) = (MemoryWorld::default(), MemoryRemotes::default());
    ship(world.world(), &remotes, HOST, vec![cargo(1)]).await;
    let report = || Report { result: "done".to_string(), error: None };
    for event in [Event::Reported(report()), Event::Released] {
        let refused = world.store.apply(&id(1), event, ORDERED).await;
        let Err(StoreError::Refused { refusal, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal, Refusal::KeptElsewhere { host: HOST.to_string() });
    }
    assert_eq!(load(&world, 1).await.status(), Status::Queued);
}
