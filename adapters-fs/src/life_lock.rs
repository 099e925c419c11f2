//! Life locks: who looks after a task, told by the kernel and not by process numbers.
//!
//! Whoever owns a running task, or concludes one without a supervisor, holds an exclusive `flock` on
//! `.active/<task_id>`; however the holder dies, the kernel frees it. Three kinds of processes touch
//! a lock. Owners hold it exclusively for as long as the task runs, and take it through [`Claim`]
//! alone. Waiters sleep until they can share it. Readers share it for a moment to see whether
//! somebody holds it. Sharing makes an attempt to lock exclusively fail, so whoever claims a lock
//! and fails finds out whether only readers were in the way, and tries again until they are gone
//! (`exclusive`). Whoever makes a new lock makes and locks its file under another name and renames
//! it then, so that nobody takes a lock that was just made for one that was left free.
//!
//! The names in the folder are also the index of what has not ended. What is no plain file is no
//! life lock. No record is read here, so nothing here knows whether a task has ended. Main types:
//! [`FileLifeLocks`] and [`ClaimedLife`].

mod claim;
pub(crate) mod exclusive;
mod watch;

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use domain::plan::reconcile::Custody;
use domain::port::{Claim, Fault, Index, LifeLocks, Watch};
use domain::task::TaskId;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::data_dir::{ActiveEntry, DataDir};
use crate::disk::{self, Disk, RealDisk};
use crate::fault::fault;
use crate::lock_holder;
pub use claim::ClaimedLife;
use watch::FileWatch;

/// The life locks of a store.
#[derive(Clone, Debug)]
pub struct FileLifeLocks {
    dir: DataDir,
    disk: Arc<dyn Disk>,
}

impl FileLifeLocks {
    /// The life locks of the store in `dir`.
    pub fn new(dir: DataDir) -> Self {
        Self::on(dir, Arc::new(RealDisk))
    }

    pub(crate) fn on(dir: DataDir, disk: Arc<dyn Disk>) -> Self {
        Self { dir, disk }
    }

    pub(crate) fn custody_of(&self, id: &TaskId) -> io::Result<Custody> {
        // What is kept for a task's start is gone before its agent is there.
        let unheld = |otherwise| {
            let kept = fs::symlink_metadata(self.dir.environment(id));
            if kept.is_ok_and(|kept| kept.is_file()) { Custody::Waiting } else { otherwise }
        };
        let path = self.dir.life_lock(id);
        let opened = match open(&path)? {
            // Whoever admits it makes the lock before what is kept goes: of the two, one is there.
            None if unheld(Custody::Absent) == Custody::Absent => open(&path)?,
            None => return Ok(Custody::Waiting),
            some => some,
        };
        let Some(file) = opened else { return Ok(Custody::Absent) };
        match file.try_lock_shared() {
            // Its holder removed it between our opening and our trying.
            Ok(()) if file.metadata()?.nlink() == 0 => Ok(unheld(Custody::Absent)),
            Ok(()) => Ok(unheld(Custody::Free)),
            Err(TryLockError::WouldBlock) => Ok(Custody::Held),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Notes that the host keeps something for an ended task.
    pub(crate) fn note(&self, id: &TaskId) -> Result<(), Fault> {
        let path = self.dir.remains(id);
        match disk::prepared(&self.dir, || self.disk.create(&path)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(fault("noting what is left", &path, &error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Hands everything of ours in the folder to `each` until that says `false`.
    pub(crate) fn each(&self, each: &mut dyn FnMut(ActiveEntry) -> bool) -> io::Result<()> {
        let mut of_name = |name: &std::ffi::OsStr| ActiveEntry::of(name).is_none_or(&mut *each);
        self.disk.list(&self.dir.active(), &mut of_name)
    }
}

#[async_trait]
impl LifeLocks for FileLifeLocks {
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault> {
        self.custody_of(id)
            .map_err(|error| fault("looking at the life lock", &self.dir.life_lock(id), &error))
    }

    async fn index(&self) -> Result<Index, Fault> {
        let mut index = Index::default();
        let listed = self.each(&mut |entry| {
            match entry {
                ActiveEntry::Lock(id) => index.locked.push(id),
                ActiveEntry::Environment(id) => index.kept.push(id),
                ActiveEntry::Again(id) => index.again.push(id),
                ActiveEntry::Instructions(id) => index.instructed.push(id),
                // They come and go under the life lock.
                ActiveEntry::Reserve(_) | ActiveEntry::Log(_) => {}
                ActiveEntry::Job(id) => index.jobs.push(id),
                ActiveEntry::Remains(id) => index.remains.push(id),
            }
            true
        });
        listed.map_err(|error| fault("listing", &self.dir.active(), &error))?;
        Ok(index)
    }

    async fn has_more_than(&self, many: usize) -> Result<bool, Fault> {
        let mut count = 0;
        let listed = self.each(&mut |entry| {
            count += usize::from(matches!(entry, ActiveEntry::Lock(_)));
            count <= many
        });
        listed.map_err(|error| fault("listing", &self.dir.active(), &error))?;
        Ok(count > many)
    }

    async fn claim(&self, id: &TaskId) -> Result<Option<Box<dyn Claim>>, Fault> {
        let claimed = self.take(id);
        let claimed = claimed
            .map_err(|error| fault("taking the life lock", &self.dir.life_lock(id), &error))?;
        Ok(claimed.map(|claimed| Box::new(claimed) as Box<dyn Claim>))
    }

    async fn retire(&self, id: &TaskId) -> Result<(), Fault> {
        self.retire_if(id, || true).map(drop)
    }

    async fn note_remains(&self, id: &TaskId) -> Result<(), Fault> {
        self.note(id)
    }

    async fn forget_remains(&self, id: &TaskId) -> Result<(), Fault> {
        let path = self.dir.remains(id);
        let forgotten = disk::forget(&*self.disk, &path);
        forgotten.map(drop).map_err(|error| fault("removing the note", &path, &error))
    }

    fn holder(&self, id: &TaskId) -> String {
        lock_holder::of(&self.dir.life_lock(id))
    }

    async fn watch(&self, ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault> {
        Ok(Box::new(FileWatch::begin(self.clone(), ids)))
    }
}

/// Opens a lock to look at it. `None` if there is none; what is no plain file is none.
pub(crate) fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = || disk::open(path, OFlags::NOFOLLOW);
    let is_shut = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    let file = match opened() {
        Err(error) if is_shut(&error) && path.parent().is_some_and(DataDir::reopened) => opened(),
        other => other,
    };
    let file = match file {
        Ok(file) => file,
        Err(error) => {
            return match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
                Some(_) | None => Err(error),
            };
        }
    };
    Ok(file.metadata()?.is_file().then_some(file))
}

/// What tells one file from every other: its device and its inode number.
pub(crate) fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Whether what is at `path` is `file`.
pub(crate) fn is_still(path: &Path, file: (u64, u64)) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(identity(&found) == file),
        Err(error) if disk::is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what is at `path` if it is still `file`, and says whether it did.
pub(crate) fn unlink_if_still(disk: &dyn Disk, path: &Path, file: (u64, u64)) -> io::Result<bool> {
    if is_still(path, file)? { disk::forget(disk, path) } else { Ok(false) }
}

#[cfg(test)]
mod tests;
