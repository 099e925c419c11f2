//! What reads files that others wrote, as functions of bytes, for fuzzers: each holds what its reader promises.
//!
//! It is there only with the feature `fuzzing`, which the folder `fuzz` and the tests of the whole program ask for.

use std::fs::File;
use std::io::Write as _;

use domain::task::{Ending, Event, Task, TaskId, Timestamp};
use rustix::fs::MemfdFlags;

use crate::{droids, record, transcript};

/// The task in whose file the record lies.
const ID: &str = "bg_1";

/// A record: what can be read can be written again and read as the same task, and an event changes it as it would a new
/// one.
///
/// # Panics
/// When the reader breaks a promise.
pub fn record(bytes: &[u8]) {
    let id = TaskId::parse(ID).expect("an id");
    let sketch = record::sketch(bytes, &id);
    let Ok(read) = record::read(bytes, &id) else {
        assert!(sketch.is_none(), "what cannot be read has no sketch");
        return;
    };
    let task = read.task;
    if let Some(sketch) = sketch {
        assert_eq!(sketch.status(), task.status(), "a sketch agrees with the record");
        assert_eq!(sketch.order().parent, task.order().parent, "a sketch agrees with the record");
    }
    // What means nothing, such as the pause between attempts that nobody asked for, is not written anew.
    let anew = |task: &Task| {
        let text = record::record_text(task);
        let read = record::read(text.as_bytes(), &id);
        read.map(|it| it.task).expect("what we write can be read")
    };
    let written = anew(&task);
    assert_eq!(anew(&written), written, "a task is read as it was written");
    let ended = Event::Ended {
        ending: Ending::Completed { result: "found".to_owned() },
        exit: None,
        next: None,
    };
    if let Ok(applied) = task.clone().apply(ended, Timestamp::from_micros(1)) {
        let text = record::over(read.raw, &task, &applied.task);
        let over = record::read(text.as_bytes(), &id).map(|it| it.task);
        assert_eq!(
            over.as_ref(),
            Ok(&applied.task),
            "a change is read as it was written over the record"
        );
    }
}

/// A transcript, read from its end.
///
/// # Panics
/// When the reader breaks a promise, or there is no file in memory.
pub fn transcript(bytes: &[u8]) {
    let memory = rustix::fs::memfd_create("transcript", MemfdFlags::CLOEXEC).expect("a file");
    let mut file = File::from(memory);
    file.write_all(bytes).expect("written");
    drop(transcript::fuzzed(&file).expect("a file in memory can be read"));
}

/// The definition of a droid.
pub fn front_matter(bytes: &[u8]) {
    droids::fuzzed(&String::from_utf8_lossy(bytes));
}
