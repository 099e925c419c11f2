//! One Rust source, split into what is code, what is comment, what is a string, and what only tests see.
//!
//! The split knows as much of the language as that takes, and no more: it never parses an expression. Main type:
//! [`Source`].

use std::ops::Range;

use crate::tidy::Finding;

mod lexer;

pub(crate) use lexer::Literal;

/// A source file.
#[derive(Debug)]
pub(crate) struct Source {
    path: String,
    text: String,
    /// As long as `text`, byte for byte, with comments and the insides of literals as spaces.
    code: String,
    literals: Vec<Literal>,
    /// Where items are that only tests see.
    tests: Vec<Range<usize>>,
}

impl Source {
    /// Splits `text`, the content of `path` (from the root of the repository, with slashes).
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let (code, literals) = lexer::split(&text);
        let tests = if is_for_tests(&path) {
            std::iter::once(0..text.len()).collect()
        } else {
            test_items(&code)
        };
        Self { path, text, code, literals, tests }
    }

    /// The path from the root of the repository.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text without comments and without what literals hold; offsets are those of the text.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The string literals.
    pub(crate) fn literals(&self) -> &[Literal] {
        &self.literals
    }

    /// Where `needle` occurs in code that is shipped.
    pub(crate) fn shipped<'a>(&'a self, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code.match_indices(needle).map(|(at, _)| at).filter(|at| self.is_shipped(*at))
    }

    /// Whether what stands at `offset` is part of a shipped build.
    pub(crate) fn is_shipped(&self, offset: usize) -> bool {
        !self.tests.iter().any(|range| range.contains(&offset))
    }

    /// A finding at `offset`.
    pub(crate) fn finding(&self, offset: usize, words: impl Into<String>) -> Finding {
        let line = self.text[..offset].matches('\n').count() + 1;
        Finding { path: self.path.clone(), line, words: words.into() }
    }
}

/// Whether the whole file is only for tests, by where it lies.
fn is_for_tests(path: &str) -> bool {
    let inner = path.split_once('/').map_or(path, |(_, inner)| inner);
    let part = |part: &str| matches!(part, "tests" | "tests.rs" | "benches" | "boundary");
    path.starts_with("tests/")
        || path.starts_with("domain/src/testing")
        || inner.split('/').any(part)
}

/// The ranges of items behind a `cfg` that names `test`.
fn test_items(code: &str) -> Vec<Range<usize>> {
    const MARKS: [&str; 2] = ["#[cfg(test)]", "#[cfg(any(test"];
    let mut starts: Vec<usize> =
        MARKS.iter().flat_map(|mark| code.match_indices(mark)).map(|(at, _)| at).collect();
    starts.sort_unstable();
    starts.into_iter().map(|start| start..item_end(code, start)).collect()
}

/// The end of the item whose attributes begin at `start`: its semicolon or its closing brace.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && byte == b'}' {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn shipped(path: &str, text: &str) -> Vec<usize> {
        Source::new(path, text).shipped("join").collect()
    }

    #[test]
    fn what_only_tests_see_is_not_shipped() {
        let text = "a.join(b);\n#[cfg(test)]\nuse x::{join};\nfn f() { c.join(d) }\n\
            #[cfg(test)]\nmod tests { fn g() { e.join(f) } }\n";
        assert_eq!(shipped("adapters-fs/src/a.rs", text), [2, text.find("c.join").unwrap() + 2]);
        assert!(shipped("adapters-fs/src/a/tests.rs", text).is_empty());
        assert!(shipped("adapters-fs/tests/a.rs", text).is_empty());
        assert!(shipped("tests/src/a.rs", text).is_empty());
        assert_eq!(shipped("app-cli/src/a.rs", "#[cfg(test)]\nmod tests;\na.join(b)"), [26]);
    }

    #[test]
    fn a_finding_names_the_line() {
        let source = Source::new("a.rs", "one\ntwo\nthree");
        assert_eq!(source.finding(8, "odd: even it").to_string(), "a.rs:3: odd: even it");
        assert_eq!(source.finding(0, "x").to_string(), "a.rs:1: x");
    }
}
