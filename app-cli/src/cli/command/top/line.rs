//! A line that is typed, and the keys that change it. It is never sent anywhere from here.

use super::keys::Key;

/// A line that is typed, with the place where the next letter goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// What is before the place.
    before: String,
    /// What is behind it.
    behind: String,
}

impl Line {
    /// What was typed.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.before, self.behind)
    }

    /// What is before the place where the next letter goes, and what is behind it.
    pub(super) fn parts(&self) -> (&str, &str) {
        (&self.before, &self.behind)
    }

    /// Whether it shows nothing.
    pub(super) fn is_blank(&self) -> bool {
        self.before.trim().is_empty() && self.behind.trim().is_empty()
    }

    /// Adds a text, such as one that was pasted.
    pub(super) fn add(&mut self, text: &str) {
        self.before.push_str(text);
    }

    /// Does what a key means in a line; one that means nothing there does nothing.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a key that means nothing here does nothing"
    )]
    pub(super) fn press(&mut self, key: &Key) {
        match key {
            Key::Char(letter) => self.before.push(*letter),
            Key::Backspace => drop(self.before.pop()),
            Key::Delete => drop(self.behind.drain(..first_of(&self.behind))),
            Key::EraseWord => self.before.truncate(word_before(&self.before)),
            Key::EraseLine => self.before.clear(),
            Key::EraseRest => self.behind.clear(),
            Key::Left => {
                if let Some(letter) = self.before.pop() {
                    self.behind.insert(0, letter);
                }
            }
            Key::Right => {
                let next: String = self.behind.drain(..first_of(&self.behind)).collect();
                self.before.push_str(&next);
            }
            Key::Home | Key::LineStart => {
                self.behind.insert_str(0, &std::mem::take(&mut self.before));
            }
            Key::End | Key::LineEnd => self.before.push_str(&std::mem::take(&mut self.behind)),
            _ => {}
        }
    }
}

/// How many bytes the first letter has.
fn first_of(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

/// Where the last word begins.
fn word_before(text: &str) -> usize {
    let blank = text.trim_end().rfind(char::is_whitespace);
    // The blank before the word may have several bytes.
    blank.map_or(0, |at| at + first_of(&text[at..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str) -> Line {
        let mut line = Line::default();
        line.add(text);
        line
    }

    #[test]
    fn a_letter_that_was_forgotten_is_put_where_it_belongs() {
        let mut line = typed("fx it, plase");
        for key in [Key::Home, Key::Right, Key::Char('i'), Key::End, Key::Left, Key::Left] {
            line.press(&key);
        }
        line.press(&Key::Left);
        line.press(&Key::Char('e'));
        assert_eq!(
            (line.text().as_str(), line.parts()),
            ("fix it, please", ("fix it, ple", "ase"))
        );
        for key in [Key::Delete, Key::EraseRest, Key::EraseWord] {
            line.press(&key);
        }
        assert_eq!(line.parts(), ("fix it, ", ""));
        for key in [Key::LineStart, Key::Backspace, Key::Left, Key::LineEnd, Key::EraseLine] {
            line.press(&key);
        }
        assert!(line.is_blank());
    }

    #[test]
    fn the_last_word_goes_also_where_its_blank_has_several_bytes() {
        for (text, left) in
            [("go on", "go "), ("go on  ", "go "), ("go\u{3000}on", "go\u{3000}"), ("go", "")]
        {
            let mut line = typed(text);
            line.press(&Key::EraseWord);
            assert_eq!(line.text(), left, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn moving_changes_no_text(text in any::<String>(), moves in proptest::collection::vec(0_usize..4, 0..30)) {
            let mut line = typed(&text);
            for way in moves {
                line.press([&Key::Left, &Key::Right, &Key::Home, &Key::End][way]);
                prop_assert_eq!(&line.text(), &text);
            }
        }
    }
}
