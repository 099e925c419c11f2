//! Gemini CLI: `gemini -o stream-json`, which reads its prompt from standard input.
//!
//! `stream` reads the lines of the stream. Gemini CLI exits with 0 on every signal, so only a result line
//! that says `success` means that it is done; that line has no text, and what it said last is the result.
//! Tools that its mode does not allow are not even offered to its model.

mod stream;

pub(super) use stream::decode;

use std::ffi::OsString;

use domain::port::{Abilities, Agent, Attachment, CommandLine, OsText, Program, Told};
use domain::run::AgentEvent;
use domain::task::{Autonomy, Continuation, Order, Reason, Runner};

use super::start::{Start, is_unasked};
use super::{api_failure, tools};

/// The name by which orders and records know Gemini CLI.
pub(super) const NAME: &str = "gemini";
/// How Gemini CLI is installed.
const INSTALL: &str = "install Gemini CLI with `npm install -g @google/gemini-cli`, put the folder of `gemini` on \
    PATH, or name the program in `[runners.gemini]` of the settings";
/// The variable that names its session to its hooks, and to nothing else that it starts.
pub const HOOKS_SESSION: &str = "GEMINI_SESSION_ID";
/// The variable that tells whatever its shell starts that it is in Gemini CLI, though not in which session.
pub const SHELL: &str = "GEMINI_CLI";
/// The variable that names the file with its system prompt.
const SYSTEM: &str = "GEMINI_SYSTEM_MD";

/// Keeps it from telling how it is used, and its words on standard error from being coloured.
const DEFAULTS: [(&str, &str); 2] = [("GEMINI_TELEMETRY_ENABLED", "false"), ("NO_COLOR", "1")];

/// What its last words begin with where it has no login.
const KEYLESS: [&str; 4] = [
    "When using Gemini API, you must specify",
    "When using Vertex AI, you must specify",
    "Please set an Auth method",
    "Invalid auth method selected",
];

/// The policy that lets it run commands, and read pages, where it may change files anyway.
const POLICY: &str = "\
[[rule]]
toolName = [\"run_shell_command\", \"web_fetch\", \"google_web_search\"]
decision = \"allow\"
priority = 900
allowRedirection = true
";

/// The adapter of Gemini CLI.
#[derive(Clone, Debug)]
pub struct Gemini {
    start: Start,
}

impl Gemini {
    /// The adapter that starts Gemini CLI with these words; with none, as usual.
    pub fn new(words: &[OsString]) -> Self {
        Self { start: Start::new(words, NAME, INSTALL) }
    }
}

impl Agent for Gemini {
    fn name(&self) -> &str {
        NAME
    }

    fn command(&self, order: &Order, told: &Told<'_>) -> Option<CommandLine> {
        let autonomy = self.start.autonomy(order)?;
        Some(CommandLine {
            environment: environment(order, told),
            defaults: DEFAULTS.to_vec(),
            ..self.start.with(arguments(autonomy, order, told))
        })
    }

    fn decode(&self, line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
        stream::decode(line, take);
    }

    fn complaint(&self, log: &str) -> Option<Reason> {
        // The first of them may be followed by advice.
        let mut last = api_failure::last_lines(log, 2).lines();
        let keyless = |line: &str| KEYLESS.iter().any(|words| line.starts_with(words));
        last.any(keyless).then_some(Reason::Auth)
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            resumes: true,
            forks: false,
            takes_session_name: true,
            streams: true,
            models_of_droids: false,
            levels: &Autonomy::ALL,
        }
    }

    fn program(&self) -> Option<Program<'_>> {
        Some(self.start.program())
    }

    fn unapplied(&self, order: &Order) -> Vec<String> {
        let Some(briefing) = &order.briefing else { return Vec::new() };
        let tools: Vec<&str> = briefing.tools.iter().flatten().map(String::as_str).collect();
        let effort = briefing.reasoning_effort.as_ref();
        let effort = effort.map(|effort| format!("the reasoning effort {effort}"));
        tools::unapplied(&tools).into_iter().chain(effort).collect()
    }

    fn attachment(&self, order: &Order) -> Option<Attachment> {
        let Runner::Agent { autonomy: Autonomy::Medium, .. } = order.runner else { return None };
        let content = POLICY.to_owned();
        Some(Attachment { stem: "gemini-policy", extension: "toml", content })
    }
}

fn environment(order: &Order, told: &Told<'_>) -> Vec<(String, Option<OsText>)> {
    // Otherwise it starts itself once more, and a signal to the process that is known does nothing.
    let alone = ("GEMINI_CLI_NO_RELAUNCH".to_owned(), Some("true".into()));
    // In place of its own, which nobody asked for where no droid was named.
    let system = told.instructions.filter(|_| !is_unasked(order));
    let system = system.map(|file| (SYSTEM.to_owned(), Some(file.clone())));
    [alone].into_iter().chain(system).collect()
}

fn arguments(autonomy: Autonomy, order: &Order, told: &Told<'_>) -> Vec<OsText> {
    // In a folder that nobody trusted it would end at once.
    let mut words = vec!["--skip-trust", "-o", "stream-json", "--approval-mode", mode(autonomy)];
    if let Some(model) = &order.model {
        words.extend(["-m", model]);
    }
    match (&order.lineage.continues, &order.session) {
        // It cannot go on in a copy; the order was refused before it came here.
        (Some(Continuation::Same(session) | Continuation::Fork(session)), _) => {
            words.extend(["--resume", session.as_str()]);
        }
        (None, Some(session)) => words.extend(["--session-id", session.as_str()]),
        (None, None) => {}
    }
    let mut arguments: Vec<OsText> = words.into_iter().map(OsText::from).collect();
    if let Some(policy) = told.attachment {
        arguments.extend(["--policy".into(), policy.clone()]);
    }
    arguments
}

/// The approval mode that holds it to a level.
const fn mode(autonomy: Autonomy) -> &'static str {
    match autonomy {
        Autonomy::None => "default",
        Autonomy::Low | Autonomy::Medium => "auto_edit",
        Autonomy::High => "yolo",
    }
}

#[cfg(test)]
mod tests;
