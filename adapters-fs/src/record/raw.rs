//! JSON objects kept as they were written.
//!
//! An [`Object`] is a list of members, each with the exact text of its value, so that what nobody
//! here understands is written back to the byte and in its place. Where a key stands twice, the last
//! one counts, as in other readers; setting it leaves one. Half a character, as JavaScript and Python
//! write it, stays in the text as it was written, and is U+FFFD to whoever reads a value. Nothing here
//! knows what a key means.

use std::borrow::Cow;
use std::fmt;

use domain::task::text::without_lone_surrogates;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::Unfit;

/// The members of a JSON object in their order, with the text of each value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'a> {
    members: Vec<Member<'a>>,
}

#[derive(Clone, Debug)]
struct Member<'a> {
    name: Cow<'a, str>,
    /// The name as it is written, in quotes.
    written: Cow<'a, str>,
    value: Cow<'a, str>,
}

/// The value that `text` is, if it can be read as a `T`.
pub(super) fn decoded<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_slice(&without_lone_surrogates(text.as_bytes())))
        .ok()
}

/// Reads the members of the object that `content` is.
pub(super) fn parse(content: &[u8]) -> Result<Object<'_>, Unfit> {
    let text =
        std::str::from_utf8(content).map_err(|error| Unfit::NotUtf8 { at: error.valid_up_to() })?;
    if text.trim_start().is_empty() {
        return Err(Unfit::Empty);
    }
    if text.starts_with('\0') {
        return Err(Unfit::Nul);
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Eof => Unfit::CutOff { line: error.line(), column: error.column() },
        Category::Data => Unfit::NotAnObject,
        Category::Syntax | Category::Io => Unfit::NotJson { reason: error.to_string() },
    })
}

impl<'a> Object<'a> {
    /// The object that `text`, a value of another one, is; `None` if it is none.
    pub(super) fn within(text: &'a str) -> Option<Self> {
        // An empty text stands for what is absent. To say at which column it ends, serde_json would ask the processor what it
        // can do, which takes a tenth of a millisecond in a virtual machine.
        if text.is_empty() { None } else { serde_json::from_str(text).ok() }
    }

    /// The text of the value of `key`.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.members.iter().rev().find(|member| member.name == key).map(|member| &*member.value)
    }

    /// The value of `key`, if it is there and can be read as a `T`.
    pub(super) fn value<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.get(key).and_then(decoded)
    }

    /// Gives `key` the value that is written as `value`, in its old place or else at the end; `None`
    /// removes it.
    pub(super) fn set(&mut self, key: &'static str, value: Option<String>) {
        let place = self.members.iter().position(|member| member.name == key);
        match (place, value) {
            (Some(place), Some(value)) => {
                let mut at = 0;
                self.members.retain(|member| {
                    at += 1;
                    member.name != key || at - 1 == place
                });
                self.members[place].value = Cow::Owned(value);
            }
            (Some(_), None) => self.members.retain(|member| member.name != key),
            (None, Some(value)) => self.members.push(Member {
                name: Cow::Borrowed(key),
                written: Cow::Owned(json(&key)),
                value: Cow::Owned(value),
            }),
            (None, None) => {}
        }
    }

    /// The object as text on one line.
    pub(super) fn line(&self) -> String {
        let members: Vec<String> = self
            .members
            .iter()
            .map(|Member { written, value, .. }| format!("{written}:{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// The object as text, one member a line, each line `indent` deep.
    pub(super) fn text(&self, indent: usize) -> String {
        if self.members.is_empty() {
            return "{}".to_owned();
        }
        let sizes = self.members.iter().map(|member| member.written.len() + member.value.len());
        let size: usize = sizes.sum();
        let mut text = String::with_capacity(size + self.members.len() * (indent + 8) + 8);
        let mut separator = "{\n";
        for Member { written, value, .. } in &self.members {
            text.push_str(separator);
            text.extend(std::iter::repeat_n(' ', indent));
            text.push_str(written);
            text.push_str(": ");
            text.push_str(value);
            separator = ",\n";
        }
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent.saturating_sub(2)));
        text.push('}');
        text
    }
}

/// `value` as JSON. For values that cannot fail to be written: texts, numbers, lists of those.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
        let mut members = Vec::with_capacity(16);
        while let Some(key) = map.next_key::<&'de RawValue>()? {
            let value: &'de RawValue = map.next_value()?;
            let (written, value) = (Cow::Borrowed(key.get()), Cow::Borrowed(value.get()));
            members.push(Member { name: name(key.get()), written, value });
        }
        Ok(Object { members })
    }
}

/// A name that is written so, borrowed where it has no escapes.
fn name(written: &str) -> Cow<'_, str> {
    let plain = written.trim_matches('"');
    if written.contains('\\') {
        decoded(written).map_or(Cow::Borrowed(plain), Cow::Owned)
    } else {
        Cow::Borrowed(plain)
    }
}
