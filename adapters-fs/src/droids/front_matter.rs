//! The front matter of a definition: what stands between two `---` lines at its very beginning.
//!
//! The reader takes it as YAML, and reads it line by line where it is none, because people write
//! `description: Use when: …` and droid lets them. It reads YAML as a stream of events, so that it
//! never resolves an alias and never builds a nested value. It knows the keys, not what they are
//! for.

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The longest front matter that is read, in bytes.
const MAX_FRONT_MATTER: usize = 64 << 10;
/// The line before and after it.
const FENCE: &str = "---";
const NO_MAPPING: &str = "it is no mapping of keys to values";

/// What a definition says of itself, and what it tells the droid.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter<'a> {
    /// `name`.
    pub(super) name: Option<String>,
    /// `description`.
    pub(super) description: Option<String>,
    /// `model`.
    pub(super) model: Option<String>,
    /// `reasoningEffort`.
    pub(super) reasoning_effort: Option<String>,
    /// `autonomy`, a key of ours that droid passes over.
    pub(super) autonomy: Option<String>,
    /// `tools`, a list or words between commas.
    pub(super) tools: Option<Vec<String>>,
    /// What follows the front matter.
    pub(super) body: &'a str,
}

/// The value of a key.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    List(Vec<String>),
    /// Something that no key of ours can have.
    Other,
}

type Members = Vec<(String, Value)>;

/// Reads a definition. One without front matter is all body.
///
/// # Errors
/// Why the front matter cannot be read, as a sentence for people.
pub(super) fn parse(text: &str) -> Result<FrontMatter<'_>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some((front, body)) = split(text)? else {
        return Ok(FrontMatter { body: text, ..FrontMatter::default() });
    };
    let members = match yaml(front) {
        Ok(members) => members,
        Err(reason) => Some(by_lines(front))
            .filter(|members| members.iter().any(|(key, _)| key == "name" || key == "description"))
            .ok_or_else(|| format!("its front matter is no YAML: {reason}"))?,
    };
    let mut matter = FrontMatter { body, ..FrontMatter::default() };
    for (key, value) in members {
        match key.as_str() {
            "name" => matter.name = one("name", value)?,
            "description" => matter.description = one("description", value)?,
            "model" => matter.model = one("model", value)?,
            "reasoningEffort" => matter.reasoning_effort = one("reasoningEffort", value)?,
            "autonomy" => matter.autonomy = one("autonomy", value)?,
            "tools" => matter.tools = many("tools", value)?,
            _ => {}
        }
    }
    Ok(matter)
}

/// The front matter and what follows it; `None` if the text does not begin with any.
fn split(text: &str) -> Result<Option<(&str, &str)>, String> {
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == FENCE) else {
        return Ok(None);
    };
    let mut end = first.len();
    for line in lines {
        if line.trim_end() == FENCE {
            return Ok(Some((&text[first.len()..end], &text[end + line.len()..])));
        }
        end += line.len();
        if end > MAX_FRONT_MATTER {
            return Err("its front matter is longer than 64 KiB".to_owned());
        }
    }
    Err(format!("its front matter has no end: there is no second `{FENCE}` line"))
}

fn one(key: &str, value: Value) -> Result<Option<String>, String> {
    match value {
        Value::Text(text) => {
            let text = text.trim();
            Ok((!text.is_empty()).then(|| text.to_owned()))
        }
        Value::List(_) | Value::Other => Err(format!("its `{key}` is no text")),
    }
}

fn many(key: &str, value: Value) -> Result<Option<Vec<String>>, String> {
    match value {
        Value::List(words) => Ok(Some(words)),
        Value::Text(text) if text.trim().is_empty() => Ok(None),
        Value::Text(text) => Ok(Some(text.split(',').map(|word| word.trim().to_owned()).collect())),
        Value::Other => Err(format!("its `{key}` are no list of words")),
    }
}

/// The members of the mapping that `text` is.
fn yaml(text: &str) -> Result<Members, String> {
    let mut members = Vec::new();
    let mut reading = Reading::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        reading.take(event, &mut members)?;
    }
    Ok(members)
}

/// Where a stream of events is in the one mapping that counts.
#[derive(Default)]
struct Reading {
    depth: usize,
    key: Option<String>,
    list: Option<Vec<String>>,
    odd: bool,
}

impl Reading {
    fn take(&mut self, event: Event<'_>, members: &mut Members) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, ..) => {
                let null = style == ScalarStyle::Plain && matches!(&*text, "~" | "null");
                let text = if null { String::new() } else { text.into_owned() };
                self.scalar(text, members)?;
            }
            Event::SequenceStart(..) if self.depth == 0 => return Err(NO_MAPPING.to_owned()),
            Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(_)
                if self.depth == 1 && self.key.is_none() =>
            {
                return Err("one of its keys is no text".to_owned());
            }
            Event::SequenceStart(..) if self.depth == 1 => {
                self.list = Some(Vec::new());
                self.depth += 1;
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                self.odd |= self.depth > 0;
                self.depth += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 1 {
                    self.close(members);
                }
            }
            Event::Alias(_) => {
                self.odd = true;
                if self.depth == 1 {
                    self.close(members);
                }
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: String, members: &mut Members) -> Result<(), String> {
        match (self.depth, &mut self.list) {
            (0, _) if text.is_empty() => {}
            (0, _) => return Err(NO_MAPPING.to_owned()),
            (1, _) => match self.key.take() {
                None => self.key = Some(text),
                Some(key) => members.push((key, Value::Text(text))),
            },
            (2, Some(list)) => list.push(text),
            (_, _) => {}
        }
        Ok(())
    }

    /// The value of the key that is open has come to its end.
    fn close(&mut self, members: &mut Members) {
        let (list, odd) = (self.list.take(), std::mem::take(&mut self.odd));
        if let Some(key) = self.key.take() {
            let value = list.filter(|_| !odd).map_or(Value::Other, Value::List);
            members.push((key, value));
        }
    }
}

/// The members as droid reads them where there is no YAML: a key up to the first colon of a line at
/// the margin, the rest of the line as it is, and dashes below it as a list.
fn by_lines(text: &str) -> Members {
    let mut members: Members = Vec::new();
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(item) = content.strip_prefix("- ") {
            match members.last_mut() {
                Some((_, Value::List(list))) => list.push(unquoted(item).to_owned()),
                Some((_, value)) if *value == Value::Text(String::new()) => {
                    *value = Value::List(vec![unquoted(item).to_owned()]);
                }
                Some(_) | None => {}
            }
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        if key.starts_with(char::is_whitespace) {
            continue;
        }
        let value = unquoted(value);
        let inside = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
        let value = match inside {
            Some(inside) => {
                Value::List(inside.split(',').map(|word| unquoted(word).to_owned()).collect())
            }
            None => Value::Text(value.to_owned()),
        };
        members.push((key.trim().to_owned(), value));
    }
    members
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests;
