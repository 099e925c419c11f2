//! What `mcp install`, `uninstall` and `status` answer.

use std::path::PathBuf;

use adapters_fs::mcp_settings::{Changed, Deed};
use serde_json::{Value, json};

use super::hooks::deed;
use super::{View, terminal};

/// How our server stands in an agent's settings.
pub(crate) struct RegisteredView {
    /// The file.
    pub(crate) file: PathBuf,
    /// What was done to it.
    pub(crate) changed: Option<Changed>,
    /// The words that start the server of our name.
    pub(crate) command: Option<Vec<String>>,
    /// Whether that is this program.
    pub(crate) is_ours: bool,
    /// What the agent has to be told before it calls the tools that launch something.
    pub(crate) switch: Option<&'static str>,
    /// Whether it was only looked at.
    pub(crate) is_look: bool,
}

impl View for RegisteredView {
    fn json(&self) -> Value {
        let mut answer =
            json!({"file": self.file, "registered": self.is_ours, "command": self.command});
        if !self.is_look {
            answer["done"] = self.changed.as_ref().map(|changed| deed(changed.deed)).into();
            answer["backup"] =
                json!(self.changed.as_ref().and_then(|changed| changed.backup.clone()));
        }
        if let Some(switch) = self.switch {
            answer["approval"] = switch.into();
        }
        answer
    }

    fn table(&self) -> String {
        let path = self.file.display();
        let mut text = match (&self.changed, self.is_look) {
            (Some(changed), _) => format!("{path}: {}\n", deed(changed.deed)),
            (None, false) => format!("{path}: nothing to do\n"),
            (None, true) if self.is_ours => format!("{path}: registered\n"),
            (None, true) if self.command.is_some() => {
                format!("{path}: another server has its name\n")
            }
            (None, true) => format!("{path}: not registered\n"),
        };
        if let Some(Changed { backup: Some(backup), deed: Deed::Added }) = &self.changed {
            text.push_str(&format!("as it was: {}\n", backup.display()));
        }
        if let Some(switch) = self.switch {
            text.push_str(&format!("approval: {switch}\n"));
        }
        terminal::harmless(&text)
    }
}
