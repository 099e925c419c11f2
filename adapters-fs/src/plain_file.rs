//! Reading a small file that somebody else may have written: settings, manifests.
//!
//! Never waits, whatever lies there, and never reads more than the caller bears. Unlike the files of the store, such a
//! file may be reached through a symbolic link.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::OFlags;

use crate::disk::open;

/// Opens a file of somebody's that is to be read; never waits, whatever it is.
///
/// # Errors
/// The system's, or words of ours if it is no plain file.
pub fn open_plain(path: &Path) -> io::Result<File> {
    open(path, OFlags::empty()).and_then(plain)
}

/// An open file, if it is a plain one.
pub(crate) fn plain(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::other("it is no plain file"))
}

/// The text of an open file of at most so many bytes.
///
/// # Errors
/// The system's, or words of ours if it is longer or no text.
pub fn text_of(file: File, most: u64) -> io::Result<String> {
    let mut text = String::new();
    file.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(text)
}

/// The text of a plain file of at most so many bytes.
///
/// # Errors
/// As those of [`open_plain`] and [`text_of`].
pub(crate) fn plain_text(path: &Path, most: u64) -> io::Result<String> {
    text_of(open_plain(path)?, most)
}
