//! Claude Code: `claude -p`, which reads its prompt from standard input and writes
//! `--output-format stream-json` to standard output.
//!
//! `stream` reads the lines of the stream. Claude Code exits with 0 on SIGINT, and says `success` of a
//! run whose model failed, so only `is_error` of its last result says how it went. What it is not
//! allowed to do it names and goes on without.

mod stream;

pub(super) use stream::decode;

use std::ffi::OsString;

use domain::port::{
    Abilities, Agent, Circumstances, CommandLine, Objection, OsText, Program, Told,
};
use domain::run::AgentEvent;
use domain::task::{Autonomy, Continuation, Order};

use super::start::Start;
use super::tools;

/// The name by which orders and records know Claude Code.
pub(super) const NAME: &str = "claude";
/// How Claude Code is installed.
const INSTALL: &str = "install Claude Code with `npm install -g @anthropic-ai/claude-code`, put the folder of \
    `claude` on PATH, or name the program in `[runners.claude]` of the settings";
/// The variable that says that this machine may be done anything to.
const SANDBOX: &str = "IS_SANDBOX";
/// The variable that names its session to whatever it starts.
pub(super) const SESSION: &str = "CLAUDE_CODE_SESSION_ID";

/// Keeps it from looking for updates and from telling how it is used, and from trying for three minutes
/// what will not work.
const DEFAULTS: [(&str, &str); 3] = [
    ("DISABLE_AUTOUPDATER", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("CLAUDE_CODE_MAX_RETRIES", "6"),
];

/// What it calls the tools of droid.
const TOOLS: &tools::Names = &[
    ("Read", &["Read"]),
    ("LS", &["Glob"]),
    ("Grep", &["Grep"]),
    ("Glob", &["Glob"]),
    ("Edit", &["Edit"]),
    ("MultiEdit", &["Edit"]),
    ("ApplyPatch", &["Edit", "Write"]),
    ("Create", &["Write"]),
    ("Execute", &["Bash"]),
    ("WebSearch", &["WebSearch"]),
    ("FetchUrl", &["WebFetch"]),
    ("TodoWrite", &["TodoWrite"]),
    ("Task", &["Task"]),
    ("Skill", &["Skill"]),
];

/// The adapter of Claude Code.
#[derive(Clone, Debug)]
pub struct Claude {
    start: Start,
}

impl Claude {
    /// The adapter that starts Claude Code with these words; with none, as usual.
    pub fn new(words: &[OsString]) -> Self {
        Self { start: Start::new(words, NAME, INSTALL) }
    }
}

impl Agent for Claude {
    fn name(&self) -> &str {
        NAME
    }

    fn command(&self, order: &Order, told: &Told<'_>) -> Option<CommandLine> {
        let autonomy = self.start.autonomy(order)?;
        Some(CommandLine {
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
            takes_session_name: true,
            streams: true,
            models_of_droids: false,
            levels: &Autonomy::ALL,
        }
    }

    fn program(&self) -> Option<Program<'_>> {
        Some(self.start.program())
    }

    fn objection(&self, autonomy: Autonomy, around: &Circumstances<'_>) -> Option<Objection> {
        let sandboxed = (around.variable)(SANDBOX).is_some_and(|value| value == "1");
        (autonomy == Autonomy::High && around.is_root && !sandboxed).then(|| Objection {
            words: "claude does not work with the autonomy `high` as root".to_owned(),
            hint: format!(
                "give it the autonomy `medium`, start it as another user, or, where the machine is thrown away \
                 afterwards, set `{SANDBOX}=1` in the environment of this command"
            ),
        })
    }

    fn unapplied(&self, order: &Order) -> Vec<String> {
        let tools = order.briefing.as_ref().and_then(|given| given.tools.as_deref());
        let (_, unknown) = tools::translated(tools.unwrap_or_default(), TOOLS);
        tools::unapplied(&unknown).into_iter().collect()
    }

    fn session_variables(&self) -> &[&str] {
        &[SESSION]
    }
}

fn arguments(autonomy: Autonomy, order: &Order, told: &Told<'_>) -> Vec<OsText> {
    let mut words = vec!["-p", "--output-format", "stream-json", "--verbose"];
    words.extend(["--permission-mode", mode(autonomy)]);
    if autonomy == Autonomy::Medium {
        words.extend(["--allowedTools", "Bash,WebFetch,WebSearch"]);
    }
    if matches!(autonomy, Autonomy::None | Autonomy::Low) {
        // A server of a folder or of the user's is a command.
        words.push("--strict-mcp-config");
    }
    if let Some(model) = &order.model {
        words.extend(["--model", model]);
    }
    let briefing = order.briefing.as_ref();
    if let Some(effort) = briefing.and_then(|given| given.reasoning_effort.as_deref()) {
        words.extend(["--effort", effort]);
    }
    let (same, fork) = match &order.lineage.continues {
        Some(Continuation::Same(session)) => (Some(session), false),
        Some(Continuation::Fork(session)) => (Some(session), true),
        None => (None, false),
    };
    if let Some(session) = same {
        words.extend(["--resume", session.as_str()]);
    }
    if fork {
        words.push("--fork-session");
    }
    // A session that is gone on with has its name.
    if let Some(session) = order.session.as_ref().filter(|_| same.is_none() || fork) {
        words.extend(["--session-id", session.as_str()]);
    }
    let mut arguments: Vec<OsText> = words.into_iter().map(OsText::from).collect();
    if let Some(tools) = briefing.and_then(|given| given.tools.as_deref()) {
        let (known, _) = tools::translated(tools, TOOLS);
        arguments.extend(["--tools".into(), known.join(",").into()]);
    }
    if let Some(instructions) = told.instructions {
        arguments.extend(["--append-system-prompt-file".into(), instructions.clone()]);
    }
    arguments
}

/// The permission mode that holds it to a level.
const fn mode(autonomy: Autonomy) -> &'static str {
    match autonomy {
        Autonomy::None => "dontAsk",
        Autonomy::Low | Autonomy::Medium => "acceptEdits",
        Autonomy::High => "bypassPermissions",
    }
}

#[cfg(test)]
mod tests;
