//! Kits on a real disk: kept, begun, passed on and forgotten.

use super::*;
use crate::disk::faulty::FaultyDisk;
use crate::disk::halting::{HaltingDisk, at_every_step, names};
use std::fs;
use std::os::unix::fs::PermissionsExt;

struct Scratch {
    kits: FileKits,
    dir: DataDir,
    _folder: tempfile::TempDir,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("store"));
    Scratch { kits: FileKits::new(dir.clone()), dir, _folder: folder }
}

fn id(text: &str) -> TaskId {
    TaskId::parse(text).expect("an id")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    let bytes =
        |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    Environment(variables.iter().map(bytes).collect())
}

fn kit() -> Kit {
    let instructions = Instructions::parse("be brief");
    Kit { environment: environment(&[("TOKEN", "hunter2")]), instructions }
}

#[test]
fn what_is_kept_comes_back_to_the_byte() {
    let Scratch { kits, dir, .. } = scratch();
    let one = id("bg_1");
    let mut kept = environment(&[("A", "b=c\nd"), ("EMPTY", ""), ("=ODD", "x")]);
    kept.0.push((b"BYTES".to_vec(), vec![0xff, b'=']));
    let kit = Kit { environment: kept.clone(), instructions: None };
    wait(kits.keep(&one, &kit)).expect("kept");
    assert_eq!(wait(kits.kept(&one)), Ok(kept));
    let mode = fs::metadata(dir.environment(&one)).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    wait(kits.forget(&one)).expect("forgotten");
    assert!(wait(kits.kept(&one)).is_err());
    wait(kits.forget(&one)).expect("forgotten twice");
}

#[test]
fn an_environment_that_was_cut_short_is_not_taken_for_a_whole_one() {
    let Scratch { kits, dir, .. } = scratch();
    let one = id("bg_1");
    wait(kits.keep(&one, &kit())).expect("kept");
    let whole = fs::read(dir.environment(&one)).expect("read");
    for length in 0..whole.len() {
        fs::write(dir.environment(&one), &whole[..length]).expect("written");
        assert!(wait(kits.kept(&one)).is_err(), "{length} bytes");
    }
}

/// The environment that is kept under one of both names, if one is.
fn kept_anyhow(kits: &FileKits, dir: &DataDir, id: &TaskId) -> Vec<Environment> {
    let again = fs::read(dir.again_environment(id)).ok();
    let again = again.map(|content| decode(&content).expect("whole"));
    wait(kits.kept(id)).into_iter().chain(again).collect()
}

/// A task with all there is to keep: the environment for itself, or for its next attempt.
fn prepared(kits: &FileKits, id: &TaskId, further: Option<Further>) {
    wait(kits.keep(id, &kit())).expect("kept");
    if let Some(further) = further {
        wait(kits.begin(id, further)).expect("begun");
    }
}

#[test]
fn a_task_that_begins_is_not_begun_again_and_what_is_kept_for_the_next_attempt_stays() {
    let Scratch { kits, dir, .. } = scratch();
    let (one, two) = (id("bg_1"), id("bg_2"));
    prepared(&kits, &one, Some(Further::Forget));
    assert_eq!(names(&dir.active()), ["bg_1.system.md"]);
    prepared(&kits, &two, Some(Further::KeepForNext));
    assert!(wait(kits.kept(&two)).is_err());
    assert_eq!(kept_anyhow(&kits, &dir, &two), [kit().environment]);
    for further in [Further::Forget, Further::KeepForNext] {
        wait(kits.begin(&one, further)).expect("nothing is kept");
        wait(kits.begin(&two, further)).expect("it has begun");
    }
    assert_eq!(kept_anyhow(&kits, &dir, &two), [kit().environment]);
}

#[test]
fn the_next_attempt_gets_what_was_kept_and_the_instructions_stay_with_both() {
    let Scratch { kits, dir, .. } = scratch();
    let ids = ["bg_1", "bg_2", "bg_3"].map(id);
    prepared(&kits, &ids[0], Some(Further::KeepForNext));
    wait(kits.pass_on(&ids[0], &ids[1])).expect("passed on");
    assert_eq!(wait(kits.kept(&ids[1])), Ok(kit().environment));
    // An attempt that never began passes its own on.
    wait(kits.pass_on(&ids[1], &ids[2])).expect("passed on");
    assert_eq!(wait(kits.kept(&ids[2])), Ok(kit().environment));
    for id in &ids {
        assert_eq!(fs::read_to_string(dir.instructions(id)).expect("there"), "be brief");
    }
    wait(kits.pass_on(&ids[1], &ids[2])).expect("done before");
    wait(kits.begin(&ids[2], Further::KeepForNext)).expect("begun");
    wait(kits.pass_on(&ids[1], &ids[2])).expect("done before, and begun since");
    wait(kits.forget(&ids[2])).expect("forgotten");
    let error = wait(kits.pass_on(&ids[1], &ids[2])).expect_err("there is nothing");
    assert!(error.step.contains("bg_1") || error.step.contains("bg_2"), "{error}");
}

#[test]
fn what_a_start_at_once_needs_is_kept_apart_from_what_waits() {
    let Scratch { kits, dir, .. } = scratch();
    let one = id("bg_1");
    wait(kits.instruct(&one, &Instructions::parse("of before").expect("words"))).expect("kept");
    wait(kits.instruct(&one, &Instructions::parse("be one").expect("words"))).expect("kept");
    wait(kits.keep_for_next(&one, &kit().environment)).expect("kept");
    assert_eq!(names(&dir.active()), ["bg_1.again.env", "bg_1.system.md"]);
    let path = kits.instructions(&one).expect("there");
    assert_eq!(fs::read_to_string(&path).expect("read"), "be one");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&dir.again_environment(&one))), (0o600, 0o600));
    assert_eq!(kits.instructions(&id("bg_2")), None);
}

#[test]
fn a_variable_that_no_file_can_hold_is_refused() {
    let Scratch { kits, dir, .. } = scratch();
    for bad in [("", "x"), ("A\0", "x"), ("A", "\0")] {
        let kit = Kit { environment: environment(&[bad]), ..kit() };
        wait(kits.keep(&id("bg_1"), &kit)).expect_err("it cannot be kept");
        assert_eq!(names(&dir.active()), [""; 0], "nor is what belongs to it");
    }
}

#[test]
fn a_folder_or_a_link_that_has_the_name_of_what_is_kept_is_no_environment() {
    let Scratch { kits, dir, .. } = scratch();
    dir.prepare().expect("made");
    let (one, two) = (id("bg_1"), id("bg_2"));
    fs::create_dir(dir.environment(&one)).expect("made");
    std::os::unix::fs::symlink("/etc/passwd", dir.environment(&two)).expect("made");
    for id in [&one, &two] {
        assert!(wait(kits.kept(id)).is_err());
        wait(kits.forget(id)).expect("what can be removed is gone");
    }
    assert_eq!(names(&dir.active()), ["bg_1.env"]);
    assert!(wait(kits.keep(&one, &kit())).is_err());
    assert_eq!(names(&dir.active()), ["bg_1.env"]);
}

#[test]
fn invariant_wherever_keeping_is_cut_short_everything_is_there_once_the_environment_is() {
    at_every_step(|disk| {
        let Scratch { kits, dir, .. } = scratch();
        dir.prepare().expect("made");
        let (halting, one) =
            (FileKits::on(dir.clone(), Arc::<HaltingDisk>::clone(&disk)), id("bg_1"));
        let kept = wait(halting.keep(&one, &kit()));
        let whole = wait(kits.kept(&one)).is_ok();
        assert_eq!(whole, kept.is_ok());
        assert!(!whole || kits.instructions(&one).is_some());
        if kept.is_err() && !disk.kills() {
            assert_eq!(names(&dir.active()), [""; 0], "nothing of it is left");
        }
        wait(kits.keep(&one, &kit())).expect("kept at last");
        assert_eq!(wait(kits.kept(&one)), Ok(kit().environment));
        wait(kits.forget(&one)).expect("forgotten");
        assert_eq!(names(&dir.active()), [""; 0]);
    });
}

#[test]
fn invariant_wherever_a_move_is_cut_short_there_is_one_environment_and_repeating_completes_it() {
    let (one, two) = (id("bg_1"), id("bg_2"));
    for further in [None, Some(Further::KeepForNext)] {
        at_every_step(|disk| {
            let Scratch { kits, dir, .. } = scratch();
            prepared(&kits, &one, further);
            let halting = FileKits::on(dir.clone(), disk);
            let passed = wait(halting.pass_on(&one, &two));
            let places = [&one, &two].map(|id| kept_anyhow(&kits, &dir, id));
            assert_eq!(places.concat(), [kit().environment]);
            assert_eq!(passed.is_ok(), places[0].is_empty());
            wait(kits.pass_on(&one, &two)).expect("passed on at last");
            assert_eq!(wait(kits.kept(&two)), Ok(kit().environment));
            assert!(kits.instructions(&two).is_some());
            assert_eq!(kept_anyhow(&kits, &dir, &one), []);
        });
    }
    at_every_step(|disk| {
        let Scratch { kits, dir, .. } = scratch();
        prepared(&kits, &one, None);
        let halting = FileKits::on(dir.clone(), disk);
        let begun = wait(halting.begin(&one, Further::KeepForNext));
        assert_eq!(kept_anyhow(&kits, &dir, &one), [kit().environment]);
        assert_eq!(begun.is_ok(), wait(kits.kept(&one)).is_err());
    });
}

#[test]
fn invariant_what_is_left_of_forgetting_is_forgotten_the_next_time() {
    at_every_step(|disk| {
        let Scratch { kits, dir, .. } = scratch();
        let one = id("bg_1");
        prepared(&kits, &one, None);
        wait(kits.keep_for_next(&one, &kit().environment)).expect("kept");
        fs::write(dir.progress(&one), "{}").expect("written");
        let halting = FileKits::on(dir.clone(), Arc::<HaltingDisk>::clone(&disk));
        let forgotten = wait(halting.forget(&one));
        let left = names(&dir.active());
        assert!(forgotten.is_err() || left.is_empty(), "{left:?}");
        assert!(disk.kills() || left.len() <= 1, "one that stays keeps no other: {left:?}");
        wait(kits.forget(&one)).expect("forgotten");
        assert_eq!(names(&dir.active()), [""; 0]);
    });
}

#[test]
fn invariant_after_a_power_cut_an_environment_is_whole_or_known_to_be_lost() {
    let one = id("bg_1");
    for crash in 0.. {
        let Scratch { dir, .. } = scratch();
        let disk = FaultyDisk::default();
        disk.crash_after(crash);
        let kept = wait(FileKits::on(dir.clone(), Arc::new(disk.clone())).keep(&one, &kit()));
        for state in disk.after_crash() {
            let instructions = state.names().contains(&dir.instructions(&one));
            let left = wait(FileKits::on(dir.clone(), Arc::new(state)).kept(&one));
            assert!(left.is_err() || (left == Ok(kit().environment) && instructions));
        }
        if kept.is_ok() {
            break;
        }
    }
}
