//! What parents have not been told yet, as empty files: `.notices/<parent>/<task_id>` and marks
//! beside it.
//!
//! The store notes a task when it is launched, and marks it before it records its ending. Whoever
//! tells the parent marks what it told, and removes the file when nothing is left to tell. So a hook
//! looks at one folder, and at nothing where there is none. Only the holder of the parent's lock
//! tells it anything, and the kernel frees that lock however the holder dies. All of this but the
//! marks can be derived from records, so a step that fails is no error of the task; nothing here
//! reads a record.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::port::{Fault, NoticeBatch, Notices};
use domain::task::notice::{Mark, Stage};
use domain::task::{SessionId, Task, TaskId};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};

use crate::data_dir::{DataDir, NoticeSign};
use crate::disk::{self, Disk, RealDisk};
use crate::effect::effect;
use crate::fault::fault;
use crate::store::shard::{self, Held};

/// How long a teller waits for another one to finish: well within the time that a hook has.
const PATIENCE: Duration = Duration::from_secs(1);

/// The time of a note whose task was told of, where the note can neither be removed nor marked otherwise: in seconds and
/// nanoseconds since 1970.
const TOLD_TIME: (i64, i64) = (1, 0);
/// The same for the system.
const TOLD: Timestamps = {
    let time = Timespec { tv_sec: TOLD_TIME.0, tv_nsec: TOLD_TIME.1 };
    Timestamps { last_access: time, last_modification: time }
};

/// What parents have not been told yet, in the folder of a store.
#[derive(Clone, Debug)]
pub struct FileNotices {
    dir: DataDir,
    disk: Arc<dyn Disk>,
}

impl FileNotices {
    /// The notices of the store in `dir`. Touches nothing until they are used.
    pub fn new(dir: DataDir) -> Self {
        Self { dir, disk: Arc::new(RealDisk) }
    }
}

impl FileNotices {
    /// The tasks that have ended without a word to their parents so far. What cannot be read counts as told.
    pub fn untold(&self) -> BTreeSet<TaskId> {
        let (all, disk) = (self.dir.notices(), &*self.disk);
        let mut folders = Vec::new();
        let listed = disk.list(&all, &mut |name| {
            folders.push(DataDir::entry(&all, name));
            true
        });
        listed.unwrap_or_default();
        let noted = folders.iter().flat_map(|folder| entries(disk, folder).unwrap_or_default());
        noted.filter(|(_, stage)| *stage == Stage::Ended).map(|(id, _)| id).collect()
    }
}

impl FileNotices {
    /// Notes that somebody took what a task found that no session launched. Best effort: at worst the task is kept.
    pub fn collected_of_none(&self, id: &TaskId) {
        let (disk, folder) = (&*self.disk, self.dir.notices_of_none());
        match note(disk, &folder, id, NoticeSign::Told) {
            Err(error) if disk::is_absent(&error) => {
                let prepared = self.dir.prepare_notices_of_none();
                drop(prepared.and_then(|()| note(disk, &folder, id, NoticeSign::Told)));
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// What is known of who collected which task.
    ///
    /// # Errors
    /// What the system says if it cannot be read: then nothing counts as collected.
    pub fn collections(&self) -> io::Result<Collections> {
        let (all, alone, disk) = (self.dir.notices(), self.dir.notices_of_none(), &*self.disk);
        let (mut folders, mut of_none) = (Vec::new(), BTreeSet::new());
        disk.list(&all, &mut |name| {
            folders.push(DataDir::entry(&all, name));
            true
        })?;
        disk.list(&alone, &mut |name| {
            let mark = NoticeSign::of(name).filter(|(_, sign)| *sign == NoticeSign::Told);
            of_none.extend(mark.map(|(id, _)| id));
            true
        })?;
        // Where somebody removed it, nobody knows who was told.
        fs::metadata(&all)?;
        let mut pending = BTreeSet::new();
        for folder in folders {
            pending.extend(entries(disk, &folder)?.into_iter().map(|(id, _)| id));
        }
        Ok(Collections { pending, of_none })
    }
}

/// Which tasks somebody has collected.
#[derive(Debug, Default)]
pub struct Collections {
    /// Those of which their parents have something to hear, or to read.
    pending: BTreeSet<TaskId>,
    /// Those that no session launched and whose endings somebody was shown.
    of_none: BTreeSet<TaskId>,
}

impl Collections {
    /// Whether a parent has yet to hear of the task, or to read what it found; that is known without its record.
    pub fn is_pending(&self, id: &TaskId) -> bool {
        self.pending.contains(id)
    }

    /// Whether somebody has collected the task: its parent all there was to say or to read, or anybody where it has no
    /// parent.
    pub fn has(&self, task: &Task) -> bool {
        match task.order().parent {
            Some(_) => !self.is_pending(task.id()),
            None => self.of_none.contains(task.id()),
        }
    }
}

/// What one parent has not been told, under its lock.
struct FileNoticeBatch {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    entries: Vec<(TaskId, Stage)>,
    _lock: Held,
}

#[async_trait]
impl Notices for FileNotices {
    async fn take(&self, parent: &SessionId) -> Result<Option<Box<dyn NoticeBatch>>, Fault> {
        let folder = self.dir.notices_of(parent);
        let listing = |error: io::Error| fault("listing", &folder, &error);
        if entries(&*self.disk, &folder).map_err(listing)?.is_empty() {
            return Ok(None);
        }
        let lock = self.dir.notice_lock(parent);
        // In a store that only others have written to there are no folders of ours yet.
        let taken = disk::prepared(&self.dir, || shard::take(&lock, PATIENCE));
        let Some(lock) = taken.map_err(|error| fault("locking", &lock, &error))? else {
            return Ok(None);
        };
        // Once more: whoever held the lock until now has told something.
        let entries = entries(&*self.disk, &folder).map_err(listing)?;
        let disk = Arc::clone(&self.disk);
        Ok(Some(Box::new(FileNoticeBatch { folder, disk, entries, _lock: lock })))
    }

    async fn collected(&self, parent: &SessionId, id: &TaskId) -> Result<(), Fault> {
        let folder = self.dir.notices_of(parent);
        let settled = settle(&*self.disk, &folder, id);
        let settled = settled.or_else(|error| tell_in_place(&folder, id, error));
        settled.map_err(|error| fault("removing from", &folder, &error))
    }
}

#[async_trait]
impl NoticeBatch for FileNoticeBatch {
    fn entries(&self) -> &[(TaskId, Stage)] {
        &self.entries
    }

    fn takes_marks(&self) -> bool {
        // A new time is what a folder takes that can be changed and nothing else: a full disk has room
        // for it, one that is mounted read-only refuses it, and so does one that belongs to others.
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        let times = Timestamps { last_access: now, last_modification: now };
        utimensat(CWD, &self.folder, &times, AtFlags::empty()).is_ok()
    }

    fn was_told(&self, id: &TaskId) -> bool {
        let untold = DataDir::notice(&self.folder, id, NoticeSign::Untold);
        let time = fs::symlink_metadata(untold).map(|found| (found.mtime(), found.mtime_nsec()));
        time.is_ok_and(|time| time == TOLD_TIME)
    }

    fn was_named(&self, id: &TaskId) -> bool {
        fs::symlink_metadata(DataDir::notice(&self.folder, id, NoticeSign::Named)).is_ok()
    }

    async fn mark(&self, id: &TaskId, mark: Mark) -> Result<(), Fault> {
        let disk = &*self.disk;
        let in_place = |error| tell_in_place(&self.folder, id, error);
        let marked = match mark {
            Mark::Named => note(disk, &self.folder, id, NoticeSign::Named),
            // On a full disk nothing can be made, but removed: better not reminded than told twice.
            Mark::Told => note(disk, &self.folder, id, NoticeSign::Told)
                .or_else(|_| settle(disk, &self.folder, id))
                .or_else(in_place),
            Mark::Settled => settle(disk, &self.folder, id).or_else(in_place),
        };
        marked.map_err(|error| fault("noting in", &self.folder, &error))
    }
}

impl Drop for FileNoticeBatch {
    fn drop(&mut self) {
        // One that is still needed is not empty.
        effect("rmdir", &self.folder, || fs::remove_dir(&self.folder)).unwrap_or_default();
    }
}

/// Notes a task that is about to be recorded, if it has a parent. Best effort.
pub(crate) fn launched(dir: &DataDir, disk: &dyn Disk, task: &Task) {
    if let Some(parent) = &task.order().parent {
        note_anew(dir, disk, parent, task.id(), NoticeSign::Untold).unwrap_or_default();
    }
}

/// Whether there is a store and nothing in it says what parents have not been told: somebody removed that.
pub(crate) fn are_lost(dir: &DataDir) -> bool {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    !is_there(&dir.notices()) && is_there(&dir.active())
}

/// Notes a task that another program recorded, if it has a parent. Best effort.
pub(crate) fn seen(dir: &DataDir, disk: &dyn Disk, task: &Task) {
    launched(dir, disk, task);
}

/// Notes a task whose ending is about to be recorded, if it has a parent. Best effort.
pub(crate) fn ended(dir: &DataDir, disk: &dyn Disk, task: &Task) {
    if let Some(parent) = &task.order().parent {
        // Again, because others launch tasks too.
        note_anew(dir, disk, parent, task.id(), NoticeSign::Untold)
            .and_then(|()| note(disk, &dir.notices_of(parent), task.id(), NoticeSign::Ended))
            .unwrap_or_default();
    }
}

/// Forgets a task whose record is gone. Best effort.
pub(crate) fn forget(dir: &DataDir, disk: &dyn Disk, task: &Task) {
    if let Some(parent) = &task.order().parent {
        let folder = dir.notices_of(parent);
        settle(disk, &folder, task.id()).unwrap_or_default();
        effect("rmdir", &folder, || fs::remove_dir(&folder)).unwrap_or_default();
    } else {
        let mark = DataDir::notice(&dir.notices_of_none(), task.id(), NoticeSign::Told);
        disk::forget(disk, &mark).unwrap_or_default();
    }
}

/// Whether there is something to tell of the task.
pub(crate) fn is_noted(folder: &Path, id: &TaskId) -> bool {
    fs::symlink_metadata(DataDir::notice(folder, id, NoticeSign::Untold)).is_ok()
}

/// Removes all that is noted of a task; first the file without which the marks mean nothing, so that
/// whoever dies in between leaves nothing to tell.
pub(crate) fn settle(disk: &dyn Disk, folder: &Path, id: &TaskId) -> io::Result<()> {
    for sign in NoticeSign::ALL {
        disk::forget(disk, &DataDir::notice(folder, id, sign))?;
    }
    Ok(())
}

/// Marks a task as told on its note itself, which can neither be removed nor have a mark beside it, because of `error`:
/// its owner can still set its time.
fn tell_in_place(folder: &Path, id: &TaskId, error: io::Error) -> io::Result<()> {
    let untold = DataDir::notice(folder, id, NoticeSign::Untold);
    let mark = || Ok(utimensat(CWD, &untold, &TOLD, AtFlags::SYMLINK_NOFOLLOW)?);
    effect("date", &untold, mark).map_err(|_| error)
}

/// Notes something in a folder that may not be there, and may go at any moment while it is empty.
fn note_anew(
    dir: &DataDir,
    disk: &dyn Disk,
    parent: &SessionId,
    id: &TaskId,
    sign: NoticeSign,
) -> io::Result<()> {
    let folder = dir.notices_of(parent);
    for _ in 0..8 {
        match note(disk, &folder, id, sign) {
            Err(error) if disk::is_absent(&error) => {
                dir.prepare_notices_of(parent)?;
            }
            other => return other,
        }
    }
    note(disk, &folder, id, sign)
}

fn note(disk: &dyn Disk, folder: &Path, id: &TaskId, sign: NoticeSign) -> io::Result<()> {
    match disk.create(&DataDir::notice(folder, id, sign)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The tasks noted in `folder`, oldest first; none if there is no such folder.
fn entries(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<(TaskId, Stage)>> {
    let mut noted = BTreeMap::<TaskId, Vec<NoticeSign>>::new();
    disk.list(folder, &mut |name| {
        if let Some((id, sign)) = NoticeSign::of(name) {
            noted.entry(id).or_default().push(sign);
        }
        true
    })?;
    noted.retain(|_, signs| signs.contains(&NoticeSign::Untold));
    Ok(noted.into_iter().map(|(id, signs)| (id, stage(&signs))).collect())
}

/// How far telling has come, by the marks that are there.
fn stage(signs: &[NoticeSign]) -> Stage {
    let has = |sign| signs.contains(&sign);
    if has(NoticeSign::Told) {
        Stage::Told
    } else if has(NoticeSign::Ended) {
        Stage::Ended
    } else if has(NoticeSign::Named) {
        Stage::Named
    } else {
        Stage::Open
    }
}

#[cfg(test)]
mod tests;
