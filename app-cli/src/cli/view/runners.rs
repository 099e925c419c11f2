//! What `runners` answers: each agent, where it is, which version it is, and what it can do.

use std::ffi::OsString;
use std::path::PathBuf;

use adapters_process::probe::Silent;
use domain::port::Abilities;
use domain::task::Autonomy;
use serde_json::{Value, json};

use super::{View, terminal};
use crate::kit::terminal::Rows;

/// The heads of the columns.
const HEAD: [&str; 6] = ["RUNNER", "VERSION", "RESUME", "FORK", "LEVELS", "PROGRAM"];

/// Which agents there are.
pub(crate) struct RunnersView {
    /// Each agent.
    pub(crate) runners: Vec<RunnerLine>,
}

/// One agent.
pub(crate) struct RunnerLine {
    /// Its name.
    pub(crate) name: String,
    /// Whether it works where an order names none.
    pub(crate) is_usual: bool,
    /// The program that it is started with, by name or path.
    pub(crate) program: OsString,
    /// Where that was found.
    pub(crate) path: Option<PathBuf>,
    /// What it says its version is, or why it does not; `None` where it was not found.
    pub(crate) version: Option<Result<String, Silent>>,
    /// How it is installed, where it was not found.
    pub(crate) missing: Option<String>,
    /// What is to be known before it is given an order.
    pub(crate) warning: Option<String>,
    /// The levels of autonomy that it can be held to here.
    pub(crate) levels: Vec<Autonomy>,
    /// What it can do.
    pub(crate) abilities: Abilities,
}

impl RunnerLine {
    fn levels(&self) -> Vec<&'static str> {
        self.levels.iter().map(|level| level.word()).collect()
    }

    /// What is missing or wrong.
    fn complaint(&self) -> Option<String> {
        let silent = self.version.as_ref().and_then(|said| said.as_ref().err());
        self.missing.clone().or_else(|| silent.map(|silent| format!("`--version`: {silent}")))
    }
}

impl View for RunnersView {
    fn json(&self) -> Value {
        json!({"runners": self.runners.iter().map(runner).collect::<Vec<_>>()})
    }

    fn line_lists(&self) -> &'static [&'static str] {
        &["runners"]
    }

    fn table(&self) -> String {
        self.rows().table()
    }

    fn markdown(&self) -> String {
        self.rows().markdown()
    }
}

impl RunnersView {
    /// A row for each, and what a person has to know besides.
    fn rows(&self) -> Rows<{ HEAD.len() }> {
        let (mut rows, mut remarks) = (Vec::new(), String::new());
        for line in &self.runners {
            let mark = if line.is_usual { " (default)" } else { "" };
            let place = line.path.as_ref().map_or_else(
                || "not found".to_owned(),
                |path| terminal::one_line(&path.display().to_string(), 200),
            );
            rows.push([
                format!("{}{mark}", line.name),
                version(line).map_or("-".to_owned(), |text| terminal::one_line(text, 30)),
                yes(line.abilities.resumes).to_owned(),
                yes(line.abilities.forks).to_owned(),
                line.levels().join(" "),
                place,
            ]);
            if let Some(complaint) = line.complaint().or_else(|| line.warning.clone()) {
                let complaint = terminal::one_line(&complaint, 300);
                remarks.push_str(&format!("{}: {complaint}\n", line.name));
            }
        }
        Rows { head: HEAD, cells: rows, remarks }
    }
}

fn runner(line: &RunnerLine) -> Value {
    json!({
        "name": line.name,
        "default": line.is_usual,
        "program": line.program.to_string_lossy(),
        "path": line.path.as_ref().map(|path| path.display().to_string()),
        "version": version(line),
        "resume": line.abilities.resumes,
        "fork": line.abilities.forks,
        "levels": line.levels(),
        "stream": line.abilities.streams,
        "chosenSession": line.abilities.takes_session_name,
        "missing": line.complaint(),
        "warning": line.warning,
    })
}

fn version(line: &RunnerLine) -> Option<&str> {
    line.version.as_ref()?.as_ref().ok().map(String::as_str)
}

const fn yes(can: bool) -> &'static str {
    if can { "yes" } else { "no" }
}
