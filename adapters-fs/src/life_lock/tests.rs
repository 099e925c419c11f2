//! Life locks with real locks: claimed, handed over, watched, retired.

use super::*;
use crate::FileKits;
use domain::port::{Kit, Kits, Woken};
use domain::task::droid::Instructions;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

mod crashes;
mod hostile;
mod watching;

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

fn claim(locks: &FileLifeLocks, id: &TaskId) -> ClaimedLife {
    locks.take(id).expect("told").expect("nobody holds it")
}

fn unfinished(locks: &FileLifeLocks) -> Vec<TaskId> {
    wait(locks.index()).expect("listed").unfinished()
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
    let claimed = claim(&locks, &one);
    assert_eq!(custody(&locks, &one), Custody::Held);
    assert_eq!(unfinished(&locks), std::slice::from_ref(&one));
    assert!(wait(locks.claim(&one)).expect("told").is_none(), "it is held");
    drop(claimed);
    assert_eq!(custody(&locks, &one), Custody::Absent);
    assert_eq!(entries(&dir), 0);
}

#[test]
fn a_life_that_was_handed_over_lives_as_long_as_its_file() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let file = claim(&locks, &one).into_file();
    let dup = file.try_clone().expect("cloned");
    drop(file);
    assert_eq!(custody(&locks, &one), Custody::Held, "the supervisor's descriptor is enough");
    drop(dup);
    assert_eq!(custody(&locks, &one), Custody::Free);
    let taken = claim(&locks, &one);
    assert_eq!(custody(&locks, &one), Custody::Held, "what a dead launcher left is taken over");
    assert!(locks.take(&one).expect("told").is_none(), "what somebody holds is not");
    drop(taken);
}

#[test]
fn a_held_life_is_not_retired_and_a_free_one_is() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let file = claim(&locks, &one).into_file();
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
    let first = claim(&locks, &one).into_file();
    let second = claim(&locks, &two).into_file();
    locks.retire_held(&one, &first).expect("retired");
    locks.retire_held(&two, &first).expect("left alone");
    assert_eq!(custody(&locks, &two), Custody::Held);
    assert_eq!(custody(&locks, &one), Custody::Absent);
    drop(second);
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
            drop(claim(&locks, &id("bg_1")));
        }
        done.store(true, Ordering::SeqCst);
        assert!(probe.join().expect("never free") > 0);
    });
}

#[test]
fn of_many_claims_of_one_life_exactly_one_succeeds() {
    let (locks, dir, _folder) = scratch();
    let claims: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| locks.take(&id("bg_1")).expect("told"))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(claims.iter().flatten().count(), 1);
    assert_eq!(entries(&dir), 1);
}

#[test]
fn the_index_tells_by_name_what_is_locked_and_what_is_kept() {
    let (locks, dir, _folder) = scratch();
    assert_eq!(wait(locks.index()), Ok(Index::default()), "without a store there is nothing");
    let _one = claim(&locks, &id("bg_1"));
    // Whoever waits for its turn has an environment in place of a lock.
    for name in ["bg_2.env", "bg_3.again.env", "bg_1.system.md", ".1-2.tmp", "a b", "c d.env"] {
        fs::write(dir.active().join(name), "").expect("written");
    }
    for _ in 0..2 {
        assert_eq!(wait(locks.note_remains(&id("bg_4"))), Ok(()), "also where it is noted");
    }
    let expected = Index {
        jobs: Vec::new(),
        remains: vec![id("bg_4")],
        locked: vec![id("bg_1")],
        kept: vec![id("bg_2")],
        again: vec![id("bg_3")],
        instructed: vec![id("bg_1")],
    };
    assert_eq!(wait(locks.index()), Ok(expected));
    assert_eq!(unfinished(&locks), ["bg_1", "bg_2", "bg_3"].map(id));
    assert_eq!(custody(&locks, &id("bg_2")), Custody::Waiting);
    assert_eq!(custody(&locks, &id("bg_3")), Custody::Absent);
    assert_eq!(custody(&locks, &id("bg_4")), Custody::Absent);
    for _ in 0..2 {
        assert_eq!(wait(locks.forget_remains(&id("bg_4"))), Ok(()), "also where it is forgotten");
    }
    assert_eq!(wait(locks.index()).map(|index| index.remains), Ok(Vec::new()));
}

#[test]
fn how_many_have_a_life_lock_is_told_without_what_is_kept_for_others() {
    let (locks, dir, _folder) = scratch();
    let more_than = |many| wait(locks.has_more_than(many));
    assert_eq!(more_than(0), Ok(false), "without a store there is nothing");
    let _held: Vec<_> = (0..40).map(|number| claim(&locks, &id(&format!("bg_{number}")))).collect();
    fs::write(dir.active().join("bg_x.env"), "").expect("written");
    assert_eq!((more_than(0), more_than(39), more_than(40)), (Ok(true), Ok(true), Ok(false)));
}

/// Keeps all there is for the starts of a task.
fn keep(dir: &DataDir, id: &TaskId) {
    let kits = FileKits::new(dir.clone());
    let kit = Kit { instructions: Instructions::parse("be brief"), ..Kit::default() };
    wait(kits.keep(id, &kit)).expect("kept");
    wait(kits.keep_for_next(id, &kit.environment)).expect("kept");
}

#[test]
fn retiring_a_life_that_is_held_leaves_all_that_is_kept_for_the_task() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    let held = claim(&locks, &one).into_file();
    keep(&dir, &one);
    wait(locks.retire(&one)).expect("left alone");
    assert_eq!(entries(&dir), 4);
    drop(held);
    wait(locks.retire(&one)).expect("retired");
    assert_eq!(entries(&dir), 0);
}

#[test]
fn what_is_kept_for_a_task_without_a_life_lock_is_retired_too() {
    let (locks, dir, _folder) = scratch();
    keep(&dir, &id("bg_1"));
    wait(locks.retire(&id("bg_1"))).expect("retired");
    assert_eq!(entries(&dir), 0);
}

#[test]
fn a_claim_that_is_dropped_leaves_what_is_kept_and_one_that_is_retired_leaves_nothing() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    keep(&dir, &one);
    let claim = || wait(locks.claim(&one)).expect("told").expect("nobody holds it");
    drop(claim());
    assert_eq!((entries(&dir), custody(&locks, &one)), (3, Custody::Waiting));
    assert_eq!(*claim().id(), one);
    claim().retire().expect("retired");
    assert_eq!(entries(&dir), 0);
}

#[test]
fn what_a_claim_hands_over_is_a_file_whose_life_is_the_locks() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    let claim = wait(locks.claim(&one)).expect("told").expect("nobody holds it");
    let file = claim.hand_over().downcast::<File>().expect("a file");
    assert_eq!(custody(&locks, &one), Custody::Held);
    keep(&dir, &one);
    locks.retire_held(&one, &file).expect("retired");
    assert_eq!(entries(&dir), 0, "a supervisor takes all with it");
}
