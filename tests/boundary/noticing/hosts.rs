//! What a session of another agent than droid is told, in its own form.

use serde_json::{Value, json};
use tests::sandbox::task_id;

use crate::sandbox;

#[test]
fn a_session_of_gemini_is_told_once_under_the_names_of_its_events() {
    for (event, form) in
        [("BeforeAgent", "context"), ("AfterTool", "context"), ("AfterAgent", "block")]
    {
        let sandbox = sandbox().with_env("GEMINI_SESSION_ID", "s");
        let words = ["run", "label", "--parent", "s", "--", "true"];
        let id = task_id(&sandbox.task_bg(words).ok().json());
        sandbox.ended(&id);
        let input = json!({"session_id": "s", "hook_event_name": event}).to_string();
        let said = sandbox.hook(input.clone()).ok().stdout;
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{event}: {said}"));
        let told = if form == "context" {
            assert_eq!(said["hookSpecificOutput"]["hookEventName"], event, "{said:#}");
            said["hookSpecificOutput"]["additionalContext"].to_string()
        } else {
            assert_eq!(said["decision"], "block", "{said:#}");
            said["reason"].to_string()
        };
        assert!(told.contains(&id), "{told}");
        assert_eq!(sandbox.hook(input).ok().stdout, "", "{event}: it was told twice");
    }
}

#[test]
fn a_session_of_gemini_that_begins_is_told_in_json() {
    let sandbox = sandbox().with_env("GEMINI_SESSION_ID", "s");
    let id = task_id(&sandbox.task_bg(["run", "label", "--parent", "s", "--", "true"]).ok().json());
    sandbox.ended(&id);
    let input = json!({"session_id": "s", "hook_event_name": "SessionStart"}).to_string();
    let said: Value = serde_json::from_str(&sandbox.hook(input).ok().stdout).expect("JSON");
    assert_eq!(said["hookSpecificOutput"]["hookEventName"], "SessionStart", "{said:#}");
}
