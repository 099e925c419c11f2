//! Chains of processes, each of which starts the next and exits: nothing of them is left that nobody names.

use std::fs;

use serde_json::json;
use tests::process::kill;
use tests::sandbox::{Sandbox, pid_at};

use super::{grouped, has_groups, run};
use crate::sandbox;

/// A process that starts a copy of itself and exits, for ever, until the file `stop` is there.
fn chain(sandbox: &Sandbox) -> String {
    let (file, stop) = (sandbox.path("chain"), sandbox.path("stop"));
    let (file, stop) = (file.display(), stop.display());
    let text = format!("[ -e {stop} ] || {{ sh {file} & }}\n");
    fs::write(sandbox.path("chain"), text).expect("a script");
    format!("env -i setsid sh {file} </dev/null >/dev/null 2>&1 &")
}

/// Whether a process of the chain is seen.
fn chain_lives(sandbox: &Sandbox) -> bool {
    let file = sandbox.path("chain").display().to_string();
    fs::read_dir("/proc").expect("/proc").flatten().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&file)
    })
}

/// Cancels a task that a chain is left of, and lets the chain end.
#[track_caller]
fn is_ended_or_named_by_a_cancel(sandbox: &Sandbox, id: &str) {
    let answer = sandbox.task_bg(["cancel", "--grace", "0", id]).run().json();
    let is_named = !answer["unproved"].is_null();
    let lives = (0..50).any(|_| chain_lives(sandbox));
    fs::write(sandbox.path("stop"), "").expect("a file");
    assert!(!lives || is_named, "{answer:#}");
}

// Once, its supervisor, which waits a moment for the last words of what the agent left, did not hear the cancel: the task was cancelled,
// nothing was said to be left, and all of that lived on.
#[test]
fn a_cancel_of_a_task_whose_agent_has_just_ended_ends_what_that_left_or_names_it() {
    for groups in ["auto", "off"] {
        let sandbox = sandbox();
        let id = run(&sandbox, groups, &format!("{} exit 0", chain(&sandbox)));
        is_ended_or_named_by_a_cancel(&sandbox, &id);
    }
}

// Once, an agent that was over at once never came into its group, and its supervisor recorded the link that it happened to see: whoever
// looked found that gone and took it for the end of all.
#[test]
fn a_chain_that_an_agent_left_which_was_over_at_once_is_told_of_until_it_is_ended() {
    for groups in ["auto", "off"] {
        let sandbox = sandbox();
        let id = run(&sandbox, groups, &format!("{} exit 0", chain(&sandbox)));
        sandbox.ended(&id);
        for _ in 0..3 {
            let status = sandbox.task_bg(["status", &id]).ok().json();
            let note = status["note"].as_str().unwrap_or_default();
            assert!(
                note.contains("left") && note.contains("task-bg cancel"),
                "{groups}: {status:#}"
            );
        }
        is_ended_or_named_by_a_cancel(&sandbox, &id);
    }
}

#[test]
fn a_chain_that_replaces_itself_all_the_time_is_ended_by_a_cancel_whoever_was_killed() {
    for (groups, kills) in [("auto", false), ("auto", true), ("off", false)] {
        let sandbox = sandbox();
        if groups == "auto" && !has_groups(&sandbox) {
            continue;
        }
        let id = run(&sandbox, groups, &format!("{} exec sleep 300", chain(&sandbox)));
        if kills {
            let record = sandbox.record(&id);
            grouped(&record);
            kill(pid_at(&record, "supervisor"));
        }
        let answer = sandbox.task_bg(["cancel", &id]).ok().json();
        assert_eq!(answer["cancelled"], json!([id]), "{groups} {kills}: {answer:#}");
        assert!(answer["unproved"].is_null(), "{groups} {kills}: {answer:#}");
        let living = chain_lives(&sandbox);
        fs::write(sandbox.path("stop"), "").expect("a file");
        assert!(!living, "{groups} {kills}: something of it lives");
    }
}
