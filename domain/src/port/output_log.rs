//! What a task wrote, whole or in part. Agents and supervisors write the logs themselves; whoever
//! concludes a task in the place of a dead supervisor adds what that one did not.

use alloc::boxed::Box;
use alloc::string::String;
use async_trait::async_trait;

use super::Fault;
use crate::task::text::screen::Rendering;
use crate::task::{TaskId, Timestamp};

/// Reads what a task wrote, and completes it.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait OutputLog: Send + Sync {
    /// Reads a part of the task's readable log, or of its raw event stream.
    ///
    /// MUST take memory for the part alone, whatever the size of the whole. Bytes that are no text
    /// MUST come out as replacement characters. A task that has written nothing has an empty log.
    ///
    /// # Errors
    /// [`Fault`] if there is a log and it cannot be read.
    async fn read(&self, id: &TaskId, which: Stream, part: LogPart) -> Result<LogText, Fault>;

    /// Appends to the readable log of a task, for the holder of its life lock.
    ///
    /// MUST write all in one call, so that nothing of somebody else comes in between.
    ///
    /// # Errors
    /// [`Fault`] if it cannot be written.
    async fn append(&self, id: &TaskId, text: &str) -> Result<(), Fault>;

    /// When the task last wrote anything; `None` if it never did.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be told.
    async fn last_write(&self, id: &TaskId) -> Result<Option<Timestamp>, Fault>;

    /// Gives back the middle of each log of a task that takes more of the disk than `most` bytes allow
    /// ([`crate::run::log_bound`]), for the holder of its life lock, or of a task that has ended.
    ///
    /// MUST leave the beginning and the end at their places. Where a file system makes no holes, nothing changes.
    ///
    /// # Errors
    /// [`Fault`] if a log cannot be opened.
    async fn give_back(&self, id: &TaskId, most: u64) -> Result<(), Fault>;

    /// Whether the log was made that the agent writes into, which happens shortly before its start. No if that cannot be
    /// told.
    async fn is_made(&self, id: &TaskId) -> bool;

    /// Where a log is, as an absolute path, whether or not it is there yet.
    fn location(&self, id: &TaskId, which: Stream) -> String;
}

/// Which of a task's two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What a person reads.
    Readable,
    /// The agent's raw event stream.
    Events,
}

/// Which part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPart {
    /// All of it.
    Whole,
    /// What fits into an answer.
    Shown {
        /// Which part.
        what: Portion,
        /// How to show it.
        rendering: Rendering,
        /// What it may weigh in an answer ([`crate::task::text::weight_of`]), the words about what is left out not
        /// counted.
        room: usize,
    },
    /// The last lines.
    LastLines {
        /// How many.
        lines: usize,
    },
    /// What comes from this byte on, at most so many bytes, cut at a character's border.
    From {
        /// The byte to begin at; past the end there is nothing.
        offset: u64,
        /// The most bytes.
        at_most: usize,
    },
}

/// Which part of a log is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    /// The beginning and the end; what is left out in between is named in the text.
    Ends,
    /// The last so many lines.
    LastLines(usize),
    /// What comes from this byte on.
    From(u64),
}

/// What was left out of a part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The byte at which it begins.
    pub offset: u64,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogText {
    /// The text.
    pub text: String,
    /// How many bytes the whole log has.
    pub total_bytes: u64,
    /// Whether something was left out; the first bytes of a character that is not whole yet do not count.
    pub truncated: bool,
    /// The byte after the last one that was read.
    pub next_offset: u64,
    /// What was left out although it was asked for.
    pub gap: Option<Gap>,
    /// How many bytes at the end of the log are the beginning of a character of which the rest is still to come. They
    /// were asked for and are not in the text.
    pub unfinished: u64,
}

impl LogText {
    /// The same of a log that nobody writes on: the beginning of a character at its end becomes a replacement character.
    #[must_use]
    pub fn closed(mut self) -> Self {
        if self.unfinished == 0 {
            return self;
        }
        let begins = self.total_bytes - self.unfinished;
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.next_offset = self.total_bytes;
        self.gap = self.gap.filter(|gap| gap.offset != begins);
        self.unfinished = 0;
        self
    }
}
