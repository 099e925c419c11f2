//! The hooks in an agent's settings: where ours are registered, and how to add or remove them and nothing
//! else.
//!
//! [`HookScope`] is one scope, a user's or a project's. Droid 0.225.2 reads it like this: `hooks.json`, or
//! else `hooks/hooks.json`, holds events at its top level and goes before the `hooks` section of
//! `settings.json`, event by event; a file with one malformed entry counts as having no hooks at all;
//! comments are read, trailing commas are not. A file that cannot be understood is refused and stays as it
//! is. A change keeps everything else in a file byte for byte, and replaces the file whole.

mod document;
pub(crate) mod file;
mod manner;
mod plugin;

use std::io;
use std::path::{Path, PathBuf};

use crate::factory_dir::FactoryDir;
use document::Document;
pub use document::{Form, Unparsed};
pub use manner::EVENTS;
use manner::Manner;
pub use plugin::Plugin;

/// The program that is registered.
pub const HOOK: &str = "task-bg-hook";
/// One scope whose hooks an agent reads.
#[derive(Debug)]
pub struct HookScope {
    manner: Manner,
    settings: HookFile,
    // Those that go before the settings; only the first that is there is looked at.
    overlays: Vec<HookFile>,
}

/// One file of a scope.
#[derive(Debug)]
pub struct HookFile {
    manner: Manner,
    path: PathBuf,
    form: Form,
    text: Option<String>,
    document: Option<Document>,
}

/// What was done to one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What was done.
    pub deed: Deed,
    /// The events it was done for.
    pub events: Vec<String>,
    /// Where the file as it was before is kept.
    pub backup: Option<PathBuf>,
}

/// How many folders around a file of settings are an agent's.
const FOLDERS: usize = 1;

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It was not there before.
    Created,
    /// Our entries were added.
    Added,
    /// Our entries were taken out.
    Removed,
    /// It is again what it was before our entries were added, to the byte.
    Restored,
    /// It was ours alone, and is gone.
    Deleted,
}

/// How one file of a scope stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// The file.
    pub path: PathBuf,
    /// How hooks are written in it.
    pub form: Form,
    /// Whether it is there.
    pub exists: bool,
    /// Whether the agent takes hooks from it.
    pub is_read: bool,
    /// The events at which ours is registered in it, each with the command.
    pub ours: Vec<(String, String)>,
    /// What keeps its hooks from working, if anything does.
    pub flaws: Vec<String>,
}

/// How a scope stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeState {
    /// Its files.
    pub files: Vec<FileState>,
    /// The events at which ours runs.
    pub working: Vec<String>,
    /// The events at which it does not.
    pub missing: Vec<String>,
}

/// Why a scope's files were not changed.
#[derive(Debug, thiserror::Error)]
pub enum HookSettingsError {
    /// The file is not what an agent could read.
    #[error("`{}` is not valid: line {}, column {}: {}", .path.display(), .what.line, .what.column, .what.words)]
    Broken {
        /// The file.
        path: PathBuf,
        /// Where and what.
        what: Unparsed,
    },
    /// The file is valid, but what stands where hooks belong is something else.
    #[error("`{}` cannot be edited: {words}", .path.display())]
    Odd {
        /// The file.
        path: PathBuf,
        /// What stands there.
        words: String,
    },
    /// The system did not let us.
    #[error("{step} `{}` failed", .path.display())]
    Io {
        /// What was tried.
        step: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl HookScope {
    /// Reads the files of droid's scope in `dir`.
    ///
    /// # Errors
    /// [`HookSettingsError`] if one is there and cannot be read or understood.
    pub fn droid(dir: &FactoryDir) -> Result<Self, HookSettingsError> {
        let manner = Manner::USUAL;
        let overlay = |path| HookFile::read(path, Form::Flat, manner);
        Ok(Self {
            manner,
            settings: HookFile::read(dir.settings(), Form::Wrapped, manner)?,
            overlays: vec![overlay(dir.flat_hooks())?, overlay(dir.foldered_hooks())?],
        })
    }

    /// Reads the files of Claude Code's scope in `dir`, which has the settings alone.
    ///
    /// # Errors
    /// [`HookSettingsError`] if it is there and cannot be read or understood.
    pub fn claude(dir: &FactoryDir) -> Result<Self, HookSettingsError> {
        Self::alone(dir.settings(), Manner::USUAL)
    }

    /// Reads the file of hooks of Codex's scope in `dir`.
    ///
    /// # Errors
    /// [`HookSettingsError`] if it is there and cannot be read or understood.
    pub fn codex(dir: &FactoryDir) -> Result<Self, HookSettingsError> {
        Self::alone(dir.flat_hooks(), Manner::CODEX)
    }

    /// Reads the settings of Gemini CLI's scope in `dir`.
    ///
    /// # Errors
    /// [`HookSettingsError`] if they are there and cannot be read or understood.
    pub fn gemini(dir: &FactoryDir) -> Result<Self, HookSettingsError> {
        Self::alone(dir.settings(), Manner::GEMINI)
    }

    /// The scope of an agent that reads one file, with hooks in a section of their own.
    fn alone(path: PathBuf, manner: Manner) -> Result<Self, HookSettingsError> {
        let settings = HookFile::read(path, Form::Wrapped, manner)?;
        Ok(Self { manner, settings, overlays: Vec::new() })
    }

    /// The overlay that counts. One that is there keeps the next from being read, even if it has
    /// nothing to say itself.
    fn overlay(&self) -> Option<&HookFile> {
        let first = self.overlays.iter().find(|file| file.text.is_some())?;
        first.document.as_ref().is_some_and(Document::counts).then_some(first)
    }

    /// The file that the agent reads for this event, or would if it were registered.
    fn governing(&self, event: &str) -> &HookFile {
        match self.overlay() {
            Some(overlay) if overlay.names(event) || !self.settings.names(event) => overlay,
            Some(_) | None => &self.settings,
        }
    }

    /// Registers `command` at each event where none of ours is. Nothing is written where there is
    /// nothing to add.
    ///
    /// # Errors
    /// [`HookSettingsError`]; a file that could not be changed is as it was.
    pub fn install(&self, command: &str) -> Result<Vec<Change>, HookSettingsError> {
        let mut changes = Vec::new();
        for file in self.files() {
            let events: Vec<&str> = self
                .manner
                .events
                .iter()
                .copied()
                .filter(|event| std::ptr::eq(self.governing(event), file))
                .filter(|event| !file.mentions_ours(event))
                .collect();
            if !events.is_empty() {
                changes.push(file.add(&events, command)?);
            }
        }
        Ok(changes)
    }

    /// Takes out every entry that is ours and nothing else.
    ///
    /// # Errors
    /// [`HookSettingsError`]; a file that could not be changed is as it was.
    pub fn uninstall(&self) -> Result<Vec<Change>, HookSettingsError> {
        let mut changes = Vec::new();
        for file in self.files() {
            changes.extend(file.take_out()?);
        }
        Ok(changes)
    }

    /// The text that registers `command`, in the form of the file that the agent reads, and that file.
    pub fn snippet(&self, command: &str) -> (PathBuf, Form, String) {
        let file = self.overlay().unwrap_or(&self.settings);
        (
            file.path.clone(),
            file.form,
            document::fresh(file.form, self.manner.events, command, self.manner.timeout),
        )
    }

    /// How the scope stands.
    pub fn state(&self) -> ScopeState {
        let overlay = self.overlay();
        let runs = |event: &&str| {
            let file = self.governing(event);
            let flawless = file.document.as_ref().is_some_and(|it| it.flaws().is_empty());
            flawless && file.mentions_ours(event) && !self.is_disabled()
        };
        let events = self.manner.events.iter().copied();
        let (working, missing): (Vec<&str>, Vec<&str>) = events.partition(runs);
        let owned = |events: Vec<&str>| events.into_iter().map(ToOwned::to_owned).collect();
        let files = self.files().map(|file| {
            let is_settings = std::ptr::eq(file, &raw const self.settings);
            let counts = overlay.is_some_and(|overlay| std::ptr::eq(overlay, file));
            file.state(file.text.is_some() && (is_settings || counts))
        });
        ScopeState { files: files.collect(), working: owned(working), missing: owned(missing) }
    }

    fn is_disabled(&self) -> bool {
        let read = self.overlay().into_iter().chain([&self.settings]);
        read.filter_map(|file| file.document.as_ref()).any(Document::is_disabled)
    }

    fn files(&self) -> impl Iterator<Item = &HookFile> {
        std::iter::once(&self.settings).chain(&self.overlays)
    }

    /// The value of the settings as a whole, for whoever looks for something else in them.
    pub fn settings_value(&self) -> Option<serde_json::Value> {
        self.settings.document.as_ref().map(|document| document.value().clone())
    }
}

impl HookFile {
    fn read(path: PathBuf, form: Form, manner: Manner) -> Result<Self, HookSettingsError> {
        let text = file::read(&path)?;
        let parse = |text: &String| {
            Document::parse(text, form)
                .map_err(|what| HookSettingsError::Broken { path: path.clone(), what })
        };
        // An empty file is one that nobody has written into yet.
        let document =
            text.as_ref().filter(|text| !text.trim().is_empty()).map(parse).transpose()?;
        if let Some(key) = text.as_deref().and_then(|text| document::twice(text, form)) {
            let words = format!("`{key}` is there twice, and an agent reads the last one alone");
            return Err(HookSettingsError::Odd { path, words });
        }
        Ok(Self { manner, path, form, text, document })
    }

    fn names(&self, event: &str) -> bool {
        self.document.as_ref().is_some_and(|document| document.names(event))
    }

    fn mentions_ours(&self, event: &str) -> bool {
        let ours = self.document.as_ref().map(Document::mentions).unwrap_or_default();
        ours.iter().any(|(at, _)| at == event)
    }

    fn state(&self, is_read: bool) -> FileState {
        let document = self.document.as_ref();
        FileState {
            path: self.path.clone(),
            form: self.form,
            exists: self.text.is_some(),
            is_read,
            ours: document.map(Document::mentions).unwrap_or_default(),
            flaws: document.map(Document::flaws).unwrap_or_default(),
        }
    }

    fn odd(&self, words: String) -> HookSettingsError {
        HookSettingsError::Odd { path: self.path.clone(), words }
    }

    fn add(&self, events: &[&str], command: &str) -> Result<Change, HookSettingsError> {
        let text = self.text.as_deref().unwrap_or_default();
        let entries: Vec<(&str, &str)> = events.iter().map(|event| (*event, command)).collect();
        let after = document::with(text, self.form, &entries, self.manner.timeout)
            .map_err(|words| self.odd(words))?;
        let backup = match &self.text {
            // A backup that is there already is from before our first entry.
            Some(before) if self.has_no_ours() || !self.backup().exists() => {
                Some(file::back_up(&self.path, before)?)
            }
            Some(_) => Some(self.backup()),
            None => None,
        };
        file::replace(&self.path, self.text.as_deref(), &after)?;
        Ok(Change {
            path: self.path.clone(),
            deed: if self.text.is_none() { Deed::Created } else { Deed::Added },
            events: events.iter().map(|&event| event.to_owned()).collect(),
            backup,
        })
    }

    fn take_out(&self) -> Result<Option<Change>, HookSettingsError> {
        let (Some(document), Some(text)) = (&self.document, &self.text) else { return Ok(None) };
        let ours = document.ours();
        if ours.is_empty() {
            return Ok(None);
        }
        let entries: Vec<(&str, &str)> =
            ours.iter().map(|(event, command)| (event.as_str(), command.as_str())).collect();
        let grown_from =
            |before: &str| document::with(before, self.form, &entries, self.manner.timeout).ok();
        let before = file::read(&self.backup())?;
        let deed = match before.filter(|before| grown_from(before).as_ref() == Some(text)) {
            Some(before) => {
                file::replace(&self.path, Some(text), &before)?;
                file::remove(&self.backup())?;
                Deed::Restored
            }
            None if grown_from("").as_ref() == Some(text) => {
                file::remove_whole(&self.path, FOLDERS)?;
                Deed::Deleted
            }
            None => {
                file::replace(&self.path, Some(text), &document::without(text, self.form))?;
                Deed::Removed
            }
        };
        let events = ours.into_iter().map(|(event, _)| event).collect();
        Ok(Some(Change { path: self.path.clone(), deed, events, backup: None }))
    }

    fn has_no_ours(&self) -> bool {
        self.document.as_ref().is_none_or(|document| document.mentions().is_empty())
    }

    fn backup(&self) -> PathBuf {
        FactoryDir::backup_of(&file::target(&self.path))
    }
}

/// The command that registers the program at `path`, quoted for the shell that agents start hooks with.
pub fn command_for(path: &Path) -> String {
    let text = path.to_string_lossy();
    shlex::try_quote(&text).map_or_else(|_| HOOK.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests;
