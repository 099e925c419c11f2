//! A terminal's size, and texts that fit it: so many columns wide, never broken by the terminal.
//!
//! Widths are summed over characters, as terminals do, so that no text is wider than it is counted. Nothing here
//! prints. Main type: [`Screen`].

use std::ops::RangeInclusive;
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
        let is_wide = |line: &str| shown_width(line) > self.width;
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
            if column > indent && column + shown_width(word.trim_end()) > room {
                text.truncate(text.trim_end_matches(' ').len());
                column = broken(&mut text);
            }
            // The sequence that begins and ends a style takes no room.
            let mut in_style = false;
            for c in word.chars() {
                in_style |= c == '\u{1b}';
                let columns = if in_style { 0 } else { of(c) };
                in_style &= c != 'm';
                if column + columns > room {
                    if c == ' ' {
                        continue;
                    }
                    column = broken(&mut text);
                }
                text.push(c);
                column += columns;
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

/// What the tables of Unicode call zero columns wide and some terminals show: a mark that makes a symbol a picture, a
/// hyphen for the end of a line, vowel signs and tone marks that stand beside their letter, signs before a number, and
/// fillers; each with how wide it is there.
const UNSURE: [(RangeInclusive<char>, usize); 31] = [
    ('\u{ad}'..='\u{ad}', 1),
    ('\u{600}'..='\u{605}', 1),
    ('\u{6dd}'..='\u{6dd}', 1),
    ('\u{70f}'..='\u{70f}', 1),
    ('\u{890}'..='\u{891}', 1),
    ('\u{8e2}'..='\u{8e2}', 1),
    ('\u{9be}'..='\u{9be}', 1),
    ('\u{9d7}'..='\u{9d7}', 1),
    ('\u{b3e}'..='\u{b3e}', 1),
    ('\u{b57}'..='\u{b57}', 1),
    ('\u{bbe}'..='\u{bbe}', 1),
    ('\u{bd7}'..='\u{bd7}', 1),
    ('\u{cc0}'..='\u{cd6}', 1),
    ('\u{d3e}'..='\u{d3e}', 1),
    ('\u{d57}'..='\u{d57}', 1),
    ('\u{dcf}'..='\u{ddf}', 1),
    ('\u{1160}'..='\u{11ff}', 1),
    ('\u{1715}'..='\u{1734}', 1),
    ('\u{1b35}'..='\u{1b44}', 1),
    ('\u{1baa}'..='\u{1bf3}', 1),
    ('\u{302e}'..='\u{302f}', 2),
    ('\u{3164}'..='\u{3164}', 2),
    ('\u{a953}'..='\u{a953}', 1),
    ('\u{a9c0}'..='\u{a9c0}', 1),
    ('\u{d7b0}'..='\u{d7fb}', 1),
    ('\u{fe0f}'..='\u{fe0f}', 1),
    ('\u{ff9e}'..='\u{ff9f}', 1),
    ('\u{ffa0}'..='\u{ffa0}', 1),
    ('\u{110bd}'..='\u{110cd}', 1),
    ('\u{111c0}'..='\u{1193d}', 1),
    ('\u{1d165}'..='\u{1d172}', 1),
];

/// How wide a character is, in columns.
fn of(c: char) -> usize {
    let width = c.width().unwrap_or(0);
    // Where terminals do not agree, the widest counts: a line that is too short harms nobody.
    if width == 0 {
        UNSURE.iter().filter(|(unsure, _)| unsure.contains(&c)).map(|(_, wide)| *wide).sum()
    } else {
        width
    }
}

/// How wide a text is, in columns.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(of).sum()
}

/// The same without the sequences that begin and end a style.
pub(crate) fn shown_width(text: &str) -> usize {
    width(&anstream::adapter::strip_str(text).to_string())
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

/// A text on one line, harmless, in at most so many columns, of which the first `lead` characters and the end are kept.
pub(crate) fn fit_ends(text: &str, lead: usize, columns: usize) -> String {
    let line = one_line(text, text.len().saturating_add(1));
    let split = line.char_indices().nth(lead).map_or(line.len(), |(at, _)| at);
    let (words, rest) = line.split_at(split);
    let room = columns.saturating_sub(width(words));
    if width(&line) <= columns || room < width(words).max(1) {
        return fit(&line, columns);
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += of(*c);
        used <= room
    };
    let kept: usize = rest.chars().rev().take_while(fits).map(char::len_utf8).sum();
    let end = rest[rest.len() - kept..].trim_start_matches([' ', '…']);
    // A mark belongs to the character before it, which is not there.
    let end = end.trim_start_matches(|c| of(c) == 0);
    format!("{words}…{end}")
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
        // What terminals show as one or two columns each.
        for shown in [
            "\u{ad}", "\u{bbe}", "\u{d57}", "\u{1b35}", "\u{302e}", "\u{3164}", "\u{ffa0}",
            "\u{8e2}",
        ] {
            assert!(width(shown) > 0, "{shown:?}");
        }
        assert_eq!(width("e\u{301}"), 1);
        let family = "👨\u{200d}👩\u{200d}👧 ❤\u{fe0f} e\u{301}".repeat(9);
        for columns in 0..40 {
            assert!(width(&fit(&family, columns)) <= columns);
        }
    }

    #[test]
    fn of_a_log_the_end_stays_behind_the_words_about_it() {
        for (text, lead, columns, fitted) in [
            ("code 1: one two three FAILED", 8, 17, "code 1: …e FAILED"),
            ("code 1: FAILED", 8, 14, "code 1: FAILED"),
            ("one two three", 0, 6, "…three"),
            ("code 1: one two three FAILED", 8, 9, "code 1:…"),
            ("日本語日本語", 0, 5, "…本語"),
        ] {
            assert_eq!(fit_ends(text, lead, columns), fitted, "{text} in {columns}");
        }
        let family = "👨\u{200d}👩\u{200d}👧 ❤\u{fe0f} e\u{301}".repeat(9);
        for columns in 0..40 {
            assert!(width(&fit_ends(&family, columns % 5, columns)) <= columns);
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
