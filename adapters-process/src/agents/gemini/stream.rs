//! The wire format of Gemini CLI's `-o stream-json`: one line in, domain events out.
//!
//! Decoding passes over whatever it does not know. Nothing here reads a file.

use domain::run::AgentEvent;
use domain::task::{SessionId, Usage};
use serde::Deserialize;

use crate::agents::api_failure;
use crate::agents::json_line::{lenient, parse};

/// A line of the stream, as far as it matters.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Init {
        #[serde(default, deserialize_with = "lenient")]
        session_id: Option<String>,
    },
    Message {
        #[serde(default)]
        role: String,
        #[serde(default)]
        content: String,
        #[serde(default)]
        delta: bool,
    },
    ToolUse {
        #[serde(default)]
        tool_name: String,
    },
    ToolResult {
        #[serde(default)]
        tool_id: String,
        #[serde(default, deserialize_with = "lenient")]
        error: Option<WireError>,
    },
    Error {
        #[serde(default)]
        severity: String,
        #[serde(default)]
        message: String,
    },
    Result {
        #[serde(default)]
        status: String,
        #[serde(default, deserialize_with = "lenient")]
        error: Option<WireError>,
        #[serde(default, deserialize_with = "lenient")]
        stats: Option<Stats>,
    },
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

/// What its own tools say of a file that is not in the folder.
const OUTSIDE: &str = "Path not in workspace";

impl WireError {
    /// Whether it says that a tool was not allowed.
    fn is_refusal(&self) -> bool {
        let signs = ["requires user confirmation", "denied by policy", "blocked by policy"];
        self.kind == "tool_not_registered"
            || self.kind == "policy_violation"
            || (self.kind == "invalid_tool_params" && self.message.starts_with(OUTSIDE))
            || signs.iter().any(|sign| self.message.contains(sign))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Stats {
    input_tokens: u64,
    output_tokens: u64,
    cached: u64,
}

/// Reads one line of the stream, without its line break.
pub(in crate::agents) fn decode(line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
    match parse(line, take) {
        Some(Line::Init { session_id }) => {
            let session = session_id.and_then(|id| SessionId::parse(&id).ok());
            take(AgentEvent::Began { session });
        }
        Some(Line::Message { role, content, delta }) if role == "assistant" => take(if delta {
            AgentEvent::SaidPart { text: content }
        } else {
            AgentEvent::Said { text: content, at: None }
        }),
        Some(Line::ToolUse { tool_name }) => take(AgentEvent::ToolCalled { tool: tool_name }),
        Some(Line::ToolResult { tool_id, error }) => {
            take(AgentEvent::ToolReturned);
            if let Some(error) = error.filter(WireError::is_refusal) {
                let tool = tool_id.split("__").next().unwrap_or_default().to_owned();
                take(AgentEvent::Refused { tool, words: error.message });
            }
        }
        Some(Line::Error { severity, message }) if severity == "error" => {
            let reason = api_failure::of_words(&message);
            take(AgentEvent::Failed { message, fatal: false, reason });
        }
        Some(Line::Result { status, error, stats }) => ended(&status, error, stats, take),
        Some(Line::Message { .. } | Line::Error { .. } | Line::Other) | None => {}
    }
}

fn ended(
    status: &str,
    error: Option<WireError>,
    counted: Option<Stats>,
    take: &mut dyn FnMut(AgentEvent),
) {
    if status == "success" && error.is_none() {
        let usage = counted.map(|stats| Usage {
            input_tokens: stats.input_tokens,
            output_tokens: stats.output_tokens,
            cache_read_input_tokens: stats.cached,
            ..Usage::default()
        });
        return take(AgentEvent::Done { usage });
    }
    let words = error.map(|error| error.message).filter(|words| !words.is_empty());
    let message = words.unwrap_or_else(|| match status {
        "success" => "it ended as `success` with an error".to_owned(),
        other => format!("it ended as `{other}`"),
    });
    let reason = api_failure::of_words(&message);
    take(AgentEvent::Failed { message, fatal: true, reason });
}
