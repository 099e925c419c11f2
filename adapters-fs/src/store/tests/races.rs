//! Many threads with real locks on one record.

use super::super::replaced::MAX_REPLACED;
use super::*;
use domain::task::{Activity, Status};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn of_many_endings_at_once_exactly_one_wins_and_readers_never_see_a_torn_record() {
    let Scratch { store, dir, .. } = scratch();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    wait(store.apply(task.id(), started(), at(2))).expect("started");
    let (won, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let store = FileStore::open(dir.clone());
                    let mut seen = Status::Running;
                    while !done.load(Ordering::SeqCst) {
                        let now = wait(store.load(task.id())).expect("never torn").status();
                        assert!(seen <= now, "{seen:?} and then {now:?}");
                        seen = now;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..32)
            .map(|number| {
                let (store, task, won) = (FileStore::open(dir.clone()), &task, &won);
                scope.spawn(move || {
                    let busy = Event::Progressed(Activity::default());
                    // Refused once the task has ended.
                    let refused = wait(store.apply(task.id(), busy, at(3))).is_err();
                    let result = format!("{number}");
                    match wait(store.apply(task.id(), completed(&result), at(4))) {
                        Ok(ended) => {
                            assert!(!refused);
                            assert_eq!(ended.state().result(), Some(result.as_str()));
                            won.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(StoreError::Refused { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("no panic");
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.join().expect("no panic");
        }
    });
    assert_eq!(won.load(Ordering::SeqCst), 1);
}

#[test]
fn no_update_is_lost_however_many_write_at_once() {
    let Scratch { store, dir, .. } = scratch();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    wait(store.apply(task.id(), started(), at(2))).expect("started");
    thread::scope(|scope| {
        for number in 1..=16 {
            let (store, task) = (FileStore::open(dir.clone()), &task);
            scope.spawn(move || {
                let busy = Activity { tool_calls: number, ..Activity::default() };
                wait(store.apply(task.id(), Event::Progressed(busy), at(3))).expect("progressed");
            });
        }
    });
    let task = wait(store.load(task.id())).expect("loaded");
    assert_eq!(task.progress().activity.tool_calls, 16);
}

#[test]
fn of_many_creators_of_one_id_exactly_one_wins() {
    let Scratch { dir, .. } = scratch();
    let won = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            let (store, won) = (FileStore::open(dir.clone()), &won);
            scope.spawn(move || match wait(store.create(&task_at(1))) {
                Ok(()) => {
                    won.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => {
                    assert_eq!(error, StoreError::Exists { id: task_at(1).id().clone() });
                }
            });
        }
    });
    assert_eq!(won.load(Ordering::SeqCst), 1);
}

#[test]
fn a_lock_that_stays_taken_is_named_after_the_deadline() {
    let Scratch { mut store, dir, _folder } = scratch();
    assert_eq!(store.patience, Duration::from_secs(5));
    store.patience = Duration::from_millis(60);
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    let _stopped = shard::take(&dir.shard(task.id()), Duration::ZERO).expect("opened");
    let began = Instant::now();
    let error = wait(store.apply(task.id(), started(), at(2))).expect_err("busy");
    assert!(began.elapsed() >= Duration::from_millis(60));
    let lock = dir.shard(task.id()).display().to_string();
    let folder = dir.root().display().to_string();
    let StoreError::Failed {
        failure: StoreFailure::Busy { lock: named, waited_ms, holder }, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((named, *waited_ms), (&lock, 60), "{folder}");
    assert!(holder.starts_with(&format!("process {} (`", std::process::id())), "{holder}");
    assert_eq!(wait(store.load(task.id())), Ok(task), "readers take no lock");
}

#[test]
fn what_was_replaced_is_given_back_in_time_however_many_changes_there_are() {
    let Scratch { store, .. } = scratch();
    for seconds in 0..8 {
        let task = task_at(seconds);
        wait(store.create(&task)).expect("created");
        wait(store.apply(task.id(), started(), at(20))).expect("started");
        assert!(store.replaced().len() <= MAX_REPLACED);
    }
    assert_eq!(store.replaced().len(), MAX_REPLACED);
    let busy = Event::Progressed(Activity::default());
    wait(store.apply(task_at(1).id(), busy, at(21))).expect("progressed");
    assert_eq!(store.replaced().len(), 0, "nobody waits for a heartbeat");
}
