//! What is left of a record when the power fails at any step.

use super::*;
use crate::disk::faulty::FaultyDisk;
use domain::task::Weight;

/// A store on a disk in memory; its locks are real.
fn faulty() -> (FileStore, FaultyDisk, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = FaultyDisk::default();
    let store = FileStore::on(DataDir::at(folder.path().to_path_buf()), Arc::new(disk.clone()));
    (store, disk, folder)
}

/// What a store finds on `disk`.
fn found(disk: FaultyDisk, store: &FileStore, id: &TaskId) -> Result<Task, StoreError> {
    wait(FileStore::on(store.dir.clone(), Arc::new(disk)).load(id))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn invariant_after_a_crash_anywhere_a_record_is_whole_old_or_new_and_what_was_announced_lasts(
        task in strategies::task(),
        event in strategies::event(),
        at in strategies::timestamp(),
    ) {
        let Ok(applied) = task.clone().apply(event.clone(), at) else { return Ok(()) };
        for crash in 0.. {
            let (store, disk, _folder) = faulty();
            wait(store.create(&task)).expect("created");
            let before = disk.steps();
            disk.crash_after(crash);
            let answer = wait(store.apply(task.id(), event.clone(), at));
            for state in disk.after_crash() {
                let left = found(state, &store, task.id());
                let is_new = left.as_ref() == Ok(&applied.task);
                prop_assert!(is_new || left.as_ref() == Ok(&task), "torn at {}: {:?}", crash, left);
                if answer.is_ok() && applied.weight == Weight::Lasting {
                    prop_assert!(is_new, "announced and lost at {}", crash);
                }
            }
            if answer.is_ok() && disk.steps() - before <= crash {
                break;
            }
        }
    }
}

#[test]
fn invariant_after_a_crash_anywhere_a_new_record_is_whole_or_not_there() {
    let task = task_at(1);
    for crash in 0.. {
        let (store, disk, _folder) = faulty();
        disk.crash_after(crash);
        let answer = wait(store.create(&task));
        for state in disk.after_crash() {
            match found(state, &store, task.id()) {
                Ok(left) => assert_eq!(left, task),
                Err(error) => {
                    assert_eq!(error, StoreError::NotFound { id: task.id().clone() });
                    assert!(answer.is_err(), "announced and lost at {crash}");
                }
            }
        }
        if answer.is_ok() {
            break;
        }
    }
}

/// A launch answers once, after the start is recorded: until then its record costs no sync.
#[test]
fn invariant_a_start_that_was_announced_lasts_though_the_record_before_it_was_not_synced() {
    let task = task_at(1);
    for crash in 0.. {
        let (store, disk, _folder) = faulty();
        wait(store.create_untold(&task)).expect("created");
        let before = disk.steps();
        disk.crash_after(crash);
        let answer = wait(store.apply(task.id(), started(), at(2)));
        if let Ok(task) = &answer {
            for state in disk.after_crash() {
                assert_eq!(found(state, &store, task.id()), Ok(task.clone()), "lost at {crash}");
            }
            if disk.steps() - before <= crash {
                break;
            }
        }
    }
}

#[test]
fn invariant_what_was_made_durable_lasts() {
    let tasks = [task_at(1), task_at(2)];
    let ids = tasks.each_ref().map(|task| task.id().clone());
    for crash in 0.. {
        let (store, disk, _folder) = faulty();
        for task in &tasks {
            wait(store.create_untold(task)).expect("created");
        }
        let before = disk.steps();
        disk.crash_after(crash);
        if wait(store.make_durable(&ids)).is_ok() {
            for (state, task) in disk
                .after_crash()
                .into_iter()
                .flat_map(|state| tasks.iter().map(move |task| (state.clone(), task)))
            {
                assert_eq!(found(state, &store, task.id()).as_ref(), Ok(task), "lost at {crash}");
            }
            if disk.steps() - before <= crash {
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_is_called_full_and_leaves_the_record_and_nothing_else() {
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        let (store, disk, _folder) = faulty();
        let task = task_at(1);
        wait(store.create(&task)).expect("created");
        // Without it the room that was set aside would do.
        disk.remove(&store.dir.reserve(task.id())).expect("it was set aside");
        disk.fail_writes_with(errno.raw_os_error());
        let error = wait(store.apply(task.id(), started(), at(2))).expect_err("no room");
        let full = matches!(&error, StoreError::Failed { failure: StoreFailure::Full(_), .. });
        assert!(full, "{error:?}");
        assert_eq!(wait(store.load(task.id())), Ok(task.clone()));
        let kept = [store.dir.record(task.id())];
        assert_eq!(disk.names(), kept);
        assert!(wait(store.create(&task_at(2))).is_err());
        assert_eq!(disk.names(), kept);
    }
}

#[test]
fn an_ending_finds_the_room_that_was_set_aside_for_it_on_a_full_disk_and_survives_a_power_cut() {
    let (store, disk, _folder) = faulty();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    wait(store.apply(task.id(), started(), at(2))).expect("started");
    disk.fail_writes_with(Errno::NOSPC.raw_os_error());
    let ended = wait(store.apply(task.id(), completed("found"), at(3))).expect("there is room");
    for state in disk.after_crash() {
        assert_eq!(found(state, &store, task.id()).as_ref(), Ok(&ended));
    }
    assert_eq!(disk.names(), [store.dir.record(task.id())]);
}

#[test]
fn an_ending_that_is_longer_than_the_room_for_it_leaves_the_record_as_it_was() {
    let (store, disk, _folder) = faulty();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    let running = wait(store.apply(task.id(), started(), at(2))).expect("started");
    disk.fail_writes_with(Errno::NOSPC.raw_os_error());
    let much = completed(&"x".repeat(100_000));
    let error = wait(store.apply(task.id(), much, at(3))).expect_err("no room");
    let full = matches!(&error, StoreError::Failed { failure: StoreFailure::Full(_), .. });
    assert!(full, "{error:?}");
    assert_eq!(wait(store.load(task.id())), Ok(running));
}
