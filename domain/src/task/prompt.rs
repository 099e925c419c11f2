//! What an agent is told: a text that is fixed when the task is ordered.
//!
//! Checks the form of a prompt and keeps it out of debug output; never interprets it.

use alloc::string::{String, ToString};
use core::fmt;

/// What an agent is told. May hold secrets, so it does not show itself in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt(String);

impl Prompt {
    /// Accepts `text` as the prompt of a new task.
    ///
    /// # Errors
    /// [`InvalidPrompt`] if it is blank (droid then ends at once without a word) or holds a NUL.
    pub fn parse(text: &str) -> Result<Self, InvalidPrompt> {
        if text.trim().is_empty() {
            return Err(InvalidPrompt::Blank);
        }
        if let Some(at) = text.find('\0') {
            return Err(InvalidPrompt::Nul { at });
        }
        Ok(Self(text.to_string()))
    }

    /// The prompt as a record holds it, whatever it is.
    pub fn recorded(text: String) -> Self {
        Self(text)
    }

    /// The prompt as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({} bytes)", self.0.len())
    }
}

/// Why a text cannot be the prompt of a new task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrompt {
    /// Nothing, or only white space.
    #[error("the prompt is empty")]
    Blank,
    /// A NUL character, which no agent can be told.
    #[error("the prompt has a NUL character at byte {at}")]
    Nul {
        /// The offset of the NUL, in bytes.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn a_prompt_never_shows_itself_in_debug_output() {
        let shown = format!("{:?}", Prompt::recorded("the password is x".into()));
        assert_eq!(shown, "Prompt(17 bytes)");
    }

    #[test]
    fn a_prompt_with_a_nul_is_refused_with_its_place() {
        assert_eq!(Prompt::parse("ab\0c"), Err(InvalidPrompt::Nul { at: 2 }));
        assert_eq!(Prompt::parse(" \n"), Err(InvalidPrompt::Blank));
        assert!(Prompt::parse("$(rm -rf /) `x` \"'\n").is_ok());
    }
}
