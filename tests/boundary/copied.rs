//! A store that is a copy of another one: what its records say of processes is about those of the other.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tests::process::{alive, kill, wait_until};
use tests::run::Run;
use tests::sandbox::{Sandbox, pid_at, text};

use crate::sandbox;

/// A copy of the store as it is now.
struct Copy {
    at: PathBuf,
}

impl Copy {
    fn of(sandbox: &Sandbox) -> Self {
        let at = sandbox.path("copy");
        let done = Command::new("cp").arg("-a").args([&sandbox.store(), &at]).status();
        assert!(done.is_ok_and(|it| it.success()), "it is copied");
        Self { at }
    }

    fn run(&self, sandbox: &Sandbox, words: &[&str]) -> Run {
        sandbox.task_bg(words).env("TASK_BG_DIR", text(&self.at))
    }
}

fn said_of(answer: &Value, sandbox: &Sandbox) {
    let note = answer["note"].as_str().unwrap_or_default();
    let store = text(&sandbox.store());
    assert!(note.contains("started from another store") && note.contains(&store), "{answer:#}");
}

// Once, a cancel in a backup of a store that lay beside it stopped what the store itself ran.
#[test]
fn no_command_over_a_copy_stops_or_takes_over_what_runs_and_each_says_so() {
    let sandbox = sandbox();
    let gate = sandbox.until("gate");
    let id = sandbox.run_script(&["--timeout", "1h"], &format!("{gate}; echo found"));
    let agent = pid_at(&sandbox.record(&id), "agentProcess");
    let copy = Copy::of(&sandbox);
    said_of(&copy.run(&sandbox, &["status", &id]).ok().json(), &sandbox);
    let listed = copy.run(&sandbox, &["list"]).ok().json();
    said_of(&listed["tasks"][0], &sandbox);
    for words in [&["cancel", &id, "--grace", "1ms"][..], &["cancel", "--all", "--grace", "1ms"]] {
        let refused = copy.run(&sandbox, words).run();
        assert_eq!(refused.code, 4, "{words:?}: {refused}");
        assert!(refused.stdout.contains("started from another store"), "{refused}");
    }
    let pruned = copy.run(&sandbox, &["prune"]).env("TASK_BG_TTL", "1ms").ok().json();
    assert_eq!(pruned["removed"], json!([]), "{pruned}");
    assert!(alive(agent));
    assert_eq!(sandbox.status(&id), "running");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["result"], "found");
    // The copy finds that the agent is gone, and nothing that says how.
    wait_until("that it has ended there, too", || {
        copy.run(&sandbox, &["status", &id]).ok().json()["status"] == "error"
    });
}

#[test]
fn what_lost_its_supervisor_is_taken_over_by_its_own_store_and_by_no_copy() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "300"]);
    let record = sandbox.record(&id);
    let copy = Copy::of(&sandbox);
    let supervisor = pid_at(&record, "supervisor");
    kill(supervisor);
    wait_until("that it is gone", || !alive(supervisor));
    said_of(&copy.run(&sandbox, &["status", &id]).ok().json(), &sandbox);
    let own = sandbox.task_bg(["status", &id]).ok().json();
    assert!(own["note"].as_str().is_some_and(|note| note.contains("re-adopted")), "{own:#}");
    assert!(alive(pid_at(&record, "agentProcess")));
    sandbox.task_bg(["cancel", &id, "--grace", "1ms"]).ok().done();
}

// Once, a cancel in a copy said that it had stopped them, and they lived on.
#[test]
fn what_an_ended_task_left_is_ended_by_no_copy_and_each_command_says_so() {
    let sandbox = sandbox();
    let script =
        format!("setsid sleep 300 >{0} 2>&1 & echo $! >{0}.pid", sandbox.path("left").display());
    let id = sandbox.run_script(&["--wait"], &script);
    let left = sandbox.pid_in("left.pid");
    let copy = Copy::of(&sandbox);
    for words in [&["status", &id][..], &["wait", &id], &["list"], &["doctor"]] {
        let shown = copy.run(&sandbox, words).run();
        let store = format!("{}", sandbox.store().display());
        assert!(shown.stdout.contains(&store), "{words:?}: {shown}");
        assert!(!shown.stdout.contains("ends what is left"), "{words:?}: {shown}");
    }
    for words in [["cancel", &id], ["rm", &id]] {
        let refused = copy.run(&sandbox, &words).code(4);
        assert!(refused.stdout.contains("started from another store"), "{refused}");
        assert!(alive(left), "{words:?}");
    }
    sandbox.task_bg(["cancel", &id]).ok().done();
    assert!(!alive(left));
    let removed = copy.run(&sandbox, &["rm", &id]).ok().json();
    assert_eq!(removed["deleted"], json!([id]), "{removed}");
}

// Once, they named a cancel that was refused there.
#[test]
fn of_what_works_on_after_a_task_was_completed_in_a_copy_each_command_names_the_store_that_ends_it()
{
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "300"]);
    let agent = pid_at(&sandbox.record(&id), "agentProcess");
    let copy = Copy::of(&sandbox);
    copy.run(&sandbox, &["complete", &id, "done"]).ok().done();
    let store = text(&sandbox.store());
    for words in [&["status", &id][..], &["rm", &id], &["cleanup", "--delete"], &["doctor"]] {
        let shown = copy.run(&sandbox, words).run();
        assert!(shown.stdout.contains(&store), "{words:?}: {shown}");
        assert!(!shown.stdout.contains("ends what"), "{words:?}: {shown}");
    }
    assert!(alive(agent));
    sandbox.task_bg(["cancel", &id]).ok().done();
    assert!(!alive(agent));
}
