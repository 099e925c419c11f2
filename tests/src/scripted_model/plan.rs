//! From a request body to the reply it asks for: a pure function, without a socket, a file or a clock.
//!
//! The last text of the user that is not a `<system-reminder>` holds the steering words. They are read from left to
//! right, and what is not a word is passed over:
//!
//! | word | effect |
//! |---|---|
//! | `TOOL:Name {json}` | one tool call; several such words are several calls, one a turn |
//! | `TOOLS:[{"name":..,"args":..}, ..]` | several calls in one word |
//! | `SLEEP:2.5` | wait so many seconds before the last reply |
//! | `HOLD:/some/file` | give the last reply once that file exists (the path ends at white space) |
//! | `STATUS:401` | the last reply is that HTTP status with an error body |
//! | `SAY:text` | the last reply is the rest of that line, taken literally |
//!
//! The last reply is the one after all tool calls have been answered. The arguments of a call are read as JSON, so they
//! may hold steering words of their own, for a subagent. Main type: [`Plan`].

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::apis::Turn;

/// What a prompt without steering words is answered with.
pub const DEFAULT_TEXT: &str = "scripted reply ok";

/// One reply and what has to happen before it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The file that has to exist first.
    pub hold: Option<PathBuf>,
    /// How long to wait first.
    pub sleep: Duration,
    /// The reply itself.
    pub reply: Reply,
}

/// What is sent back.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A message of the assistant that ends its turn.
    Text(String),
    /// A tool call, whose result is expected in the next request.
    Call(Call),
    /// A failure of the provider, as an HTTP status.
    Status(u16),
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The tool's name, as the agent knows it.
    pub name: String,
    /// Its arguments, passed on as they stand.
    pub args: Value,
}

/// Decides the reply to `request`, the body of a Messages API call.
pub fn plan(request: &Value) -> Plan {
    let (prompt, answered) = last_prompt(request);
    decide(prompt, answered)
}

/// Decides the reply to what the user and the tools said, in the order of the conversation.
pub fn plan_of(turns: &[Turn]) -> Plan {
    let (mut prompt, mut answered) = ("", 0);
    for turn in turns {
        match turn {
            Turn::Result => answered += 1,
            Turn::Text(text) if !own(text).is_empty() => (prompt, answered) = (own(text), 0),
            Turn::Text(_) => {}
        }
    }
    decide(prompt, answered)
}

/// The text without the tagged blocks that an agent puts before the words of its user.
fn own(text: &str) -> &str {
    let mut text = text.trim_start();
    while let Some(rest) = text.strip_prefix('<') {
        let name = name_length(rest);
        let end = format!("</{}>", &rest[..name]);
        match rest.find(&end) {
            Some(at) if name > 0 => text = rest[at + end.len()..].trim_start(),
            _ => return "",
        }
    }
    text
}

fn decide(prompt: &str, answered: usize) -> Plan {
    let script = Script::read(prompt);
    if let Some(call) = script.calls.get(answered) {
        return Plan { hold: None, sleep: Duration::ZERO, reply: Reply::Call(call.clone()) };
    }
    let reply = match (script.status, script.say) {
        (Some(status), _) => Reply::Status(status),
        (None, Some(text)) => Reply::Text(text),
        (None, None) if script.calls.is_empty() => Reply::Text(DEFAULT_TEXT.to_owned()),
        (None, None) => {
            Reply::Text(format!("{DEFAULT_TEXT} after {} tool call(s)", script.calls.len()))
        }
    };
    Plan { hold: script.hold, sleep: script.sleep, reply }
}

/// The steering words of one prompt. Of each word but the tool calls, the first one counts.
#[derive(Debug, Default)]
struct Script {
    calls: Vec<Call>,
    hold: Option<PathBuf>,
    sleep: Duration,
    status: Option<u16>,
    say: Option<String>,
}

impl Script {
    fn read(prompt: &str) -> Self {
        let mut script = Self::default();
        let mut rest = prompt;
        while let Some((word, after)) = next_word(rest) {
            // A word that is not followed by what it needs is plain text.
            let used = script.take(word, after).unwrap_or(0);
            rest = &after[used..];
        }
        script
    }

    /// Reads what follows `word`, and says how many bytes of `after` it was.
    fn take(&mut self, word: &str, after: &str) -> Option<usize> {
        match word {
            "TOOL:" => {
                let name = &after[..name_length(after)];
                let args = after[name.len()..].strip_prefix(' ')?;
                let (args, used) = leading_json(args).filter(|(args, _)| args.is_object())?;
                self.calls.push(Call { name: name.to_owned(), args });
                Some(name.len() + 1 + used)
            }
            "TOOLS:" => {
                let (calls, used) = leading_json(after)?;
                let calls =
                    calls.as_array()?.iter().map(listed_call).collect::<Option<Vec<_>>>()?;
                self.calls.extend(calls);
                Some(used)
            }
            "SLEEP:" => {
                let seconds = up_to(after, |c| c.is_ascii_digit() || c == '.');
                let parsed = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
                if self.sleep.is_zero() {
                    self.sleep = parsed;
                }
                Some(seconds.len())
            }
            "HOLD:" => {
                let path = up_to(after, |c| !c.is_whitespace());
                if path.is_empty() {
                    return None;
                }
                self.hold.get_or_insert_with(|| PathBuf::from(path));
                Some(path.len())
            }
            "STATUS:" => {
                let digits = up_to(after, |c| c.is_ascii_digit());
                let status = digits.parse().ok().filter(|status| (100..600).contains(status))?;
                self.status.get_or_insert(status);
                Some(digits.len())
            }
            "SAY:" => {
                let line = up_to(after, |c| c != '\n');
                self.say.get_or_insert_with(|| line.trim().to_owned());
                Some(line.len())
            }
            _ => None,
        }
    }
}

/// The next steering word in `text`, and what follows it.
fn next_word(text: &str) -> Option<(&'static str, &str)> {
    const WORDS: [&str; 6] = ["TOOL:", "TOOLS:", "SLEEP:", "HOLD:", "STATUS:", "SAY:"];
    let (at, word) = WORDS.iter().filter_map(|word| Some((text.find(word)?, *word))).min()?;
    Some((word, &text[at + word.len()..]))
}

fn name_length(text: &str) -> usize {
    up_to(text, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-').len()
}

fn up_to(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    text.find(|c| !belongs(c)).map_or(text, |end| &text[..end])
}

/// The JSON value that `text` begins with, and its length in bytes; whatever follows it is left alone.
fn leading_json(text: &str) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

fn listed_call(value: &Value) -> Option<Call> {
    let name = value.get("name")?.as_str()?.to_owned();
    Some(Call { name, args: value.get("args").cloned().unwrap_or_else(|| serde_json::json!({})) })
}

/// The text that steers, and how many tool results came after it.
fn last_prompt(request: &Value) -> (&str, usize) {
    let mut prompt = "";
    let mut answered = 0;
    for message in request.get("messages").and_then(Value::as_array).into_iter().flatten() {
        if message.get("role").and_then(Value::as_str) != Some("user") {
            continue;
        }
        let content = message.get("content");
        let blocks = content.and_then(Value::as_array).into_iter().flatten();
        let texts = blocks.map(|block| match block.get("type").and_then(Value::as_str) {
            Some("tool_result") => None,
            _ => Some(block.get("text").and_then(Value::as_str).unwrap_or_default()),
        });
        // The short form of a message has a string where the long one has blocks.
        for text in content.and_then(Value::as_str).map(Some).into_iter().chain(texts) {
            match text {
                None => answered += 1,
                Some(text) if steers(text) => (prompt, answered) = (text, 0),
                Some(_) => {}
            }
        }
    }
    (prompt, answered)
}

fn steers(text: &str) -> bool {
    let text = text.trim_start();
    !text.is_empty() && !text.starts_with("<system-reminder>")
}

#[cfg(test)]
mod tests;
