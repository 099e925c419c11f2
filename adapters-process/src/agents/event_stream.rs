//! Following a growing event stream: whole lines in, domain events out, in bounded memory.
//!
//! The stream is a file that the agent appends to; whoever follows it only reads. Of a line that does not end within
//! [`LINE_LIMIT`] the texts are cut; one that is longer even so is passed over.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use domain::port::Agent;
use domain::run::AgentEvent;

use super::json_line::looks_like_event;
use super::long_line::LongLine;

/// The longest line that is looked at, in bytes.
pub const LINE_LIMIT: usize = 16 << 20;
const BLOCK: usize = 64 << 10;
/// How many bytes are read before whoever follows may look at other things.
const BITE: usize = 1 << 20;

/// A place in a growing event stream.
pub struct EventStream<'a> {
    file: File,
    agent: &'a dyn Agent,
    offset: u64,
    // Invariant: the bytes before `offset` that belong to a line not yet ended; empty if `skipping`.
    partial: Vec<u8>,
    /// What shortens the line, if it is too long to hold.
    long: Option<LongLine>,
    skipping: bool,
    /// Whether what is skipped looks like an event.
    skips_event: bool,
    is_behind: bool,
}

impl<'a> EventStream<'a> {
    /// Follows `file`, in which `agent` writes, from the byte `offset`, which must be the beginning of a
    /// line.
    pub const fn from(file: File, offset: u64, agent: &'a dyn Agent) -> Self {
        Self {
            file,
            agent,
            offset,
            partial: Vec::new(),
            long: None,
            skipping: false,
            skips_event: false,
            is_behind: false,
        }
    }

    /// Hands the events that have been written since the last call to `take`, or those of the next 1 MiB.
    ///
    /// Returns whether there was anything new; only where there was nothing has all of it been read.
    ///
    /// # Errors
    /// The file's, if it cannot be read.
    pub fn advance(&mut self, take: &mut dyn FnMut(AgentEvent)) -> io::Result<bool> {
        // Asked for first, so that an idle look costs one system call and no memory.
        let length = self.file.metadata()?.len();
        self.is_behind = length > self.offset.saturating_add(BITE as u64);
        if length <= self.offset {
            return Ok(false);
        }
        let mut block = vec![0; BLOCK];
        let end = self.offset.saturating_add(BITE as u64);
        while self.offset < end {
            let count = match self.file.read_at(&mut block, self.offset) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.offset += count as u64;
            self.take_block(&block[..count], take);
        }
        self.partial.shrink_to(self.partial.len().max(BLOCK));
        Ok(true)
    }

    /// Whether there was more than was read at once.
    pub const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Passes over what lies before `offset` and was given back to the disk unread; does nothing if it was read.
    pub fn skip_to(&mut self, offset: u64) {
        if self.offset < offset {
            self.offset = offset;
            (self.partial, self.long) = (Vec::new(), None);
            // The rest of a line that began in there; it may have been an event.
            (self.skipping, self.skips_event) = (true, true);
        }
    }

    /// Whether so many bytes of the file have been read.
    pub const fn has_read(&self, bytes: u64) -> bool {
        self.offset >= bytes
    }

    /// Hands over the last line too, if the agent left it without a line break.
    pub fn finish(&mut self, take: &mut dyn FnMut(AgentEvent)) {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            self.agent.decode(&rest, take);
        }
        if self.skipping && self.skips_event {
            take(AgentEvent::Unread);
        }
    }

    fn take_block(&mut self, block: &[u8], take: &mut dyn FnMut(AgentEvent)) {
        for piece in block.split_inclusive(|byte| *byte == b'\n') {
            let ended = piece.last() == Some(&b'\n');
            match &mut self.long {
                _ if self.skipping => {}
                Some(long) => long.shorten(piece, &mut self.partial),
                None => self.partial.extend_from_slice(piece),
            }
            if self.partial.len() > LINE_LIMIT {
                let whole = std::mem::take(&mut self.partial);
                if self.long.is_none() {
                    let mut long = LongLine::default();
                    long.shorten(&whole, &mut self.partial);
                    self.long = Some(long);
                }
                self.skipping = self.partial.is_empty() || self.partial.len() > LINE_LIMIT;
                if self.skipping {
                    self.skips_event = looks_like_event(&self.partial);
                    self.partial = Vec::new();
                }
            }
            if ended {
                if self.skipping && self.skips_event {
                    take(AgentEvent::Unread);
                }
                if !self.skipping {
                    self.agent.decode(self.partial.trim_ascii_end(), take);
                }
                self.partial.clear();
                self.long = None;
                self.skipping = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::tests::Lines;
    use std::io::Write;

    fn said(text: &str) -> AgentEvent {
        AgentEvent::Said { text: text.into(), at: None }
    }

    fn line(text: &str) -> Vec<u8> {
        format!("SAY {text}\n").into_bytes()
    }

    fn new_events(stream: &mut EventStream<'_>) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        stream.advance(&mut |event| events.push(event)).expect("it can be read");
        events
    }

    #[test]
    fn a_line_counts_only_once_it_is_whole() {
        let mut file = tempfile::tempfile().expect("a file");
        let mut stream = EventStream::from(file.try_clone().expect("a clone"), 0, &Lines);
        let whole = line("hello");
        let (first, second) = whole.split_at(6);
        file.write_all(first).expect("written");
        assert_eq!(new_events(&mut stream), []);
        file.write_all(second).expect("written");
        assert_eq!(new_events(&mut stream), [said("hello")]);
        assert_eq!(new_events(&mut stream), []);
    }

    /// Once, all that an agent had written was read and held before anything else was looked at.
    #[test]
    fn of_much_that_was_written_a_part_is_read_at_once() {
        let mut file = tempfile::tempfile().expect("a file");
        let mut stream = EventStream::from(file.try_clone().expect("a clone"), 0, &Lines);
        let text = line(&"x".repeat(99_999)).repeat(25);
        file.write_all(&text).expect("written");
        let mut counts = Vec::new();
        loop {
            let count = new_events(&mut stream).len();
            counts.push((count, stream.is_behind()));
            if count == 0 {
                break;
            }
        }
        assert_eq!(counts, [(10, true), (10, true), (5, false), (0, false)]);
        assert!(stream.has_read(text.len() as u64));
    }

    #[test]
    fn an_event_beyond_the_limit_is_unread_also_where_it_has_no_end() {
        let mut file = tempfile::tempfile().expect("a file");
        let mut stream = EventStream::from(file.try_clone().expect("a clone"), 0, &Lines);
        let long = [b"{\"a\":[".to_vec(), b"0,".repeat(9 << 20)].concat();
        let mut events = Vec::new();
        for end in ["\n", ""] {
            file.write_all(&long).expect("written");
            file.write_all(end.as_bytes()).expect("written");
            while stream.advance(&mut |event| events.push(event)).expect("it can be read") {}
        }
        assert_eq!(events, [AgentEvent::Unread]);
        stream.finish(&mut |event| events.push(event));
        assert_eq!(events, [AgentEvent::Unread, AgentEvent::Unread]);
    }

    #[test]
    fn a_last_line_without_a_line_break_counts_in_the_end() {
        let mut file = tempfile::tempfile().expect("a file");
        let mut stream = EventStream::from(file.try_clone().expect("a clone"), 0, &Lines);
        file.write_all(line("bye").trim_ascii_end()).expect("written");
        assert_eq!(new_events(&mut stream), []);
        let mut events = Vec::new();
        stream.finish(&mut |event| events.push(event));
        assert_eq!(events, [said("bye")]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_passed_over_and_the_next_one_counts() {
        let mut file = tempfile::tempfile().expect("a file");
        let mut stream = EventStream::from(file.try_clone().expect("a clone"), 0, &Lines);
        let block = vec![b'x'; 1 << 20];
        for _ in 0..17 {
            file.write_all(&block).expect("written");
        }
        file.write_all(b"\n").expect("written");
        file.write_all(&line("after")).expect("written");
        let mut events = Vec::new();
        while stream.advance(&mut |event| events.push(event)).expect("it can be read") {}
        assert_eq!(events, [said("after")]);
    }
}
