//! The store on a real disk, among hostile neighbours, under many threads, and through crashes.

use super::*;
use domain::port::LifeLocks;
use domain::testing::{self, MemoryStore, store_contract, strategies};
use proptest::prelude::*;
use std::cell::Cell;
use std::fs::{File, FileTimes};
use std::io::Write as _;
use std::time::SystemTime;
use tempfile::TempDir;

use super::listing::{Name, Names};
use super::outlines::Outlines;

mod crashes;
mod derived;
mod hostile;
mod leftovers;
mod power_cuts;
mod races;

/// A store in a folder that goes when this does.
struct Scratch {
    store: FileStore,
    dir: DataDir,
    _folder: TempDir,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("tasks"));
    Scratch { store: FileStore::open(dir.clone()), dir, _folder: folder }
}

fn at(seconds: u64) -> Timestamp {
    testing::ORDERED.plus(std::time::Duration::from_secs(seconds))
}

fn task_at(seconds: u64) -> Task {
    Task::ordered(TaskId::mint(at(seconds), [0, 0, 7]), testing::order(), None, at(seconds))
}

fn started() -> Event {
    Event::Started(testing::started())
}

fn completed(result: &str) -> Event {
    let ending = domain::task::Ending::Completed { result: result.to_owned() };
    Event::Ended { ending, exit: None, next: None }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn parse(id: &str) -> TaskId {
    TaskId::parse(id).expect("an id")
}

#[test]
fn the_file_store_keeps_the_contract() {
    let scratch = tempfile::tempdir().expect("a folder");
    let number = Cell::new(0);
    let fresh = || {
        number.set(number.get() + 1);
        FileStore::open(DataDir::at(scratch.path().join(number.get().to_string())))
    };
    wait(store_contract::check_all(&fresh));
}

#[test]
fn a_store_that_is_not_there_is_empty_and_is_not_made_by_looking() {
    let Scratch { store, dir, .. } = scratch();
    let session = domain::task::SessionId::parse("s").expect("a session");
    assert_eq!(wait(store.list(&Query::default())), Ok(Listing::default()));
    assert_eq!(wait(store.matching("", 9)), Ok(vec![]));
    assert_eq!(wait(store.in_session(&session)), Ok(vec![]));
    assert_eq!(wait(store.sweep()), Ok(0));
    let id = parse("bg_1");
    let missing = StoreError::NotFound { id: id.clone() };
    assert_eq!(wait(store.load(&id)), Err(missing.clone()));
    assert_eq!(wait(store.apply(&id, started(), at(1))), Err(missing));
    assert!(!dir.root().exists());
}

#[test]
fn records_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let Scratch { store, dir, .. } = scratch();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir.record(task.id())), 0o600);
    wait(store.apply(task.id(), started(), at(2))).expect("started");
    assert_eq!(mode(&dir.record(task.id())), 0o600);
    assert_eq!(mode(&dir.shard(task.id())), 0o600);
    assert_eq!(mode(dir.root()), 0o700);
}

#[test]
fn a_change_leaves_no_other_file_behind() {
    let Scratch { store, dir, .. } = scratch();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    wait(store.create(&task)).expect_err("it exists");
    wait(store.apply(task.id(), started(), at(2))).expect("started");
    wait(store.apply(task.id(), started(), at(3))).expect_err("it has started");
    let listed = fs::read_dir(dir.root()).expect("listed");
    let mut paths: Vec<_> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let folders =
        [".active", ".keys", ".locks", ".queue", ".sessions"].map(|name| dir.root().join(name));
    let expected: Vec<_> = folders.into_iter().chain([dir.record(task.id())]).collect();
    assert_eq!(paths, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The model beside the real thing.
    #[test]
    fn invariant_the_file_store_does_what_the_one_in_memory_does(
        histories in proptest::collection::vec(strategies::history(), 1..5),
        limit in proptest::option::of(0usize..5),
    ) {
        let Scratch { store, .. } = scratch();
        let model = MemoryStore::default();
        for (number, history) in histories.into_iter().enumerate() {
            let task = task_at(number as u64);
            prop_assert_eq!(wait(store.create(&task)), wait(model.create(&task)));
            for (event, at) in history {
                let real = wait(store.apply(task.id(), event.clone(), at));
                prop_assert_eq!(real, wait(model.apply(task.id(), event, at)));
            }
        }
        let query = Query { limit, ..Query::default() };
        prop_assert_eq!(wait(store.list(&query)), wait(model.list(&query)));
    }
}

#[test]
fn a_listing_read_by_many_threads_is_the_same_as_by_one() {
    let Scratch { store, .. } = scratch();
    let model = MemoryStore::default();
    for seconds in 0..700 {
        let task = task_at(seconds);
        // Written without the syncs, which would take seconds here.
        store.prepare().expect("prepared");
        fs::write(store.dir.record(task.id()), record::first(&task)).expect("written");
        wait(model.create(&task)).expect("created");
    }
    for limit in [None, Some(0), Some(1), Some(300), Some(699), Some(700), Some(701)] {
        let query = Query { limit, ..Query::default() };
        assert_eq!(wait(store.list(&query)), wait(model.list(&query)), "{limit:?}");
    }
}

#[test]
fn a_listing_goes_by_outlines_and_notices_whoever_changes_a_record() {
    let Scratch { store, dir, .. } = scratch();
    store.prepare().expect("prepared");
    let ids: Vec<_> = (0..700).map(|seconds| task_at(seconds).id().clone()).collect();
    let old = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    let write = |seconds: u64, ended: bool| {
        let mut task = task_at(seconds);
        if ended {
            task = task.apply(started(), at(9)).expect("it starts").task;
            task = task.apply(completed("found"), at(9)).expect("it ends").task;
        }
        let file = File::create(dir.record(task.id())).expect("made");
        (&file).write_all(record::first(&task).as_bytes()).expect("written");
        file.set_times(old).expect("dated");
    };
    (0..700).for_each(|seconds| write(seconds, seconds % 3 > 0));
    let query = Query { limit: Some(5), ..Query::default() };
    let first = wait(store.list(&query)).expect("listed");
    assert_eq!((first.tally.queued, first.tally.completed, first.omitted), (234, 466, 695));
    let known = || {
        let mut names = Names::default();
        for id in &ids {
            names.push(dir.record(id).file_name().expect("a name"));
        }
        let (names, outlines) = (names.all(), Outlines::of(&store, ids.len()));
        let known = |name: &&Name<'_>| {
            let stamp = outlines.stamp(**name);
            stamp.is_some_and(|stamp| outlines.outline(**name, stamp).is_some())
        };
        names.iter().filter(known).count()
    };
    assert_eq!(known(), 466, "those that have ended are outlined");
    assert_eq!(wait(store.list(&query)), Ok(first));
    // Somebody restores two records of tasks that were queued, and ends one.
    write(1, false);
    write(2, false);
    write(0, true);
    fs::remove_file(dir.record(&ids[4])).expect("removed");
    assert_eq!(known(), 463);
    let then = wait(store.list(&query)).expect("listed");
    assert_eq!((then.tally.queued, then.tally.completed), (235, 464));
}

#[test]
fn a_prefix_is_looked_up_without_opening_a_record() {
    let Scratch { store, dir, .. } = scratch();
    dir.prepare().expect("made");
    for name in ["bg_a1.json", "bg_a2.json", "bg_b.json", "bg_a3.out", ".bg_a4.json"] {
        fs::write(dir.root().join(name), "no record").expect("written");
    }
    let found = |prefix: &str, limit| wait(store.matching(prefix, limit)).expect("looked up");
    assert_eq!(found("bg_a", 9), [parse("bg_a1"), parse("bg_a2")]);
    assert_eq!(found("bg_a", 1), [parse("bg_a1")]);
    assert_eq!(found("bg_b", 9), [parse("bg_b")]);
    assert_eq!(found("", 9).len(), 3);
    let long = "x".repeat(10_000);
    for hostile in ["../bg_a", "bg_a1.json", "bg_a\0", "/", "..", ".bg", "*", "ä", long.as_str()] {
        assert_eq!(found(hostile, 9), [], "{hostile}");
    }
}
