//! Codex: `codex exec --json`, which reads its prompt from standard input and writes one JSON object a
//! line to standard output.
//!
//! `stream` reads the lines of the stream. Codex never asks: what its sandbox does not allow fails, and
//! it goes on. It chooses the id of its session itself.

mod stream;

pub(super) use stream::decode;

use std::ffi::OsString;

use domain::port::{Abilities, Agent, Circumstances, CommandLine, OsText, Program, Told};
use domain::run::AgentEvent;
use domain::task::{Autonomy, Continuation, Order};

use super::start::{Start, is_unasked};
use super::tools;

/// The name by which orders and records know Codex.
pub(super) const NAME: &str = "codex";
/// How Codex is installed.
const INSTALL: &str = "install Codex with `npm install -g @openai/codex`, put the folder of `codex` on PATH, or \
    name the program in `[runners.codex]` of the settings";
/// The variable that names its session to whatever it starts.
pub(super) const SESSION: &str = "CODEX_THREAD_ID";

/// What to do where its sandbox is in the way.
const WAY_OUT: &str = "Codex's sandbox lets its commands neither write the store nor leave a task behind: ask for this \
    command to be run outside the sandbox, register `task-bg mcp` with `task-bg mcp install --for codex`, start Codex \
    with full access (`--sandbox danger-full-access`), or launch from another shell";
/// The variables that its commands have, and those of an older version.
const MARKS: [&str; 4] =
    [SESSION, "CODEX_SESSION_ID", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_SANDBOX"];
/// The program that its sandbox is, and an option that it alone knows: one of these is among the words of the first
/// process within, be that the sandbox itself or what the system has for one.
const SANDBOX: (&[u8], &[u8]) = (b"codex-linux-sandbox", b"--sandbox-policy-cwd");

/// The adapter of Codex.
#[derive(Clone, Debug)]
pub struct Codex {
    start: Start,
}

impl Codex {
    /// The adapter that starts Codex with these words; with none, as usual.
    pub fn new(words: &[OsString]) -> Self {
        Self { start: Start::new(words, NAME, INSTALL) }
    }
}

impl Agent for Codex {
    fn name(&self) -> &str {
        NAME
    }

    fn command(&self, order: &Order, told: &Told<'_>) -> Option<CommandLine> {
        let autonomy = self.start.autonomy(order)?;
        Some(self.start.with(arguments(autonomy, order, told)))
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

    fn unapplied(&self, order: &Order) -> Vec<String> {
        // Its sandbox restricts what its tools may do, and nothing restricts which there are.
        let tools = order.briefing.as_ref().and_then(|given| given.tools.as_deref());
        let all: Vec<&str> = tools.unwrap_or_default().iter().map(String::as_str).collect();
        tools::unapplied(&all).into_iter().collect()
    }

    fn way_out(&self, around: &Circumstances<'_>) -> Option<String> {
        is_command(around).then(|| WAY_OUT.to_owned())
    }

    fn ends_what_is_started(&self, around: &Circumstances<'_>) -> bool {
        let is_sandbox = |word: &[u8]| word.ends_with(SANDBOX.0) || word == SANDBOX.1;
        is_command(around) && (around.first_process)().split(|byte| *byte == 0).any(is_sandbox)
    }

    fn session_variables(&self) -> &[&str] {
        &[SESSION]
    }
}

/// Whether this is started by a command of Codex.
fn is_command(around: &Circumstances<'_>) -> bool {
    MARKS.iter().any(|name| (around.variable)(name).is_some())
}

fn arguments(autonomy: Autonomy, order: &Order, told: &Told<'_>) -> Vec<OsText> {
    let mut words = vec!["exec"];
    let session = match &order.lineage.continues {
        Some(Continuation::Same(session)) => {
            words.push("resume");
            Some(session)
        }
        Some(Continuation::Fork(session)) => {
            words.push("fork");
            Some(session)
        }
        None => None,
    };
    words.extend(["--json", "--skip-git-repo-check"]);
    // Otherwise it sends how it is used before it exits, which takes seconds where there is no network.
    words.extend(["-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false"]);
    words.extend(held_to(autonomy));
    if let Some(model) = &order.model {
        words.extend(["-m", model]);
    }
    let mut arguments: Vec<OsText> = words.into_iter().map(OsText::from).collect();
    let briefing = order.briefing.as_ref();
    if let Some(effort) = briefing.and_then(|given| given.reasoning_effort.as_deref()) {
        arguments.extend(["-c".into(), setting("model_reasoning_effort", effort.as_bytes())]);
    }
    if let Some(file) = told.instructions.filter(|_| !is_unasked(order)) {
        // In place of its own: there is no other file that it adds to them.
        arguments.extend(["-c".into(), setting("model_instructions_file", file.as_bytes())]);
    }
    arguments.extend(session.map(|session| session.as_str().into()));
    // The prompt comes on standard input.
    arguments.push("-".into());
    arguments
}

/// The words that hold it to a level. The sandbox is given as a setting, because `resume` and `fork` know no
/// option for it.
fn held_to(autonomy: Autonomy) -> Vec<&'static str> {
    match autonomy {
        Autonomy::None => vec!["-c", "sandbox_mode=\"read-only\""],
        Autonomy::Low => vec!["-c", "sandbox_mode=\"workspace-write\""],
        Autonomy::Medium => vec![
            "-c",
            "sandbox_mode=\"workspace-write\"",
            "-c",
            "sandbox_workspace_write.network_access=true",
        ],
        Autonomy::High => vec!["--dangerously-bypass-approvals-and-sandbox"],
    }
}

/// A setting as Codex takes it: its key, and a TOML string.
fn setting(key: &str, value: &[u8]) -> OsText {
    let mut text = format!("{key}=\"").into_bytes();
    for byte in value {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            control @ (0..0x20 | 0x7f) => text.extend(format!("\\u{control:04X}").bytes()),
            other => text.push(*other),
        }
    }
    text.push(b'"');
    text.into()
}

#[cfg(test)]
mod tests;
