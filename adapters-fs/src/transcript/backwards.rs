//! The lines of a file, last one first, in bounded memory.
//!
//! The reader holds one line and one block, never more: it passes over a line that is too long
//! without holding it, and reads nothing before the last stretch of the file. [`LIMITS`] has the
//! numbers.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much is read and held, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How much is read at a time.
    pub(super) block: u64,
    /// The longest line that is held.
    pub(super) line: usize,
    /// How far back from the end is looked.
    pub(super) look: u64,
}

/// What we ship: a hook has milliseconds and few megabytes, not seconds and gigabytes.
pub(super) const LIMITS: Limits =
    Limits { block: 64 * 1024, line: 2 * 1024 * 1024, look: 16 * 1024 * 1024 };

/// The lines of a file, last one first.
pub(super) struct Backwards<'a> {
    file: &'a File,
    limits: Limits,
    /// Where the bytes held begin in the file.
    start: u64,
    /// Where to stop.
    floor: u64,
    /// What was read and not given out yet: it ends where a line ends.
    held: Vec<u8>,
    /// How many of the bytes held may have line feeds in them.
    unsearched: usize,
    /// The line given out last, without its line feed.
    line: Vec<u8>,
    /// Whether the end of the bytes held belongs to a line that is too long.
    too_long: bool,
}

impl<'a> Backwards<'a> {
    /// The lines of the first `size` bytes of `file`.
    pub(super) fn new(file: &'a File, size: u64, limits: Limits) -> Self {
        let floor = size.saturating_sub(limits.look);
        let (held, line) = (Vec::new(), Vec::new());
        Self { file, limits, start: size, floor, held, unsearched: 0, line, too_long: false }
    }

    /// The line before the one given out last; `None` when there is none.
    pub(super) fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let feed = self.held[..self.unsearched].iter().rposition(|byte| *byte == b'\n');
            if let Some(feed) = feed {
                let line = self.held.split_off(feed + 1);
                self.held.truncate(feed);
                self.unsearched = feed;
                let passed_over = std::mem::take(&mut self.too_long);
                if passed_over || line.is_empty() || line.len() > self.limits.line {
                    continue;
                }
                self.line = line;
                return Ok(Some(&self.line));
            }
            self.unsearched = 0;
            if self.too_long || self.held.len() > self.limits.line {
                self.too_long = true;
                self.held.clear();
            }
            if self.start == self.floor {
                // What is left begins the file, unless we stopped before its beginning.
                self.line = std::mem::take(&mut self.held);
                let whole = self.floor == 0 && !self.too_long && !self.line.is_empty();
                return Ok(whole.then_some(&self.line));
            }
            self.read_block()?;
        }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let start = self.start.saturating_sub(self.limits.block).max(self.floor);
        let length = usize::try_from(self.start - start).map_err(io::Error::other)?;
        let mut block = Vec::with_capacity(length + self.held.len());
        block.resize(length, 0);
        self.file.read_exact_at(&mut block, start)?;
        block.append(&mut self.held);
        (self.start, self.held, self.unsearched) = (start, block, length);
        Ok(())
    }
}
