//! The words for a failed step on a file: what was being done to which path, and the system's reason.

use std::io;
use std::path::Path;

use domain::port::{Cause, Fault};

/// The words for a step on `path` that failed.
pub(crate) fn fault(doing: &str, path: &Path, error: &io::Error) -> Fault {
    let read_only = error.kind() == io::ErrorKind::ReadOnlyFilesystem;
    let cause = if read_only { Cause::ReadOnly } else { Cause::Other };
    Fault { cause, ..Fault::of(format!("{doing} `{}`", path.display()), error.to_string()) }
}
