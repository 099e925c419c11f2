//! What a test does behind the programs' backs, so that a race comes out one way every time.
//!
//! A test can hold the locks of a store, which stops every program at a known step, and it can stop and
//! continue single processes. A test waits for such a step for a bounded time: if a program no longer
//! has the step, the test goes on and still proves its sentence.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::process::{alive, everybody};
use crate::sandbox::Sandbox;

/// How long a program gets to come to a step that it may not have.
const STEP: Duration = Duration::from_millis(1_500);

/// Locks that a test holds; they are free again when this is dropped.
#[derive(Debug)]
#[must_use = "the locks are free again when this is dropped"]
pub struct Locked(Vec<File>);

impl Locked {
    /// Frees the locks.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn free(self) {
        for file in &self.0 {
            file.unlock().expect("a lock that is held");
        }
    }
}

/// Holds the locks under which records are changed: nobody can change one meanwhile.
///
/// # Panics
///
/// When a lock cannot be taken.
pub fn lock_records(sandbox: &Sandbox) -> Locked {
    Locked((0..16).map(|number| lock(sandbox, &format!("{number:02}"))).collect())
}

/// Holds the lock under which queued tasks are admitted.
///
/// # Panics
///
/// When it cannot be taken.
pub fn lock_gate(sandbox: &Sandbox) -> Locked {
    Locked(vec![lock(sandbox, "gate")])
}

fn lock(sandbox: &Sandbox, name: &str) -> File {
    let path = sandbox.store().join(".locks").join(name);
    let file = File::options().create(true).append(true).open(path).expect("the store is there");
    file.lock().expect("a lock that becomes free");
    file
}

/// Holds the life lock of a task, as an admission does that is about to start it.
///
/// # Panics
///
/// When somebody else holds it.
pub fn lock_life(sandbox: &Sandbox, id: &str) -> Locked {
    let path = sandbox.store().join(".active").join(id);
    let file = File::options().create(true).append(true).open(path).expect("the store is there");
    file.try_lock().expect("a free lock");
    Locked(vec![file])
}

/// Waits until a process stands before a lock of the store, or has ended, or a while has passed.
pub fn let_come_to_a_lock(pid: u32) {
    within(STEP, || !alive(pid) || stands_before_a_lock(pid));
}

fn stands_before_a_lock(pid: u32) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        target.parent().is_some_and(|folder| folder.ends_with(".locks"))
    })
}

/// Tells whether something comes to hold within this time.
pub fn within(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if began.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The supervisor of a task, if it has one that lives.
pub fn supervisor_of(id: &str) -> Option<u32> {
    let words = format!(" __supervise {id} ");
    everybody().into_iter().find(|seen| seen.command_line.contains(&words)).map(|seen| seen.pid)
}

/// Makes a pipe with a name: whoever opens it is stopped there until it is opened at the other end.
///
/// # Panics
///
/// When it cannot be made.
pub fn make_pipe(path: &std::path::Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

/// Lets a process have no number of an open file above this one from now on; returns the limit before.
///
/// # Panics
///
/// When the limit cannot be set.
pub fn limit_open_files(pid: u32, most: u64) -> u64 {
    let process = Pid::from_raw(i32::try_from(pid).expect("a number")).expect("a process");
    let ours = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: Some(most), maximum: ours.maximum };
    let before = prlimit(Some(process), Resource::Nofile, limit).expect("a limit that can be set");
    before.current.unwrap_or(u64::MAX)
}
