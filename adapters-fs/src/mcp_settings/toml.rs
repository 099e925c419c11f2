//! Servers in TOML, a table each. Text in, text out.
//!
//! Our table goes behind everything else, and is taken out by its lines. Each change is read once more: if anything
//! else differs by then, it is refused.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::{NAME, VERB};
use crate::hook_settings::Unparsed;

/// The table that has the servers.
const SECTION: &str = "mcp_servers";

/// The whole as a value, in which two texts that mean the same are equal.
fn parsed(text: &str) -> Result<Value, Unparsed> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Unparsed { line, column, words: error.message().to_owned() }
    })?;
    Ok(of_table(table.get_ref()))
}

fn of_table(table: &DeTable<'_>) -> Value {
    let member = |(name, value): (_, &toml::Spanned<DeValue<'_>>)| {
        let name: &toml::Spanned<toml::de::DeString<'_>> = name;
        (name.get_ref().to_string(), plain(value.get_ref()))
    };
    Value::Object(table.iter().map(member).collect::<Map<String, Value>>())
}

fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(it) => Value::from(*it),
        // Only whether two are the same counts.
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => {
            Value::from(format!("{value:?}"))
        }
        DeValue::Array(list) => list.iter().map(|value| plain(value.get_ref())).collect(),
        DeValue::Table(table) => of_table(table),
    }
}

/// The words that start the server of our name.
pub(super) fn entry(text: &str) -> Result<Option<Vec<String>>, Unparsed> {
    let table = parsed(text)?;
    let Some(entry) = table.get(SECTION).and_then(|servers| servers.get(NAME)) else {
        return Ok(None);
    };
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let program = entry.get("command").map(word).unwrap_or_default();
    let arguments = entry.get("args").and_then(Value::as_array).into_iter().flatten();
    Ok(Some(std::iter::once(program).chain(arguments.map(word)).collect()))
}

/// The text with the server of our name, which gets these variables.
///
/// # Errors
/// If a table cannot be added there.
pub(super) fn with(text: &str, path: &str, variables: &[&str]) -> Result<String, String> {
    // Strings of JSON are strings of TOML.
    let word = |word: &str| serde_json::Value::from(word).to_string();
    let variables: Vec<String> = variables.iter().map(|name| word(name)).collect();
    let gap = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let after = format!(
        "{text}{gap}[{SECTION}.{NAME}]\ncommand = {}\nargs = [{}]\nenv_vars = [{}]\n",
        word(path),
        word(VERB),
        variables.join(", ")
    );
    checked(after, text)
}

/// The text without the tables of the server of our name.
///
/// # Errors
/// If they cannot be taken out by their lines.
pub(super) fn without(text: &str) -> Result<String, String> {
    // A line that looks like the head of our table may stand in somebody's text.
    let heads = text.split_inclusive('\n').filter(|line| is_head(line)).count();
    let all = checked(leaving_out(text, |_| true), text);
    (0..heads)
        .rev()
        .fold(all, |found, nth| found.or_else(|_| checked(leaving_out(text, |it| it == nth), text)))
}

/// Whether a line begins a table of our server.
fn is_head(line: &str) -> bool {
    let name: String = line.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
    let rest = name.strip_prefix(&format!("[{SECTION}.{NAME}"));
    rest.is_some_and(|rest| rest.starts_with([']', '.']))
}

/// The text without those of our tables, counted from 0, that are chosen.
fn leaving_out(text: &str, chosen: impl Fn(usize) -> bool) -> String {
    let (mut kept, mut is_out, mut heads) = (String::new(), false, 0);
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            is_out = is_head(line) && chosen(heads);
            heads += usize::from(is_head(line));
            if is_out && kept.ends_with("\n\n") {
                // The blank line that came with it.
                kept.pop();
            }
        }
        if !is_out {
            kept.push_str(line);
        }
    }
    kept
}

/// The changed text, if nothing differs but the server of our name.
fn checked(after: String, before: &str) -> Result<String, String> {
    let others = |text: &str| -> Option<Value> {
        let mut table = parsed(text).ok()?;
        if let Some(servers) = table.get_mut(SECTION).and_then(Value::as_object_mut) {
            servers.remove(NAME);
            if servers.is_empty() {
                table.as_object_mut()?.remove(SECTION);
            }
        }
        Some(table)
    };
    let before = others(before);
    if before.is_some() && before == others(&after) {
        return Ok(after);
    }
    Err("it cannot be changed without changing something else".to_owned())
}
