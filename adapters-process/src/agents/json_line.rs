//! Lenient reading of one line of a JSON event stream.
//!
//! Only what agents have in common is here, and nothing that one of them alone does.

use domain::task::text::readable;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The line as `T`; `None` where it is broken or of another shape. Half a character in a text, which
/// agents leave when they cut one, does not break the line.
pub(super) fn parse<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    serde_json::from_slice(&readable(line)).ok()
}

/// Takes a value of another shape than expected for none, so that a side note never costs a line.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}
