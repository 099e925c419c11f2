//! What the store costs in one process: `cargo bench -p adapters-fs`. Whole programs are measured by
//! `cargo xtask bench`. Nothing here passes or fails.

use std::fs;
use std::io::Write as _;

use adapters_fs::{DataDir, FileStore, FileTranscripts, record_text};
use divan::{Bencher, black_box};
use domain::port::{TaskStore as _, TranscriptReader as _};
use domain::task::{Activity, Event, Query, Task, TaskId};
use domain::testing::{self, ORDERED};
use pollster::block_on;
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// A store in a folder that goes when this does, on whatever holds temporary files here.
struct Scratch {
    dir: DataDir,
    store: FileStore,
    _folder: TempDir,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = DataDir::at(folder.path().join("tasks"));
    dir.prepare().expect("prepared");
    Scratch { store: FileStore::open(dir.clone()), dir, _folder: folder }
}

fn task(number: u64) -> Task {
    let at = ORDERED.plus(std::time::Duration::from_millis(number));
    let number = u32::try_from(number % 65_536).expect("small");
    let [_, _, high, low] = number.to_be_bytes();
    Task::ordered(TaskId::mint(at, [0, high, low]), testing::order(), None, at)
}

/// A store with so many records, and the id of one in the middle.
fn filled(records: u64) -> (Scratch, TaskId) {
    let scratch = scratch();
    for number in 0..records {
        let task = task(number);
        fs::write(scratch.dir.record(task.id()), record_text(&task)).expect("written");
    }
    (scratch, task(records / 2).id().clone())
}

#[divan::bench]
fn encode(bencher: Bencher) {
    let task = task(1);
    bencher.bench(|| record_text(black_box(&task)));
}

#[divan::bench(args = [1, 10_000])]
fn decode(bencher: Bencher, records: u64) {
    let (scratch, id) = filled(records);
    bencher.bench(|| block_on(scratch.store.load(black_box(&id))).expect("read"));
}

/// Progress, which is not synced.
#[divan::bench]
fn apply(bencher: Bencher) {
    let (scratch, id) = filled(1);
    let started = Event::Started(testing::started());
    block_on(scratch.store.apply(&id, started, ORDERED)).expect("started");
    bencher.bench(|| {
        let event = Event::Progressed(Activity::default());
        block_on(scratch.store.apply(&id, event, ORDERED)).expect("applied")
    });
}

#[divan::bench(args = [100, 10_000])]
fn list(bencher: Bencher, records: u64) {
    let (scratch, _) = filled(records);
    let query = Query { limit: Some(200), ..Query::default() };
    bencher.bench(|| block_on(scratch.store.list(black_box(&query))).expect("listed"));
}

/// The answer lies so many bytes before the end.
#[divan::bench(args = [0, 8 << 20])]
fn transcript(bencher: Bencher, behind: usize) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let answer = r#"{"type":"message","message":{"role":"assistant","content":"found"}}"#;
    writeln!(file, "{answer}").expect("written");
    let line = format!(r#"{{"type":"tool_result","content":"{}"}}"#, "x".repeat(4_000));
    for _ in 0..behind / line.len() {
        writeln!(file, "{line}").expect("written");
    }
    let path = file.path().to_str().expect("text");
    bencher.bench(|| block_on(FileTranscripts.last_words(black_box(path))).expect("read"));
}
