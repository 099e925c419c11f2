//! The header of each file: what it is for and what it never does.
//!
//! The rule holds the form only, a sentence at the top; whether the sentence is true, readers have
//! to see.

use crate::tidy::source::Source;
use crate::tidy::{Finding, Tree};

/// Fewer words than this say nothing about a file.
const WORDS: usize = 4;

/// Finds files without a header.
pub(crate) fn headers(tree: &Tree<'_>) -> Vec<Finding> {
    tree.sources.iter().filter_map(missing).collect()
}

fn missing(source: &Source) -> Option<Finding> {
    let header = header(source.text());
    let what = if header.is_empty() {
        "no `//!` header on the first line"
    } else if header.to_lowercase().contains("placeholder") {
        "the header is a placeholder"
    } else if !header.ends_with(['.', ':', '?', '!']) || header.split_whitespace().count() < WORDS {
        "the first paragraph of the header is no full sentence"
    } else {
        return None;
    };
    Some(source.finding(0, format!("{what}: say what the file is for and what it never does")))
}

/// The first paragraph of the header.
fn header(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    let paragraph = lines.map(str::trim).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::missing;
    use crate::tidy::source::Source;

    fn words(text: &str) -> Option<String> {
        missing(&Source::new("a.rs", text)).map(|finding| finding.words)
    }

    #[test]
    fn a_sentence_is_enough_even_over_two_lines() {
        assert_eq!(words("//! Reads the records\n//! and nothing else.\n//!\n//! More\n"), None);
    }

    #[test]
    fn what_says_nothing_is_found() {
        assert!(
            words("use std::fs;\n//! Late header, after code.\n").unwrap().starts_with("no `//!`")
        );
        assert!(words("//! Records.\n").unwrap().contains("no full sentence"));
        assert!(words("//! Reads the records\n").unwrap().contains("no full sentence"));
        let standing_in = "//! Placeholder while this is being written.\n";
        assert!(words(standing_in).unwrap().contains("is a placeholder"));
    }
}
