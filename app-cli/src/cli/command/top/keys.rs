//! Keys out of the bytes that a terminal sends. What is no key of ours is passed over.

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A letter, a digit, a sign.
    Char(char),
    /// Enter.
    Enter,
    /// Escape, alone.
    Escape,
    /// The key that takes the last letter back.
    Backspace,
    /// One line up, or down.
    Up,
    Down,
    /// A page up, or down.
    PageUp,
    PageDown,
    /// To the beginning, or the end.
    Home,
    End,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-L.
    Redraw,
}

/// The bytes that came and are no whole key yet.
#[derive(Debug, Default)]
pub(super) struct Keys {
    rest: Vec<u8>,
}

impl Keys {
    /// Whether more bytes may still make another key of those that came.
    pub(super) fn is_waiting(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The keys that these bytes complete.
    pub(super) fn after(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.rest.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while let Some((length, key)) = first(&self.rest) {
            self.rest.drain(..length);
            keys.extend(key);
        }
        keys
    }

    /// The key that stands for itself, as nothing followed in time.
    pub(super) fn alone(&mut self) -> Option<Key> {
        let rest = std::mem::take(&mut self.rest);
        (rest == [ESCAPE]).then_some(Key::Escape)
    }
}

const ESCAPE: u8 = 0x1b;

/// How many bytes the first key has, and which it is; `None` if more have to come.
fn first(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let key = |length, key| Some((length, Some(key)));
    match *bytes {
        [] | [ESCAPE] | [ESCAPE, b'[' | b'O'] => None,
        [ESCAPE, b'[' | b'O', ref rest @ ..] => {
            sequence(rest).map(|(length, key)| (length + 2, key))
        }
        // Held together with another key.
        [ESCAPE, ..] => Some((2, None)),
        [b'\r' | b'\n', ..] => key(1, Key::Enter),
        [0x7f | 0x08, ..] => key(1, Key::Backspace),
        [0x03, ..] => key(1, Key::Interrupt),
        [0x1a, ..] => key(1, Key::Suspend),
        [0x0c, ..] => key(1, Key::Redraw),
        [0..0x20, ..] => Some((1, None)),
        [byte, ..] => {
            let length = match byte {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            let text = bytes.get(..length)?;
            let char = std::str::from_utf8(text).ok().and_then(|text| text.chars().next());
            // Of what is no text, one byte is passed over.
            char.map_or(Some((1, None)), |char| Some((length, Some(Key::Char(char)))))
        }
    }
}

/// What follows the beginning of a sequence, up to its last byte.
fn sequence(rest: &[u8]) -> Option<(usize, Option<Key>)> {
    let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte))?;
    let key = match (&rest[..end], rest[end]) {
        (_, b'A') => Some(Key::Up),
        (_, b'B') => Some(Key::Down),
        (_, b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
        (_, b'F') | (b"4" | b"8", b'~') => Some(Key::End),
        (b"5", b'~') => Some(Key::PageUp),
        (b"6", b'~') => Some(Key::PageDown),
        _ => None,
    };
    Some((end + 1, key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_told_apart_also_where_their_bytes_come_one_by_one() {
        let bytes = "q\u{1b}[A\u{1b}OB\u{1b}[5~日\u{7f}\r\u{3}\u{1b}[1;5Cx".as_bytes();
        let expected = [
            Key::Char('q'),
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::Char('日'),
            Key::Backspace,
            Key::Enter,
            Key::Interrupt,
            Key::Char('x'),
        ];
        assert_eq!(Keys::default().after(bytes), expected);
        let mut keys = Keys::default();
        let single: Vec<Key> = bytes.iter().flat_map(|byte| keys.after(&[*byte])).collect();
        assert_eq!(single, expected);
        assert!(keys.after(&[ESCAPE]).is_empty() && keys.is_waiting());
        assert_eq!(keys.alone(), Some(Key::Escape));
    }

    proptest! {
        #[test]
        fn whatever_comes_a_key_follows(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut keys = Keys::default();
            keys.after(&bytes);
            keys.alone();
            prop_assert_eq!(keys.after(b"q"), [Key::Char('q')]);
        }
    }
}
