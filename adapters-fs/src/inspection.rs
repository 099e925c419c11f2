//! How the store's folder and an agent's own folders look from outside, for whoever has to say what is wrong.
//!
//! The functions look and leave nothing behind. Only [`close_files`] changes anything, and that only the mode
//! of files that are ours.

mod odd;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use serde_json::Value;

use crate::data_dir::{DataDir, Entry, ownership};
use crate::disk::{self, RealDisk};
use crate::factory_dir::FactoryDir;
use crate::lock_holder;
use crate::plain_file::plain_text;
use crate::store::shard;
pub use odd::Odd;

/// How a store's folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// It is not there yet, and can be made.
    Absent,
    /// It is there and can be written.
    Ready,
    /// It cannot be used, and why.
    Unusable(String),
}

/// How a store looks from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCondition {
    /// Its folder.
    pub folder: FolderState,
    /// Whether others can look into the folder.
    pub open: bool,
    /// Whether it is a folder that others use as well, so that closing it would shut them out.
    pub shared: bool,
    /// Files in it that others could read.
    pub loose: Vec<PathBuf>,
    /// What is in it and belongs to another user than the folder does.
    pub foreign: Vec<PathBuf>,
    /// What is in it or in its folders and is not what belongs there.
    pub odd: Vec<Odd>,
    /// A folder above it in which any user may put another in its place.
    pub replaceable_in: Option<PathBuf>,
    /// The number of the user that the folder belongs to.
    pub owner: u32,
    /// The room that is left, in bytes.
    pub free: Option<u64>,
}

/// The most bytes of what an agent keeps of a plugin.
const MANIFEST: u64 = 1 << 20;

/// Looks at a store. A file is made for a moment to see whether one can be.
pub fn store_condition(dir: &DataDir) -> StoreCondition {
    let root = dir.root();
    let there = root.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    let free = statvfs(there).ok().map(|it| it.f_bavail.saturating_mul(it.f_frsize));
    let found = fs::metadata(root).ok();
    let open = found.as_ref().is_some_and(|found| found.mode() & 0o077 != 0);
    let owner = found.map_or_else(|| rustix::process::geteuid().as_raw(), |found| found.uid());
    StoreCondition {
        folder: folder_state(dir, there),
        open,
        shared: ownership::is_shared(root),
        loose: loose(root),
        foreign: foreign(root, owner),
        odd: odd::odd(dir),
        replaceable_in: replaceable_in(root),
        owner,
        free,
    }
}

/// The number of the user that a file belongs to, if that is neither we nor root.
pub fn strangers(found: &fs::Metadata) -> Option<u32> {
    let owner = found.uid();
    (owner != 0 && owner != rustix::process::geteuid().as_raw()).then_some(owner)
}

/// What is in the store, and in its own folders, and belongs to another user than `owner`.
fn foreign(root: &Path, owner: u32) -> Vec<PathBuf> {
    let below = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let here = below(root);
    let is_part = |path: &&PathBuf| path.file_name().is_some_and(ownership::is_part);
    let inner: Vec<PathBuf> = here.iter().filter(is_part).flat_map(|part| below(part)).collect();
    let belongs = |path: &PathBuf| path.file_name().is_some_and(ownership::belongs);
    let ours = here.into_iter().filter(belongs).chain(inner);
    let is_foreign =
        |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.uid() != owner);
    ours.filter(is_foreign).collect()
}

fn folder_state(dir: &DataDir, there: &Path) -> FolderState {
    let root = dir.root();
    let unusable = |error: io::Error| FolderState::Unusable(error.to_string());
    if there != root {
        return match access(there, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) if there.is_dir() => FolderState::Absent,
            Ok(()) => FolderState::Unusable(format!("`{}` is no folder", there.display())),
            Err(errno) => unusable(errno.into()),
        };
    }
    if !root.is_dir() {
        return FolderState::Unusable("it is no folder".to_owned());
    }
    let probed = disk::create_beside(dir, &RealDisk, &dir.active()).and_then(fs::remove_file);
    probed.map_or_else(unusable, |()| FolderState::Ready)
}

/// The nearest folder above `root` that every user may write to, without the bit that keeps them from each other's files.
fn replaceable_in(root: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let is_loose =
        |folder: &&Path| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o1002 == 0o002);
    root.ancestors().skip(1).find(is_loose).map(Path::to_owned)
}

fn loose(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| is_ours(&entry.file_name()));
    let loose = ours.filter(|entry| {
        entry.metadata().is_ok_and(|found| found.is_file() && found.mode() & 0o077 != 0)
    });
    loose.map(|entry| entry.path()).collect()
}

/// Whether a name is that of a task's file, which may hold secrets.
fn is_ours(name: &std::ffi::OsStr) -> bool {
    let is_log = |name: &str| name.starts_with("bg_") && !name.contains('/');
    matches!(Entry::of(name), Entry::Record(_)) || name.to_str().is_some_and(is_log)
}

/// Makes files readable by their owner alone; says how many could not be.
pub fn close_files(files: &[PathBuf]) -> usize {
    let close = |file: &&PathBuf| fs::set_permissions(file, Permissions::from_mode(0o600)).is_err();
    files.iter().filter(close).count()
}

/// The locks of a store that stopped processes hold, each with its holder in words. Nobody gets such a lock until that
/// one goes on.
pub fn stopped_holders(dir: &DataDir) -> Vec<(PathBuf, String)> {
    let (mut found, stopped) = (Vec::new(), lock_holder::stopped_processes());
    for folder in [dir.locks(), dir.keys(), dir.active()] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let locks = entries.map(|entry| entry.path()).filter(|path| shard::is_plain(path));
        found.extend(locks.filter_map(|path| {
            let holder = lock_holder::stopped(&path, &stopped)?;
            Some((path, holder))
        }));
    }
    found
}

/// Under which id, `name@marketplace`, droid has installed the plugin `name`, if it has.
pub fn installed_plugin(dir: &FactoryDir, name: &str) -> Option<String> {
    let entries = fs::read_dir(dir.installed_plugins()).ok()?.flatten();
    let mut texts = entries.filter_map(|entry| plain_text(&entry.path(), MANIFEST).ok());
    texts.find_map(|content| {
        let value: Value = serde_json::from_str(&content).ok()?;
        let id = value.get("pluginId")?.as_str()?;
        (id.split('@').next() == Some(name)).then(|| id.to_owned())
    })
}
