//! What droid prints with `-o stream-json`: one JSON object a line, keys in droid's own order.
//!
//! In the `text` and `json` formats nothing is printed before the end. It never decides what
//! happens next, and it never fails: who closed standard output does not want to know.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::arguments::{Exec, Format};
use super::kind::Kind;
use super::others::Voice;

/// The tools of the `init` line, as 0.225.2 lists them.
const TOOLS: &str = "Read LS Execute Edit ApplyPatch Grep Glob Create ExitSpecMode \
    RecommendMission ExitMissionPlanning AskUser WebSearch TodoWrite FetchUrl slack_post_file \
    slack_post_message slack_create_or_update_code_channel slack_archive_code_channel \
    slack_list_channels store_agent_readiness_report get_agent_effectiveness_usage \
    render_agent_effectiveness_report GenerateDroid UpgradeSessionModel StageSettingsChanges \
    Script WaitForScript TaskOutput TaskStop ToolSearch Skill ProposeMission StartMissionRun \
    EndFeatureRun DismissHandoffItems GenerateImage Loop Task";

/// Standard output as droid uses it.
pub(super) struct Stream {
    /// The other agent that is played, if it is not droid.
    other: Option<Voice>,
    format: Format,
    session: String,
    began: u64,
    tool_calls: u64,
    last_tool: String,
}

impl Stream {
    /// A stream for one session.
    pub(super) fn new(kind: Kind, format: Format, session: String) -> Self {
        let other = (kind != Kind::Droid).then(|| Voice::new(kind, session.clone()));
        Self {
            other,
            format,
            session,
            began: now(),
            tool_calls: 0,
            last_tool: "Execute".to_owned(),
        }
    }

    /// The first line, before any model call.
    pub(super) fn init(&self, exec: &Exec, cwd: &str) {
        if let Some(other) = &self.other {
            return print(other.init());
        }
        self.line(&json!({
            "type": "system",
            "subtype": "init",
            "cwd": cwd,
            "session_id": self.session,
            "tools": TOOLS.split_whitespace().collect::<Vec<_>>(),
            "model": exec.model.as_deref().unwrap_or("gpt-5.6-sol"),
            "reasoning_effort": exec.effort.as_deref().unwrap_or("medium"),
        }));
    }

    /// A message of the `user` or the `assistant`.
    pub(super) fn message(&self, role: &str, text: &str) {
        if let Some(other) = &self.other {
            return print(other.message(role, text));
        }
        self.line(&json!({
            "type": "message",
            "role": role,
            "id": uuid(),
            "text": text,
            "timestamp": now(),
            "session_id": self.session,
        }));
    }

    /// The start of a tool call.
    pub(super) fn tool_call(&mut self, name: &str, parameters: &Value) {
        if let Some(other) = &mut self.other {
            return print(other.tool_call(name));
        }
        self.tool_calls += 1;
        name.clone_into(&mut self.last_tool);
        self.line(&json!({
            "type": "tool_call",
            "id": self.tool_call_id(),
            "messageId": uuid(),
            "toolId": name,
            "toolName": name,
            "parameters": parameters,
            "timestamp": now(),
            "session_id": self.session,
        }));
    }

    /// The end of the last tool call.
    pub(super) fn tool_result(&self, text: &str, failed: bool) {
        if let Some(other) = &self.other {
            return print(other.tool_result(text, failed));
        }
        let mut line = json!({
            "type": "tool_result",
            "id": self.tool_call_id(),
            "messageId": uuid(),
            "toolId": self.last_tool,
            "isError": failed,
        });
        if failed {
            line["error"] = json!({ "type": "tool_error", "message": text });
        } else {
            line["value"] = json!(text);
        }
        line["timestamp"] = json!(now());
        line["session_id"] = json!(self.session);
        self.line(&line);
    }

    /// An error of the `agent_loop` or of the `cli`; after the latter droid exits with 1.
    pub(super) fn error(&self, source: &str, message: &str) {
        self.line(&json!({
            "type": "error",
            "source": source,
            "message": message,
            "timestamp": now(),
            "session_id": self.session,
        }));
        if source == "cli" {
            match self.format {
                Format::Text => {
                    super::complain(&format!("Error during droid execution: {message}"));
                }
                Format::Json => self.result("failure", message),
                Format::StreamJson => {}
            }
        }
    }

    /// The last line of a run that succeeded.
    pub(super) fn completion(&self, text: &str) {
        if let Some(other) = &self.other {
            return print(other.completion(text));
        }
        match self.format {
            Format::Text => super::say(text),
            Format::Json => self.result("success", text),
            Format::StreamJson => self.line(&json!({
                "type": "completion",
                "finalText": text,
                "numTurns": self.tool_calls + 1,
                "durationMs": now().saturating_sub(self.began),
                "session_id": self.session,
                "timestamp": now(),
                "usage": self.usage(),
            })),
        }
    }

    /// A tool call that one of the others is not allowed.
    pub(super) fn refused(&mut self, name: &str) {
        print(self.other.as_mut().map(|other| other.refused(name)).unwrap_or_default());
    }

    /// A question of one of the others that nobody answers.
    pub(super) fn rejected(&mut self) {
        print(self.other.as_mut().map(Voice::rejected).unwrap_or_default());
    }

    /// The end of one of the others whose model failed; returns its exit code.
    pub(super) fn failure(&self, status: u16) -> u8 {
        let (lines, code) =
            self.other.as_ref().map(|other| other.failure(status)).unwrap_or_default();
        print(lines);
        code
    }

    fn result(&self, subtype: &str, text: &str) {
        let line = json!({
            "type": "result",
            "subtype": subtype,
            "is_error": subtype == "failure",
            "duration_ms": now().saturating_sub(self.began),
            "num_turns": if subtype == "failure" { 0 } else { self.tool_calls + 1 },
            "result": text,
            "session_id": self.session,
            "usage": self.usage(),
        });
        super::say(&line.to_string());
    }

    fn usage(&self) -> Value {
        json!({
            "input_tokens": 11 * (self.tool_calls + 1),
            "output_tokens": 7 * (self.tool_calls + 1),
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "factory_credits": 0,
            "ttft_ms": 10,
        })
    }

    fn tool_call_id(&self) -> String {
        format!("toolu_fake{:06}", self.tool_calls)
    }

    fn line(&self, line: &Value) {
        if self.format == Format::StreamJson {
            super::say(&line.to_string());
        }
    }

    /// A text that is not from droid at all.
    pub(super) fn raw(text: &str, newline: bool) {
        let mut out = io::stdout().lock();
        drop(out.write_all(text.as_bytes()));
        if newline {
            drop(out.write_all(b"\n"));
        }
        drop(out.flush());
    }
}

fn print(lines: Vec<Value>) {
    for line in lines {
        super::say(&line.to_string());
    }
}

/// A random identifier, from where the kernel hands them out.
pub(super) fn uuid() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid")
        .map_or_else(|_| "00000000-0000-4000-8000-000000000000".to_owned(), |id| id.trim().into())
}

#[expect(clippy::disallowed_methods, reason = "a stand-in for a foreign program has no Clock port")]
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
