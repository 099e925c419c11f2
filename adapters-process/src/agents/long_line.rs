//! A line of JSON that is too long to hold: its texts are cut, and all the rest of it is kept.
//!
//! What an agent found at last may be tens of megabytes long, and stands in one line with what it used up. A
//! [`LongLine`] takes such a line piece by piece and makes a shorter one of it that means the same, but for texts that
//! end early. It does not check whether the line is JSON.

use domain::run::account::RESULT_LIMIT;

/// The most bytes of one text that are kept: as much as is recorded of one, but for the words that say how much is
/// missing.
const TEXT_LIMIT: usize = RESULT_LIMIT - 64;

/// A line that is being shortened.
#[derive(Debug, Default)]
pub(super) struct LongLine {
    in_text: bool,
    /// The next byte belongs to the backslash before it.
    escaped: bool,
    /// How many digits of a character that is given by its number are still to come.
    digits: u8,
    /// How many bytes of the text were kept, and how many not.
    kept: usize,
    missing: usize,
}

impl LongLine {
    /// Takes the next piece of the line, and appends to `line` what is kept of it.
    pub(super) fn shorten(&mut self, piece: &[u8], line: &mut Vec<u8>) {
        for byte in piece {
            self.take(*byte, line);
        }
    }

    fn take(&mut self, byte: u8, line: &mut Vec<u8>) {
        if !self.in_text {
            self.in_text = byte == b'"';
            (self.kept, self.missing) = (0, 0);
            return line.push(byte);
        }
        // A text ends early only where a character of it does.
        let begins = !self.escaped && self.digits == 0 && byte & 0xc0 != 0x80;
        if self.escaped {
            self.escaped = false;
            self.digits = if byte == b'u' { 4 } else { 0 };
        } else if self.digits > 0 {
            self.digits -= 1;
        } else if byte == b'"' {
            self.in_text = false;
            if self.missing > 0 {
                let words = format!(r"\n[\u2026 {} more bytes]", self.missing);
                line.extend_from_slice(words.as_bytes());
            }
            return line.push(byte);
        } else {
            self.escaped = byte == b'\\';
        }
        if self.missing > 0 || (self.kept >= TEXT_LIMIT && begins) {
            self.missing += 1;
        } else {
            self.kept += 1;
            line.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// The line, shortened in pieces of so many bytes.
    fn shortened(line: &str, pieces: usize) -> String {
        let (mut long, mut short) = (LongLine::default(), Vec::new());
        line.as_bytes().chunks(pieces).for_each(|piece| long.shorten(piece, &mut short));
        String::from_utf8(short).expect("text")
    }

    #[test]
    fn short_texts_stay_as_they_are() {
        let line = r#"{"a":"b\"c\\","d\u00e9":[1,"",{"é":null}]}"#;
        for pieces in 1..line.len() {
            assert_eq!(shortened(line, pieces), line);
        }
    }

    #[test]
    fn a_long_text_ends_where_a_character_does_and_what_follows_is_kept() {
        for character in ["x", "é", "🦀", r#"\""#, r"\\", r"\u00e9"] {
            for offset in 0..6 {
                let text = format!("{}{}", "y".repeat(offset), character.repeat(TEXT_LIMIT + 9));
                let line = format!(r#"{{"text":"{text}","after":"kept"}}"#);
                let short = shortened(&line, 70_001);
                let value: Value = serde_json::from_str(&short).expect("it is JSON still");
                assert_eq!(value["after"], "kept");
                let text = value["text"].as_str().expect("a text");
                assert!(text.len() > TEXT_LIMIT / 8 && text.len() <= RESULT_LIMIT);
                let (_, words) = text.rsplit_once('\n').expect("it says that it was cut");
                let missing: usize =
                    words.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a number");
                let said = format!(r"\n[\u2026 {missing} more bytes]").len();
                assert_eq!(short.len() - said + missing, line.len());
            }
        }
    }
}
