//! Lenient reading of one line of a JSON event stream.
//!
//! Only what agents have in common is here, and nothing that one of them alone does.

use domain::run::AgentEvent;
use domain::task::text::readable;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::deep_line::flattened;

/// The line as `T`; `None` where it is no event, or one of another shape.
///
/// Half a character in a text, which agents leave when they cut one, does not break the line, nor do values nested
/// too deep to be read, nor what a terminal or a file with a hole in it leaves before it. Of what looks like an event
/// and cannot be read all the same, `take` is told.
pub(super) fn parse<T: DeserializeOwned>(
    line: &[u8],
    take: &mut dyn FnMut(AgentEvent),
) -> Option<T> {
    let line = without_noise(line);
    if line.first() != Some(&b'{') {
        return None;
    }
    let line = readable(line);
    let read = serde_json::from_slice(&line).ok().or_else(|| {
        let flat = flattened(&line)?;
        serde_json::from_slice(&flat).ok()
    });
    if read.is_none() && looks_like_event(&line) && !is_no_event(&line) {
        take(AgentEvent::Unread);
    }
    read
}

/// Whether the line begins as an event does, whatever follows.
pub(super) fn looks_like_event(line: &[u8]) -> bool {
    let within = without_noise(line).strip_prefix(b"{");
    within.is_some_and(|within| within.trim_ascii_start().first() == Some(&b'"'))
}

/// Whether the line is JSON that names no kind of event.
fn is_no_event(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type", default, deserialize_with = "lenient")]
        kind: Option<String>,
    }
    let line = flattened(line);
    let kind = |line: &[u8]| serde_json::from_slice::<Kind>(line).ok();
    line.and_then(|line| kind(&line)).is_some_and(|it| it.kind.is_none())
}

/// The line without control characters, sequences for a terminal and a byte order mark before it.
fn without_noise(mut line: &[u8]) -> &[u8] {
    loop {
        line = match line {
            [0x1b, b'[', rest @ ..] => after(rest, |byte| (0x40..=0x7e).contains(&byte)),
            [0x1b, b']', rest @ ..] => after(rest, |byte| byte == 0x07 || byte == b'\\'),
            [0x1b, _, rest @ ..] | [0xef, 0xbb, 0xbf, rest @ ..] => rest,
            [byte, rest @ ..] if *byte <= b' ' || *byte == 0x7f => rest,
            _ => return line,
        };
    }
}

/// What follows the first byte that `ends` says is the last.
fn after(line: &[u8], ends: impl Fn(u8) -> bool) -> &[u8] {
    let end = line.iter().position(|byte| ends(*byte));
    end.and_then(|end| line.get(end + 1..)).unwrap_or_default()
}

/// Takes a value of another shape than expected for none, so that a side note never costs a line.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the line was read, and whether it was taken for an event that cannot be read.
    fn parsed(line: &[u8]) -> (bool, bool) {
        #[derive(Deserialize)]
        struct Line {
            #[serde(rename = "type")]
            _kind: u8,
        }
        let mut events = Vec::new();
        let read = parse::<Line>(line, &mut |event| events.push(event)).is_some();
        (read, events == [AgentEvent::Unread])
    }

    #[test]
    fn what_stands_before_an_event_does_not_cost_it() {
        for noise in
            [&b"\0\0\0"[..], b"\x1b[0m", b"\x1b]0;title\x07", b"\xef\xbb\xbf", b" \r\t", b"\x1bc"]
        {
            assert_eq!(parsed(&[noise, b"{\"type\":1}"].concat()), (true, false), "{noise:?}");
        }
    }

    #[test]
    fn only_what_looks_like_an_event_and_is_none_that_is_known_is_unread() {
        for line in [&b"{\"type\":\"novel\""[..], b"{\"ty", b"{\"type\":\"novel\"}", b"\0{\"a\":["]
        {
            assert_eq!(parsed(line), (false, true), "{line:?}");
        }
        for line in [&b"{"[..], b"{}", b"[", b"text", b"", b"\0\0", b"\x1b[", b"{\"a\":[1]}"] {
            assert_eq!(parsed(line), (false, false), "{line:?}");
        }
    }
}
