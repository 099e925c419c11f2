//! A row that may still change, column by column.
//!
//! A wide character takes two columns, a tab up to eight, a combining mark none: it stands on the character before it.
//! Whoever writes over a part of a character leaves blanks in the place of the rest, as terminals do.

use alloc::string::String;
use alloc::vec::Vec;

use unicode_width::UnicodeWidthChar as _;

use super::{Row, WIDTH};

/// How far apart the stops of a tab are, in columns.
pub(super) const TAB: usize = 8;

/// How many columns a character takes.
pub(super) fn columns_of(c: char) -> usize {
    if c.is_ascii() { 1 } else { c.width().unwrap_or(1) }
}

/// A row that may still change.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// What begins in each column; `None` where the character to the left goes on.
    cells: Vec<Option<char>>,
    /// The combining marks, each with the column of the character that it stands on.
    marks: Vec<(usize, char)>,
    pub(super) begins: u64,
    /// Whether a line feed ended it.
    pub(super) ended: bool,
    /// Whether the cursor went back in it or was sent to it.
    pub(super) drawn: bool,
}

impl Draft {
    /// An empty row that begins at this byte.
    pub(super) fn begun(begins: u64) -> Self {
        Self { begins, ..Self::default() }
    }

    /// Whether nothing can be seen in it.
    pub(super) fn is_blank(&self) -> bool {
        self.cells.iter().flatten().all(|c| c.is_whitespace())
    }

    /// How many columns were written.
    pub(super) const fn width(&self) -> usize {
        self.cells.len()
    }

    /// What stands in it.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.cells.len());
        if self.marks.is_empty() {
            text.extend(self.cells.iter().flatten());
            return text;
        }
        // The sort is stable: the marks of one character keep their order.
        let mut marks = self.marks.clone();
        marks.sort_by_key(|(at, _)| *at);
        let mut marks = marks.into_iter().peekable();
        for (column, c) in self.cells.iter().enumerate() {
            text.extend(c);
            while let Some((_, mark)) = marks.next_if(|(at, _)| *at == column) {
                text.push(mark);
            }
        }
        text
    }

    /// The row as it stays.
    pub(super) fn settled(mut self) -> Row {
        if self.drawn {
            // Blanks that wiped out what was there are no text.
            let is_text = |cell: &Option<char>| *cell != Some(' ');
            let end = self.cells.iter().rposition(is_text).map_or(0, |last| last + 1);
            self.cells.truncate(end);
        }
        let mut text = self.text();
        text.extend(self.ended.then_some('\n'));
        Row { text, begins: self.begins }
    }

    /// Writes a character of so many columns at this column.
    pub(super) fn put(&mut self, column: usize, c: char, columns: usize) {
        if column < self.cells.len() {
            self.drawn = true;
            self.blank(column, columns);
        } else {
            self.drawn |= column > self.cells.len();
            self.cells.resize(column, Some(' '));
        }
        let end = self.cells.len().max(column + columns);
        self.cells.resize(end, None);
        self.cells[column] = Some(c);
        self.cells[column + 1..column + columns].fill(None);
    }

    /// Sets a mark upon the character before this column; returns whether there is one, and room for the mark.
    pub(super) fn mark(&mut self, column: usize, mark: char) -> bool {
        let before = self.cells.get(..column).unwrap_or_default();
        let below = before.iter().rposition(Option::is_some);
        match below {
            Some(below) if self.marks.len() < WIDTH => {
                self.marks.push((below, mark));
                true
            }
            Some(_) | None => false,
        }
    }

    /// Puts blanks in the place of so many columns, and of the rest of the characters that reach into them.
    pub(super) fn blank(&mut self, from: usize, columns: usize) {
        let from = from.min(self.cells.len());
        let to = from.saturating_add(columns).min(self.cells.len());
        let (from, to) = (self.beginning(from), self.end(to));
        self.cells[from..to].fill(Some(' '));
        self.marks.retain(|(at, _)| !(from..to).contains(at));
    }

    /// Drops what stands from this column on.
    pub(super) fn truncate(&mut self, column: usize) {
        self.blank(column, usize::MAX);
        self.cells.truncate(column);
    }

    /// Drops so many columns; what follows moves up.
    pub(super) fn delete(&mut self, column: usize, columns: usize) {
        self.blank(column, columns);
        let from = column.min(self.cells.len());
        let to = from.saturating_add(columns).min(self.cells.len());
        self.cells.drain(from..to);
        for (at, _) in self.marks.iter_mut().filter(|(at, _)| *at >= to) {
            *at -= to - from;
        }
    }

    /// The column at which the character begins that stands in this one.
    fn beginning(&self, column: usize) -> usize {
        match self.cells.get(column) {
            Some(None) => self.cells[..column].iter().rposition(Option::is_some).unwrap_or(column),
            Some(Some(_)) | None => column,
        }
    }

    /// The first column from this one on at which another character begins.
    fn end(&self, column: usize) -> usize {
        let rest = self.cells.get(column..).unwrap_or_default();
        column + rest.iter().take_while(|cell| cell.is_none()).count()
    }
}
