//! The folder that a task is to work in, before anything is recorded. Nothing here makes one.

use std::path::{Path, PathBuf};

use crate::kit::failure::{Failure, Kind};

/// The folder as an absolute path that a record can hold.
pub(super) fn working_folder(asked: Option<&Path>) -> Result<String, Failure> {
    let usage = |message: String| {
        Failure::new(Kind::Usage, message).hint("give a folder that exists with --cwd DIR")
    };
    let folder = match asked {
        Some(folder) => std::path::absolute(folder),
        None => std::env::current_dir(),
    };
    let folder =
        folder.map_err(|error| usage(format!("the current folder is not there: {error}")))?;
    if !folder.is_dir() {
        return Err(usage(format!("`{}` is no folder", folder.display())));
    }
    let unnameable = |folder: PathBuf| usage(format!("`{}` is not UTF-8", folder.display()));
    folder.into_os_string().into_string().map_err(|name| unnameable(name.into()))
}
