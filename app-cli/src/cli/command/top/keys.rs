//! Keys out of the bytes that a terminal sends, and the texts that somebody pastes. What is no key of ours is passed over.
//!
//! A terminal that was asked to marks where a pasted text begins and ends: whatever is in it, it is no key.
//! Main type: [`Keys`].

use std::time::Duration;

/// A key that was pressed, or a text that was pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A letter, a digit, a sign.
    Char(char),
    /// Enter.
    Enter,
    /// Escape, alone.
    Escape,
    /// The key that takes the last letter back.
    Backspace,
    /// Ctrl-W: the one that takes the last word back.
    EraseWord,
    /// Ctrl-U: the one that takes all of the line before the place back.
    EraseLine,
    /// Ctrl-K: the one that takes all behind the place back.
    EraseRest,
    /// The key that takes the next letter away.
    Delete,
    /// One letter to the left, or to the right.
    Left,
    Right,
    /// Ctrl-A and Ctrl-E: the beginning of a line, or its end.
    LineStart,
    LineEnd,
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
    /// A text that was pasted: of all control characters, it has only tabs and line feeds.
    Pasted(String),
}

/// How long the rest of a key may take to come after an escape that may be a key of its own.
const AFTER_ESCAPE: Duration = Duration::from_millis(60);
/// How long it may take after more than that: what comes too late would be taken for keys.
const AFTER_MORE: Duration = Duration::from_secs(1);
/// What a terminal sends before a text that is pasted, and behind it.
const PASTE: &[u8] = b"\x1b[200~";
const PASTED: &[u8] = b"\x1b[201~";
const ESCAPE: u8 = 0x1b;
const INTERRUPT: u8 = 0x03;

/// The bytes that came and are no whole key yet.
#[derive(Debug, Default)]
pub(super) struct Keys {
    rest: Vec<u8>,
    /// What came of a text that is being pasted.
    pasted: Option<Vec<u8>>,
}

impl Keys {
    /// How long to wait for bytes that may still make another key of those that came; `None` if there are none.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self.rest.as_slice() {
            [] => None,
            // A pasted text ends where the terminal says so.
            _ if self.pasted.is_some() => None,
            [ESCAPE] => Some(AFTER_ESCAPE),
            _ => Some(AFTER_MORE),
        }
    }

    /// The keys that these bytes complete.
    pub(super) fn after(&mut self, bytes: &[u8]) -> Vec<Key> {
        // Nobody is left without a way out where the end of a pasted text never comes.
        if self.pasted.is_some() && bytes == [INTERRUPT] {
            *self = Self::default();
            return vec![Key::Interrupt];
        }
        self.rest.extend_from_slice(bytes);
        let mut keys = Vec::new();
        loop {
            if let Some(pasted) = &mut self.pasted {
                let end = self.rest.windows(PASTED.len()).position(|bytes| bytes == PASTED);
                // The last bytes may be the beginning of the mark.
                let length = end.unwrap_or(self.rest.len().saturating_sub(PASTED.len() - 1));
                pasted.extend(self.rest.drain(..length));
                if end.is_none() {
                    break;
                }
                self.rest.drain(..PASTED.len());
                keys.push(Key::Pasted(text_of(&self.pasted.take().unwrap_or_default())));
            }
            if self.rest.starts_with(PASTE) {
                self.rest.drain(..PASTE.len());
                self.pasted = Some(Vec::new());
                continue;
            }
            let Some((length, key)) = first(&self.rest) else { break };
            self.rest.drain(..length);
            keys.extend(key);
        }
        keys
    }

    /// The key that stands for itself, as nothing followed in time.
    pub(super) fn alone(&mut self) -> Option<Key> {
        if self.pasted.is_some() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        (rest == [ESCAPE]).then_some(Key::Escape)
    }
}

/// The text of what was pasted. Terminals send a carriage return for a line break.
fn text_of(pasted: &[u8]) -> String {
    let text = String::from_utf8_lossy(pasted).replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

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
        [INTERRUPT, ..] => key(1, Key::Interrupt),
        [0x1a, ..] => key(1, Key::Suspend),
        [0x0c, ..] => key(1, Key::Redraw),
        [0x01, ..] => key(1, Key::LineStart),
        [0x05, ..] => key(1, Key::LineEnd),
        [0x0b, ..] => key(1, Key::EraseRest),
        [0x15, ..] => key(1, Key::EraseLine),
        [0x17, ..] => key(1, Key::EraseWord),
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
    let end = rest.iter().position(|byte| !(0x20..0x40).contains(byte))?;
    if !(0x40..=0x7e).contains(&rest[end]) {
        // What belongs into no sequence is a key of its own.
        return Some((end, None));
    }
    let key = match (&rest[..end], rest[end]) {
        (_, b'A') => Some(Key::Up),
        (_, b'B') => Some(Key::Down),
        (_, b'C') => Some(Key::Right),
        (_, b'D') => Some(Key::Left),
        (b"3", b'~') => Some(Key::Delete),
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
        let bytes = "q\u{1b}[A\u{1b}OB\u{1b}[5~日\u{7f}\r\u{3}\u{1b}[99~x\u{1b}[1;5C\u{1b}[3~\u{1}"
            .as_bytes();
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
            Key::Right,
            Key::Delete,
            Key::LineStart,
        ];
        assert_eq!(Keys::default().after(bytes), expected);
        let mut keys = Keys::default();
        let single: Vec<Key> = bytes.iter().flat_map(|byte| keys.after(&[*byte])).collect();
        assert_eq!(single, expected);
        assert!(keys.after(&[ESCAPE]).is_empty());
        assert_eq!(keys.patience(), Some(AFTER_ESCAPE));
        assert_eq!(keys.alone(), Some(Key::Escape));
    }

    #[test]
    fn a_pasted_text_is_no_key_whatever_is_in_it_and_however_it_comes() {
        let bytes = "j\u{1b}[200~fix é\r\nq\u{3}\u{1b}[A\tcy\r\u{1b}[201~k".as_bytes();
        let pasted = Key::Pasted("fix é\nq[A\tcy\n".to_owned());
        let expected = [Key::Char('j'), pasted, Key::Char('k')];
        for size in [2, 3, 5, 7, 100] {
            let mut keys = Keys::default();
            let read: Vec<Key> = bytes.chunks(size).flat_map(|bytes| keys.after(bytes)).collect();
            assert_eq!(read, expected, "{size} bytes at a time");
            assert_eq!(keys.patience(), None);
        }
        let mut keys = Keys::default();
        assert!(keys.after(b"\x1b[200~no end\x1b").is_empty());
        assert_eq!((keys.patience(), keys.alone()), (None, None));
        assert_eq!(keys.after(&[INTERRUPT]), [Key::Interrupt], "a way out");
        assert_eq!(keys.after(b"q"), [Key::Char('q')]);
    }

    #[test]
    fn what_begins_a_sequence_and_does_not_go_on_with_it_swallows_no_key() {
        assert_eq!(Keys::default().after(b"\x1b[\x03"), [Key::Interrupt]);
        assert_eq!(Keys::default().after(b"\x1b[5\r"), [Key::Enter]);
    }

    proptest! {
        #[test]
        fn whatever_comes_a_key_follows(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut keys = Keys::default();
            keys.after(&bytes);
            keys.after(PASTED);
            keys.alone();
            prop_assert_eq!(keys.after(b"q"), [Key::Char('q')]);
        }
    }
}
