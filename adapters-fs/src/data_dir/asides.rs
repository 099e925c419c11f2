//! Putting aside what stands in the place of something of the store's own: a file, a pipe or a link that leads nowhere
//! in the place of a folder, a folder in the place of a lock.
//!
//! It gets another name beside its own, by which `doctor` finds it, and is neither read nor removed. Only what can be
//! made again is ever put aside for: never a record, a log or the store itself. Main function: [`put_aside`].

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::DataDir;
use crate::disk;
use crate::effect::effect;

/// How the name of what was put aside begins.
pub(super) const ASIDE: &str = ".aside-";
/// How long to wait for another process that puts something aside in the same folder.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(2);

/// Whether an entry was put aside, by its name.
pub(crate) fn is_aside(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(ASIDE.as_bytes())
}

/// Gives what is at `path` another name, unless it `fits` or is gone.
///
/// # Errors
/// What the system says if it cannot be renamed; [`io::ErrorKind::TimedOut`] if another process is at it for long.
pub(crate) fn put_aside(path: &Path, fits: fn(&Path) -> bool) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    // Of two that find the same in the way, the second would put aside what the first has made in its place.
    let _lock = locked(folder)?;
    let is_there = fs::symlink_metadata(path).is_ok();
    if !is_there || fits(path) {
        return Ok(());
    }
    let renamed = |number| renamed(path, &DataDir::aside(path, number)).transpose();
    (0..).find_map(renamed).unwrap_or(Ok(()))
}

/// Renames what is at `path`; `None` if the other name is taken.
fn renamed(path: &Path, to: &Path) -> io::Result<Option<()>> {
    let rename = || match rustix::fs::renameat_with(CWD, path, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => fs::rename(path, to),
        other => Ok(other?),
    };
    match effect("put aside", path, rename) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(())),
        done => done.map(Some),
    }
}

fn locked(folder: &Path) -> io::Result<File> {
    let (file, began) = (disk::open_folder(folder)?, Instant::now());
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_keeps_all_it_holds_under_another_name_and_what_fits_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".queue");
        for (number, text) in ["one", "two"].into_iter().enumerate() {
            fs::write(&path, text).expect("written");
            put_aside(&path, Path::is_dir).expect("put aside");
            let aside = folder.path().join(format!(".aside-queue-{number}"));
            assert_eq!(fs::read_to_string(&aside).expect("it is there"), text);
            assert!(is_aside(aside.file_name().expect("a name")) && !path.exists());
        }
        fs::create_dir(&path).expect("made");
        put_aside(&path, Path::is_dir).expect("nothing to do");
        assert!(path.is_dir());
        put_aside(&folder.path().join("nothing"), Path::is_dir).expect("nothing is there");
    }
}
