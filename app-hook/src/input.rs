//! The wire format of hook input, as leniently as it can be read.
//!
//! Unknown fields are passed over; camelCase repeats of old versions stand in for missing fields;
//! everything but the session is optional. What cannot be an event for us is `None`.

use domain::task::SessionId;
use serde_json::{Map, Value};

/// What happened in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What.
    pub(crate) kind: Kind,
    /// In which session.
    pub(crate) session: SessionId,
    /// That session's transcript.
    pub(crate) transcript: Option<String>,
    /// What a subagent found.
    pub(crate) result: Option<String>,
    /// What went wrong in a subagent.
    pub(crate) error: Option<String>,
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A subagent of the session ended.
    SubagentStop,
    /// Anything else; accepted in silence.
    Other,
}

/// Reads the input of a hook.
pub(crate) fn decode(bytes: &[u8]) -> Option<Event> {
    let input: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let text = |names: [&str; 2]| {
        names.into_iter().find_map(|name| input.get(name)?.as_str().map(ToOwned::to_owned))
    };
    let kind = match text(["hook_event_name", "hookEventName"]).as_deref() {
        None | Some("" | "SubagentStop") => Kind::SubagentStop,
        Some(_) => Kind::Other,
    };
    Some(Event {
        kind,
        session: SessionId::parse(&text(["session_id", "sessionId"])?).ok()?,
        transcript: text(["transcript_path", "transcriptPath"]),
        result: text(["task_result", "taskResult"]),
        error: text(["task_error", "taskError"]).filter(|error| !error.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = r#"{"session_id":"fa0a536f","transcript_path":"/h/s.jsonl","cwd":"/w","permission_mode":"auto-high","hook_event_name":"SubagentStop","task_name":"Do it","task_result":"sub report","stop_hook_active":false}"#;

    #[test]
    fn droids_own_input_is_read() {
        let event = decode(REAL.as_bytes()).expect("it is an event");
        assert_eq!((event.kind, event.session.as_str()), (Kind::SubagentStop, "fa0a536f"));
        assert_eq!(event.transcript.as_deref(), Some("/h/s.jsonl"));
        assert_eq!((event.result.as_deref(), event.error), (Some("sub report"), None));
    }

    #[test]
    fn no_event_name_means_subagent_stop_and_old_versions_are_understood() {
        let event = decode(br#"{"sessionId":"s","transcriptPath":"/t","novel":{}}"#);
        let event = event.expect("it is an event");
        assert_eq!((event.kind, event.transcript.as_deref()), (Kind::SubagentStop, Some("/t")));
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        for input in
            ["", "{", "[]", "null", "7", "{}", r#"{"session_id":7}"#, r#"{"session_id":""}"#]
        {
            assert_eq!(decode(input.as_bytes()), None, "{input}");
        }
    }
}
