//! A terminal's size, and texts that fit it: so many columns wide, never broken by the terminal.
//!
//! Widths are summed over characters, as terminals do, so that no text is wider than it is counted. Nothing here
//! prints. Main type: [`Screen`].

use std::os::fd::AsFd;

use anstyle::{AnsiColor, Style};
use domain::task::Status;
use domain::task::text::{harmless, one_line};
use unicode_width::UnicodeWidthChar;

/// What stands above a column.
pub(crate) const HEAD: Style = Style::new().dimmed();
/// What matters less than what stands beside it.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// How large a terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Its columns.
    pub(crate) width: usize,
    /// Its rows.
    pub(crate) height: usize,
}

impl Screen {
    /// The size of the terminal that a stream leads to; the usual one where the terminal does not say.
    pub(crate) fn of(stream: impl AsFd) -> Self {
        let size = rustix::termios::tcgetwinsize(stream).ok();
        let of = |count: u16, usual| if count == 0 { usual } else { usize::from(count) };
        let (width, height) = size.map_or((0, 0), |size| (size.ws_col, size.ws_row));
        Self { width: of(width, 80), height: of(height, 24) }
    }

    /// A text whose lines are broken between words where the terminal would break them anywhere.
    pub(crate) fn within(self, text: &str) -> String {
        let is_wide =
            |line: &str| width(&anstream::adapter::strip_str(line).to_string()) > self.width;
        let line = |line: &str| {
            if is_wide(line) { self.wrapped_line(line.trim_end(), 2) } else { line.to_owned() }
        };
        text.split_inclusive('\n').map(line).collect()
    }

    /// The lines of a text, broken between words where they are too wide. A word that is too wide by itself is broken.
    pub(crate) fn wrapped(self, text: &str) -> String {
        text.lines().map(|line| self.wrapped_line(line, 0)).collect()
    }

    /// One line, broken between words; every line but the first begins with so many blanks.
    pub(crate) fn wrapped_line(self, line: &str, indent: usize) -> String {
        let room = self.width.saturating_sub(1).max(indent + 1);
        let (mut text, mut column) = (String::new(), 0);
        let broken = |text: &mut String| {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            indent
        };
        for word in pieces(line, room - indent) {
            if column > indent && column + width(word.trim_end()) > room {
                text.truncate(text.trim_end_matches(' ').len());
                column = broken(&mut text);
            }
            for c in word.chars() {
                if column + of(c) > room {
                    if c == ' ' {
                        continue;
                    }
                    column = broken(&mut text);
                }
                text.push(c);
                column += of(c);
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text + "\n"
    }
}

/// The words of a line with the blanks behind them. A command in backticks is one, where it is no wider than `room`.
fn pieces(line: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.split_inclusive(' ').next().unwrap_or(rest);
        let code = || {
            let opens = word.find('`').filter(|_| word.matches('`').count() == 1)?;
            let closes = opens + 1 + rest[opens + 1..].find('`')?;
            let end = rest[closes..].find(' ').map_or(rest.len(), |blank| closes + blank + 1);
            Some(&rest[..end]).filter(|piece| width(piece.trim_end()) <= room)
        };
        let piece = code().unwrap_or(word);
        pieces.push(piece);
        rest = &rest[piece.len()..];
    }
    pieces
}

/// How wide a character is, in columns.
fn of(c: char) -> usize {
    // A mark that makes a symbol a picture makes it wider on some terminals.
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// How wide a text is, in columns.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(of).sum()
}

/// As much of a line as leaves one of so many columns for an ellipsis.
pub(crate) fn before_ellipsis(line: &str, columns: usize) -> String {
    let mut used = 1;
    let fits = |c: &char| {
        used += of(*c);
        used <= columns
    };
    line.chars().take_while(fits).collect()
}

/// A text on one line, harmless, in at most so many columns.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    // No more than can be shown is looked at: a result may have megabytes.
    let line = one_line(text, columns.saturating_mul(2).saturating_add(1));
    if width(&line) <= columns {
        return line;
    }
    let mut cut = before_ellipsis(&line, columns);
    cut.truncate(cut.trim_end_matches([' ', '…']).len());
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// The same with blanks behind it, up to so many columns.
pub(crate) fn cell(text: &str, columns: usize) -> String {
    let fitted = fit(text, columns);
    let blanks = columns.saturating_sub(width(&fitted));
    fitted + &" ".repeat(blanks)
}

/// A text in a style, which [`super::console`] leaves out where no colours are wanted.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", harmless(text))
}

/// The colour of a status. Each also is a word: nothing is told by its colour alone.
pub(crate) const fn colour(status: Status) -> Style {
    let colour = match status {
        Status::Queued => AnsiColor::Yellow,
        Status::Running => AnsiColor::Cyan,
        Status::Completed => AnsiColor::Green,
        Status::Error => AnsiColor::Red,
        Status::Cancelled => AnsiColor::Magenta,
    };
    colour.on_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fits_its_columns_however_wide_its_characters_are() {
        for (text, columns, fitted) in [
            ("plain", 5, "plain"),
            ("plainer", 5, "plai…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("a b c", 3, "a…"),
            ("\u{1b}[31mred", 4, "\u{fffd}[3…"),
            ("x", 0, ""),
        ] {
            assert_eq!(fit(text, columns), fitted, "{text} in {columns}");
            assert!(width(&cell(text, columns)) == columns, "{text} in {columns}");
        }
        let family = "👨\u{200d}👩\u{200d}👧 ❤\u{fe0f} e\u{301}".repeat(9);
        for columns in 0..40 {
            assert!(width(&fit(&family, columns)) <= columns);
        }
    }

    #[test]
    fn lines_are_broken_between_words_and_long_words_anywhere() {
        let screen = Screen { width: 11, height: 24 };
        assert_eq!(screen.wrapped("one two three four"), "one two\nthree four\n");
        assert_eq!(screen.wrapped_line("key one two three", 4), "key one\n    two\n    three\n");
        assert_eq!(screen.wrapped("go on `a b c` so"), "go on\n`a b c` so\n");
        assert_eq!(screen.wrapped("x `aaa bbb ccc`"), "x `aaa bbb\nccc`\n");
        assert_eq!(screen.wrapped("aaaaaaaaaaaaaaa"), "aaaaaaaaaa\naaaaa\n");
        for text in ["日本語日本語日本語 x", "a  b", ""] {
            assert!(screen.wrapped(text).lines().all(|line| width(line) <= 10), "{text}");
        }
    }
}
