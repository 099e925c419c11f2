//! `--stdin`: what a command reads as its standard input, and what is said of one that nobody reads.
//!
//! A file is read by the command itself, under its name. What is piped in is kept beside the log for as long as
//! there is a record, so that a task that waits, and each further attempt, reads the same.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use adapters_process::probe;
use domain::port::{StoreError, TaskStore as _};
use domain::task::{Order, Task, TaskId};

use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

/// The most that is kept of what is piped in, in bytes.
const MOST: u64 = 64 << 20;
/// The folders in which each process finds its own streams.
const OWN_STREAMS: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/dev/stdin"];

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
    let kept = |from: &mut dyn Read| {
        let mut content = Vec::new();
        from.take(MOST + 1).read_to_end(&mut content).map_err(|error| refused(&error))?;
        if content.len() as u64 > MOST {
            let hint = "put it into a file, and name that: --stdin FILE";
            return Err(refused(&"it is longer than 64 MiB").hint(hint));
        }
        Ok((None, Some(content)))
    };
    if path == Path::new("-") {
        return kept(&mut std::io::stdin());
    }
    let file = std::path::absolute(path).map_err(|error| refused(&error))?;
    let kind = fs::metadata(&file).map_err(|error| refused(&error))?.file_type();
    if kind.is_dir() {
        return Err(refused(&"it is a folder"));
    }
    if OWN_STREAMS.iter().any(|streams| file.starts_with(streams)) {
        // It means nothing to any other process; a shell writes it for `<(…)`.
        return kept(&mut File::open(&file).map_err(|error| refused(&error))?);
    }
    if kind.is_fifo() {
        let hint =
            format!("let the command open it: `-- sh -c 'exec COMMAND < {}'`", file.display());
        return Err(refused(&"it is a pipe, which would be waited for").hint(hint));
    }
    File::open(&file).map_err(|error| refused(&error))?;
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
