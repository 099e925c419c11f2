//! What the other agents print: one JSON object a line, in the shapes that the real ones were seen to print.
//!
//! It only builds lines; whoever plays decides what happens. Main type: [`Voice`].

use serde_json::{Value, json};

use super::death::Ending;
use super::kind::Kind;

/// One of the other agents in one session.
pub(super) struct Voice {
    kind: Kind,
    session: String,
    tool: String,
    calls: u64,
}

impl Voice {
    /// The voice of `kind` in a session.
    pub(super) fn new(kind: Kind, session: String) -> Self {
        Self { kind, session, tool: String::new(), calls: 0 }
    }

    /// What it prints before its model is called.
    pub(super) fn init(&self) -> Vec<Value> {
        let session = &self.session;
        match self.kind {
            Kind::Claude => vec![json!({
                "type": "system", "subtype": "init", "session_id": session, "model": "m",
                "tools": ["Bash"], "permissionMode": "default",
            })],
            Kind::Codex => vec![
                json!({"type": "thread.started", "thread_id": session}),
                json!({"type": "turn.started"}),
            ],
            Kind::Gemini => vec![json!({"type": "init", "session_id": session, "model": "m"})],
            Kind::OpenCode | Kind::Droid => vec![],
        }
    }

    /// A message of the `user` or the `assistant`.
    pub(super) fn message(&self, role: &str, text: &str) -> Vec<Value> {
        let assistant = role == "assistant";
        match self.kind {
            Kind::Claude if assistant => {
                vec![self.of_claude("assistant", &json!({"type": "text", "text": text}))]
            }
            Kind::Codex if assistant => vec![
                self.of_codex("item.completed", &json!({"type": "agent_message", "text": text})),
            ],
            Kind::Gemini => {
                let message = |text: &str| json!({"type": "message", "role": role, "content": text, "delta": assistant});
                // In pieces, as it comes from its model.
                let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |at| at.0);
                let (first, second) = text.split_at(if assistant { middle } else { text.len() });
                let pieces = [first, second].into_iter().filter(|piece| !piece.is_empty());
                pieces.map(message).collect()
            }
            Kind::OpenCode if assistant => {
                vec![
                    self.of_opencode("step_start", &json!({})),
                    self.of_opencode("text", &json!({"text": text})),
                ]
            }
            Kind::Claude | Kind::Codex | Kind::OpenCode | Kind::Droid => vec![],
        }
    }

    /// The start of a tool call.
    pub(super) fn tool_call(&mut self, name: &str) -> Vec<Value> {
        name.clone_into(&mut self.tool);
        self.calls += 1;
        match self.kind {
            Kind::Claude => {
                let block = json!({"type": "tool_use", "id": "t", "name": name, "input": {}});
                vec![self.of_claude("assistant", &block)]
            }
            Kind::Codex => vec![self.of_codex("item.started", &self.command("in_progress", ""))],
            Kind::Gemini => vec![json!({
                "type": "tool_use", "tool_name": name, "tool_id": self.tool_id(), "parameters": {},
            })],
            // Nothing shows that a tool works.
            Kind::OpenCode => vec![self.of_opencode("step_start", &json!({}))],
            Kind::Droid => vec![],
        }
    }

    /// The end of the last tool call.
    pub(super) fn tool_result(&self, text: &str, failed: bool) -> Vec<Value> {
        match self.kind {
            Kind::Claude => {
                let block = json!({"type": "tool_result", "tool_use_id": "t", "content": text, "is_error": failed});
                vec![self.of_claude("user", &block)]
            }
            Kind::Codex => {
                let status = if failed { "failed" } else { "completed" };
                vec![self.of_codex("item.completed", &self.command(status, text))]
            }
            Kind::Gemini if failed => {
                let error = json!({"type": "unhandled_exception", "message": text});
                vec![
                    json!({"type": "tool_result", "tool_id": self.tool_id(), "status": "error", "error": error}),
                ]
            }
            Kind::Gemini => {
                vec![
                    json!({"type": "tool_result", "tool_id": self.tool_id(), "status": "success", "output": text}),
                ]
            }
            Kind::OpenCode => {
                let (status, key) =
                    if failed { ("error", "error") } else { ("completed", "output") };
                let part = json!({"tool": self.tool, "state": {"status": status, key: text}});
                vec![self.of_opencode("tool_use", &part), self.step("tool-calls")]
            }
            Kind::Droid => vec![],
        }
    }

    /// A tool call that is not allowed; it goes on.
    pub(super) fn refused(&mut self, name: &str) -> Vec<Value> {
        let mut lines = self.tool_call(name);
        let words = match self.kind {
            Kind::Claude => {
                lines.push(json!({
                    "type": "system", "subtype": "permission_denied", "tool_name": name,
                    "message": "it requires approval",
                }));
                "it requires approval"
            }
            Kind::Codex => "touch: cannot touch 'x': Read-only file system",
            Kind::Gemini => "Tool execution requires user confirmation, which is not supported",
            Kind::OpenCode => {
                "The user has specified a rule which prevents you from using this specific tool call."
            }
            Kind::Droid => "insufficient permission",
        };
        lines.extend(self.tool_result(words, true));
        lines
    }

    /// A question that nobody answers, where the agent ends at one.
    pub(super) fn rejected(&mut self) -> Vec<Value> {
        let mut lines = self.tool_call("write");
        let words = "The user rejected permission to use this specific tool call.";
        lines.extend(self.tool_result(words, true));
        lines
    }

    /// The end of a run that succeeded.
    pub(super) fn completion(&self, text: &str) -> Vec<Value> {
        let (input, output) = (11 * (self.calls + 1), 7 * (self.calls + 1));
        let usage = json!({"input_tokens": input, "output_tokens": output});
        match self.kind {
            Kind::Claude => vec![json!({
                "usage": usage, "total_cost_usd": 0.5, "is_error": false, "subtype": "success",
                "result": text, "type": "result", "session_id": self.session,
            })],
            Kind::Codex => vec![json!({"type": "turn.completed", "usage": usage})],
            Kind::Gemini => vec![json!({"type": "result", "status": "success", "stats": usage})],
            Kind::OpenCode => vec![self.step("stop")],
            Kind::Droid => vec![],
        }
    }

    /// What it prints when its model answers with an HTTP status, and its exit code then.
    pub(super) fn failure(&self, status: u16) -> (Vec<Value>, u8) {
        let words = match status {
            401 => "unexpected status 401 Unauthorized",
            402 => "unexpected status 402 Payment Required",
            403 => "unexpected status 403 Forbidden",
            429 => "last status: 429 Too Many Requests",
            _ => "scripted failure",
        };
        match self.kind {
            Kind::Claude => {
                let retry = json!({
                    "type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 6,
                    "error_status": status, "error": "server_error",
                });
                let said = json!({
                    "type": "assistant", "error": "server_error", "api_error_status": status,
                    "message": {"model": "<synthetic>", "content": [{"type": "text", "text": words}]},
                });
                let end = json!({
                    "is_error": true, "subtype": "success", "api_error_status": status,
                    "result": words, "type": "result",
                });
                (vec![retry, said, end], 1)
            }
            Kind::Codex => {
                let again = format!("Reconnecting... 1/5 ({words})");
                let lines = vec![
                    json!({"type": "error", "message": again}),
                    json!({"type": "error", "message": words}),
                    json!({"type": "turn.failed", "error": {"message": words}}),
                ];
                (lines, 1)
            }
            Kind::Gemini => {
                let message = format!("[API Error: {{\"error\":{{\"code\":{status}}}}}]");
                let error = json!({"type": "unknown", "message": message});
                let code = u8::try_from(status % 256).unwrap_or(1);
                (vec![json!({"type": "result", "status": "error", "error": error})], code)
            }
            Kind::OpenCode => {
                let data = json!({"message": words, "statusCode": status});
                let error = json!({"name": "APIError", "data": data});
                (vec![json!({"type": "error", "sessionID": self.session, "error": error})], 1)
            }
            Kind::Droid => (vec![], 1),
        }
    }

    fn of_claude(&self, kind: &str, block: &Value) -> Value {
        let message = json!({"role": kind, "model": "m", "content": [block]});
        json!({"type": kind, "message": message, "parent_tool_use_id": null, "session_id": self.session})
    }

    fn of_codex(&self, kind: &str, item: &Value) -> Value {
        let mut item = item.clone();
        item["id"] = json!(format!("item_{}", self.calls));
        json!({"type": kind, "item": item})
    }

    fn command(&self, status: &str, output: &str) -> Value {
        json!({"type": "command_execution", "command": self.tool, "aggregated_output": output, "status": status})
    }

    fn of_opencode(&self, kind: &str, part: &Value) -> Value {
        json!({"type": kind, "timestamp": 1, "sessionID": self.session, "part": part})
    }

    fn step(&self, reason: &str) -> Value {
        let tokens = json!({"input": 11, "output": 7, "cache": {"read": 0, "write": 0}});
        self.of_opencode("step_finish", &json!({"reason": reason, "tokens": tokens, "cost": 0}))
    }

    fn tool_id(&self) -> String {
        format!("{}__call_{}", self.tool, self.calls)
    }
}

/// How an agent of this kind ends when it is told to by TERM, and no script says otherwise.
pub(super) const fn terminated(kind: Kind) -> Ending {
    match kind {
        Kind::Claude => Ending::Exit(143),
        Kind::Codex | Kind::OpenCode => Ending::Signal(15),
        Kind::Gemini | Kind::Droid => Ending::Exit(0),
    }
}

/// Whether a tool of such an agent dies with it.
pub(super) const fn takes_its_tools_along(kind: Kind) -> bool {
    match kind {
        Kind::Droid | Kind::Claude | Kind::Codex => true,
        Kind::Gemini | Kind::OpenCode => false,
    }
}
