//! Keys on a real disk: given once, locked one by one, and what a crash leaves.

use super::*;
use crate::disk::halting::{HaltingDisk, at_every_step, is_temp, names};
use crate::store::FileStore;
use domain::port::TaskStore;
use domain::task::{Lineage, Order, Task, Timestamp};
use domain::testing;
use std::sync::atomic::{AtomicUsize, Ordering};

fn scratch() -> (FileKeys, DataDir, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("store"));
    (FileKeys::new(dir.clone()), dir, folder)
}

fn id(text: &str) -> TaskId {
    TaskId::parse(text).expect("an id")
}

fn open(keys: &FileKeys, key: &str) -> Box<dyn KeyEntry> {
    pollster::block_on(keys.open(key)).expect("opened")
}

fn give(entry: &mut Box<dyn KeyEntry>, id: &TaskId) -> Result<(), Fault> {
    pollster::block_on(entry.give(id))
}

#[test]
fn a_key_is_given_once_and_then_known() {
    let (keys, dir, _folder) = scratch();
    let (one, two) = (id("bg_1"), id("bg_2"));
    for (key, id) in [("nightly", &one), ("../../x", &two)] {
        let mut entry = open(&keys, key);
        assert_eq!(entry.owner(), None);
        give(&mut entry, id).expect("given");
        assert_eq!(entry.owner(), Some(id));
    }
    assert_eq!(open(&keys, "nightly").owner(), Some(&one));
    assert_eq!(open(&keys, "../../x").owner(), Some(&two));
    assert_eq!(names(&dir.keys()), ["%2E%2E%2F%2E%2E%2Fx", ".whole", "nightly"], "no lock is left");
    assert!(pollster::block_on(keys.open(&"x".repeat(300))).is_err());
    drop(open(&keys, &"x".repeat(255)));
}

/// There were sixteen locks for all keys, and each was held over `git worktree add`: launches with
/// other keys timed out.
#[test]
fn whoever_holds_a_key_is_in_the_way_of_no_other_key() {
    let (mut keys, _dir, _folder) = scratch();
    keys.patience = Duration::ZERO;
    let held: Vec<_> = (0..64).map(|number| open(&keys, &format!("key {number}"))).collect();
    assert_eq!(held.len(), 64);
}

#[test]
fn a_key_that_stays_held_is_named_after_the_deadline_with_what_to_do() {
    let (mut keys, _dir, _folder) = scratch();
    let held = open(&keys, "nightly build");
    keys.patience = Duration::from_millis(20);
    let error = pollster::block_on(keys.open("nightly build")).err().expect("it is held");
    assert!(error.step.contains("`nightly build`"), "{error}");
    assert!(error.reason.contains("the same command"), "{error}");
    drop(held);
    drop(open(&keys, "nightly build"));
}

#[test]
fn of_many_that_open_one_key_one_holds_it_at_a_time() {
    let (keys, dir, _folder) = scratch();
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let entry = open(&keys, "nightly");
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(entry);
                }
            });
        }
    });
    assert_eq!(most.into_inner(), 1);
    assert_eq!(names(&dir.keys()), [".whole"]);
}

#[test]
fn what_is_no_link_names_no_task_and_what_is_no_lock_is_put_aside() {
    let (keys, dir, _folder) = scratch();
    dir.prepare().expect("made");
    fs::write(dir.key("nightly").expect("a name"), "bg_9").expect("written");
    let mut entry = open(&keys, "nightly");
    assert_eq!(entry.owner(), None);
    give(&mut entry, &id("bg_1")).expect("given");
    fs::create_dir(dir.key_lock("weekly")).expect("made");
    assert_eq!(open(&keys, "weekly").owner(), None);
    assert!(dir.keys().join(".aside-weekly.lock-0").is_dir());
    drop(entry);
    assert_eq!(open(&keys, "nightly").owner(), Some(&id("bg_1")));
}

#[test]
fn invariant_wherever_giving_a_key_is_cut_short_one_task_has_it_and_the_next_may_take_it() {
    let (before, after, last) = (id("bg_1"), id("bg_2"), id("bg_3"));
    at_every_step(|disk| {
        let (keys, dir, _folder) = scratch();
        give(&mut open(&keys, "nightly"), &before).expect("given");
        let halting = FileKeys { disk: Arc::<HaltingDisk>::clone(&disk), ..keys.clone() };
        let mut entry = open(&halting, "nightly");
        let given = give(&mut entry, &after);
        // What its destructor does may be cut short as well.
        drop(entry);
        let mut entry = open(&keys, "nightly");
        assert_eq!(entry.owner(), Some(if given.is_ok() { &after } else { &before }));
        give(&mut entry, &last).expect("given");
        drop(entry);
        assert_eq!(open(&keys, "nightly").owner(), Some(&last));
        let others: Vec<_> = names(&dir.keys())
            .into_iter()
            .filter(|name| !["nightly", ".whole"].contains(&&**name))
            .collect();
        assert!(others.iter().all(|name| is_temp(name)), "{others:?}");
        assert!(disk.kills() || others.is_empty(), "whoever fails tidies up: {others:?}");
    });
}

#[test]
fn a_lock_that_a_dead_holder_left_is_swept_and_one_that_is_held_is_not() {
    let (keys, dir, _folder) = scratch();
    let held = open(&keys, "held");
    fs::write(dir.key_lock("left"), "").expect("left by a dead launcher");
    let store = FileStore::open(dir.clone());
    assert_eq!(store.leftovers(), Ok(1));
    assert_eq!(pollster::block_on(store.sweep()), Ok(1));
    assert_eq!((dir.key_lock("left").exists(), dir.key_lock("held").exists()), (false, true));
    drop(held);
    assert_eq!(store.leftovers(), Ok(0));
}

// Once, a key whose entry was gone was taken for a free one, and the order ran twice.
#[test]
fn keys_whose_entries_are_gone_or_are_none_are_found_in_the_records() {
    let (keys, dir, _folder) = scratch();
    let store = FileStore::open(dir.clone());
    let ordered = |id: &str, key: &str, retry_of: Option<&str>| {
        let lineage = Lineage { retry_of: retry_of.map(self::id), ..Lineage::default() };
        let order = Order { key: Some(key.to_owned()), lineage, ..testing::order() };
        let task = Task::ordered(self::id(id), order, None, Timestamp::from_micros(0));
        pollster::block_on(store.create_untold(&task)).expect("recorded");
    };
    drop(open(&keys, "nightly"));
    ordered("bg_1", "nightly", None);
    ordered("bg_2", "weekly \" ü", None);
    ordered("bg_3", "weekly \" ü", None);
    ordered("bg_4", "weekly \" ü", Some("bg_3"));
    let owner = |key: &str| open(&keys, key).owner().cloned();
    // As far as anybody knows, nobody has lost an entry.
    assert_eq!((owner("nightly"), owner("weekly \" ü")), (None, None));
    let whatever: [fn(&Path); 4] = [
        |path| fs::write(path, "bg_9").expect("a file"),
        |path| fs::create_dir(path).expect("a folder"),
        |path| std::os::unix::fs::symlink(path, path).expect("a loop"),
        |path| std::os::unix::fs::symlink("no task", path).expect("a link"),
    ];
    for make in whatever {
        fs::remove_dir_all(dir.keys()).expect("removed");
        fs::create_dir(dir.keys()).expect("made");
        make(&dir.key("nightly").expect("a name"));
        assert_eq!(owner("nightly"), Some(self::id("bg_1")));
        assert_eq!(owner("weekly \" ü"), Some(self::id("bg_3")), "its entry was made, too");
    }
    fs::remove_dir_all(dir.keys()).expect("removed");
    assert_eq!(owner("weekly \" ü"), Some(self::id("bg_3")));
    let entry = fs::read_link(dir.key("nightly").expect("a name"));
    assert_eq!(entry.ok(), Some("bg_1".into()));
    // A power cut may have taken some: no entry is synced.
    fs::remove_file(dir.key("nightly").expect("a name")).expect("removed");
    fs::remove_file(dir.whole_keys()).expect("removed");
    std::os::unix::fs::symlink("the boot before", dir.whole_keys()).expect("marked");
    assert_eq!(owner("nightly"), Some(self::id("bg_1")));
}
