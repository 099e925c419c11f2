//! The lines of a file, last one first, in bounded memory.
//!
//! The reader finds where a line begins before it holds any of it: it then holds the whole line, or the
//! beginning of one that is too long. It reads nothing before the last stretch of the file. [`LIMITS`] has
//! the numbers.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memchr::memrchr;

/// How much is read and held, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How much is read at a time.
    pub(super) block: u64,
    /// The longest line that is held.
    pub(super) line: u64,
    /// How far back from the end is looked.
    pub(super) look: u64,
}

/// What we ship: a hook has milliseconds and few megabytes, not seconds and gigabytes. Looking through
/// the last stretch takes about ten milliseconds where nothing in it can be used.
pub(super) const LIMITS: Limits =
    Limits { block: 64 * 1024, line: 2 * 1024 * 1024, look: 64 * 1024 * 1024 };

/// The lines of a file, last one first.
pub(super) struct Backwards<'a> {
    file: &'a File,
    limits: Limits,
    /// Where to stop.
    floor: u64,
    /// Where the lines end that were not given out yet; `None` once there are none.
    end: Option<u64>,
    /// What was read last, and where it begins in the file.
    block: Vec<u8>,
    block_start: u64,
    /// A line that is not in one block.
    line: Vec<u8>,
}

/// A line without its line feed, or what is known of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// The beginning of one that is too long to be held.
    Beginning {
        /// What is held.
        held: &'a [u8],
        /// How long the line is, in bytes.
        length: u64,
    },
    /// One that begins before the last stretch of the file.
    OutOfReach,
}

impl<'a> Backwards<'a> {
    /// The lines of the first `size` bytes of `file`.
    pub(super) fn new(file: &'a File, size: u64, limits: Limits) -> Self {
        let floor = size.saturating_sub(limits.look);
        let (block, line) = (Vec::new(), Vec::new());
        Self { file, limits, floor, end: Some(size), block, block_start: size, line }
    }

    /// The line before the one given out last that is not empty; `None` when there is none, and after
    /// [`Line::OutOfReach`].
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        while let Some(end) = self.end {
            let Some(start) = self.start_of_line(end)? else {
                self.end = None;
                return Ok(Some(Line::OutOfReach));
            };
            self.end = start.checked_sub(1);
            if start < end {
                return self.line(start, end).map(Some);
            }
        }
        Ok(None)
    }

    /// Where the line that ends at `end` begins; `None` if that is out of reach.
    fn start_of_line(&mut self, end: u64) -> io::Result<Option<u64>> {
        let mut at = end;
        loop {
            if at == 0 {
                return Ok(Some(0));
            }
            if at <= self.floor {
                return Ok(None);
            }
            let read = self.block_start + self.block.len() as u64;
            if !(self.block_start < at && at <= read) {
                self.read_block(at)?;
            }
            let before = usize::try_from(at - self.block_start).map_err(io::Error::other)?;
            match memrchr(b'\n', &self.block[..before]) {
                Some(feed) => return Ok(Some(self.block_start + feed as u64 + 1)),
                None => at = self.block_start,
            }
        }
    }

    /// Reads the block that ends at `end`.
    fn read_block(&mut self, end: u64) -> io::Result<()> {
        let start = end.saturating_sub(self.limits.block).max(self.floor);
        self.block.resize(usize::try_from(end - start).map_err(io::Error::other)?, 0);
        self.block_start = start;
        self.file.read_exact_at(&mut self.block, start)
    }

    /// The line from `start` to `end`, or its beginning.
    fn line(&mut self, start: u64, end: u64) -> io::Result<Line<'_>> {
        let length = end - start;
        let held = length.min(self.limits.line);
        let size = usize::try_from(held).map_err(io::Error::other)?;
        let in_block = start.checked_sub(self.block_start).and_then(|at| usize::try_from(at).ok());
        let held = if let Some(held) = in_block.and_then(|at| self.block.get(at..at + size)) {
            held
        } else {
            self.line.resize(size, 0);
            self.file.read_exact_at(&mut self.line, start)?;
            &self.line
        };
        let whole = length <= self.limits.line;
        Ok(if whole { Line::Whole(held) } else { Line::Beginning { held, length } })
    }
}
