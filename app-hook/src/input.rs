//! The wire format of hook input, as leniently as it can be read.
//!
//! The reader passes over unknown fields, takes the camelCase names of old versions for missing fields,
//! and requires nothing but the session. It returns `None` for what cannot be an event for us.

use domain::task::SessionId;
use domain::task::text::readable;
use serde_json::{Map, Value};

/// What happened in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What.
    pub(crate) kind: Kind,
    /// What the agent calls it.
    pub(crate) name: String,
    /// In which session.
    pub(crate) session: SessionId,
    /// The session that called this one, if it is a subagent's.
    pub(crate) caller: Option<SessionId>,
    /// The file that hands variables to this session's shell, where a session begins.
    pub(crate) env_file: Option<String>,
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
    /// The session begins, or goes on after a break.
    SessionStart,
    /// Its user said something.
    UserPromptSubmit,
    /// Its agent used a tool.
    PostToolUse,
    /// Its agent is about to stop.
    Stop(Stop),
    /// A subagent of the session ended.
    SubagentStop,
    /// Anything else; accepted in silence.
    Other,
}

/// Whether a hook has kept the agent from stopping already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// No.
    First,
    /// Yes, and it is about to stop again.
    Again,
}

/// Reads the input of a hook.
pub(crate) fn decode(bytes: &[u8]) -> Option<Event> {
    let input: Map<String, Value> = serde_json::from_slice(&readable(bytes)).ok()?;
    let text = |names: [&str; 2]| {
        names.into_iter().find_map(|name| input.get(name)?.as_str().map(ToOwned::to_owned))
    };
    let is_set =
        |names: [&str; 2]| names.into_iter().any(|name| input.get(name).is_some_and(truth));
    let name = text(["hook_event_name", "hookEventName"]).unwrap_or_default();
    // Gemini CLI has names of its own.
    let kind = match name.as_str() {
        "" | "SubagentStop" => Kind::SubagentStop,
        "SessionStart" => Kind::SessionStart,
        "UserPromptSubmit" | "BeforeAgent" => Kind::UserPromptSubmit,
        "PostToolUse" | "AfterTool" => Kind::PostToolUse,
        "Stop" | "AfterAgent" if is_set(["stop_hook_active", "stopHookActive"]) => {
            Kind::Stop(Stop::Again)
        }
        "Stop" | "AfterAgent" => Kind::Stop(Stop::First),
        _ => Kind::Other,
    };
    let session = |names| SessionId::parse(&text(names)?).ok();
    Some(Event {
        kind,
        name,
        session: session(["session_id", "sessionId"])?,
        caller: session(["calling_session_id", "callingSessionId"]),
        env_file: text(["CLAUDE_ENV_FILE", "claudeEnvFile"]).filter(|file| !file.is_empty()),
        transcript: text(["transcript_path", "transcriptPath"]),
        result: text(["task_result", "taskResult"]),
        error: text(["task_error", "taskError"]).filter(|error| !error.is_empty()),
    })
}

/// Whether a flag is set, however it is spelled. In doubt it is: it keeps an agent from going on.
fn truth(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !matches!(text.as_str(), "" | "false" | "0"),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => true,
    }
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
    fn an_agent_that_was_kept_from_stopping_once_is_known_however_that_is_spelled() {
        for (flag, stop) in [
            ("", Stop::First),
            (r#","stop_hook_active":false"#, Stop::First),
            (r#","stop_hook_active":true"#, Stop::Again),
            (r#","stopHookActive":true"#, Stop::Again),
            (r#","stop_hook_active":"true""#, Stop::Again),
        ] {
            let input = format!(r#"{{"session_id":"s","hook_event_name":"Stop"{flag}}}"#);
            let event = decode(input.as_bytes()).expect("it is an event");
            assert_eq!(event.kind, Kind::Stop(stop), "{input}");
        }
    }

    #[test]
    fn a_session_that_begins_names_its_caller_and_its_file_of_variables() {
        let input = br#"{"session_id":"child","hook_event_name":"SessionStart","source":"startup","calling_session_id":"p","CLAUDE_ENV_FILE":"/t/env"}"#;
        let event = decode(input).expect("it is an event");
        assert_eq!(event.kind, Kind::SessionStart);
        assert_eq!(event.caller.as_ref().map(SessionId::as_str), Some("p"));
        assert_eq!(event.env_file.as_deref(), Some("/t/env"));
    }

    // A tool's answer that was cut between the two halves of a character hid the event, and with it the
    // notices that it would have carried; a subagent's result left its task running.
    #[test]
    fn half_a_character_does_not_cost_the_event() {
        let input = br#"{"session_id":"s","hook_event_name":"SubagentStop","task_result":"it \ud83d","tool_response":"\ude00"}"#;
        let event = decode(input).expect("it is an event");
        assert_eq!(event.result.as_deref(), Some("it \u{fffd}"));
    }

    #[test]
    fn the_events_of_gemini_are_those_of_the_others_under_its_own_names() {
        for (name, kind) in [
            ("BeforeAgent", Kind::UserPromptSubmit),
            ("AfterTool", Kind::PostToolUse),
            ("AfterAgent", Kind::Stop(Stop::First)),
            ("BeforeModel", Kind::Other),
        ] {
            let input = format!(r#"{{"session_id":"s","hook_event_name":"{name}"}}"#);
            let event = decode(input.as_bytes()).expect("it is an event");
            assert_eq!((event.kind, event.name.as_str()), (kind, name));
        }
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
