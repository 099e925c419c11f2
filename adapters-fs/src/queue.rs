//! The queue, as empty files whose names are the order.
//!
//! A name consists of the inverted priority, the moment of the order, whether the task waits for more
//! than a slot, how many may run at once with it where its launcher said so, and its id, so whoever sorts
//! the names has the queue. Listing it reads no file, and
//! nothing here decides who is admitted. A process that died may have left a name, so whoever reads
//! the queue reads the records too. Main type: [`FileQueue`].

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::plan::queue::admission::Limits;
use domain::port::{Fault, Gate, Queue, Waiting};
use domain::task::{Task, TaskId};

use crate::data_dir::DataDir;
use crate::data_dir::asides::put_aside;
use crate::disk::{self, Disk, RealDisk};
use crate::fault::fault;
use crate::lock_holder;
use crate::store::shard::{self, is_plain};

/// Tells how many may run at once.
type ReadLimits = dyn Fn() -> Limits + Send + Sync;

/// The queue of a store.
#[derive(Clone)]
pub struct FileQueue {
    dir: DataDir,
    disk: Arc<dyn Disk>,
    limits: Arc<ReadLimits>,
    /// Whether the last wait for the gate was in vain.
    in_vain: Arc<AtomicBool>,
}

/// The lock under which slots are taken.
struct FileGate {
    _held: shard::Held,
}

impl Gate for FileGate {}

impl FileQueue {
    /// The queue of the store in `dir`. The queue asks `limits` anew each time, so that a process that
    /// lives for long goes by the limits of that moment.
    pub fn new(dir: DataDir, limits: impl Fn() -> Limits + Send + Sync + 'static) -> Self {
        let in_vain = Arc::default();
        Self { dir, disk: Arc::new(RealDisk), limits: Arc::new(limits), in_vain }
    }

    /// Sets how many tasks of this store may run at once, or takes that back; returns when it is durable.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be recorded; then what was said before counts.
    pub fn set_limit(&self, limit: Option<usize>) -> Result<(), Fault> {
        let (path, disk) = (self.dir.queue_limit(), &*self.disk);
        let changed = match limit {
            Some(limit) => disk::prepared(&self.dir, || {
                put_aside(&path, Path::is_symlink)?;
                let text = limit.to_string();
                let temp = disk::unnamed(&self.dir, &path, |temp| disk.symlink(&text, temp))?;
                disk.rename(&temp, &path).map(drop).inspect_err(|_| {
                    disk::forget(disk, &temp).unwrap_or_default();
                })?;
                disk.sync_folder(&self.dir.queue())
            }),
            None => match disk::forget(disk, &path) {
                Ok(true) => disk.sync_folder(&self.dir.queue()),
                done => done.map(drop),
            },
        };
        changed.map_err(|error| fault("setting the limit in", &path, &error))
    }

    fn fault(&self, doing: &str, error: &io::Error) -> Fault {
        fault(doing, &self.dir.queue(), error)
    }
}

impl fmt::Debug for FileQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileQueue").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for FileQueue {
    async fn waiting(&self) -> Result<Vec<Waiting>, Fault> {
        waiting(&self.dir, &*self.disk).map_err(|error| self.fault("listing", &error))
    }

    async fn is_empty(&self) -> Result<bool, Fault> {
        let mut is_empty = true;
        let listed = self.disk.list(&self.dir.queue(), &mut |name| {
            is_empty = name.to_str().and_then(entry).is_none();
            is_empty
        });
        listed.map(|()| is_empty).map_err(|error| self.fault("listing", &error))
    }

    async fn withdraw(&self, task: &Task) -> Result<(), Fault> {
        let withdrawn = withdraw(&self.dir, &*self.disk, task);
        withdrawn.map(drop).map_err(|error| self.fault("leaving the queue in", &error))
    }

    async fn enter(&self, task: &Task) -> Result<(), Fault> {
        let path = self.dir.queue_entry(&name(task, &condition(task)));
        let create = || unless(io::ErrorKind::AlreadyExists, self.disk.create(&path));
        disk::prepared(&self.dir, create)
            .map_err(|error| fault("entering the queue as", &path, &error))
    }

    async fn leave(&self, waiting: &Waiting) -> Result<(), Fault> {
        let path = self.dir.queue_entry(&waiting.entry);
        disk::forget(&*self.disk, &path)
            .map(drop)
            .map_err(|error| fault("leaving the queue as", &path, &error))
    }

    async fn is_paused(&self) -> Result<bool, Fault> {
        match fs::symlink_metadata(self.dir.queue_pause()) {
            // Nobody pauses with anything else.
            Ok(found) => Ok(found.is_file()),
            Err(error) if disk::is_absent(&error) => Ok(false),
            Err(error) => Err(self.fault("looking into", &error)),
        }
    }

    async fn set_paused(&self, paused: bool) -> Result<(), Fault> {
        let path = self.dir.queue_pause();
        let (doing, changed) = if paused {
            let create = || {
                put_aside(&path, is_plain)?;
                unless(io::ErrorKind::AlreadyExists, self.disk.create(&path))
            };
            ("pausing the queue in", disk::prepared(&self.dir, create))
        } else {
            ("resuming the queue in", disk::forget(&*self.disk, &path).map(drop))
        };
        changed.map_err(|error| self.fault(doing, &error))
    }

    async fn gate(&self, patience: Duration) -> Result<Option<Box<dyn Gate>>, Fault> {
        let path = self.dir.gate();
        // Whoever waited in vain would wait for the next task, and the one after that, as long again.
        let was_in_vain = self.in_vain.load(Ordering::Relaxed);
        let patience = if was_in_vain { patience.min(shard::IMPATIENCE) } else { patience };
        let taken = disk::prepared(&self.dir, || shard::take(&path, patience));
        let held = taken.map_err(|error| fault("locking", &path, &error))?;
        // Who does not wait at all learns nothing.
        if held.is_some() || !patience.is_zero() {
            self.in_vain.store(held.is_none(), Ordering::Relaxed);
        }
        Ok(held.map(|held| Box::new(FileGate { _held: held }) as Box<dyn Gate>))
    }

    fn gate_holder(&self) -> String {
        lock_holder::of(&self.dir.gate())
    }

    fn limits(&self) -> Limits {
        (self.limits)()
    }
}

/// How many tasks of the store in `dir` may run at once, if somebody set that for the store. What cannot be
/// read counts as nothing said. Costs one system call.
pub fn limit_of(dir: &DataDir) -> Option<usize> {
    let text = fs::read_link(dir.queue_limit()).ok()?;
    text.to_str()?.parse().ok().filter(|limit| *limit > 0)
}

/// What was done; a failure for this `reason` counts as success.
fn unless(reason: io::ErrorKind, done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == reason => Ok(()),
        done => done,
    }
}

/// Takes a task out of the queue of `dir`, and says how many entries of it there were.
pub(crate) fn withdraw(dir: &DataDir, disk: &dyn Disk, task: &Task) -> io::Result<usize> {
    let known = condition(task);
    if disk::forget(disk, &dir.queue_entry(&name(task, &known)))? {
        return Ok(1);
    }
    // A task that was held when it entered, and has been released since, has its earlier name; one that an earlier
    // version of this program queued has a name without a number.
    for other in [CONDITIONAL, UNCONDITIONAL].into_iter().filter(|other| *other != known) {
        if disk::forget(disk, &dir.queue_entry(&name(task, other)))? {
            return Ok(1);
        }
    }
    Ok(0)
}

/// Who waits in the queue of `dir`, in order. What is no entry of ours is passed over.
pub(crate) fn waiting(dir: &DataDir, disk: &dyn Disk) -> io::Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    disk.list(&dir.queue(), &mut |name| {
        waiting.extend(name.to_str().and_then(entry));
        true
    })?;
    waiting.sort_unstable_by(|one, other| one.entry.cmp(&other.entry));
    Ok(waiting)
}

fn name(task: &Task, condition: &str) -> String {
    let rank = i16::from(i8::MAX) - i16::from(task.order().placement.priority);
    let micros = task.queued_at().map_or(0, |at| at.as_micros().max(0));
    format!("{rank:03}-{micros:016x}-{condition}-{}", task.id())
}

/// What a task waits for, and with how many at most it may run. Of a task with conditions the record is read in any case.
fn condition(task: &Task) -> String {
    match task.order().placement.at_most {
        _ if !task.waits_for_room_alone() => CONDITIONAL.to_owned(),
        None => UNCONDITIONAL.to_owned(),
        Some(most) => format!("{UNCONDITIONAL}{most}"),
    }
}

const CONDITIONAL: &str = "c";
const UNCONDITIONAL: &str = "u";

/// Whom a name in the queue stands for. An id may have dashes of its own.
fn entry(name: &str) -> Option<Waiting> {
    let mut parts = name.splitn(4, '-');
    let (_rank, _micros) = (parts.next()?, parts.next()?);
    let condition = parts.next()?;
    let conditional = condition == CONDITIONAL;
    let at_most = condition.strip_prefix(UNCONDITIONAL).and_then(|most| most.parse().ok());
    let id = TaskId::parse(parts.next()?).ok()?;
    Some(Waiting { id, conditional, at_most, entry: name.to_owned() })
}

#[cfg(test)]
mod tests;
