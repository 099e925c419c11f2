//! Servers in JSON, with comments. Text in, text out.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstRootNode};
use serde_json::Value;

use super::{Dialect, NAME, VERB};
use crate::hook_settings::Unparsed;

/// What agents read: JSON with comments; some take trailing commas, which are left where they are.
const DIALECT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

const fn section(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Servers | Dialect::Tables => "mcpServers",
        Dialect::Words => "mcp",
    }
}

/// The words that start the server of our name.
pub(super) fn entry(text: &str, dialect: Dialect) -> Result<Option<Vec<String>>, Unparsed> {
    let root = CstRootNode::parse(text, &DIALECT).map_err(|error| Unparsed {
        line: error.line_display(),
        column: error.column_display(),
        words: error.kind().to_string(),
    })?;
    let odd = |words: &str| Unparsed { line: 1, column: 1, words: words.to_owned() };
    let value =
        root.to_serde_value().filter(Value::is_object).ok_or_else(|| odd("not an object"))?;
    let Some(entry) = value.get(section(dialect)).and_then(|servers| servers.get(NAME)) else {
        return Ok(None);
    };
    let words = |value: Option<&Value>| -> Vec<String> {
        let list = value.and_then(Value::as_array).into_iter().flatten();
        list.map(|word| word.as_str().unwrap_or_default().to_owned()).collect()
    };
    Ok(Some(match dialect {
        Dialect::Words => words(entry.get("command")),
        Dialect::Servers | Dialect::Tables => {
            let program = entry.get("command").and_then(Value::as_str).unwrap_or_default();
            [vec![program.to_owned()], words(entry.get("args"))].concat()
        }
    }))
}

/// The text with the server of our name.
///
/// # Errors
/// Words for what stands where it would go.
pub(super) fn with(text: &str, dialect: Dialect, path: &str) -> Result<String, String> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let root = CstRootNode::parse(text, &DIALECT).map_err(|error| error.to_string())?;
    let top = root.object_value().ok_or("its top level is no object")?;
    let key = section(dialect);
    let servers = top.object_value_or_create(key).ok_or_else(|| format!("`{key}` is no object"))?;
    let word = |word: &str| CstInputValue::String(word.to_owned());
    let entry = match dialect {
        Dialect::Words => vec![
            ("type".to_owned(), word("local")),
            ("command".to_owned(), CstInputValue::Array(vec![word(path), word(VERB)])),
            ("enabled".to_owned(), CstInputValue::Bool(true)),
        ],
        Dialect::Servers | Dialect::Tables => vec![
            ("command".to_owned(), word(path)),
            ("args".to_owned(), CstInputValue::Array(vec![word(VERB)])),
        ],
    };
    servers.append(NAME, CstInputValue::Object(entry));
    checked(root.to_string(), text, dialect)
}

/// The text without the server of our name, and without a section that is empty because of that.
///
/// # Errors
/// If it cannot be taken out alone.
pub(super) fn without(text: &str, dialect: Dialect) -> Result<String, String> {
    let root = CstRootNode::parse(text, &DIALECT).map_err(|error| error.to_string())?;
    let top = root.object_value().ok_or("its top level is no object")?;
    if let Some(servers) = top.object_value(section(dialect)) {
        servers.get(NAME).into_iter().for_each(jsonc_parser::cst::CstObjectProp::remove);
        if servers.properties().is_empty() {
            let section = top.get(section(dialect));
            section.into_iter().for_each(jsonc_parser::cst::CstObjectProp::remove);
        }
    }
    checked(root.to_string(), text, dialect)
}

/// The changed text, if nothing differs but the server of our name.
fn checked(after: String, before: &str, dialect: Dialect) -> Result<String, String> {
    let others = |text: &str| -> Option<Value> {
        let mut value = CstRootNode::parse(text, &DIALECT).ok()?.to_serde_value()?;
        let key = section(dialect);
        if let Some(servers) = value.get_mut(key).and_then(Value::as_object_mut) {
            servers.remove(NAME);
            if servers.is_empty() {
                value.as_object_mut()?.remove(key);
            }
        }
        Some(value)
    };
    if others(before).is_some() && others(before) == others(&after) {
        return Ok(after);
    }
    Err("it cannot be changed without changing something else".to_owned())
}
