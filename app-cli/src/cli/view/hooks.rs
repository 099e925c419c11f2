//! What `hooks` answers: what was changed in which file, and whether the hook works.

use std::path::PathBuf;

use adapters_fs::hook_settings::{Change, Deed, FileState, Form, ScopeState};
use serde_json::{Value, json};

use super::{View, terminal};

/// What was changed.
pub(crate) struct ChangedView {
    /// File by file; none if there was nothing to do.
    pub(crate) changes: Vec<Change>,
    /// What was registered, if anything was to be.
    pub(crate) command: Option<String>,
    /// How the scope stands now.
    pub(crate) state: ScopeState,
}

/// What would have to be in the file.
pub(crate) struct SnippetView {
    /// The file.
    pub(crate) path: PathBuf,
    /// How hooks are written in it.
    pub(crate) form: Form,
    /// The text.
    pub(crate) text: String,
}

/// How a scope stands.
pub(crate) struct StatusView {
    /// How it stands.
    pub(crate) state: ScopeState,
}

pub(super) const fn deed(deed: Deed) -> &'static str {
    match deed {
        Deed::Created => "created",
        Deed::Added => "added",
        Deed::Removed => "removed",
        Deed::Restored => "restored",
        Deed::Deleted => "deleted",
    }
}

const fn form(form: Form) -> &'static str {
    match form {
        Form::Wrapped => "wrapped",
        Form::Flat => "flat",
        Form::Plugin => "plugin",
    }
}

/// What is wrong in files that are read, each with its file.
pub(crate) fn flaws(state: &ScopeState) -> Vec<String> {
    let there = state.files.iter().filter(|file| file.exists);
    there
        .flat_map(|file| file.flaws.iter().map(|flaw| format!("`{}`: {flaw}", file.path.display())))
        .collect()
}

impl View for ChangedView {
    fn json(&self) -> Value {
        let change = |change: &Change| {
            json!({
                "file": change.path, "done": deed(change.deed), "events": change.events, "backup": change.backup,
            })
        };
        json!({
            "changed": self.changes.iter().map(change).collect::<Vec<_>>(),
            "command": self.command,
            "working": self.state.working,
            "findings": flaws(&self.state),
        })
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for change in &self.changes {
            let (path, done) = (change.path.display(), deed(change.deed));
            text.push_str(&format!("{path}: {done}: {}\n", change.events.join(", ")));
            if let Some(backup) = &change.backup {
                text.push_str(&format!("as it was: {}\n", backup.display()));
            }
        }
        if self.changes.is_empty() {
            text.push_str("nothing to do\n");
        }
        for flaw in flaws(&self.state) {
            text.push_str(&format!("{flaw}\n"));
        }
        terminal::harmless(&text)
    }
}

impl View for SnippetView {
    fn is_verbatim(&self) -> bool {
        true
    }

    fn json(&self) -> Value {
        json!({"file": self.path, "form": form(self.form), "snippet": self.text})
    }

    fn table(&self) -> String {
        terminal::harmless(&self.text)
    }
}

impl View for StatusView {
    fn json(&self) -> Value {
        let file = |file: &FileState| {
            let ours: Vec<Value> = file
                .ours
                .iter()
                .map(|(event, command)| json!({"event": event, "command": command}))
                .collect();
            json!({
                "file": file.path, "form": form(file.form), "exists": file.exists, "read": file.is_read,
                "ours": ours, "findings": file.flaws,
            })
        };
        json!({
            "registered": self.state.missing.is_empty(),
            "working": self.state.working,
            "missing": self.state.missing,
            "files": self.state.files.iter().map(file).collect::<Vec<_>>(),
        })
    }

    fn table(&self) -> String {
        let mut rows = terminal::table(&["FILE", "FORM", "READ", "OURS"]);
        for file in self.state.files.iter().filter(|file| file.exists) {
            let events: Vec<&str> = file.ours.iter().map(|(event, _)| event.as_str()).collect();
            rows.add_row([
                terminal::one_line(&file.path.display().to_string(), 80),
                form(file.form).to_owned(),
                if file.is_read { "yes" } else { "no" }.to_owned(),
                events.join(", "),
            ]);
        }
        let mut text = terminal::lines(&rows);
        let list = |events: &[String]| {
            if events.is_empty() { "none".to_owned() } else { events.join(", ") }
        };
        text.push_str(&format!("works at: {}\n", list(&self.state.working)));
        text.push_str(&format!("missing at: {}\n", list(&self.state.missing)));
        for flaw in flaws(&self.state) {
            text.push_str(&format!("{}\n", terminal::one_line(&flaw, 300)));
        }
        text
    }
}
