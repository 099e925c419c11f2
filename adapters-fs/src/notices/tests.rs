//! Notices on a real disk: when they appear, who tells them, and what a crash leaves.

use super::*;
use crate::FileStore;
use crate::disk::halting::at_every_step;
use domain::port::TaskStore;
use domain::task::{Ending, Event, Order, Timestamp};
use domain::testing;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use tempfile::TempDir;

struct Scratch {
    dir: DataDir,
    store: FileStore,
    notices: FileNotices,
    _folder: TempDir,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("tasks"));
    let store = FileStore::open(dir.clone());
    Scratch { store, notices: FileNotices::new(dir.clone()), dir, _folder: folder }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn parent() -> SessionId {
    SessionId::parse("../parent one").expect("a session")
}

fn at(seconds: u64) -> Timestamp {
    testing::ORDERED.plus(Duration::from_secs(seconds))
}

fn launch(scratch: &Scratch, seconds: u64, parent: Option<SessionId>) -> Task {
    let order = Order { parent, ..testing::order() };
    let task = Task::ordered(TaskId::mint(at(seconds), [0; 3]), order, None, at(seconds));
    wait(scratch.store.create(&task)).expect("created");
    task
}

fn end(scratch: &Scratch, task: &Task) {
    let ending = Ending::Completed { result: "found".to_owned() };
    let event = Event::Ended { ending, exit: None, next: None };
    wait(scratch.store.apply(task.id(), event, at(100))).expect("ended");
}

fn found(notices: &FileNotices) -> Vec<(TaskId, Stage)> {
    let batch = wait(notices.take(&parent())).expect("taken");
    batch.map(|batch| batch.entries().to_vec()).unwrap_or_default()
}

#[test]
fn a_task_with_a_parent_is_noted_from_its_launch_and_one_without_never() {
    let scratch = scratch();
    let orphan = launch(&scratch, 1, None);
    end(&scratch, &orphan);
    assert!(!scratch.dir.notices().exists());
    let task = launch(&scratch, 2, Some(parent()));
    assert_eq!(found(&scratch.notices), [(task.id().clone(), Stage::Open)]);
    end(&scratch, &task);
    assert_eq!(found(&scratch.notices), [(task.id().clone(), Stage::Ended)]);
    let stranger = SessionId::parse("stranger").expect("a session");
    assert!(wait(scratch.notices.take(&stranger)).expect("taken").is_none());
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let folder = scratch.dir.notices_of(&parent());
    let file = DataDir::notice(&folder, task.id(), NoticeSign::Ended);
    assert_eq!((mode(&scratch.dir.notices()), mode(&folder), mode(&file)), (0o700, 0o700, 0o600));
}

#[test]
fn a_task_that_nobody_noted_at_its_launch_is_noted_when_it_ends() {
    let scratch = scratch();
    let task = launch(&scratch, 1, Some(parent()));
    fs::remove_dir_all(scratch.dir.notices()).expect("removed");
    end(&scratch, &task);
    assert_eq!(found(&scratch.notices), [(task.id().clone(), Stage::Ended)]);
}

#[test]
fn marks_tell_how_far_it_has_come_and_the_last_one_leaves_nothing() {
    let scratch = scratch();
    let tasks = [1, 2, 3].map(|seconds| launch(&scratch, seconds, Some(parent())));
    let [named, told, settled] = tasks.map(|task| task.id().clone());
    let batch = wait(scratch.notices.take(&parent())).expect("taken").expect("something");
    for (id, mark) in [(&named, Mark::Named), (&told, Mark::Told), (&settled, Mark::Settled)] {
        wait(batch.mark(id, mark)).expect("marked");
    }
    drop(batch);
    assert_eq!(
        found(&scratch.notices),
        [(named.clone(), Stage::Named), (told.clone(), Stage::Told)]
    );
    for id in [&named, &told] {
        wait(scratch.notices.collected(&parent(), id)).expect("collected");
    }
    assert_eq!(found(&scratch.notices), []);
    let batch = wait(scratch.notices.take(&parent()));
    assert!(batch.expect("taken").is_none());
}

#[test]
fn one_teller_at_a_time_and_what_a_dead_one_did_not_mark_is_there_for_the_next() {
    let scratch = scratch();
    let task = launch(&scratch, 1, Some(parent()));
    end(&scratch, &task);
    let held = wait(scratch.notices.take(&parent())).expect("taken").expect("something");
    let notices = scratch.notices.clone();
    let other = thread::spawn(move || found(&notices));
    assert_eq!(other.join().expect("no panic"), [], "two told at once");
    // As if its holder had died after it spoke and before it marked.
    drop(held);
    assert_eq!(found(&scratch.notices), [(task.id().clone(), Stage::Ended)]);
}

#[test]
fn a_mark_without_its_task_is_nothing_and_is_swept_as_is_a_task_without_a_record() {
    let scratch = scratch();
    let (kept, gone) = (launch(&scratch, 1, Some(parent())), launch(&scratch, 2, Some(parent())));
    end(&scratch, &kept);
    end(&scratch, &gone);
    fs::remove_file(scratch.dir.record(gone.id())).expect("removed");
    let folder = scratch.dir.notices_of(&parent());
    let alone = TaskId::mint(at(3), [0; 3]);
    note(&RealDisk, &folder, &alone, NoticeSign::Told).expect("noted");
    fs::write(scratch.dir.notices().join("stray"), "x").expect("written");
    assert_eq!(found(&scratch.notices).len(), 2);
    // Besides, the room that was set aside for the two endings.
    assert_eq!(wait(scratch.store.sweep()), Ok(4));
    assert_eq!(found(&scratch.notices), [(kept.id().clone(), Stage::Ended)]);
    wait(scratch.store.remove(kept.id())).expect("removed");
    assert!(!folder.exists());
    assert_eq!(wait(scratch.store.sweep()), Ok(0));
}

#[test]
fn a_store_that_is_no_folder_has_no_notices_and_none_are_made_by_looking() {
    let scratch = scratch();
    assert_eq!(found(&scratch.notices), []);
    assert!(!scratch.dir.root().exists());
    fs::write(scratch.dir.root(), "a file").expect("written");
    assert!(wait(scratch.notices.take(&parent())).expect("looked").is_none());
}

#[test]
fn no_launch_is_forgotten_while_the_last_notice_goes() {
    let scratch = scratch();
    let others: Vec<Task> =
        (1..60).map(|seconds| launch(&scratch, seconds, Some(parent()))).collect();
    thread::scope(|scope| {
        let notices = scratch.notices.clone();
        scope.spawn(move || {
            for task in &others {
                wait(notices.collected(&parent(), task.id())).expect("collected");
                // Removes the folder whenever it is empty.
                drop(wait(notices.take(&parent())));
            }
        });
        for seconds in 100..160 {
            launch(&scratch, seconds, Some(parent()));
        }
    });
    assert_eq!(found(&scratch.notices).len(), 60);
}

/// One that is told by now, one that has ended, and one that is at work.
fn three(scratch: &Scratch) -> [TaskId; 3] {
    let tasks = [1, 2, 3].map(|seconds| launch(scratch, seconds, Some(parent())));
    end(scratch, &tasks[0]);
    end(scratch, &tasks[1]);
    tasks.map(|task| task.id().clone())
}

#[test]
fn invariant_wherever_noting_is_cut_short_a_task_is_as_it_was_or_as_it_became_and_others_are_untouched()
 {
    for mark in [Mark::Named, Mark::Told, Mark::Settled] {
        at_every_step(|disk| {
            let scratch = scratch();
            let ids = three(&scratch);
            let before = found(&scratch.notices);
            let halting = FileNotices { disk, ..scratch.notices.clone() };
            let batch = wait(halting.take(&parent())).expect("taken").expect("something to tell");
            let marked = wait(batch.mark(&ids[0], mark));
            drop(batch);
            let after = found(&scratch.notices);
            assert!(after.ends_with(&before[1..]), "{after:?}");
            if marked.is_err() {
                let is_settled = after.len() == 2;
                assert!(after == before || (is_settled && mark != Mark::Named), "{after:?}");
            }
            let batch = wait(scratch.notices.take(&parent())).expect("taken").expect("more");
            wait(batch.mark(&ids[0], mark)).expect("marked at last");
            drop(batch);
            let expected = match mark {
                Mark::Named => before.clone(),
                Mark::Told if after.len() == 3 => {
                    [vec![(ids[0].clone(), Stage::Told)], before[1..].to_vec()].concat()
                }
                Mark::Told | Mark::Settled => before[1..].to_vec(),
            };
            assert_eq!(found(&scratch.notices), expected);
        });
    }
}

#[test]
fn invariant_wherever_an_ending_is_cut_short_in_noting_it_a_repetition_completes_it() {
    at_every_step(|disk| {
        let scratch = scratch();
        let task = launch(&scratch, 1, Some(parent()));
        // Best effort: the task ends all the same.
        ended(&scratch.dir, &*disk, &task);
        let noted = found(&scratch.notices);
        assert!(
            [vec![(task.id().clone(), Stage::Open)], vec![(task.id().clone(), Stage::Ended)]]
                .contains(&noted)
        );
        ended(&scratch.dir, &RealDisk, &task);
        assert_eq!(found(&scratch.notices), [(task.id().clone(), Stage::Ended)]);
    });
}

#[test]
fn what_is_no_notice_of_ours_stops_nobody() {
    let scratch = scratch();
    let ids = three(&scratch);
    let folder = scratch.dir.notices_of(&parent());
    fs::write(folder.join("read me"), "").expect("written");
    fs::create_dir(folder.join("bg_folder")).expect("made");
    fs::write(scratch.dir.notices().join("no folder"), "").expect("written");
    assert_eq!(found(&scratch.notices).len(), 4);
    wait(scratch.notices.collected(&parent(), &ids[0])).expect("collected");
    wait(scratch.notices.collected(&parent(), &TaskId::parse("bg_folder").expect("an id")))
        .expect("a folder is none of ours");
    wait(scratch.store.sweep()).expect("swept");
    assert_eq!(found(&scratch.notices).len(), 3);
}
