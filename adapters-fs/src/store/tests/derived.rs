//! What is only derived: the session index, life locks, half-written files.

use super::*;
use crate::logs::FileLogs;
use crate::store::derived::date;
use domain::task::{Activity, Order};
use std::fs::{File, FileTimes};
use std::time::{Duration, SystemTime};

fn session(name: &str) -> SessionId {
    SessionId::parse(name).expect("a session")
}

/// A running task in this session.
fn running(store: &FileStore, seconds: u64, name: &str) -> Task {
    let order = Order { session: Some(session(name)), ..testing::order() };
    let task = Task::ordered(task_at(seconds).id().clone(), order, None, at(seconds));
    wait(store.create(&task)).expect("created");
    wait(store.apply(task.id(), started(), at(seconds))).expect("started")
}

fn claim(locks: &FileLifeLocks, id: &TaskId) -> crate::ClaimedLife {
    locks.take(id).expect("told").expect("nobody holds it")
}

fn found(store: &FileStore, name: &str) -> Vec<TaskId> {
    wait(store.in_session(&session(name))).expect("looked up")
}

fn entries(dir: &DataDir) -> usize {
    let names = fs::read_dir(dir.sessions()).expect("listed");
    names.filter(|entry| !dir.seen().ends_with(entry.as_ref().expect("one").file_name())).count()
}

/// Enough records that a session is not looked for among all of them.
fn fill(store: &FileStore) {
    for seconds in 1_000..1_100 {
        let task = task_at(seconds);
        fs::write(store.dir.record(task.id()), record::first(&task)).expect("written");
    }
}

#[test]
fn several_tasks_may_work_in_one_session_and_each_leaves_it_when_it_ends() {
    let Scratch { store, dir, .. } = scratch();
    let tasks = [1, 2, 3].map(|seconds| running(&store, seconds, "../same session"));
    let [one, two, three] = tasks.map(|task| task.id().clone());
    fill(&store);
    assert_eq!(entries(&dir), 1);
    assert_eq!(found(&store, "../same session"), [one.clone(), two.clone(), three.clone()]);
    wait(store.apply(&two, completed("x"), at(9))).expect("ended");
    assert_eq!(found(&store, "../same session"), [one.clone(), three.clone()]);
    for id in [one, three] {
        wait(store.apply(&id, completed("x"), at(9))).expect("ended");
    }
    assert_eq!(found(&store, "../same session"), []);
    assert_eq!(entries(&dir), 0);
}

#[test]
fn a_running_task_whose_index_was_lost_is_found_by_a_look_at_what_nobody_has_seen() {
    let Scratch { store, dir, .. } = scratch();
    let task = running(&store, 1, "s");
    let _life = claim(&FileLifeLocks::new(dir.clone()), task.id());
    fill(&store);
    fs::remove_dir_all(dir.sessions()).expect("removed");
    assert_eq!(found(&store, "s"), [task.id().clone()]);
}

#[test]
fn a_session_with_a_name_too_long_for_a_file_is_found_as_well() {
    let Scratch { store, dir, .. } = scratch();
    let name = "é".repeat(128);
    let task = running(&store, 1, &name);
    assert_eq!(entries(&dir), 0);
    assert_eq!(found(&store, &name), [task.id().clone()]);
}

/// Puts the folder of the store back in time, so that its next change is one by its time.
fn settle(dir: &DataDir) {
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let folder = File::open(dir.root()).expect("opened");
    folder.set_times(FileTimes::new().set_modified(past)).expect("set");
}

fn write_record(dir: &DataDir, task: &Task) {
    fs::write(dir.record(task.id()), record::first(task)).expect("written");
}

/// A running record of somebody else's.
fn of_others(seconds: u64, name: &str) -> Task {
    let order = Order { session: Some(session(name)), ..testing::order() };
    let task = Task::ordered(task_at(seconds).id().clone(), order, None, at(seconds));
    task.apply(started(), at(seconds)).expect("it was queued").task
}

// Only a store of at most 64 records was looked through.
#[test]
fn a_record_that_somebody_else_wrote_is_found_whatever_the_size_of_the_store_and_read_once() {
    let Scratch { store, dir, .. } = scratch();
    dir.prepare().expect("made");
    fill(&store);
    let (one, two) = (of_others(1, "one"), of_others(2, "two"));
    write_record(&dir, &one);
    assert_eq!(found(&store, "one"), [one.id().clone()]);
    settle(&dir);
    assert_eq!(found(&store, "two"), []);
    write_record(&dir, &two);
    assert_eq!(found(&store, "two"), [two.id().clone()]);
    // What was seen is not read again: a change in place is none of the folder.
    settle(&dir);
    assert_eq!(found(&store, "one"), [one.id().clone()]);
    write_record(&dir, &of_others(2, "renamed"));
    assert_eq!((found(&store, "two"), found(&store, "renamed")), (vec![], vec![]));
    wait(store.sweep()).expect("swept");
    assert_eq!(found(&store, "renamed"), [two.id().clone()]);
    // What is gone is forgotten, and a new one of that name is new.
    fs::remove_file(dir.record(one.id())).expect("removed");
    assert_eq!(found(&store, "one"), []);
    write_record(&dir, &of_others(1, "again"));
    assert_eq!(found(&store, "again"), [one.id().clone()]);
}

#[test]
fn a_record_that_is_being_written_is_read_once_it_is_whole() {
    let Scratch { store, dir, .. } = scratch();
    dir.prepare().expect("made");
    let task = of_others(1, "one");
    let text = record::first(&task);
    fs::write(dir.record(task.id()), &text[..text.len() / 2]).expect("written");
    assert_eq!(found(&store, "one"), []);
    // In place, as the original does: the folder does not change.
    fs::write(dir.record(task.id()), text).expect("written");
    assert_eq!(found(&store, "one"), [task.id().clone()]);
}

// Once, a record that was broken when it was seen, and mended by hand, was never found again, nor was one that somebody
// put back from a copy in which its task ran.
#[test]
fn a_record_that_was_broken_or_ended_and_is_unfinished_now_is_found_again() {
    let Scratch { store, dir, .. } = scratch();
    dir.prepare().expect("made");
    let (broken, ended) = (of_others(1, "broken"), of_others(2, "ended"));
    fs::write(dir.record(broken.id()), "{").expect("written");
    write_record(&dir, &ended.clone().apply(completed("x"), at(3)).expect("it ran").task);
    let unended = || -> Vec<TaskId> {
        wait(store.unended()).expect("asked").into_iter().map(|(id, _)| id).collect()
    };
    settle(&dir);
    assert_eq!(unended(), [broken.id().clone()], "nobody knows of a broken one");
    settle(&dir);
    write_record(&dir, &broken);
    write_record(&dir, &ended);
    settle(&dir);
    assert_eq!(found(&store, "broken"), [broken.id().clone()]);
    assert_eq!(unended(), [broken.id().clone()]);
    // Whoever lists all of them notices.
    wait(store.list(&Query::default())).expect("listed");
    assert_eq!(unended(), [broken.id().clone(), ended.id().clone()]);
    assert_eq!(found(&store, "ended"), [ended.id().clone()]);
}

#[test]
fn what_is_kept_of_records_is_taken_for_nothing_where_it_makes_no_sense() {
    let Scratch { store, dir, .. } = scratch();
    dir.prepare().expect("made");
    let task = of_others(1, "one");
    write_record(&dir, &task);
    for garbage in [&b""[..], b"task-bg seen 1\n", b"\xff\xff\n\n12345678"] {
        fs::write(dir.seen(), garbage).expect("written");
        assert_eq!(found(&store, "one"), [task.id().clone()]);
    }
    fs::remove_file(dir.seen()).expect("removed");
    fs::create_dir(dir.seen()).expect("made");
    assert_eq!(found(&store, "one"), [task.id().clone()], "it cannot be kept, and is found");
}

// A byte that the disk had lost made a session's task another one, or hid what had not ended.
#[test]
fn what_is_kept_of_records_is_made_anew_whatever_byte_of_it_is_damaged() {
    let Scratch { store, dir, .. } = scratch();
    dir.prepare().expect("made");
    let task = of_others(1, "one");
    write_record(&dir, &task);
    settle(&dir);
    assert_eq!(found(&store, "one"), [task.id().clone()]);
    let whole = fs::read(dir.seen()).expect("it was kept");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        let kept_at = fs::metadata(dir.seen()).and_then(|file| file.modified()).expect("its time");
        fs::write(dir.seen(), &damaged).expect("written");
        date(&dir.seen(), kept_at);
        assert_eq!(found(&store, "one"), [task.id().clone()], "byte {at}");
        assert_eq!(fs::read(dir.seen()).expect("kept anew"), whole, "byte {at}");
    }
}

#[test]
fn an_index_entry_is_believed_only_as_far_as_the_record_goes() {
    let Scratch { store, dir, .. } = scratch();
    let task = running(&store, 1, "s");
    let other = dir.session(&session("other")).expect("a path");
    std::os::unix::fs::symlink(task.id().as_str(), &other).expect("made");
    assert_eq!(found(&store, "other"), []);
    let garbage = dir.session(&session("garbage")).expect("a path");
    fs::write(&garbage, "no link").expect("written");
    assert_eq!(found(&store, "garbage"), []);
}

#[test]
fn a_session_that_the_agent_chose_is_found_from_the_moment_it_is_recorded() {
    let Scratch { store, dir, .. } = scratch();
    let task = running(&store, 1, "minted");
    fill(&store);
    let busy = Activity { session: Some(session("chosen")), ..Activity::default() };
    wait(store.apply(task.id(), Event::Progressed(busy), at(2))).expect("progressed");
    assert_eq!(found(&store, "chosen"), [task.id().clone()]);
    assert_eq!(found(&store, "minted"), [task.id().clone()]);
    wait(store.apply(task.id(), completed("x"), at(3))).expect("ended");
    assert_eq!(entries(&dir), 0);
}

#[test]
fn removing_takes_everything_of_the_task_and_nothing_of_its_neighbour() {
    let Scratch { store, dir, .. } = scratch();
    let (gone, kept) = (running(&store, 1, "s"), running(&store, 2, "s"));
    let (logs, locks) = (FileLogs::new(dir.clone()), FileLifeLocks::new(dir.clone()));
    for task in [&gone, &kept] {
        drop(logs.create_for_agent(task.id()).expect("made"));
        drop(claim(&locks, task.id()).into_file());
    }
    wait(store.apply(gone.id(), completed("x"), at(9))).expect("ended");
    wait(store.remove(gone.id())).expect("removed");
    let left = |id: &TaskId| {
        [dir.record(id), dir.output(id), dir.events(id), dir.life_lock(id)]
            .map(|path| path.exists())
    };
    assert_eq!(left(gone.id()), [false; 4]);
    assert_eq!(left(kept.id()), [true; 4]);
    assert_eq!(found(&store, "s"), [kept.id().clone()]);
    wait(store.remove(kept.id())).expect_err("it has not ended");
    assert_eq!(left(kept.id()), [true; 4]);
}

#[test]
fn sweeping_removes_what_nobody_needs_and_leaves_the_rest() {
    let Scratch { store, dir, .. } = scratch();
    let locks = FileLifeLocks::new(dir.clone());
    let tasks = [1, 2, 3].map(|seconds| running(&store, seconds, &format!("s{seconds}")));
    let [running, ended, finishing] = tasks.map(|task| task.id().clone());
    let nobody = parse("bg_nobody");
    drop(claim(&locks, &running).into_file());
    drop(claim(&locks, &ended).into_file());
    drop(claim(&locks, &nobody).into_file());
    let _held = claim(&locks, &finishing);
    // As if the index could not be kept while they ended.
    let entry = dir.session(&session("s2")).expect("a path");
    for id in [&ended, &finishing] {
        wait(store.apply(id, completed("x"), at(9))).expect("ended");
    }
    std::os::unix::fs::symlink(ended.as_str(), &entry).expect("made");
    let (old, fresh) = (dir.temp(&dir.record(&running)), dir.temp(&dir.record(&running)));
    let hours_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    for (path, at) in [(&old, Some(hours_ago)), (&fresh, None)] {
        let file = File::create(path).expect("made");
        if let Some(at) = at {
            file.set_times(FileTimes::new().set_modified(at)).expect("set");
        }
    }

    assert_eq!(wait(store.sweep()), Ok(5));
    assert_eq!((old.exists(), fresh.exists(), entry.is_symlink()), (false, true, false));
    let mut left = wait(locks.index()).expect("listed").unfinished();
    left.sort();
    assert_eq!(left, [running.clone(), finishing]);
    assert_eq!(found(&store, "s1"), [running]);
    assert_eq!(wait(store.sweep()), Ok(0));
}

#[test]
fn instructions_of_nobody_are_swept_and_those_of_a_task_that_has_not_ended_stay() {
    let Scratch { store, dir, .. } = scratch();
    let task = running(&store, 1, "s");
    let ended = running(&store, 2, "s");
    wait(store.apply(ended.id(), completed("x"), at(9))).expect("ended");
    let nobodys = TaskId::parse("bg_nobodys").expect("an id");
    let all = [task.id(), ended.id(), &nobodys];
    for id in all {
        fs::write(dir.instructions(id), "be one").expect("written");
    }
    wait(store.sweep()).expect("swept");
    assert_eq!(all.map(|id| dir.instructions(id).exists()), [true, false, false]);
    fs::write(dir.instructions(ended.id()), "be one").expect("written");
    wait(store.remove(ended.id())).expect("removed");
    assert!(!dir.instructions(ended.id()).exists());
}
