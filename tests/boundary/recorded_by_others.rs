//! Running records of the original, where no id is named: they are waited for, cancelled and named as any
//! running task.
//!
//! They have no life lock, by which verbs without ids find our own tasks, so once they were passed over: `wait`
//! said that no task was unfinished, `cancel --all` cancelled nothing, and a session stopped without a word.

use std::fs::{self, File};
use std::time::Duration;

use serde_json::{Value, json};
use tests::original::Original;
use tests::process::wait_until;
use tests::sandbox::{Sandbox, names};

use crate::sandbox;

/// The session that launches.
const PARENT: &str = "a-parent";

/// The original in the store of the sandbox.
fn original(sandbox: &Sandbox) -> Original {
    fs::create_dir_all(sandbox.store()).expect("a folder");
    Original::new(sandbox.store(), Duration::ZERO)
}

fn launch(original: &mut Original, description: &str) -> String {
    original.launch(description, "look", PARENT, Duration::ZERO)
}

/// What the hook says to the parent on this event.
fn said(sandbox: &Sandbox, event: &str) -> String {
    let input = json!({ "session_id": PARENT, "hook_event_name": event });
    sandbox.hook(input.to_string()).ok().stdout
}

fn pending(answer: &Value) -> Vec<&str> {
    let pending = answer["pending"].as_array().expect("a list");
    pending.iter().filter_map(|task| task["taskId"].as_str()).collect()
}

#[test]
fn wait_without_ids_waits_for_a_record_of_the_original_also_beside_ours_and_wakes_at_its_end() {
    let sandbox = sandbox();
    let mut original = original(&sandbox);
    let id = launch(&mut original, "theirs");
    let idle = sandbox.task_bg(["wait", "--timeout=0.1s"]).run().code_is(6).json();
    assert_eq!(pending(&idle), [id.as_str()], "{idle:#}");
    // One of ours changes the folder and fills the index.
    let gate = sandbox.until("gate");
    let ours = sandbox.run_script(&[], &gate);
    let both = sandbox.task_bg(["wait", "--timeout=0.1s"]).run().code_is(6).json();
    assert_eq!(pending(&both).len(), 2, "{both:#}");
    let waiting = sandbox.task_bg(["wait", "--timeout=20s"]).start();
    // It has looked at both once a thread of it sleeps at the life lock of ours.
    let threads = format!("/proc/{}/task", waiting.pid());
    wait_until("that it waits", || fs::read_dir(&threads).is_ok_and(|all| all.count() > 1));
    original.complete(&id, "found", None);
    sandbox.open_gate("gate");
    let answer = waiting.finish().ok().json();
    for id in [&id, &ours] {
        assert!(names(&answer["ended"], id), "{id}: {answer:#}");
    }
    // What has ended is not read again, and a later one is found.
    let later = launch(&mut original, "later");
    let answer = sandbox.task_bg(["wait", "--timeout=0.1s"]).run().code_is(6).json();
    assert_eq!(pending(&answer), [later.as_str()], "{answer:#}");
}

#[test]
fn cancel_without_ids_ends_the_records_of_the_original_as_well() {
    for words in [&["cancel", "--all"][..], &["cancel", "--parent", PARENT][..]] {
        let sandbox = sandbox();
        let mut original = original(&sandbox);
        let id = launch(&mut original, "theirs");
        let answer = sandbox.task_bg(words.iter().copied()).ok().json();
        assert_eq!(answer["cancelled"], json!([id]), "{answer:#}");
        assert_eq!(sandbox.status(&id), "cancelled");
    }
}

#[test]
fn a_parent_that_stops_is_told_once_that_a_task_of_the_original_is_at_work_and_once_of_its_end() {
    let sandbox = sandbox();
    let mut original = original(&sandbox);
    let id = launch(&mut original, "theirs");
    let message = said(&sandbox, "Stop");
    assert!(message.contains("still at work") && message.contains("theirs"), "{message}");
    assert_eq!(said(&sandbox, "Stop"), "");
    original.complete(&id, "found it", None);
    let message = said(&sandbox, "PostToolUse");
    assert!(message.contains("found it"), "{message}");
    assert_eq!(said(&sandbox, "PostToolUse"), "");
    assert_eq!(said(&sandbox, "Stop"), "");
}

// The hook waited for the lock of the record for longer than it may keep an agent waiting, was ended, and what the
// subagent had found was lost.
#[test]
fn what_the_hook_could_not_record_in_time_is_recorded_by_whoever_looks_next() {
    let sandbox = sandbox();
    let mut original = original(&sandbox);
    let id = launch(&mut original, "theirs");
    let session = sandbox.record(&id)["session_id"].clone();
    // Makes the locks, which are a fixed set.
    sandbox.task_bg(["run", "ours", "--wait", "--", "true"]).ok().done();
    let locks: Vec<File> = (0..16)
        .map(|number| {
            let lock = sandbox.store().join(format!(".locks/{number:02}"));
            let lock = File::options().write(true).create(true).truncate(false).open(lock);
            lock.expect("a lock")
        })
        .collect();
    for lock in &locks {
        lock.lock().expect("nobody holds it");
    }
    let stop = json!({
        "hook_event_name": "SubagentStop", "session_id": session, "task_result": "found it",
    });
    sandbox.hook(stop.to_string()).ok().done();
    assert_eq!(sandbox.status(&id), "running", "it could not be recorded");
    drop(locks);
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!((&status["status"], &status["result"]), (&json!("completed"), &json!("found it")));
    assert_eq!(sandbox.traces(&id), [""; 0]);
    assert!(said(&sandbox, "PostToolUse").contains("found it"));
}

// Of a task that never ended, and said nothing, its parent never heard a word.
#[test]
fn a_parent_at_work_is_told_once_of_a_task_that_says_nothing_for_long() {
    let sandbox = sandbox();
    let mut original = original(&sandbox);
    let long_ago = Duration::from_secs(40 * 60);
    let old = original.launch("old", "look", PARENT, long_ago);
    let young = launch(&mut original, "young");
    // The hook takes note of both where a session begins.
    assert!(said(&sandbox, "SessionStart").contains(&old));
    let message = said(&sandbox, "PostToolUse");
    assert!(message.contains(&old) && message.contains("no sign of life for 40 min"), "{message}");
    assert!(!message.contains(&young), "{message}");
    for event in ["PostToolUse", "UserPromptSubmit"] {
        assert_eq!(said(&sandbox, event), "");
    }
    let message = said(&sandbox, "Stop");
    assert!(message.contains(&young) && !message.contains(&old), "{message}");
    original.complete(&old, "at last", None);
    assert!(said(&sandbox, "PostToolUse").contains("at last"));
}
