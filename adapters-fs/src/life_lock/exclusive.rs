//! Taking a lock exclusively beside others who look at it.
//!
//! `flock` does not say who is in the way. So whoever fails to lock exclusively tries to share the
//! lock: if that fails too, somebody holds it exclusively; if it succeeds, there are only readers, and
//! they let go soon. Nothing here waits for somebody who holds the lock exclusively.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long readers may be in the way. Each of them takes microseconds, so this is a thousand of them,
/// or one that was stopped in the middle.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest pause between two tries, in microseconds.
const LONGEST_PAUSE: u64 = 400;

/// Takes the lock of `file`; `false` if somebody else holds it exclusively.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] if readers were in the way all the time; else what the system says.
pub(crate) fn take(file: &File) -> io::Result<bool> {
    take_within(file, PATIENCE, &mut pause)
}

/// The same with another `patience`, and `pause` between two tries.
fn take_within(file: &File, patience: Duration, pause: &mut dyn FnMut()) -> io::Result<bool> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match file.try_lock_shared() {
            // Not kept: it would be in the way of others who try the same.
            Ok(()) => file.unlock()?,
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if began.elapsed() >= patience {
            let reason = format!("others kept looking at it for {} ms", patience.as_millis());
            return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
        }
        pause();
    }
}

/// A pause of random length, so that two who are in each other's way do not stay in step.
fn pause() {
    let random = RandomState::new().build_hasher().finish();
    thread::sleep(Duration::from_micros(random % LONGEST_PAUSE));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// A file, opened three times.
    fn thrice() -> (tempfile::TempDir, [File; 3]) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        File::create(&path).expect("made");
        let open = |_| File::open(&path).expect("opened");
        (folder, [0, 1, 2].map(open))
    }

    /// A probe that shared a free lock for a moment made a claim fail, so that a task that was
    /// admitted in this moment was stranded, and `wait` failed.
    #[test]
    fn readers_are_waited_for_and_the_lock_is_taken_when_they_are_gone() {
        let (_folder, [mine, first, second]) = thrice();
        first.lock_shared().expect("shared");
        second.lock_shared().expect("shared");
        let readers = RefCell::new(vec![first, second]);
        let mut pauses = 0;
        let taken = take_within(&mine, Duration::from_secs(20), &mut || {
            pauses += 1;
            drop(readers.borrow_mut().pop());
        });
        assert!(taken.expect("readers go"));
        assert_eq!(pauses, 2, "one for each reader");
    }

    #[test]
    fn whoever_holds_it_exclusively_is_not_waited_for() {
        let (_folder, [mine, theirs, _]) = thrice();
        theirs.lock().expect("held");
        let taken = take_within(&mine, Duration::from_secs(20), &mut || panic!("waited"));
        assert!(!taken.expect("told"));
    }

    #[test]
    fn a_reader_that_stays_is_an_error_after_the_deadline_and_leaves_the_lock_as_it_was() {
        let (_folder, [mine, reader, other]) = thrice();
        reader.lock_shared().expect("shared");
        let error =
            take_within(&mine, Duration::from_millis(5), &mut || {}).expect_err("in the way");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(reader);
        other.try_lock().expect("nothing is left of the try");
    }
}
