//! Cancelling a real agent: it ends as cancelled, and nothing it started is left.

use serde_json::{Value, json};

use super::stage::{Stage, process_of};
use super::steering::{execute, held_words};
use crate::process::alive;

pub(super) fn cancel_during_a_tool_call_leaves_no_process_though_droid_exits_with_0(stage: &Stage) {
    // One child in a session of its own, which droid itself would let live, and one that the call waits for.
    let sleep = |name: &str| {
        let file = stage.path(name);
        format!("echo $$ > '{file}.new'; mv '{file}.new' '{file}'; exec sleep 1000")
    };
    let command =
        format!("setsid sh -c \"{}\" & {}", sleep("own").replace('$', "\\$"), sleep("tool"));
    let id = stage.launched(&execute(&command, "low"));
    let (own, tool) = (stage.pid_in("own"), stage.pid_in("tool"));
    let seen =
        stage.status_once(&id, "a tool", |record| record["progress"]["lastTool"].is_string());
    let agent = process_of(&seen, "agentProcess");
    assert!([own, tool, agent].into_iter().all(alive), "{seen:#}");
    assert_cancelled(stage, &id, &[own, tool, agent]);
}

pub(super) fn cancel_while_waiting_for_the_model_leaves_no_process(stage: &Stage) {
    let id = stage.launched(&held_words(&stage.path("never"), "never said"));
    stage.until_asked(1);
    let agent = process_of(&stage.status(&id), "agentProcess");
    assert_cancelled(stage, &id, &[agent]);
}

/// Cancels a task: when the command returns, it has ended as cancelled and these processes are gone.
fn assert_cancelled(stage: &Stage, id: &str, processes: &[u32]) {
    let answer = stage.ok(["cancel", id]);
    let left: Vec<&u32> = processes.iter().filter(|pid| alive(**pid)).collect();
    assert!(left.is_empty(), "still alive: {left:?}");
    assert_eq!(answer["cancelled"], json!([id]), "{answer:#}");
    assert_eq!(answer["survivors"], json!([]), "{answer:#}");
    let record = stage.status(id);
    assert_eq!(record["status"], "cancelled", "{record:#}");
    // Droid takes the polite signal for a good end; that must not make one of it.
    assert_eq!(record["progress"]["exitCode"], 0, "{record:#}");
    // What it may have said meanwhile is kept, and makes no success of it either.
    assert_eq!(record["error"], Value::Null, "{record:#}");
    let waited = stage.code(5, ["wait", id]).json();
    assert_eq!(waited["ended"][0]["status"], "cancelled", "{waited:#}");
}
