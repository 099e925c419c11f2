//! Cutting text so that it fits, always at a character's border, and making text that others wrote safe
//! to show and to parse. Never interprets a text.

pub mod screen;
mod surrogates;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub use surrogates::{readable, without_lone_surrogates};

/// The first `limit` characters of `text`.
pub fn beginning(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
}

/// The last `limit` characters of `text`.
pub fn ending(text: &str, limit: usize) -> &str {
    match limit.checked_sub(1) {
        None => "",
        Some(back) => text.char_indices().rev().nth(back).map_or(text, |(start, _)| &text[start..]),
    }
}

/// `text`, or its first `limit` characters and an ellipsis.
pub fn preview(text: &str, limit: usize) -> String {
    let cut = beginning(text, limit);
    if cut.len() == text.len() { String::from(text) } else { format!("{cut}…") }
}

/// `text`, or its beginning and its end with an ellipsis between, together `limit` characters.
pub fn without_middle(text: &str, limit: usize) -> String {
    if beginning(text, limit).len() == text.len() {
        return text.into();
    }
    let kept = limit.saturating_sub(1);
    format!("{}…{}", beginning(text, kept.div_ceil(2)), ending(text, kept / 2))
}

/// `text` as a sentence that can be read: of a word longer than `word` characters, and of a whole longer than `whole`,
/// the middle gives way.
pub fn readable_sentence(text: &str, word: usize, whole: usize) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let words = words.map(|it| {
        let visible = it.trim_end();
        without_middle(visible, word) + &it[visible.len()..]
    });
    let words: String = words.collect();
    without_middle(&words, whole)
}

/// The most things that a sentence names of a longer list.
pub const NAMED: usize = 10;

/// The first `most` of `words`, and how many more there are.
pub fn some_of(words: &[impl AsRef<str>], most: usize) -> String {
    let shown: Vec<&str> = words.iter().take(most).map(AsRef::as_ref).collect();
    match words.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The last whole lines of `text` that have at most `limit` characters together, after an ellipsis if something
/// precedes them; of a last line that is longer, its end.
pub fn last_lines(text: &str, limit: usize) -> String {
    let text = text.trim_end();
    let end = ending(text, limit);
    let cut = text.len() - end.len();
    if cut == 0 {
        return String::from(text);
    }
    let is_whole = text[..cut].ends_with('\n');
    let whole = if is_whole { end } else { end.split_once('\n').map_or(end, |(_, lines)| lines) };
    let whole = if whole.trim().is_empty() { end } else { whole };
    format!("…{whole}")
}

/// How much of an answer's room a character takes that stands in a JSON string, in halves of a printed character:
/// twice the characters that are printed for it, or their bytes if those are more.
///
/// So what weighs at most 2n has at most n characters and 2n bytes.
pub const fn weight_of(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 4,
        '\0'..='\u{1f}' => 12,
        _ => {
            let bytes = c.len_utf8();
            if bytes > 2 { bytes } else { 2 }
        }
    }
}

/// What each byte of a text adds to the weight of its character: the first one all of it.
static WEIGHT_OF_BYTE: [u8; 256] = {
    let mut weights = [2; 256];
    let mut byte = 0;
    while byte < 256 {
        weights[byte] = match byte {
            0x22 | 0x5c | 0x0a | 0x0d | 0x09 | 0x08 | 0x0c | 0xf0.. => 4,
            0x00..=0x1f => 12,
            0x80..=0xbf => 0,
            0xe0..=0xef => 3,
            _ => 2,
        };
        byte += 1;
    }
    weights
};

/// The [weight](weight_of) of all characters of `text`. By its bytes, as an answer that is too long is weighed several times.
pub fn weight(text: &str) -> usize {
    text.bytes().map(|byte| usize::from(WEIGHT_OF_BYTE[usize::from(byte)])).sum()
}

/// The beginning and the end of `text`, each of at most half of `room` by [weight]; `None` if all of it has room.
pub fn ends_within(text: &str, room: usize) -> Option<(&str, &str)> {
    let fitting = |chars: &mut dyn Iterator<Item = char>| {
        let mut left = room / 2;
        let fits = chars.take_while(|c| {
            let fits = weight_of(*c) <= left;
            left = left.saturating_sub(weight_of(*c));
            fits
        });
        fits.map(char::len_utf8).sum::<usize>()
    };
    if weight(text) <= room {
        return None;
    }
    let (head, tail) = (fitting(&mut text.chars()), fitting(&mut text.chars().rev()));
    Some((&text[..head], &text[text.len() - tail..]))
}

/// `text` if it has at most `limit` bytes; else as much of its beginning as fits, and a last line
/// that says how much is missing.
pub fn at_most(text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let end = character_end(&text, limit);
    let missing = text.len() - end;
    format!("{}{}", &text[..end], more_bytes(missing))
}

/// The last line of a text of which so many bytes are missing, with the line break before it.
pub fn more_bytes(missing: usize) -> String {
    format!("\n[… {missing} more bytes]")
}

/// Adds as much of `piece` to `text` as `limit` bytes hold together, and returns how many bytes did not fit.
pub fn add_within(text: &mut String, piece: &str, limit: usize) -> usize {
    let end = character_end(piece, limit.saturating_sub(text.len()));
    text.push_str(&piece[..end]);
    piece.len() - end
}

/// Where the last character of `text` ends that is whole within `limit` bytes.
pub fn character_end(text: &str, limit: usize) -> usize {
    let limit = limit.min(text.len());
    (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0)
}

/// `text` without anything a terminal would act on: control characters other than line breaks and tabs,
/// and characters that change the direction of text, become `\u{fffd}`.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if acts_on_terminal(c) { '\u{fffd}' } else { c }).collect()
}

/// A number of things of one kind: `1 task`, `2 tasks`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `text` on one line, [`harmless`], cut at `limit` characters.
pub fn one_line(text: &str, limit: usize) -> String {
    // No more words than can be shown: a result may have megabytes.
    let words: Vec<&str> = text.split_whitespace().take(limit.saturating_add(1)).collect();
    preview(&harmless(&words.join(" ")), limit)
}

fn acts_on_terminal(c: char) -> bool {
    // Tags, marks of annotations and of the order of bytes are shown as nothing, and read by programs.
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    #[test]
    fn of_a_long_list_the_first_are_named_and_the_others_counted() {
        let words = ["a", "b", "c"];
        assert_eq!(super::some_of(&words, 3), "a, b, c");
        assert_eq!(super::some_of(&words, 2), "a, b and 1 more");
        assert_eq!(super::some_of(&[""; 0], 2), "");
    }

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn invariant_a_beginning_and_an_ending_are_parts_of_the_whole(text in "\\PC{0,60}", limit in 0usize..80) {
            prop_assert!(text.starts_with(beginning(&text, limit)));
            prop_assert!(text.ends_with(ending(&text, limit)));
            prop_assert_eq!(beginning(&text, limit).chars().count(), text.chars().count().min(limit));
            prop_assert_eq!(ending(&text, limit).chars().count(), text.chars().count().min(limit));
        }
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_gets_through() {
        let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}ok\r\u{9b}31m\u{202e}drow\u{61c}\u{2028}\n\ttab";
        let shown = harmless(hostile);
        assert!(
            !shown.contains(['\u{1b}', '\u{7}', '\r', '\u{9b}', '\u{202e}', '\u{61c}', '\u{2028}'])
        );
        assert!(shown.ends_with("drow\u{fffd}\u{fffd}\n\ttab"));
        assert_eq!(one_line(" a\n\tb  c ", 3), "a b…");
        assert_eq!(harmless("a\u{e0021}b\u{feff}c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn last_lines_are_whole_unless_one_alone_is_too_long() {
        assert_eq!(last_lines("one\ntwo\nthree\n", 9), "…two\nthree");
        assert_eq!(last_lines("one\ntwo\nthree\n", 8), "…three");
        assert_eq!(last_lines("one\ntwo\nthree", 13), "one\ntwo\nthree");
        assert_eq!(last_lines("a long line", 4), "…line");
        assert_eq!(last_lines("", 4), "");
    }

    #[test]
    fn a_character_weighs_what_is_printed_for_it() {
        assert_eq!(['a', 'ä', '漢', '😀', '"', '\n', '\0'].map(weight_of), [2, 2, 3, 4, 4, 4, 12]);
        let some_of_all = ('\0'..='\u{17ff}').chain('\u{fff0}'..='\u{1_0010}').chain([char::MAX]);
        for c in some_of_all {
            assert_eq!(weight(c.encode_utf8(&mut [0; 4])), weight_of(c), "{c:?}");
        }
        assert_eq!(weight("a漢"), 5);
    }

    #[test]
    fn of_a_word_and_of_a_sentence_that_is_too_long_the_middle_gives_way() {
        assert_eq!(without_middle("abcdefgh", 5), "ab…gh");
        assert_eq!(without_middle("abcdefgh", 6), "abc…gh");
        assert_eq!(without_middle("abc", 3), "abc");
        assert_eq!(readable_sentence("no `aaaaaaaa` in ää", 5, 99), "no `a…a` in ää");
        assert_eq!(readable_sentence("one two three", 9, 7), "one…ree");
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        assert_eq!(at_most("äöü".into(), 3), "ä\n[… 4 more bytes]");
        assert_eq!(at_most("abc".into(), 3), "abc");
    }
}
