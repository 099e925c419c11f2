//! The wire format of droid's `-o stream-json`: one line in, domain events out.
//!
//! Decoding is lenient, for nothing that an agent prints may stop its supervisor: it passes over
//! unknown fields, and makes [`AgentEvent::Other`] of an unknown or broken line. Nothing here reads a
//! file.

use domain::run::AgentEvent;
use domain::task::{SessionId, Timestamp, Usage};
use serde::Deserialize;

use crate::agents::json_line::{lenient, parse};

/// A line of the stream, as far as it matters.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    System {
        #[serde(default)]
        session_id: Option<String>,
    },
    Message {
        #[serde(default)]
        role: String,
        #[serde(default)]
        text: String,
        #[serde(default, deserialize_with = "lenient")]
        timestamp: Option<i64>,
    },
    ToolCall {
        #[serde(default, rename = "toolName")]
        tool_name: Option<String>,
        #[serde(default, rename = "toolId")]
        tool_id: Option<String>,
    },
    ToolResult {
        #[serde(default, rename = "toolId")]
        tool_id: String,
        #[serde(default, deserialize_with = "lenient")]
        error: Option<ToolError>,
    },
    Error {
        #[serde(default)]
        source: String,
        #[serde(default)]
        message: String,
    },
    Completion {
        #[serde(default, rename = "finalText")]
        final_text: String,
        #[serde(default, deserialize_with = "lenient")]
        usage: Option<WireUsage>,
    },
    #[serde(other)]
    Other,
}

/// Why a tool call failed.
#[derive(Deserialize)]
struct ToolError {
    message: String,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are droid's")]
struct WireUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: u64,
    #[serde(default)]
    cache_creation_input_tokens: u64,
}

/// What the error of a tool begins with that the agent was not given; the tool's name follows.
const REFUSED: &str = "Error: Tool ";
/// What follows the name.
const NOT_GIVEN: &str = "is not permitted in this exec session";

/// Reads one line of the stream, without its line break.
pub(super) fn decode(line: &[u8], take: &mut dyn FnMut(AgentEvent)) {
    match parse(line, take) {
        Some(Line::ToolResult { tool_id, error }) => {
            take(AgentEvent::ToolReturned);
            if error.is_some_and(|error| is_refusal(&error.message)) {
                take(AgentEvent::Refused { tool: tool_id, words: NOT_GIVEN.to_owned() });
            }
        }
        line => take(line.map_or(AgentEvent::Other, event)),
    }
}

fn is_refusal(words: &str) -> bool {
    let after_name = words.strip_prefix(REFUSED).and_then(|rest| rest.split_once(' '));
    after_name.is_some_and(|(_, rest)| rest.starts_with(NOT_GIVEN))
}

fn event(line: Line) -> AgentEvent {
    match line {
        Line::System { session_id } => {
            AgentEvent::Began { session: session_id.and_then(|id| SessionId::parse(&id).ok()) }
        }
        Line::Message { role, text, timestamp } if role == "assistant" => {
            AgentEvent::Said { text, at: timestamp.map(Timestamp::from_millis) }
        }
        Line::Message { .. } | Line::Other => AgentEvent::Other,
        Line::ToolCall { tool_name, tool_id } => {
            AgentEvent::ToolCalled { tool: tool_name.or(tool_id).unwrap_or_default() }
        }
        Line::ToolResult { .. } => AgentEvent::ToolReturned,
        Line::Error { source, message } => {
            let reason = super::complaint(&message);
            AgentEvent::Failed { message, fatal: source == "cli", reason }
        }
        Line::Completion { final_text, usage } => AgentEvent::Finished {
            text: final_text,
            usage: usage.map(|used| Usage {
                input_tokens: used.input_tokens,
                output_tokens: used.output_tokens,
                cache_read_input_tokens: used.cache_read_input_tokens,
                cache_creation_input_tokens: used.cache_creation_input_tokens,
                cost_micros: None,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::task::Reason;

    fn events(line: &[u8]) -> Vec<AgentEvent> {
        let mut events = Vec::new();
        super::decode(line, &mut |event| events.push(event));
        events
    }

    /// What a line says that says one thing.
    fn decode(line: &[u8]) -> AgentEvent {
        let [event] = <[AgentEvent; 1]>::try_from(events(line)).expect("one event");
        event
    }

    #[test]
    fn a_tool_that_it_was_not_given_is_named_as_refused_and_one_that_failed_is_not() {
        let line = br#"{"type":"tool_result","toolId":"Create","isError":true,"error":{"type":"tool_error","message":"Error: Tool Create is not permitted in this exec session. Available tools: Read and Execute."}}"#;
        let words = "is not permitted in this exec session".to_owned();
        let refused = AgentEvent::Refused { tool: "Create".to_owned(), words };
        assert_eq!(events(line), [AgentEvent::ToolReturned, refused]);
        let failed = br#"{"type":"tool_result","toolId":"Execute","isError":true,"error":{"message":"Error: it is not permitted in this exec session"}}"#;
        assert_eq!(decode(failed), AgentEvent::ToolReturned);
    }

    #[test]
    fn the_init_line_gives_the_session() {
        let line = br#"{"type":"system","subtype":"init","cwd":"/w","session_id":"d02e","tools":["Read"],"model":"m"}"#;
        assert_eq!(decode(line), AgentEvent::Began { session: SessionId::parse("d02e").ok() });
    }

    #[test]
    fn only_the_assistants_messages_are_the_agents_words() {
        let said = br#"{"type":"message","role":"assistant","id":"x","text":"hi","timestamp":1795353866363,"session_id":"s"}"#;
        let at = Some(Timestamp::from_millis(1_795_353_866_363));
        assert_eq!(decode(said), AgentEvent::Said { text: "hi".into(), at });
        let told = br#"{"type":"message","role":"user","id":"x","text":"do it","timestamp":1}"#;
        assert_eq!(decode(told), AgentEvent::Other);
    }

    #[test]
    fn a_completion_line_gives_the_final_text_and_the_usage() {
        let line = br#"{"type":"completion","finalText":"all done","numTurns":3,"durationMs":1745,"session_id":"s","timestamp":1,"usage":{"input_tokens":44,"output_tokens":28,"cache_read_input_tokens":1,"cache_creation_input_tokens":2,"factory_credits":0,"ttft_ms":9.3}}"#;
        let usage = Usage {
            input_tokens: 44,
            output_tokens: 28,
            cache_read_input_tokens: 1,
            cache_creation_input_tokens: 2,
            cost_micros: None,
        };
        let expected = AgentEvent::Finished { text: "all done".into(), usage: Some(usage) };
        assert_eq!(decode(line), expected);
    }

    #[test]
    fn an_error_of_the_program_is_told_from_one_of_the_conversation() {
        let cli = br#"{"type":"error","source":"cli","message":"Exec failed","timestamp":1}"#;
        let expected =
            AgentEvent::Failed { message: "Exec failed".into(), fatal: true, reason: None };
        assert_eq!(decode(cli), expected);
        let model = br#"{"type":"error","source":"agent_loop","message":"401","timestamp":1}"#;
        let reason = Some(Reason::Auth);
        let expected = AgentEvent::Failed { message: "401".into(), fatal: false, reason };
        assert_eq!(decode(model), expected);
    }

    #[test]
    fn an_odd_side_note_does_not_cost_the_final_text() {
        let line = br#"{"type":"completion","finalText":"done","usage":{"input_tokens":-1.5}}"#;
        assert_eq!(decode(line), AgentEvent::Finished { text: "done".into(), usage: None });
    }

    // A model's text that droid cut between the two halves of a character cost the task its result, and
    // a tool's the sign that the tool had returned.
    #[test]
    fn half_a_character_does_not_cost_the_line() {
        let line = br#"{"type":"completion","finalText":"cut \ud83d here"}"#;
        let expected = AgentEvent::Finished { text: "cut \u{fffd} here".into(), usage: None };
        assert_eq!(decode(line), expected);
        let returned = br#"{"type":"tool_result","value":"\ude00"}"#;
        assert_eq!(decode(returned), AgentEvent::ToolReturned);
    }

    #[test]
    fn broken_and_unknown_lines_are_passed_over() {
        for line in
            [&b""[..], b"{", b"null", b"[]", b"\xff\xfe", b"{\"type\":\"novel\"}", b"{\"type\":7}"]
        {
            assert_eq!(decode(line), AgentEvent::Other, "{line:?}");
        }
    }
}
