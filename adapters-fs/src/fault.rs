//! The words for a failed step on a file: what was being done to which path, and the system's reason.

use std::io;
use std::path::Path;

use domain::port::{Cause, Fault};
use rustix::io::Errno;

/// What passes without anybody's doing.
const PASSING: [Errno; 6] =
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR, Errno::STALE, Errno::TIMEDOUT];

/// What kind of failure an error of the system is: the one place that says which of them pass.
pub fn cause_of(error: &io::Error) -> Cause {
    match Errno::from_io_error(error) {
        Some(Errno::ROFS) => Cause::ReadOnly,
        Some(errno) if PASSING.contains(&errno) => Cause::Exhausted,
        Some(_) | None => Cause::Other,
    }
}

/// The words for a step on `path` that failed.
pub(crate) fn fault(doing: &str, path: &Path, error: &io::Error) -> Fault {
    let cause = cause_of(error);
    Fault { cause, ..Fault::of(format!("{doing} `{}`", path.display()), error.to_string()) }
}
