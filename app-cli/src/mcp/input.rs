//! Lines from standard input, as they come, each within a bound.
//!
//! Never waits: it reads what is there. A line that is too long is dropped as it comes and costs no memory.

use std::os::fd::AsFd;

use rustix::io::Errno;

/// The longest line, in bytes: the prompt of a task has at most so many.
pub(super) const LONGEST: usize = 16 << 20;
/// How much is read at once, in bytes.
const STEP: usize = 64 << 10;

/// A line, or what became of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is whole.
    Whole(Vec<u8>),
    /// It was longer than [`LONGEST`].
    TooLong,
}

/// What came of a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There may be more later.
    Open,
    /// Nothing will come any more.
    End,
}

/// What was read and is no whole line yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    is_too_long: bool,
}

impl Lines {
    /// Reads once and adds the lines that are whole now. A last line needs no line feed.
    pub(super) fn look(&mut self, from: impl AsFd, lines: &mut Vec<Line>) -> Look {
        let mut step = vec![0; STEP];
        match rustix::io::read(from, &mut step[..]) {
            Ok(0) => {}
            Ok(count) => {
                self.add(&step[..count], lines);
                return Look::Open;
            }
            Err(Errno::INTR | Errno::AGAIN) => return Look::Open,
            // An input that cannot be read has ended.
            Err(_) => {}
        }
        if self.is_too_long || !self.begun.is_empty() {
            self.finish(lines);
        }
        Look::End
    }

    fn add(&mut self, mut bytes: &[u8], lines: &mut Vec<Line>) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.finish(lines);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.is_too_long || self.begun.len() + bytes.len() > LONGEST {
            self.is_too_long = true;
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }

    fn finish(&mut self, lines: &mut Vec<Line>) {
        let begun = std::mem::take(&mut self.begun);
        let is_too_long = std::mem::take(&mut self.is_too_long);
        lines.push(if is_too_long { Line::TooLong } else { Line::Whole(begun) });
    }
}
