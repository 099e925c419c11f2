//! A document of ours in a file of somebody's choice: replaced whole, or not at all.
//!
//! It is no file of the store: whoever is asked to write it says where. A reader sees the old document or the new one,
//! and what stood there before is still there where the new one cannot be written. Main function: [`write`].

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::kit::failure::{Failure, Kind};

/// How many links are followed to the file that is meant.
const LINKS: usize = 16;

/// Writes `text` into the file at `path`, and returns where that is. A link is followed; what is no plain file, such as
/// a pipe, is written to and stays what it is.
///
/// # Errors
/// A usage failure where nothing can be written at that place, an unexpected one where the writing fails.
pub(crate) fn write(path: &Path, text: &str) -> Result<PathBuf, Failure> {
    let target = target(path);
    let written = match fs::metadata(&target) {
        Ok(found) if found.is_dir() => {
            let failure = Failure::new(Kind::Usage, format!("`{}` is a folder", path.display()));
            return Err(failure.hint("name a file in it"));
        }
        Ok(found) if !found.is_file() => OpenOptions::new()
            .write(true)
            .open(&target)
            .and_then(|mut to| to.write_all(text.as_bytes())),
        Ok(found) => replace(&target, text, Some(found.permissions())),
        Err(_) => replace(&target, text, None),
    };
    written.map_err(|error| failure(path, &error))?;
    Ok(std::path::absolute(path).unwrap_or(target))
}

/// The file that a path means, behind all links, also behind one to a file that is not there yet.
fn target(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        target = target.parent().unwrap_or(Path::new("")).join(next);
    }
    target
}

/// Writes beside the file, then puts the new one in its place.
fn replace(path: &Path, text: &str, mode: Option<Permissions>) -> io::Result<()> {
    let temp = beside(path)?;
    let written = written(&temp, text, mode).and_then(|()| fs::rename(&temp, path));
    if written.is_err() {
        // It may not have been made.
        fs::remove_file(&temp).unwrap_or_default();
    }
    written
}

fn written(temp: &Path, text: &str, mode: Option<Permissions>) -> io::Result<()> {
    // Left by a process that died with our number.
    fs::remove_file(temp).unwrap_or_default();
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(temp)?;
    file.write_all(text.as_bytes())?;
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode.mode() & 0o777))?;
    }
    file.sync_all()
}

/// A name beside the file that nobody else writes to.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    // A name that is as long as names may be has no room for more.
    let hidden = if hidden.len() > 255 {
        format!(".task-bg.{}.tmp", std::process::id()).into()
    } else {
        hidden
    };
    Ok(path.with_file_name(hidden))
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    use io::ErrorKind as Why;
    let message = format!("`{}` could not be written: {error}", path.display());
    let why = error.kind();
    let is_one_of = |kinds: &[Why]| kinds.contains(&why);
    let (kind, hint) = if is_one_of(&[Why::StorageFull, Why::QuotaExceeded]) {
        (Kind::Unexpected, "make room on that disk, or name a file on another one")
    } else if is_one_of(&[Why::NotFound, Why::NotADirectory]) {
        (Kind::Usage, "name a file in a folder that there is")
    } else if is_one_of(&[Why::PermissionDenied, Why::ReadOnlyFilesystem]) {
        (Kind::Usage, "name a file in a folder that you may write to")
    } else if is_one_of(&[Why::InvalidInput, Why::InvalidFilename]) {
        (Kind::Usage, "name a file, or `-` for standard output")
    } else {
        (Kind::Unexpected, "name another file, or `-` for standard output")
    };
    Failure::new(kind, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_as_long_as_names_may_be_has_a_name_beside_it() {
        let long = PathBuf::from("/x").join("n".repeat(255));
        let beside = beside(&long).expect("a name");
        assert!(beside.file_name().is_some_and(|name| name.len() < 60), "{}", beside.display());
        assert_eq!(beside.parent(), long.parent());
    }
}
