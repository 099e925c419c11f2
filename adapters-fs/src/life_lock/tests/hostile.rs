//! Names in the folder of the life locks that are none of ours, and locks that people removed.

use super::*;
use rustix::fs::{CWD, Mode};
use std::os::unix::fs::symlink;

/// Things that are no plain files, named like the locks of `bg_link`, `bg_folder` and `bg_fifo`.
fn foreign(dir: &DataDir) -> [TaskId; 3] {
    dir.prepare().expect("made");
    let ids = ["bg_link", "bg_folder", "bg_fifo"].map(id);
    symlink("/dev/zero", dir.life_lock(&ids[0])).expect("made");
    fs::create_dir(dir.life_lock(&ids[1])).expect("made");
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(CWD, dir.life_lock(&ids[2]), mode).expect("made");
    fs::create_dir(dir.environment(&ids[0])).expect("made");
    ids
}

#[test]
fn what_is_no_plain_file_is_no_life_lock_in_nobodys_way_and_put_aside_by_who_makes_one() {
    let (locks, dir, _folder) = scratch();
    let ids = foreign(&dir);
    let mine = claim(&locks, &id("bg_mine"));
    let mut index = wait(locks.index()).expect("listed");
    index.locked.sort();
    assert_eq!(index.locked, ["bg_fifo", "bg_folder", "bg_link", "bg_mine"].map(id));
    for id in &ids {
        assert_eq!(custody(&locks, id), Custody::Absent, "{id}");
        wait(locks.retire(id)).expect("there is nothing to retire");
        assert!(fs::symlink_metadata(dir.life_lock(id)).is_ok(), "it is not ours to remove");
    }
    assert_eq!(custody(&locks, mine.id()), Custody::Held);
    let mut watch = wait(locks.watch(&ids)).expect("watched");
    assert_eq!(wait(watch.next(Duration::ZERO)), Woken::Released(ids[0].clone()));
    for id in &ids {
        let began = Instant::now();
        drop(claim(&locks, id));
        assert!(began.elapsed() < LONG);
        let aside = dir.active().join(format!(".aside-{id}-0"));
        assert!(fs::symlink_metadata(aside).is_ok_and(|found| !found.is_file()), "{id}");
    }
}

#[test]
fn a_supervisor_whose_lock_was_removed_by_hand_gets_a_new_one_and_only_then() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    let file = claim(&locks, &one).into_file();
    assert!(locks.reclaim(&one, &file).expect("told").is_none(), "it is still its own");
    fs::remove_file(dir.life_lock(&one)).expect("removed");
    assert_eq!(custody(&locks, &one), Custody::Absent);
    let other = claim(&locks, &one);
    assert!(locks.reclaim(&one, &file).expect("told").is_none(), "somebody else holds it");
    drop(other);
    // Of a store that somebody removes, nothing is made anew; once, it was there again.
    fs::remove_dir_all(dir.root()).expect("removed");
    assert!(locks.reclaim(&one, &file).expect("told").is_none(), "the task is gone as well");
    assert!(!dir.root().exists());
    dir.prepare().expect("made");
    fs::write(dir.record(&one), "{}").expect("written");
    let anew = locks.reclaim(&one, &file).expect("told").expect("it is made anew").into_file();
    assert_eq!((custody(&locks, &one), unfinished(&locks)), (Custody::Held, vec![one.clone()]));
    locks.retire_held(&one, &anew).expect("retired");
    assert_eq!(custody(&locks, &one), Custody::Absent);
}

#[test]
fn a_claim_whose_name_is_another_ones_by_now_leaves_that_alone() {
    let (locks, dir, _folder) = scratch();
    let one = id("bg_1");
    let first = claim(&locks, &one);
    fs::remove_file(dir.life_lock(&one)).expect("removed");
    let second = claim(&locks, &one);
    drop(first);
    assert_eq!(custody(&locks, &one), Custody::Held);
    drop(second);
    assert_eq!(entries(&dir), 0);
}

/// A look shares a free lock for a moment, which made `try_lock` fail: a task that was being
/// admitted was stranded.
#[test]
fn a_free_lock_is_claimed_although_many_look_at_it() {
    let (locks, _dir, _folder) = scratch();
    let one = id("bg_1");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    custody(&locks, &one);
                }
            });
        }
        let taken: Vec<_> = (0..1000)
            .map(|_| {
                let taken = locks.take(&one);
                // Left free, as by a supervisor that was killed.
                taken.map(|claim| claim.map(|claim| drop(claim.into_file())).is_some())
            })
            .collect();
        // Before anything is said of them, so that a failure does not leave the others at it.
        done.store(true, Ordering::SeqCst);
        assert!(taken.into_iter().all(|taken| taken.expect("told")), "somebody was in the way");
    });
}
