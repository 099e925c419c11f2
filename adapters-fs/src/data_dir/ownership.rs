//! Whose folder a store is in, and whether it may be closed to others.
//!
//! A folder that somebody shares with others, such as `/tmp`, is never given another mode: closing it would
//! shut everybody out. One is closed only if it is empty, or if nothing is in it but what belongs to a store.
//! A store of another user is left alone altogether, unless root is told to use it: then whatever root makes there
//! is given to that user, who could not go on with it otherwise. Main type: [`Unfit`].

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::DataDir;
use super::asides::is_aside;
use super::folders::PRIVATE;
use super::names::Entry;

/// The folders of a store.
const PARTS: [&str; 13] = [
    ".active",
    ".agents",
    ".begun",
    ".bin",
    ".ended",
    ".hosts",
    ".keys",
    ".names",
    ".locks",
    ".notices",
    ".queue",
    ".sessions",
    ".waiters",
];
/// A part whose name other programs use as well: it tells nothing of a folder.
const COMMON: &str = ".agents";
/// The bit of a folder in which many keep files of their own.
const STICKY: u32 = 0o1000;
/// The bits of a folder that others than its owner can make files in.
const OTHERS_WRITE: u32 = 0o022;
/// The number of the user who may read and change everything anyway.
const ROOT: u32 = 0;
/// How the ids of tasks begin, and so the names of their files. Other programs keep records beside ours, but
/// what they are called says nothing of whose folder it is.
pub(crate) const OUR_IDS: &str = "bg_";

/// Why a folder is not used as a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It belongs to another user.
    #[error("the store `{}` belongs to another user, number {owner}", .path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// The number of the user that it belongs to.
        owner: u32,
    },
    /// A folder in it, which task-bg keeps its own files in, belongs to another user.
    #[error("`{}`, a part of the store, belongs to another user, number {owner}", .path.display())]
    Planted {
        /// The part.
        path: PathBuf,
        /// The number of the user that it belongs to.
        owner: u32,
    },
    /// It is no folder, or a link that leads to none.
    #[error("the store `{}` is {what}", .path.display())]
    NoFolder {
        /// What should be the folder.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Others can look into it, and it holds what belongs to no store.
    #[error("`{}` is open to others and holds files that belong to no store", .path.display())]
    Shared {
        /// The folder.
        path: PathBuf,
    },
}

/// What is in a folder, as far as that matters for who may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Nothing.
    Nothing,
    /// Nothing but what belongs to a store.
    Store,
    /// What belongs to a store, and other things.
    Mixed,
    /// Nothing that belongs to a store.
    Foreign,
}

/// Refuses the folder `root` if it is unfit for a store of ours. Costs one look at the folder, and reads it only
/// if others can look into it.
pub(super) fn check(root: &Path, anybodys: bool) -> Result<(), Unfit> {
    let path = root.to_owned();
    let itself = fs::symlink_metadata(root);
    let is_strange = |link: &Metadata| !anybodys && ![own(), ROOT].contains(&link.uid());
    let found = match itself {
        // In a folder that many write to, anybody may have put it there, and may lead it elsewhere at any time.
        Ok(link) if link.is_symlink() && is_strange(&link) => {
            return Err(Unfit::Foreign { path, owner: link.uid() });
        }
        Ok(link) if link.is_symlink() => fs::metadata(root),
        other => other,
    };
    let found = match found {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return Err(Unfit::NoFolder { path, what: "no folder" }),
        Err(_) if root.is_symlink() => {
            return Err(Unfit::NoFolder { path, what: "a symbolic link that leads nowhere" });
        }
        Err(_) => return Ok(()),
    };
    if !anybodys && found.uid() != own() {
        return Err(Unfit::Foreign { path, owner: found.uid() });
    }
    remember(&found);
    if is_open(&found) && content(root) == Content::Foreign {
        return Err(Unfit::Shared { path });
    }
    // Where others can make files, one of them may have made a part before us.
    let parts = PARTS.iter().filter(|_| found.mode() & OTHERS_WRITE != 0);
    for path in parts.map(|part| DataDir::entry(root, OsStr::new(part))) {
        if let Ok(part) = fs::symlink_metadata(&path)
            && is_strangers(&part, || Some(found.uid()))
        {
            return Err(Unfit::Planted { path, owner: part.uid() });
        }
    }
    Ok(())
}

/// Whether a file in a store belongs to somebody who is neither we, nor root, nor the owner of the folder that it is
/// in: in a folder that others can write to, such a one may have put it there. The folder is looked at only for a
/// file that is not ours.
pub(crate) fn is_strangers(file: &Metadata, folder: impl FnOnce() -> Option<u32>) -> bool {
    let owner = file.uid();
    owner != own() && owner != ROOT && folder() != Some(owner)
}

/// The user and, in the lower half, the group that the store belongs to, where root works in it for somebody else; else 0. A
/// process works in one store, but that may be made anew while it does.
static SERVED: AtomicU64 = AtomicU64::new(0);

fn served() -> Option<(u32, u32)> {
    let both = SERVED.load(Ordering::Relaxed);
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
    (both != 0).then(|| (half(both >> 32), half(both)))
}

/// From here on root gives what it makes in the store in `root` to whoever that belongs to.
pub(super) fn serve(root: &Path) {
    if own() == ROOT
        && let Ok(found) = fs::metadata(root)
    {
        remember(&found);
    }
}

fn remember(found: &Metadata) {
    let both = u64::from(found.uid()) << 32 | u64::from(found.gid());
    let is_for_another = own() == ROOT && found.uid() != ROOT;
    SERVED.store(if is_for_another { both } else { 0 }, Ordering::Relaxed);
}

/// A file that was just made, or opened if it was there, as the file of whoever the store belongs to. One that holds
/// anything, or has a second name, may be another's and stays whose it is.
pub(crate) fn handed_over(file: File) -> io::Result<File> {
    if let Some((user, group)) = served() {
        let found = file.metadata()?;
        if found.uid() == ROOT && found.nlink() == 1 && found.len() == 0 {
            fchown(&file, Some(user), Some(group))?;
        }
    }
    Ok(file)
}

/// The same for a link, a pipe or a folder that was just made.
pub(crate) fn hand_over(path: &Path) -> io::Result<()> {
    served().map_or(Ok(()), |(user, group)| lchown(path, Some(user), Some(group)))
}

/// Closes a folder of ours that others could look into, if that harms nobody.
pub(super) fn tighten(root: &Path, found: &Metadata) -> io::Result<()> {
    if !is_open(found) || found.uid() != own() {
        return Ok(());
    }
    match content(root) {
        Content::Foreign => {
            Err(io::Error::other(Unfit::Shared { path: root.to_owned() }.to_string()))
        }
        Content::Nothing | Content::Store if found.mode() & STICKY == 0 => {
            fs::set_permissions(root, Permissions::from_mode(PRIVATE))
        }
        // One with the sticky bit may be a file system that was just mounted for this.
        Content::Nothing | Content::Store | Content::Mixed => Ok(()),
    }
}

/// Whether closing a folder to others would shut them out of what is theirs.
pub(crate) fn is_shared(root: &Path) -> bool {
    let is_sticky = fs::metadata(root).is_ok_and(|found| found.mode() & STICKY != 0);
    is_sticky || matches!(content(root), Content::Mixed | Content::Foreign)
}

fn is_open(found: &Metadata) -> bool {
    found.is_dir() && found.mode() & 0o077 != 0
}

/// Who we are, asked once: the owner of each record is compared with it.
fn own() -> u32 {
    static OWN: OnceLock<u32> = OnceLock::new();
    *OWN.get_or_init(|| rustix::process::geteuid().as_raw())
}

/// What cannot be listed counts as a store: whatever is done in it says why that fails.
fn content(root: &Path) -> Content {
    let Ok(entries) = fs::read_dir(root) else { return Content::Store };
    let (mut ours, mut others) = (false, false);
    for entry in entries.flatten() {
        match entry.file_name() {
            name if name == COMMON => {}
            name if belongs(&name) => ours = true,
            _ => others = true,
        }
    }
    match (ours, others) {
        (false, false) => Content::Nothing,
        (true, false) => Content::Store,
        (true, true) => Content::Mixed,
        (false, true) => Content::Foreign,
    }
}

/// Whether an entry of the store's folder is a folder of a store, by its name.
pub(crate) fn is_part(name: &OsStr) -> bool {
    PARTS.iter().any(|part| name == *part)
}

/// Whether an entry of the store's folder is one of a store, by its name.
pub(crate) fn belongs(name: &OsStr) -> bool {
    let is_of_a_task = name.to_str().is_some_and(|name| name.starts_with(OUR_IDS));
    is_of_a_task || is_part(name) || is_aside(name) || matches!(Entry::of(name), Entry::Temp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(mode: u32, entries: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in entries {
            fs::write(folder.path().join(entry), "").expect("a file");
        }
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).expect("a mode");
        folder
    }

    // Once, a store in `/tmp` made `/tmp` private.
    #[test]
    fn only_an_empty_folder_or_one_with_nothing_but_a_store_is_closed() {
        for (mode, entries, after, is_used) in [
            (0o755, &[][..], 0o700, true),
            (0o755, &["bg_1.json", "bg_1.out", ".locks"], 0o700, true),
            (0o755, &["bg_1.json", "letter"], 0o755, true),
            (0o755, &["bg_1.json", ".agents", ".waiters", ".begun"], 0o700, true),
            (0o755, &["letter"], 0o755, false),
            (0o755, &[".agents", "letter"], 0o755, false),
            (0o700, &["letter"], 0o700, true),
            // Once, a folder with a `package.json` passed for a store, and was closed.
            (0o755, &["package.json"], 0o755, false),
            (0o777, &["bg_1.json"], 0o700, true),
            (0o1777, &[], 0o1777, true),
            (0o1777, &[".locks"], 0o1777, true),
            (0o1777, &["letter"], 0o1777, false),
            (0o1777, &["bg_1.json", "letter"], 0o1777, true),
        ] {
            let folder = folder(mode, entries);
            let found = fs::metadata(folder.path()).expect("it is there");
            assert_eq!(check(folder.path(), false).is_ok(), is_used, "{mode:o} {entries:?}");
            assert_eq!(tighten(folder.path(), &found).is_ok(), is_used, "{mode:o} {entries:?}");
            let found = fs::metadata(folder.path()).expect("it is there");
            assert_eq!(found.mode() & 0o7777, after, "{entries:?}");
        }
    }

    #[test]
    fn what_is_not_there_yet_is_fit() {
        let folder = folder(0o700, &[]);
        assert_eq!(check(&folder.path().join("store"), false), Ok(()));
    }
}
