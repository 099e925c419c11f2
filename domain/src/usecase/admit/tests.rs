//! What an admission reads.

use super::*;
use crate::plan::queue::Limits;
use crate::port::{Kit, LifeLocks as _};
use crate::task::{Order, Placement, Timestamp};
use crate::testing::{self, MemoryWorld};
use crate::usecase::enqueue::enqueue;

/// A task that waits, whose launcher lets so many run at once.
fn waiting(number: usize, at_most: Option<usize>) -> Task {
    let placement = Placement { at_most, ..Placement::default() };
    let id = TaskId::parse(&format!("bg_{number:04}")).expect("an id");
    let at = Timestamp::from_millis(1_795_000_000_000);
    Task::ordered(id, Order { placement, ..testing::order() }, None, at)
}

/// A batch of a thousand tasks, launched with a limit below that of the store, was read anew at the end of each of its
/// tasks: a million records.
#[tokio::test]
async fn where_its_launchers_limit_is_reached_no_record_is_read_to_see_that_a_task_waits_on() {
    let memory = MemoryWorld::default().limited(Limits { max_running: 10, ..Limits::default() });
    let world = memory.world();
    let kit = Kit { environment: Environment(Vec::new()), instructions: None };
    for number in 0..100 {
        let task = waiting(number, Some(2));
        enqueue(world, &task, &kit).await.expect("queued");
    }
    let admitted = admit(world, Thoroughness::Thorough, PATIENCE).await;
    assert_eq!((admitted.started.len(), admitted.troubles.len()), (2, 0));
    let before = memory.store.loads();
    let admitted = admit(world, Thoroughness::Thorough, PATIENCE).await;
    assert_eq!(admitted, Admitted::default());
    assert_eq!(memory.store.loads(), before, "no record is read");
}

/// Once, each supervisor of a batch listed all that waited before it took the gate, and again under it.
#[tokio::test]
async fn whoever_freed_a_slot_lists_the_queue_once_to_fill_it_and_never_where_nobody_waits() {
    let memory = MemoryWorld::default().limited(Limits { max_running: 2, ..Limits::default() });
    let world = memory.world();
    assert_eq!(admit(world, Thoroughness::Freed, PATIENCE).await, Admitted::default());
    assert_eq!(memory.queue.listings(), 0);
    let kit = Kit { environment: Environment(Vec::new()), instructions: None };
    for number in 0..5 {
        enqueue(world, &waiting(number, None), &kit).await.expect("queued");
    }
    let admitted = admit(world, Thoroughness::Freed, PATIENCE).await;
    assert_eq!((admitted.started.len(), admitted.troubles.len()), (2, 0));
    assert_eq!(memory.queue.listings(), 1);
}

/// What a killed process left is repaired without the gate, also by whoever takes that first.
#[tokio::test]
async fn whoever_freed_a_slot_repairs_what_was_left_and_then_fills_it() {
    let memory = MemoryWorld::default().limited(Limits { max_running: 1, ..Limits::default() });
    let world = memory.world();
    let kit = Kit { environment: Environment(Vec::new()), instructions: None };
    for number in 0..2 {
        enqueue(world, &waiting(number, None), &kit).await.expect("queued");
    }
    // Whoever took the first one up was killed at once.
    let left = memory.locks.claim(waiting(0, None).id()).await.expect("told").expect("free");
    left.leave();
    let admitted = admit(world, Thoroughness::Freed, PATIENCE).await;
    assert_eq!((admitted.started.len(), admitted.troubles.len()), (1, 0));
    assert_eq!(admitted.started, [waiting(0, None).id().clone()]);
}
