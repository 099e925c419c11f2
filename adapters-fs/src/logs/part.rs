//! Cutting a part out of a log that may be far larger than memory.
//!
//! A cut goes between two characters, never through one; bytes that are no text become replacement
//! characters. A hole, where the middle of a log was given back to the disk, is never read as text:
//! the result names it with its size, like any other gap.

mod shown;
mod text;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use domain::port::{LogPart, LogText};
use rustix::fs::SeekFrom;
use rustix::io::Errno;

/// The most bytes looked through for last lines.
const MAX_TAIL: u64 = 8 * 1024 * 1024;
/// How much is read at a time when looking for last lines, in bytes.
const BLOCK: u64 = 64 * 1024;
/// The most bytes of one character.
const CHARACTER: u64 = 4;

/// Reads one part of the log that is open as `file`, as it is now.
pub(super) fn read(file: &File, part: LogPart) -> io::Result<LogText> {
    let log = Log { file, size: file.metadata()?.len() };
    match part {
        LogPart::Whole => log.whole(),
        LogPart::LastLines { lines } => log.last_lines(lines),
        LogPart::From { offset, at_most } => log.from(offset, at_most),
        LogPart::Shown { what, rendering, room } => log.shown(what, rendering, room),
    }
}

struct Log<'a> {
    file: &'a File,
    size: u64,
}

impl Log<'_> {
    fn whole(&self) -> io::Result<LogText> {
        let (mut text, mut truncated, mut at) = (String::new(), false, 0);
        while at < self.size {
            let data = self.data_from(at)?;
            if data > at {
                text.push_str(&gap(at, data - at));
                truncated = true;
            }
            let hole = self.hole_from(data)?;
            text.push_str(&String::from_utf8_lossy(&self.bytes(data, hole)?));
            at = hole;
        }
        let (total_bytes, next_offset) = (self.size, self.size);
        Ok(LogText { text, total_bytes, truncated, next_offset, ..LogText::default() })
    }

    fn last_lines(&self, lines: usize) -> io::Result<LogText> {
        if lines == 0 {
            return Ok(self.until_the_end(String::new(), self.size > 0));
        }
        let floor = self.last_data(self.size.saturating_sub(MAX_TAIL))?;
        let (mut start, mut missing, mut found) = (self.size, lines, false);
        let mut blocks = Vec::new();
        while start > floor && !found {
            let block = start.saturating_sub(BLOCK).max(floor);
            let mut bytes = self.bytes(block, start)?;
            // The line feed that ends the last line begins no other.
            let ends_the_log = start == self.size && bytes.ends_with(b"\n");
            let searched = bytes.len() - usize::from(ends_the_log);
            start = block;
            match text::last_feed(&bytes[..searched], missing) {
                Ok(feed) => {
                    found = true;
                    start += feed as u64 + 1;
                    blocks.push(bytes.split_off(feed + 1));
                }
                Err(feeds) => {
                    missing -= feeds;
                    blocks.push(bytes);
                }
            }
        }
        blocks.reverse();
        let tail = blocks.concat();
        // The lines are longer than what is looked through: cut between two characters.
        let cut = if found || start == 0 { 0 } else { text::broken_beginning(&tail) };
        let text = String::from_utf8_lossy(&tail[cut..]).into_owned();
        Ok(self.until_the_end(text, start > 0))
    }

    fn from(&self, offset: u64, at_most: usize) -> io::Result<LogText> {
        let offset = offset.min(self.size);
        let data = self.data_from(offset)?;
        // Less than one character would mean no character, for ever.
        let room = if at_most == 0 { 0 } else { (at_most as u64).max(CHARACTER) };
        let hole = self.hole_from(data)?;
        let end = hole.min(data.saturating_add(room));
        let bytes = self.bytes(data, end)?;
        // The rest of a character that a hole cuts is gone.
        let is_cut_for_ever = end == hole && hole < self.size;
        let whole = if is_cut_for_ever { &*bytes } else { text::without_broken_end(&bytes) };
        let next_offset = data + whole.len() as u64;
        let unfinished = if end == self.size { self.unfinished_at(next_offset) } else { 0 };
        let named = if data > offset { gap(offset, data - offset) } else { String::new() };
        Ok(LogText {
            text: named + &String::from_utf8_lossy(whole),
            total_bytes: self.size,
            truncated: data > offset || next_offset + unfinished < self.size,
            next_offset,
            unfinished,
            ..LogText::default()
        })
    }

    fn until_the_end(&self, text: String, truncated: bool) -> LogText {
        let (total_bytes, next_offset) = (self.size, self.size);
        LogText { text, total_bytes, truncated, next_offset, ..LogText::default() }
    }

    /// How many bytes of a character that is not whole yet are at the end, if all before `at` was read as text.
    fn unfinished_at(&self, at: u64) -> u64 {
        // More would mean that the log has grown or shrunk meanwhile.
        Some(self.size.saturating_sub(at)).filter(|bytes| *bytes < CHARACTER).unwrap_or(0)
    }

    /// The bytes from `start` up to `end`; fewer if the log shrank meanwhile.
    fn bytes(&self, start: u64, end: u64) -> io::Result<Vec<u8>> {
        let wanted = usize::try_from(end.saturating_sub(start)).map_err(io::Error::other)?;
        let mut bytes = vec![0; wanted];
        let mut read = 0;
        while read < wanted {
            match self.file.read_at(&mut bytes[read..], start + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The first byte at or after `at` that is not in a hole, or the end.
    fn data_from(&self, at: u64) -> io::Result<u64> {
        match rustix::fs::seek(self.file, SeekFrom::Data(at)) {
            Ok(data) => Ok(data.clamp(at, self.size)),
            // Nothing but a hole from there on, or nothing at all.
            Err(Errno::NXIO) => Ok(self.size),
            // The file system knows no holes.
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(at),
            Err(error) => Err(error.into()),
        }
    }

    /// The first byte after `at` that is in a hole, or the end.
    fn hole_from(&self, at: u64) -> io::Result<u64> {
        match rustix::fs::seek(self.file, SeekFrom::Hole(at)) {
            Ok(hole) => Ok(hole.clamp(at, self.size.max(at))),
            Err(Errno::NXIO | Errno::INVAL | Errno::NOTSUP) => Ok(self.size.max(at)),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the last stretch without a hole begins, if that is after `at`; else `at`.
    fn last_data(&self, at: u64) -> io::Result<u64> {
        let mut start = self.data_from(at)?;
        loop {
            let hole = self.hole_from(start)?;
            if hole >= self.size {
                return Ok(start);
            }
            start = self.data_from(hole)?;
        }
    }
}

/// The words for `bytes` from byte `offset` on that are not shown, on a line of their own.
fn gap(offset: u64, bytes: u64) -> String {
    format!("\n[… from byte {offset} on, {bytes} bytes left out …]\n")
}
