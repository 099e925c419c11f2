//! The words for a failed step on a file: what was being done to which path, and the system's reason.

use std::io;
use std::path::Path;

use domain::port::Fault;

/// The words for a step on `path` that failed.
pub(crate) fn fault(doing: &str, path: &Path, error: &io::Error) -> Fault {
    Fault { step: format!("{doing} `{}`", path.display()), reason: error.to_string() }
}
