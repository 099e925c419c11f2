//! The Python original and task-bg share one store: each reads what the other wrote.
//!
//! The reader below spells out the fields of the original's record; any other top-level key makes
//! it drop the task.

use std::fs;

use serde_json::{Value, json};
use tests::original::FIELDS;
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// The original's reader: a dataclass with exactly its fields, fed with what the file holds.
const READER: &str = r#"
import json, pathlib, sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, Optional

@dataclass
class BackgroundTask:
    id: str
    session_id: str
    parent_session_id: str
    description: str
    prompt: str
    agent: str
    status: str
    started_at: Optional[str] = None
    queued_at: Optional[str] = None
    completed_at: Optional[str] = None
    result: Optional[str] = None
    error: Optional[str] = None
    progress: Dict[str, Any] = field(default_factory=dict)
    concurrency_key: Optional[str] = None
    parent_model: Optional[str] = None

count = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    with open(path, encoding="utf-8") as file:
        task = BackgroundTask(**json.load(file))
    assert task.status in ("queued", "running", "completed", "error", "cancelled"), task.status
    assert path.stem == task.id, task.id
    for moment in (task.started_at, task.queued_at, task.completed_at):
        if moment is not None:
            datetime.fromisoformat(moment)
    datetime.fromisoformat(task.progress["lastUpdate"])
    assert isinstance(task.progress.get("toolCalls", 0), int)
    for text in (task.id, task.session_id, task.description, task.prompt, task.agent):
        assert isinstance(text, str), text
    count += 1
print(count)
"#;

/// One task for every way to end, and one that runs.
fn every_ending(sandbox: &Sandbox) -> Vec<String> {
    let gate = sandbox.path("gate");
    let mut ids: Vec<_> = [
        "SAY fine \u{1f980}",
        "EXIT 3",
        "DIE KILL",
        "NOCOMPLETE",
        "PERMISSION high",
        "AUTH",
        "FAIL401",
        "SAY x\nCOMPLETE_DIE KILL",
    ]
    .into_iter()
    .map(|script| sandbox.launch(script))
    .collect();
    ids.push(sandbox.launch_with(["--timeout", "1"], "SLEEP 60"));
    ids.push(sandbox.run_command(["sh", "-c", "echo fine"]));
    ids.push(sandbox.run_command(["false"]));
    for id in &ids {
        sandbox.ended(id);
    }
    let cancelled = sandbox.run_command(["sleep", "60"]);
    sandbox.task_bg(["cancel", &cancelled]).ok().done();
    let reported = sandbox.launch(&format!("WAIT {}", gate.display()));
    sandbox.task_bg(["complete", &reported, "", "it went wrong"]).ok().done();
    let running = sandbox.launch(&format!("WAIT {}", gate.display()));
    ids.extend([cancelled, reported, running]);
    ids
}

fn write_record(sandbox: &Sandbox, record: &Value) {
    fs::create_dir_all(sandbox.store()).expect("a folder");
    let id = record["id"].as_str().expect("an id");
    let file = sandbox.store().join(format!("{id}.json"));
    let text = serde_json::to_string_pretty(record).expect("JSON");
    fs::write(file, text).expect("a file in the store");
}

/// A running record as the original leaves it: naive local times, no supervisor, a plain id.
fn record_of_the_original() -> Value {
    json!({
        "id": "bg_19b8c0ffee11a1b2c",
        "session_id": "bg-session-1",
        "parent_session_id": "main",
        "description": "Find auth patterns",
        "prompt": "Find all authentication implementations in src/",
        "agent": "explorer",
        "status": "running",
        "started_at": "2026-01-05T10:00:00.123456",
        "queued_at": null,
        "completed_at": null,
        "result": null,
        "error": null,
        "progress": { "toolCalls": 0, "lastUpdate": "2026-01-05T10:00:00.123456" },
        "concurrency_key": null,
        "parent_model": null,
    })
}

#[test]
fn every_record_has_exactly_the_keys_of_the_original_and_a_last_update() {
    let sandbox = sandbox();
    for id in every_ending(&sandbox) {
        let record = sandbox.record(&id);
        let mut keys: Vec<_> = record.as_object().expect("an object").keys().collect();
        let mut expected = FIELDS.to_vec();
        keys.sort();
        expected.sort_unstable();
        assert_eq!(keys, expected, "{record:#}");
        assert_eq!(record["id"], id.as_str());
        let update = record["progress"]["lastUpdate"].as_str().unwrap_or_default();
        assert!(update.ends_with("+00:00") && update.len() == 32, "{update}");
        let began = record["started_at"].as_str().unwrap_or_default();
        assert!(began.ends_with("+00:00") && began.len() == 32, "{began}");
    }
    sandbox.open_gate("gate");
    sandbox.assert_nothing_left();
}

#[test]
fn the_originals_reader_accepts_every_record_of_every_ending() {
    let sandbox = sandbox();
    if sandbox.shell("command -v python3").run().code != 0 {
        println!("skipped: there is no python3 on the search path");
        return;
    }
    let ids = every_ending(&sandbox);
    fs::write(sandbox.path("reader.py"), READER).expect("a file in the sandbox");
    let command = format!("exec python3 ../reader.py {}", sandbox.store().display());
    let ran = sandbox.shell(&command).ok();
    assert_eq!(ran.stdout.trim(), ids.len().to_string(), "{ran}");
    sandbox.open_gate("gate");
    sandbox.assert_nothing_left();
    sandbox.shell(&command).ok().done();
}

#[test]
fn a_running_record_of_the_original_is_shown_as_it_stands_and_named_unsupervised() {
    let sandbox = sandbox();
    let record = record_of_the_original();
    write_record(&sandbox, &record);
    let id = record["id"].as_str().expect("an id");
    let file = sandbox.store().join(format!("{id}.json"));
    let before = fs::read(&file).expect("a record");
    let list = sandbox.task_bg(["list"]).ok();
    assert_eq!(list.json()["running"], 1, "{list}");
    assert_eq!(list.json()["unreadable"], json!([]), "{list}");
    let status = sandbox.task_bg(["status", id]).ok();
    assert_eq!(status.json()["status"], "running", "{status}");
    assert_eq!(status.json()["description"], "Find auth patterns", "{status}");
    let says_so = |text: &str| text.contains("unsupervised");
    assert!(says_so(&list.stdout) || says_so(&status.stdout), "{list}\n{status}");
    assert_eq!(fs::read(&file).expect("a record"), before, "reading is not to rewrite it");
}

#[test]
fn a_record_of_the_original_can_be_completed_and_keeps_what_we_do_not_know() {
    let sandbox = sandbox();
    let mut record = record_of_the_original();
    record["progress"]["fromTheFuture"] = json!({ "kept": [1, 2.50, "x"] });
    write_record(&sandbox, &record);
    let id = record["id"].as_str().expect("an id");
    sandbox.task_bg(["complete", id, "by hand"]).ok().done();
    let after = sandbox.record(id);
    assert_eq!(after["status"], "completed", "{after:#}");
    assert_eq!(after["result"], "by hand");
    assert_eq!(after["progress"]["fromTheFuture"], record["progress"]["fromTheFuture"]);
    assert_eq!(after["started_at"].as_str().map(|at| &at[..10]), Some("2026-01-05"));
    sandbox.task_bg(["complete", id, "again"]).run().failure(4);
    assert_eq!(sandbox.record(id)["result"], "by hand");
}

#[test]
fn a_record_of_the_original_is_ended_by_the_hook_of_its_session() {
    let sandbox = sandbox();
    let record = record_of_the_original();
    write_record(&sandbox, &record);
    let id = record["id"].as_str().expect("an id");
    let transcript = sandbox.path("transcript");
    fs::write(&transcript, "{\"role\":\"assistant\",\"content\":\"found\"}\n").expect("a file");
    let input = json!({ "session_id": record["session_id"], "transcript_path": transcript });
    sandbox.hook(input.to_string()).ok().done();
    let after = sandbox.record(id);
    assert_eq!(after["status"], "completed", "{after:#}");
    assert_eq!(after["result"], "found");
}

// In a store of more than 64 records the hook found no record of the original.
#[test]
fn a_record_of_the_original_is_found_by_its_session_among_thousands_before_and_after_others_came() {
    let sandbox = sandbox();
    let write = |id: &str, session: &str, status: &str| {
        let mut record = record_of_the_original();
        record["id"] = json!(id);
        record["session_id"] = json!(session);
        record["status"] = json!(status);
        write_record(&sandbox, &record);
    };
    for number in 0..2_000 {
        write(&format!("bg_19b8c0f{number:04}aaaaaa"), "another", "completed");
    }
    let stop = |session: &str| {
        let input = json!({ "session_id": session, "task_result": "found" });
        sandbox.hook(input.to_string()).ok().done();
    };
    stop("nobody's");
    for number in 0..3 {
        let (id, session) =
            (format!("bg_19b8c10000{number}bbbbbb"), format!("bg-session {number}"));
        write(&id, &session, "running");
        // One of ours, which changes the folder as well.
        sandbox.ended(&sandbox.run_command(["true"]));
        stop(&session);
        let after = sandbox.record(&id);
        assert_eq!((&after["status"], &after["result"]), (&json!("completed"), &json!("found")));
    }
}

/// A record of the original that failed, of this parent.
fn failed_one(sandbox: &Sandbox, id: &str, prompt: &str, parent: &str) {
    let mut record = record_of_the_original();
    record["id"] = json!(id);
    record["prompt"] = json!(prompt);
    record["status"] = json!("error");
    record["error"] = json!("Task timed out after 30 minutes");
    record["completed_at"] = json!("2026-01-05T10:30:00.123456");
    record["parent_session_id"] = json!(parent);
    record["parent_model"] = json!("model-x");
    write_record(sandbox, &record);
}

// The index of sessions was made after `prune` had ended it, and knew only what had not ended: the result was lost.
#[test]
fn a_late_result_for_a_record_of_the_original_that_was_given_up_is_kept() {
    let sandbox = sandbox();
    let record = record_of_the_original();
    write_record(&sandbox, &record);
    let id = record["id"].as_str().expect("an id");
    let answer = sandbox.task_bg(["prune"]).ok().json();
    assert_eq!(answer["removed"], json!([id]), "{answer}");
    let input = json!({ "hook_event_name": "SubagentStop", "session_id": record["session_id"], "task_result": "found" });
    sandbox.hook(input.to_string()).ok().done();
    let after = sandbox.record(id);
    assert_eq!(after["progress"]["lateResult"], "found", "{after:#}");
    assert_eq!(after["status"], "error", "{after:#}");
}

// "its record does not say what to run", although prompt, droid and model are in it.
#[test]
fn a_record_of_the_original_is_tried_again_and_what_it_does_not_say_is_said() {
    let sandbox = sandbox();
    let id = "bg_19b8c0ffee11a1b2c";
    let arguments = sandbox.path("arguments");
    failed_one(&sandbox, id, &format!("ARGS {}\nSAY fine", arguments.display()), "main");
    let answer = sandbox.task_bg(["retry", id]).ok().json();
    let cwd = sandbox.work().display().to_string();
    let note = answer["note"].as_str().expect("a note");
    let next = sandbox.ended(&task_id(&answer));
    let level = next["progress"]["autonomy"].as_str().expect("a level");
    for part in [id, "neither an autonomy nor a folder", level, &format!("`{cwd}`")] {
        assert!(note.contains(part), "{part}: {note}");
    }
    assert_eq!((&next["result"], &next["agent"]), (&json!("fine"), &json!("explorer")), "{next:#}");
    assert_eq!((&next["progress"]["retryOf"], &next["progress"]["cwd"]), (&json!(id), &json!(cwd)));
    let words = fs::read_to_string(arguments).expect("written");
    assert!(words.contains("model-x") && words.contains(level), "{words}");
    assert_eq!(sandbox.record(id)["progress"]["retriedAs"], next["id"]);
}

#[test]
fn what_failed_of_a_parent_under_the_original_is_tried_again_by_one_command() {
    let sandbox = sandbox();
    for number in 0..3 {
        let parent = if number == 2 { "another" } else { "mine" };
        failed_one(&sandbox, &format!("bg_19b8c0ffee1{number}a1b2c"), "SAY fine", parent);
    }
    let words = ["retry", "--failed", "--parent", "mine", "--autonomy", "low"];
    let answer = sandbox.task_bg(words).ok().json();
    assert_eq!(answer["launched"].as_array().map(Vec::len), Some(2), "{answer:#}");
    let note = answer["note"].as_str().expect("a note");
    assert_eq!(note.matches("says no folder").count(), 2, "{note}");
    let again = sandbox.task_bg(words).ok().json();
    assert_eq!(again["launched"], json!([]), "{again:#}");
    for launched in answer["launched"].as_array().expect("a list") {
        assert_eq!(sandbox.ended(&task_id(launched))["status"], "completed");
    }
}

#[test]
fn an_old_running_record_of_the_original_is_pruned_and_named() {
    let sandbox = sandbox();
    let record = record_of_the_original();
    write_record(&sandbox, &record);
    let id = record["id"].as_str().expect("an id");
    let planned = sandbox.task_bg(["prune", "--dry-run"]).ok();
    assert!(planned.stdout.contains(id), "{planned}");
    assert_eq!(sandbox.record(id)["status"], "running", "a dry run is not to do it");
    let answer = sandbox.task_bg(["prune"]).ok().json();
    assert_eq!(answer["removed"], json!([id]), "{answer}");
    let after = sandbox.record(id);
    assert_eq!(after["status"], "error", "{after:#}");
    assert!(matches!(after["progress"]["reason"].as_str(), Some("timeout" | "stale")), "{after:#}");
}

#[test]
fn the_originals_quirks_are_read() {
    let sandbox = sandbox();
    let with = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut record = record_of_the_original();
        record["id"] = json!(id);
        change(&mut record);
        write_record(&sandbox, &record);
    };
    with("bg_19b8c0ffee1000001", &|record| record["progress"] = json!({}));
    with("bg_19b8c0ffee1000002", &|record| {
        record.as_object_mut().expect("an object").remove("progress");
    });
    with("bg_19b8c0ffee1000003", &|record| {
        record["status"] = json!("completed");
        record["error"] = json!("");
        record["result"] = json!("fine");
        record["completed_at"] = json!("2026-01-05T10:05:00");
    });
    with("bg_19b8c0ffee1000004", &|record| record["status"] = json!("cancelled"));
    with("bg_19b8c0ffee1000005", &|record| {
        record["status"] = json!("queued");
        record["started_at"] = json!(null);
        record["queued_at"] = json!("2026-01-05T10:00:00");
    });
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(list["unreadable"], json!([]), "{list:#}");
    for (key, count) in
        [("total", 5), ("running", 2), ("completed", 1), ("cancelled", 1), ("queued", 1)]
    {
        assert_eq!(list[key], count, "{key}: {list:#}");
    }
}

#[test]
fn cleanup_answers_like_the_original_and_deletes_no_record() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    sandbox.assert_nothing_left();
    let answer = sandbox.task_bg(["cleanup"]).ok().json();
    assert_eq!(answer["cleaned"], true, "{answer}");
    assert_eq!(sandbox.record(&id)["status"], "completed");
    sandbox.task_bg(["cleanup", "--delete"]).ok().done();
    wait_until("that all files of the task are gone", || {
        let files = fs::read_dir(sandbox.store()).expect("a folder");
        !files
            .filter_map(Result::ok)
            .any(|file| file.file_name().to_string_lossy().starts_with(&id))
    });
}

// "It is a plain command", which it was not.
#[test]
fn a_record_of_the_original_is_not_gone_on_with_and_not_called_a_command() {
    let sandbox = sandbox();
    let id = "bg_19b8c0ffee11a1b2c";
    failed_one(&sandbox, id, "the prompt", "main");
    let refused = sandbox.task_bg(["resume", id, "more"]).code(4).failure(4).to_string();
    assert!(refused.contains("another program launched it"), "{refused}");
    assert!(refused.contains(&format!("task-bg retry {id}")), "{refused}");
    let command = sandbox.run_script(&[], "exit 0");
    sandbox.ended(&command);
    let refused = sandbox.task_bg(["resume", &command, "more"]).code(4).failure(4).to_string();
    assert!(refused.contains("plain command"), "{refused}");
}
