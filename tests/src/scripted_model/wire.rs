//! The shapes of the Anthropic Messages API, as far as `droid` reads them.
//!
//! This module only builds JSON: [`plan`](super::plan) decides what to say, and [`server`](super::server) sends
//! it. Token counts are made up, but always the same, so that a test can add them up.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::plan::{Call, Reply};

/// Input tokens claimed for each reply.
pub const INPUT_TOKENS: u64 = 11;
/// Output tokens claimed for each reply.
pub const OUTPUT_TOKENS: u64 = 7;

/// The body of a reply that is not streamed, with its HTTP status.
pub fn document(reply: &Reply, model: &str, serial: u64) -> (u16, Value) {
    match reply {
        Reply::Status(status) => (*status, failure(*status)),
        Reply::Text(text) => (200, whole(&text_block(text), "end_turn", model, serial)),
        Reply::Call(call) => {
            let block = call_block(call, &call.args, serial);
            (200, whole(&block, "tool_use", model, serial))
        }
    }
}

/// The events of a streamed reply; `None` for a failure, which is never streamed.
pub fn events(reply: &Reply, model: &str, serial: u64) -> Option<Vec<Value>> {
    let (block, delta, reason) = match reply {
        Reply::Status(_) => return None,
        Reply::Text(text) => {
            (text_block(""), json!({ "type": "text_delta", "text": text }), "end_turn")
        }
        Reply::Call(call) => (
            call_block(call, &json!({}), serial),
            json!({ "type": "input_json_delta", "partial_json": call.args.to_string() }),
            "tool_use",
        ),
    };
    let mut message = message(model, serial);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    Some(vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({
            "type": "message_delta",
            "delta": { "stop_reason": reason, "stop_sequence": null },
            "usage": { "output_tokens": OUTPUT_TOKENS },
        }),
        json!({ "type": "message_stop" }),
    ])
}

/// An error in the API's shape.
pub fn failure(status: u16) -> Value {
    let message = format!("scripted failure {status}");
    json!({ "type": "error", "error": { "type": "scripted_error", "message": message } })
}

/// The text of a `settings.json` with which `droid` finds its model on `address` and nowhere else.
pub fn droid_settings(address: SocketAddr) -> String {
    let model = json!({
        "model": "scripted",
        "displayName": "Scripted",
        "baseUrl": format!("http://{address}"),
        "apiKey": "not-a-key",
        "provider": "anthropic",
        "maxOutputTokens": 4096,
    });
    json!({ "customModels": [model] }).to_string()
}

fn whole(block: &Value, reason: &str, model: &str, serial: u64) -> Value {
    let mut message = message(model, serial);
    message["content"] = json!([block]);
    message["stop_reason"] = json!(reason);
    message
}

fn message(model: &str, serial: u64) -> Value {
    json!({
        "id": format!("msg_scripted_{serial:06}"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "output_tokens": OUTPUT_TOKENS,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    })
}

fn text_block(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn call_block(call: &Call, input: &Value, serial: u64) -> Value {
    let id = format!("toolu_scripted_{serial:06}");
    json!({ "type": "tool_use", "id": id, "name": call.name, "input": input })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{document, events};
    use crate::scripted_model::plan::{Call, Reply};

    fn a_call() -> Reply {
        Reply::Call(Call { name: "Execute".to_owned(), args: json!({ "command": "true" }) })
    }

    #[test]
    fn a_document_holds_one_block_and_why_it_stopped() {
        let (status, said) = document(&Reply::Text("hi".to_owned()), "m", 1);
        assert_eq!((status, &said["content"][0]["text"]), (200, &json!("hi")));
        assert_eq!(said["stop_reason"], "end_turn");
        let (_, called) = document(&a_call(), "m", 2);
        assert_eq!(called["content"][0]["input"], json!({ "command": "true" }));
        assert_eq!(called["stop_reason"], "tool_use");
    }

    #[test]
    fn a_streamed_call_sends_its_arguments_as_text() {
        let events = events(&a_call(), "m", 3).unwrap();
        let kinds: Vec<_> = events.iter().filter_map(|event| event["type"].as_str()).collect();
        assert_eq!(
            kinds,
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop"
            ]
        );
        assert_eq!(events[1]["content_block"]["input"], json!({}));
        let sent = events[2]["delta"]["partial_json"].as_str().unwrap();
        let sent: Value = serde_json::from_str(sent).unwrap();
        assert_eq!(sent, json!({ "command": "true" }));
    }

    #[test]
    fn a_failure_is_a_document_and_never_a_stream() {
        assert_eq!(document(&Reply::Status(401), "m", 4).0, 401);
        assert!(events(&Reply::Status(401), "m", 4).is_none());
    }
}
