//! The queue, as empty files whose names are the order.
//!
//! A name is the inverted priority, the moment the task was ordered, whether there are conditions,
//! and the task's id, so that sorting the names is all there is to it. Nothing is read to see who
//! waits, and nothing here decides who is let in.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use async_trait::async_trait;
use domain::plan::admission::Limits;
use domain::port::{Fault, Gate, Queue, Waiting};
use domain::task::{Task, TaskId};

use crate::data_dir::DataDir;
use crate::fault::fault;
use crate::store::shard;

/// How long to wait for the gate. Letting tasks in takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(10);

/// The queue of a store.
#[derive(Clone, Debug)]
pub struct FileQueue {
    dir: DataDir,
    limits: Limits,
}

struct FileGate {
    _held: shard::Held,
}

impl Gate for FileGate {}

impl FileQueue {
    /// The queue of the store in `dir`, which lets in as many as `limits` allow.
    pub fn new(dir: DataDir, limits: Limits) -> Self {
        Self { dir, limits }
    }

    /// Whether anybody waits, as far as that can be told.
    pub fn anybody_waits(&self) -> bool {
        names(&self.dir).is_ok_and(|names| names.iter().any(|name| waiting(name).is_some()))
    }

    fn fault(&self, doing: &str, error: &io::Error) -> Fault {
        fault(doing, &self.dir.queue(), error)
    }
}

#[async_trait]
impl Queue for FileQueue {
    async fn enter(&self, task: &Task) -> Result<(), Fault> {
        let path = self.dir.queue_entry(&name(task));
        let create =
            || OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let made = prepared(&self.dir, create);
        made.map(drop).map_err(|error| self.fault("entering the queue in", &error))
    }

    async fn leave(&self, id: &TaskId) -> Result<(), Fault> {
        remove(&self.dir, id).map_err(|error| self.fault("leaving the queue in", &error))
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, Fault> {
        let names = names(&self.dir).map_err(|error| self.fault("listing", &error))?;
        Ok(names.iter().filter_map(|name| waiting(name)).collect())
    }

    async fn is_paused(&self) -> Result<bool, Fault> {
        match fs::symlink_metadata(self.dir.queue_pause()) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.fault("looking into", &error)),
        }
    }

    async fn set_paused(&self, paused: bool) -> Result<(), Fault> {
        let path = self.dir.queue_pause();
        let changed = if paused {
            self.dir.prepare().and_then(|()| {
                let mut open = OpenOptions::new();
                open.write(true).create(true).truncate(false).mode(0o600).open(&path).map(drop)
            })
        } else {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            }
        };
        changed.map_err(|error| self.fault("pausing the queue in", &error))
    }

    async fn gate(&self) -> Result<Box<dyn Gate>, Fault> {
        let path = self.dir.gate();
        let taken = prepared(&self.dir, || shard::take(&path, DEADLINE));
        match taken {
            Ok(Some(held)) => Ok(Box::new(FileGate { _held: held })),
            Ok(None) => Err(fault("locking", &path, &io::ErrorKind::TimedOut.into())),
            Err(error) => Err(fault("locking", &path, &error)),
        }
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// Does something in the store's folders, which are made if they are missing.
fn prepared<T>(dir: &DataDir, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            dir.prepare()?;
            act()
        }
        done => done,
    }
}

/// Takes a task out of the queue of `dir`; nothing happens if it is not there.
pub(crate) fn remove(dir: &DataDir, id: &TaskId) -> io::Result<()> {
    for name in names(dir)? {
        if waiting(&name).is_some_and(|waiting| waiting.id == *id) {
            match fs::remove_file(dir.queue_entry(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}

/// The names in the queue, in order.
pub(crate) fn names(dir: &DataDir) -> io::Result<Vec<String>> {
    let listed = match fs::read_dir(dir.queue()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in listed {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

fn name(task: &Task) -> String {
    let placement = &task.order().placement;
    let rank = i16::from(i8::MAX) - i16::from(placement.priority);
    let micros = task.queued_at().map_or(0, |at| at.as_micros().max(0));
    let condition = if placement.is_unconditional() { UNCONDITIONAL } else { CONDITIONAL };
    format!("{rank:03}-{micros:016x}-{condition}-{}", task.id())
}

const CONDITIONAL: &str = "c";
const UNCONDITIONAL: &str = "u";

/// Whom an entry of the queue stands for. An id may have dashes of its own.
pub(crate) fn waiting(name: &str) -> Option<Waiting> {
    let mut parts = name.splitn(4, '-');
    let (_rank, _micros) = (parts.next()?, parts.next()?);
    let conditional = parts.next()? == CONDITIONAL;
    Some(Waiting { id: TaskId::parse(parts.next()?).ok()?, conditional })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::task::{Order, Placement, Timestamp};
    use domain::testing;
    use std::time::Instant;

    fn queue() -> (tempfile::TempDir, FileQueue) {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = DataDir::at(folder.path().join("store"));
        (folder, FileQueue::new(dir, Limits::default()))
    }

    fn task(number: u8, second: i64, priority: i8) -> Task {
        let placement = Placement { priority, ..Placement::default() };
        let at = Timestamp::from_millis(1_795_000_000_000 + second * 1_000);
        let id = TaskId::parse(&format!("bg-{number}")).expect("an id");
        Task::ordered(id, Order { placement, ..testing::order() }, None, at)
    }

    fn order(queue: &FileQueue) -> Vec<String> {
        let waiting = pollster::block_on(queue.waiting()).expect("listed");
        waiting.iter().map(|waiting| waiting.id.to_string()).collect()
    }

    #[test]
    fn higher_priority_goes_first_then_first_come_first_served() {
        let (_folder, queue) = queue();
        for task in
            [task(1, 5, 0), task(2, 4, 0), task(3, 9, 127), task(4, 1, -128), task(5, 4, -1)]
        {
            pollster::block_on(queue.enter(&task)).expect("entered");
        }
        assert_eq!(order(&queue), ["bg-3", "bg-2", "bg-1", "bg-5", "bg-4"]);
        pollster::block_on(queue.leave(task(2, 0, 0).id())).expect("left");
        assert_eq!(order(&queue), ["bg-3", "bg-1", "bg-5", "bg-4"]);
    }

    #[test]
    fn a_store_without_a_queue_has_nobody_waiting_and_is_not_paused() {
        let (_folder, queue) = queue();
        assert_eq!(order(&queue), Vec::<String>::new());
        assert_eq!(pollster::block_on(queue.is_paused()), Ok(false));
        pollster::block_on(queue.set_paused(true)).expect("paused");
        assert_eq!(pollster::block_on(queue.is_paused()), Ok(true));
        pollster::block_on(queue.set_paused(false)).expect("resumed");
        assert_eq!(pollster::block_on(queue.is_paused()), Ok(false));
    }

    #[test]
    fn one_at_a_time_goes_through_the_gate() {
        let (_folder, queue) = queue();
        let gate = pollster::block_on(queue.gate()).expect("free");
        let path = queue.dir.gate();
        let began = Instant::now();
        let taken = shard::take(&path, Duration::from_millis(20)).expect("looked at");
        assert!(taken.is_none() && began.elapsed() >= Duration::from_millis(20));
        drop(gate);
        assert!(shard::take(&path, Duration::ZERO).expect("looked at").is_some());
    }
}
