//! The folders of a store, which only their owner can read.
//!
//! Prompts and logs hold secrets, so `prepare` makes each folder with the mode 0700 whatever the
//! umask is, and closes a store that others could look into, as the original left it. Nothing here
//! makes a file.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use super::asides::put_aside;
use super::ownership;
use crate::disk;
use crate::effect::effect;

/// Read, write and enter, for the owner alone.
pub(super) const PRIVATE: u32 = 0o700;

/// Makes `root` and then the `parts` in it that are missing, one of which somebody may have removed.
pub(super) fn prepare(root: &Path, parts: &[&Path]) -> io::Result<()> {
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => ownership::tighten(root, &found)?,
        Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_with_parents(root)?,
        Err(error) => return Err(error),
    }
    for part in parts.iter().filter(|part| !is_usable(part)) {
        make_part(part)?;
        reopen(part);
    }
    Ok(())
}

fn is_usable(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.is_dir() && found.mode() & PRIVATE == PRIVATE)
}

/// Gives its owner a folder back that nobody could use; `false` if that was not the matter or cannot be done.
pub(super) fn reopen(folder: &Path) -> bool {
    let is_shut = fs::metadata(folder).is_ok_and(|found| found.is_dir()) && !is_usable(folder);
    let private = Permissions::from_mode(PRIVATE);
    is_shut && effect("chmod", folder, || fs::set_permissions(folder, private)).is_ok()
}

/// Makes a folder of the store, in place of whatever is none and has its name.
pub(super) fn make_part(folder: &Path) -> io::Result<()> {
    match make(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            put_aside(folder, Path::is_dir)?;
            make(folder).map(drop)
        }
        made => made.map(drop),
    }
}

/// The same where the store itself may not be there yet.
pub(super) fn make_part_of(root: &Path, part: &Path) -> io::Result<()> {
    if part.is_dir() {
        return Ok(());
    }
    make_if_missing(root)?;
    make_part(part)
}

/// Makes a folder that is not one of the store, with those above it. One that is there stays as it
/// is: it may be somebody's own.
pub(super) fn make_if_missing(folder: &Path) -> io::Result<()> {
    if folder.is_dir() { Ok(()) } else { make_with_parents(folder) }
}

fn make_with_parents(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        if make(path)?
            && let Some(parent) = path.parent()
        {
            // A record is only as durable as the folders above it. Some file systems cannot sync a
            // folder, and nothing better can be done on them.
            let sync = || disk::open_folder(parent).and_then(|parent| parent.sync_all());
            effect("sync the folder", parent, sync).unwrap_or_default();
        }
    }
    Ok(())
}

/// Makes one folder; `false` if it was there.
pub(super) fn make(folder: &Path) -> io::Result<bool> {
    match effect("mkdir", folder, || DirBuilder::new().mode(PRIVATE).create(folder)) {
        Ok(()) => ownership::hand_over(folder)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    // The umask may have taken even the owner's rights.
    if fs::metadata(folder)?.mode() & 0o777 != PRIVATE {
        let private = Permissions::from_mode(PRIVATE);
        effect("chmod", folder, || fs::set_permissions(folder, private))?;
    }
    Ok(true)
}
