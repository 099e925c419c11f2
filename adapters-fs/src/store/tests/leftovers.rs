//! What lies about for tasks that are over: counted, swept, and removed with the task.

use super::*;
use crate::disk::halting::{HaltingDisk, at_every_step, names};
use crate::{FileKits, FileQueue};
use domain::plan::queue::Limits;
use domain::port::{Kit, Kits, Queue};
use domain::task::droid::Instructions;
use std::os::unix::fs::symlink;

/// Keeps all there is for the start of a task, and puts it into the queue.
fn wait_in_the_queue(dir: &DataDir, task: &Task) {
    let kits = FileKits::new(dir.clone());
    let kit = Kit { instructions: Instructions::parse("be brief"), ..Kit::default() };
    wait(kits.keep(task.id(), &kit)).expect("kept");
    wait(kits.keep_for_next(task.id(), &kit.environment)).expect("kept");
    let queue = FileQueue::new(dir.clone(), Limits::default);
    wait(queue.enter(task)).expect("entered");
}

/// What lies about for tasks: names in `.active` and `.queue`.
fn left(dir: &DataDir) -> usize {
    names(&dir.active()).len() + names(&dir.queue()).len()
}

/// A waiting task of which nothing is over.
fn waiting(store: &FileStore, dir: &DataDir, seconds: u64) -> Task {
    let task = task_at(seconds);
    wait(store.create(&task)).expect("created");
    wait_in_the_queue(dir, &task);
    task
}

/// A launcher that was killed between keeping the environment and the record, and a task that was
/// cancelled before its supervisor started, left secrets that nothing ever removed.
#[test]
fn what_was_kept_for_tasks_that_ended_or_were_never_recorded_is_counted_and_swept() {
    let Scratch { store, dir, .. } = scratch();
    let waits = waiting(&store, &dir, 1);
    let ended = waiting(&store, &dir, 2);
    wait(store.apply(ended.id(), completed("x"), at(9))).expect("ended");
    let never = task_at(3);
    wait_in_the_queue(&dir, &never);
    assert_eq!((left(&dir), store.leftovers()), (14, Ok(9)));
    assert_eq!(wait(store.sweep()), Ok(9));
    assert_eq!((left(&dir), store.leftovers(), wait(store.sweep())), (5, Ok(0), Ok(0)));
    assert_eq!(wait(FileKits::new(dir).kept(waits.id())), Ok(Kit::default().environment));
}

#[test]
fn what_is_kept_for_a_task_that_is_just_being_launched_is_left_alone() {
    let Scratch { store, dir, .. } = scratch();
    // One that will wait, and is not recorded yet.
    let task = task_at(1);
    let life = FileLifeLocks::new(dir.clone()).take(task.id()).expect("told").expect("free");
    let kits = FileKits::new(dir.clone());
    let kit = Kit { instructions: Instructions::parse("be brief"), ..Kit::default() };
    wait(kits.keep(task.id(), &kit)).expect("kept");
    assert_eq!((wait(store.sweep()), left(&dir)), (Ok(0), 3));
    wait(store.create(&task)).expect("created");
    wait_in_the_queue(&dir, &task);
    drop(life);
    assert_eq!((wait(store.sweep()), left(&dir)), (Ok(0), 5));
    // One that starts at once.
    let at_once = task_at(2);
    let life = FileLifeLocks::new(dir.clone()).take(at_once.id()).expect("told").expect("free");
    wait(kits.instruct(at_once.id(), &Instructions::parse("be one").expect("words")))
        .expect("kept");
    assert_eq!((wait(store.sweep()), store.leftovers(), left(&dir)), (Ok(0), Ok(0), 7));
    drop(life);
    assert_eq!((wait(store.sweep()), left(&dir)), (Ok(1), 5));
}

#[test]
fn of_a_task_that_ended_but_is_still_held_nothing_is_swept() {
    let Scratch { store, dir, .. } = scratch();
    let task = task_at(1);
    wait(store.create(&task)).expect("created");
    let life = FileLifeLocks::new(dir.clone()).take(task.id()).expect("told").expect("free");
    let kits = FileKits::new(dir.clone());
    wait(kits.instruct(task.id(), &Instructions::parse("be one").expect("words"))).expect("kept");
    wait(store.apply(task.id(), completed("x"), at(9))).expect("ended");
    assert_eq!((wait(store.sweep()), store.leftovers()), (Ok(0), Ok(0)));
    assert_eq!(left(&dir), 3);
    drop(life.into_file());
    assert_eq!((wait(store.sweep()), left(&dir)), (Ok(3), 0));
}

#[test]
fn old_half_written_files_are_swept_from_every_folder() {
    let Scratch { store, dir, .. } = scratch();
    let parent = SessionId::parse("p").expect("a session");
    dir.prepare().expect("made");
    dir.prepare_notices_of(&parent).expect("made");
    let notice = dir.notices_of(&parent).join("x");
    let targets = [
        dir.record(&parse("bg_1")),
        dir.life_lock(&parse("bg_1")),
        dir.key("k").expect("a name"),
        dir.session(&parent).expect("a name"),
        dir.queue().join("x"),
        notice,
    ];
    let long_ago = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let times = fs::FileTimes::new().set_modified(long_ago);
    for target in &targets {
        let file = fs::File::create(dir.temp(target)).expect("made");
        file.set_times(times).expect("set");
        fs::File::create(dir.temp(target)).expect("made");
    }
    assert_eq!(store.leftovers(), Ok(targets.len()));
    assert_eq!(wait(store.sweep()), Ok(targets.len()));
    assert_eq!(store.leftovers(), Ok(0));
}

#[test]
fn one_entry_that_is_none_of_ours_keeps_nothing_else_from_being_swept_or_listed() {
    let Scratch { store, dir, .. } = scratch();
    let ended = waiting(&store, &dir, 1);
    wait(store.apply(ended.id(), completed("x"), at(9))).expect("ended");
    let (foreign, waits) = (parse("bg_foreign"), waiting(&store, &dir, 2));
    fs::create_dir(dir.life_lock(&foreign)).expect("made");
    fs::create_dir(dir.environment(&foreign)).expect("made");
    symlink("/dev/zero", dir.instructions(&foreign)).expect("made");
    fs::create_dir(dir.queue_entry("127-0-u-bg_foreign")).expect("made");
    assert_eq!(store.leftovers(), Ok(5), "of the one that has ended");
    assert_eq!(wait(store.sweep()), Ok(6), "and a link that nobody needs");
    assert_eq!((store.leftovers(), wait(store.sweep())), (Ok(0), Ok(0)));
    let locks = FileLifeLocks::new(dir.clone());
    let index = wait(locks.index()).expect("listed");
    assert!(index.kept.contains(waits.id()));
    for id in index.unfinished() {
        wait(locks.custody(&id)).expect("told");
    }
    assert_eq!(wait(store.list(&Query::default())).expect("listed").tasks.len(), 2);
    let session = SessionId::parse("nobody's").expect("a session");
    assert_eq!(wait(store.in_session(&session)), Ok(vec![]));
}

/// An ended task with everything that a task can have, and a store over a disk that halts.
fn laden(disk: Arc<HaltingDisk>) -> (Scratch, FileStore, Task) {
    let scratch = scratch();
    let order = domain::task::Order {
        parent: SessionId::parse("p").ok(),
        session: SessionId::parse("s").ok(),
        ..testing::order()
    };
    let task = Task::ordered(task_at(1).id().clone(), order, None, at(1));
    wait(scratch.store.create(&task)).expect("created");
    drop(crate::FileLogs::new(scratch.dir.clone()).create_for_agent(task.id()).expect("made"));
    wait(scratch.store.apply(task.id(), completed("x"), at(9))).expect("ended");
    wait_in_the_queue(&scratch.dir, &task);
    let locks = FileLifeLocks::new(scratch.dir.clone());
    drop(locks.take(task.id()).expect("told").expect("free").into_file());
    let halting = FileStore::on(scratch.dir.clone(), disk);
    (scratch, halting, task)
}

#[test]
fn invariant_wherever_removing_a_task_is_cut_short_it_can_be_asked_for_again_or_is_swept_up() {
    at_every_step(|disk| {
        let (Scratch { store, dir, _folder }, halting, task) = laden(disk);
        let removed = wait(halting.remove(task.id()));
        match wait(store.remove(task.id())) {
            Ok(()) => assert!(removed.is_err()),
            Err(error) => {
                assert_eq!(error, StoreError::NotFound { id: task.id().clone() });
                assert!(removed.is_ok(), "it said that it failed: {removed:?}");
            }
        }
        wait(store.sweep()).expect("swept");
        assert_eq!(left(&dir), 0);
        assert_eq!(names(&dir.notices()), [""; 0]);
        let files = [dir.record(task.id()), dir.output(task.id()), dir.events(task.id())];
        assert_eq!(files.map(|path| path.exists()), [false; 3]);
    });
}

#[test]
fn invariant_wherever_a_sweep_is_cut_short_the_next_one_completes_it() {
    at_every_step(|disk| {
        let (Scratch { store, dir, _folder }, halting, task) = laden(disk);
        let waits = waiting(&store, &dir, 2);
        wait_in_the_queue(&dir, &task_at(3));
        fs::write(dir.key_lock("k"), "").expect("left by a dead launcher");
        drop(wait(halting.sweep()));
        wait(store.sweep()).expect("swept");
        assert_eq!((left(&dir), store.leftovers()), (5, Ok(0)));
        assert_eq!(names(&dir.keys()), [""; 0]);
        assert_eq!(wait(store.load(waits.id())), Ok(waits));
        wait(store.load(task.id())).expect("an ended task keeps its record");
    });
}
