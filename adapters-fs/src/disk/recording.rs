//! A real disk that remembers what would survive if the power failed at each sync.
//!
//! It does everything on the real disk, and keeps beside it the strictest account that a file system may give: the content
//! of a file is what it was when the file was synced last, and a folder has the names that it had when the folder was
//! synced last. Whatever was not synced is gone. [`super::faulty`] asks in how many ways a crash may leave a disk; this
//! one lets the whole store work, and hands out what is left at each sync, as a folder that another store can be opened
//! over. Main types: [`RecordingDisk`] and [`Survivors`].

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, Found, RealDisk, Replaced};
use crate::data_dir::DataDir;

/// A real disk that remembers. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordingDisk(Arc<Mutex<Account>>);

/// What a file holds, or a symbolic link says.
#[derive(Clone, Debug)]
enum Content {
    File(Vec<u8>),
    Link(String),
}

#[derive(Debug, Default)]
struct Account {
    /// What each file holds for sure, by number; nothing until it is synced.
    synced: Vec<Content>,
    /// The names as they are.
    names: BTreeMap<PathBuf, usize>,
    /// The names as they are for sure.
    durable: BTreeMap<PathBuf, usize>,
    /// What was left at each sync.
    survivors: Vec<Survivors>,
}

/// What is left if the power fails after some sync.
#[derive(Clone, Debug)]
pub(crate) struct Survivors(BTreeMap<PathBuf, Content>);

impl Survivors {
    /// Makes of the folder `from`, as it was then, the folder `to`.
    pub(crate) fn rebuild(&self, from: &Path, to: &Path) {
        for (path, content) in &self.0 {
            let inside = path.strip_prefix(from).expect("a path in the folder");
            let path = inside.iter().fold(to.to_owned(), |to, name| DataDir::entry(&to, name));
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            match content {
                Content::File(bytes) => fs::write(path, bytes).expect("written"),
                Content::Link(target) => symlink(target, path).expect("made"),
            }
        }
    }
}

impl RecordingDisk {
    /// What was left at each sync so far, in order.
    pub(crate) fn survivors(&self) -> Vec<Survivors> {
        self.account().survivors.clone()
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn made(&mut self, path: &Path, content: Content) {
        self.synced.push(content);
        self.names.insert(path.to_owned(), self.synced.len() - 1);
    }

    fn moved(&mut self, from: &Path, to: &Path) {
        if let Some(file) = self.names.remove(from) {
            self.names.insert(to.to_owned(), file);
        }
    }

    fn synced(&mut self) {
        let left =
            self.durable.iter().map(|(path, file)| (path.clone(), self.synced[*file].clone()));
        let left = Survivors(left.collect());
        self.survivors.push(left);
    }
}

impl Disk for RecordingDisk {
    fn read(&self, path: &Path) -> io::Result<Found> {
        RealDisk.read(path)
    }

    fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.write_unsynced(path, content)?;
        self.sync_file(path)
    }

    fn write_unsynced(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        RealDisk.write_unsynced(path, content)?;
        self.account().made(path, Content::File(Vec::new()));
        Ok(())
    }

    fn reserve(&self, path: &Path, length: u64) -> io::Result<()> {
        RealDisk.reserve(path, length)?;
        let mut account = self.account();
        if !account.names.contains_key(path) {
            account.made(path, Content::File(Vec::new()));
        }
        Ok(())
    }

    fn write_over(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        RealDisk.write_over(path, content)?;
        self.sync_file(path)
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        self.write_unsynced(path, b"")
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        RealDisk.symlink(target, path)?;
        self.account().made(path, Content::Link(target.to_owned()));
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.hard_link(from, to)?;
        let mut account = self.account();
        let file = account.names[from];
        account.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<Replaced> {
        let replaced = RealDisk.rename(from, to)?;
        self.account().moved(from, to);
        Ok(replaced)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename_new(from, to)?;
        self.account().moved(from, to);
        Ok(())
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_file(path)?;
        let content = fs::read(path);
        let mut account = self.account();
        if let (Some(file), Ok(content)) = (account.names.get(path).copied(), content) {
            account.synced[file] = Content::File(content);
        }
        account.synced();
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_folder(folder)?;
        let mut account = self.account();
        let is_in = |path: &Path| path.parent() == Some(folder);
        account.durable.retain(|path, _| !is_in(path));
        let names: Vec<(PathBuf, usize)> =
            account.names.iter().map(|(path, file)| (path.clone(), *file)).collect();
        account.durable.extend(names.into_iter().filter(|(path, _)| is_in(path)));
        account.synced();
        Ok(())
    }

    fn list(&self, folder: &Path, each: &mut dyn FnMut(&OsStr) -> bool) -> io::Result<()> {
        RealDisk.list(folder, each)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)?;
        self.account().names.remove(path);
        Ok(())
    }
}
