//! A droid that launches tasks: they know it as their parent, and it hears of their endings.
//!
//! Here droid is not a task but the one who launches; it is run as a person would run it.

use std::fs;

use serde_json::{Value, json};

use super::stage::Stage;
use super::steering::{execute, tool, until_there};

/// The events that a parent's hook is for.
const EVENTS: [&str; 5] =
    ["SessionStart", "PostToolUse", "UserPromptSubmit", "Stop", "SubagentStop"];

/// Shell words that wait for a task as somebody who is not its parent.
pub(super) const WAIT: &str = "env -u TASK_BG_PARENT_SESSION task-bg wait --timeout 40";
/// Shell words that take the id out of the answer of a launch.
pub(super) const ID: &str = r#"sed 's/.*"taskId":"\([^"]*\)".*/\1/'"#;

pub(super) fn a_session_that_launches_is_the_parent_and_hears_of_each_ending_once(stage: &Stage) {
    register(stage);
    let held = until_there(&stage.path("gate"));
    let first = format!("{WAIT} $(task-bg launch 'the first' 'SAY:findings of the first' | {ID})");
    let prompt = [
        execute(&format!("task-bg run 'the held one' -- sh -c \"{held}\""), "low"),
        execute(&first, "low"),
    ];
    let prompt = prompt.concat();
    let session = exec(stage, &prompt);
    let tasks = stage.ok(["list", "--parent", &session])["tasks"].clone();
    let id = |label: &str| {
        let mut all = tasks.as_array().into_iter().flatten();
        let task = all.find(|task| task["description"] == label);
        let task = task.unwrap_or_else(|| panic!("no `{label}` in {tasks:#}"));
        task["id"].as_str().unwrap_or_default().to_owned()
    };
    let (first, held) = (id("the first"), id("the held one"));

    let last = last_request(stage, &prompt);
    let told = format!("- {first} \"the first\" completed: findings of the first");
    let named = format!("still at work: {held} \"the held one\"");
    for words in [&told, &named] {
        let texts = texts(&last);
        let heard = texts.iter().map(|text| text.matches(words.as_str()).count()).sum::<usize>();
        assert_eq!(heard, 1, "{words}\n{texts:#?}");
    }
    // What ends when the session is not there is told when it comes back.
    stage.open_gate("gate");
    stage.ok(["wait", "--timeout", "40", &held]);
    let start =
        json!({ "session_id": session, "hook_event_name": "SessionStart", "source": "resume" });
    let hook = format!("echo '{start}' | task-bg-hook");
    assert!(stage.shell(&hook).stdout.contains(&format!("- {held} ")));
    assert!(stage.shell(&hook).stdout.is_empty());
}

pub(super) fn tasks_that_a_subagent_leaves_behind_are_told_to_the_session_that_called_it(
    stage: &Stage,
) {
    register(stage);
    let work = format!("{WAIT} $(task-bg run 'left behind' -- echo found | {ID})");
    let order = json!({
        "subagent_type": "worker",
        "description": "Leave something behind",
        "prompt": execute(&work, "low"),
        "await": true,
    });
    let prompt = tool("Task", &order);
    let session = exec(stage, &prompt);
    let tasks = stage.ok(["list", "--parent", &session])["tasks"].clone();
    assert_eq!(tasks[0]["description"], "left behind", "{tasks:#}");
    let texts = texts(&last_request(stage, &prompt));
    let told = "\"left behind\" completed: found";
    assert_eq!(texts.iter().filter(|text| text.contains(told)).count(), 1, "{texts:#?}");
}

fn register(stage: &Stage) {
    let ours =
        json!([{ "hooks": [{ "type": "command", "command": "task-bg-hook", "timeout": 5 }] }]);
    stage.set_up_droid(|settings| {
        settings["hooks"] = EVENTS.into_iter().map(|event| (event, ours.clone())).collect();
    });
}

/// Runs droid with this prompt, and returns the session that it says it was.
pub(super) fn exec(stage: &Stage, prompt: &str) -> String {
    let file = stage.path("prompt");
    fs::write(&file, prompt).expect("a file in the sandbox");
    let ran = stage.shell(&format!("droid exec --auto high -o stream-json -f '{file}'"));
    let init: Value = serde_json::from_str(ran.stdout.lines().next().unwrap_or_default())
        .unwrap_or_else(|error| panic!("no first line: {error}\n{ran}"));
    init["session_id"].as_str().unwrap_or_else(|| panic!("no session\n{ran}")).to_owned()
}

/// What the model was asked last by the session with this prompt: all that it has heard is in it.
pub(super) fn last_request(stage: &Stage, prompt: &str) -> Value {
    let its_own = |request: &Value| texts(request).iter().any(|text| text.contains(prompt.trim()));
    stage.requests().into_iter().rfind(its_own).expect("a request")
}

/// The texts of the user in a request.
pub(super) fn texts(request: &Value) -> Vec<String> {
    let messages = request["messages"].as_array().into_iter().flatten();
    let of_user = messages.filter(|message| message["role"] == "user");
    let blocks = of_user.filter_map(|message| message["content"].as_array()).flatten();
    blocks.filter_map(|block| block["text"].as_str().map(str::to_owned)).collect()
}
