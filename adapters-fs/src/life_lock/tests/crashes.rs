//! What is left of a life lock when its process dies, or a step fails, anywhere.

use super::*;
use crate::FileStore;
use crate::disk::halting::{HaltingDisk, at_every_step, is_temp, names};
use domain::port::TaskStore;
use std::sync::Arc;

/// The life locks in a folder of their own, on a disk that works and on one that halts.
fn scratch_on(disk: Arc<HaltingDisk>) -> (FileLifeLocks, FileLifeLocks, DataDir, TempDir) {
    let (locks, dir, folder) = scratch();
    dir.prepare().expect("made");
    (locks, FileLifeLocks::on(dir.clone(), disk), dir, folder)
}

#[test]
fn invariant_a_claim_that_is_cut_short_leaves_a_lock_that_anybody_may_take() {
    at_every_step(|disk| {
        let (locks, halting, dir, _folder) = scratch_on(Arc::clone(&disk));
        let one = id("bg_1");
        let claimed = halting.take(&one);
        if claimed.is_err() && !disk.kills() {
            assert_eq!(names(&dir.active()), [""; 0], "whoever fails tidies up");
        }
        // Whatever it holds is free now, as when its process is gone.
        drop(claimed);
        assert!(matches!(custody(&locks, &one), Custody::Absent | Custody::Free));
        let left = names(&dir.active());
        let known = |name: &String| is_temp(name) || *name == one.as_str();
        assert!(left.iter().all(known), "{left:?}");
        drop(claim(&locks, &one));
        assert_eq!(custody(&locks, &one), Custody::Absent);
    });
}

#[test]
fn invariant_what_is_left_of_a_life_that_was_being_retired_has_a_lock_and_is_retired_again() {
    for by_its_holder in [true, false] {
        at_every_step(|disk| {
            let (locks, halting, dir, _folder) = scratch_on(disk);
            let one = id("bg_1");
            let held = claim(&locks, &one).into_file();
            keep(&dir, &one);
            let retired = if by_its_holder {
                halting.retire_held(&one, &held)
            } else {
                held.unlock().expect("freed");
                wait(halting.retire(&one))
            };
            drop(held);
            let left = names(&dir.active());
            assert!(left.is_empty() || left.contains(&one.to_string()), "{left:?}");
            assert_eq!(retired.is_ok(), left.is_empty(), "{retired:?}");
            assert_ne!(custody(&locks, &one), Custody::Held);
            wait(locks.retire(&one)).expect("retired");
            assert_eq!(names(&dir.active()), [""; 0]);
        });
    }
}

#[test]
fn invariant_what_a_dead_claimer_left_of_a_task_without_a_record_is_swept() {
    at_every_step(|disk| {
        let (locks, halting, dir, _folder) = scratch_on(disk);
        let one = id("bg_1");
        keep(&dir, &one);
        drop(halting.take(&one));
        let store = FileStore::open(dir.clone());
        wait(store.sweep()).expect("swept");
        let left = names(&dir.active());
        assert!(left.iter().all(|name| is_temp(name)), "{left:?}");
        assert_eq!(unfinished(&locks), []);
    });
}
