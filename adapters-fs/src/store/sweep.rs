//! Removing what is only derived and belongs to no task any more.
//!
//! Half-written files of programs that died; index entries, life locks and instructions of tasks that
//! are over; notices of tasks that are not there any more.
//! Never touches a record, a log, or anything of a task that has not ended.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use domain::port::StoreError;
use domain::task::TaskId;

use super::{FileStore, index};
use crate::data_dir::{ActiveEntry, DataDir, Entry, NoticeSign};
use crate::{disk, notices};

/// How old a half-written file must be before nobody can still be writing it.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

impl FileStore {
    /// How many half-written files lie about that nobody writes any more, and life locks of tasks
    /// that are over. Counts what a sweep would remove, all but the index.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store cannot be read.
    pub fn leftovers(&self) -> Result<usize, StoreError> {
        let (root, active) = (self.dir.root(), self.dir.active());
        if !active.exists() {
            return Ok(0);
        }
        let now = self.disk_time().map_err(|error| self.failed("writing to", root, &error))?;
        let mut count = 0;
        for folder in [root, &active, &self.dir.sessions()] {
            count += self.old_temps(folder, now)?.len();
        }
        let ids = self.life_locks().entries(usize::MAX);
        let ids = ids.map_err(|error| self.failed("listing", &active, &error))?;
        Ok(count + ids.iter().filter(|id| self.is_over(id)).count())
    }

    pub(super) fn swept(&self) -> Result<usize, StoreError> {
        let root = self.dir.root();
        if !root.exists() {
            return Ok(0);
        }
        self.prepare()?;
        let now = self.disk_time().map_err(|error| self.failed("writing to", root, &error))?;
        let mut removed = 0;
        for folder in [root, &self.dir.active(), &self.dir.sessions()] {
            removed += self.sweep_temps(folder, now)?;
        }
        removed += self.sweep_index()?;
        removed += self.sweep_notices()?;
        removed += self.sweep_life_locks()?;
        removed += self.sweep_instructions()?;
        Ok(removed)
    }

    /// The time by the clock of the file system, which is the one that file times are given by.
    fn disk_time(&self) -> io::Result<SystemTime> {
        let probe = disk::create_beside(&self.dir, &*self.disk, &self.dir.active())?;
        let made = fs::symlink_metadata(&probe).and_then(|made| made.modified());
        self.disk.remove(&probe)?;
        made
    }

    fn sweep_temps(&self, folder: &Path, now: SystemTime) -> Result<usize, StoreError> {
        let mut removed = 0;
        for path in self.old_temps(folder, now)? {
            removed += self.take_away(&path)?;
        }
        Ok(removed)
    }

    fn old_temps(&self, folder: &Path, now: SystemTime) -> Result<Vec<PathBuf>, StoreError> {
        let is_old = |path: &PathBuf| {
            let file = fs::symlink_metadata(path).ok().filter(|file| !file.is_dir());
            let age = file.and_then(|file| now.duration_since(file.modified().ok()?).ok());
            age.is_some_and(|age| age > ABANDONED)
        };
        let names = self.all_names(folder)?.into_iter();
        let temps = names.filter(|name| Entry::of(name) == Entry::Temp);
        Ok(temps.map(|name| DataDir::entry(folder, &name)).filter(is_old).collect())
    }

    fn sweep_index(&self) -> Result<usize, StoreError> {
        let (folder, mut removed) = (self.dir.sessions(), 0);
        for name in self.all_names(&folder)? {
            let path = DataDir::entry(&folder, &name);
            let is_entry = Entry::of(&name) != Entry::Temp && path.is_symlink();
            if is_entry && index::read(&path).iter().all(|id| self.is_over(id)) {
                removed += self.take_away(&path)?;
            }
        }
        Ok(removed)
    }

    /// A notice is kept as long as its task's record, so that a parent that comes back is told.
    fn sweep_notices(&self) -> Result<usize, StoreError> {
        let mut removed = 0;
        let all = self.dir.notices();
        for parent in self.all_names(&all)? {
            let folder = DataDir::entry(&all, &parent);
            let Ok(names) = self.all_names(&folder) else { continue };
            let lost = |id: &TaskId| matches!(self.task(id), Err(StoreError::NotFound { .. }));
            let mut gone = BTreeSet::new();
            for (id, _) in names.iter().filter_map(|name| NoticeSign::of(name)) {
                if !gone.contains(&id) && (lost(&id) || !notices::is_noted(&folder, &id)) {
                    gone.insert(id);
                }
            }
            for id in &gone {
                notices::settle(&*self.disk, &folder, id)
                    .map_err(|error| self.failed("removing from", &folder, &error))?;
            }
            removed += gone.len();
            // One that is still needed is not empty.
            fs::remove_dir(&folder).unwrap_or_default();
        }
        Ok(removed)
    }

    fn sweep_life_locks(&self) -> Result<usize, StoreError> {
        let (locks, folder) = (self.life_locks(), self.dir.active());
        let ids =
            locks.entries(usize::MAX).map_err(|error| self.failed("listing", &folder, &error))?;
        let mut removed = 0;
        for id in ids {
            // A free lock of a task without a record: its launcher died before it could record it.
            let retired = locks.retire_if(&id, || self.is_over(&id));
            removed += retired.map_err(|fault| self.broken(fault.into()))?;
        }
        Ok(removed)
    }

    /// Instructions without a life lock, which comes before them and goes after them.
    fn sweep_instructions(&self) -> Result<usize, StoreError> {
        let mut removed = 0;
        for name in self.all_names(&self.dir.active())? {
            let Some(ActiveEntry::Instructions(id)) = ActiveEntry::of(&name) else { continue };
            let is_locked = fs::symlink_metadata(self.dir.life_lock(&id)).is_ok();
            if !is_locked && self.is_over(&id) {
                removed += self.take_away(&self.dir.instructions(&id))?;
            }
        }
        Ok(removed)
    }

    fn all_names(&self, folder: &Path) -> Result<Vec<OsString>, StoreError> {
        let mut names = Vec::new();
        let mut note = |name: &OsStr| {
            names.push(name.to_owned());
            true
        };
        self.disk
            .list(folder, &mut note)
            .map_err(|error| self.failed("listing", folder, &error))?;
        Ok(names)
    }

    fn take_away(&self, path: &Path) -> Result<usize, StoreError> {
        match self.disk.remove(path) {
            Ok(()) => Ok(1),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(self.failed("removing", path, &error)),
        }
    }
}
