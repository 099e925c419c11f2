//! The transcripts that droid keeps of its sessions, read from the end.
//!
//! What counts is the last text an assistant said. A transcript may be of any size, and droid may
//! be writing to it. So the reader goes backwards in blocks, in memory bounded by the longest line
//! that it holds, and passes over a line that is broken, cut off or too long. Nothing here writes.

mod backwards;
mod line;

use std::fs::File;
use std::io;
use std::path::Path;

use async_trait::async_trait;
use domain::port::{TranscriptError, TranscriptReader};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::disk;
use crate::fault::fault;
use backwards::{Backwards, LIMITS, Limits};

/// Reads transcripts from plain files.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileTranscripts;

#[async_trait]
impl TranscriptReader for FileTranscripts {
    async fn last_words(&self, path: &str) -> Result<Option<String>, TranscriptError> {
        let file = open(path)?;
        last_words(&file, LIMITS).map_err(|error| {
            TranscriptError::Fault(fault("reading the transcript", Path::new(path), &error))
        })
    }
}

fn open(path: &str) -> Result<File, TranscriptError> {
    let at = Path::new(path);
    let failed = |error: io::Error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR) => TranscriptError::Missing { path: path.to_owned() },
        Some(Errno::NXIO) => TranscriptError::NotAFile { path: path.to_owned() },
        Some(_) | None => TranscriptError::Fault(fault("opening the transcript", at, &error)),
    };
    // A symbolic link is fine here: sessions may be kept elsewhere.
    let file = disk::open(at, OFlags::empty()).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_file() {
        Ok(file)
    } else {
        Err(TranscriptError::NotAFile { path: path.to_owned() })
    }
}

fn last_words(file: &File, limits: Limits) -> io::Result<Option<String>> {
    let mut lines = Backwards::new(file, file.metadata()?.len(), limits);
    while let Some(line) = lines.next_line()? {
        if let Some(words) = line::assistant_words(line) {
            return Ok(Some(words));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
