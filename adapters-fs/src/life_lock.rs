//! Life locks: who is alive, told by the kernel and not by process numbers.
//!
//! Whoever owns a running task holds an exclusive `flock` on `.active/<task_id>`; however the owner
//! dies, the kernel frees it. The file is also the index of what has not finished, and what a
//! waiter blocks on. Nobody but a launcher and a supervisor ever takes a lock exclusively for longer
//! than a look, and a lock that is being taken is never visible before it is held: a probe that
//! shares the lock for a moment can therefore not be in anybody's way. What an agent is told besides
//! its prompt lies beside its task's lock and goes when that goes. Never reads a record.

mod watch;

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::plan::reconcile::Custody;
use domain::port::{Fault, LifeLocks, Watch};
use domain::task::TaskId;
use rustix::fs::OFlags;

use crate::data_dir::DataDir;
use crate::disk::{self, Disk, RealDisk};
use crate::fault::fault;
use crate::queue;
use watch::FileWatch;

/// The life locks of a store.
#[derive(Clone, Debug)]
pub struct FileLifeLocks {
    dir: DataDir,
}

/// A life lock that was taken for a task that is about to be recorded.
///
/// Dropping it gives the lock up and leaves nothing behind.
#[derive(Debug)]
#[must_use = "dropping it gives the life lock up"]
pub struct ClaimedLife {
    // Before the file, so that it is removed while the lock is still held and never seen free.
    entry: Entry,
    file: File,
}

/// A place that is being handed on; given up when this is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the place up"]
pub struct Reservation {
    path: PathBuf,
    // Closed after the entry is removed, so that it is never seen free.
    _file: File,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        forget(&self.path).unwrap_or_default();
    }
}

/// The visible name of a claimed lock, removed when this is dropped.
#[derive(Debug)]
struct Entry {
    path: PathBuf,
    instructions: PathBuf,
    // The file it must still be: a device and an inode number. `None` once it was handed over.
    file: Option<(u64, u64)>,
}

impl ClaimedLife {
    /// The locked file, to be handed to the supervisor. The lock lives as long as any descriptor of
    /// this open file does; the entry stays until [`FileLifeLocks::retire_held`].
    pub fn into_file(self) -> File {
        let Self { mut entry, file } = self;
        entry.file = None;
        file
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(file) = self.file {
            forget(&self.instructions).unwrap_or_default();
            unlink_if_still(&self.path, file).unwrap_or_default();
        }
    }
}

impl FileLifeLocks {
    /// The life locks of the store in `dir`.
    pub fn new(dir: DataDir) -> Self {
        Self { dir }
    }

    /// Takes the life lock of a task that is about to be recorded or to be let in.
    ///
    /// The file is made and locked under another name and only then put in its place, so that it is
    /// never seen unlocked. One that a dead launcher left behind is taken over.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if somebody holds the task's life lock; else what the system
    /// says.
    pub fn claim(&self, id: &TaskId) -> io::Result<ClaimedLife> {
        let path = self.dir.life_lock(id);
        match self.take_over(id, &path) {
            Ok(Some(claimed)) => return Ok(claimed),
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        let (temp, file) = match self.locked_temp(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.dir.prepare()?;
                self.locked_temp(&path)?
            }
            other => other?,
        };
        if let Err(error) = disk::rename_new(&temp, &path) {
            fs::remove_file(&temp).unwrap_or_default();
            return Err(error);
        }
        let identity = identity(&file.metadata()?);
        let instructions = self.dir.instructions(id);
        Ok(ClaimedLife { entry: Entry { path, instructions, file: Some(identity) }, file })
    }

    /// Takes a life lock that is there and free; `None` if there is none.
    fn take_over(&self, id: &TaskId, path: &Path) -> io::Result<Option<ClaimedLife>> {
        let Some(file) = open(path)? else { return Ok(None) };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let found = file.metadata()?;
        if found.nlink() == 0 {
            return Ok(None);
        }
        let (path, instructions) = (path.to_owned(), self.dir.instructions(id));
        let entry = Entry { path, instructions, file: Some(identity(&found)) };
        Ok(Some(ClaimedLife { entry, file }))
    }

    fn locked_temp(&self, path: &Path) -> io::Result<(PathBuf, File)> {
        let (temp, file) = disk::create_temp(&self.dir, path)?;
        match file.try_lock() {
            Ok(()) => Ok((temp, file)),
            Err(error) => {
                fs::remove_file(&temp).unwrap_or_default();
                Err(error.into())
            }
        }
    }

    /// Keeps what the agent of a task is told besides its prompt, until the task has ended.
    ///
    /// # Errors
    /// What the system says if it cannot be written.
    pub fn brief(&self, id: &TaskId, instructions: &str) -> io::Result<()> {
        let path = self.dir.instructions(id);
        // An id is minted once, so this is nobody's; but a name is not to be trusted with a secret.
        forget(&path)?;
        let write = || RealDisk.write_new(&path, instructions.as_bytes());
        match write() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.dir.prepare()?;
                write()
            }
            written => written,
        }
    }

    /// Where the instructions of a task that has not ended are, if its agent is given any.
    pub fn instructions(&self, id: &TaskId) -> Option<PathBuf> {
        Some(self.dir.instructions(id)).filter(|path| path.is_file())
    }

    /// Keeps the place of a task that is about to end for whoever is next, until the answer is dropped
    /// or its holder dies: nobody else lets a task in for it.
    ///
    /// # Errors
    /// What the system says if it cannot be kept.
    pub fn reserve(&self, id: &TaskId) -> io::Result<Reservation> {
        let path = self.dir.reservation(id);
        let (temp, file) = self.locked_temp(&path)?;
        disk::rename_new(&temp, &path)?;
        Ok(Reservation { path, _file: file })
    }

    /// How many places are being handed on. What dead supervisors left is removed.
    fn reserved(&self) -> io::Result<usize> {
        let mut held = 0;
        for id in self.ids(usize::MAX, DataDir::reserved_by)? {
            let path = self.dir.reservation(&id);
            let Some(file) = open(&path)? else { continue };
            match file.try_lock_shared() {
                Ok(()) => forget(&path)?,
                Err(TryLockError::WouldBlock) => held += 1,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(held)
    }

    /// Removes the life lock that a supervisor holds through `file`, at its very end, when the ending
    /// is recorded; then frees it, so that waiters wake at once, whatever else still has the file
    /// open and however long the process takes to exit.
    ///
    /// # Errors
    /// What the system says if it cannot be removed or freed. An entry that is not `file` any more is
    /// left alone.
    pub fn retire_held(&self, id: &TaskId, file: &File) -> io::Result<()> {
        self.retire_file(id, &self.dir.life_lock(id), file)?;
        file.unlock()
    }

    /// The instructions go first, so that whatever is left has a lock by which it is found.
    fn retire_file(&self, id: &TaskId, path: &Path, file: &File) -> io::Result<()> {
        forget(&self.dir.instructions(id))?;
        unlink_if_still(path, identity(&file.metadata()?))
    }

    /// Removes the life lock of `id` if it is free and `gone` says, while it is held, that the task
    /// needs it no more. Says whether it did.
    pub(crate) fn retire_if(&self, id: &TaskId, gone: impl FnOnce() -> bool) -> io::Result<bool> {
        let path = self.dir.life_lock(id);
        let Some(file) = open(&path)? else { return Ok(false) };
        match file.try_lock() {
            Ok(()) if gone() => self.retire_file(id, &path, &file).map(|()| true),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn custody_of(&self, id: &TaskId) -> io::Result<Custody> {
        // What is kept for a task's start is gone before its agent is there.
        let unheld = |otherwise| {
            let kept = fs::symlink_metadata(self.dir.environment(id)).is_ok();
            if kept { Custody::Waiting } else { otherwise }
        };
        let Some(file) = open(&self.dir.life_lock(id))? else { return Ok(unheld(Custody::Absent)) };
        match file.try_lock_shared() {
            // Its holder removed it between our opening and our trying.
            Ok(()) if file.metadata()?.nlink() == 0 => Ok(unheld(Custody::Absent)),
            Ok(()) => Ok(unheld(Custody::Free)),
            Err(TryLockError::WouldBlock) => Ok(Custody::Held),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// At most `limit` of the ids that have a life lock, in no order.
    pub(crate) fn entries(&self, limit: usize) -> io::Result<Vec<TaskId>> {
        self.ids(limit, |name| TaskId::parse(name.to_str()?).ok())
    }

    /// At most `limit` of the ids that the names in the folder of the life locks stand for.
    fn ids(
        &self,
        limit: usize,
        stands_for: impl Fn(&OsStr) -> Option<TaskId>,
    ) -> io::Result<Vec<TaskId>> {
        let listed = match fs::read_dir(self.dir.active()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let ids = listed.filter_map(|entry| match entry {
            Ok(entry) => stands_for(&entry.file_name()).map(Ok),
            Err(error) => Some(Err(error)),
        });
        ids.take(limit).collect()
    }

    /// Forgets what was kept for the start of a task that has ended, if nobody holds its life lock:
    /// an agent that was just started may not have read its instructions yet.
    fn forget_waiting(&self, id: &TaskId) -> io::Result<()> {
        if self.custody_of(id)? == Custody::Held {
            return Ok(());
        }
        forget(&self.dir.instructions(id))?;
        match fs::remove_file(self.dir.environment(id)) {
            Ok(()) => queue::remove(&self.dir, id),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl LifeLocks for FileLifeLocks {
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault> {
        self.custody_of(id)
            .map_err(|error| fault("looking at the life lock", &self.dir.life_lock(id), &error))
    }

    async fn unfinished(&self) -> Result<Vec<TaskId>, Fault> {
        let stands_for = |name: &OsStr| {
            let locked = name.to_str().and_then(|name| TaskId::parse(name).ok());
            locked.or_else(|| DataDir::owner_of_environment(name))
        };
        let mut ids = self
            .ids(usize::MAX, stands_for)
            .map_err(|error| fault("listing", &self.dir.active(), &error))?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    async fn locked(&self) -> Result<Vec<TaskId>, Fault> {
        self.entries(usize::MAX).map_err(|error| fault("listing", &self.dir.active(), &error))
    }

    async fn handed_on(&self) -> Result<usize, Fault> {
        self.reserved().map_err(|error| fault("listing", &self.dir.active(), &error))
    }

    async fn retire(&self, id: &TaskId) -> Result<(), Fault> {
        self.retire_if(id, || true)
            .and_then(|_| self.forget_waiting(id))
            .map_err(|error| fault("removing the life lock", &self.dir.life_lock(id), &error))
    }

    async fn watch(&self, ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault> {
        Ok(Box::new(FileWatch::begin(self.clone(), ids)))
    }
}

/// Opens a life lock to look at it. `None` if there is none.
fn open(path: &Path) -> io::Result<Option<File>> {
    match disk::open(path, OFlags::NOFOLLOW) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What tells one file from every other: its device and its inode number.
fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Removes a file that may be gone already.
fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes what is at `path` if it is still `file`.
fn unlink_if_still(path: &Path, file: (u64, u64)) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if identity(&found) == file => fs::remove_file(path),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
