//! Where a task is to run: this machine, a cluster, or another machine that is reached by ssh.
//!
//! [`Target`] is the word that somebody writes after `--on`. It only checks the form of the word: whether there is such a
//! cluster or machine, and whether this version can place a task there, others find out.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// The longest name of a machine, a user or a partition, in bytes.
pub const MAX_TARGET_NAME: usize = 255;
/// What stands for this machine.
const LOCAL: &str = "local";
/// What stands for a cluster, alone or before a partition.
const SLURM: &str = "slurm";
/// What stands before a machine that is reached by ssh.
const SSH: &str = "ssh";

/// Where a task is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// On this machine.
    #[default]
    Local,
    /// On a node of the cluster that Slurm looks after.
    Slurm {
        /// The partition; `None` leaves it to Slurm.
        partition: Option<String>,
    },
    /// On another machine, in a store there.
    Ssh {
        /// The machine as ssh knows it, `HOST` or `USER@HOST`.
        // Invariant: it never begins with `-`, and has neither blanks nor control characters, so that no program takes it
        // for an option or for two words.
        host: String,
    },
}

impl Target {
    /// Accepts `text` as a target, or says why it cannot be one.
    ///
    /// # Errors
    /// [`InvalidTarget`] if the text has not the form of a target.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        match text.split_once(':') {
            None if text == LOCAL => Ok(Self::Local),
            None if text == SLURM => Ok(Self::Slurm { partition: None }),
            Some((SLURM, partition)) => {
                let fits = |c: char| c.is_ascii_alphanumeric() || "._+,-".contains(c);
                let partition = Some(checked(partition, Part::Partition, fits)?);
                Ok(Self::Slurm { partition })
            }
            Some((SSH, host)) => {
                let (user, machine) = match host.split_once('@') {
                    Some((user, machine)) => (Some(user), machine),
                    None => (None, host),
                };
                let fits_user = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
                let fits_machine = |c: char| c.is_ascii_alphanumeric() || "._:%-".contains(c);
                user.map_or(Ok(String::new()), |user| checked(user, Part::User, fits_user))?;
                checked(machine, Part::Machine, fits_machine)?;
                Ok(Self::Ssh { host: host.into() })
            }
            None | Some(_) => Err(InvalidTarget::Unknown),
        }
    }

    /// Whether it is this machine.
    pub const fn is_local(&self) -> bool {
        matches!(self, Self::Local)
    }
}

/// One part of a target.
fn checked(text: &str, part: Part, fits: impl Fn(char) -> bool) -> Result<String, InvalidTarget> {
    if text.is_empty() {
        return Err(InvalidTarget::Empty { part });
    }
    if text.len() > MAX_TARGET_NAME {
        return Err(InvalidTarget::TooLong { part });
    }
    if text.starts_with('-') {
        return Err(InvalidTarget::Option { part });
    }
    match text.chars().find(|c| !fits(*c)) {
        Some(found) => Err(InvalidTarget::Character { part, found }),
        None => Ok(text.into()),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str(LOCAL),
            Self::Slurm { partition: None } => f.write_str(SLURM),
            Self::Slurm { partition: Some(partition) } => write!(f, "{SLURM}:{partition}"),
            Self::Ssh { host } => write!(f, "{SSH}:{host}"),
        }
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        Self::parse(text)
    }
}

/// A part of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The name of a partition.
    Partition,
    /// The name of a user.
    User,
    /// The name of a machine.
    Machine,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Partition => "partition",
            Self::User => "user",
            Self::Machine => "host",
        })
    }
}

/// Why a text cannot be a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Another word than those that stand for a kind of target.
    #[error("write `local`, `slurm`, `slurm:PARTITION`, `ssh:HOST` or `ssh:USER@HOST`")]
    Unknown,
    /// Nothing where a name has to be.
    #[error("the name of the {part} is empty")]
    Empty {
        /// Whose name.
        part: Part,
    },
    /// More bytes than a name may have.
    #[error("the name of the {part} is longer than {MAX_TARGET_NAME} bytes")]
    TooLong {
        /// Whose name.
        part: Part,
    },
    /// A name that would be taken for an option.
    #[error("the name of the {part} begins with `-`, as an option does")]
    Option {
        /// Whose name.
        part: Part,
    },
    /// A character that no such name has.
    #[error("the character {found:?} cannot stand in the name of a {part}")]
    Character {
        /// Whose name.
        part: Part,
        /// The first such character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_target_is_read_and_written_in_the_same_words() {
        let words = [
            "local",
            "slurm",
            "slurm:gpu",
            "slurm:gpu,long",
            "ssh:build-1.example.org",
            "ssh:me@10.0.0.7",
            "ssh:me@fe80::1%eth0",
        ];
        for word in words {
            assert_eq!(Target::parse(word).map(|target| target.to_string()), Ok(word.to_string()));
        }
        assert_eq!(Target::parse("ssh:me@box"), Ok(Target::Ssh { host: "me@box".into() }));
        assert!(Target::default().is_local());
    }

    #[test]
    fn a_word_that_names_no_kind_of_target_is_refused() {
        for word in ["", "box", "ssh", "Local", "local:", "kubernetes:x", " local", "ssh :x"] {
            assert_eq!(Target::parse(word), Err(InvalidTarget::Unknown), "{word:?}");
        }
    }

    #[test]
    fn a_name_that_a_program_would_take_for_an_option_or_for_more_than_one_word_is_refused() {
        let (machine, user) = (Part::Machine, Part::User);
        for (word, why) in [
            ("ssh:", InvalidTarget::Empty { part: machine }),
            ("ssh:me@", InvalidTarget::Empty { part: machine }),
            ("ssh:@box", InvalidTarget::Empty { part: user }),
            ("slurm:", InvalidTarget::Empty { part: Part::Partition }),
            ("ssh:-oProxyCommand=x", InvalidTarget::Option { part: machine }),
            ("ssh:-l@box", InvalidTarget::Option { part: user }),
            ("ssh:me@-box", InvalidTarget::Option { part: machine }),
            ("slurm:-x", InvalidTarget::Option { part: Part::Partition }),
            ("ssh:a b", InvalidTarget::Character { part: machine, found: ' ' }),
            ("ssh:a\nb", InvalidTarget::Character { part: machine, found: '\n' }),
            ("ssh:a\u{1b}[2J", InvalidTarget::Character { part: machine, found: '\u{1b}' }),
            ("ssh:$(id)", InvalidTarget::Character { part: machine, found: '$' }),
            ("ssh:a@b@c", InvalidTarget::Character { part: machine, found: '@' }),
            ("ssh:b\u{fc}ro", InvalidTarget::Character { part: machine, found: '\u{fc}' }),
            ("slurm:a b", InvalidTarget::Character { part: Part::Partition, found: ' ' }),
        ] {
            assert_eq!(Target::parse(word), Err(why), "{word:?}");
        }
        let long = "x".repeat(MAX_TARGET_NAME + 1);
        let refused = Target::parse(&std::format!("ssh:{long}"));
        assert_eq!(refused, Err(InvalidTarget::TooLong { part: machine }));
    }
}
