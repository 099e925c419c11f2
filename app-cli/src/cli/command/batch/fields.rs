//! The fields of a JSON line, each with its place, and what is wrong with one in words of ours.
//!
//! What a parser says of JSON speaks of types of a programming language; whoever wrote the line wants to know which
//! field is wrong, where it stands, and what to write there. Nothing here knows which fields a line has.

use std::fmt;

use domain::task::near::near;
use domain::task::text::{self, NAMED};
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Error;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// How much of a wrong value is repeated, in characters.
const QUOTED: usize = 40;

/// The fields of a line that were not read yet.
pub(super) struct Fields<'a> {
    line: &'a str,
    members: Vec<(String, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    /// The fields of this line, all of which are among those that are `known`.
    ///
    /// # Errors
    /// A sentence, if the line is no JSON object, or has a field that is unknown or stands in it twice.
    pub(super) fn of(line: &'a str, known: &[&str]) -> Result<Self, String> {
        let Members(members) = serde_json::from_str(line).map_err(|error| torn(line, &error))?;
        let fields = Self { line, members };
        for (index, (name, value)) in fields.members.iter().enumerate() {
            let column = fields.column(value);
            if !known.contains(&name.as_str()) {
                let meant = match near(name, known.iter().copied()).first() {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("there are {}", text::some_of(known, NAMED)),
                };
                let shown = text::preview(name, QUOTED);
                return Err(format!("a line has no field `{shown}` (column {column}): {meant}"));
            }
            if fields.members[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(format!("`{name}` stands twice (column {column}): leave out one"));
            }
        }
        Ok(fields)
    }

    /// The value of a field; `None` if it is not there or null.
    ///
    /// # Errors
    /// A sentence with the advice, if the value is of another kind.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        name: &str,
        advice: &str,
    ) -> Result<Option<T>, String> {
        self.read(name, advice, Ok)
    }

    /// The same for a value that `read` makes something of.
    ///
    /// # Errors
    /// A sentence with the advice, or with that of `read` where `read` refuses the value.
    pub(super) fn read<T: DeserializeOwned, R>(
        &mut self,
        name: &str,
        advice: &str,
        read: impl FnOnce(T) -> Result<R, String>,
    ) -> Result<Option<R>, String> {
        let Some(at) = self.members.iter().position(|(field, _)| field == name) else {
            return Ok(None);
        };
        let (_, raw) = self.members.swap_remove(at);
        let found: Option<T> = serde_json::from_str(raw.get())
            .map_err(|_| self.wrong(name, raw, kind(raw.get()), advice))?;
        let read = found.map(read).transpose();
        read.map_err(|advice| self.wrong(name, raw, raw.get(), &advice))
    }

    fn wrong(&self, name: &str, value: &RawValue, shown: &str, advice: &str) -> String {
        let shown = text::preview(shown, QUOTED);
        format!("`{name}` is {shown} (column {}): {advice}", self.column(value))
    }

    /// Where a value begins, in characters, counted from 1.
    fn column(&self, value: &RawValue) -> usize {
        // The value is a part of the line.
        let at = value.get().as_ptr().addr().saturating_sub(self.line.as_ptr().addr());
        column(self.line, at)
    }
}

/// What a value of the wrong kind is called; a number as it is. What texts hold may be secret.
fn kind(value: &str) -> &str {
    match value.as_bytes().first() {
        Some(b'"') => "a text",
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        Some(_) | None => value,
    }
}

fn column(line: &str, at: usize) -> usize {
    line.char_indices().take_while(|(index, _)| *index < at).count() + 1
}

/// What is wrong with a line that is no JSON object.
fn torn(line: &str, error: &Error) -> String {
    let said = error.to_string();
    let begins = |words: &[&str]| words.iter().any(|words| said.starts_with(words));
    let what = match error.classify() {
        Category::Data => {
            return "a line is one JSON object, as in \
                    {\"description\": \"Test suite\", \"command\": [\"make\", \"test\"]}"
                .to_owned();
        }
        Category::Eof if begins(&["EOF while parsing a string"]) => {
            "the line ends within a text: a quote is missing"
        }
        Category::Eof => "the line ends too early: a closing bracket is missing",
        Category::Io => "the line cannot be read",
        Category::Syntax if begins(&["trailing characters"]) => {
            "something follows the object: each line holds one"
        }
        Category::Syntax if begins(&["trailing comma"]) => "nothing follows the comma",
        Category::Syntax if begins(&["expected `:`"]) => "a colon is missing after a name",
        Category::Syntax if begins(&["expected `,`"]) => {
            "a comma is missing, or a closing bracket, or a quote has to be written as \\\""
        }
        Category::Syntax if begins(&["key must be"]) => "a name in double quotes is missing",
        Category::Syntax if begins(&["control character"]) => {
            "a text holds a control character: a line break is written as \\n, a tab as \\t"
        }
        Category::Syntax
            if begins(&["invalid escape", "invalid unicode", "unexpected end of hex"]) =>
        {
            "a backslash begins nothing that JSON knows: by itself it is written as \\\\"
        }
        Category::Syntax if begins(&["invalid number", "number out of range"]) => {
            "that is no number of JSON's"
        }
        Category::Syntax if begins(&["recursion"]) => "it is nested too deeply",
        Category::Syntax => {
            "that is no value of JSON's: text stands in double quotes; there are also numbers, \
             true, false, null, lists and objects"
        }
    };
    // The place at which the parser stopped, in bytes, counted from 1.
    format!("{what} (column {})", column(line, error.column().saturating_sub(1)))
}

/// The members of an object, as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(OfObject).map(Members)
    }
}

struct OfObject;

impl<'de> Visitor<'de> for OfObject {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["name", "timeout", "priority"];

    fn fails(line: &str) -> String {
        Fields::of(line, &KNOWN).err().unwrap_or_else(|| panic!("`{line}` is well"))
    }

    #[test]
    fn a_line_that_is_no_object_is_told_in_words_of_ours() {
        for (line, words) in [
            ("[1]", "a line is one JSON object"),
            ("{\"name\": \"a", "within a text: a quote is missing (column 11)"),
            ("{\"name\": \"a\"", "a closing bracket is missing (column 12)"),
            ("{\"name\": a}", "in double quotes"),
            ("{name: 1}", "a name in double quotes is missing (column 2)"),
            ("{\"name\" 1}", "a colon is missing"),
            ("{\"name\": \"a\" \"b\"}", "a comma is missing"),
            ("{\"name\": 1,}", "nothing follows the comma"),
            ("{\"name\": 1} x", "something follows the object"),
            ("{\"name\": \"a\tb\"}", "a control character"),
            ("{\"name\": \"\\x\"}", "a backslash"),
            ("{\"name\": 01}", "no number"),
        ] {
            let said = fails(line);
            assert!(said.contains(words), "{line}: {said}");
        }
    }

    #[test]
    fn a_field_that_is_unknown_or_stands_twice_is_named_with_its_place() {
        let said = fails("{\"timout\": 3}");
        assert_eq!(said, "a line has no field `timout` (column 12): did you mean `timeout`?");
        assert!(fails("{\"zzzzzz\": 3}").ends_with("there are name, timeout, priority"));
        assert!(fails("{\"name\": 1, \"name\": 2}").contains("`name` stands twice (column 21)"));
    }

    #[test]
    fn a_value_of_another_kind_is_named_with_its_place_in_characters_and_the_advice() {
        let mut fields =
            Fields::of("{\"name\": \"ü\", \"priority\": 300}", &KNOWN).expect("an object");
        let said = fields.take::<i8>("priority", "give a small number");
        assert_eq!(said, Err("`priority` is 300 (column 27): give a small number".to_owned()));
        let mut fields =
            Fields::of("{\"name\": {\"TOKEN\": \"secret\"}}", &KNOWN).expect("an object");
        let said = fields.take::<i8>("name", "give a number");
        assert_eq!(said, Err("`name` is an object (column 10): give a number".to_owned()));
        let mut fields = Fields::of("{\"name\": \"ü\"}", &KNOWN).expect("an object");
        assert_eq!(fields.take::<String>("name", ""), Ok(Some("ü".to_owned())));
        assert_eq!(fields.take::<String>("timeout", ""), Ok(None));
    }
}
