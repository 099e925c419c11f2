//! Watches over life locks: what wakes them, and what they never miss.

use super::*;
use domain::port::TaskStore;
use domain::task::{Ending, Event, Task};
use domain::testing::{self, ORDERED};

use crate::FileStore;

/// A store in which no bell can be hung: a watch looks oftener there.
fn scratch_without_bells() -> (FileLifeLocks, DataDir, TempDir) {
    let (locks, dir, folder) = scratch();
    dir.prepare().expect("prepared");
    fs::write(dir.waiters(), "").expect("written");
    (locks, dir, folder)
}

fn running(store: &FileStore, number: u64) -> TaskId {
    let task = Task::ordered(id(&format!("bg_{number}")), testing::order(), None, ORDERED);
    wait(store.create(&task)).expect("created");
    let started = Event::Started(testing::started());
    wait(store.apply(task.id(), started, ORDERED)).expect("started");
    task.id().clone()
}

#[test]
fn a_waiter_wakes_when_a_life_is_retired_although_its_file_is_still_open() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let standard_input = claim(&locks, &one).into_file();
    let held = standard_input.try_clone().expect("cloned");
    let mut watch = wait(locks.watch(std::slice::from_ref(&one))).expect("watched");
    locks.retire_held(&one, &held).expect("retired");
    let mut woken = wait(watch.next(LONG));
    if woken == Woken::Changed {
        woken = wait(watch.next(LONG));
    }
    assert_eq!(woken, Woken::Released(one));
    drop(standard_input);
}

#[test]
fn a_watch_wakes_the_moment_a_lock_is_free() {
    let (locks, _dir, _folder) = scratch();
    let ids = [id("bg_1"), id("bg_2")];
    let files = ids.each_ref().map(|id| claim(&locks, id).into_file());
    let mut watch = wait(locks.watch(&ids)).expect("watched");
    let [first, second] = files;
    let mut wake = |file: File, id: &TaskId| {
        // Whatever changed until now.
        while wait(watch.next(Duration::ZERO)) != Woken::TimedOut {}
        let freed = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            drop(file);
            Instant::now()
        });
        let woken = wait(watch.next(LONG));
        let now = Instant::now();
        let freed = freed.join().expect("no panic");
        // The echo of a change at the beginning may come first.
        if woken == Woken::Changed {
            assert_eq!(wait(watch.next(LONG)), Woken::Released(id.clone()));
        } else {
            assert_eq!(woken, Woken::Released(id.clone()));
            assert!(now.saturating_duration_since(freed) < Duration::from_millis(100));
        }
    };
    wake(second, &ids[1]);
    wake(first, &ids[0]);
}

#[test]
fn a_lock_that_is_free_or_was_never_there_is_told_at_once_and_once() {
    let (locks, _dir, _folder) = scratch();
    let (free, absent) = (id("bg_1"), id("bg_2"));
    drop(claim(&locks, &free).into_file());
    let mut watch = wait(locks.watch(&[free.clone(), absent.clone()])).expect("watched");
    assert_eq!(wait(watch.next(Duration::ZERO)), Woken::Released(free));
    assert_eq!(wait(watch.next(Duration::ZERO)), Woken::Released(absent));
    let mut later = wait(watch.next(Duration::from_millis(200)));
    if later == Woken::Changed {
        later = wait(watch.next(Duration::from_millis(200)));
    }
    assert_eq!(later, Woken::TimedOut);
}

#[test]
fn an_ending_is_told_at_once_although_its_lock_stays_held() {
    let (locks, dir, _folder) = scratch();
    let store = FileStore::open(dir.clone());
    let tasks: Vec<_> = (1..=9).map(|number| running(&store, number)).collect();
    let held: Vec<_> = tasks.iter().map(|id| claim(&locks, id).into_file()).collect();
    let mut watch = wait(locks.watch(&tasks)).expect("watched");
    while wait(watch.next(Duration::ZERO)) != Woken::TimedOut {}
    let last = tasks.last().expect("nine").clone();
    let began = Instant::now();
    let ending = Ending::Completed { result: "found".to_owned() };
    let ended = Event::Ended { ending, exit: None, next: None };
    wait(store.apply(&last, ended, ORDERED)).expect("ended");
    assert_eq!(wait(watch.next(LONG)), Woken::Ended(last));
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    drop(held);
}

/// The last tasks of a batch started and ended between two looks, and whoever waited for them heard of it a second later.
#[test]
fn an_ending_is_told_at_once_of_a_task_that_had_no_lock_when_the_watch_was_told_of_it() {
    let (locks, dir, _folder) = scratch();
    let store = FileStore::open(dir.clone());
    let (ours, anothers) = (running(&store, 1), running(&store, 2));
    let mut watch = wait(locks.watch(&[])).expect("watched");
    wait(watch.expect(&ours));
    while wait(watch.next(Duration::ZERO)) != Woken::TimedOut {}
    for id in [&anothers, &ours] {
        let ending = Ending::Completed { result: "found".to_owned() };
        let ended = Event::Ended { ending, exit: None, next: None };
        wait(store.apply(id, ended, ORDERED)).expect("ended");
    }
    assert_eq!(wait(watch.next(Duration::ZERO)), Woken::Ended(ours));
}

#[test]
fn a_change_of_a_record_is_noticed_although_its_lock_stays_held() {
    let (locks, dir, _folder) = scratch_without_bells();
    let one = id("bg_1");
    let _held = claim(&locks, &one);
    fs::write(dir.record(&one), "a").expect("written");
    let mut watch = wait(locks.watch(std::slice::from_ref(&one))).expect("watched");
    // Between the beginning of the watch and its first look.
    fs::write(dir.root().join("x.json"), "new").expect("written");
    let began = Instant::now();
    assert_eq!(wait(watch.next(LONG)), Woken::Changed);
    assert!(began.elapsed() < Duration::from_millis(400));
    while wait(watch.next(Duration::from_millis(300))) == Woken::Changed {}
    // As the original does it: in place, which does not touch the folder.
    fs::write(dir.record(&one), "longer").expect("written");
    assert_eq!(wait(watch.next(LONG)), Woken::Changed);
}

#[test]
fn every_look_that_saw_a_change_is_followed_by_a_second_one() {
    // Two changes in one instant may leave the same time stamp, so the look between them cannot
    // see the second one. The beginning of the watch counts as a look.
    let (locks, dir, _folder) = scratch_without_bells();
    let one = id("bg_1");
    let _held = claim(&locks, &one);
    let mut watch = wait(locks.watch(std::slice::from_ref(&one))).expect("watched");
    let tick = Duration::from_millis(200);
    assert_eq!(wait(watch.next(tick)), Woken::Changed);
    assert_eq!(wait(watch.next(tick)), Woken::TimedOut);
    fs::write(dir.record(&one), "a").expect("written");
    assert_eq!(wait(watch.next(tick)), Woken::Changed);
    assert_eq!(wait(watch.next(tick)), Woken::Changed);
    assert_eq!(wait(watch.next(tick)), Woken::TimedOut);
}

#[test]
fn a_watch_over_more_locks_than_threads_misses_none() {
    let (locks, _dir, _folder) = scratch();
    let ids: Vec<TaskId> = (0..530).map(|number| id(&format!("bg_{number}"))).collect();
    let mut held: Vec<File> = ids.iter().map(|id| claim(&locks, id).into_file()).collect();
    let mut watch = wait(locks.watch(&ids)).expect("watched");
    drop(held.split_off(500));
    let mut released = Vec::new();
    while released.len() < 30 {
        match wait(watch.next(LONG)) {
            Woken::Released(id) => released.push(id),
            Woken::Changed => {}
            Woken::Ended(id) => panic!("{id} has no record"),
            Woken::TimedOut => panic!("missed all but {released:?}"),
        }
    }
    released.sort();
    let mut expected = ids[500..].to_vec();
    expected.sort();
    assert_eq!(released, expected);
}

#[test]
fn a_watch_takes_no_longer_than_it_may() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let _held = claim(&locks, &one);
    let mut watch = wait(locks.watch(&[one])).expect("watched");
    let began = Instant::now();
    while wait(watch.next(Duration::from_millis(250))) == Woken::Changed {}
    assert!(began.elapsed() >= Duration::from_millis(250));
    assert!(began.elapsed() < Duration::from_secs(2));
}
