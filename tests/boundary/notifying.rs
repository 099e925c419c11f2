//! `--notify` and the setting: what is run once when a task has ended, with the ending in its environment.

use std::fs;
use std::path::PathBuf;

use tests::process::{kill, wait_until};
use tests::sandbox::{Sandbox, executable, pid_at, task_id};

use crate::sandbox;

/// Notes what it is told, a file a run.
const NOTE: &str = "env | sort > said.$$ && mv said.$$ told.$TASK_BG_ID.$$";

/// What was noted of this task, as often as it was.
fn told(sandbox: &Sandbox, id: &str) -> Vec<String> {
    let found = fs::read_dir(sandbox.work()).expect("the folder");
    let names = found.map(|entry| entry.expect("an entry").path());
    let is_of = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(&format!("told.{id}")))
    };
    names.filter(is_of).map(|path| fs::read_to_string(path).expect("a note")).collect()
}

fn is_told(sandbox: &Sandbox, id: &str) -> String {
    wait_until("somebody is told", || !told(sandbox, id).is_empty());
    sandbox.wait_until_idle();
    let mut told = told(sandbox, id);
    assert_eq!(told.len(), 1, "once: {told:#?}");
    told.remove(0)
}

#[test]
fn what_is_to_be_run_at_the_end_is_run_once_with_the_ending_in_its_environment() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--notify", NOTE, "--name", "tests", "--env", "OWN=1"], "exit 3");
    let said = is_told(&sandbox, &id);
    let lines = [
        format!("TASK_BG_ID={id}"),
        "TASK_BG_NAME=tests".to_owned(),
        "TASK_BG_STATUS=error".to_owned(),
        "TASK_BG_REASON=exit".to_owned(),
        "TASK_BG_EXIT_CODE=3".to_owned(),
        "TASK_BG_AGENT=command".to_owned(),
        format!("TASK_BG_RECORD={}", sandbox.store().join(format!("{id}.json")).display()),
        format!("TASK_BG_DIR={}", sandbox.store().display()),
        "TASK_BG_DEPTH=1".to_owned(),
        "OWN=1".to_owned(),
    ];
    for line in lines {
        assert!(said.lines().any(|found| found == line), "no {line} in\n{said}");
    }
    assert!(!said.contains("TASK_BG_TASK_ID="), "it belongs to no task:\n{said}");
    let done = sandbox.run_script(&["--notify", NOTE], "echo found");
    let said = is_told(&sandbox, &done);
    assert!(said.contains("TASK_BG_STATUS=completed\n"), "{said}");
    assert!(said.contains("TASK_BG_RESULT=found"), "{said}");
}

#[test]
fn what_hangs_fails_or_is_no_program_at_the_end_changes_nothing_and_is_waited_for_by_nobody() {
    let sandbox = sandbox();
    for line in ["exec sleep 600", "exit 9", "/no/such/program", "kill -9 $$ $PPID", "((("] {
        let ran = sandbox.task_bg(["run", "t", "--notify", line, "--wait", "--", "true"]).ok();
        assert_eq!(ran.json()["ended"][0]["status"], "completed", "{line}: {ran}");
    }
    sandbox.assert_nothing_kept();
    let left = sandbox.task_bg(["doctor"]).run().json();
    let findings = left["findings"].as_array().expect("a list");
    let survivors = findings.iter().find(|found| found["check"] == "survivors");
    assert_eq!(survivors.expect("it is looked for")["status"], "ok", "{left:#}");
}

#[test]
fn whoever_records_the_ending_of_a_task_without_a_supervisor_runs_what_is_to_be_run() {
    let sandbox = sandbox();
    let queued = sandbox.run_script(&["--hold", "--notify", NOTE], "true");
    sandbox.task_bg(["cancel", &queued]).ok().done();
    assert!(is_told(&sandbox, &queued).contains("TASK_BG_STATUS=cancelled\n"));
    let id = sandbox.run_script(&["--notify", NOTE], "exec sleep 600");
    let record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        kill(pid_at(&record, key));
    }
    sandbox.task_bg(["wait", &id]).code(5).done();
    assert!(is_told(&sandbox, &id).contains("TASK_BG_REASON=lost\n"));
}

#[test]
fn an_attempt_that_another_follows_has_not_come_to_its_end() {
    let sandbox = sandbox();
    let options = ["--notify", NOTE, "--retries", "1", "--backoff", "0s"];
    let first = sandbox.run_script(&options, "exit 4");
    let first_record = sandbox.ended(&first);
    let last = first_record["progress"]["retriedAs"].as_str().expect("an attempt").to_owned();
    sandbox.ended(&last);
    assert!(is_told(&sandbox, &last).contains("TASK_BG_EXIT_CODE=4\n"));
    assert!(told(&sandbox, &first).is_empty());
}

#[test]
fn the_setting_holds_where_the_order_says_nothing_and_desktop_is_a_program_where_there_is_one() {
    let sandbox = sandbox().with_env("TASK_BG_NOTIFY", "desktop");
    let config = sandbox.task_bg(["config"]).ok();
    assert!(config.stdout.contains("desktop"), "{config}");
    let programs = sandbox.path("programs");
    fs::create_dir(&programs).expect("a folder");
    let said = sandbox.path("said");
    let script = format!("printf '%s\\n' \"$@\" > {0}.new && mv {0}.new {0}", said.display());
    executable(&programs.join("notify-send"), &format!("#!/bin/sh\n{script}\n"));
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let line = "echo '<b>&'; printf '\\033[31mred'; exit 1";
    sandbox.task_bg(["run", "<i>", "--", "sh", "-c", line]).env("PATH", &path).ok().done();
    sandbox.wait_for_file("said");
    let shown = fs::read_to_string(&said).expect("a note");
    assert!(shown.starts_with("-a\ntask-bg\n--\nerror: <i>\n"), "{shown}");
    assert!(shown.contains("&lt;b&gt;&amp; red") && !shown.contains('\u{1b}'), "{shown}");
    fs::remove_file(&said).expect("it is there");
    let quiet = ["run", "t", "--notify", "", "--wait", "--", "true"];
    let quiet = sandbox.task_bg(quiet).env("PATH", &path).ok();
    let id = task_id(&quiet.json()["ended"][0]);
    assert!(sandbox.record(&id)["progress"].get("notify").is_none());
}

#[test]
fn a_line_that_cannot_be_run_is_refused_before_anything_is_recorded() {
    let sandbox = sandbox();
    let long = "x".repeat(5_000);
    let refused = sandbox.task_bg(["run", "t", "--notify", &long, "--", "true"]).code(2);
    assert!(refused.stderr.contains("script"), "{refused}");
    let batch = "{\"description\":\"b\",\"command\":[\"true\"],\"notify\":\"a\\u0000b\"}\n";
    let refused = sandbox.task_bg(["batch", "-"]).stdin(batch).code(2);
    assert!(refused.stdout.contains("NUL"), "{refused}");
    let batch = format!("{{\"description\":\"b\",\"command\":[\"true\"],\"notify\":{NOTE:?}}}\n");
    let launched = sandbox.task_bg(["batch", "-", "--wait"]).stdin(batch).ok().json();
    let id = launched["ended"][0]["taskId"].as_str().expect("a task").to_owned();
    assert!(is_told(&sandbox, &id).contains("TASK_BG_STATUS=completed\n"));
}
