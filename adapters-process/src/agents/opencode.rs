//! `OpenCode`: `opencode run --format json`, which reads its prompt from standard input.
//!
//! `stream` reads the lines of the stream, of which the first comes only with the model's first answer.
//! There is no last line: a step that ended with `stop` is the end. `OpenCode` exits with 0 where a
//! question was rejected, so every level is given as rules that allow or deny and never ask.

mod rules;
mod stream;

pub(super) use stream::decode;

use std::ffi::OsString;

use domain::port::{
    Abilities, Agent, Circumstances, CommandLine, Objection, OsText, Program, Told,
};
use domain::run::AgentEvent;
use domain::task::{Autonomy, Continuation, Order};
use serde_json::Value;

use super::start::Start;
use super::tools;

/// The name by which orders and records know `OpenCode`.
pub(super) const NAME: &str = "opencode";
/// How `OpenCode` is installed.
const INSTALL: &str = "install OpenCode with `npm install -g opencode-ai`, put the folder of `opencode` on PATH, or \
    name the program in `[runners.opencode]` of the settings";
/// The variable with its permissions, as JSON.
const PERMISSION: &str = "OPENCODE_PERMISSION";
/// The variable with configuration that is added to the user's, as JSON.
const CONFIG: &str = "OPENCODE_CONFIG_CONTENT";
/// The variable that our plugin names its session with.
pub(super) const SESSION: &str = "OPENCODE_SESSION_ID";

/// Keeps it from replacing itself, and its words on standard error from being coloured.
const DEFAULTS: [(&str, &str); 2] = [("OPENCODE_DISABLE_AUTOUPDATE", "1"), ("NO_COLOR", "1")];

/// What it calls the tools of droid.
const TOOLS: &tools::Names = &[
    ("Read", &["read"]),
    ("LS", &["list"]),
    ("Grep", &["grep"]),
    ("Glob", &["glob"]),
    ("Edit", &["edit"]),
    ("MultiEdit", &["edit"]),
    ("ApplyPatch", &["edit"]),
    ("Create", &["edit"]),
    ("Execute", &["bash"]),
    ("WebSearch", &["websearch"]),
    ("FetchUrl", &["webfetch"]),
    ("TodoWrite", &["todowrite", "todoread"]),
    ("Task", &["task"]),
    ("Skill", &["skill"]),
];

/// The adapter of `OpenCode`.
#[derive(Clone, Debug)]
pub struct OpenCode {
    start: Start,
}

impl OpenCode {
    /// The adapter that starts `OpenCode` with these words; with none, as usual.
    pub fn new(words: &[OsString]) -> Self {
        Self { start: Start::new(words, NAME, INSTALL) }
    }
}

impl Agent for OpenCode {
    fn name(&self) -> &str {
        NAME
    }

    fn command(&self, order: &Order, told: &Told<'_>) -> Option<CommandLine> {
        let autonomy = self.start.autonomy(order)?;
        Some(CommandLine {
            environment: environment(autonomy, order, told),
            defaults: DEFAULTS.to_vec(),
            ..self.start.with(arguments(autonomy, order, told))
        })
    }

    fn decode(&self, line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
        stream::decode(line, take);
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            resumes: true,
            forks: true,
            takes_session_name: false,
            streams: true,
            models_of_droids: false,
            levels: &Autonomy::ALL,
        }
    }

    fn program(&self) -> Option<Program<'_>> {
        Some(self.start.program())
    }

    fn objection(&self, _: Autonomy, around: &Circumstances<'_>) -> Option<Objection> {
        let is_broken = |name: &&str| {
            let text = (around.variable)(name).filter(|text| !text.is_empty());
            text.is_some_and(|text| rules::object(&text).is_none())
        };
        [PERMISSION, CONFIG].into_iter().find(is_broken).map(|name| Objection {
            words: format!(
                "`{name}` holds no JSON object, and the level of autonomy cannot be added to it"
            ),
            hint: format!("write `{name}` as an object without comments, or unset it"),
        })
    }

    fn unapplied(&self, order: &Order) -> Vec<String> {
        let Some(briefing) = &order.briefing else { return Vec::new() };
        let tools = briefing.tools.as_deref().unwrap_or_default();
        let (_, mut unknown) = tools::translated(tools, TOOLS);
        let autonomy = self.start.autonomy(order);
        unknown.extend(autonomy.into_iter().flat_map(|level| rules::withheld(level, tools)));
        let effort = briefing.reasoning_effort.as_ref();
        let effort = effort.map(|effort| format!("the reasoning effort {effort}"));
        tools::unapplied(&unknown).into_iter().chain(effort).collect()
    }

    fn session_variables(&self) -> &[&str] {
        &[SESSION]
    }
}

fn environment(
    autonomy: Autonomy,
    order: &Order,
    told: &Told<'_>,
) -> Vec<(String, Option<OsText>)> {
    let permissions = rules::permissions(autonomy, order);
    // A store whose path is no text has no place in JSON.
    let file = told.instructions.and_then(|file| std::str::from_utf8(file.as_bytes()).ok());
    let config = rules::configuration(&permissions, file);
    let set = [(PERMISSION, permissions), (CONFIG, config)].map(|(name, ours)| {
        let theirs = told.variable.and_then(|variable| variable(name));
        let theirs = theirs.as_deref().and_then(rules::object);
        let value: Value = match theirs {
            Some(theirs) => rules::merged(theirs, ours),
            None => ours,
        };
        (name.to_owned(), Some(value.to_string().into()))
    });
    set.into()
}

fn arguments(autonomy: Autonomy, order: &Order, told: &Told<'_>) -> Vec<OsText> {
    let mut words = vec!["run", "--format", "json"];
    if autonomy == Autonomy::High {
        words.push("--auto");
    }
    if rules::are_strict(autonomy, order) {
        words.extend(["--agent", rules::AGENT]);
    }
    if let Some(model) = &order.model {
        words.extend(["-m", model]);
    }
    match &order.lineage.continues {
        Some(Continuation::Same(session)) => words.extend(["-s", session.as_str()]),
        Some(Continuation::Fork(session)) => words.extend(["-s", session.as_str(), "--fork"]),
        None => {}
    }
    let mut arguments: Vec<OsText> = words.into_iter().map(OsText::from).collect();
    if order.lineage.continues.is_none() {
        // Otherwise it asks a model for one.
        arguments.extend(["--title".into(), format!("task-bg {}", told.task).into()]);
    }
    arguments
}

#[cfg(test)]
mod tests;
