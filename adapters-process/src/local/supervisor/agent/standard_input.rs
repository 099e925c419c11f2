//! What an agent reads as its standard input: its prompt, a file that its order names, or nothing.
//!
//! Waits for nobody who may write to that file.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::process::Stdio;

use domain::port::{CommandLine, Input};
use domain::task::Order;
use rustix::fs::{MemfdFlags, Mode, OFlags};

/// What the agent reads as its standard input, or why that cannot be had.
pub(super) fn standard_input(
    order: &Order,
    line: &CommandLine,
    prompt: &str,
) -> Result<Stdio, String> {
    match (line.input, &order.stdin) {
        (Input::Prompt, _) => in_memory(prompt).map(Stdio::from).map_err(|error| error.to_string()),
        (Input::Nothing, None) => Ok(Stdio::null()),
        (Input::Nothing, Some(path)) => opened(path)
            .map(Stdio::from)
            .map_err(|error| format!("`{path}`, its standard input, cannot be opened: {error}")),
    }
}

/// A file opened for reading, without waiting: where a pipe has its name by now, nobody may ever write to that.
fn opened(path: &str) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::RDONLY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe"));
    }
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// The text as a file without a name.
fn in_memory(text: &str) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("prompt", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}
