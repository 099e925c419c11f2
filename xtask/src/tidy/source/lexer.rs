//! Tells comments and literals from code.
//!
//! The lexer knows what Rust has of both: nested block comments, escapes, raw strings, byte and C strings, characters
//! next to lifetimes. It never fails: text that is not Rust gives some split or other. Main function: [`split`].

/// A string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Where its opening quote is.
    pub(crate) quote: usize,
    /// What stands between the quotes, escapes as written.
    pub(crate) value: String,
}

/// The code of `text`, with comments and the insides of literals as spaces, and its string literals.
pub(crate) fn split(text: &str) -> (String, Vec<Literal>) {
    let mut lexer =
        Lexer { text, at: 0, code: String::with_capacity(text.len()), literals: vec![] };
    while lexer.at < text.len() {
        lexer.next();
    }
    (lexer.code, lexer.literals)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    code: String,
    literals: Vec<Literal>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Takes one comment, literal or character.
    fn next(&mut self) {
        let rest = self.rest();
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment(rest));
        } else if let Some(inside) = rest.strip_prefix('"').map(escaped_string) {
            self.string(0, inside);
        } else if let Some((prefix, hashes)) = self.raw_prefix() {
            self.keep(prefix);
            let end = format!("\"{}", "#".repeat(hashes));
            let inside = self.rest()[1..].find(&end);
            self.string(hashes, inside.unwrap_or(self.rest().len().saturating_sub(1)));
        } else if rest.starts_with('\'') {
            match character(rest) {
                Some(length) => self.blank(length),
                // A lifetime.
                None => self.keep(1),
            }
        } else {
            self.keep(rest.chars().next().map_or(1, char::len_utf8));
        }
    }

    /// At `r"`, `r#"`, `br"`, `cr#"`, ...: the bytes before the quote, and how many hashes they hold.
    fn raw_prefix(&self) -> Option<(usize, usize)> {
        let inside_a_word = |c: char| c.is_alphanumeric() || c == '_';
        if self.text[..self.at].ends_with(inside_a_word) {
            return None;
        }
        let rest = self.rest();
        let letters = ["r", "br", "cr"].into_iter().find(|letters| {
            rest.strip_prefix(letters).is_some_and(|after| after.starts_with(['#', '"']))
        })?;
        let after = &rest[letters.len()..];
        let hashes = after.len() - after.trim_start_matches('#').len();
        after[hashes..].starts_with('"').then_some((letters.len() + hashes, hashes))
    }

    /// Takes a string whose opening quote is next and which holds `inside` bytes.
    fn string(&mut self, hashes: usize, inside: usize) {
        let quote = self.at;
        self.keep(1);
        self.literals.push(Literal { quote, value: self.rest()[..inside].to_owned() });
        self.blank(inside);
        self.keep((1 + hashes).min(self.rest().len()));
    }

    fn keep(&mut self, bytes: usize) {
        self.code.push_str(&self.text[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn blank(&mut self, bytes: usize) {
        for byte in self.text[self.at..self.at + bytes].bytes() {
            self.code.push(if byte == b'\n' { '\n' } else { ' ' });
        }
        self.at += bytes;
    }
}

/// The length of the block comment that `text` begins with.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(found) = text[at..].find(['/', '*']) {
        at += found;
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// How many bytes come before the quote that ends a string with escapes.
fn escaped_string(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.unwrap_or(text.len())
}

/// The length of the character literal that `text` begins with; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut chars = text[1..].char_indices();
    match chars.next()? {
        (_, '\\') => {
            // The escaped character itself may be a quote.
            chars.next();
            let (end, _) = chars.find(|(_, c)| *c == '\'')?;
            Some(end + 2)
        }
        _ => chars.next().filter(|(_, c)| *c == '\'').map(|(end, _)| end + 2),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    fn values(text: &str) -> Vec<String> {
        split(text).1.into_iter().map(|literal| literal.value).collect()
    }

    #[test]
    fn comments_are_not_code() {
        let (code, literals) = split("a // \"b\"\n/* c /* \"d\" */ e */ f /// g");
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "f"]);
        assert!(literals.is_empty());
    }

    #[test]
    fn strings_of_every_kind_are_found_once() {
        let text = r###"f("a // b", b"c\"d", r"e\", r#"f"g"#, br##"h"#i"##, c"j", "")"###;
        assert_eq!(values(text), ["a // b", r#"c\"d"#, r"e\", r#"f"g"#, r##"h"#i"##, "j", ""]);
    }

    #[test]
    fn characters_and_lifetimes_do_not_open_strings() {
        let text = r#"x<'a>('"', '\'', '\\', b'"', '\u{1F600}', 'ä', r#type, "s")"#;
        assert_eq!(values(text), ["s"]);
    }

    #[test]
    fn code_keeps_its_offsets() {
        let text = "ä = \"ö\"; // ü\nlet x = 'é';";
        let (code, literals) = split(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(code.find("let x"), text.find("let x"));
        assert_eq!(literals[0].quote, text.find('"').unwrap());
    }

    #[test]
    fn unfinished_text_ends() {
        for text in ["\"abc", "/* a", "r#\"abc", "'", "'\\", "b'", "r\"", "\"a\\"] {
            assert_eq!(split(text).0.len(), text.len(), "{text}");
        }
    }
}
