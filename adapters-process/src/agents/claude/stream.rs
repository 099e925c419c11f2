//! The wire format of Claude Code's `--output-format stream-json`: one line in, domain events out.
//!
//! A line may hold several events. Key order is free. Decoding passes over whatever it does not know. Nothing
//! here reads a file.

use domain::run::AgentEvent;
use domain::task::{Reason, SessionId, Timestamp, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::agents::api_failure;
use crate::agents::json_line::{lenient, parse};

/// A line of the stream, as far as it matters.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    System(System),
    Assistant(Turn),
    User(Turn),
    Result(Box<Outcome>),
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct System {
    subtype: String,
    #[serde(deserialize_with = "lenient")]
    session_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    tool_name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    message: Option<String>,
    #[serde(deserialize_with = "lenient")]
    attempt: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    max_retries: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    error_status: Option<u16>,
    #[serde(deserialize_with = "lenient")]
    error: Option<String>,
    #[serde(deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(deserialize_with = "lenient")]
    patch: Option<Patch>,
    #[serde(deserialize_with = "lenient")]
    tasks: Option<Vec<IgnoredAny>>,
}

/// What became of something that it started in the background.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Patch {
    status: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Turn {
    #[serde(deserialize_with = "lenient")]
    message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    parent_tool_use_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    timestamp: Option<String>,
    #[serde(deserialize_with = "lenient")]
    error: Option<String>,
    #[serde(deserialize_with = "lenient")]
    api_error_status: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    content: Option<Vec<Block>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        #[serde(default)]
        name: String,
    },
    ToolResult {},
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome {
    subtype: String,
    is_error: bool,
    #[serde(deserialize_with = "lenient")]
    result: Option<String>,
    #[serde(deserialize_with = "lenient")]
    errors: Option<Vec<String>>,
    #[serde(deserialize_with = "lenient")]
    error: Option<WireError>,
    #[serde(deserialize_with = "lenient")]
    api_error_status: Option<u16>,
    #[serde(deserialize_with = "lenient")]
    terminal_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<WireUsage>,
    #[serde(deserialize_with = "lenient")]
    total_cost_usd: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    permission_denials: Option<Vec<Denial>>,
}

/// The words of an error where they stand in an object.
#[derive(Deserialize)]
struct WireError {
    message: String,
}

#[derive(Deserialize)]
struct Denial {
    tool_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names are Claude Code's")]
struct WireUsage {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
}

/// What Claude Code names as the model of a message that no model wrote.
const NO_MODEL: &str = "<synthetic>";
/// What it calls the state of something in the background that it stopped, as it does with all when it is told to end.
const STOPPED: [&str; 2] = ["stopped", "killed"];
/// How it calls the end of a run whose service failed.
const SERVICE_FAILED: &str = "api_error";

/// Reads one line of the stream, without its line break.
pub(in crate::agents) fn decode(line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
    match parse(line, take) {
        Some(Line::System(line)) => system(line, take),
        Some(Line::Assistant(turn)) => assistant(turn, take),
        Some(Line::User(turn)) => {
            for block in turn.message.and_then(|message| message.content).into_iter().flatten() {
                if matches!(block, Block::ToolResult {}) {
                    take(AgentEvent::ToolReturned);
                }
            }
        }
        Some(Line::Result(outcome)) => ended(*outcome, take),
        Some(Line::Other) | None => {}
    }
}

fn system(line: System, take: &mut dyn FnMut(AgentEvent)) {
    match line.subtype.as_str() {
        "init" => take(AgentEvent::Began {
            session: line.session_id.and_then(|id| SessionId::parse(&id).ok()),
        }),
        "permission_denied" => {
            let tool = line.tool_name.unwrap_or_default();
            take(AgentEvent::Refused { tool, words: line.message.unwrap_or_default() });
        }
        "api_retry" => {
            let status = line.error_status.map_or(String::new(), |status| format!(" ({status})"));
            let error = line.error.unwrap_or_else(|| "the model did not answer".to_owned());
            let attempt = line.attempt.unwrap_or_default();
            let most = line.max_retries.unwrap_or_default();
            let message = format!("{error}{status}, attempt {attempt} of {most}");
            take(AgentEvent::Retrying { message });
        }
        "background_tasks_changed" => {
            take(AgentEvent::AtWork { count: line.tasks.map_or(0, |tasks| tasks.len()) });
        }
        // What ended by itself it looks at, and then has a result again.
        "task_notification" | "task_updated" => {
            let status = line.status.or_else(|| line.patch.map(|patch| patch.status));
            if status.is_some_and(|status| STOPPED.contains(&status.as_str())) {
                take(AgentEvent::NotDone);
            }
        }
        _ => {}
    }
}

fn assistant(turn: Turn, take: &mut dyn FnMut(AgentEvent)) {
    let message = turn.message.unwrap_or_default();
    let failed = turn.error.is_some() || message.model.as_deref() == Some(NO_MODEL);
    let reason = reason(turn.api_error_status, turn.error.as_deref());
    let at = turn.timestamp.as_deref().and_then(instant);
    for block in message.content.into_iter().flatten() {
        match block {
            // Also what a service says of its own failure comes as a message.
            Block::Text { text } if failed => {
                let reason = reason.or_else(|| api_failure::of_words(&text));
                take(AgentEvent::Failed { message: text, fatal: false, reason });
            }
            // A subagent's words are not the agent's.
            Block::Text { text } if turn.parent_tool_use_id.is_none() => {
                take(AgentEvent::Said { text, at });
            }
            Block::ToolUse { name } => take(AgentEvent::ToolCalled { tool: name }),
            Block::Text { .. } | Block::ToolResult {} | Block::Other => {}
        }
    }
}

fn ended(outcome: Outcome, take: &mut dyn FnMut(AgentEvent)) {
    for denial in outcome.permission_denials.into_iter().flatten() {
        take(AgentEvent::Refused { tool: denial.tool_name, words: String::new() });
    }
    let usage = outcome.usage.map(|used| Usage {
        input_tokens: used.input_tokens,
        output_tokens: used.output_tokens,
        cache_read_input_tokens: used.cache_read_input_tokens,
        cache_creation_input_tokens: used.cache_creation_input_tokens,
        cost_micros: outcome.total_cost_usd.and_then(Usage::micros),
    });
    let service_failed = outcome.api_error_status.is_some_and(|status| status >= 400)
        || outcome.terminal_reason.as_deref() == Some(SERVICE_FAILED);
    if !outcome.is_error && outcome.subtype == "success" && !service_failed {
        take(AgentEvent::Finished { text: outcome.result.unwrap_or_default(), usage });
        return;
    }
    let errors = outcome.errors.filter(|errors| !errors.is_empty()).map(|errors| errors.join("; "));
    let errors = errors.or_else(|| outcome.error.map(|error| error.message));
    // It says `success` where its service failed, and the result is what that said. Otherwise the result may be
    // what the model said last.
    let result = outcome.result.filter(|words| !words.is_empty());
    let (of_service, of_model) =
        if outcome.subtype == "success" { (result, None) } else { (None, result) };
    let error = of_service.or(errors);
    let by_words = error.as_deref().and_then(api_failure::of_words);
    let reason = reason(outcome.api_error_status, None).or(by_words);
    let message = error.or(of_model).unwrap_or(outcome.subtype);
    take(AgentEvent::Failed { message, fatal: true, reason });
}

/// The kind of failure, by what the service answered or Claude Code calls it.
fn reason(status: Option<u16>, word: Option<&str>) -> Option<Reason> {
    let by_word = word.and_then(|word| match word {
        "billing_error" => Some(Reason::RateLimit),
        other => api_failure::of_words(other),
    });
    status.and_then(api_failure::of_status).or(by_word)
}

fn instant(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(at.as_microsecond()))
}
