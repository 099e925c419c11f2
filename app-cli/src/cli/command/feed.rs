//! `--stdin`: what a command reads as its standard input, and what is said of one that nobody reads.
//!
//! A file is read by the command itself, under its name. What is piped in is kept beside the log for as long as
//! there is a record, so that a task that waits, and each further attempt, reads the same.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use adapters_process::probe;
use domain::port::{StoreError, TaskStore as _};
use domain::task::{Order, Task, TaskId};

use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

/// The most that is kept of what is piped in, in bytes.
const MOST: u64 = 64 << 20;

/// The file that a command is to read, or what is to be kept for it; from `-` or the name of a file.
///
/// # Errors
/// A usage failure if it cannot be read, or is too long to be kept.
pub(super) fn standard_input(path: &Path) -> Result<(Option<String>, Option<Vec<u8>>), Failure> {
    let refused = |why: &dyn std::fmt::Display| {
        let message = format!("`{}` cannot be its standard input: {why}", path.display());
        Failure::new(Kind::Usage, message)
            .hint("name a file that you can read, or - for what is piped in")
    };
    if path == Path::new("-") {
        let mut content = Vec::new();
        let read = std::io::stdin().take(MOST + 1).read_to_end(&mut content);
        read.map_err(|error| refused(&error))?;
        if content.len() as u64 > MOST {
            let hint = "put it into a file, and name that: --stdin FILE";
            return Err(refused(&"it is longer than 64 MiB").hint(hint));
        }
        return Ok((None, Some(content)));
    }
    let file = std::path::absolute(path).map_err(|error| refused(&error))?;
    let is_folder = File::open(&file).and_then(|file| file.metadata()).map(|it| it.is_dir());
    match is_folder {
        Ok(false) => {}
        Ok(true) => return Err(refused(&"it is a folder")),
        Err(error) => return Err(refused(&error)),
    }
    let path_text = file.into_os_string().into_string();
    path_text.map(|text| (Some(text), None)).map_err(|_| refused(&"its name is not UTF-8"))
}

/// Keeps what the task named `id` is to read, and orders that it does.
///
/// # Errors
/// A failure if it cannot be kept.
pub(super) fn keep(
    context: &Context,
    id: &TaskId,
    bytes: &[u8],
    order: Order,
) -> Result<Order, Failure> {
    let path = context.wiring.kits.keep_input(id, bytes)?;
    Ok(Order { stdin: Some(path.to_string_lossy().into_owned()), ..order })
}

/// Removes what was kept for a task that was not recorded. One that was may be tried once more.
pub(super) async fn forget_unrecorded(context: &Context, task: &Task) {
    let loaded = context.wiring.store.load(task.id()).await;
    if task.order().stdin.is_some() && matches!(loaded, Err(StoreError::NotFound { .. })) {
        context.wiring.kits.forget_input(task.id());
    }
}

/// A note, if something was piped to this process and nobody read it: `instead` says what would.
pub(super) fn unread(instead: &str) -> Option<String> {
    probe::has_input().then(|| format!("standard input was not read; {instead}"))
}
