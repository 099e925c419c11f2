//! The tools of `task-bg mcp`, called by a session of the real `droid` in whose settings the server was installed.

use std::fs;

use serde_json::{Value, json};

use super::stage::Stage;

pub(super) fn a_session_launches_waits_reads_and_cancels_with_the_tools_of_the_server(
    stage: &Stage,
) {
    let read = stage.note_task(&stage.ok(["run", "To read", "--", "echo", "read me"]));
    stage.ended(&read, 0);
    let cancel = stage.note_task(&stage.ok(["run", "To cancel", "--", "sleep", "300"]));
    let installed = stage.ok(["mcp", "install", "--json"]);
    assert_eq!(installed["registered"], true, "{installed:#}");
    let launch = |text: &str| json!({"command": format!("echo {text}"), "title": text});
    let calls = [
        ("run_command", launch("first")),
        ("run_command", launch("second")),
        ("wait_for_tasks", json!({})),
        // What ended before the first wait was told by it at once; then the other one is.
        ("wait_for_tasks", json!({})),
        ("task_output", json!({"id": read})),
        ("cancel_task", json!({"ids": [cancel]})),
        ("list_tasks", json!({"all_sessions": true})),
    ];
    let calls: Vec<Value> = calls
        .iter()
        .map(|(name, args)| json!({"name": format!("task-bg___{name}"), "args": args}))
        .collect();
    fs::write(stage.path("prompt"), format!("TOOLS:{}", json!(calls))).expect("a file");
    let session = format!("droid exec --auto high -o stream-json < '{}'", stage.path("prompt"));
    let told = stage.shell(&session).stdout;
    let events: Vec<Value> =
        told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let session = events.iter().find_map(|event| event["session_id"].as_str()).expect("a session");
    let results: Vec<&str> = events
        .iter()
        .filter(|event| event["type"] == "tool_result")
        .map(|event| event["value"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(results.len(), calls.len(), "{results:#?}");
    let waited = results[2..4].concat();
    assert!(waited.contains("\nfirst") && waited.contains("\nsecond"), "{results:#?}");
    assert!(results[4].ends_with("\n\nread me"), "{results:#?}");
    assert_eq!(results[5], format!("cancelled: {cancel}"));
    assert!(results[6].contains("3 completed, 0 error, 1 cancelled"), "{results:#?}");
    let listed = stage.ok(["list", "--parent", session]);
    assert_eq!((&listed["total"], &listed["completed"]), (&json!(2), &json!(2)), "{listed:#}");
    // What the model was told is what the tools said.
    let asked = stage.requests();
    let last = asked.last().map(ToString::to_string).unwrap_or_default();
    assert!(last.contains("read me") && last.contains(&format!("cancelled: {cancel}")), "{last}");
}
