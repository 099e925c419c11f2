//! What a terminal would show in the end of what a program wrote: carriage returns, backspaces, cursor moves and
//! erasures have had their effect, and colours, titles and other control sequences are gone.
//!
//! [`Screen`] takes bytes piece by piece and gives back lines, each with the byte at which it began. It holds no more
//! than the last [`HEIGHT`] rows, which is as far up as a program may go to write over what it wrote. It knows no
//! width: a row is as long as it was written, up to [`WIDTH`] columns. Wide characters take two columns, combining
//! marks none, and a tab goes on to the next multiple of eight. Text without control characters comes out unchanged.
//!
//! One thing is other than on a terminal: where a program wipes out all there is as its last act, as one does that
//! tidies up behind itself, the text that was there comes out. Nobody asks for a log to see that it is empty.

mod control;
mod draft;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use control::{Control, Parser};
use draft::{Draft, TAB};

/// The rows that can still change.
pub const HEIGHT: usize = 50;
/// The most columns of a row; what follows goes into a further row of the same line.
pub const WIDTH: usize = 512;
/// How far to the right a cursor moves where nothing was written yet.
const MARGIN: usize = 256;

/// How to show what a program wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// As a terminal would show it in the end.
    Settled,
    /// Every character as it was written.
    Verbatim,
}

/// A row that does not change any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its text, with the line feed that ended it.
    pub text: String,
    /// The byte at which it began.
    pub begins: u64,
}

/// The end of what was written so far, as it can still change.
#[derive(Debug)]
pub struct Screen {
    rendering: Rendering,
    height: usize,
    // Invariant: never empty.
    rows: VecDeque<Draft>,
    /// The text that stood there when everything was wiped out the last time.
    wiped: VecDeque<Draft>,
    row: usize,
    column: usize,
    parser: Parser,
    /// The first bytes of a character of which the rest is still to come.
    unfinished: Vec<u8>,
    /// The byte after the last character that was taken.
    at: u64,
}

impl Screen {
    /// An empty screen for what begins at byte `at`.
    pub fn new(rendering: Rendering, at: u64) -> Self {
        Self::of_height(HEIGHT, rendering, at)
    }

    /// The same with so many rows that can still change, at least one.
    pub fn of_height(height: usize, rendering: Rendering, at: u64) -> Self {
        let rows = VecDeque::from([Draft::begun(at)]);
        let (wiped, unfinished) = (VecDeque::new(), Vec::new());
        let parser = Parser::default();
        Self { rendering, height, rows, wiped, row: 0, column: 0, parser, unfinished, at }
    }

    /// Takes the next bytes. Hands every row that cannot change any more to `each`.
    pub fn write(&mut self, bytes: &[u8], each: &mut dyn FnMut(Row)) {
        let mut joined = mem::take(&mut self.unfinished);
        let bytes = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            joined.as_slice()
        };
        let mut left = bytes.len();
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                self.take(c, c.len_utf8(), each);
            }
            let broken = chunk.invalid();
            left -= chunk.valid().len() + broken.len();
            let goes_on = core::str::from_utf8(broken).is_err_and(|why| why.error_len().is_none());
            if left == 0 && goes_on {
                self.unfinished = broken.to_vec();
            } else if !broken.is_empty() {
                self.take(char::REPLACEMENT_CHARACTER, broken.len(), each);
            }
        }
    }

    /// Hands the rows that are left to `each`: nothing follows.
    pub fn finish(mut self, each: &mut dyn FnMut(Row)) {
        let broken = self.unfinished.len();
        if broken > 0 {
            self.take(char::REPLACEMENT_CHARACTER, broken, each);
        }
        self.pause(each);
    }

    /// Hands the rows that are left to `each`. What follows begins at [`Screen::position`].
    pub fn pause(self, each: &mut dyn FnMut(Row)) {
        let is_blank = self.rows.iter().all(Draft::is_blank);
        let left = if is_blank && !self.wiped.is_empty() { self.wiped } else { self.rows };
        for draft in left {
            let row = draft.settled();
            if !row.text.is_empty() {
                each(row);
            }
        }
    }

    /// What there is of the last row so far.
    pub fn current(&self) -> String {
        self.rows.back().map(Draft::text).unwrap_or_default()
    }

    /// The byte after the last character that was taken: the first ones of one that is not whole yet do not count.
    pub const fn position(&self) -> u64 {
        self.at
    }

    fn take(&mut self, c: char, bytes: usize, each: &mut dyn FnMut(Row)) {
        let from = self.at;
        self.at += bytes as u64;
        match self.rendering {
            Rendering::Verbatim if c == '\n' => self.feed(each),
            Rendering::Verbatim => self.put(c, 1, from, each),
            Rendering::Settled => match self.parser.take(c) {
                Control::Nothing => {}
                Control::Show('\t') => self.tab(from, each),
                Control::Show(c) => self.put(c, draft::columns_of(c), from, each),
                Control::LineFeed => self.feed(each),
                Control::Back(columns) => self.column = self.column.saturating_sub(columns),
                Control::Forward(columns) => self.go_to(self.column.saturating_add(columns)),
                Control::Column(column) => self.go_to(column),
                Control::Up(rows) => self.row = self.row.saturating_sub(rows),
                Control::Down(rows) => {
                    self.row = self.row.saturating_add(rows).min(self.rows.len() - 1);
                }
                Control::Position { row, column } => {
                    self.row = row.min(self.rows.len() - 1);
                    self.go_to(column);
                }
                Control::EraseToEnd => {
                    let column = self.column;
                    if column == 0 {
                        self.keep_last_row();
                    }
                    self.draft().truncate(column);
                }
                Control::EraseFromStart => {
                    let columns = self.column.saturating_add(1);
                    self.draft().blank(0, columns);
                }
                Control::EraseLine => {
                    self.keep_last_row();
                    self.draft().truncate(0);
                }
                Control::Erase(columns) => {
                    let column = self.column;
                    self.draft().blank(column, columns);
                }
                Control::Delete(columns) => {
                    let column = self.column;
                    self.draft().delete(column, columns);
                }
                Control::EraseBelow => {
                    let above = self.rows.iter().take(self.row).all(Draft::is_blank);
                    if self.column == 0 && above && !self.rows.iter().all(Draft::is_blank) {
                        self.wiped = self.rows.clone();
                    }
                    self.rows.truncate(self.row + 1);
                    let column = self.column;
                    self.draft().truncate(column);
                }
                Control::EraseScreen => {
                    let begins = self.rows.front().map_or(self.at, |first| first.begins);
                    let rows = mem::replace(&mut self.rows, VecDeque::from([Draft::begun(begins)]));
                    if !rows.iter().all(Draft::is_blank) {
                        self.wiped = rows;
                    }
                    self.row = 0;
                }
            },
        }
    }

    /// Keeps the row that the cursor is in and that is about to be wiped out, if it is the only one with any text.
    fn keep_last_row(&mut self) {
        let row = &self.rows[self.row];
        let mut others = self.rows.iter().enumerate().filter(|(at, _)| *at != self.row);
        if !row.is_blank() && others.all(|(_, other)| other.is_blank()) {
            self.wiped = VecDeque::from([row.clone()]);
        }
    }

    /// The row that the cursor is in, which is about to be drawn over.
    fn draft(&mut self) -> &mut Draft {
        let draft = &mut self.rows[self.row];
        draft.drawn = true;
        draft
    }

    fn go_to(&mut self, column: usize) {
        self.column = column.min(self.rows[self.row].width().max(MARGIN));
    }

    /// Writes a character of so many columns that was read at byte `from`.
    fn put(&mut self, c: char, columns: usize, from: u64, each: &mut dyn FnMut(Row)) {
        if columns == 0 && self.rows[self.row].mark(self.column, c) {
            return;
        }
        if self.column >= WIDTH {
            self.next_row(from, each);
        }
        // A mark that has nothing to stand on takes a place of its own.
        let columns = columns.max(1);
        self.rows[self.row].put(self.column, c, columns);
        self.column += columns;
    }

    /// Goes on to the next stop: what was written there already stays.
    fn tab(&mut self, from: u64, each: &mut dyn FnMut(Row)) {
        let columns = TAB - self.column % TAB;
        if self.column < self.rows[self.row].width() {
            self.rows[self.row].drawn = true;
            self.go_to(self.column + columns);
        } else {
            self.put('\t', columns, from, each);
        }
    }

    fn feed(&mut self, each: &mut dyn FnMut(Row)) {
        self.rows[self.row].ended = true;
        self.next_row(self.at, each);
    }

    /// Goes to the beginning of the next row, which begins at byte `begins` if there is none yet.
    fn next_row(&mut self, begins: u64, each: &mut dyn FnMut(Row)) {
        self.column = 0;
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push_back(Draft::begun(begins));
        }
        if self.rows.len() > self.height.max(1)
            && let Some(top) = self.rows.pop_front()
        {
            self.row -= 1;
            // What was wiped out before it would come out of turn.
            self.wiped.clear();
            each(top.settled());
        }
    }
}

/// `text` as a terminal would show it in the end.
pub fn settled(text: &str) -> String {
    if !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut screen = Screen::new(Rendering::Settled, 0);
    screen.write(text.as_bytes(), &mut |row| shown.push_str(&row.text));
    screen.finish(&mut |row| shown.push_str(&row.text));
    shown
}

#[cfg(test)]
mod tests;
