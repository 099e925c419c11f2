//! The queue on a real disk: its order, its lock, and what a crash leaves.

use super::*;
use crate::disk::halting::at_every_step;
use domain::task::{Order, Placement, Timestamp};
use domain::testing;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    pollster::block_on(queue.enter(task)).expect("entered");
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
fn a_queue_is_empty_until_a_name_of_ours_is_in_it() {
    let (_folder, queue) = queue();
    let is_empty = || pollster::block_on(queue.is_empty()).expect("told");
    assert!(is_empty(), "without a store nobody waits");
    pollster::block_on(queue.set_paused(true)).expect("paused");
    assert!(is_empty(), "a pause waits for nothing");
    enter(&queue, &task(1, 1, 0));
    assert!(!is_empty());
    pollster::block_on(queue.withdraw(&task(1, 1, 0))).expect("withdrawn");
    assert!(is_empty());
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

#[test]
fn a_task_leaves_by_the_name_it_was_listed_under_or_by_its_record() {
    let (_folder, queue) = queue();
    let (one, two) = (task(1, 1, 0), task(2, 2, 0));
    for task in [&one, &two, &two] {
        enter(&queue, task);
    }
    let waiting = pollster::block_on(queue.waiting()).expect("listed");
    assert_eq!(waiting.len(), 2, "who enters twice waits once");
    for _ in 0..2 {
        pollster::block_on(queue.leave(&waiting[0])).expect("left, or gone already");
    }
    assert_eq!(order(&queue), ["bg-2"]);
    // Nobody needs the gate for that.
    for _ in 0..2 {
        pollster::block_on(queue.withdraw(&two)).expect("withdrawn, or gone already");
    }
    assert_eq!(order(&queue), [""; 0]);
}

#[test]
fn a_task_that_was_released_is_withdrawn_under_the_name_it_entered_with() {
    let (_folder, queue) = queue();
    let waiting = task(1, 1, 0);
    let placement = Placement { held: true, ..waiting.order().placement.clone() };
    let held = Order { placement, ..waiting.order().clone() };
    let held =
        Task::ordered(waiting.id().clone(), held, None, waiting.queued_at().expect("a time"));
    enter(&queue, &held);
    assert!(pollster::block_on(queue.waiting()).expect("listed")[0].conditional);
    pollster::block_on(queue.withdraw(&waiting)).expect("withdrawn");
    assert_eq!(order(&queue), [""; 0]);
}

#[test]
fn a_name_says_how_many_may_run_with_a_task_whose_launcher_said_so() {
    let (_folder, queue) = queue();
    let limited = |number, at_most| {
        let plain = task(number, i64::from(number), 0);
        let placement = Placement { at_most, ..plain.order().placement.clone() };
        let order = Order { placement, ..plain.order().clone() };
        Task::ordered(plain.id().clone(), order, None, plain.queued_at().expect("a time"))
    };
    let (eight, any) = (limited(1, Some(8)), limited(2, None));
    enter(&queue, &eight);
    enter(&queue, &any);
    // As an earlier version of this program named it.
    fs::write(queue.dir.queue_entry(&name(&limited(3, Some(8)), UNCONDITIONAL)), "")
        .expect("written");
    let waiting = pollster::block_on(queue.waiting()).expect("listed");
    let most: Vec<_> =
        waiting.iter().map(|waiting| (waiting.at_most, waiting.conditional)).collect();
    assert_eq!(most, [(Some(8), false), (None, false), (None, false)]);
    for task in [eight, any, limited(3, Some(8))] {
        pollster::block_on(queue.withdraw(&task)).expect("withdrawn");
    }
    assert_eq!(order(&queue), [""; 0]);
}

/// A supervisor went by the limits of its own start until it ended.
#[test]
fn the_limits_are_those_of_the_moment_in_which_they_are_asked_for() {
    let (_folder, queue) = queue();
    let most = Arc::new(AtomicUsize::new(8));
    let source = Arc::clone(&most);
    let limits = move || Limits { max_running: source.load(Ordering::SeqCst), ..Limits::default() };
    let queue = FileQueue::new(queue.dir, limits);
    assert_eq!(queue.limits().max_running, 8);
    most.store(2, Ordering::SeqCst);
    assert_eq!(queue.limits().max_running, 2);
}

#[test]
fn what_is_no_entry_of_ours_waits_for_nothing_and_stops_nobody() {
    let (_folder, queue) = queue();
    enter(&queue, &task(1, 1, 0));
    let folder = queue.dir.queue();
    for name in ["x", "127-0-u-no id", "readme.txt"] {
        fs::write(folder.join(name), "").expect("written");
    }
    let own_name = name(&task(2, 2, 0), UNCONDITIONAL);
    fs::create_dir(folder.join(&own_name)).expect("made");
    assert_eq!(order(&queue), ["bg-1", "bg-2"]);
    let waiting = pollster::block_on(queue.waiting()).expect("listed");
    pollster::block_on(queue.leave(&waiting[1])).expect("a folder is left alone");
    pollster::block_on(queue.withdraw(&task(1, 1, 0))).expect("withdrawn");
}

#[test]
fn invariant_wherever_a_change_of_the_queue_is_cut_short_a_task_waits_once_or_not_at_all() {
    at_every_step(|disk| {
        let (_folder, queue) = queue();
        queue.dir.prepare().expect("made");
        let halting = FileQueue { disk, ..queue.clone() };
        let (one, two) = (task(1, 1, 0), task(2, 2, 0));
        enter(&queue, &two);
        let entered = pollster::block_on(halting.enter(&one));
        let paused = pollster::block_on(halting.set_paused(true));
        let left = pollster::block_on(halting.withdraw(&two));
        let waiting = order(&queue);
        assert_eq!(waiting.contains(&"bg-1".to_owned()), entered.is_ok());
        assert_eq!(waiting.contains(&"bg-2".to_owned()), left.is_err());
        assert_eq!(pollster::block_on(queue.is_paused()), Ok(paused.is_ok()));
        enter(&queue, &one);
        pollster::block_on(queue.withdraw(&two)).expect("withdrawn at last");
        assert_eq!(order(&queue), ["bg-1"]);
    });
}
