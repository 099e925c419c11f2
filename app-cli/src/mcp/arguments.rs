//! The arguments of a call, read with patience for what models write: a number as text, one text for a list, `null`
//! for nothing. A name that the tool does not know is refused with the nearest one.

use std::time::Duration;

use domain::task::near::near;
use serde_json::{Map, Value};

use super::tool::{Kind, Property, Tool};
use crate::kit::duration::parse_duration;
use crate::kit::failure::{Failure, Kind as FailureKind};

/// The longest span of time: a thousand years.
const LONGEST: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

/// The arguments of a call, each under a name that the tool knows.
pub(super) struct Arguments {
    tool: &'static Tool,
    given: Map<String, Value>,
}

fn wrong(words: String) -> Failure {
    Failure::new(FailureKind::Usage, words)
}

impl Arguments {
    /// Reads the `arguments` of a call.
    ///
    /// # Errors
    /// A failure that names the near name of one that the tool does not know, or what is missing.
    pub(super) fn read(tool: &'static Tool, given: Option<Value>) -> Result<Self, Failure> {
        let mut given = match given {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(given)) => given,
            Some(_) => return Err(wrong("the arguments have to be an object".to_owned())),
        };
        given.retain(|_, value| !value.is_null());
        let names = || tool.properties.iter().map(|property| property.name);
        if let Some(unknown) = given.keys().find(|name| names().all(|known| known != *name)) {
            let all = names().collect::<Vec<_>>().join(", ");
            let near =
                near(unknown, names()).first().map(|name| format!("did you mean `{name}`? "));
            let failure = wrong(format!("`{}` has no argument `{unknown}`", tool.name));
            return Err(failure.hint(format!("{}it takes {all}", near.unwrap_or_default())));
        }
        let arguments = Self { tool, given };
        for property in tool.properties.iter().filter(|property| property.is_required) {
            let is_there = match property.kind {
                Kind::Texts => !arguments.texts(property.name)?.is_empty(),
                Kind::Text | Kind::Number | Kind::Flag | Kind::Choice(_) => {
                    arguments.text(property.name)?.is_some()
                }
            };
            if !is_there {
                let failure = wrong(format!("`{}` needs `{}`", tool.name, property.name));
                return Err(failure.hint(format!("`{}`: {}", property.name, property.description)));
            }
        }
        Ok(arguments)
    }

    /// The tool that is called.
    pub(super) const fn tool(&self) -> &'static str {
        self.tool.name
    }

    /// All arguments as one text, which is the same whatever order they came in.
    pub(super) fn as_text(&self) -> String {
        let mut given: Vec<(&String, &Value)> = self.given.iter().collect();
        given.sort_unstable_by_key(|(name, _)| *name);
        given.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    fn wrong(&self, name: &str, what: &str) -> Failure {
        wrong(format!("`{name}` of `{}` has to be {what}", self.tool.name))
    }

    /// A text; one that is blank is none.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        self.scalar(name, "a string")
    }

    /// A text, number or flag, as text; anything else is not `what` it has to be.
    fn scalar(&self, name: &str, what: &str) -> Result<Option<String>, Failure> {
        match self.given.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => {
                Ok(Some(text.clone()).filter(|text| !text.trim().is_empty()))
            }
            Some(other @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(other.to_string())),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) => Err(self.wrong(name, what)),
        }
    }

    /// One of the words that the schema names.
    pub(super) fn choice(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(word) = self.text(name)?.map(|word| word.trim().to_ascii_lowercase()) else {
            return Ok(None);
        };
        let property = self.tool.properties.iter().find(|property| property.name == name);
        match property.map(|Property { kind, .. }| kind) {
            Some(Kind::Choice(words)) if !words.contains(&word.as_str()) => {
                let hint = format!("use one of {}", words.join(", "));
                Err(wrong(format!("`{name}` cannot be `{word}`")).hint(hint))
            }
            Some(_) | None => Ok(Some(word)),
        }
    }

    /// A yes or no; no if it is not there.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Failure> {
        let what = "true or false";
        match self.scalar(name, what)?.as_deref() {
            None | Some("false" | "0" | "no") => Ok(false),
            Some("true" | "1" | "yes") => Ok(true),
            Some(_) => Err(self.wrong(name, what)),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let what = "a whole number from 0";
        let Some(text) = self.scalar(name, what)? else { return Ok(None) };
        let text = text.trim();
        let whole = text.strip_suffix(".0").unwrap_or(text);
        whole.parse().map(Some).map_err(|_| self.wrong(name, what))
    }

    /// A span of time, as a number of seconds or as `90s` or `5m`.
    pub(super) fn span(&self, name: &str) -> Result<Option<Duration>, Failure> {
        let what = "a number of seconds from 0";
        let Some(text) = self.scalar(name, what)? else { return Ok(None) };
        let text = text.trim();
        match text.parse::<f64>() {
            // As long as anything here takes; more would be more than a clock can count.
            Ok(seconds) if seconds >= 0.0 && seconds.is_finite() => {
                Ok(Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)))
            }
            Ok(_) | Err(_) => parse_duration(text).map(Some).map_err(|_| self.wrong(name, what)),
        }
    }

    /// Several texts; one text may name several, with commas or spaces between.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Failure> {
        let list = match self.given.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list.clone(),
            Some(Value::String(text)) => match serde_json::from_str(text) {
                Ok(Value::Array(list)) => list,
                Ok(_) | Err(_) => vec![Value::String(text.clone())],
            },
            Some(_) => return Err(self.wrong(name, "a list of strings")),
        };
        let mut texts = Vec::new();
        for entry in list {
            let Value::String(text) = entry else {
                return Err(self.wrong(name, "a list of strings"));
            };
            let words = text.split(|c: char| c == ',' || c.is_whitespace());
            texts.extend(words.filter(|word| !word.is_empty()).map(ToOwned::to_owned));
        }
        Ok(texts)
    }
}
