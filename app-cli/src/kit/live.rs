//! A few lines at the bottom of a terminal that are drawn anew in their place while somebody waits.
//!
//! Only what changed is written: where nothing does, not a byte is. Nothing here prints or waits. Main type: [`Live`].

use super::screen::{Screen, shown_width};

/// The lines as they stand on the terminal.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// What was drawn, without its styles.
    lines: Vec<String>,
    /// How wide the terminal was then.
    columns: usize,
}

impl Live {
    /// What to write so that the terminal shows these lines in place of the ones before; each is narrower than the
    /// terminal.
    pub(crate) fn draw(&mut self, lines: Vec<String>, screen: Screen) -> String {
        if lines == self.lines && screen.width == self.columns {
            return String::new();
        }
        let mut text =
            if screen.width == self.columns { up(self.lines.len()) } else { self.clear(screen) };
        for (at, now) in lines.iter().enumerate() {
            // The rest of a line goes once the new words stand there, so that nothing flickers.
            if self.lines.get(at) != Some(now) {
                text.push_str(&format!("{now}\u{1b}[K"));
            }
            text.push_str("\r\n");
        }
        if lines.len() < self.lines.len() {
            text.push_str("\u{1b}[J");
        }
        *self = Self { lines, columns: screen.width };
        text
    }

    /// What to write so that the lines are gone and the next word stands in their place.
    pub(crate) fn clear(&mut self, screen: Screen) -> String {
        // A terminal that was made narrower has broken the lines.
        let rows =
            self.lines.iter().map(|line| shown_width(line).div_ceil(screen.width.max(1)).max(1));
        let rows = rows.sum();
        self.lines.clear();
        if rows == 0 { String::new() } else { format!("{}\u{1b}[J", up(rows)) }
    }
}

/// What moves the cursor to the beginning of the line so many rows above.
fn up(rows: usize) -> String {
    if rows == 0 { "\r".to_owned() } else { format!("\r\u{1b}[{rows}A") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_written() {
        let (mut live, screen) = (Live::default(), Screen { width: 20, height: 5 });
        let lines = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let first = live.draw(lines(&["one", "two"]), screen);
        assert_eq!(first, "one\u{1b}[K\r\ntwo\u{1b}[K\r\n");
        assert_eq!(live.draw(lines(&["one", "two"]), screen), "");
        let changed = live.draw(lines(&["one", "2"]), screen);
        assert_eq!(changed, "\r\u{1b}[2A\r\n2\u{1b}[K\r\n");
        let fewer = live.draw(lines(&["one"]), screen);
        assert_eq!(fewer, "\r\u{1b}[2A\r\n\u{1b}[J");
        assert_eq!(live.clear(screen), "\r\u{1b}[1A\u{1b}[J");
        assert_eq!(live.clear(screen), "");
    }

    #[test]
    fn lines_that_a_narrower_terminal_broke_are_cleared_whole() {
        let (mut live, wide) = (Live::default(), Screen { width: 20, height: 5 });
        live.draw(vec!["x".repeat(18)], wide);
        assert_eq!(live.clear(Screen { width: 10, height: 5 }), "\r\u{1b}[2A\u{1b}[J");
    }
}
