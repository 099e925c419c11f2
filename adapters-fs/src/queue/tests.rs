//! The queue on a real disk: its order, its lock, and what a crash leaves.

use super::*;
use domain::task::{Order, Placement, Timestamp};
use domain::testing;
use std::time::Instant;

fn queue() -> (tempfile::TempDir, FileQueue) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("store"));
    (folder, FileQueue::new(dir, Limits::default))
}

fn task(number: u8, second: i64, priority: i8) -> Task {
    let placement = Placement { priority, ..Placement::default() };
    let at = Timestamp::from_millis(1_795_000_000_000 + second * 1_000);
    let id = TaskId::parse(&format!("bg-{number}")).expect("an id");
    Task::ordered(id, Order { placement, ..testing::order() }, None, at)
}

fn gate(queue: &FileQueue) -> Box<dyn Gate> {
    pollster::block_on(queue.gate(Duration::ZERO)).expect("told").expect("free")
}

fn enter(queue: &FileQueue, task: &Task) {
    pollster::block_on(gate(queue).enter(task)).expect("entered");
}

fn order(queue: &FileQueue) -> Vec<String> {
    let waiting = pollster::block_on(queue.waiting()).expect("listed");
    waiting.iter().map(|waiting| waiting.id.to_string()).collect()
}

#[test]
fn higher_priority_goes_first_then_first_come_first_served() {
    let (_folder, queue) = queue();
    for task in [task(1, 5, 0), task(2, 4, 0), task(3, 9, 127), task(4, 1, -128), task(5, 4, -1)] {
        enter(&queue, &task);
    }
    assert_eq!(order(&queue), ["bg-3", "bg-2", "bg-1", "bg-5", "bg-4"]);
    pollster::block_on(queue.withdraw(&task(2, 4, 0))).expect("left");
    assert_eq!(order(&queue), ["bg-3", "bg-1", "bg-5", "bg-4"]);
}

#[test]
fn a_store_without_a_queue_has_nobody_waiting_and_is_not_paused() {
    let (_folder, queue) = queue();
    assert_eq!(order(&queue), Vec::<String>::new());
    assert_eq!(pollster::block_on(queue.is_paused()), Ok(false));
    pollster::block_on(queue.set_paused(true)).expect("paused");
    assert_eq!(pollster::block_on(queue.is_paused()), Ok(true));
    pollster::block_on(queue.set_paused(false)).expect("resumed");
    assert_eq!(pollster::block_on(queue.is_paused()), Ok(false));
}

#[test]
fn one_at_a_time_goes_through_the_gate() {
    let (_folder, queue) = queue();
    let held = gate(&queue);
    let (began, patience) = (Instant::now(), Duration::from_millis(20));
    assert!(pollster::block_on(queue.gate(patience)).expect("told").is_none());
    assert!(began.elapsed() >= patience);
    drop(held);
    drop(gate(&queue));
}
