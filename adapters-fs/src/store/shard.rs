//! The lock that spans one change of a record.
//!
//! The locks are a fixed set of files that nobody deletes, so that nobody can hold the lock of a
//! file that another one has replaced. Whoever waits longer than the deadline is told which lock it
//! was. Readers take none.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use domain::port::{StoreError, StoreFailure};
use domain::task::TaskId;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::FileStore;
use crate::data_dir::asides::put_aside;
use crate::data_dir::ownership;
use crate::disk;
use crate::effect::effect;
use crate::lock_holder;

/// How long a change waits for its lock. A change takes less than a millisecond, so somebody who
/// holds the lock for this long was stopped in the middle, or the disk is in trouble.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long a change waits for its lock where the one before has waited in vain, so that a command over many tasks still
/// answers in time.
pub(crate) const IMPATIENCE: Duration = Duration::from_millis(100);
/// The first wait between two tries; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_micros(50);
/// The longest wait between two tries.
const LAST_WAIT: Duration = Duration::from_millis(4);

/// A held lock; free again when dropped.
#[must_use = "the lock is free again when this is dropped"]
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

impl FileStore {
    /// Makes the lock of a task's shard if it is missing, so that what happens to the task can be recorded also where the
    /// disk has no room for another file by then.
    pub(super) fn make_lock(&self, id: &TaskId) -> Result<(), StoreError> {
        let path = self.dir.shard(id);
        let made = self.with_descriptors(|| open(&path)).map(drop);
        made.map_err(|error| self.failed("making the lock", &path, &error))
    }

    /// Takes the lock of a task's shard.
    pub(super) fn lock(&self, id: &TaskId) -> Result<Held, StoreError> {
        let path = self.dir.shard(id);
        // Whoever waited in vain would wait for the next task, and the one after that, as long again.
        let was_in_vain = self.in_vain.load(Ordering::Relaxed);
        let patience = if was_in_vain { self.patience.min(IMPATIENCE) } else { self.patience };
        let take = |path: &Path| self.with_descriptors(|| take(path, patience));
        let locked = match take(&path) {
            Err(error) if disk::is_absent(&error) => {
                // A store that was never written to by us has no locks yet, but maybe records.
                let root = self.dir.root();
                if !root.exists() {
                    return Err(StoreError::NotFound { id: id.clone() });
                }
                self.dir
                    .prepare()
                    .map_err(|error| self.failed("making the folder", root, &error))?;
                take(&path)
            }
            other => other,
        };
        self.in_vain.store(matches!(locked, Ok(None)), Ordering::Relaxed);
        match locked {
            Ok(Some(held)) => Ok(held),
            Ok(None) => {
                let waited_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
                let lock = path.display().to_string();
                let holder = lock_holder::of(&path);
                Err(self.broken(StoreFailure::Busy { lock, waited_ms, holder }))
            }
            Err(error) => Err(self.failed("locking", &path, &error)),
        }
    }
}

/// Opens the file of a lock, which is made if it is missing. Neither a link nor a pipe that has the
/// name makes anybody write elsewhere, or wait.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let open = || effect("create", path, || disk::opened(path, flags));
    let file = match open() {
        Err(error) if is_in_the_way(&error) => {
            put_aside(path, is_plain)?;
            open()?
        }
        other => other?,
    };
    ownership::handed_over(file)
}

/// Whether something that is no lock has the name of one.
fn is_in_the_way(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::LOOP | Errno::NXIO | Errno::ISDIR))
}

/// Whether there is a plain file at `path`, and no link to one.
pub(crate) fn is_plain(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Takes the lock at `path`; `None` if it was not free before the deadline.
pub(crate) fn take(path: &Path, deadline: Duration) -> io::Result<Option<Held>> {
    let file = open(path)?;
    let (began, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        match locked(path, &file) {
            Ok(()) => return Ok(Some(Held { _file: file })),
            Err(TryLockError::WouldBlock) if began.elapsed() >= deadline => return Ok(None),
            Err(TryLockError::WouldBlock) => {
                thread::sleep(wait);
                wait = (wait * 2).min(LAST_WAIT);
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Locks the file at `path`, unless somebody else holds it.
pub(crate) fn locked(path: &Path, file: &File) -> Result<(), TryLockError> {
    effect("lock", path, || Ok(file.try_lock())).map_err(TryLockError::Error)?
}
