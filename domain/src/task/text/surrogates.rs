//! Lone surrogates in JSON: a program that works in UTF-16, as JavaScript does, may cut a text within a
//! surrogate pair and escape one half alone, such as `\ud83d`.
//!
//! A parser that gives Unicode text has to refuse such a half, and with it the whole line. The same holds
//! for bytes that are no character, which a program leaves that cuts a text by its bytes. This module
//! replaces both; it never parses, and never fails.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// The length of an escape such as `\ud83d`, in bytes.
const ESCAPE: usize = 6;
/// The digits of U+FFFD, the replacement character.
const REPLACEMENT: &[u8] = b"fffd";

/// `json` with each lone surrogate replaced by the escape of U+FFFD.
///
/// The result is as long as `json`, so offsets in the one are offsets in the other.
pub fn without_lone_surrogates(json: &[u8]) -> Cow<'_, [u8]> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        at += match (half(&json[at..]), json.get(at + ESCAPE..).and_then(half)) {
            (None, _) => 2,
            (Some(Half::High), Some(Half::Low)) => 2 * ESCAPE,
            (Some(_), _) => {
                let digits = at + ESCAPE - REPLACEMENT.len()..at + ESCAPE;
                mended.get_or_insert_with(|| json.to_vec())[digits].copy_from_slice(REPLACEMENT);
                ESCAPE
            }
        };
        if at >= json.len() {
            break;
        }
    }
    mended.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// `json` as Unicode text: each lone surrogate and each byte that is no character is replaced by U+FFFD.
pub fn readable(json: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(json) {
        Cow::Borrowed(_) => without_lone_surrogates(json),
        Cow::Owned(text) => match without_lone_surrogates(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Owned(text.into_bytes()),
            Cow::Owned(mended) => Cow::Owned(mended),
        },
    }
}

/// Which half of a surrogate pair an escape names.
#[derive(Clone, Copy)]
enum Half {
    High,
    Low,
}

/// The half that `json` begins with, if it begins with the escape of one.
fn half(json: &[u8]) -> Option<Half> {
    match json.get(..ESCAPE)? {
        [b'\\', b'u', b'd' | b'D', digit, rest @ ..] if rest.iter().all(u8::is_ascii_hexdigit) => {
            match digit {
                b'8' | b'9' | b'a' | b'b' | b'A' | b'B' => Some(Half::High),
                b'c'..=b'f' | b'C'..=b'F' => Some(Half::Low),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::String;

    fn mended(json: &str) -> String {
        String::from_utf8(without_lone_surrogates(json.as_bytes()).into_owned()).expect("text")
    }

    #[test]
    fn half_a_character_becomes_the_sign_for_what_cannot_be_shown() {
        for (json, expected) in [
            (r#"{"a":"cut \ud83d here"}"#, r#"{"a":"cut \ufffd here"}"#),
            (r#""\uDE00""#, r#""\ufffd""#),
            (r#""\ud83d\ud83d\ude00\ude00""#, r#""\ufffd\ud83d\ude00\ufffd""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            (r"\ud83d", r"\ufffd"),
        ] {
            assert_eq!(mended(json), expected);
        }
    }

    #[test]
    fn whole_characters_other_escapes_and_escaped_backslashes_stay_as_they_are() {
        for json in [
            r#"{"a":"\ud83d\ude00","b":"\u00fc\ud7ff\ue000"}"#,
            r#""C:\\ud83d""#,
            r#""\"\\\/\b""#,
            r#""\ud8"#,
            r"\",
            "",
        ] {
            assert!(matches!(without_lone_surrogates(json.as_bytes()), Cow::Borrowed(_)), "{json}");
        }
    }

    #[test]
    fn bytes_that_are_no_character_become_that_sign_too() {
        let json = b"{\"a\":\"cut \xf0\x9f and \\ud83d\"}";
        let text = String::from_utf8(readable(json).into_owned()).expect("text");
        assert_eq!(text, "{\"a\":\"cut \u{fffd} and \\ufffd\"}");
        assert!(matches!(readable(b"\"whole\""), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn invariant_what_was_mended_has_no_lone_half_and_is_as_long_as_before(
            json in r#"(\\u[dD][89abcdef8C][0-9a-f]{2}|\\\\|\\n|[a-d8"])*"#
        ) {
            let once = mended(&json);
            prop_assert_eq!(once.len(), json.len());
            prop_assert_eq!(mended(&once), once);
        }
    }
}
