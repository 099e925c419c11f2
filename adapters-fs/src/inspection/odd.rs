//! What lies in the folders of a store and is not what belongs there: a pipe among life locks, a file in the place of the
//! queue, a link in the place of a log.
//!
//! Commands pass such things over, or put them aside where they are in the way; nothing here opens or changes one. Main
//! function: [`odd`].

use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use domain::task::TaskId;

use crate::data_dir::asides::is_aside;
use crate::data_dir::{DataDir, Entry, is_key_lock, ownership};

/// Something that is not what belongs in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odd {
    /// Where it is.
    pub path: PathBuf,
    /// What it is, as the end of a sentence.
    pub what: &'static str,
}

/// All such things in a store, by their paths. Costs a look at each entry of its folders.
pub(super) fn odd(dir: &DataDir) -> Vec<Odd> {
    let mut found = Vec::new();
    for (path, entry) in entries(dir.root()) {
        let name = path.file_name().unwrap_or_default();
        let what = if is_aside(name) {
            Some("put aside")
        } else if ownership::is_part(name) {
            inspect_part(dir, &path, &entry, &mut found)
        } else if is_log(name) {
            unlike(&entry, FileType::is_file)
        } else {
            None
        };
        found.extend(what.map(|what| Odd { path, what }));
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// What is wrong with a part itself; what is wrong with what is in it goes to `found`.
fn inspect_part(
    dir: &DataDir,
    part: &Path,
    entry: &Metadata,
    found: &mut Vec<Odd>,
) -> Option<&'static str> {
    for (path, entry) in entries(part) {
        let name = path.file_name().unwrap_or_default();
        let what = if is_aside(name) {
            Some("put aside")
        } else if Entry::of(name) == Entry::Temp {
            None
        } else if part == dir.notices() {
            let inner = entries(&path).into_iter();
            found.extend(inner.filter_map(|(path, entry)| {
                Some(Odd { path, what: unlike(&entry, FileType::is_file)? })
            }));
            unlike(&entry, FileType::is_dir)
        } else {
            unlike(&entry, expected(dir, &path)).or_else(|| names_no_task(dir, &path, &entry))
        };
        found.extend(what.map(|what| Odd { path, what }));
    }
    unlike(entry, FileType::is_dir)
}

/// What an entry of a part has to be.
fn expected(dir: &DataDir, path: &Path) -> fn(&FileType) -> bool {
    let (part, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
    if part == dir.waiters() {
        return FileType::is_fifo;
    }
    let has_links = [dir.keys(), dir.sessions(), dir.names()].iter().any(|it| part == it);
    let is_derived = [dir.seen(), dir.outlines(), dir.round()].iter().any(|it| path == it);
    let is_link = has_links && !is_key_lock(name) && !is_derived;
    if is_link || path == dir.queue_limit() { FileType::is_symlink } else { FileType::is_file }
}

/// What a link is that should name a task and does not: those of keys and names hold the id, and lead nowhere.
fn names_no_task(dir: &DataDir, path: &Path, entry: &Metadata) -> Option<&'static str> {
    let is_name = path.parent().is_some_and(|part| part == dir.keys() || part == dir.names());
    if !is_name || !entry.is_symlink() || path == dir.whole_keys() {
        return None;
    }
    let target = fs::read_link(path).ok()?;
    let id = target.to_str().and_then(|id| TaskId::parse(id).ok());
    let is_task = id.is_some_and(|id| id.as_str().starts_with(ownership::OUR_IDS));
    (!is_task).then_some("a link that names no task")
}

/// What an entry is, if that is not what it has to be, or nobody can read it.
fn unlike(entry: &Metadata, fits: fn(&FileType) -> bool) -> Option<&'static str> {
    let kind = entry.file_type();
    if fits(&kind) {
        let is_shut = !kind.is_symlink() && entry.mode() & 0o400 == 0;
        return is_shut.then_some("closed to its owner");
    }
    Some(match kind {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_file() => "a file",
        _ => "a device",
    })
}

/// Whether a name is that of a log of a task of ours.
fn is_log(name: &OsStr) -> bool {
    let name = name.to_str().unwrap_or_default();
    let is_log = [".out", ".events.jsonl"].iter().any(|ending| name.ends_with(ending));
    name.starts_with(ownership::OUR_IDS) && is_log
}

fn entries(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    // What is behind a link is another's.
    if folder.is_symlink() {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?))).collect()
}
