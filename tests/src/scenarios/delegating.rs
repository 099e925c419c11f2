//! An agent with a subagent: the task is over when its own process is, not when a subagent stops.

use std::fs;

use serde_json::{Value, json};

use super::stage::{Stage, assert_completed, until};
use super::steering::{held_words, tool};

pub(super) fn a_subagent_that_stops_does_not_end_the_task_that_started_it(stage: &Stage) {
    let heard = stage.path("heard.json");
    // Ours as one registers it, and beside it one that shows that the event came, and what it said.
    let ours = json!({ "type": "command", "command": "task-bg-hook", "timeout": 5 });
    let keep = format!("cat > '{heard}.new'; mv '{heard}.new' '{heard}'");
    let witness = json!({ "type": "command", "command": keep, "timeout": 5 });
    stage.set_up_droid(|settings| {
        settings["hooks"] = json!({ "SubagentStop": [{ "hooks": [ours, witness] }] });
    });
    let order = json!({
        "subagent_type": "worker",
        "description": "Report something",
        "prompt": "SAY:the report of the subagent",
        "await": true,
    });
    let last = held_words(&stage.path("gate"), "the words of the agent itself");
    let (_, id) = stage.launch(&format!("{}{last}", tool("Task", &order)), ["--autonomy", "high"]);

    // The agent gets the report only after the hooks have run; then the model holds its last words back.
    until("a request with the report", || stage.requests().iter().any(has_the_report));
    let event = fs::read_to_string(&heard).expect("SubagentStop has come by now");
    let event: Value = serde_json::from_str(&event).expect("the input of a hook is JSON");
    assert_eq!(event["hook_event_name"], "SubagentStop", "{event:#}");
    let seen =
        stage.status_once(&id, "the Task tool", |record| record["progress"]["lastTool"] == "Task");
    assert_eq!(event["session_id"], seen["progress"]["droidSessionId"], "{event:#}\n{seen:#}");
    assert_eq!(seen["status"], "running", "{seen:#}");

    stage.open_gate("gate");
    let record = stage.ended(&id, 0);
    assert_completed(&record, "the words of the agent itself");
    assert_eq!(record["progress"]["exitCode"], 0, "{record:#}");
    let transcript = event["transcript_path"].as_str().unwrap_or_default();
    let transcript = fs::read_to_string(transcript).expect("the transcript of the session");
    assert_eq!(exit_codes_of_hooks(&transcript), [0, 0], "{transcript}");
}

/// How the hooks of the one `SubagentStop` exited, as droid noted it.
fn exit_codes_of_hooks(transcript: &str) -> Vec<i64> {
    let lines = transcript.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ran = lines.filter(|line| line["message"]["hookEventName"] == "SubagentStop");
    let results = ran.filter_map(|line| line["message"]["hookResults"].as_array().cloned());
    results.flatten().filter_map(|result| result["exitCode"].as_i64()).collect()
}

/// Tells whether this request hands the model the result of a call in which the subagent's words are.
fn has_the_report(request: &Value) -> bool {
    let messages = request["messages"].as_array().into_iter().flatten();
    let mut blocks = messages.filter_map(|message| message["content"].as_array()).flatten();
    blocks.any(|block| {
        let words = block["content"].to_string();
        block["type"] == "tool_result" && words.contains("the report of the subagent")
    })
}
