//! What was typed and what clap said of it, as a failure repeats them: short, and safe on a terminal.

use domain::task::text;

/// How much of what was typed is repeated, in characters.
const QUOTED: usize = 80;

/// What a number has to be, from the words that the standard library and clap have for one that is not.
pub(super) fn number_words(why: &str) -> Option<String> {
    if let Some((_, range)) = why.split_once(" is not in ") {
        let (low, high) = range.split_once("..=")?;
        return Some(format!("give a whole number from {low} to {high}"));
    }
    let of_numbers = ["invalid digit", "cannot parse integer", "number too"];
    let is_number = of_numbers.iter().any(|words| why.starts_with(words));
    is_number.then(|| "give a whole number, such as 20".to_owned())
}

/// Whether a word is a number below zero, and no option.
pub(super) fn is_negative(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What was typed, between backticks.
pub(super) fn quoted(word: &str) -> String {
    format!("`{}`", quotable(word))
}

/// What was typed, as one may show it.
pub(super) fn quotable(word: &str) -> String {
    text::preview(word, QUOTED)
}

/// What clap says first, without its "error".
pub(super) fn first_line(words: &str) -> String {
    words.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
