//! The readable log, as the supervisor adds to it: nothing of it is dropped without a word.
//!
//! Where the disk has no room, say, what was to be added waits in memory, so much of it, until there is room again or the
//! task ends; where that is not enough, the log says how many bytes are missing, at the place where they are, and what
//! is missing in the end the record says. An agent
//! writes its own part itself, and is told by the system what could not be written. Main type: [`ReadableLog`].

use std::io::{self, Write};

use crate::effect::effect;

/// How much waits in memory for room on the disk, in bytes.
const KEPT: usize = 64 * 1024;

/// A log that is added to.
#[derive(Debug)]
pub(super) struct ReadableLog<W> {
    file: W,
    /// What could not be written yet.
    unwritten: Vec<u8>,
    /// How many bytes that came after that were dropped.
    lost: usize,
}

impl<W: Write> ReadableLog<W> {
    /// Over a file that is opened to append.
    pub(super) fn over(file: W) -> Self {
        Self { file, unwritten: Vec::new(), lost: 0 }
    }

    /// Adds text, in one call where that is possible, so that nothing of the agent's comes in between. Nobody may lose
    /// a task for want of a readable log, so nothing here is an error.
    pub(super) fn add(&mut self, text: &str) {
        self.catch_up();
        let is_behind = !self.unwritten.is_empty();
        if is_behind && (self.lost > 0 || self.unwritten.len() + text.len() > KEPT) {
            self.lost += text.len();
            return;
        }
        self.unwritten.extend_from_slice(text.as_bytes());
        self.write_on();
        // One text that is longer than all that may wait.
        self.lost += self.unwritten.len().saturating_sub(KEPT);
        self.unwritten.truncate(KEPT);
    }

    /// How many bytes could not be written so far: what waits, and what was dropped.
    pub(super) fn missing(&self) -> u64 {
        u64::try_from(self.unwritten.len() + self.lost).unwrap_or(u64::MAX)
    }

    /// Writes what could not be written before, as far as that is possible now.
    pub(super) fn catch_up(&mut self) {
        self.write_on();
        if self.unwritten.is_empty() && self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            let gap =
                format!("\n[task-bg: {lost} bytes are missing here, which could not be written]\n");
            self.unwritten = gap.into_bytes();
            self.write_on();
        }
    }

    fn write_on(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        let mut written = 0;
        let write = || {
            while written < self.unwritten.len() {
                written += match self.file.write(&self.unwritten[written..])? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    some => some,
                };
            }
            Ok(())
        };
        drop(effect("write the readable log", write));
        drop(self.unwritten.drain(..written));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    #[derive(Debug, Default)]
    struct Small {
        content: Vec<u8>,
        room: usize,
    }

    impl Write for &mut Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let some = bytes.len().min(self.room);
            if some == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.content.extend_from_slice(&bytes[..some]);
            self.room -= some;
            Ok(some)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_finds_no_room_is_written_once_there_is_some() {
        let mut disk = Small { room: 3, ..Small::default() };
        let mut log = ReadableLog::over(&mut disk);
        for text in ["first\n", "second\n"] {
            log.add(text);
        }
        assert_eq!((&log.file.content[..], log.missing()), (&b"fir"[..], 10));
        log.file.room = 1_000;
        log.catch_up();
        assert_eq!(log.missing(), 0);
        assert_eq!(disk.content, b"first\nsecond\n");
    }

    #[test]
    fn what_is_too_much_to_wait_is_counted_where_it_is_missing() {
        let mut disk = Small::default();
        let mut log = ReadableLog::over(&mut disk);
        for _ in 0..100 {
            log.add(&"x".repeat(1024));
        }
        log.file.room = 1 << 20;
        log.add("last\n");
        let text = String::from_utf8(disk.content.clone()).expect("it is text");
        let missing = (100 - 64) * 1024;
        let gap = format!(
            "[task-bg: {missing} bytes are missing here, which could not be written]\nlast\n"
        );
        assert!(text.ends_with(&gap), "{}", &text[text.len().saturating_sub(100)..]);
    }
}
