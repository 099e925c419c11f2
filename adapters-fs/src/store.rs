//! The store of records, as one file a task in one folder.
//!
//! [`FileStore`] applies events: it takes the lock of the task's shard, reads the record, lets
//! [`Task::apply`] decide, and replaces the file whole. Readers take no lock. A record is durable
//! before anybody is told of its ending. The store names what it cannot read as a record, and never
//! rewrites or removes it. It decides nothing about tasks and starts nothing.

mod anew;
mod derived;
mod index;
mod listing;
mod logs;
mod names;
mod outlines;
mod progress;
mod put_off;
mod replaced;
mod reserve;
mod round;
mod seen;
pub(crate) mod shard;
mod shares;
mod sweep;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use domain::port::{StoreError, StoreFailure, TaskStore, Unended, Whereabouts};
use domain::task::text::readable;
use domain::task::{
    Event, Listing, Query, Refusal, Report, SessionId, Status, Task, TaskId, TaskName, Timestamp,
    Weight,
};
use rustix::io::Errno;

use crate::data_dir::DataDir;
use crate::disk::{self, Disk, Found, RealDisk, Replaced};
use crate::fault::fault;
use crate::life_lock::FileLifeLocks;
use crate::record::{self, Record};
use crate::{bell, kits, notices, queue};

/// The store of the records in one folder.
///
/// Files that it replaced last keep their space until it is dropped or its process ends, since giving
/// the space back takes time; so whoever is in a hurry drops the store last.
pub struct FileStore {
    dir: DataDir,
    disk: Arc<dyn Disk>,
    /// How long a change waits for its lock.
    patience: Duration,
    /// Whether the last wait for a lock was in vain.
    in_vain: AtomicBool,
    /// What was replaced and not given back to the disk yet.
    replaced: Mutex<Vec<Replaced>>,
    // Set once the folders are known to be there, so that only the first change looks.
    prepared: OnceLock<()>,
}

impl FileStore {
    /// The store in `dir`. Touches nothing until it is used.
    pub fn open(dir: DataDir) -> Self {
        Self::on(dir, Arc::new(RealDisk))
    }

    /// The same store for somebody in a hurry, whose changes wait for a lock for no longer than `patience`.
    #[must_use]
    pub fn in_a_hurry(self, patience: Duration) -> Self {
        Self { patience: patience.min(self.patience), ..self }
    }

    fn on(dir: DataDir, disk: Arc<dyn Disk>) -> Self {
        let (patience, replaced) = (shard::PATIENCE, Mutex::default());
        let (in_vain, prepared) = (AtomicBool::new(false), OnceLock::new());
        Self { dir, disk, patience, in_vain, replaced, prepared }
    }

    /// The text of a record as it is in its file, with all that this version does not understand; half a
    /// character, which strict readers of JSON refuse, is U+FFFD.
    ///
    /// # Errors
    /// [`StoreError`] if there is none, or it cannot be read as a record.
    pub fn text(&self, id: &TaskId) -> Result<String, StoreError> {
        let content = self.content(id)?;
        read(&content, id)?;
        Ok(String::from_utf8_lossy(&readable(&content)).into_owned())
    }

    fn prepare(&self) -> Result<(), StoreError> {
        if self.prepared.get().is_none() {
            let root = self.dir.root();
            self.dir.prepare().map_err(|error| self.failed("making the folder", root, &error))?;
            self.prepared.get_or_init(|| ());
        }
        Ok(())
    }

    /// The content of a record.
    fn content(&self, id: &TaskId) -> Result<Vec<u8>, StoreError> {
        let path = self.dir.record(id);
        let read = self.with_descriptors(|| self.disk.read(&path));
        match read.map_err(|error| self.failed("reading", &path, &error))? {
            Found::Plain(content) => Ok(self.with_progress(id, content)),
            Found::Absent => match self.dir.settle() {
                Whereabouts::Here => Err(StoreError::NotFound { id: id.clone() }),
                Whereabouts::Moved => self.content(id),
                Whereabouts::Gone => Err(self.failed("reading", &path, &gone())),
            },
            Found::Unfit(what) => {
                Err(StoreError::Unreadable { id: id.clone(), reason: format!("it is {what}") })
            }
        }
    }

    fn task(&self, id: &TaskId) -> Result<Task, StoreError> {
        let content = self.content(id)?;
        Ok(read(&content, id)?.task)
    }

    /// Writes a record beside its final name with `write`, and moves it there with `place`.
    fn write<T>(
        &self,
        path: &Path,
        write: impl Fn(&Path) -> io::Result<()>,
        place: impl FnOnce(&Path) -> io::Result<T>,
    ) -> Result<T, WriteError> {
        let temp = loop {
            let temp = self.dir.temp(path);
            match self.with_descriptors(|| write(&temp)) {
                Ok(()) => break temp,
                // Left behind by somebody who had our number before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    self.disk.remove(&temp).unwrap_or_default();
                    return Err(WriteError::Writing(error));
                }
            }
        };
        place(&temp).map_err(|error| {
            self.disk.remove(&temp).unwrap_or_default();
            WriteError::Placing(error)
        })
    }

    /// Writes the record of a new task with `write`.
    fn record_new(
        &self,
        task: &Task,
        write: impl Fn(&Path, &[u8]) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        self.prepare()?;
        self.make_lock(task.id())?;
        let path = self.dir.record(task.id());
        let content = record::first(task);
        // First of all, so that a disk without room for the ending takes no task.
        let reserve = self.dir.reserve(task.id());
        self.reserve(task.id(), content.len())
            .map_err(|error| self.failed("setting room aside in", &reserve, &error))?;
        // Before there is a task, so that none that ends is forgotten.
        notices::launched(&self.dir, &*self.disk, task);
        names::give(&self.dir, task);
        let write = |temp: &Path| write(temp, content.as_bytes());
        match self.write(&path, write, |temp| self.disk.rename_new(temp, &path)) {
            Ok(()) => Ok(()),
            Err(WriteError::Placing(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StoreError::Exists { id: task.id().clone() })
            }
            Err(WriteError::Writing(error) | WriteError::Placing(error)) => {
                disk::forget(&*self.disk, &reserve).unwrap_or_default();
                Err(self.failed("writing", &path, &error))
            }
        }
    }

    fn sync_folder(&self) -> Result<(), StoreError> {
        let root = self.dir.root();
        let synced = self.with_descriptors(|| self.disk.sync_folder(root));
        synced.map_err(|error| self.failed("syncing", root, &error))
    }

    fn failed(&self, doing: &str, path: &Path, error: &io::Error) -> StoreError {
        let fault = fault(doing, path, error);
        self.broken(if lacks_room(error) { StoreFailure::Full(fault) } else { fault.into() })
    }

    fn broken(&self, failure: StoreFailure) -> StoreError {
        StoreError::Failed { folder: self.dir.root().display().to_string(), failure }
    }

    fn sessions_of(task: &Task) -> impl Iterator<Item = &SessionId> {
        let (minted, theirs) = (&task.order().session, &task.progress().activity.session);
        minted.iter().chain(theirs.iter().filter(move |theirs| Some(*theirs) != minted.as_ref()))
    }

    fn life_locks(&self) -> FileLifeLocks {
        FileLifeLocks::on(self.dir.clone(), Arc::clone(&self.disk))
    }
}

/// Reads the content of a record.
fn read<'a>(content: &'a [u8], id: &TaskId) -> Result<Record<'a>, StoreError> {
    record::read(content, id)
        .map_err(|unfit| StoreError::Unreadable { id: id.clone(), reason: unfit.to_string() })
}

/// What is said of a store that went while somebody waited.
fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the store was removed, or moved to another disk")
}

/// Whether something failed because the disk, or what its user may have of it, is full.
fn lacks_room(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| [Errno::NOSPC, Errno::DQUOT].contains(&errno))
}

/// Which half of replacing a record failed.
enum WriteError {
    Writing(io::Error),
    Placing(io::Error),
}

#[async_trait]
impl TaskStore for FileStore {
    async fn create(&self, task: &Task) -> Result<(), StoreError> {
        self.record_new(task, |path, content| self.disk.write_new(path, content))?;
        // A task that cannot be made durable was not recorded: nobody is told of it.
        self.sync_folder().inspect_err(|_| {
            self.disk.remove(&self.dir.record(task.id())).unwrap_or_default();
        })?;
        index::add(&self.dir, Self::sessions_of(task), task.id());
        Ok(())
    }

    async fn create_untold(&self, task: &Task) -> Result<(), StoreError> {
        self.record_new(task, |path, content| self.disk.write_unsynced(path, content))?;
        index::add(&self.dir, Self::sessions_of(task), task.id());
        Ok(())
    }

    async fn make_durable(&self, ids: &[TaskId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let paths: Vec<PathBuf> = ids.iter().map(|id| self.dir.record(id)).collect();
        disk::sync_files(&*self.disk, &paths)
            .map_err(|(path, error)| self.failed("syncing", &path, &error))?;
        self.sync_folder()
    }

    async fn load(&self, id: &TaskId) -> Result<Task, StoreError> {
        self.task(id)
    }

    async fn apply(&self, id: &TaskId, event: Event, at: Timestamp) -> Result<Task, StoreError> {
        let path = self.dir.record(id);
        let lock = self.lock(id)?;
        let content = self.content(id)?;
        let Record { task: before, raw } = read(&content, id)?;
        let applied = before
            .clone()
            .apply(event, at)
            .map_err(|refusal| StoreError::Refused { id: id.clone(), refusal })?;
        let after = self.measured(applied.task);
        let ends = after.status().is_ended() && !before.status().is_ended();
        if ends {
            // Before the ending is recorded, so that nobody sees one that its parent may not hear of.
            notices::ended(&self.dir, &*self.disk, &after);
        }
        if progress::lies_beside(content.len(), &after, applied.weight) {
            self.write_progress(&raw, &before, &after)
                .map_err(|error| self.failed("writing", &self.dir.progress(id), &error))?;
        } else if after != before {
            let place = |temp: &Path| self.disk.rename(temp, &path);
            let content = record::over(raw, &before, &after);
            let write = |temp: &Path| self.disk.write_new(temp, content.as_bytes());
            match self.write(&path, write, place) {
                Ok(replaced) => self.replaced().push(replaced),
                Err(WriteError::Writing(error) | WriteError::Placing(error)) => {
                    let lasts = applied.weight == Weight::Lasting && lacks_room(&error);
                    // How much of the log is missing is corrected after the ending, when the log had its last chance.
                    let is_last = ends && after.progress().log_lost == 0;
                    if !lasts || self.write_in_reserve(id, content.as_bytes(), is_last).is_err() {
                        return Err(self.failed("writing", &path, &error));
                    }
                }
            }
        }
        if applied.weight == Weight::Lasting {
            self.sync_folder()?;
        }
        drop(lock);
        self.give_back(applied.weight);
        // The index is only derived: what it misses is found by looking, what it has too much is
        // checked against the record.
        if before.takes_report() && !after.takes_report() {
            index::remove(&self.dir, Self::sessions_of(&after), id);
        } else if before.progress().activity.session != after.progress().activity.session {
            index::add(&self.dir, after.progress().activity.session.iter(), id);
        } else if ends && after.takes_report() {
            // What was found comes later, if at all; a look at the records names only those that have not ended.
            drop(self.dir.prepare_sessions());
            index::add(&self.dir, Self::sessions_of(&after), id);
        }
        if ends {
            // Last, so that whoever is woken finds nothing of this half done.
            bell::ring(&self.dir, &*self.disk, id);
        }
        Ok(after)
    }

    async fn list(&self, query: &Query) -> Result<Listing, StoreError> {
        self.listing(query)
    }

    async fn matching(&self, prefix: &str, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        if let Ok(id) = TaskId::parse(prefix) {
            if fs::symlink_metadata(self.dir.record(&id)).is_ok() {
                return Ok(vec![id]);
            }
        } else if !prefix.is_empty() {
            // The beginning of an id is one itself.
            return Ok(Vec::new());
        }
        self.ids_with(prefix, limit)
    }

    async fn newest(&self, count: usize) -> Result<Vec<TaskId>, StoreError> {
        self.newest_ids(count)
    }

    async fn named(&self, name: &TaskName) -> Result<Option<TaskId>, StoreError> {
        self.newest_named(name)
    }

    async fn in_session(&self, session: &SessionId) -> Result<Vec<TaskId>, StoreError> {
        self.working_in(session)
    }

    async fn put_off(&self, id: &TaskId, report: &Report) -> Result<(), StoreError> {
        self.keep_report(id, report)
    }

    async fn put_off_report(&self, id: &TaskId) -> Option<Report> {
        self.kept_report(id)
    }

    async fn unended(&self) -> Result<Vec<Unended>, StoreError> {
        self.unended_records()
    }

    async fn remove(&self, id: &TaskId) -> Result<(), StoreError> {
        let lock = self.lock(id)?;
        let task = self.task(id)?;
        if !task.status().is_ended() {
            return Err(StoreError::Refused { id: id.clone(), refusal: Refusal::NotEnded });
        }
        // The record last: while it is there, removing can be asked for again, and once it is gone
        // nothing can fail any more.
        let (dir, disk) = (&self.dir, &*self.disk);
        queue::withdraw(dir, disk, &task)
            .map_err(|error| self.failed("removing from", &dir.queue(), &error))?;
        kits::forget(dir, disk, id).map_err(|fault| self.broken(fault.into()))?;
        let retired = self.life_locks().retire_if(id, || true);
        retired.map_err(|fault| self.broken(fault.into()))?;
        for path in [dir.output(id), dir.events(id), dir.input(id), dir.record(id)] {
            disk::forget(disk, &path).map_err(|error| self.failed("removing", &path, &error))?;
        }
        drop(lock);
        index::remove(dir, Self::sessions_of(&task), id);
        names::forget(dir, &task);
        notices::forget(dir, disk, &task);
        Ok(())
    }

    async fn retract(&self, id: &TaskId) -> Result<(), StoreError> {
        let _lock = self.lock(id)?;
        let task = self.task(id)?;
        if task.status() != Status::Queued {
            return Err(StoreError::Refused { id: id.clone(), refusal: Refusal::AlreadyStarted });
        }
        notices::forget(&self.dir, &*self.disk, &task);
        index::remove(&self.dir, Self::sessions_of(&task), id);
        // What stays goes with what else is kept for it.
        disk::forget(&*self.disk, &self.dir.reserve(id)).unwrap_or_default();
        let path = self.dir.record(id);
        self.disk.remove(&path).map_err(|error| self.failed("removing", &path, &error))
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        self.swept()
    }
}

#[cfg(test)]
mod tests;
