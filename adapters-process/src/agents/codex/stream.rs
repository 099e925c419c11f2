//! The wire format of `codex exec --json`: one line in, domain events out.
//!
//! Decoding passes over whatever it does not know. Nothing here reads a file.

use domain::run::AgentEvent;
use domain::task::{SessionId, Usage};
use serde::Deserialize;

use crate::agents::api_failure;
use crate::agents::json_line::{lenient, parse};

/// A line of the stream, as far as it matters.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Line {
    #[serde(rename = "thread.started")]
    Thread {
        #[serde(default, deserialize_with = "lenient")]
        thread_id: Option<String>,
    },
    #[serde(rename = "turn.started")]
    Turn {},
    #[serde(rename = "item.started")]
    Started { item: Item },
    #[serde(rename = "item.completed")]
    Completed { item: Item },
    #[serde(rename = "error")]
    Error {
        #[serde(default)]
        message: String,
    },
    #[serde(rename = "turn.completed")]
    Done {
        #[serde(default, deserialize_with = "lenient")]
        usage: Option<WireUsage>,
    },
    #[serde(rename = "turn.failed")]
    Failed {
        #[serde(default, deserialize_with = "lenient")]
        error: Option<WireError>,
    },
    #[serde(other)]
    Other,
}

/// One thing that it did.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item {
    AgentMessage {
        #[serde(default)]
        text: String,
    },
    CommandExecution {
        #[serde(default)]
        status: String,
        #[serde(default)]
        aggregated_output: String,
    },
    FileChange {},
    McpToolCall {
        #[serde(default)]
        server: String,
        #[serde(default)]
        tool: String,
        #[serde(default, deserialize_with = "lenient")]
        error: Option<WireError>,
    },
    WebSearch {},
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct WireError {
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are Codex's")]
struct WireUsage {
    input_tokens: u64,
    cached_input_tokens: u64,
    cache_write_input_tokens: u64,
    output_tokens: u64,
}

/// What a command says in a folder that the sandbox lets nobody write.
const READ_ONLY: &str = "Read-only file system";
/// What an MCP server's tool answers that nobody can approve.
const UNAPPROVED: &str = "requires approval";
/// What a notice that it tries again begins with.
const AGAIN: &str = "Reconnecting";

/// Reads one line of the stream, without its line break.
pub(in crate::agents) fn decode(line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
    match parse(line, take) {
        Some(Line::Thread { thread_id }) => {
            let session = thread_id.and_then(|id| SessionId::parse(&id).ok());
            take(AgentEvent::Began { session });
        }
        Some(Line::Turn {}) => take(AgentEvent::NotDone),
        Some(Line::Started { item }) => {
            if let Some(tool) = tool(&item) {
                take(AgentEvent::ToolCalled { tool });
            }
        }
        Some(Line::Completed { item }) => completed(item, take),
        Some(Line::Error { message }) if message.starts_with(AGAIN) => {
            take(AgentEvent::Retrying { message });
        }
        Some(Line::Error { message }) => {
            let reason = api_failure::of_words(&message);
            // One that follows the end of a turn says that it was not the end.
            take(AgentEvent::NotDone);
            take(AgentEvent::Failed { message, fatal: false, reason });
        }
        Some(Line::Done { usage }) => take(AgentEvent::Done { usage: usage.as_ref().map(used) }),
        Some(Line::Failed { error }) => {
            let message = error.map(|error| error.message).unwrap_or_default();
            take(AgentEvent::Failed { reason: reason(&message), message, fatal: true });
        }
        Some(Line::Other) | None => {}
    }
}

fn reason(words: &str) -> Option<domain::task::Reason> {
    let keyless = words.starts_with("Missing environment variable");
    api_failure::of_words(words).or(keyless.then_some(domain::task::Reason::Auth))
}

/// The tool that an item is a call of, if it is one.
fn tool(item: &Item) -> Option<String> {
    match item {
        Item::CommandExecution { .. } => Some("exec_command".to_owned()),
        Item::FileChange {} => Some("apply_patch".to_owned()),
        Item::McpToolCall { server, tool, .. } => Some(format!("{server}/{tool}")),
        Item::WebSearch {} => Some("web_search".to_owned()),
        Item::AgentMessage { .. } | Item::Other => None,
    }
}

fn completed(item: Item, take: &mut dyn FnMut(AgentEvent)) {
    let tool = tool(&item);
    let refusal = match item {
        Item::AgentMessage { text } => return take(AgentEvent::Said { text, at: None }),
        Item::CommandExecution { status, aggregated_output } if status == "failed" => {
            aggregated_output.lines().find(|line| line.contains(READ_ONLY)).map(str::to_owned)
        }
        Item::McpToolCall { error: Some(WireError { message }), .. } => {
            Some(message).filter(|message| message.contains(UNAPPROVED))
        }
        Item::CommandExecution { .. }
        | Item::McpToolCall { .. }
        | Item::FileChange {}
        | Item::WebSearch {}
        | Item::Other => None,
    };
    let Some(tool) = tool else { return };
    take(AgentEvent::ToolReturned);
    if let Some(words) = refusal {
        take(AgentEvent::Refused { tool, words });
    }
}

fn used(usage: &WireUsage) -> Usage {
    Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cache_read_input_tokens: usage.cached_input_tokens,
        cache_creation_input_tokens: usage.cache_write_input_tokens,
        cost_micros: None,
    }
}
