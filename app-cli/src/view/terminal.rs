//! Text for a terminal: harmless, aligned, and short where it has to be.

use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

/// `text` without anything a terminal would act on: control characters other than line breaks and
/// tabs, and characters that turn the direction of reading, become `�`.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if acts_on_terminal(c) { '\u{fffd}' } else { c }).collect()
}

/// The same on one line.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    domain::task::text::preview(&harmless(&words.join(" ")), limit)
}

fn acts_on_terminal(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A table for people.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}

/// The table as text.
pub(crate) fn lines(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A cell of a Markdown table.
pub(crate) fn cell(text: &str) -> String {
    one_line(text, 200).replace('|', "\\|")
}

/// A span of time as people say it: `4s`, `3m12s`, `2h05m`, `3d04h`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if days > 0 {
        format!("{days}d{:02}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_gets_through() {
        let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}ok\r\u{9b}31m\u{202e}drow\n\ttab";
        let shown = harmless(hostile);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\r', '\u{9b}', '\u{202e}']));
        assert!(shown.ends_with("drow\n\ttab"));
    }

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        for (seconds, said) in [(4, "4s"), (192, "3m12s"), (7_500, "2h05m"), (273_600, "3d04h")] {
            assert_eq!(span(Duration::from_secs(seconds)), said);
        }
    }
}
