//! Named droids: what a definition says, which of several of one name counts, and what an order
//! takes over from it.
//!
//! A [`Catalog`] holds everything that was found, best source first; [`Catalog::choose`] is the one
//! place that decides which definition a name means. Nothing here reads a file or knows a format.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Autonomy;
use super::near::near;

/// The longest name of a droid, in bytes.
pub const MAX_DROID_NAME: usize = 64;
/// Names that mean another droid where no droid has that name itself.
const ALIASES: [(&str, &str); 1] = [("explore", "explorer")];

/// The name of a droid: ASCII letters, digits, `_` and `-`, not beginning with a dash, at most
/// [`MAX_DROID_NAME`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DroidName(
    // Invariant: as described on the type; safe as a file name and as a word of a command line.
    String,
);

impl DroidName {
    /// Accepts `text` as a name.
    ///
    /// # Errors
    /// [`InvalidDroidName`] if it is empty, too long, or has a character a name cannot have.
    pub fn parse(text: &str) -> Result<Self, InvalidDroidName> {
        if text.is_empty() {
            return Err(InvalidDroidName::Empty);
        }
        if text.len() > MAX_DROID_NAME {
            return Err(InvalidDroidName::TooLong { limit: MAX_DROID_NAME });
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if let Some(found) = text.chars().find(|c| !fits(*c)) {
            return Err(InvalidDroidName::Character { found });
        }
        if text.starts_with('-') {
            return Err(InvalidDroidName::Dash);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for DroidName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DroidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DroidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot be the name of a droid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDroidName {
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Longer than a name may be.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The most that is accepted, in bytes.
        limit: usize,
    },
    /// A character that a name cannot have.
    #[error("it holds {found:?}; only letters, digits, `_` and `-` are allowed")]
    Character {
        /// The first such character.
        found: char,
    },
    /// It would be taken for an option.
    #[error("it begins with a dash")]
    Dash,
}

/// Who defines a droid. Of two definitions of one name the one whose source comes first counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DroidSource {
    /// The project that the task works in.
    Project,
    /// The user, for all projects.
    User,
    /// An installed plugin.
    Plugin {
        /// Its id.
        id: String,
    },
    /// This program.
    Builtin,
}

impl DroidSource {
    /// The word for the source in records and answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::User => "user",
            Self::Plugin { .. } => "plugin",
            Self::Builtin => "builtin",
        }
    }

    /// The source that `word` names; a plugin has an `id` as well.
    pub fn from_word(word: &str, id: Option<String>) -> Option<Self> {
        let sources =
            [Self::Project, Self::User, Self::Plugin { id: id.unwrap_or_default() }, Self::Builtin];
        sources.into_iter().find(|source| source.word() == word)
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Project => 0,
            Self::User => 1,
            Self::Plugin { .. } => 2,
            Self::Builtin => 3,
        }
    }
}

/// What an agent is told besides its prompt. Debug output leaves the words out, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Instructions(String);

impl Instructions {
    /// These words; `None` if there are none, or they hold a NUL, which cannot be passed to an agent.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && !text.contains('\0')).then(|| Self(text.into()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instructions({} bytes)", self.0.len())
    }
}

/// A named droid as one definition describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Droid {
    /// Its name.
    pub name: DroidName,
    /// What it is for.
    pub description: Option<String>,
    /// Its model; `None` is whatever model the agent would use anyway.
    pub model: Option<String>,
    /// How hard its model is to think.
    pub reasoning_effort: Option<String>,
    /// What it may do unless the order says so; `None` is the usual level.
    pub autonomy: Option<Autonomy>,
    /// The only tools it may use; `None` is all of them. The list is never empty.
    pub tools: Option<Vec<String>>,
    /// What its agent is told besides the prompt.
    pub instructions: Instructions,
    /// Who defines it.
    pub source: DroidSource,
    /// The file that defines it; `None` for one that is part of this program.
    pub path: Option<String>,
}

/// A definition that was found but cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableDroid {
    /// The name of the droid that the file would define, as far as the file name tells.
    pub name: Option<DroidName>,
    /// Who defines it.
    pub source: DroidSource,
    /// The file.
    pub path: String,
    /// Why it cannot be used, as a sentence about "it".
    pub reason: String,
}

/// Something that was found where droids are defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A droid.
    Droid(Droid),
    /// A file that should define one.
    Unreadable(UnreadableDroid),
}

impl Found {
    /// The droid's name, where that is known.
    pub const fn name(&self) -> Option<&DroidName> {
        match self {
            Self::Droid(droid) => Some(&droid.name),
            Self::Unreadable(unreadable) => unreadable.name.as_ref(),
        }
    }

    /// Who defines it.
    pub const fn source(&self) -> &DroidSource {
        match self {
            Self::Droid(Droid { source, .. })
            | Self::Unreadable(UnreadableDroid { source, .. }) => source,
        }
    }

    /// Its file, if it has one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Droid(droid) => droid.path.as_deref(),
            Self::Unreadable(unreadable) => Some(&unreadable.path),
        }
    }
}

/// All definitions for one working folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    // Invariant: in the order of their sources, so that the first of a name is the one that counts.
    found: Vec<Found>,
}

/// The droid that a name means, and the definitions it hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible<'a> {
    /// The droid.
    pub droid: &'a Droid,
    /// The other definitions of the name.
    pub shadows: Vec<&'a Found>,
}

impl Catalog {
    /// The catalogue of what was found; inside one source, what comes first counts.
    pub fn of(mut found: Vec<Found>) -> Self {
        found.sort_by_key(|found| found.source().rank());
        Self { found }
    }

    /// The droid that `name` means.
    ///
    /// The first source that defines the name decides, even if its definition cannot be used: a mistake
    /// in a file must not silently select another droid.
    ///
    /// # Errors
    /// [`NoDroid`] if nothing has the name, or what has it cannot be used.
    pub fn choose(&self, name: &DroidName) -> Result<&Droid, NoDroid> {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name.as_str());
        let first = self.first_of(name.as_str());
        match first.or_else(|| alias.and_then(|(_, real)| self.first_of(real))) {
            Some(Found::Droid(droid)) => Ok(droid),
            Some(Found::Unreadable(UnreadableDroid { path, reason, .. })) => {
                let (name, path, reason) = (name.clone(), path.clone(), reason.clone());
                Err(NoDroid::Unreadable { name, path, reason })
            }
            None => {
                let visible = self.visible();
                let known = visible.iter().map(|visible| &visible.droid.name);
                let near = near(name.as_str(), known).into_iter().cloned().collect();
                Err(NoDroid::Unknown { name: name.clone(), near })
            }
        }
    }

    /// Every droid that a name means, by name, with the definitions it hides.
    pub fn visible(&self) -> Vec<Visible<'_>> {
        let mut visible: Vec<Visible<'_>> = Vec::new();
        for found in &self.found {
            let Found::Droid(droid) = found else { continue };
            if self.first_of(droid.name.as_str()) == Some(found)
                && !visible.iter().any(|other| other.droid.name == droid.name)
            {
                let all = self.found.iter().filter(|other| other.name() == Some(&droid.name));
                visible.push(Visible { droid, shadows: all.skip(1).collect() });
            }
        }
        visible.sort_by(|a, b| a.droid.name.cmp(&b.droid.name));
        visible
    }

    /// Everything that cannot be used.
    pub fn unreadable(&self) -> impl Iterator<Item = &UnreadableDroid> {
        self.found.iter().filter_map(|found| match found {
            Found::Droid(_) => None,
            Found::Unreadable(unreadable) => Some(unreadable),
        })
    }

    fn first_of(&self, name: &str) -> Option<&Found> {
        self.found.iter().find(|found| found.name().is_some_and(|known| known.as_str() == name))
    }
}

/// Why a name means no droid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDroid {
    /// Nothing has the name.
    #[error("there is no droid named `{name}`")]
    Unknown {
        /// The name.
        name: DroidName,
        /// Names like it, nearest first.
        near: Vec<DroidName>,
    },
    /// What has the name cannot be used.
    #[error("the droid `{name}` cannot be used: `{path}`: {reason}")]
    Unreadable {
        /// The name.
        name: DroidName,
        /// The file that decides.
        path: String,
        /// Why it cannot be used.
        reason: String,
    },
}

/// The droid that works where none is named.
pub const USUAL: &str = "executor-med";

/// What an order takes over from the definition of its droid, besides the model.
///
/// Fixed when the task is launched: a definition that is changed later changes no task. The
/// instructions are kept apart, so that no list shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Briefing {
    /// Who defined the droid.
    pub source: DroidSource,
    /// The file that defined it; `None` for a droid of this program.
    pub path: Option<String>,
    /// How hard its model is to think, where that is not the default.
    pub reasoning_effort: Option<String>,
    /// The only tools it may use; `None` is all of them.
    pub tools: Option<Vec<String>>,
    /// What of the definition the agent cannot apply, each in a few words.
    pub unapplied: Vec<String>,
    /// Whether somebody named the droid; otherwise it is the one that is taken where none is named.
    pub is_named: bool,
}

impl Briefing {
    /// What `droid`, named or not, gives an order, unless the order itself says how hard to think.
    pub fn of(droid: &Droid, reasoning_effort: Option<String>, is_named: bool) -> Self {
        Self {
            source: droid.source.clone(),
            path: droid.path.clone(),
            reasoning_effort: reasoning_effort.or_else(|| droid.reasoning_effort.clone()),
            tools: droid.tools.clone(),
            unapplied: Vec::new(),
            is_named,
        }
    }

    /// Whether nobody asked for what the droid is told: it was not named, and this program has it.
    pub fn is_unasked(&self) -> bool {
        !self.is_named && self.source == DroidSource::Builtin
    }
}

#[cfg(test)]
mod tests;
