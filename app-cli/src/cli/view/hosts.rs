//! What `hosts` answers: which other machines there are, whether they answer, and which version each has.

use serde_json::{Value, json};

use super::{View, terminal};

/// How a machine is.
pub(crate) struct HostRow {
    /// The machine, as ssh knows it.
    pub(crate) host: String,
    /// Whether it answers.
    pub(crate) is_reachable: bool,
    /// Which task-bg it has.
    pub(crate) version: Option<String>,
    /// Whether that is this one.
    pub(crate) is_same: bool,
    /// What is wrong, with what can be done.
    pub(crate) note: Option<String>,
}

/// How the machines are.
pub(crate) struct HostsView {
    /// One row a machine.
    pub(crate) rows: Vec<HostRow>,
    /// What was done.
    pub(crate) done: Option<String>,
}

impl View for HostsView {
    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "host": row.host,
                "reachable": row.is_reachable,
                "version": row.version,
                "sameVersion": row.is_same,
                "note": row.note,
            })
        });
        let mut answer = json!({"hosts": rows.collect::<Vec<_>>()});
        if let Some(done) = &self.done {
            answer["done"] = json!(done);
        }
        answer
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["hosts"]
    }

    fn table(&self) -> String {
        let done = self.done.as_ref().map(|done| format!("{done}\n")).unwrap_or_default();
        if self.rows.is_empty() && self.done.is_none() {
            return "no other machine is known; `task-bg hosts add HOST` adds one\n".to_owned();
        }
        let mut rows = terminal::table(&["HOST", "ANSWERS", "VERSION", "NOTE"]);
        for row in &self.rows {
            let other = if row.version.is_some() && !row.is_same { "another version" } else { "" };
            rows.add_row([
                row.host.clone(),
                if row.is_reachable { "yes" } else { "no" }.to_owned(),
                row.version.clone().unwrap_or_default(),
                terminal::one_line(row.note.as_deref().unwrap_or(other), 200),
            ]);
        }
        let rows = if rows.is_empty() { String::new() } else { terminal::lines(&rows) };
        format!("{done}{rows}")
    }
}
