//! The name that somebody gives a task, so as not to type its id.
//!
//! [`TaskName`] only checks the form. A name is not unique: it means the newest task that has it, so that the same
//! script can be run again. Nothing here looks anything up.

use alloc::string::String;
use core::fmt;

/// The longest name of a task, in bytes.
pub const MAX_TASK_NAME: usize = 64;
/// The fewest characters at the end of an id that may stand for it.
pub const MIN_ID_ENDING: usize = 4;

/// The name of a task: letters and digits of any script, `-`, `_` and `.`, 1 to [`MAX_TASK_NAME`] bytes, the first of
/// them a letter or a digit.
///
/// What may stand for an id is no name: nothing that begins with `bg_`, nor [`MIN_ID_ENDING`] and more hexadecimal
/// digits alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskName(
    // Invariant: as described on the type.
    String,
);

impl TaskName {
    /// Accepts `text` as the name of a task, or says why it cannot be one.
    ///
    /// # Errors
    /// [`InvalidTaskName`] if the text has not the form of a name.
    pub fn parse(text: &str) -> Result<Self, InvalidTaskName> {
        if text.is_empty() {
            return Err(InvalidTaskName::Empty);
        }
        if text.len() > MAX_TASK_NAME {
            return Err(InvalidTaskName::TooLong);
        }
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(found) = text.chars().next().filter(|first| !first.is_alphanumeric()) {
            return Err(InvalidTaskName::First { found });
        }
        if let Some(found) = text.chars().find(|c| !fits(*c)) {
            return Err(InvalidTaskName::Character { found });
        }
        let is_hex = text.chars().all(|c| c.is_ascii_hexdigit());
        if text.starts_with("bg_") || (is_hex && text.len() >= MIN_ID_ENDING) {
            return Err(InvalidTaskName::LikeAnId);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot be the name of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTaskName {
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// More bytes than a name may have.
    #[error("it is longer than {MAX_TASK_NAME} bytes")]
    TooLong,
    /// A character that no name begins with.
    #[error("it begins with {found:?}, and not with a letter or digit")]
    First {
        /// The first character.
        found: char,
    },
    /// A character that a name cannot have.
    #[error("the character {found:?} cannot stand there")]
    Character {
        /// The first such character.
        found: char,
    },
    /// It may be taken for an id.
    #[error("it may be taken for an id")]
    LikeAnId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_short_word() {
        for text in ["tests", "a", "Größe-2", "v1.2_rc", "abc", "9"] {
            assert_eq!(TaskName::parse(text).map(|name| name.0), Ok(text.into()));
        }
    }

    #[test]
    fn what_stands_for_an_id_or_begins_an_option_is_no_name() {
        for text in ["", "-x", ".x", "@1", "a b", "a,b", "a/b", "bg_19c0", "beef", "2024", "a\n"] {
            assert!(TaskName::parse(text).is_err(), "{text:?} was accepted");
        }
        assert_eq!(TaskName::parse(&"é".repeat(33)), Err(InvalidTaskName::TooLong));
    }
}
