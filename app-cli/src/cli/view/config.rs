//! What `config` answers: each setting, and who set it.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{View, terminal};
use crate::cli::args::Format;
use crate::kit::settings::{Said, Source};

/// What holds.
pub(crate) struct ConfigView {
    /// Where the settings file is, or would be.
    pub(crate) file: PathBuf,
    /// Whether it is there.
    pub(crate) found: bool,
    /// Each setting.
    pub(crate) rows: Vec<Row>,
}

/// One setting.
pub(crate) struct Row {
    name: String,
    value: Value,
    source: Source,
}

impl Row {
    /// A setting that is text.
    pub(crate) fn text(name: &str, said: &Said<String>) -> Self {
        Self { name: name.to_owned(), value: json!(said.value), source: said.source }
    }

    /// A setting that is a number.
    pub(crate) fn number(name: &str, said: &Said<usize>) -> Self {
        Self { name: name.to_owned(), value: json!(said.value), source: said.source }
    }

    /// A setting that is a span of time.
    pub(crate) fn span(name: &str, said: &Said<Duration>) -> Self {
        Self { name: name.to_owned(), value: json!(length(said.value)), source: said.source }
    }

    /// How a format is called.
    pub(crate) fn format_word(format: Format) -> String {
        format.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }

    fn shown(&self) -> String {
        let text = self.value.as_str().map_or_else(|| self.value.to_string(), ToOwned::to_owned);
        terminal::one_line(&text, 400)
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
        format!("{}settings file: {file}{found}\n", terminal::lines(&rows))
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

/// A span of time as it can be written in a setting.
fn length(span: Duration) -> String {
    let millis = span.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.into_iter().find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, "ms"));
    format!("{}{name}", millis / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_a_setting_could_be() {
        for (millis, written) in [(1_800_000, "30m"), (90_000, "90s"), (500, "500ms"), (0, "0ms")] {
            assert_eq!(length(Duration::from_millis(millis)), written);
            assert_eq!(
                crate::cli::args::parse_duration(written),
                Ok(Duration::from_millis(millis))
            );
        }
    }
}
