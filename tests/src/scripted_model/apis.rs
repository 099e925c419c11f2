//! The wire APIs of the agents beside droid: how each asks, and how it is answered.
//!
//! Chat completions (`OpenCode`), responses (Codex) and `generateContent` (Gemini CLI), as far as these agents use
//! them. This module only reads and builds JSON; [`plan`](super::plan) decides what to say. Main type: [`Api`].

use serde_json::{Value, json};

use super::plan::{Call, Reply};
use super::wire::{INPUT_TOKENS, OUTPUT_TOKENS};

/// One wire API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Chat completions.
    Chat,
    /// Responses.
    Responses,
    /// `generateContent`, or the streamed form of it.
    Gemini,
}

/// What the user or a tool said, in the order of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A text of the user.
    Text(String),
    /// The result of a tool call.
    Result,
}

impl Api {
    /// The API that a path belongs to.
    pub fn of(path: &str) -> Option<Self> {
        let is_gemini =
            path.ends_with(":streamGenerateContent") || path.ends_with(":generateContent");
        match path {
            _ if path.ends_with("/chat/completions") => Some(Self::Chat),
            _ if path.ends_with("/responses") => Some(Self::Responses),
            _ if is_gemini => Some(Self::Gemini),
            _ => None,
        }
    }

    /// What of a request the user and the tools said.
    pub fn turns(self, request: &Value) -> Vec<Turn> {
        let key = match self {
            Self::Chat => "messages",
            Self::Responses => "input",
            Self::Gemini => "contents",
        };
        let items = request.get(key).and_then(Value::as_array).into_iter().flatten();
        items.flat_map(|item| self.said(item)).collect()
    }

    fn said(self, item: &Value) -> Vec<Turn> {
        let word = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Chat if word("role") == "tool" => vec![Turn::Result],
            Self::Responses if word("type").ends_with("_call_output") => vec![Turn::Result],
            Self::Chat | Self::Responses if word("role") == "user" => texts(&item["content"]),
            Self::Gemini if word("role") == "user" => {
                let parts = item["parts"].as_array().into_iter().flatten();
                let turn = |part: &Value| match part.get("functionResponse") {
                    Some(_) => Some(Turn::Result),
                    None => part["text"].as_str().map(|text| Turn::Text(text.to_owned())),
                };
                parts.filter_map(turn).collect()
            }
            Self::Chat | Self::Responses | Self::Gemini => vec![],
        }
    }

    /// The events of a streamed reply, as they go over the wire; `None` for a failure, which is never streamed.
    pub fn events(self, reply: &Reply, model: &str, serial: u64) -> Option<Vec<Value>> {
        if matches!(reply, Reply::Status(_)) {
            return None;
        }
        Some(match self {
            Self::Chat => chat(reply, model, serial),
            Self::Responses => responses(reply, model, serial),
            Self::Gemini => vec![gemini(reply, model, serial)],
        })
    }

    /// What a failure is answered with.
    pub fn failure(self, status: u16) -> Value {
        let message = format!("scripted failure {status}");
        match self {
            Self::Gemini => {
                json!({"error": {"code": status, "message": message, "status": "SCRIPTED"}})
            }
            Self::Chat | Self::Responses => super::wire::failure(status),
        }
    }

    /// Whether the end of a stream is said in a line of its own.
    pub const fn says_done(self) -> bool {
        matches!(self, Self::Chat)
    }

    /// Whether each event of a stream has its type as its name.
    pub const fn names_events(self) -> bool {
        matches!(self, Self::Responses)
    }
}

fn texts(content: &Value) -> Vec<Turn> {
    if let Some(text) = content.as_str() {
        return vec![Turn::Text(text.to_owned())];
    }
    let parts = content.as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str().map(|text| Turn::Text(text.to_owned()))).collect()
}

fn chat(reply: &Reply, model: &str, serial: u64) -> Vec<Value> {
    let chunk = |delta: Value, reason: Value| {
        json!({
            "id": format!("chatcmpl-scripted{serial}"),
            "object": "chat.completion.chunk",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        })
    };
    let (delta, reason) = match reply {
        Reply::Call(Call { name, args }) => {
            let function = json!({"name": name, "arguments": args.to_string()});
            let call = json!({
                "index": 0, "id": format!("call_scripted{serial}"), "type": "function", "function": function,
            });
            (json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls")
        }
        Reply::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Reply::Status(_) => return vec![],
    };
    let mut last = chunk(json!({}), json!(reason));
    last["usage"] = json!({
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    });
    vec![chunk(delta, Value::Null), last]
}

fn gemini(reply: &Reply, model: &str, serial: u64) -> Value {
    let part = match reply {
        Reply::Call(Call { name, args }) => {
            json!({"functionCall": {"id": format!("call_scripted{serial}"), "name": name, "args": args}})
        }
        Reply::Text(text) => json!({"text": text}),
        Reply::Status(_) => Value::Null,
    };
    json!({
        "candidates": [{
            "content": {"role": "model", "parts": [part]},
            "finishReason": "STOP",
            "index": 0,
        }],
        "usageMetadata": {
            "promptTokenCount": INPUT_TOKENS,
            "candidatesTokenCount": OUTPUT_TOKENS,
            "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
        },
        "modelVersion": model,
        "responseId": format!("scripted{serial}"),
    })
}

fn responses(reply: &Reply, model: &str, serial: u64) -> Vec<Value> {
    let item = match reply {
        Reply::Call(Call { name, args }) => json!({
            "type": "function_call",
            "id": format!("fc_scripted{serial}"),
            "call_id": format!("call_scripted{serial}"),
            "name": name,
            "arguments": args.to_string(),
            "status": "completed",
        }),
        Reply::Text(text) => json!({
            "type": "message",
            "id": format!("msg_scripted{serial}"),
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }),
        Reply::Status(_) => return vec![],
    };
    let response = json!({
        "id": format!("resp_scripted{serial}"),
        "object": "response",
        "created_at": 1,
        "model": model,
        "status": "completed",
        "output": [item],
        "usage": {
            "input_tokens": INPUT_TOKENS,
            "output_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    });
    let mut begun = response.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    let mut added = item.clone();
    added["status"] = json!("in_progress");
    let delta = match reply {
        Reply::Text(text) => {
            added["content"] = json!([]);
            json!({"type": "response.output_text.delta", "item_id": item["id"], "output_index": 0, "content_index": 0, "delta": text})
        }
        Reply::Call(_) | Reply::Status(_) => {
            added["arguments"] = json!("");
            json!({"type": "response.function_call_arguments.delta", "item_id": item["id"], "output_index": 0, "delta": item["arguments"]})
        }
    };
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": added}),
        delta,
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": response}),
    ];
    for (number, event) in (1..).zip(&mut events) {
        event["sequence_number"] = json!(number);
    }
    events
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Api, Turn};
    use crate::scripted_model::plan::{Reply, plan_of};

    #[test]
    fn each_api_says_what_its_user_and_its_tools_said() {
        let text = |text: &str| Turn::Text(text.to_owned());
        let chat = json!({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "SAY:a"}, {"role": "tool", "content": "r"}]});
        assert_eq!(Api::Chat.turns(&chat), [text("SAY:a"), Turn::Result]);
        let responses = json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "SAY:a"}]}, {"type": "function_call_output", "output": "r"}]});
        assert_eq!(Api::Responses.turns(&responses), [text("SAY:a"), Turn::Result]);
        let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "SAY:a"}]}, {"role": "user", "parts": [{"functionResponse": {}}]}]});
        assert_eq!(Api::Gemini.turns(&gemini), [text("SAY:a"), Turn::Result]);
    }

    #[test]
    fn what_an_agent_puts_before_the_users_words_does_not_steer() {
        let words = "<environment_context>SAY:no</environment_context>\nSAY:yes";
        let turns = [
            Turn::Text(words.to_owned()),
            Turn::Text("<session_context>x</session_context>".into()),
        ];
        assert_eq!(plan_of(&turns).reply, Reply::Text("yes".to_owned()));
    }

    #[test]
    fn a_path_belongs_to_one_api() {
        assert_eq!(Api::of("/v1/chat/completions"), Some(Api::Chat));
        assert_eq!(Api::of("/v1/responses"), Some(Api::Responses));
        assert_eq!(Api::of("/v1beta/models/m:streamGenerateContent"), Some(Api::Gemini));
        assert_eq!(Api::of("/v1/messages"), None);
    }
}
