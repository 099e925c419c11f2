//! Keys, as symbolic links that name their task: made and read in one system call, never half there.
//!
//! Each key has a lock of its own. A launch holds it until its task is started, which may take minutes
//! where git makes a worktree, and stands in the way of no other key. The lock's file is there only
//! while somebody holds it: the holder removes the file before it lets go, so whoever has locked a
//! file makes sure that the file still has the name. A key outlives its task, and counts only as long
//! as the task has a record. Entries that are gone, or are none, are made anew from the records (`whole`). Nothing here decides
//! anything about a task. Main type: [`FileKeys`].

mod whole;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::port::{Fault, KeyEntry, Keys};
use domain::task::TaskId;

use crate::data_dir::DataDir;
use crate::data_dir::asides::put_aside;
use crate::data_dir::ownership::OUR_IDS;
use crate::disk::{self, Disk, RealDisk};
use crate::fault::fault;
use crate::life_lock::{identity, is_still, open, unlink_if_still};
use crate::lock_holder;
use crate::store::shard;

/// How long to wait for a launch with the same key.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first wait between two tries; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_micros(50);
/// The longest wait between two tries.
const LAST_WAIT: Duration = Duration::from_millis(16);

/// The keys of a store.
#[derive(Clone, Debug)]
pub struct FileKeys {
    dir: DataDir,
    disk: Arc<dyn Disk>,
    patience: Duration,
}

impl FileKeys {
    /// The keys of the store in `dir`.
    pub fn new(dir: DataDir) -> Self {
        Self { dir, disk: Arc::new(RealDisk), patience: PATIENCE }
    }
}

/// A key that is locked.
struct Opened {
    dir: DataDir,
    disk: Arc<dyn Disk>,
    path: PathBuf,
    owner: Option<TaskId>,
    _lock: KeyLock,
}

/// The lock of a key, held. Dropping it removes its file and frees it.
struct KeyLock {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: File,
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        // While it is still held, so that nobody who waits for it takes it for the one that counts.
        // A file that stays is a lock that nobody holds.
        remove(&*self.disk, &self.path, &self.file).unwrap_or_default();
    }
}

#[async_trait]
impl Keys for FileKeys {
    async fn open(&self, key: &str) -> Result<Box<dyn KeyEntry>, Fault> {
        let path =
            self.dir.key(key).ok_or_else(|| Fault::of("looking up the key", "it is too long"))?;
        let lock = self.dir.key_lock(key);
        let taken = disk::prepared(&self.dir, || take(&lock, self.patience));
        let file = taken.map_err(|error| fault("locking", &lock, &error))?.ok_or_else(|| {
            let holder = lock_holder::of(&lock);
            let holder = if holder.is_empty() { "another launch".to_owned() } else { holder };
            let reason = format!(
                "{holder} has launched with this key and not finished for {} s; once it has, the same \
                 command gives its task back",
                self.patience.as_secs()
            );
            Fault::of(format!("waiting for the key `{key}`"), reason)
        })?;
        let disk = Arc::clone(&self.disk);
        let held = KeyLock { disk: Arc::clone(&disk), path: lock, file };
        let said = said(&path).map_err(|error| fault("reading the key", &path, &error))?;
        let owner = match said {
            Said::Task(id) => Some(id),
            Said::Nothing if whole::is_whole(&self.dir) => None,
            Said::Nothing | Said::Nonsense => whole::made_anew(&self.dir, key)?,
        };
        Ok(Box::new(Opened { dir: self.dir.clone(), disk, path, owner, _lock: held }))
    }
}

#[async_trait]
impl KeyEntry for Opened {
    fn owner(&self) -> Option<&TaskId> {
        self.owner.as_ref()
    }

    async fn give(&mut self, id: &TaskId) -> Result<(), Fault> {
        let link = |temp: &Path| self.disk.symlink(id.as_str(), temp);
        // No link can take the place of a folder.
        let given = put_aside(&self.path, |path| path.is_symlink() || !path.is_dir());
        let given = given.and_then(|()| disk::unnamed(&self.dir, &self.path, link));
        let given = given.and_then(|temp| {
            let renamed = self.disk.rename(&temp, &self.path);
            renamed.map(drop).inspect_err(|_| self.disk.remove(&temp).unwrap_or_default())
        });
        given.map_err(|error| fault("giving away the key", &self.path, &error))?;
        self.owner = Some(id.clone());
        Ok(())
    }
}

/// What the entry of a key says.
enum Said {
    /// That this task has it.
    Task(TaskId),
    /// There is none.
    Nothing,
    /// It is no link, or names no task.
    Nonsense,
}

fn said(path: &Path) -> io::Result<Said> {
    match fs::read_link(path) {
        Ok(target) => {
            let id = target.to_str().filter(|id| id.starts_with(OUR_IDS));
            let id = id.and_then(|id| TaskId::parse(id).ok());
            Ok(id.map_or(Said::Nonsense, Said::Task))
        }
        Err(error) if disk::is_absent(&error) => Ok(Said::Nothing),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Said::Nonsense),
        Err(error) => Err(error),
    }
}

/// Takes the lock at `path`, which is made if it is missing; `None` if it was not free in time.
fn take(path: &Path, patience: Duration) -> io::Result<Option<File>> {
    let (began, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        let file = shard::open(path)?;
        loop {
            match shard::locked(path, &file) {
                Ok(()) if is_still(path, identity(&file.metadata()?))? => return Ok(Some(file)),
                // Its holder removed it and let go; the next one is another file.
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() >= patience => return Ok(None),
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(wait);
                    wait = (wait * 2).min(LAST_WAIT);
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// Removes the lock at `path` if nobody holds it, and says whether it did.
pub(crate) fn remove_unheld(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    let Some(file) = open(path)? else { return Ok(false) };
    match file.try_lock() {
        Ok(()) => remove(disk, path, &file),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether there is a lock at `path` that nobody holds. Shares it for a moment.
pub(crate) fn is_unheld(path: &Path) -> bool {
    open(path).is_ok_and(|file| file.is_some_and(|file| file.try_lock_shared().is_ok()))
}

/// Removes the lock at `path`, which is held through `file`, unless the name is another one's by now.
fn remove(disk: &dyn Disk, path: &Path, file: &File) -> io::Result<bool> {
    unlink_if_still(disk, path, identity(&file.metadata()?))
}

#[cfg(test)]
mod tests;
