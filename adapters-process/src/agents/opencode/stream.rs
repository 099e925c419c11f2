//! The wire format of `opencode run --format json`: one line in, domain events out.
//!
//! A tool call has one line, printed when it has returned. Decoding passes over whatever it does not know.
//! Nothing here reads a file.

use domain::run::AgentEvent;
use domain::task::{Reason, SessionId, Usage};
use serde::Deserialize;

use crate::agents::api_failure;
use crate::agents::json_line::{lenient, parse};

/// A line of the stream, as far as it matters.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    StepStart {
        #[serde(default, rename = "sessionID", deserialize_with = "lenient")]
        session: Option<String>,
    },
    ToolUse {
        part: Tool,
    },
    Text {
        part: Text,
    },
    StepFinish {
        part: Step,
    },
    Error {
        #[serde(default, rename = "sessionID", deserialize_with = "lenient")]
        session: Option<String>,
        #[serde(default, deserialize_with = "lenient")]
        error: Option<WireError>,
    },
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tool {
    tool: String,
    state: ToolState,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolState {
    status: String,
    #[serde(deserialize_with = "lenient")]
    input: Option<Unavailable>,
    #[serde(deserialize_with = "lenient")]
    error: Option<String>,
}

/// What stands for a call of a tool that the rules do not even offer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Unavailable {
    tool: String,
    error: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Text {
    text: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Step {
    reason: String,
    #[serde(deserialize_with = "lenient")]
    tokens: Option<Tokens>,
    #[serde(deserialize_with = "lenient")]
    cost: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input: u64,
    output: u64,
    #[serde(deserialize_with = "lenient")]
    cache: Option<Cache>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cache {
    read: u64,
    write: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError {
    name: String,
    #[serde(deserialize_with = "lenient")]
    data: Option<ErrorData>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorData {
    message: String,
    #[serde(rename = "statusCode", deserialize_with = "lenient")]
    status: Option<u16>,
}

/// What the error of a tool begins with whose question was rejected; the run ends then.
const REJECTED: &str = "The user rejected permission to use this specific tool call";
/// What the error of a tool begins with that a rule does not allow; the run goes on.
const DENIED: &str =
    "The user has specified a rule which prevents you from using this specific tool call";

/// The name of the error of a service that it has no login for.
const NO_LOGIN: &str = "ProviderAuthError";

/// The tool that a call of one that is not offered becomes.
const INVALID: &str = "invalid";

/// Reads one line of the stream, without its line break.
pub(in crate::agents) fn decode(line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
    match parse(line, take) {
        Some(Line::StepStart { session }) => began(session, take),
        Some(Line::ToolUse { part }) => tool(part, take),
        // Whole blocks, of which an answer may have several.
        Some(Line::Text { part }) => {
            take(AgentEvent::SaidPart { text: format!("{}\n", part.text.trim_end_matches('\n')) });
        }
        Some(Line::StepFinish { part }) => step(&part, take),
        Some(Line::Error { session, error }) => {
            began(session, take);
            failed(error.unwrap_or_default(), take);
        }
        Some(Line::Other) | None => {}
    }
}

fn began(session: Option<String>, take: &mut dyn FnMut(AgentEvent)) {
    let session = session.and_then(|id| SessionId::parse(&id).ok());
    take(AgentEvent::Began { session });
}

fn tool(part: Tool, take: &mut dyn FnMut(AgentEvent)) {
    if let (INVALID, Some(call)) = (part.tool.as_str(), &part.state.input) {
        let (tool, words) = (call.tool.clone(), call.error.clone());
        take(AgentEvent::ToolCalled { tool: tool.clone() });
        take(AgentEvent::ToolReturned);
        let words = words.split(". ").next().unwrap_or_default().to_owned();
        return take(AgentEvent::Refused { tool, words });
    }
    take(AgentEvent::ToolCalled { tool: part.tool.clone() });
    take(AgentEvent::ToolReturned);
    let error = part.state.error.filter(|_| part.state.status == "error").unwrap_or_default();
    let rejected = error.starts_with(REJECTED);
    if rejected || error.starts_with(DENIED) {
        let words = error.split(". ").next().unwrap_or_default().to_owned();
        take(AgentEvent::Refused { tool: part.tool, words });
    }
    if rejected {
        let reason = Some(Reason::Permission);
        take(AgentEvent::Failed { message: error, fatal: true, reason });
    }
}

fn step(part: &Step, take: &mut dyn FnMut(AgentEvent)) {
    if let Some(tokens) = &part.tokens {
        let cache = tokens.cache.as_ref();
        let usage = Usage {
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cache_read_input_tokens: cache.map_or(0, |cache| cache.read),
            cache_creation_input_tokens: cache.map_or(0, |cache| cache.write),
            cost_micros: part.cost.filter(|cost| *cost > 0.0).and_then(Usage::micros),
        };
        take(AgentEvent::Used { usage });
    }
    if part.reason == "stop" {
        take(AgentEvent::Done { usage: None });
    }
}

fn failed(error: WireError, take: &mut dyn FnMut(AgentEvent)) {
    let data = error.data.unwrap_or_default();
    let status = data.status;
    let no_login = (error.name == NO_LOGIN).then_some(Reason::Auth);
    let words = if data.message.is_empty() { error.name } else { data.message };
    let by_status = status.and_then(api_failure::of_status).or(no_login);
    let reason = by_status.or_else(|| api_failure::of_words(&words));
    let message = match status {
        Some(status) => format!("{words} ({status})"),
        None => words,
    };
    take(AgentEvent::Failed { message, fatal: true, reason });
}
