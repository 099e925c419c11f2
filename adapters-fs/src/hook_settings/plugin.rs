//! `OpenCode`'s way to hooks: a plugin, one file that is ours alone.
//!
//! `OpenCode` starts no command at its events, but loads every file of a folder. Ours names the session to its
//! shell and hands the words of the hook to the model after a tool call. A file of that name that is not ours
//! stays as it is, and so does ours once somebody has edited it: its last line has a sum of all lines before.

use std::path::PathBuf;

use super::file;
use super::{Change, Deed, FileState, Form, HOOK, HookSettingsError, ScopeState};
use crate::data_dir::fnv;
use crate::factory_dir::FactoryDir;

/// The plugin, with a place for the command.
const PLUGIN: &str = include_str!("opencode_plugin.js");
/// The place for the command, as a string of JavaScript.
const PLACE: &str = "\"@HOOK@\"";
/// What the first line of ours begins with.
const MARK: &str = "// task-bg: ";
/// What the last line begins with; the sum of all before follows.
const SUM: &str = "// As written by task-bg: ";
/// How many folders around the plugin are `OpenCode`'s.
const FOLDERS: usize = 2;
/// What is said of ours, with lines of somebody's.
const EDITED: &str = "it was edited, or is of another version: move your lines to another file of that folder, and delete this one";
/// What is said of a file of that name that is not ours.
const FOREIGN: &str = "it is a plugin of somebody else";
/// What it does, as other agents call their events.
const EVENTS: [&str; 2] = ["shell.env", "tool.execute.after"];

/// The plugin in one of `OpenCode`'s folders.
#[derive(Debug)]
pub struct Plugin {
    path: PathBuf,
    text: Option<String>,
}

impl Plugin {
    /// Reads the file in `dir`.
    ///
    /// # Errors
    /// [`HookSettingsError`] if it cannot be read.
    pub fn read(dir: &FactoryDir) -> Result<Self, HookSettingsError> {
        let path = dir.plugin();
        let text = file::read(&path)?;
        Ok(Self { path, text })
    }

    /// Whether the file is there and ours.
    fn is_there(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.starts_with(MARK))
    }

    fn text(command: &str) -> String {
        let text = PLUGIN.replace(PLACE, &serde_json::Value::from(command).to_string());
        let sum = fnv(&text);
        format!("{text}{SUM}{sum:08x}\n")
    }

    /// Whether the file is as some version of this program wrote it.
    fn is_as_written(text: &str) -> bool {
        let Some((before, sum)) = text.rsplit_once(SUM) else { return false };
        sum == format!("{:08x}\n", fnv(before))
    }

    fn events() -> Vec<String> {
        EVENTS.map(ToOwned::to_owned).to_vec()
    }

    /// The text of a plugin that starts `command`, and its file.
    pub fn snippet(&self, command: &str) -> (PathBuf, Form, String) {
        (self.path.clone(), Form::Plugin, Self::text(command))
    }

    /// How it stands. The command is in the file.
    pub fn state(&self) -> ScopeState {
        let (there, exists) = (self.is_there(), self.text.is_some());
        let ours = Self::events().into_iter().map(|event| (event, HOOK.to_owned()));
        let foreign = (exists && !there).then(|| FOREIGN.to_owned());
        let file = FileState {
            path: self.path.clone(),
            form: Form::Plugin,
            exists,
            is_read: exists,
            ours: if there { ours.collect() } else { Vec::new() },
            flaws: foreign.into_iter().collect(),
        };
        let (working, missing) =
            if there { (Self::events(), Vec::new()) } else { (Vec::new(), Self::events()) };
        ScopeState { files: vec![file], working, missing }
    }

    /// Puts it there, in place of an older one of ours.
    ///
    /// # Errors
    /// [`HookSettingsError`] if something else has its name, or it cannot be written.
    pub fn install(&self, command: &str) -> Result<Vec<Change>, HookSettingsError> {
        let text = Self::text(command);
        if self.text.as_ref() == Some(&text) {
            return Ok(Vec::new());
        }
        self.refuse_foreign()?;
        file::replace(&self.path, self.text.as_deref(), &text)?;
        let deed = if self.text.is_none() { Deed::Created } else { Deed::Added };
        Ok(vec![self.change(deed)])
    }

    /// Takes it away.
    ///
    /// # Errors
    /// [`HookSettingsError`] if something else has its name, or it cannot be removed.
    pub fn uninstall(&self) -> Result<Vec<Change>, HookSettingsError> {
        if self.text.is_none() {
            return Ok(Vec::new());
        }
        self.refuse_foreign()?;
        file::remove_whole(&self.path, FOLDERS)?;
        Ok(vec![self.change(Deed::Deleted)])
    }

    /// Refuses to throw away what somebody else wrote.
    fn refuse_foreign(&self) -> Result<(), HookSettingsError> {
        let words = match &self.text {
            Some(_) if !self.is_there() => FOREIGN,
            Some(text) if !Self::is_as_written(text) => EDITED,
            Some(_) | None => return Ok(()),
        };
        Err(HookSettingsError::Odd { path: self.path.clone(), words: words.to_owned() })
    }

    fn change(&self, deed: Deed) -> Change {
        Change { path: self.path.clone(), deed, events: Self::events(), backup: None }
    }
}
