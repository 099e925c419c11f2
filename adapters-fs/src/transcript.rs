//! The transcripts that droid keeps of its sessions, read from the end.
//!
//! What counts is the last text an assistant said. A transcript may be of any size, and droid may
//! be writing to it. So the reader goes backwards in blocks, in bounded memory, and passes over a line
//! that is broken or in which others speak. Of a line that is too long to be held it reads the beginning
//! alone; where that does not show what the assistant said, it says so, and takes no older words for the
//! last. Nothing here writes.

mod backwards;
mod closed;
mod line;

use std::fs::File;
use std::io;
use std::path::Path;

use async_trait::async_trait;
use domain::port::{LastWords, TranscriptError, TranscriptReader};
use domain::run::account::RESULT_LIMIT;
use domain::task::text;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::disk;
use crate::fault::fault;
use backwards::{Backwards, LIMITS, Limits, Line};
use line::Begun;

/// Reads transcripts from plain files.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileTranscripts;

#[async_trait]
impl TranscriptReader for FileTranscripts {
    async fn last_words(&self, path: &str) -> Result<LastWords, TranscriptError> {
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

fn last_words(file: &File, limits: Limits) -> io::Result<LastWords> {
    let mut lines = Backwards::new(file, file.metadata()?.len(), limits);
    while let Some(line) = lines.next_line()? {
        let said = match line {
            Line::Whole(line) => {
                line::assistant_words(line).map(|words| text::at_most(words, RESULT_LIMIT))
            }
            Line::Beginning { held, length } => match line::begun(held) {
                Begun::Saying(words) => Some(cut(&words, length)),
                Begun::Otherwise => None,
                Begun::Unknown => return Ok(LastWords::OutOfReach),
            },
            Line::OutOfReach => return Ok(LastWords::OutOfReach),
        };
        if let Some(words) = said {
            return Ok(LastWords::Said(words));
        }
    }
    Ok(LastWords::Nothing)
}

/// Reads the last words in a file in memory.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzzed(file: &File) -> io::Result<LastWords> {
    last_words(file, LIMITS)
}

/// The beginning of words that go on in a line of `length` bytes, and a last line that says so.
fn cut(words: &str, length: u64) -> String {
    let end = (0..=words.len().min(RESULT_LIMIT)).rev().find(|end| words.is_char_boundary(*end));
    let kept = &words[..end.unwrap_or(0)];
    let missing = length.saturating_sub(kept.len() as u64);
    format!("{kept}\n[… about {missing} more bytes, in the transcript]")
}

#[cfg(test)]
mod tests;
