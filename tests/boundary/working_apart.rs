//! Working apart, many at once: worktrees of a batch, of one repository, and beside other launches.
//!
//! A worktree that cannot be made concerns its own line alone, and a slow one delays nobody but the launch that
//! wants it. A script that comes first on the search path makes git slow or strict.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};
use tests::meddling::within;
use tests::process::{kill, terminate, wait_until};
use tests::repository::with_repository;
use tests::sandbox::{Sandbox, task_id, text};

use crate::sandbox;

/// A sandbox whose folder is a repository with one commit.
fn repository() -> Sandbox {
    with_repository(sandbox())
}

/// Puts a `git` first on the search path that does this before a worktree is added.
fn before_adding(sandbox: &Sandbox, script: &str) {
    let file = sandbox.path("bin/git");
    let script = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin\ncase \" $* \" in *' worktree add '*) {script};; esac\nexec git \"$@\"\n"
    );
    fs::write(&file, script).expect("a file in the sandbox");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("the owner may");
}

fn line(name: &str, worktree: Option<&str>) -> Value {
    let mut line = json!({"description": name, "name": name, "command": ["true"]});
    if let Some(worktree) = worktree {
        line["worktree"] = json!(worktree);
    }
    line
}

fn lines(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn numbers(answer: &Value, key: &str) -> Vec<u64> {
    let lines = answer[key].as_array().unwrap_or_else(|| panic!("no `{key}` in {answer:#}"));
    lines.iter().filter_map(|line| line["line"].as_u64()).collect()
}

/// Holds that these lines are rejected, each with its reason, and that these were launched and end well by
/// themselves.
#[track_caller]
fn fares(sandbox: &Sandbox, answer: &Value, rejected: &[u64], launched: &[u64]) {
    assert_eq!(numbers(answer, "rejected"), rejected, "{answer:#}");
    let why = answer["rejected"].as_array().into_iter().flatten().map(|line| &line["error"]);
    assert!(why.into_iter().all(Value::is_string), "{answer:#}");
    assert_eq!(numbers(answer, "launched"), launched, "{answer:#}");
    for line in answer["launched"].as_array().into_iter().flatten() {
        assert_eq!(sandbox.ended(&task_id(line))["status"], "completed");
    }
}

/// The lines before the bad one were queued, admitted by nobody and named nowhere; those after it were not
/// launched. Whoever mended the line and tried again had the first ones twice.
#[test]
fn a_line_whose_branch_is_taken_is_named_and_the_others_are_launched() {
    let sandbox = repository();
    sandbox.shell("git branch task-bg/taken").ok().done();
    let batch = lines(&[line("a", None), line("b", Some("taken")), line("c", None)]);
    let answer = sandbox.task_bg(["batch", "-"]).stdin(batch).code(2).json();
    fares(&sandbox, &answer, &[2], &[1, 3]);
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 2);
}

/// Worktrees were made after the check, when the lines before were queued already.
#[test]
fn strictly_nothing_is_launched_where_a_branch_is_taken() {
    let sandbox = repository();
    sandbox.shell("git branch task-bg/taken").ok().done();
    let batch = lines(&[line("a", None), line("b", Some("taken")), line("c", Some("free"))]);
    let answer = sandbox.task_bg(["batch", "--strict", "-"]).stdin(batch).code(2).json();
    fares(&sandbox, &answer, &[2], &[]);
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
    sandbox.assert_nothing_kept();
    let branches = sandbox.shell("git branch --format='%(refname:short)'").ok().stdout;
    assert_eq!(branches, "main\ntask-bg/taken\n");
}

/// Each of the two lines is right by itself, so a check of single lines does not find the conflict.
#[test]
fn of_two_lines_that_want_one_worktree_the_second_is_named() {
    let sandbox = repository();
    let batch = lines(&[line("a", Some("one")), line("b", Some("one")), line("c", None)]);
    let answer = sandbox.task_bg(["batch", "-"]).stdin(batch).code(2).json();
    fares(&sandbox, &answer, &[2], &[1, 3]);
}

/// The same for a folder that is in no repository.
#[test]
fn a_line_that_wants_a_worktree_where_there_is_no_repository_is_named() {
    let sandbox = sandbox();
    let batch = lines(&[line("a", None), line("b", Some("one")), line("c", None)]);
    let answer = sandbox.task_bg(["batch", "-"]).stdin(batch).code(2).json();
    fares(&sandbox, &answer, &[2], &[1, 3]);
}

/// A line with a key starts at once; one whose program did not exist ended the batch.
#[test]
fn a_line_that_cannot_be_started_is_named_and_the_others_are_launched() {
    let sandbox = sandbox();
    let missing = json!({"description": "a", "command": ["./missing"], "key": "k"});
    let batch = lines(&[missing, line("b", None), line("c", None)]);
    let ran = sandbox.task_bg(["batch", "-"]).stdin(batch).run();
    let answer = ran.json();
    // It may have been queued first, and then it was launched, and failed later.
    let rejected = numbers(&answer, "rejected");
    let launched = numbers(&answer, "launched").into_iter().filter(|line| *line != 1);
    assert_eq!(launched.collect::<Vec<_>>(), [2, 3], "{ran}");
    assert!(rejected.is_empty() || (rejected == [1] && ran.code != 0), "{ran}");
    for line in answer["launched"].as_array().into_iter().flatten().filter(|it| it["line"] != 1) {
        assert_eq!(sandbox.ended(&task_id(line))["status"], "completed");
    }
}

/// The lock of a key is one of a few, and was held while git made a worktree: a launch with quite another key
/// waited for it, or failed after half a minute.
#[test]
fn a_launch_with_another_key_does_not_wait_for_a_slow_worktree() {
    let sandbox = repository();
    let started = text(&sandbox.path("started"));
    before_adding(&sandbox, &format!("touch {started}; {}", sandbox.until("gate")));
    let words = ["run", "slow", "--worktree=slow", "--key", "slow", "--", "true"];
    let slow = sandbox.task_bg(words).start();
    sandbox.wait_for_file("started");
    // Two keys that share a lock.
    let words = ["run", "quick", "--key", "quick-38", "--", "true"];
    let mut quick = sandbox.task_bg(words).start();
    let answered = within(Duration::from_secs(3), || !quick.runs());
    sandbox.open_gate("gate");
    let ids = [quick, slow].map(|launch| task_id(&launch.finish().ok().json()));
    assert!(answered, "it waited for another's worktree");
    for id in ids {
        assert_eq!(sandbox.ended(&id)["status"], "completed");
    }
}

/// Git fails now and then where two worktrees are added to one repository at once ("failed to read commondir").
#[test]
fn worktrees_of_one_repository_are_made_one_at_a_time() {
    let sandbox = repository();
    // A git that always fails then.
    let busy = text(&sandbox.path("busy"));
    let script = format!(
        "mkdir {busy} || {{ echo 'fatal: failed to read commondir' >&2; exit 128; }}; sleep 0.1; \
         git \"$@\"; code=$?; rmdir {busy}; exit $code"
    );
    before_adding(&sandbox, &script);
    let words = ["run", "apart", "--worktree", "--", "true"];
    let launches: Vec<_> = (0..5).map(|_| sandbox.task_bg(words).start()).collect();
    let ids: Vec<String> =
        launches.into_iter().map(|launch| task_id(&launch.finish().ok().json())).collect();
    for id in ids {
        assert_eq!(sandbox.ended(&id)["status"], "completed");
    }
}

/// Launches into the worktree `one`, and is killed while git makes it; git works on and comes to its end.
fn cut_off(sandbox: &Sandbox, end: fn(u32)) {
    let started = text(&sandbox.path("started"));
    before_adding(sandbox, &format!("touch {started}; {}", sandbox.until("gate")));
    let launch = sandbox.task_bg(["run", "x", "--worktree=one", "--", "true"]).start();
    sandbox.wait_for_file("started");
    end(launch.pid());
    assert_ne!(launch.finish().code, 0, "it was not cut off");
    sandbox.open_gate("gate");
    wait_until("the end of git", || sandbox.leftovers().is_empty());
}

fn branches(sandbox: &Sandbox) -> String {
    sandbox.shell("git branch --format='%(refname:short)'").ok().stdout
}

/// Nothing was noted before git began, so branch and worktree were nobody's, and the same command was refused.
#[test]
fn what_a_launch_left_that_was_cut_off_is_taken_back_by_the_next_of_that_name() {
    for end in [kill, terminate] {
        let sandbox = repository();
        cut_off(&sandbox, end);
        let next = sandbox.task_bg(["run", "x", "--worktree=one", "--", "true"]).ok().json();
        assert_eq!(sandbox.ended(&task_id(&next))["status"], "completed");
        let listed = sandbox.shell("git worktree list").ok().stdout;
        assert_eq!(listed.lines().count(), 2, "{listed}");
        let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
        assert_eq!(cleaned["deleted"].as_array().map(Vec::len), Some(1), "{cleaned:#}");
        assert_eq!(branches(&sandbox), "main\n");
    }
}

/// `doctor` and `cleanup` knew nothing of it.
#[test]
fn what_a_launch_left_that_was_cut_off_is_found_and_taken_back_by_doctor_and_cleanup() {
    for verb in [&["doctor", "--fix"][..], &["cleanup"]] {
        let sandbox = repository();
        cut_off(&sandbox, kill);
        let planned = sandbox.task_bg(["cleanup", "--dry-run"]).ok().json();
        assert_eq!(planned["swept"], 1, "{planned:#}");
        assert_eq!(branches(&sandbox), "main\ntask-bg/one\n");
        // What else `doctor` finds is of no concern.
        drop(sandbox.task_bg(verb).run());
        assert_eq!(branches(&sandbox), "main\n", "{verb:?}");
        assert_eq!(sandbox.task_bg(["cleanup", "--dry-run"]).ok().json()["swept"], 0);
    }
}
