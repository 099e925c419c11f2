//! Parts of a log that fit into an answer, as a terminal would show them or as they were written.
//!
//! A part is cut between two rows of the [`Screen`], so that reading on from the byte that is named loses nothing. No
//! more than [`LOOKED_THROUGH`] bytes are read for one part, whatever the size of the log.

use std::collections::VecDeque;
use std::io;

use domain::port::{Gap, LogText, Portion};
use domain::task::text::screen::{Rendering, Row, Screen};
use domain::task::text::weight;

use super::{Log, gap, text};

/// The most bytes that are read for one part.
const LOOKED_THROUGH: u64 = 8 << 20;
/// How much is read at a time, in bytes.
const PIECE: u64 = 64 << 10;
/// How far back last lines are looked for, tried one after another, in bytes.
const BACK: [u64; 3] = [64 << 10, 1 << 20, LOOKED_THROUGH];

impl Log<'_> {
    /// A part of the log that weighs at most `room`, apart from the words about what was left out.
    pub(super) fn shown(
        &self,
        what: Portion,
        rendering: Rendering,
        room: usize,
    ) -> io::Result<LogText> {
        match what {
            Portion::Ends => self.ends(rendering, room),
            Portion::LastLines(lines) => self.tail(rendering, lines, room),
            Portion::From(offset) => self.page(rendering, offset, room),
        }
    }

    /// Hands the rows between two bytes to `each` until that says `false`. Returns the byte after the last character that was read.
    fn rows(
        &self,
        (from, to): (u64, u64),
        rendering: Rendering,
        each: &mut dyn FnMut(Row) -> bool,
    ) -> io::Result<u64> {
        let mut screen = Screen::new(rendering, from);
        let (mut at, mut goes_on) = (from, true);
        while at < to && goes_on {
            let bytes = self.bytes(at, to.min(at + PIECE))?;
            if bytes.is_empty() {
                break;
            }
            at += bytes.len() as u64;
            screen.write(&bytes, &mut |row| goes_on = goes_on && each(row));
        }
        let stopped = screen.position();
        let mut last = |row| goes_on = goes_on && each(row);
        // The rest of a character that a hole cuts is gone. Any other is read from its beginning by whoever reads on.
        if to < self.size && self.data_from(to)? > to {
            screen.finish(&mut last);
            return Ok(at);
        }
        screen.pause(&mut last);
        Ok(stopped)
    }

    fn ends(&self, rendering: Rendering, room: usize) -> io::Result<LogText> {
        let hole = self.hole_from(0)?;
        let mut ends = Ends::new(room);
        let stopped = if hole >= self.size && self.size <= LOOKED_THROUGH {
            self.rows((0, self.size), rendering, &mut |row| ends.add(row))?
        } else {
            let half = LOOKED_THROUGH / 2;
            let head = hole.min(half);
            let mut add = |row| ends.add(row) && ends.head_end.is_none();
            let read = self.rows((0, head), rendering, &mut add)?;
            let start = self.last_data(self.size.saturating_sub(half).max(head))?;
            ends.skip(read);
            let start = start + self.broken_at(start)?;
            self.rows((start, self.size), rendering, &mut |row| ends.add(row))?
        };
        Ok(LogText { unfinished: self.unfinished_at(stopped), ..ends.text(self.size) })
    }

    fn tail(&self, rendering: Rendering, lines: usize, room: usize) -> io::Result<LogText> {
        let mut found =
            LogText { total_bytes: self.size, next_offset: self.size, ..LogText::default() };
        found.truncated = self.size > 0;
        for back in BACK {
            if lines == 0 || self.size == 0 {
                break;
            }
            let start = self.last_data(self.size.saturating_sub(back))?;
            let start = start + self.broken_at(start)?;
            let mut ends = Ends { head_end: Some(start), tail_room: room, ..Ends::new(0) };
            let stopped = self.rows((start, self.size), rendering, &mut |row| ends.add(row))?;
            let is_cut = ends.lost;
            let kept = last_lines(&mut ends.tail, lines);
            let begins = ends.tail.front().map_or(stopped, |row| row.begins);
            let is_last = back == LOOKED_THROUGH;
            if start == 0 || is_cut || kept || is_last {
                found.truncated = begins > 0;
                found.gap = (is_cut && !kept).then_some(Gap { offset: 0, bytes: begins });
                found.unfinished = self.unfinished_at(stopped);
                found.text = ends.tail.into_iter().map(|row| row.text).collect();
                break;
            }
        }
        Ok(found)
    }

    fn page(&self, rendering: Rendering, offset: u64, room: usize) -> io::Result<LogText> {
        let offset = offset.min(self.size);
        let data = self.data_from(offset)?;
        let end = self.hole_from(data)?.min(data.saturating_add(LOOKED_THROUGH));
        let mut text = if data > offset { gap(offset, data - offset) } else { String::new() };
        let (mut left, mut next, mut is_first) = (room, None, true);
        let stopped = self.rows((data, end), rendering, &mut |row| {
            let heavy = weight(&row.text);
            if heavy > left && !is_first {
                next = Some(row.begins);
                return false;
            }
            is_first = false;
            left = left.saturating_sub(heavy);
            text.push_str(&row.text);
            true
        })?;
        let next_offset = next.unwrap_or(stopped);
        let at_end = next.is_none() && end == self.size;
        let unfinished = if at_end { self.unfinished_at(stopped) } else { 0 };
        let truncated = data > offset || next_offset + unfinished < self.size;
        let gap = (next_offset < self.size)
            .then_some(Gap { offset: next_offset, bytes: self.size - next_offset });
        Ok(LogText { text, total_bytes: self.size, truncated, next_offset, gap, unfinished })
    }

    /// How many bytes at `start` may be the rest of a character that began before.
    fn broken_at(&self, start: u64) -> io::Result<u64> {
        let bytes = self.bytes(start, self.size.min(start + super::CHARACTER))?;
        Ok(text::broken_beginning(&bytes) as u64)
    }
}

/// Keeps the last so many lines among rows; returns whether there were more.
fn last_lines(rows: &mut VecDeque<Row>, lines: usize) -> bool {
    // A row begins a line where the one before it ended one.
    let begins = |index: &usize| *index == 0 || rows[*index - 1].text.ends_with('\n');
    let mut starts = (0..rows.len()).rev().filter(begins);
    let first = starts.nth(lines.saturating_sub(1)).unwrap_or(0);
    rows.drain(..first);
    first > 0
}

/// The first and the last rows of a text, as much as there is room for.
struct Ends {
    head: String,
    head_room: usize,
    /// Where the head ended, once it did.
    head_end: Option<u64>,
    tail: VecDeque<Row>,
    tail_weight: usize,
    tail_room: usize,
    /// Whether something between the two was left out.
    lost: bool,
}

impl Ends {
    fn new(room: usize) -> Self {
        Self {
            head: String::new(),
            head_room: room / 2,
            head_end: None,
            tail: VecDeque::new(),
            tail_weight: 0,
            tail_room: room - room / 2,
            lost: false,
        }
    }

    /// Takes the next row. Always goes on.
    fn add(&mut self, row: Row) -> bool {
        let heavy = weight(&row.text);
        if self.head_end.is_none() {
            if heavy <= self.head_room {
                self.head_room -= heavy;
                self.head.push_str(&row.text);
                return true;
            }
            self.head_end = Some(row.begins);
            self.tail_room += self.head_room;
        }
        self.tail_weight += heavy;
        self.tail.push_back(row);
        while self.tail_weight > self.tail_room
            && let Some(first) = self.tail.pop_front()
        {
            self.tail_weight -= weight(&first.text);
            self.lost = true;
        }
        true
    }

    /// Leaves out what is between the head, which was read up to `read`, and what comes next.
    fn skip(&mut self, read: u64) {
        self.head_end = self.head_end.or(Some(read));
        self.tail.clear();
        self.tail_weight = 0;
        self.lost = true;
    }

    fn text(self, size: u64) -> LogText {
        let offset = self.head_end.unwrap_or(size);
        let begins = self.tail.front().map_or(size, |row| row.begins);
        let bytes = begins.saturating_sub(offset);
        let left_out = (self.lost && bytes > 0).then_some(Gap { offset, bytes });
        let words = left_out.map(|Gap { offset, bytes }| gap(offset, bytes)).unwrap_or_default();
        let tail: String = self.tail.into_iter().map(|row| row.text).collect();
        LogText {
            text: format!("{}{words}{tail}", self.head),
            total_bytes: size,
            truncated: left_out.is_some(),
            next_offset: size,
            gap: left_out,
            ..LogText::default()
        }
    }
}
