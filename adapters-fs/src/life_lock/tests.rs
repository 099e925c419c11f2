//! Life locks with real locks: claimed, handed over, watched, retired.

use super::*;
use domain::port::Woken;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(20);

fn scratch() -> (FileLifeLocks, DataDir, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("tasks"));
    (FileLifeLocks::new(dir.clone()), dir, folder)
}

fn id(text: &str) -> TaskId {
    TaskId::parse(text).expect("an id")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn custody(locks: &FileLifeLocks, id: &TaskId) -> Custody {
    wait(locks.custody(id)).expect("told")
}

fn entries(dir: &DataDir) -> usize {
    fs::read_dir(dir.active()).expect("listed").count()
}

#[test]
fn a_claimed_life_is_held_until_it_is_dropped_and_then_leaves_nothing() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    assert_eq!(custody(&locks, &one), Custody::Absent);
    let claimed = locks.claim(&one).expect("claimed");
    assert_eq!(custody(&locks, &one), Custody::Held);
    assert_eq!(wait(locks.unfinished()), Ok(vec![one.clone()]));
    let error = locks.claim(&one).expect_err("held");
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    drop(claimed);
    assert_eq!(custody(&locks, &one), Custody::Absent);
    assert_eq!(entries(&dir), 0);
}

#[test]
fn a_life_that_was_handed_over_lives_as_long_as_its_file() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let file = locks.claim(&one).expect("claimed").into_file();
    let dup = file.try_clone().expect("cloned");
    drop(file);
    assert_eq!(custody(&locks, &one), Custody::Held, "the supervisor's descriptor is enough");
    drop(dup);
    assert_eq!(custody(&locks, &one), Custody::Free);
    let taken = locks.claim(&one).expect("what a dead launcher left is taken over");
    assert_eq!(custody(&locks, &one), Custody::Held);
    assert!(locks.claim(&one).is_err(), "what somebody holds is not");
    drop(taken);
}

#[test]
fn a_held_life_is_not_retired_and_a_free_one_is() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let file = locks.claim(&one).expect("claimed").into_file();
    wait(locks.retire(&one)).expect("left alone");
    assert_eq!(custody(&locks, &one), Custody::Held);
    drop(file);
    wait(locks.retire(&one)).expect("retired");
    assert_eq!(custody(&locks, &one), Custody::Absent);
    wait(locks.retire(&one)).expect("there is nothing to retire");
}

#[test]
fn a_supervisor_retires_its_own_life_and_no_other() {
    let (locks, _dir, _folder) = scratch();
    let (one, two) = (id("bg_1"), id("bg_2"));
    let first = locks.claim(&one).expect("claimed").into_file();
    let second = locks.claim(&two).expect("claimed").into_file();
    locks.retire_held(&one, &first).expect("retired");
    locks.retire_held(&two, &first).expect("left alone");
    assert_eq!(custody(&locks, &two), Custody::Held);
    assert_eq!(custody(&locks, &one), Custody::Absent);
    drop(second);
}

#[test]
fn a_waiter_wakes_when_a_life_is_retired_although_its_file_is_still_open() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let standard_input = locks.claim(&one).expect("claimed").into_file();
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
fn a_life_is_never_seen_unlocked_while_it_is_claimed() {
    let (locks, _dir, _folder) = scratch();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let probe = scope.spawn(|| {
            let mut probes = 0;
            while !done.load(Ordering::SeqCst) {
                assert_ne!(custody(&locks, &id("bg_1")), Custody::Free);
                probes += 1;
            }
            probes
        });
        for _ in 0..300 {
            // Nor does the probe, which shares the lock now and then, make a claim fail.
            drop(locks.claim(&id("bg_1")).expect("claimed"));
        }
        done.store(true, Ordering::SeqCst);
        assert!(probe.join().expect("never free") > 0);
    });
}

#[test]
fn of_many_claims_of_one_life_exactly_one_succeeds() {
    let (locks, dir, _folder) = scratch();
    let claims: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| locks.claim(&id("bg_1")))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    assert_eq!(entries(&dir), 1);
}

#[test]
fn what_is_no_id_is_not_unfinished() {
    let (locks, dir, _folder) = scratch();
    assert_eq!(wait(locks.unfinished()), Ok(vec![]), "without a store nothing is");
    let _one = locks.claim(&id("bg_1")).expect("claimed");
    // Whoever waits for its turn has an environment in place of a lock.
    for name in ["bg_2.env", ".1-2.tmp", "a b", "c d.env"] {
        fs::write(dir.active().join(name), "").expect("written");
    }
    assert_eq!(wait(locks.unfinished()), Ok(vec![id("bg_1"), id("bg_2")]));
    assert_eq!(wait(locks.locked()), Ok(vec![id("bg_1")]));
    assert_eq!(custody(&locks, &id("bg_2")), Custody::Waiting);
}

#[test]
fn a_watch_wakes_the_moment_a_lock_is_free() {
    let (locks, _dir, _folder) = scratch();
    let ids = [id("bg_1"), id("bg_2")];
    let files = ids.each_ref().map(|id| locks.claim(id).expect("claimed").into_file());
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
    drop(locks.claim(&free).expect("claimed").into_file());
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
fn a_change_of_a_record_is_noticed_although_its_lock_stays_held() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    let _held = locks.claim(&one).expect("claimed");
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
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    let _held = locks.claim(&one).expect("claimed");
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
    let mut held: Vec<File> =
        ids.iter().map(|id| locks.claim(id).expect("claimed").into_file()).collect();
    let mut watch = wait(locks.watch(&ids)).expect("watched");
    drop(held.split_off(500));
    let mut released = Vec::new();
    while released.len() < 30 {
        match wait(watch.next(LONG)) {
            Woken::Released(id) => released.push(id),
            Woken::Changed => {}
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
    let _held = locks.claim(&one).expect("claimed");
    let mut watch = wait(locks.watch(&[one])).expect("watched");
    let began = Instant::now();
    while wait(watch.next(Duration::from_millis(250))) == Woken::Changed {}
    assert!(began.elapsed() >= Duration::from_millis(250));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_place_that_is_handed_on_counts_until_it_is_given_up_or_its_holder_dies() {
    let (locks, dir, _folder) = scratch();
    let held = locks.claim(&id("bg_1")).expect("claimed");
    assert_eq!(wait(locks.handed_on()), Ok(0));
    let place = locks.reserve(&id("bg_1")).expect("kept");
    assert_eq!(wait(locks.handed_on()), Ok(1));
    assert_eq!(wait(locks.unfinished()), Ok(vec![id("bg_1")]), "no task of its own");
    drop((place, held));
    assert_eq!((wait(locks.handed_on()), entries(&dir)), (Ok(0), 0));
    fs::write(dir.reservation(&id("bg_2")), "").expect("left by a dead supervisor");
    assert_eq!((wait(locks.handed_on()), entries(&dir)), (Ok(0), 0));
}

#[test]
fn an_ending_from_outside_leaves_a_starting_agent_its_instructions() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let held = locks.claim(&one).expect("claimed").into_file();
    locks.brief(&one, "be brief").expect("kept");
    wait(locks.retire(&one)).expect("left alone");
    assert!(locks.instructions(&one).is_some());
    drop(held);
    wait(locks.retire(&one)).expect("retired");
    assert_eq!(locks.instructions(&one), None);
}

#[test]
fn instructions_are_private_and_go_with_the_life_lock() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    let claimed = locks.claim(&one).expect("claimed");
    assert_eq!(locks.instructions(&one), None);
    locks.brief(&one, "a secret of before").expect("kept");
    locks.brief(&one, "the key is x").expect("kept");
    let path = locks.instructions(&one).expect("there");
    assert_eq!(fs::read_to_string(&path).expect("read"), "the key is x");
    assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    assert_eq!(wait(locks.unfinished()), Ok(vec![one.clone()]), "no task of their own");
    let file = claimed.into_file();
    assert!(path.exists(), "the agent has yet to read them");
    locks.retire_held(&one, &file).expect("retired");
    assert_eq!(entries(&dir), 0);
    drop(file);

    let claimed = locks.claim(&one).expect("claimed");
    locks.brief(&one, "never recorded").expect("kept");
    drop(claimed);
    assert_eq!(entries(&dir), 0, "a launcher that gives up leaves nothing");

    let claimed = locks.claim(&one).expect("claimed");
    locks.brief(&one, "orphaned").expect("kept");
    drop(claimed.into_file());
    wait(locks.retire(&one)).expect("retired");
    assert_eq!(entries(&dir), 0, "whoever ends it later removes them too");
}
