//! The lock that lets one change of a repository happen at a time, whichever store asks for it.
//!
//! The lock is a `flock` on the repository's common directory itself, so it needs no file of its
//! own. Its holder waits for git and for nothing else. Git itself and other programs do not know
//! the lock: it only keeps processes of task-bg out of each other's way.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

/// How long a change waits for its turn. Many launches at once take it one after another, and each
/// checks out a worktree.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The first wait between two tries; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(1);
/// The longest wait between two tries.
const LAST_WAIT: Duration = Duration::from_millis(16);

/// A locked repository. The lock ends when this is dropped and no git that got it runs any more.
#[must_use = "the repository is unlocked when this is dropped"]
#[derive(Debug)]
pub(super) struct Locked {
    folder: File,
}

impl Locked {
    /// The file that the lock belongs to, for a git that is to hold it too.
    pub(super) fn file(&self) -> &File {
        &self.folder
    }
}

/// Locks the repository with this common directory; `None` if it was not free in time.
///
/// A network file system may be unable to lock a folder; changes then happen unlocked, as git's own
/// do.
///
/// # Errors
/// The system's, if the folder cannot be opened.
pub(super) fn take(common: &Path, patience: Duration) -> io::Result<Option<Locked>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = File::from(rustix::fs::open(common, flags, Mode::empty())?);
    let (began, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        match folder.try_lock() {
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(Some(Locked { folder })),
            Err(TryLockError::WouldBlock) if began.elapsed() >= patience => return Ok(None),
            Err(TryLockError::WouldBlock) => {
                thread::sleep(wait);
                wait = (wait * 2).min(LAST_WAIT);
            }
        }
    }
}
