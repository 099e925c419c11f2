//! What `config` answers: each setting, and who set it.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{View, terminal};
use crate::cli::args::Format;
use crate::kit::duration::written;
use crate::kit::settings::{Said, Source};

/// What holds.
pub(crate) struct ConfigView {
    /// Where the settings file is, or would be.
    pub(crate) file: PathBuf,
    /// Whether it is there.
    pub(crate) found: bool,
    /// Each setting.
    pub(crate) rows: Vec<Row>,
    /// What contradicts itself.
    pub(crate) contradictions: Vec<String>,
}

/// One setting.
pub(crate) struct Row {
    name: String,
    value: Value,
    /// What people are told beside the value.
    meaning: &'static str,
    source: Source,
}

impl Row {
    /// A setting that is text.
    pub(crate) fn text(name: &str, said: &Said<String>) -> Self {
        Self::of(name, json!(said.value), said.source)
    }

    /// A setting that is a number.
    pub(crate) fn number(name: &str, said: &Said<usize>) -> Self {
        Self::of(name, json!(said.value), said.source)
    }

    /// A setting that is a limit of time.
    pub(crate) fn span(name: &str, said: &Said<Duration>) -> Self {
        let meaning = if said.value.is_zero() { " (no limit)" } else { "" };
        Self { meaning, ..Self::of(name, json!(written(said.value)), said.source) }
    }

    fn of(name: &str, value: Value, source: Source) -> Self {
        Self { name: name.to_owned(), value, meaning: "", source }
    }

    /// How a format is called.
    pub(crate) fn format_word(format: Format) -> String {
        format.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }

    fn shown(&self) -> String {
        let text = self.value.as_str().map_or_else(|| self.value.to_string(), ToOwned::to_owned);
        terminal::one_line(&text, 400) + self.meaning
    }
}

impl View for ConfigView {
    fn json(&self) -> Value {
        let rows = self
            .rows
            .iter()
            .map(|row| json!({"name": row.name, "value": row.value, "source": word(row.source)}));
        json!({
            "file": self.file.display().to_string(),
            "fileFound": self.found,
            "settings": rows.collect::<Vec<_>>(),
            "contradictions": self.contradictions,
        })
    }

    fn table(&self) -> String {
        let mut rows = terminal::table(&["SETTING", "VALUE", "FROM"]);
        for row in &self.rows {
            rows.add_row([
                terminal::one_line(&row.name, 80),
                row.shown(),
                word(row.source).to_owned(),
            ]);
        }
        let found = if self.found { "" } else { " (not there)" };
        let file = terminal::one_line(&self.file.display().to_string(), 400);
        let contradictions = self.contradictions.iter();
        let contradictions =
            contradictions.map(|said| format!("warning: {}\n", terminal::harmless(said)));
        let contradictions: String = contradictions.collect();
        format!("{}settings file: {file}{found}\n{contradictions}", terminal::lines(&rows))
    }
}

/// The source in the words of an answer.
pub(crate) const fn word(source: Source) -> &'static str {
    match source {
        Source::Flag => "flag",
        Source::Environment => "env",
        Source::Store => "store",
        Source::File => "file",
        Source::Default => "default",
    }
}
