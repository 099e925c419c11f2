//! Answers that leave rows out: each counts them, and names a command that shows them.
//!
//! Once, `cancel`, `prune`, `cleanup` and `queue` only counted what they left out, and `wait` named a bare `list`, which
//! begins with whatever was launched last.

use std::fs;

use serde_json::{Value, json};
use tests::sandbox::Sandbox;

use crate::sandbox;

/// So many tasks that an id of each is more than an answer holds.
const MANY: usize = 1_500;

/// Holds that rows of this list were left out, and gives the words of the command that shows them.
#[track_caller]
fn more(answer: &Value, list: &str) -> Vec<String> {
    let left_out = answer[format!("{list}Omitted")].as_u64().unwrap_or_default();
    let shown = answer[list].as_array().map_or(0, Vec::len);
    let beginning: String = answer.to_string().chars().take(300).collect();
    assert!(left_out > 0, "nothing of {list} was left out, of {shown}: {beginning}");
    let command = answer["more"].as_str().unwrap_or_else(|| panic!("no `more` in {beginning}"));
    let words = command.strip_prefix("task-bg ").expect("a command");
    words.split(' ').map(str::to_owned).collect()
}

/// The counts of a list that this command shows.
#[track_caller]
fn listed(sandbox: &Sandbox, command: &[String]) -> Value {
    sandbox.task_bg(command).ok().json()
}

/// Records many tasks of the original with this status, and gives their ids.
fn old_ones(sandbox: &Sandbox, status: &str) -> Vec<String> {
    // The program makes its store.
    sandbox.ended(&sandbox.run_command(["true"]));
    let long_ago = "2026-01-02T03:04:05.000006+00:00";
    let ended = (status != "running").then_some(long_ago);
    let record = |number: usize| {
        let id = format!("bg_1900000000{number:07x}");
        let record = json!({"id": id, "session_id": format!("s{number}"),
            "parent_session_id": "main", "description": "an old one", "prompt": "x",
            "agent": "explorer", "status": status, "queued_at": long_ago,
            "started_at": long_ago, "completed_at": ended, "result": null, "error": null,
            "progress": {"toolCalls": 0, "lastUpdate": long_ago},
            "concurrency_key": "explorer", "parent_model": null});
        let file = sandbox.store().join(format!("{id}.json"));
        fs::write(file, record.to_string()).expect("a record");
        id
    };
    (0..MANY).map(record).collect()
}

#[test]
fn what_a_queue_and_a_wait_leave_out_is_shown_by_the_command_they_name() {
    let sandbox = sandbox();
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let line = json!({"description": "one of many", "command": ["true"], "parent": "p q"});
    let lines = format!("{line}\n").repeat(MANY);
    let batch = sandbox.task_bg(["batch", "-"]).stdin(lines).ok().json();
    assert_eq!(more(&batch, "launched"), ["list"], "the last ones launched come first there");

    let queue = sandbox.task_bg(["queue"]).ok().json();
    let command = more(&queue, "waiting");
    assert_eq!(command.join(" "), "list --status queued --sort oldest");
    let oldest = listed(&sandbox, &command);
    assert_eq!(
        (&oldest["queued"], &oldest["tasks"][0]["id"]),
        (&json!(MANY), &queue["waiting"][0])
    );
    assert!(oldest["more"].as_str().is_some_and(|it| it.contains("--offset ")), "it pages");

    let words = ["wait", "--parent", "p q", "--timeout", "10ms"];
    let waited = sandbox.task_bg(words).code(6).json();
    let command = waited["more"].as_str().expect("a command");
    assert_eq!(command, "task-bg list --parent 'p q' --sort status");
    assert!(waited["pendingOmitted"].as_u64() > Some(0));
    let shown = sandbox.shell(command).ok().json();
    assert_eq!(shown["queued"], json!(MANY));
}

#[test]
fn what_a_cancel_and_a_cleanup_leave_out_is_shown_by_the_command_they_name() {
    let sandbox = sandbox();
    let ids = old_ones(&sandbox, "cancelled");
    let words = ["cancel"].into_iter().chain(ids.iter().map(String::as_str));
    let command = more(&sandbox.task_bg(words).code(4).json(), "refused");
    assert_eq!(command.join(" "), "list --sort ended");
    assert_eq!(listed(&sandbox, &command)["cancelled"], json!(MANY));

    let words = ["cleanup", "--delete", "--status", "cancelled", "--dry-run"];
    let command = more(&sandbox.task_bg(words).ok().json(), "deleted");
    assert_eq!(command.join(" "), "list --status cancelled --sort ended");
    let cleaned = sandbox.task_bg(&words[..4]).ok().json();
    let command = more(&cleaned, "deleted");
    assert_eq!(command.join(" "), "cleanup --delete --dry-run --status cancelled");
    let left = listed(&sandbox, &command);
    assert_eq!((&left["deleted"], &left["kept"]), (&json!([]), &json!([])));
}

#[test]
fn what_a_prune_would_end_and_leaves_out_is_shown_by_the_command_it_names() {
    let sandbox = sandbox();
    old_ones(&sandbox, "running");
    let dry = sandbox.task_bg(["prune", "--dry-run"]).ok().json();
    let command = more(&dry, "details");
    assert_eq!(command.join(" "), "prune --dry-run --all");
    let all = sandbox.task_bg(&command).ok().json();
    assert_eq!(all["details"].as_array().map(Vec::len), Some(MANY));
    let table = sandbox.task_bg(["prune", "--dry-run", "--format", "table"]).ok().stdout;
    assert!(table.contains("lines are not shown; `task-bg prune --dry-run --all`"), "{table}");
}
