//! A disk in memory that can crash at any step and lose what was never synced.
//!
//! The model is the harshest that a file system may be. Until a file is synced its content may be
//! gone; until a folder is synced, each change of a name may or may not have happened. A test lets
//! a store work on the disk, crashes it at the n-th step, and looks at every state in which the
//! disk may then be found.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::{Disk, Found, Replaced};

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<Content>>);

#[derive(Clone, Debug, Default)]
struct Content {
    /// What each file holds, by number: written, and of that what is synced.
    files: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The names as they are now.
    names: BTreeMap<PathBuf, usize>,
    /// The names as they are for sure after a crash.
    synced: BTreeMap<PathBuf, usize>,
    /// The changes of names since then, in order: what each name means after it.
    changes: Vec<Vec<(PathBuf, Option<usize>)>>,
    /// How many steps are left before the crash.
    steps_left: Option<usize>,
    /// How many steps were taken.
    steps: usize,
    /// What writing fails with, if it does.
    full: Option<i32>,
}

impl FaultyDisk {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everything fail after `steps` more steps.
    pub(crate) fn crash_after(&self, steps: usize) {
        self.content().steps_left = Some(steps);
    }

    /// Lets writing fail with this error number.
    pub(crate) fn fail_writes_with(&self, errno: i32) {
        self.content().full = Some(errno);
    }

    /// How many steps were taken so far.
    pub(crate) fn steps(&self) -> usize {
        self.content().steps
    }

    /// How many files there are.
    pub(crate) fn names(&self) -> Vec<PathBuf> {
        self.content().names.keys().cloned().collect()
    }

    /// Every state in which the disk may be found after a crash now: names are as synced, plus any
    /// first part of the changes since; content that was not synced is gone.
    pub(crate) fn after_crash(&self) -> Vec<Self> {
        let before = self.content().clone();
        (0..=before.changes.len())
            .map(|kept| {
                let mut names = before.synced.clone();
                before.changes[..kept].iter().for_each(|change| apply(&mut names, change));
                let lost = |(_, synced): &(Vec<u8>, Option<Vec<u8>>)| {
                    let left = synced.clone().unwrap_or_default();
                    (left.clone(), Some(left))
                };
                let files = before.files.iter().map(lost).collect();
                let synced = names.clone();
                Self(Arc::new(Mutex::new(Content { files, names, synced, ..Content::default() })))
            })
            .collect()
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, change: &[(PathBuf, Option<usize>)]) {
    for (path, file) in change {
        match file {
            Some(file) => names.insert(path.clone(), *file),
            None => names.remove(path),
        };
    }
}

impl Content {
    /// One step, unless the power is gone.
    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        match self.steps_left.as_mut() {
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Makes a file in one step, whole and synced but for its name.
    fn make(&mut self, path: &Path, bytes: Vec<u8>) -> io::Result<()> {
        self.step()?;
        if self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.files.push((bytes.clone(), Some(bytes)));
        self.change(vec![(path.to_path_buf(), Some(self.files.len() - 1))]);
        Ok(())
    }

    fn change(&mut self, change: Vec<(PathBuf, Option<usize>)>) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }
}

impl Disk for FaultyDisk {
    fn read(&self, path: &Path) -> io::Result<Found> {
        let content = self.content();
        let file = content.names.get(path).map(|file| content.files[*file].0.clone());
        Ok(file.map_or(Found::Absent, Found::Plain))
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write_unsynced(path, bytes)?;
        self.sync_file(path)
    }

    fn write_unsynced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.content();
        content.step()?;
        if content.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = content.files.len();
        content.files.push((Vec::new(), None));
        content.change(vec![(path.to_path_buf(), Some(file))]);
        if let Some(errno) = content.full {
            return Err(io::Error::from_raw_os_error(errno));
        }
        for part in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
            content.step()?;
            content.files[file].0.extend_from_slice(part);
        }
        Ok(())
    }

    fn reserve(&self, path: &Path, length: u64) -> io::Result<()> {
        if self.content().names.contains_key(path) {
            return Ok(());
        }
        if let Some(errno) = self.content().full {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.content().make(path, vec![0; length])
    }

    fn write_over(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.content();
        content.step()?;
        let file = content.names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        if content.files[file].0.len() < bytes.len() {
            return Err(Errno::NOSPC.into());
        }
        content.files[file] = (bytes.to_vec(), None);
        content.step()?;
        content.files[file].1 = Some(bytes.to_vec());
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        self.content().make(path, Vec::new())
    }

    /// What a link says is kept like the content of a file, and appears with its name.
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        self.content().make(path, target.as_bytes().to_vec())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut content = self.content();
        content.step()?;
        if content.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = content.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        content.change(vec![(to.to_path_buf(), Some(file))]);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<Replaced> {
        let mut content = self.content();
        content.step()?;
        let file = content.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        content.change(vec![(from.to_path_buf(), None), (to.to_path_buf(), Some(file))]);
        Ok(Replaced { _file: None })
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.content().names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename(from, to).map(drop)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let mut content = self.content();
        content.step()?;
        if let Some(file) = content.names.get(path).copied() {
            content.files[file].1 = Some(content.files[file].0.clone());
        }
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        let mut content = self.content();
        content.step()?;
        content.synced = content.names.clone();
        content.changes.clear();
        Ok(())
    }

    fn list(&self, _folder: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        for path in self.names() {
            if !path.file_name().is_none_or(&mut *each) {
                break;
            }
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut content = self.content();
        content.step()?;
        if !content.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        content.change(vec![(path.to_path_buf(), None)]);
        Ok(())
    }
}
