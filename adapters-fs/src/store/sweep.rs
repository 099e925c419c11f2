//! Removing what is only derived and belongs to no task any more.
//!
//! That is half-written files of programs that died, index entries of tasks of which no report is taken any more, notices
//! of tasks without a record, locks of keys that nobody holds, and, in `finished`, whatever is kept
//! for tasks that have ended or were never recorded. A sweep never touches a record, a log, or
//! anything of a task that has not ended. It goes on after what it cannot remove.

mod finished;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use domain::port::StoreError;
use domain::task::TaskId;

use super::{FileStore, index};
use crate::data_dir::{DataDir, Entry, NoticeSign, is_key_lock, of_input};
use crate::effect::effect;
use crate::{disk, keys, notices};

/// How old a half-written file must be before nobody can still be writing it.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// What was removed, and what first went wrong meanwhile.
#[derive(Default)]
struct Tally {
    removed: usize,
    failure: Option<StoreError>,
}

impl Tally {
    fn add(&mut self, removed: Result<usize, StoreError>) {
        match removed {
            Ok(removed) => self.removed += removed,
            Err(error) => self.failure = self.failure.take().or(Some(error)),
        }
    }

    fn told(self) -> Result<usize, StoreError> {
        self.failure.map_or(Ok(self.removed), Err)
    }
}

impl FileStore {
    /// How many half-written files lie about that nobody writes any more, files that are kept for
    /// tasks that are over, and locks of keys that nobody holds. Counts what a sweep would remove,
    /// all but the index and the notices.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the store cannot be read.
    pub fn leftovers(&self) -> Result<usize, StoreError> {
        if !self.dir.active().exists() {
            return Ok(0);
        }
        // Where nothing can be written nothing can be dated either, and no half-written file counts as old.
        let now = self.disk_time().unwrap_or(SystemTime::UNIX_EPOCH);
        let mut count = 0;
        for folder in self.folders_of_temps()? {
            count += self.old_temps(&folder, now)?.len();
        }
        count += self.key_locks()?.iter().filter(|path| keys::is_unheld(path)).count();
        Ok(count + self.unneeded()?)
    }

    pub(super) fn swept(&self) -> Result<usize, StoreError> {
        let root = self.dir.root();
        if !root.exists() {
            return Ok(0);
        }
        self.prepare()?;
        let now = self.disk_time().map_err(|error| self.failed("writing to", root, &error))?;
        let mut tally = Tally::default();
        for folder in self.folders_of_temps()? {
            tally.add(self.sweep_temps(&folder, now));
        }
        tally.add(self.sweep_index());
        // Whoever repaired a record by hand has it looked at anew.
        disk::forget(&*self.disk, &self.dir.seen()).unwrap_or_default();
        tally.add(self.sweep_names());
        tally.add(self.sweep_notices());
        tally.add(self.sweep_key_locks());
        tally.add(self.sweep_finished());
        tally.told()
    }

    /// The time by the clock of the file system, which is the one that file times are given by.
    fn disk_time(&self) -> io::Result<SystemTime> {
        let probe = disk::create_beside(&self.dir, &*self.disk, &self.dir.active())?;
        let made = fs::symlink_metadata(&probe).and_then(|made| made.modified());
        self.disk.remove(&probe)?;
        made
    }

    /// The folders in which something is written under another name first.
    fn folders_of_temps(&self) -> Result<Vec<PathBuf>, StoreError> {
        let (dir, notices) = (&self.dir, self.dir.notices());
        let mut folders = vec![
            dir.root().to_owned(),
            dir.active(),
            dir.queue(),
            dir.sessions(),
            dir.keys(),
            dir.names(),
            dir.waiters(),
        ];
        let parents = self.all_names(&notices)?.into_iter();
        let parents = parents.map(|parent| DataDir::entry(&notices, &parent));
        folders.extend(parents.filter(|folder| folder.is_dir()));
        Ok(folders)
    }

    fn sweep_temps(&self, folder: &Path, now: SystemTime) -> Result<usize, StoreError> {
        let mut tally = Tally::default();
        for path in self.old_temps(folder, now)? {
            tally.add(self.take_away(&path));
        }
        tally.told()
    }

    fn old_temps(&self, folder: &Path, now: SystemTime) -> Result<Vec<PathBuf>, StoreError> {
        let is_old = |path: &PathBuf| {
            let file = fs::symlink_metadata(path).ok().filter(|file| !file.is_dir());
            let age = file.and_then(|file| now.duration_since(file.modified().ok()?).ok());
            age.is_some_and(|age| age > ABANDONED)
        };
        let names = self.all_names(folder)?.into_iter();
        // A launcher that died before it recorded its task left what the task was to read.
        let is_unread = |name: &OsString| {
            let id = of_input(name).filter(|_| folder == self.dir.root());
            id.is_some_and(|id| fs::symlink_metadata(self.dir.record(&id)).is_err())
        };
        let temps = names.filter(|name| Entry::of(name) == Entry::Temp || is_unread(name));
        Ok(temps.map(|name| DataDir::entry(folder, &name)).filter(is_old).collect())
    }

    fn sweep_index(&self) -> Result<usize, StoreError> {
        let (folder, mut tally) = (self.dir.sessions(), Tally::default());
        for name in self.all_names(&folder)? {
            let path = DataDir::entry(&folder, &name);
            let is_entry = Entry::of(&name) != Entry::Temp && path.is_symlink();
            if is_entry && index::read(&path).iter().all(|id| self.takes_no_report(id)) {
                tally.add(self.take_away(&path));
            }
        }
        tally.told()
    }

    /// Names of tasks that have no record any more.
    fn sweep_names(&self) -> Result<usize, StoreError> {
        let (folder, mut tally) = (self.dir.names(), Tally::default());
        for name in self.all_names(&folder)? {
            let path = DataDir::entry(&folder, &name);
            let lost = |id: &TaskId| fs::symlink_metadata(self.dir.record(id)).is_err();
            if path.is_symlink() && index::read(&path).iter().all(lost) {
                tally.add(self.take_away(&path));
            }
        }
        tally.told()
    }

    /// A notice is kept as long as its task's record, so that a parent that comes back is told.
    fn sweep_notices(&self) -> Result<usize, StoreError> {
        let (all, mut tally) = (self.dir.notices(), Tally::default());
        for parent in self.all_names(&all)? {
            let folder = DataDir::entry(&all, &parent);
            let Ok(names) = self.all_names(&folder) else { continue };
            let lost = |id: &TaskId| matches!(self.task(id), Err(StoreError::NotFound { .. }));
            let mut gone = BTreeSet::new();
            // There a mark alone says that the task was collected.
            let of_none = folder == self.dir.notices_of_none();
            for (id, _) in names.iter().filter_map(|name| NoticeSign::of(name)) {
                let is_over = || !of_none && !notices::is_noted(&folder, &id);
                if !gone.contains(&id) && (lost(&id) || is_over()) {
                    gone.insert(id);
                }
            }
            for id in &gone {
                let settled = notices::settle(&*self.disk, &folder, id);
                tally.add(
                    settled.map(|()| 1).map_err(|it| self.failed("removing from", &folder, &it)),
                );
            }
            // One that is still needed is not empty.
            effect("rmdir", &folder, || fs::remove_dir(&folder)).unwrap_or_default();
        }
        tally.told()
    }

    /// Locks of keys whose holders died. Whoever opens one of these meanwhile waits for another.
    fn sweep_key_locks(&self) -> Result<usize, StoreError> {
        let mut tally = Tally::default();
        for path in self.key_locks()? {
            let removed = keys::remove_unheld(&*self.disk, &path);
            tally.add(
                removed.map(usize::from).map_err(|error| self.failed("removing", &path, &error)),
            );
        }
        tally.told()
    }

    fn key_locks(&self) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.dir.keys();
        let names = self.all_names(&folder)?.into_iter().filter(|name| is_key_lock(name));
        Ok(names.map(|name| DataDir::entry(&folder, &name)).collect())
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
        let removed = disk::forget(&*self.disk, path);
        removed.map(usize::from).map_err(|error| self.failed("removing", path, &error))
    }
}
