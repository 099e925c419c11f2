//! The messages of JSON-RPC 2.0: what a line means, and how an answer is written.
//!
//! An id goes back byte for byte as it came, whatever number it is. A lone surrogate comes out as U+FFFD. Nothing here
//! knows a method.

use domain::task::text::without_lone_surrogates;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// The line is no JSON.
pub(super) const PARSE_ERROR: i64 = -32700;
/// The line is JSON, and no request.
pub(super) const INVALID_REQUEST: i64 = -32600;
/// There is no such method.
pub(super) const UNKNOWN_METHOD: i64 = -32601;
/// The server cannot do it now.
pub(super) const INTERNAL_ERROR: i64 = -32603;
/// What the method is called with is wrong.
pub(super) const INVALID_PARAMS: i64 = -32602;
/// The version of the protocol is none of ours.
pub(super) const UNSUPPORTED_VERSION: i64 = -32022;

/// The id of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// What two messages that name the same id have in common, however they write it.
    name: String,
    /// Its JSON text as it came.
    text: String,
}

impl Id {
    /// Where no id could be read.
    pub(super) fn null() -> Self {
        Self::read("null")
    }

    /// An id by its JSON text.
    fn read(text: &str) -> Self {
        // A text can be escaped in several ways; a number may be too large for one of ours.
        let unescaped: Result<String, _> = serde_json::from_str(text);
        let name = unescaped.map_or_else(|_| text.to_owned(), |id| Value::String(id).to_string());
        Self { name, text: text.to_owned() }
    }

    /// By which a request can be found again that another message names.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// By which the request is found whose id another message names; `None` for what can be no id.
    pub(super) fn name_of(value: &Value) -> Option<String> {
        (value.is_string() || value.is_number()).then(|| value.to_string())
    }
}

/// An error of the protocol.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    code: i64,
    words: String,
    data: Option<Value>,
}

impl Fault {
    /// An error with this code.
    pub(super) fn new(code: i64, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), data: None }
    }

    /// The same with what a program can go by.
    pub(super) fn with(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }
}

/// What a line means.
#[derive(Debug)]
pub(super) enum Message {
    /// It wants an answer.
    Request {
        /// Goes back with the answer.
        id: Id,
        /// What to do.
        method: String,
        /// With what.
        params: Map<String, Value>,
    },
    /// It wants none.
    Notification {
        /// What happened.
        method: String,
        /// To what.
        params: Map<String, Value>,
    },
    /// It is an answer, and nothing was asked.
    Answer,
    /// It cannot be understood.
    Wrong(Id, Fault),
}

/// What a line holds.
#[derive(Debug)]
pub(super) enum Received {
    /// One message.
    One(Message),
    /// Several, whose answers are wanted together. There may be none in it.
    Batch(Vec<Message>),
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Raw<'a> {
    #[serde(default)]
    jsonrpc: Value,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    method: Option<Value>,
    params: Option<Value>,
    result: Option<Value>,
    error: Option<Value>,
}

/// An id that is there, be it `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

impl Received {
    /// Reads a line; `None` if it is blank.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        // JSON may escape half a character, and programs that work in UTF-16 do so where they cut a text within one. Whoever
        // asks has to be answered by the id.
        let line = without_lone_surrogates(line);
        let Ok(line) = std::str::from_utf8(&line) else {
            let fault = Fault::new(PARSE_ERROR, "the message is not UTF-8");
            return Some(Self::One(Message::Wrong(Id::null(), fault)));
        };
        // Some programs begin a stream of text with a byte order mark.
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() {
            return None;
        }
        if !line.starts_with('[') {
            return Some(Self::One(Message::read(line)));
        }
        Some(match serde_json::from_str::<Vec<&RawValue>>(line) {
            Ok(parts) => {
                Self::Batch(parts.into_iter().map(|part| Message::read(part.get())).collect())
            }
            Err(error) => Self::One(no_json(&error)),
        })
    }
}

impl Message {
    fn read(text: &str) -> Self {
        match serde_json::from_str::<Raw<'_>>(text) {
            Ok(raw) => raw.understood(),
            Err(error) => match error.classify() {
                Category::Data => {
                    let words = format!("that is no request: {error}");
                    Self::Wrong(Id::null(), Fault::new(INVALID_REQUEST, words))
                }
                Category::Syntax | Category::Eof | Category::Io => no_json(&error),
            },
        }
    }

    /// Whether it wants an answer, be it an error.
    pub(super) const fn is_answered(&self) -> bool {
        match self {
            Self::Request { .. } | Self::Wrong(..) => true,
            Self::Notification { .. } | Self::Answer => false,
        }
    }
}

fn no_json(error: &serde_json::Error) -> Message {
    Message::Wrong(Id::null(), Fault::new(PARSE_ERROR, format!("the message is no JSON: {error}")))
}

impl Raw<'_> {
    fn understood(self) -> Message {
        let text = self.id.map(RawValue::get);
        let is_id = |text: &str| {
            text.starts_with(['"', '-']) || text.starts_with(|c: char| c.is_ascii_digit())
        };
        let id = match text {
            None => None,
            Some(text) if is_id(text) => Some(Id::read(text)),
            Some(_) => {
                let fault = Fault::new(INVALID_REQUEST, "an id is a string or a number");
                return Message::Wrong(Id::null(), fault);
            }
        };
        let wrong = |code, words: &str| {
            Message::Wrong(id.clone().unwrap_or_else(Id::null), Fault::new(code, words))
        };
        if self.jsonrpc != "2.0" {
            return wrong(INVALID_REQUEST, "`jsonrpc` has to be \"2.0\"");
        }
        let method = match self.method {
            Some(Value::String(method)) => method,
            None if self.result.is_some() || self.error.is_some() => return Message::Answer,
            Some(_) | None => return wrong(INVALID_REQUEST, "`method` has to be a string"),
        };
        let params = match self.params {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return wrong(INVALID_PARAMS, "`params` has to be an object"),
        };
        match id {
            Some(id) => Message::Request { id, method, params },
            None => Message::Notification { method, params },
        }
    }
}

/// The message that answers a request.
pub(super) fn answer(id: &Id, outcome: &Result<Value, Fault>) -> String {
    let id = &id.text;
    match outcome {
        Ok(result) => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}"),
        Err(Fault { code, words, data }) => {
            let mut error = json!({"code": code, "message": words});
            if let Some(data) = data {
                error["data"] = data.clone();
            }
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}")
        }
    }
}

/// The line of a notification.
pub(super) fn notification(method: &str, params: &Value) -> String {
    format!("{}\n", json!({"jsonrpc": "2.0", "method": method, "params": params}))
}
