//! Names of tasks and sessions: parsed where they come in, trusted inside.
//!
//! A [`TaskId`] becomes part of file names, so nothing that could leave a folder, hide a file or
//! upset a terminal can be one. This module never looks anything up.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::time::Timestamp;

/// The longest task id accepted, in bytes.
pub const MAX_TASK_ID: usize = 64;
/// How many characters at the end of an id of ours come after the milliseconds.
const RANDOM: usize = 6;
/// How many bits at the end of an id of ours are random.
const UNTIMED: u32 = 14;
/// The longest session id accepted, in bytes.
pub const MAX_SESSION_ID: usize = 256;

/// Whether a byte may stand in a task id.
const fn fits(byte: u8) -> bool {
    FITS[byte as usize]
}

/// Whether each byte does: a listing asks for every letter of every name.
const FITS: [bool; 256] = {
    let mut fits = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        fits[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        byte += 1;
    }
    fits
};

/// The name of a task: `bg_`, the milliseconds since the epoch in hex, six more digits against collisions.
///
/// Ids written by hand or by other versions are accepted too, as long as they are made of ASCII
/// letters, digits, `_` and `-`, begin with a letter or digit and are at most [`MAX_TASK_ID`] bytes.
/// Ids minted by us sort by the time they were minted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(
    // Invariant: as described on the type; safe as a file name.
    String,
);

impl TaskId {
    /// Makes the id of a task ordered `now`, with `random` bits against collisions.
    ///
    /// The last six digits begin with the microseconds of the millisecond: a batch orders several tasks in one, and
    /// they sort as they were ordered.
    pub fn mint(now: Timestamp, random: [u8; 3]) -> Self {
        let micros = now.as_micros().max(0);
        let (millis, micros) = (micros / 1_000, micros % 1_000);
        let [_, high, low] = random.map(i64::from);
        let last = micros << UNTIMED | (high << 8 | low) & ((1 << UNTIMED) - 1);
        Self(format!("bg_{millis:x}{last:06x}"))
    }

    /// Accepts `text` as an id, or says why it cannot be one.
    ///
    /// # Errors
    /// [`InvalidId`] if the text is empty, too long, or has a character an id cannot have.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::check(text).map(|()| Self(text.into()))
    }

    /// Says whether [`TaskId::parse`] accepts `text`, or why not.
    fn check(text: &str) -> Result<(), InvalidId> {
        if text.len() > MAX_TASK_ID {
            return Err(InvalidId::TooLong { limit: MAX_TASK_ID });
        }
        if Self::is_one(text.as_bytes()) {
            return Ok(());
        }
        let first = text.chars().next().ok_or(InvalidId::Empty)?;
        let fits = |c: char| u8::try_from(c).is_ok_and(fits);
        let found = text.chars().find(|c| !fits(*c)).unwrap_or(first);
        Err(InvalidId::Character { found })
    }

    /// Whether these bytes are an id: for whoever looks at many.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.len() <= MAX_TASK_ID
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(|byte| fits(*byte))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TaskId {
    /// When it was minted, as far as it has the form of ours.
    pub fn minted_at(&self) -> Option<Timestamp> {
        let digits = self.0.strip_prefix("bg_")?;
        let millis = digits.get(..digits.len().checked_sub(RANDOM)?)?;
        i64::from_str_radix(millis, 16).ok().map(Timestamp::from_millis)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an agent's session: minted by us at launch, or chosen by the agent.
///
/// Any text without control characters, at most [`MAX_SESSION_ID`] bytes, not blank.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(
    // Invariant: as described on the type. Not safe as a file name.
    String,
);

/// What stands in a record in place of a parent, where no session launched the task.
pub const NO_PARENT: &str = "main";

impl SessionId {
    /// A unique session id, made of sixteen random bytes: a UUID of version 4.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(format!("{}", uuid::Builder::from_random_bytes(bytes).into_uuid()))
    }

    /// Accepts `text` as a session id, or says why it cannot be one.
    ///
    /// # Errors
    /// [`InvalidId`] if the text is blank, too long, or has a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.trim().is_empty() {
            return Err(InvalidId::Empty);
        }
        if text.len() > MAX_SESSION_ID {
            return Err(InvalidId::TooLong { limit: MAX_SESSION_ID });
        }
        if let Some(found) = text.chars().find(|c| c.is_control()) {
            return Err(InvalidId::Character { found });
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is what a record has as the parent of a task that `parent` launched; [`NO_PARENT`] stands for none.
    pub fn launched(&self, parent: Option<&str>) -> bool {
        self.as_str() == parent.unwrap_or(NO_PARENT)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot be an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Nothing, or only blanks.
    #[error("it is empty")]
    Empty,
    /// More bytes than an id may have.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The most bytes it may have.
        limit: usize,
    },
    /// A character that an id cannot have there.
    #[error("the character {found:?} cannot stand there")]
    Character {
        /// The first such character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_minted_id_is_bg_then_hex_milliseconds_then_six_hex_digits() {
        let id = TaskId::mint(Timestamp::from_micros(0x19c_0000_0000 * 1_000), [0xab, 0, 0x1f]);
        assert_eq!(id.as_str(), "bg_19c0000000000001f");
        let id = TaskId::mint(Timestamp::from_micros(0x19c_0000_0000 * 1_000 + 999), [0xff; 3]);
        assert_eq!(id.as_str(), "bg_19c00000000f9ffff");
    }

    #[test]
    fn hostile_texts_are_no_ids() {
        let long = "a".repeat(10_000);
        for text in ["", "../../x", "a/b", ".hidden", "-x", "a b", "a\0", "ü", long.as_str()] {
            assert!(TaskId::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn invariant_every_minted_id_parses_back_to_itself(ms in 0i64..4_102_444_800_000, r: [u8; 3]) {
            let id = TaskId::mint(Timestamp::from_millis(ms), r);
            prop_assert_eq!(TaskId::parse(id.as_str()), Ok(id));
        }

        #[test]
        fn invariant_an_accepted_id_cannot_leave_its_folder(text in "\\PC{0,80}") {
            if let Ok(id) = TaskId::parse(&text) {
                prop_assert!(!id.as_str().contains(['/', '.', '\0']));
            }
        }

        #[test]
        fn invariant_minted_ids_sort_by_time(a in 1_100_000_000_000i64..4_102_444_800_000, later in 1i64..1_000_000, r: [u8; 3], s: [u8; 3]) {
            let (a, b) = (Timestamp::from_micros(a * 1_000), Timestamp::from_micros(a * 1_000 + later));
            prop_assert!(TaskId::mint(a, r) < TaskId::mint(b, s));
        }
    }
}
