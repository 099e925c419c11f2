//! Tasks on other machines: the record here is a pointer, and the same program there does the work.

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};
use tests::machines::Machines;
use tests::process::wait_until;
use tests::sandbox::{names, task_id};

use crate::sandbox;

mod adding;
mod changing;
mod doctoring;
mod failing;
mod going_on;

/// The words of a note, however many there are.
fn note(answer: &Value) -> &str {
    answer["note"].as_str().unwrap_or_default()
}

#[test]
fn a_command_runs_there_and_its_record_here_says_where_how_it_fares_and_how_it_ended() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let gate = sandbox.until("gate");
    let script = format!("echo here; pwd; {gate}; exit 3");
    let words = ["run", "--on", "ssh:me@box", "--name", "far", "--", "sh", "-c", &script];
    let answer = sandbox.task_bg(words).ok().json();
    let id = task_id(&answer);
    let record = sandbox.record(&id);
    assert_eq!(record["progress"]["target"], "ssh:me@box", "{record}");
    let there = machines.tasks("box");
    assert_eq!(record["progress"]["remoteId"], there[0]["id"], "{record}");
    assert_eq!(there[0]["progress"]["key"], id.as_str(), "the id here is the key there");
    let called = machines.calls().len();
    let listed = sandbox.task_bg(["list"]).ok().json();
    assert!(names(&listed["tasks"], &id), "{listed}");
    assert_eq!(machines.calls().len(), called + 1, "one call a command");
    wait_until("that it runs", || {
        sandbox.task_bg(["status", &id]).ok().json()["status"] == "running"
    });
    let output = sandbox.task_bg(["output", "far"]).ok().json();
    let home = machines.home("box").display().to_string();
    assert_eq!(output["output"], format!("here\n{home}\n"), "{output}");
    assert_eq!(output["taskId"], id.as_str());
    let far = output["outputFile"].as_str().expect("a path");
    assert!(far.starts_with("me@box:/"), "{far}");
    sandbox.open_gate("gate");
    let waited = sandbox.task_bg(["wait", &id]).code(5).json();
    assert_eq!(waited["ended"][0]["reason"], "exit", "{waited}");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!((&status["status"], &status["progress"]["exitCode"]), (&json!("error"), &json!(3)));
    let called = machines.calls().len();
    sandbox.task_bg(["list"]).ok().done();
    sandbox.task_bg(["wait", &id]).code(5).done();
    assert_eq!(machines.calls().len(), called, "nobody is asked about what has ended");
}

#[test]
fn a_prompt_and_the_values_of_variables_are_on_no_command_line() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = [
        "launch",
        "--on",
        "ssh:box",
        "--env",
        "TOKEN=hidden-value",
        "label",
        "SAY hidden-words",
        "explorer",
        "--wait",
    ];
    let answer = sandbox.task_bg(words).ok().json();
    assert_eq!(answer["ended"][0]["result"], "hidden-words", "{answer}");
    for call in machines.calls() {
        assert!(!call.contains("hidden"), "{call}");
    }
    assert_eq!(machines.tasks("box")[0]["agent"], "explorer");
}

#[test]
fn the_lines_of_a_batch_for_one_machine_are_one_call_and_may_come_after_one_another() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let mut lines = String::new();
    for line in [
        json!({"name": "a", "description": "a", "prompt": "SAY found-it"}),
        json!({"description": "b", "prompt": "SAY {{task:a.result}}", "after": ["a"]}),
        json!({"description": "c", "command": ["true"], "on": "ssh:other"}),
        json!({"description": "d", "command": ["true"], "on": "local"}),
    ] {
        lines.push_str(&format!("{line}\n"));
    }
    let words = ["batch", "--on", "ssh:box", "--wait", "-"];
    let answer = sandbox.task_bg(words).stdin(lines).ok().json();
    assert_eq!(answer["launched"].as_array().map(Vec::len), Some(4), "{answer}");
    let results: Vec<&Value> =
        answer["ended"].as_array().expect("rows").iter().map(|row| &row["result"]).collect();
    assert_eq!(results[..2], [&json!("found-it"), &json!("found-it")], "{answer}");
    let calls = machines.calls();
    let ordered = |host: &str| {
        let is_order =
            |it: &&String| it.starts_with(&format!("{host} ")) && it.contains(" task-bg batch");
        calls.iter().filter(is_order).count()
    };
    assert_eq!((ordered("box"), ordered("other")), (1, 1), "{calls:?}");
    assert_eq!((machines.tasks("box").len(), machines.tasks("other").len()), (2, 1));
}

#[test]
fn a_cancel_stops_it_there_and_one_of_everything_asks_each_machine_once() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let run = |host: &str| {
        let target = format!("ssh:{host}");
        task_id(&sandbox.task_bg(["run", "--on", &target, "--", "sleep", "300"]).ok().json())
    };
    let ids = [run("box"), run("box"), run("other")];
    let here = sandbox.run_command(["sleep", "300"]);
    let called = machines.calls().len();
    let answer = sandbox.task_bg(["cancel", "--all"]).ok().json();
    for id in ids.iter().chain([&here]) {
        assert!(
            names(&answer["cancelled"], id) || answer["cancelled"].to_string().contains(id),
            "{answer}"
        );
        assert_eq!(sandbox.record(id)["status"], "cancelled");
    }
    let stops =
        machines.calls()[called..].iter().filter(|it| it.contains("task-bg cancel")).count();
    assert_eq!(stops, 2, "{:?}", machines.calls());
    let states: Vec<Value> =
        machines.tasks("box").iter().map(|task| task["status"].clone()).collect();
    assert_eq!(states, [json!("cancelled"), json!("cancelled")]);
    let again = sandbox.task_bg(["cancel", &ids[0]]).code(4).json();
    assert_eq!(again["code"], "already_ended", "{again}");
}

#[test]
fn a_task_here_may_come_after_one_there_and_one_there_after_none_of_elsewhere() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    let there = task_id(&sandbox.task_bg(["run", "--on", "ssh:box", "--", "true"]).ok().json());
    let here = task_id(&sandbox.task_bg(["run", "--after", &there, "--", "true"]).ok().json());
    sandbox.task_bg(["wait", &here, &there]).ok().done();
    let words = ["run", "--on", "ssh:box", "--after", &here, "--", "true"];
    let answer = sandbox.task_bg(words).run().failure(2);
    assert!(answer["error"].as_str().is_some_and(|it| it.contains("is not kept on")), "{answer}");
    let words = ["run", "--on", "ssh:box", "--wait", "--after", &there, "--", "true"];
    sandbox.task_bg(words).ok().done();
}

#[test]
fn the_same_key_here_gives_the_same_task_there() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--key", "k", "--", "true"];
    let first = sandbox.task_bg(words).ok().json();
    let second = sandbox.task_bg(words).ok().json();
    assert_eq!(task_id(&first), task_id(&second));
    assert_eq!((&second["existing"], machines.tasks("box").len()), (&json!(true), 1));
}

#[test]
fn what_a_machine_declines_is_told_in_its_words_and_the_record_says_so() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["launch", "--on", "ssh:box", "label", "SAY done", "nobody"];
    let answer = sandbox.task_bg(words).run().failure(7);
    let error = answer["error"].as_str().expect("an error");
    assert!(error.contains("`box` declined it") && error.contains("nobody"), "{answer}");
    let record = sandbox.record(&task_id(&answer));
    assert_eq!(record["progress"]["reason"], "launch_failed", "{record}");
    assert!(machines.tasks("box").is_empty());
    let words = ["run", "--on", "ssh:box", "--cwd", "/nonexistent", "--", "true"];
    let answer = sandbox.task_bg(words).run().failure(7);
    assert!(answer["error"].as_str().is_some_and(|it| it.contains("/nonexistent")), "{answer}");
}

#[test]
fn a_folder_is_one_of_that_machine_and_a_relative_one_is_below_its_home() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    fs::create_dir_all(machines.home("box").join("project")).expect("a folder in the sandbox");
    let words = ["run", "--on", "ssh:box", "--cwd", "project", "--wait", "--", "pwd"];
    let answer = sandbox.task_bg(words).ok().json();
    let folder = machines.home("box").join("project").display().to_string();
    assert_eq!(answer["ended"][0]["result"], folder, "{answer}");
}

#[test]
fn a_log_is_followed_to_its_end_and_a_wait_returns_within_its_time() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let gate = sandbox.until("gate");
    let script = format!("echo one; {gate}; echo two");
    let words = ["run", "--on", "ssh:box", "--", "sh", "-c", &script];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    let began = Instant::now();
    let waited = sandbox.task_bg(["wait", "--timeout", "1s", &id]).code(6).json();
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    assert_eq!(waited["pending"][0]["taskId"], id.as_str(), "{waited}");
    let follower = sandbox.task_bg(["output", "--follow", &id]).start();
    wait_until("that it asks", || machines.calls().iter().any(|it| it.contains("output")));
    sandbox.open_gate("gate");
    let shown = follower.finish().ok();
    assert_eq!(shown.stdout, "one\ntwo\n");
    // Once, it was followed from its beginning whatever was asked for.
    let follow = |more: &[&str]| {
        let words = ["output", "--follow", &id];
        sandbox.task_bg(words.iter().chain(more).copied()).ok().stdout
    };
    assert_eq!(follow(&["--since", "5"]), "wo\n");
    assert_eq!(follow(&["--tail", "1"]), "two\n");
}
