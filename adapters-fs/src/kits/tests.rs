//! Kits on a real disk: kept, begun, passed on and forgotten.

use super::*;
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
