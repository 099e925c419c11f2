//! The servers of the Model Context Protocol in an agent's settings: whether ours is among them, and how to add or take
//! it out and nothing else.
//!
//! [`ServerFile`] is the one file of a scope in which an agent looks for servers. Everything else in it stays byte for
//! byte; a file that cannot be understood is refused, and what somebody changed in our entry counts as theirs.

mod json;
mod toml;

use std::path::{Path, PathBuf};

use crate::factory_dir::FactoryDir;
pub use crate::hook_settings::{Deed, HookSettingsError};
use crate::hook_settings::{Unparsed, file};

/// The name of the server, and of the program.
const NAME: &str = "task-bg";
/// The verb that serves.
const VERB: &str = "mcp";
/// How many folders around a file of settings are an agent's.
const FOLDERS: usize = 1;

/// How an agent writes its servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON, under `mcpServers`: a program and its arguments.
    Servers,
    /// JSON, under `mcp`: one list of words.
    Words,
    /// TOML, a table below `mcp_servers`; the server is given no variable that is not named there.
    Tables,
}

/// The file of a scope, as it is now.
#[derive(Debug)]
pub struct ServerFile {
    path: PathBuf,
    dialect: Dialect,
    text: Option<String>,
    /// The words that start the server of our name.
    entry: Option<Vec<String>>,
}

/// What was done to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What was done.
    pub deed: Deed,
    /// Where the file as it was before is kept.
    pub backup: Option<PathBuf>,
}

impl ServerFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`HookSettingsError`] if it is there and cannot be read or understood.
    pub fn read(path: PathBuf, dialect: Dialect) -> Result<Self, HookSettingsError> {
        let text = file::read(&path)?;
        let entry = match text.as_deref().filter(|text| !text.trim().is_empty()) {
            None => Ok(None),
            Some(text) => entry(text, dialect),
        };
        match entry {
            Ok(entry) => Ok(Self { path, dialect, text, entry }),
            Err(what) => Err(HookSettingsError::Broken { path, what }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The words that start the server of our name, if there is one.
    pub fn registered(&self) -> Option<&[String]> {
        self.entry.as_deref()
    }

    /// Whether the server of our name is this program.
    pub fn is_ours(&self) -> bool {
        let Some([program, arguments @ ..]) = self.entry.as_deref() else { return false };
        Path::new(program).file_name().is_some_and(|name| name == NAME) && arguments == [VERB]
    }

    /// Adds the program at `path` as a server, which gets the `variables` where servers get none by themselves; `None`
    /// if it is there.
    ///
    /// # Errors
    /// [`HookSettingsError`] if another server has its name, or the file cannot be changed; it is as it was.
    pub fn install(
        &self,
        path: &str,
        variables: &[&str],
    ) -> Result<Option<Changed>, HookSettingsError> {
        if self.is_ours() {
            return Ok(None);
        }
        if self.entry.is_some() {
            return Err(self.odd(format!("another server is called `{NAME}` there")));
        }
        let before = self.text.as_deref();
        let after = self.with(before.unwrap_or_default(), path, variables)?;
        let backup = match before {
            Some(before) => Some(file::keep(&self.backup(), &self.path, before)?),
            None => None,
        };
        file::replace(&self.path, before, &after)?;
        let deed = if before.is_none() { Deed::Created } else { Deed::Added };
        Ok(Some(Changed { deed, backup }))
    }

    /// Takes the server out; `None` if it is not there.
    ///
    /// # Errors
    /// [`HookSettingsError`] if another server has its name, or the file cannot be changed; it is as it was.
    pub fn uninstall(&self, variables: &[&str]) -> Result<Option<Changed>, HookSettingsError> {
        let (Some(text), Some(entry)) = (&self.text, &self.entry) else { return Ok(None) };
        if !self.is_ours() {
            return Err(
                self.odd(format!("the server that is called `{NAME}` there is another one"))
            );
        }
        let program = entry.first().map_or(NAME, String::as_str);
        let grew_from =
            |before: &str| self.with(before, program, variables).is_ok_and(|it| it == *text);
        let backup = self.backup();
        let before = file::read(&backup)?;
        let deed = if grew_from("") {
            file::remove_whole(&self.path, FOLDERS)?;
            Deed::Deleted
        } else if let Some(before) = before.filter(|before| grew_from(before)) {
            file::replace(&self.path, Some(text), &before)?;
            Deed::Restored
        } else {
            file::replace(&self.path, Some(text), &self.without(text)?)?;
            Deed::Removed
        };
        file::remove(&backup)?;
        Ok(Some(Changed { deed, backup: None }))
    }

    /// The text with the server in it, which was read once more to see that nothing else changed.
    fn with(
        &self,
        text: &str,
        path: &str,
        variables: &[&str],
    ) -> Result<String, HookSettingsError> {
        let after = match self.dialect {
            Dialect::Servers | Dialect::Words => json::with(text, self.dialect, path),
            Dialect::Tables => toml::with(text, path, variables),
        };
        after.map_err(|words| self.odd(words))
    }

    fn without(&self, text: &str) -> Result<String, HookSettingsError> {
        let after = match self.dialect {
            Dialect::Servers | Dialect::Words => json::without(text, self.dialect),
            Dialect::Tables => toml::without(text),
        };
        after.map_err(|words| self.odd(words))
    }

    fn odd(&self, words: String) -> HookSettingsError {
        HookSettingsError::Odd { path: self.path.clone(), words }
    }

    fn backup(&self) -> PathBuf {
        FactoryDir::servers_backup_of(&file::target(&self.path))
    }
}

fn entry(text: &str, dialect: Dialect) -> Result<Option<Vec<String>>, Unparsed> {
    match dialect {
        Dialect::Servers | Dialect::Words => json::entry(text, dialect),
        Dialect::Tables => toml::entry(text),
    }
}

#[cfg(test)]
mod tests;
