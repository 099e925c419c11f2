//! Queued tasks that nobody will start: those that another program queued, and those of which only the record is left.

use std::fs;

use serde_json::{Value, json};
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// A task that waits for room beside one that runs; the one that waits.
fn one_that_waits(sandbox: &Sandbox) -> String {
    sandbox.run_command(["sleep", "300"]);
    sandbox.run_command(["echo", "hi"])
}

fn of<'a>(list: &'a Value, id: &str) -> &'a Value {
    let found = list.as_array().and_then(|all| all.iter().find(|task| task["id"] == id));
    found.unwrap_or_else(|| panic!("no {id} in {list:#}"))
}

// `list` said nothing of it, and `wait` that it was about to start, for ever.
#[test]
fn a_task_of_which_only_the_record_is_left_ends_and_can_be_tried_again() {
    for (parts, first) in [
        (&[".active", ".queue"][..], "list"),
        (&[".active", ".queue"], "status"),
        (&[".active", ".queue"], "wait"),
        (&[".active"], "list"),
        (&[".active"], "wait"),
    ] {
        let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
        let id = one_that_waits(&sandbox);
        for part in parts {
            // A supervisor may put its own life lock back meanwhile.
            drop(fs::remove_dir_all(sandbox.store().join(part)));
        }
        drop(fs::remove_file(sandbox.store().join(".active").join(format!("{id}.env"))));
        let words = if first == "list" { vec![first] } else { vec![first, &id] };
        sandbox.task_bg(words).run().done();
        let record = sandbox.record(&id);
        assert_eq!(record["progress"]["reason"], "launch_failed", "{parts:?} {first} {record:#}");
        assert!(
            record["error"].as_str().is_some_and(|it| it.contains("removed from the store")),
            "{record:#}"
        );
        sandbox.task_bg(["cancel", "--all"]).ok().done();
        let again = sandbox.task_bg(["retry", &id, "--wait"]).ok().json();
        assert_eq!(again["ended"][0]["result"], "hi", "{again:#}");
    }
}

#[test]
fn a_queue_that_was_removed_is_made_again_from_what_is_kept() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    let id = one_that_waits(&sandbox);
    fs::remove_dir_all(sandbox.store().join(".queue")).expect("a folder");
    let list = sandbox.task_bg(["list"]).ok().json();
    let waiting = of(&list["tasks"], &id);
    assert_eq!(waiting["status"], "queued", "{list:#}");
    assert_eq!(waiting["progress"]["queuePosition"], 1, "{list:#}");
    sandbox.task_bg(["cancel", list["tasks"][1]["id"].as_str().expect("an id")]).ok().done();
    assert_eq!(sandbox.ended(&id)["result"], "hi");
}

// "about to start", of a record that no queue of ours ever had.
#[test]
fn a_task_that_another_program_queued_is_named_with_what_can_be_done_and_never_said_to_start() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_command(["true"]));
    let (id, at) = ("bg_19b8c0ffee1a2b3c4", "2099-01-01T00:00:00");
    let record = json!({
        "id": id, "session_id": "s", "parent_session_id": "main", "description": "theirs",
        "prompt": "SAY hi", "agent": "executor-med", "status": "queued", "started_at": null,
        "queued_at": at, "completed_at": null, "result": null, "error": null,
        "progress": {"toolCalls": 0, "lastUpdate": at}, "concurrency_key": "x", "parent_model": null,
    });
    fs::write(sandbox.store().join(format!("{id}.json")), record.to_string()).expect("a file");
    let list = sandbox.task_bg(["list"]).ok().json();
    let status = sandbox.task_bg(["status", id]).ok().json();
    let waited = sandbox.task_bg(["wait", id, "--timeout", "0.1s"]).code(6).json();
    for told in [of(&list["tasks"], id), &status, &waited["pending"][0]] {
        let note = told["note"].as_str().unwrap_or_default();
        assert!(note.contains("queued by another program"), "{told:#}");
        assert!(note.contains(&format!("`task-bg cancel {id}`")), "{told:#}");
        assert!(!told.to_string().contains("about to start"), "{told:#}");
    }
    let cancelled = sandbox.task_bg(["cancel", id]).ok().json();
    assert_eq!(cancelled["cancelled"], json!([id]), "{cancelled:#}");
    let again = sandbox.task_bg(["retry", id, "--wait"]).ok().json();
    assert_eq!(again["ended"][0]["result"], "hi", "{again:#}");
}

// Once, `doctor` recorded that the first was lost, and left the second to wait for a slot that was free.
#[test]
fn where_doctor_finds_a_task_lost_the_next_one_starts() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    let running = sandbox.run_command(["sleep", "300"]);
    let waiting = sandbox.run_command(["echo", "my turn"]);
    let record = sandbox.record(&running);
    let pids = ["supervisor", "agentProcess"].map(|key| pid_at(&record, key));
    pids.into_iter().for_each(kill);
    wait_until("that both are gone", || pids.iter().all(|pid| !alive(*pid)));
    sandbox.task_bg(["doctor"]).run().done();
    wait_until("that it had its turn", || sandbox.record(&waiting)["status"] == "completed");
}

// Once, such a task counted as one that had never run, so that its key was free and the same order ran a second time.
#[test]
fn an_order_whose_supervisor_was_killed_as_its_agent_started_does_not_run_again_under_its_key() {
    let sandbox = sandbox();
    for round in 0..8 {
        let mark = sandbox.path(&format!("mark{round}"));
        let script = format!("echo hi >>{}; kill -9 $PPID; exec sleep 0.2", mark.display());
        let key = format!("k{round}");
        let words = ["run", "x", "--key", &key, "--", "sh", "-c", &script];
        for _ in 0..2 {
            sandbox.task_bg(words).run().done();
        }
        wait_until("that nothing runs", || sandbox.task_bg(["list"]).ok().json()["running"] == 0);
        let lines = sandbox.lines_of(&format!("mark{round}"));
        assert_eq!(lines, ["hi"], "in round {round}");
    }
}
