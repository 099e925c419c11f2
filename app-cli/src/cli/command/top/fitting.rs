//! Texts made to fit the columns that there are for them. Whatever somebody wrote goes through [`cells`]: no byte that a
//! terminal acts on is in what it returns. Nothing here draws.

use domain::task::text;

use crate::kit::screen::{before_ellipsis, width};

/// A text in so many columns, on one line, harmless.
pub(super) fn cells(text: &str, columns: usize) -> String {
    // No more than can be shown is looked at: a result may have megabytes.
    let beginning = text::beginning(text, columns.saturating_mul(3).saturating_add(3));
    let is_break = |c| matches!(c, '\n' | '\t' | '\u{2028}' | '\u{2029}');
    let line = text::harmless(beginning).replace(is_break, " ");
    if width(&line) <= columns && beginning.len() == text.len() {
        return line;
    }
    let mut cut = before_ellipsis(&line, columns);
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// What is said of all tasks, in so many columns. Only whole parts of it are left out: a number that is cut is another one.
pub(super) fn heading(words: &str, columns: usize) -> String {
    let named = format!("task-bg  {words}");
    if let Some(fits) = [&named, words].into_iter().find(|text| width(text) <= columns) {
        return fits.to_owned();
    }
    let ends = words.rmatch_indices(", ").map(|(at, _)| format!("{}, …", &words[..at]));
    let total = words.split_once(':').map(|(total, _)| total.to_owned());
    let mut shorter = ends.chain(total).filter(|text| width(text) <= columns);
    shorter.next().unwrap_or_else(|| cells(words, columns))
}

/// The end of a text, as much as there are columns for.
pub(super) fn ending(text: &str, columns: usize) -> &str {
    let mut left = columns;
    let fits = |(_, c): &(usize, char)| {
        let taken = left.checked_sub(width(c.encode_utf8(&mut [0; 4])));
        left = taken.unwrap_or(0);
        taken.is_some()
    };
    let start = text.char_indices().rev().take_while(fits).last();
    start.map_or("", |(start, _)| &text[start..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn of_the_title_whole_parts_alone_are_left_out() {
        let words = "48 tasks: 2 running, 25 completed, 13 error";
        for (columns, heading) in [
            (60, "task-bg  48 tasks: 2 running, 25 completed, 13 error"),
            (43, "48 tasks: 2 running, 25 completed, 13 error"),
            (42, "48 tasks: 2 running, 25 completed, …"),
            (30, "48 tasks: 2 running, …"),
            (12, "48 tasks"),
            (5, "48 t…"),
        ] {
            assert_eq!(super::heading(words, columns), heading, "{columns}");
        }
    }
}
