//! Re-adoption: a running task whose supervisor was killed gets another one from whoever looks first.

use std::fs;
use std::thread;

use serde_json::json;
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// Kills the supervisor of a task.
#[track_caller]
fn orphan(sandbox: &Sandbox, id: &str) {
    let supervisor = pid_at(&sandbox.record(id), "supervisor");
    kill(supervisor);
    wait_until("that a killed supervisor is gone", || !alive(supervisor));
}

/// A droid that waits for the gate in the middle of its work, and whose supervisor was killed then.
fn orphaned(sandbox: &Sandbox, then: &str) -> (String, u32) {
    let (pid, gate) = (sandbox.path("pid"), sandbox.path("gate"));
    let script = format!(
        "SAY first words\nPID {}\nTOOL Execute {{}}\nWAIT {}\n{then}",
        pid.display(),
        gate.display()
    );
    let id = sandbox.launch(&script);
    let agent = sandbox.pid_in("pid");
    orphan(sandbox, &id);
    (id, agent)
}

/// Once, such a task stayed an orphan: its log was not followed, its time limit and a cancel waited for the next
/// command, and nobody saw its end.
#[test]
fn whoever_looks_first_sees_to_it_that_a_lost_supervisor_is_replaced() {
    for look in ["status", "list", "wait", "output"] {
        let sandbox = sandbox();
        let (id, agent) = orphaned(&sandbox, "RESULT done\nSAY found alone");
        let words = match look {
            "list" => vec![look],
            "wait" => vec![look, &id, "--timeout", "0.01"],
            _ => vec![look, &id],
        };
        drop(sandbox.task_bg(words).run());
        let record = sandbox.record(&id);
        let supervisor = pid_at(&record, "supervisor");
        assert!(alive(supervisor) && alive(agent), "{look}: {record:#}");
        assert_eq!(record["progress"]["adoptions"], 1, "{look}: {record:#}");
        let status = sandbox.task_bg(["status", &id]).ok().json();
        assert_eq!(status["status"], "running", "{look}: {status:#}");
        let note = status["note"].as_str().unwrap_or_default();
        assert!(note.starts_with("re-adopted: "), "{look}: {status:#}");
        let waiter = sandbox.task_bg(["wait", &id, "--timeout", "30"]).start();
        sandbox.open_gate("gate");
        let ended = waiter.finish().ok().json();
        assert_eq!(ended["ended"][0]["result"], "found alone", "{look}: {ended:#}");
        let record = sandbox.record(&id);
        assert_eq!(record["progress"]["toolCalls"], 1, "{look}: {record:#}");
        let log = fs::read_to_string(sandbox.store().join(format!("{id}.out"))).expect("a log");
        assert_eq!(log, "first words\nfound alone\n", "{look}: nothing is lost or said twice");
        wait_until("that its supervisor is gone", || !alive(supervisor));
        sandbox.assert_nothing_left();
    }
}

#[test]
fn of_many_that_look_at_once_one_takes_the_task_over() {
    let sandbox = sandbox();
    let (id, _) = orphaned(&sandbox, "SAY found alone");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| sandbox.task_bg(["status", &id]).ok().done());
        }
    });
    assert_eq!(sandbox.record(&id)["progress"]["adoptions"], 1);
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["result"], "found alone");
}

#[test]
fn many_tasks_survive_that_all_supervisors_are_killed_twice() {
    let sandbox = sandbox();
    let script = format!("WAIT {}\nSAY found alone", sandbox.path("gate").display());
    let ids: Vec<String> = (0..8).map(|_| sandbox.launch(&script)).collect();
    for round in 1..=2 {
        for id in &ids {
            orphan(&sandbox, id);
        }
        let list = sandbox.task_bg(["list"]).ok().json();
        assert_eq!(list["running"], ids.len(), "{list:#}");
        for id in &ids {
            assert_eq!(sandbox.record(id)["progress"]["adoptions"], round);
        }
    }
    sandbox.open_gate("gate");
    for id in &ids {
        let record = sandbox.ended(id);
        assert_eq!(record["status"], "completed", "{record:#}");
        assert_eq!(record["result"], "found alone", "{record:#}");
    }
    sandbox.assert_nothing_left();
}

/// Without its parent nobody is told how a process exits. "completed" would be a guess.
#[test]
fn a_command_that_was_taken_over_ends_with_an_unknown_exit_status() {
    let sandbox = sandbox();
    let script = format!("echo the last words; {}; exit 0", sandbox.until("gate"));
    let id = sandbox.run_script(&[], &script);
    orphan(&sandbox, &id);
    sandbox.task_bg(["status", &id]).ok().done();
    sandbox.open_gate("gate");
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "error", "{record:#}");
    assert_eq!(record["progress"]["reason"], "lost", "{record:#}");
    assert!(record["progress"]["exitCode"].is_null(), "{record:#}");
    let error = record["error"].as_str().unwrap_or_default();
    assert!(error.contains("exit status unknown"), "{record:#}");
    assert_eq!(record["result"], "the last words", "what it wrote is kept: {record:#}");
}

#[test]
fn the_time_limit_of_a_task_that_was_taken_over_counts_from_its_start() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--timeout", "2s"], "sleep 60");
    orphan(&sandbox, &id);
    sandbox.task_bg(["status", &id]).ok().done();
    let record = sandbox.ended(&id);
    assert_eq!(record["progress"]["reason"], "timeout", "{record:#}");
    sandbox.assert_nothing_left();
}

#[test]
fn a_task_that_was_taken_over_can_be_cancelled() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "SAY never said");
    sandbox.task_bg(["status", &id]).ok().done();
    let answer = sandbox.task_bg(["cancel", &id]).ok().json();
    assert_eq!(answer["cancelled"], json!([id]), "{answer:#}");
    assert!(!alive(agent));
    assert_eq!(sandbox.ended(&id)["status"], "cancelled");
    sandbox.assert_nothing_left();
}
