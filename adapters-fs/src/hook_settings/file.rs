//! Reading and replacing a settings file, so that it is at every moment either what it was or what it will be.
//!
//! Where a symbolic link names the file, the change goes to the file that the link leads to. The file keeps
//! its mode; a new file is for its owner alone, because settings hold keys.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::HookSettingsError;
use crate::disk;
use crate::effect::{effect, written};
use crate::factory_dir::FactoryDir;
use crate::plain_file::plain_text;

/// Read and write, for the owner alone.
const PRIVATE: u32 = 0o600;
/// Larger than any settings file, in bytes.
const LIMIT: u64 = 16 << 20;

fn failed(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HookSettingsError {
    move |source| HookSettingsError::Io { step, path: path.to_owned(), source }
}

/// The file that `path` leads to.
pub(crate) fn target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What is in a file; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, HookSettingsError> {
    let found = match fs::metadata(path) {
        // A link that leads nowhere is somebody's arrangement, and no missing file.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
            return Ok(None);
        }
        other => other.map_err(failed("reading", path))?,
    };
    if !found.is_file() || found.len() > LIMIT {
        let odd = io::Error::other("it is no plain file of bearable size");
        return Err(failed("reading", path)(odd));
    }
    plain_text(path, LIMIT).map(Some).map_err(failed("reading", path))
}

/// Keeps `before` beside the file, with the file's mode, and says where.
pub(super) fn back_up(path: &Path, before: &str) -> Result<PathBuf, HookSettingsError> {
    keep(&FactoryDir::backup_of(&target(path)), path, before)
}

/// Keeps `before`, which was read from `path`, as `backup`, with the file's mode.
pub(crate) fn keep(backup: &Path, path: &Path, before: &str) -> Result<PathBuf, HookSettingsError> {
    put(backup, before, mode(&target(path))).map_err(failed("writing the backup", backup))?;
    Ok(backup.to_owned())
}

/// Replaces the file, unless somebody changed it since `before` was read.
pub(crate) fn replace(
    path: &Path,
    before: Option<&str>,
    after: &str,
) -> Result<(), HookSettingsError> {
    if read(path)?.as_deref() != before {
        let changed = io::Error::other("somebody changed it at the same moment");
        return Err(failed("writing", path)(changed));
    }
    let target = target(path);
    if let Some(folder) = target.parent() {
        let make = || fs::create_dir_all(folder);
        effect("mkdir", folder, make).map_err(failed("making the folder", folder))?;
    }
    put(&target, after, mode(&target)).map_err(failed("writing", &target))
}

/// Removes a file; one that is not there is removed already.
pub(crate) fn remove(path: &Path) -> Result<(), HookSettingsError> {
    match effect("unlink", path, || fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("removing", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes a file that was ours alone, and as many of the folders around it as `folders` says, where nothing is left
/// in them: they were made with it, and an empty one says nothing to its agent.
pub(crate) fn remove_whole(path: &Path, folders: usize) -> Result<(), HookSettingsError> {
    remove(path)?;
    for folder in path.ancestors().skip(1).take(folders) {
        // One that is not empty stays, and so does one that is a link.
        if effect("rmdir", folder, || fs::remove_dir(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).map_or(PRIVATE, |found| found.mode() & 0o7777)
}

fn put(path: &Path, content: &str, mode: u32) -> io::Result<()> {
    let temp = FactoryDir::temp_for(path);
    let written = write(&temp, content, mode)
        .and_then(|()| effect("rename to", path, || fs::rename(&temp, path)));
    if written.is_err() {
        fs::remove_file(&temp).unwrap_or_default();
    }
    written?;
    let Some(folder) = path.parent() else { return Ok(()) };
    let opened = disk::open_folder(folder)?;
    effect("sync the folder", folder, || opened.sync_all())
}

fn write(temp: &Path, content: &str, mode: u32) -> io::Result<()> {
    // Left by a program that died with our number.
    fs::remove_file(temp).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(PRIVATE);
    let mut file = effect("create", temp, || options.open(temp))?;
    written(temp, content.as_bytes(), |part| file.write_all(part))?;
    file.set_permissions(Permissions::from_mode(mode))?;
    effect("sync", temp, || file.sync_all())
}
