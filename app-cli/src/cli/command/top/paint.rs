//! From one screen to the next: the bytes that a terminal needs for what differs. Nothing here writes them.
//!
//! Terminals do not agree on how wide some characters are: marks, vowel signs that stand beside their letter, pictures. So
//! the cursor is set anew behind each that one may doubt, and where one comes or goes the whole row is written: nothing
//! stays behind that no cell has any more. Main function: [`painted`].

use ratatui::backend::{Backend as _, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};

/// What is written to a terminal that shows `before` so that it shows `next`, which has the same size.
///
/// A character that takes several columns is in the first of its cells, and the others have an empty text.
pub(super) fn painted(before: &Buffer, next: &Buffer) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in 0..next.area().height {
        let cells = |of| cells(of, row);
        let (old, new): (Vec<_>, Vec<_>) = (cells(before).collect(), cells(next).collect());
        if old == new {
            continue;
        }
        if old.iter().chain(&new).all(|(_, cell)| is_sure(cell.symbol())) {
            let changed = new.iter().zip(&old).filter(|(new, old)| new != old);
            let changed: Vec<(u16, &Cell)> = changed.map(|(new, _)| *new).collect();
            paint(&mut bytes, row, &changed);
        } else {
            whole(&mut bytes, row, &new);
        }
    }
    bytes
}

/// The cells of a row, with their columns.
fn cells(of: &Buffer, row: u16) -> impl Iterator<Item = (u16, &Cell)> {
    (0..of.area().width).filter_map(move |column| Some((column, of.cell((column, row))?)))
}

/// Writes a row anew: blanks first, and then each text at its column.
fn whole(bytes: &mut Vec<u8>, row: u16, cells: &[(u16, &Cell)]) {
    let blank = |cell: &Cell| {
        let mut blank = cell.clone();
        blank.set_symbol(" ");
        blank
    };
    let blanks: Vec<Cell> = cells.iter().map(|(_, cell)| blank(cell)).collect();
    let blanks: Vec<(u16, &Cell)> =
        cells.iter().zip(&blanks).map(|((column, _), blank)| (*column, blank)).collect();
    paint(bytes, row, &blanks);
    let texts: Vec<(u16, &Cell)> =
        cells.iter().filter(|(_, cell)| cell.symbol() != " ").copied().collect();
    // Each part ends behind a text whose width is in doubt, and the next begins with its place.
    for part in texts.split_inclusive(|(_, cell)| !is_sure(cell.symbol())) {
        paint(bytes, row, part);
    }
}

/// Writes cells of a row; the cursor is set wherever one does not follow the one before.
fn paint(bytes: &mut Vec<u8>, row: u16, cells: &[(u16, &Cell)]) {
    let shown = cells.iter().filter(|(_, cell)| !cell.symbol().is_empty());
    let placed: Vec<(u16, u16, &Cell)> =
        shown.map(|(column, cell)| (*column, row, *cell)).collect();
    if !placed.is_empty() {
        // Writing to memory cannot fail.
        drop(CrosstermBackend::new(bytes).draw(placed.into_iter()));
    }
}

/// Whether every terminal gives a text the same width: plain letters, lines and arrows, and what East Asian scripts
/// consist of.
fn is_sure(symbol: &str) -> bool {
    let mut characters = symbol.chars();
    let (first, more) = (characters.next(), characters.next());
    let is_plain = |c| {
        matches!(
            c,
            ' '..='~'
                | '\u{a1}'..='\u{ac}'
                | '\u{ae}'..='\u{2ff}'
                | '\u{370}'..='\u{482}'
                | '\u{48a}'..='\u{556}'
                | '\u{2010}'..='\u{2027}'
                | '\u{2030}'..='\u{205e}'
                | '\u{2190}'..='\u{2319}'
                | '\u{23ce}'
                | '\u{2500}'..='\u{25ff}'
                | '\u{3000}'..='\u{3029}'
                | '\u{3041}'..='\u{3096}'
                | '\u{30a0}'..='\u{312f}'
                | '\u{3190}'..='\u{a4c6}'
                | '\u{ac00}'..='\u{d7a3}'
                | '\u{ff01}'..='\u{ff60}'
                | '\u{fffd}'
        )
    };
    first.is_none_or(is_plain) && more.is_none()
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn row(symbols: &[&str]) -> Buffer {
        let width = u16::try_from(symbols.len()).expect("a few");
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
        for (cell, symbol) in buffer.content.iter_mut().zip(symbols) {
            cell.set_symbol(symbol).set_style(Style::new());
        }
        buffer
    }

    fn text(before: &[&str], next: &[&str]) -> String {
        let bytes = painted(&row(before), &row(next));
        let text = String::from_utf8(bytes).expect("text");
        // What resets the style says nothing here.
        text.replace("\u{1b}[39m\u{1b}[49m", "").replace("\u{1b}[59m", "").replace("\u{1b}[0m", "")
    }

    #[test]
    fn of_plain_text_what_changed_is_written_and_of_doubtful_text_the_whole_row() {
        assert_eq!(text(&["a", "b", "c"], &["a", "b", "c"]), "");
        assert_eq!(text(&["a", "b", "c"], &["a", "x", "c"]), "\u{1b}[1;2Hx");
        assert_eq!(text(&["日", "", "c"], &["a", "b", "c"]), "\u{1b}[1;1Hab");
        assert_eq!(text(&["a", "b", "c"], &["日", "", "c"]), "\u{1b}[1;1H日");
        // The letter behind the mark has a place of its own, however wide that is.
        let marked = text(&["a", "b", "c", "d"], &["षि", "", "c", "d"]);
        assert_eq!(marked, "\u{1b}[1;1H    \u{1b}[1;1Hषि\u{1b}[1;3Hcd");
        // Nothing of it stays.
        assert_eq!(text(&["षि", "", "c"], &["a", "b", "c"]), "\u{1b}[1;1H   \u{1b}[1;1Habc");
    }
}
