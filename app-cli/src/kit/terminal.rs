//! Text for a terminal: harmless, aligned, and short where it has to be.

use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
pub(crate) use domain::task::text::{harmless, one_line};

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

/// A table, with what a person has to know besides.
pub(crate) struct Rows<const N: usize> {
    /// The heads of the columns.
    pub(crate) head: [&'static str; N],
    /// The cells of each row, fit for a terminal.
    pub(crate) cells: Vec<[String; N]>,
    /// A line each.
    pub(crate) remarks: String,
}

impl<const N: usize> Rows<N> {
    /// For people.
    pub(crate) fn table(self) -> String {
        let mut table = table(&self.head);
        for row in self.cells {
            table.add_row(row);
        }
        format!("{}{}", lines(&table), self.remarks)
    }

    /// For documents, whatever the cells hold.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: [String; N]| format!("| {} |\n", cells.join(" | "));
        let rows = self.cells.iter().map(|row| line(row.each_ref().map(|text| cell(text))));
        let head = line(self.head.map(str::to_lowercase)) + &"|---".repeat(N) + "|\n";
        format!("{head}{}\n{}", rows.collect::<String>(), self.remarks)
    }
}

/// A span of time as people say it: `4s`, `3m12s`, `2h05m`, `3d04h`.
pub(crate) fn span(span: Duration) -> String {
    // What is short is said as near as can be: `sleep 1` took one second, however early somebody looked at the clock.
    let half = Duration::from_millis(if span.as_secs() < 60 { 500 } else { 0 });
    let seconds = span.saturating_add(half).as_secs();
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

/// The same in the largest unit alone: `4s`, `3m`, `2h`, `3d`.
pub(crate) fn rough_span(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= *unit);
    let (unit, name) = unit.unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        for (seconds, said) in [(4, "4s"), (192, "3m12s"), (7_500, "2h05m"), (273_600, "3d04h")] {
            assert_eq!(span(Duration::from_secs(seconds)), said);
        }
    }
}
