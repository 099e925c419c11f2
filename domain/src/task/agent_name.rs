//! The name of an agent: the one word by which orders, records and the registry of agents know it.
//!
//! [`AgentName`] only checks the form of a name. [`crate::port::Agents`] says which names belong to an
//! agent that can be started.

use alloc::string::String;
use core::fmt;

/// The longest name of an agent, in bytes.
pub const MAX_AGENT_NAME: usize = 32;
/// What a record holds for a plain command in the place of an agent's name.
pub const COMMAND_WORD: &str = "command";
/// The agent that an order is for where it names none.
const DEFAULT: &str = "droid";

/// The name of an agent: lower-case ASCII letters, digits and `-`, 1 to [`MAX_AGENT_NAME`] bytes.
///
/// [`COMMAND_WORD`] is no name, because a record uses it for plain commands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentName(
    // Invariant: as described on the type.
    String,
);

impl AgentName {
    /// Accepts `text` as the name of an agent, or says why it cannot be one.
    ///
    /// # Errors
    /// [`InvalidAgentName`] if the text has not the form of a name, or is reserved.
    pub fn parse(text: &str) -> Result<Self, InvalidAgentName> {
        if text.is_empty() {
            return Err(InvalidAgentName::Empty);
        }
        if text.len() > MAX_AGENT_NAME {
            return Err(InvalidAgentName::TooLong);
        }
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if let Some(found) = text.chars().find(|c| !fits(*c)) {
            return Err(InvalidAgentName::Character { found });
        }
        if text == COMMAND_WORD {
            return Err(InvalidAgentName::Reserved);
        }
        Ok(Self(text.into()))
    }

    /// The agent that an order is for where it names none.
    pub fn droid() -> Self {
        Self(DEFAULT.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot be the name of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAgentName {
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// More bytes than a name may have.
    #[error("it is longer than {MAX_AGENT_NAME} bytes")]
    TooLong,
    /// A character that a name cannot have.
    #[error("the character {found:?} cannot stand in the name of an agent")]
    Character {
        /// The first such character.
        found: char,
    },
    /// The word that records use for a plain command.
    #[error("`{COMMAND_WORD}` stands for a plain command")]
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_name_is_of_lower_case_letters_digits_and_dashes() {
        for text in ["droid", "a", "open-code-2", &"x".repeat(MAX_AGENT_NAME)] {
            assert_eq!(AgentName::parse(text).map(|name| name.to_string()), Ok(text.to_string()));
        }
        assert_eq!(AgentName::parse(""), Err(InvalidAgentName::Empty));
        assert_eq!(AgentName::parse(&"x".repeat(33)), Err(InvalidAgentName::TooLong));
        for (text, found) in [("Droid", 'D'), ("a b", ' '), ("../x", '.'), ("\u{fc}", '\u{fc}')] {
            assert_eq!(AgentName::parse(text), Err(InvalidAgentName::Character { found }));
        }
    }

    #[test]
    fn the_word_for_a_plain_command_names_no_agent() {
        assert_eq!(AgentName::parse(COMMAND_WORD), Err(InvalidAgentName::Reserved));
    }

    #[test]
    fn the_default_name_is_a_name() {
        assert_eq!(AgentName::parse(AgentName::droid().as_str()), Ok(AgentName::droid()));
    }
}
