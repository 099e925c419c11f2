//! From launch to result: what a caller sees of an agent at work, and what it gets in the end.

use std::path::Path;

use serde_json::json;

use super::stage::{Stage, assert_completed};
use super::steering::{execute, held_words, until_there};
use crate::scripted_model::wire::{INPUT_TOKENS, OUTPUT_TOKENS};

pub(super) fn launch_answers_while_the_model_still_thinks_and_status_names_the_session(
    stage: &Stage,
) {
    let (ran, id) = stage.launch(&held_words(&stage.path("gate"), "thought"), [] as [&str; 0]);
    // The gate is still shut, so the agent cannot have ended.
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    let answer = ran.json();
    assert_eq!(answer["status"], "running", "{ran}");
    let seen = stage.status_once(&id, "a session of droid", |record| {
        record["progress"]["droidSessionId"].is_string()
    });
    assert_eq!(seen["status"], "running", "{seen:#}");
    let session = seen["progress"]["droidSessionId"].as_str().unwrap_or_default();
    assert!(has_transcript(stage, session), "droid knows no session {session}");
    stage.open_gate("gate");
    assert_completed(&stage.ended(&id, 0), "thought");
}

/// Tells whether droid has a transcript of this session for the folder that agents work in.
fn has_transcript(stage: &Stage, session: &str) -> bool {
    let folder = stage.work().to_string_lossy().replace('/', "-");
    let file = format!("home/.factory/sessions/{folder}/{session}.jsonl");
    Path::new(&stage.path(&file)).is_file()
}

pub(super) fn status_names_the_tool_that_an_agent_is_using(stage: &Stage) {
    let wait_for_gate = execute(&until_there(&stage.path("gate")), "low");
    let id = stage.launched(&format!("{wait_for_gate}SAY:the gate is open"));
    let seen =
        stage.status_once(&id, "a tool", |record| record["progress"]["lastTool"].is_string());
    assert_eq!(seen["progress"]["lastTool"], "Execute", "{seen:#}");
    assert_eq!(seen["progress"]["toolCalls"], 1, "{seen:#}");
    assert_eq!(seen["status"], "running", "{seen:#}");
    let waited = stage.code(6, ["wait", "--timeout", "100ms", &id]).json();
    assert_eq!(waited["pending"][0]["lastTool"], "Execute", "{waited:#}");
    stage.open_gate("gate");
    assert_completed(&stage.ended(&id, 0), "the gate is open");
}

pub(super) fn a_blocked_wait_wakes_when_the_task_ends(stage: &Stage) {
    let id = stage.launched(&held_words(&stage.path("gate"), "worth the wait"));
    let mut wait = stage.start(["wait", "--timeout", "0", &id]);
    stage.until_asked(1);
    assert!(wait.runs(), "it did not wait: {}", stage.heard(wait.finish()));
    assert_eq!(stage.status(&id)["status"], "running");
    stage.open_gate("gate");
    let answer = stage.heard(wait.finish()).ok().json();
    let ended = &answer["ended"][0];
    assert_eq!(ended["taskId"], *id, "{answer:#}");
    assert_completed(ended, "worth the wait");
    assert_eq!(answer["pending"], json!([]), "{answer:#}");
    assert_eq!(answer["timedOut"], false, "{answer:#}");
    let result = stage.ok(["output", "--result", &id]);
    assert_eq!(result["output"], "worth the wait", "{result:#}");
}

pub(super) fn output_shows_every_message_and_the_result_is_the_last(stage: &Stage) {
    let id = stage.launched(&format!("{}SAY:the last word", execute("echo from the tool", "low")));
    let record = stage.ended(&id, 0);
    assert_completed(&record, "the last word");
    let progress = &record["progress"];
    assert_eq!(progress["exitCode"], 0, "{record:#}");
    assert_eq!(progress["toolCalls"], 1, "{record:#}");
    // One reply for the call, one for the last word.
    assert_eq!(progress["usage"]["inputTokens"], 2 * INPUT_TOKENS, "{record:#}");
    assert_eq!(progress["usage"]["outputTokens"], 2 * OUTPUT_TOKENS, "{record:#}");
    let output = stage.ok(["output", &id]);
    assert_eq!(output["status"], "completed", "{output:#}");
    assert_eq!(output["output"], "the last word\n", "{output:#}");
    let result = stage.ok(["output", "--result", &id]);
    assert_eq!(result["output"], "the last word", "{result:#}");
    let events = stage.ok(["output", "--events", "--full", &id]);
    let events = events["output"].as_str().unwrap_or_default();
    assert!(events.contains("from the tool"), "{events}");
}

pub(super) fn six_agents_at_once_all_complete_each_with_its_own_text(stage: &Stage) {
    let gate = stage.path("gate");
    let words = ["one", "two", "three", "four", "five", "six"];
    let ids = words.map(|word| stage.launched(&held_words(&gate, word)));
    // All six are at work before the first may end.
    stage.until_asked(words.len());
    let listed = stage.ok(["list"]);
    assert_eq!(listed["running"], words.len(), "{listed:#}");
    stage.open_gate("gate");
    let wait = ["wait", "--timeout", "50"].into_iter().chain(ids.iter().map(String::as_str));
    let answer = stage.ok(wait);
    assert_eq!(answer["ended"].as_array().map(Vec::len), Some(words.len()), "{answer:#}");
    for (id, word) in ids.iter().zip(words) {
        assert_completed(&stage.status(id), word);
        let result = stage.ok(["output", "--result", id]);
        assert_eq!(result["output"], word, "{result:#}");
    }
}
