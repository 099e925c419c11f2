//! The text of one settings file: what it says about hooks, and the smallest change that says more or less.
//!
//! Text in, text out: no function here touches a file. Whatever is not ours keeps its place, its comments
//! and its white space. Main type: [`Document`].

use std::path::Path;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value;

use super::HOOK;
use super::manner::{EVENTS, EVENTS_OF_GEMINI};

/// What an agent reads: comments, but nothing else that is not JSON.
const DIALECT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};
/// The events that an agent knows and we do nothing at.
const OTHER_EVENTS: [&str; 6] =
    ["PreToolUse", "Notification", "PreCompact", "SessionEnd", "BeforeTool", "PreCompress"];
/// The section of hooks in settings.
const SECTION: &str = "hooks";

/// How hooks are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In a section `hooks`, beside other settings.
    Wrapped,
    /// With the events at the top level.
    Flat,
    /// As a program, in a file that is ours alone; no document is of this form.
    Plugin,
}

/// Why a text is nothing an agent could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unparsed {
    /// From one.
    pub line: usize,
    /// From one.
    pub column: usize,
    /// What is wrong there.
    pub words: String,
}

/// A text that was understood.
#[derive(Debug)]
pub(super) struct Document {
    // Invariant: an object, as the agent reads it.
    value: Value,
    form: Form,
}

impl Document {
    /// Reads a text.
    pub(super) fn parse(text: &str, form: Form) -> Result<Self, Unparsed> {
        let root = CstRootNode::parse(text, &DIALECT).map_err(|error| Unparsed {
            line: error.line_display(),
            column: error.column_display(),
            words: error.kind().to_string(),
        })?;
        let not_an_object = || Unparsed { line: 1, column: 1, words: "not an object".to_owned() };
        let value = root.to_serde_value().filter(Value::is_object).ok_or_else(not_an_object)?;
        Ok(Self { value, form })
    }

    fn section(&self) -> Option<&Value> {
        match self.form {
            Form::Wrapped => self.value.get(SECTION),
            Form::Flat | Form::Plugin => Some(&self.value),
        }
    }

    /// The whole as a value.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Whether the agent takes hooks from it: it has events, and no flaw that makes it unreadable.
    pub(super) fn counts(&self) -> bool {
        let has_events = all_events().any(|event| self.names(event)) || self.is_disabled();
        has_events && self.malformed().is_empty()
    }

    /// Whether it says anything about an event, and be it that nothing happens.
    pub(super) fn names(&self, event: &str) -> bool {
        self.section().is_some_and(|section| section.get(event).is_some())
    }

    /// Whether it switches all hooks off.
    pub(super) fn is_disabled(&self) -> bool {
        self.section().and_then(|section| section.get("hooksDisabled")) == Some(&Value::Bool(true))
    }

    /// Where our program occurs, in any form: the event and the command.
    pub(super) fn mentions(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for event in all_events() {
            let entries = self.section().and_then(|section| section.get(event)?.as_array());
            for hook in entries.into_iter().flatten().flat_map(hooks_of) {
                let command = hook.get("command").and_then(Value::as_str);
                found.extend(
                    command
                        .filter(|it| mentions(it))
                        .map(|command| (event.to_owned(), command.to_owned())),
                );
            }
        }
        found
    }

    /// The entries that are ours alone: the event and the command.
    pub(super) fn ours(&self) -> Vec<(String, String)> {
        self.mentions().into_iter().filter(|(_, command)| is_ours(command)).collect()
    }

    /// What keeps its hooks from working, as words.
    pub(super) fn flaws(&self) -> Vec<String> {
        let mut flaws = self.malformed();
        if self.is_disabled() {
            flaws.push("`hooksDisabled` is true, which switches all hooks off".to_owned());
        }
        if self.form == Form::Flat && self.value.get(SECTION).is_some() {
            flaws.push(
                "its events are inside `hooks`, where droid does not look in this file".to_owned(),
            );
        }
        flaws
    }

    /// The entries that make an agent pass over all hooks of the file.
    fn malformed(&self) -> Vec<String> {
        let Some(section) = self.section() else { return Vec::new() };
        if !section.is_object() {
            return vec!["`hooks` is no object".to_owned()];
        }
        let switches_off = "which switches off all hooks of the file";
        let mut flaws = Vec::new();
        for event in all_events() {
            let Some(value) = section.get(event) else { continue };
            let Some(entries) = value.as_array() else {
                flaws.push(format!("`{event}` is no list, {switches_off}"));
                continue;
            };
            for (number, entry) in (1..).zip(entries) {
                if let Some(what) = flaw(entry) {
                    flaws.push(format!("entry {number} of `{event}` {what}, {switches_off}"));
                }
            }
        }
        flaws
    }
}

/// What is wrong with an entry.
fn flaw(entry: &Value) -> Option<&'static str> {
    let Some(hooks) = entry.get(SECTION).and_then(Value::as_array) else {
        return Some("has no list `hooks`");
    };
    hooks.iter().find_map(|hook| {
        let timeout = hook.get("timeout");
        if hook.get("type").and_then(Value::as_str) != Some("command") {
            Some("has a hook without `\"type\": \"command\"`")
        } else if !hook.get("command").is_some_and(Value::is_string) {
            Some("has a hook without a `command`")
        } else if timeout.is_some_and(|timeout| !timeout.is_number()) {
            Some("has a `timeout` that is no number")
        } else {
            None
        }
    })
}

fn all_events() -> impl Iterator<Item = &'static str> {
    // The first that Gemini CLI has is one of the others' as well.
    EVENTS.into_iter().chain(EVENTS_OF_GEMINI.into_iter().skip(1)).chain(OTHER_EVENTS)
}

/// The hooks of an entry; one without a wrapper does nothing, but is found.
fn hooks_of(entry: &Value) -> Vec<&Value> {
    match entry.get(SECTION).and_then(Value::as_array) {
        Some(hooks) => hooks.iter().collect(),
        None => vec![entry],
    }
}

/// Whether our program is called anywhere in a command.
fn mentions(command: &str) -> bool {
    let words = shlex::split(command).unwrap_or_default();
    words.iter().any(|word| names(word, HOOK)) || calls_the_verb(&words)
}

/// Whether a command is a call of our program and nothing else.
fn is_ours(command: &str) -> bool {
    match shlex::split(command).unwrap_or_default().as_slice() {
        [word] => names(word, HOOK),
        words @ [_, _] => calls_the_verb(words),
        _ => false,
    }
}

fn calls_the_verb(words: &[String]) -> bool {
    words.windows(2).any(|pair| names(&pair[0], "task-bg") && pair[1] == "hook-complete")
}

fn names(word: &str, program: &str) -> bool {
    Path::new(word).file_name().is_some_and(|name| name == program)
}

/// A key that stands twice where hooks belong: an editor would take the one, and an agent the other.
pub(super) fn twice(text: &str, form: Form) -> Option<String> {
    let root = parsed(text).ok()?;
    let top = root.object_value()?;
    let names = |object: &CstObject| -> Vec<String> {
        let name =
            |property: jsonc_parser::cst::CstObjectProp| property.name()?.decoded_value().ok();
        object.properties().into_iter().filter_map(name).collect()
    };
    let repeated = |names: &[String]| -> Option<String> {
        let is_again = |at: &usize| names.iter().take(*at).any(|it| *it == names[*at]);
        (0..names.len()).find(is_again).map(|at| names[at].clone())
    };
    match form {
        Form::Flat | Form::Plugin => repeated(&names(&top)),
        Form::Wrapped => {
            let mut sections = names(&top);
            sections.retain(|name| name == SECTION);
            let section = top.object_value(SECTION).map(|section| names(&section));
            repeated(&sections).or_else(|| repeated(&section.unwrap_or_default()))
        }
    }
}

/// A new file that registers `command` at `events`.
pub(super) fn fresh(form: Form, events: &[&str], command: &str, timeout: u32) -> String {
    let entry = |event: &&str| {
        let command = Value::from(command);
        format!(
            "\"{event}\": [\n  {{ \"hooks\": [{{ \"type\": \"command\", \"command\": {command}, \"timeout\": {timeout} }}] }}\n]"
        )
    };
    let entries: Vec<String> = events.iter().map(entry).collect();
    let section = format!("{{\n{}\n}}", indented(&entries.join(",\n")));
    match form {
        Form::Flat | Form::Plugin => format!("{section}\n"),
        Form::Wrapped => format!("{{\n{}\n}}\n", indented(&format!("\"{SECTION}\": {section}"))),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// `text` with these entries, each an event and a command, added.
///
/// # Errors
/// Words for what stands where the entries would go.
pub(super) fn with(
    text: &str,
    form: Form,
    entries: &[(&str, &str)],
    timeout: u32,
) -> Result<String, String> {
    if text.trim().is_empty() {
        let commands = entries.iter().map(|(_, command)| *command);
        let events: Vec<&str> = entries.iter().map(|(event, _)| *event).collect();
        return Ok(fresh(form, &events, commands.into_iter().next().unwrap_or(HOOK), timeout));
    }
    let root = parsed(text)?;
    let top = root.object_value().ok_or("its top level is no object")?;
    let section = match form {
        Form::Flat | Form::Plugin => top,
        Form::Wrapped => top
            .object_value_or_create(SECTION)
            .ok_or_else(|| format!("`{SECTION}` is no object"))?,
    };
    for (event, command) in entries {
        let list =
            section.array_value_or_create(event).ok_or_else(|| format!("`{event}` is no list"))?;
        list.ensure_multiline();
        list.append(entry(command, timeout));
    }
    Ok(root.to_string())
}

fn entry(command: &str, timeout: u32) -> CstInputValue {
    let text = |text: &str| CstInputValue::String(text.to_owned());
    let hook = vec![
        ("type".to_owned(), text("command")),
        ("command".to_owned(), text(command)),
        ("timeout".to_owned(), CstInputValue::Number(timeout.to_string())),
    ];
    let hooks = CstInputValue::Array(vec![CstInputValue::Object(hook)]);
    CstInputValue::Object(vec![(SECTION.to_owned(), hooks)])
}

/// `text` without the entries that are ours alone, and without what is empty because of that.
pub(super) fn without(text: &str, form: Form) -> String {
    let Ok(root) = parsed(text) else { return text.to_owned() };
    let Some(top) = root.object_value() else { return text.to_owned() };
    let section = match form {
        Form::Flat | Form::Plugin => Some(top),
        Form::Wrapped => top.object_value(SECTION),
    };
    let Some(section) = section else { return text.to_owned() };
    let mut removed = false;
    for event in all_events() {
        let Some(list) = section.array_value(event) else { continue };
        let changed = list.elements().into_iter().filter(thin).count() > 0;
        removed |= changed;
        if changed && list.elements().is_empty() {
            section.get(event).into_iter().for_each(jsonc_parser::cst::CstObjectProp::remove);
        }
    }
    if removed && form == Form::Wrapped && section.properties().is_empty() {
        let property = root.object_value().and_then(|top| top.get(SECTION));
        property.into_iter().for_each(jsonc_parser::cst::CstObjectProp::remove);
    }
    root.to_string()
}

/// Takes our hooks out of an entry, and the entry away if it was ours alone; says whether it had any.
fn thin(entry: &CstNode) -> bool {
    let Some(object) = entry.as_object() else { return false };
    let Some(hooks) = object.array_value(SECTION) else {
        // Without a wrapper it never ran, but it is ours all the same.
        let is_ours = command(&object).is_some_and(|command| is_ours(&command));
        if is_ours {
            object.remove();
        }
        return is_ours;
    };
    let ours = our_hooks(&hooks);
    let had = !ours.is_empty();
    ours.into_iter().for_each(CstNode::remove);
    if had && hooks.elements().is_empty() {
        object.remove();
    }
    had
}

fn our_hooks(hooks: &CstArray) -> Vec<CstNode> {
    let is_ours = |hook: &CstNode| {
        hook.as_object().and_then(|hook| command(&hook)).is_some_and(|command| is_ours(&command))
    };
    hooks.elements().into_iter().filter(is_ours).collect()
}

fn command(object: &CstObject) -> Option<String> {
    object.get("command")?.value()?.as_string_lit()?.decoded_value().ok()
}

fn parsed(text: &str) -> Result<CstRootNode, String> {
    CstRootNode::parse(text, &DIALECT).map_err(|error| error.to_string())
}
