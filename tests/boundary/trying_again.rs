//! Trying again: each ending decides whether another attempt follows, whoever records it, and once.
//!
//! `cancel`, `wait` and `retry` take an attempt and the next for one thing. An answer names the tasks that could
//! not be started, and they cost no other its attempt.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tests::meddling::{let_come_to_a_lock, lock_records, supervisor_of, within};
use tests::process::{alive, kill, pause, resume, wait_for, wait_until};
use tests::sandbox::{Sandbox, executable, names, pid_at, task_id, text};

use crate::sandbox;

/// How many tasks there are.
fn total(sandbox: &Sandbox) -> u64 {
    sandbox.task_bg(["list"]).ok().json()["total"].as_u64().expect("a number")
}

/// The attempt that follows this one, if its record names one.
fn next(sandbox: &Sandbox, id: &str) -> Option<String> {
    sandbox.record(id)["progress"]["retriedAs"].as_str().map(str::to_owned)
}

/// Waits for the attempt that follows this one.
fn follows(sandbox: &Sandbox, id: &str) -> String {
    wait_for(&format!("an attempt after {id}"), || next(sandbox, id))
}

/// Holds that the attempt that follows an ending is recorded and linked within moments.
#[track_caller]
fn is_tried_again(sandbox: &Sandbox, id: &str, reason: &str) -> String {
    let record = sandbox.ended(id);
    assert_eq!(record["progress"]["reason"], reason, "{record:#}");
    let linked = within(Duration::from_secs(2), || next(sandbox, id).is_some());
    assert!(linked, "no attempt follows: {:#}", sandbox.record(id));
    let next = next(sandbox, id).expect("it was there");
    let record = sandbox.record(&next);
    assert_eq!(record["progress"]["retryOf"], id, "{record:#}");
    next
}

/// A task whose first attempt fails, with the next one waiting for its time.
fn backing_off(sandbox: &Sandbox) -> (String, String) {
    let script = format!("echo ran >> {}; exit 3", text(&sandbox.path("ran")));
    let first = sandbox.run_script(&["--retries", "3", "--backoff", "1h"], &script);
    let second = follows(sandbox, &first);
    sandbox.ended(&first);
    (first, second)
}

/// `cancel` of the id that `launch` gave was refused, since that attempt had ended, and the others ran on.
#[test]
fn cancel_of_the_first_attempt_cancels_the_one_that_waits_for_its_time() {
    let sandbox = sandbox();
    let (first, second) = backing_off(&sandbox);
    let answer = sandbox.task_bg(["cancel", &first]).ok().json();
    assert_eq!(answer["cancelled"], json!([second]), "{answer:#}");
    assert_eq!(
        (sandbox.status(&first), sandbox.status(&second)),
        ("error".into(), "cancelled".into())
    );
    sandbox.assert_nothing_kept();
    assert_eq!(sandbox.lines_of("ran"), ["ran"]);
}

/// The same while the second attempt is at work.
#[test]
fn cancel_of_the_first_attempt_stops_the_one_that_runs() {
    let sandbox = sandbox();
    let flag = text(&sandbox.path("flag"));
    let script = format!("[ -e {flag} ] && exec sleep 60; touch {flag}; exit 3");
    let first = sandbox.run_script(&["--retries", "3", "--backoff", "10ms"], &script);
    let second = follows(&sandbox, &first);
    wait_until("the second attempt", || sandbox.status(&second) == "running");
    let answer = sandbox.task_bg(["cancel", &first]).ok().json();
    assert_eq!(answer["cancelled"], json!([second]), "{answer:#}");
    sandbox.assert_nothing_left();
    assert_eq!(total(&sandbox), 2);
}

/// The next attempt was put into the queue before the ending was recorded. A cancel or a `complete` in
/// between decided the ending, and the next attempt ran all the same.
#[test]
fn nothing_is_tried_again_that_was_cancelled_or_completed_in_the_moment_of_its_end() {
    for words in [&["cancel"][..], &["complete", "by hand"]] {
        let sandbox = sandbox();
        let script = format!(
            "{}; echo ran >> {}; exit 3",
            sandbox.until("gate"),
            text(&sandbox.path("ran"))
        );
        let id = sandbox.run_script(&["--retries", "2", "--backoff", "10ms"], &script);
        let supervisor = pid_at(&sandbox.record(&id), "supervisor");
        let records = lock_records(&sandbox);
        sandbox.open_gate("gate");
        let_come_to_a_lock(supervisor);
        pause(supervisor);
        let arguments = [&[words[0], &id], &words[1..]].concat();
        let mut ending = sandbox.task_bg(arguments).start();
        let_come_to_a_lock(ending.pid());
        records.free();
        within(Duration::from_millis(500), || !ending.runs());
        resume(supervisor);
        ending.finish().ok().done();
        sandbox.assert_nothing_left();
        let record = sandbox.record(&id);
        assert_ne!(record["status"], "error", "{record:#}");
        sandbox.task_bg(["list"]).ok().done();
        assert_eq!(sandbox.lines_of("ran"), ["ran"], "it was tried again: {record:#}");
        sandbox.assert_nothing_kept();
    }
}

/// Only the supervisor made the next attempt, so none followed an ending that somebody else recorded.
#[test]
fn a_lost_task_is_tried_again() {
    let sandbox = sandbox();
    let id = sandbox
        .run_script(&["--retries", "1", "--retry-on", "lost", "--backoff", "10ms"], "sleep 60");
    let record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("its end", || !alive(pid));
    }
    for seen in tests::process::processes_of_task(&id) {
        kill(seen.pid);
    }
    sandbox.assert_nothing_left();
    let ran = sandbox.task_bg(["wait", "--timeout", "500ms", &id]).code(6).json();
    let next = is_tried_again(&sandbox, &id, "lost");
    assert!(names(&ran["pending"], &next), "{ran:#}");
    assert_eq!(total(&sandbox), 2);
    // It has what the first one was to have.
    sandbox.task_bg(["cancel", &next]).ok().done();
    sandbox.assert_nothing_left();
    sandbox.assert_nothing_kept();
}

/// The launcher is long gone when somebody finds a task lost, so its environment has to be kept until then.
#[test]
fn the_next_attempt_at_a_lost_task_has_the_environment_of_the_first() {
    let sandbox = sandbox();
    let (flag, token) = (text(&sandbox.path("flag")), text(&sandbox.path("token")));
    let script =
        format!("[ -e {flag} ] && {{ echo \"$TOKEN\" > {token}; exit; }}; touch {flag}; sleep 60");
    let words = ["run", "x", "--retries", "1", "--retry-on", "lost", "--backoff", "10ms"];
    let words = words.into_iter().chain(["--", "sh", "-c", &script]);
    let id = task_id(&sandbox.task_bg(words).env("TOKEN", "of the launcher").ok().json());
    sandbox.wait_for_file("flag");
    let record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("its end", || !alive(pid));
    }
    sandbox.task_bg(["list"]).ok().done();
    let next = is_tried_again(&sandbox, &id, "lost");
    assert_eq!(sandbox.ended(&next)["status"], "completed");
    assert_eq!(sandbox.lines_of("token"), ["of the launcher"]);
    assert_eq!((sandbox.queue(), sandbox.traces(&id)), (vec![], vec![]));
}

/// `prune` recorded the ending, and no attempt followed.
#[test]
fn a_task_that_fell_silent_is_tried_again() {
    let sandbox = sandbox();
    let options = ["--retries", "1", "--retry-on", "stale", "--stale", "300ms", "--backoff", "1h"];
    let id = sandbox.run_script(&options, "sleep 60");
    wait_until("that it has been silent for too long", || {
        sandbox.task_bg(["prune", "--dry-run"]).ok().stdout.contains(&id)
    });
    sandbox.task_bg(["prune", "--grace", "1"]).ok().done();
    let next = is_tried_again(&sandbox, &id, "stale");
    assert_eq!(sandbox.status(&next), "queued");
    assert!(sandbox.record(&next)["progress"]["notBefore"].is_string());
}

/// A time limit that the supervisor saw pass led to another attempt, and one that `prune` saw pass did not.
#[test]
fn a_task_that_prune_found_too_old_is_tried_again() {
    let sandbox = sandbox();
    let options = ["--retries", "1", "--retry-on", "timeout", "--backoff", "1h"];
    let id = sandbox.run_script(&options, "sleep 60");
    wait_until("that it is too old", || {
        let prune = sandbox.task_bg(["prune", "--grace", "1"]).env("TASK_BG_TTL", "200ms");
        prune.ok().stdout.contains(&id)
    });
    let next = is_tried_again(&sandbox, &id, "timeout");
    assert_eq!(sandbox.status(&next), "queued");
}

/// The supervisor recorded a failed start on another path than an ending, and ignored `--retries` there.
#[test]
fn a_task_from_the_queue_that_could_not_be_started_is_tried_again() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    sandbox.run_script(&[], &sandbox.until("gate"));
    let words = ["run", "late", "--retries", "1", "--retry-on", "launch_failed", "--backoff", "1h"];
    let id = task_id(&sandbox.task_bg(words.into_iter().chain(["--", "./late"])).ok().json());
    sandbox.open_gate("gate");
    let next = is_tried_again(&sandbox, &id, "launch_failed");
    assert_eq!(sandbox.status(&next), "queued");
}

/// Whoever admits records this ending, and no attempt followed.
#[test]
fn a_task_that_its_dependency_ended_is_tried_again_where_that_was_asked_for() {
    let sandbox = sandbox();
    let first = sandbox.run_script(&[], &format!("{}; exit 3", sandbox.until("gate")));
    let options =
        ["--after", &first, "--retries", "1", "--retry-on", "dependency", "--backoff", "1h"];
    let id = sandbox.run_script(&options, "true");
    sandbox.open_gate("gate");
    let next = is_tried_again(&sandbox, &id, "dependency");
    assert_eq!(sandbox.status(&next), "queued");
}

/// A retry by hand was linked in place of the attempt that had been put into the queue already, and both ran.
#[test]
fn a_retry_by_hand_is_refused_while_the_next_attempt_waits() {
    let sandbox = sandbox();
    let (first, second) = backing_off(&sandbox);
    sandbox.task_bg(["retry", &first]).code(4).done();
    assert_eq!(next(&sandbox, &first), Some(second));
    assert_eq!(total(&sandbox), 2);
}

/// Once, `complete` of a task that was tried again only said that it had ended, and `report` showed how.
#[test]
fn complete_and_report_of_the_first_attempt_name_the_one_that_is_at_work() {
    let sandbox = sandbox();
    let (there, gate) = (sandbox.path("there"), sandbox.until("gate"));
    let script = format!("[ -e {0} ] || {{ touch {0}; exit 3; }}; {gate}", there.display());
    let first = sandbox.run_script(&[], &script);
    sandbox.ended(&first);
    let second = task_id(&sandbox.task_bg(["retry", &first]).ok().json());
    let hint = |status: &str, verb: &str| {
        let ran = sandbox.task_bg(["complete", &first, "by hand"]).code(4);
        let next =
            format!("tried again as {second}, which is {status}: run `task-bg {verb} {second}`");
        assert!(ran.stderr.contains("has already ended") && ran.stderr.contains(&next), "{ran}");
        let report = sandbox.task_bg(["report", "--json", &first]).ok().json();
        assert_eq!(report["tasks"][0]["id"], second.as_str(), "{report:#}");
        assert_eq!((&report["tasks"][0]["status"], &report["total"]), (&json!(status), &json!(1)));
    };
    hint("running", "complete");
    sandbox.open_gate("gate");
    sandbox.ended(&second);
    hint("completed", "output --result");
}

/// A retry of a task that had been tried again before was a second branch, and the link to the first was lost.
#[test]
fn a_retry_of_the_first_attempt_follows_the_last() {
    let sandbox = sandbox();
    let first = sandbox.run_command(["false"]);
    sandbox.ended(&first);
    let second = task_id(&sandbox.task_bg(["retry", &first]).ok().json());
    sandbox.ended(&second);
    let answer = sandbox.task_bg(["retry", &first]).ok().json();
    assert_eq!(answer["attempt"], 3, "{answer:#}");
    let third = task_id(&answer);
    assert_eq!(sandbox.ended(&third)["progress"]["retryOf"], second.as_str());
    assert_eq!((next(&sandbox, &first), next(&sandbox, &second)), (Some(second), Some(third)));
}

/// Two tasks that failed: the program of the first is gone.
fn one_that_cannot_start(sandbox: &Sandbox) -> (String, String) {
    let program = sandbox.path("program");
    executable(&program, "#!/bin/sh\nexit 3\n");
    let first = sandbox.run_command([&program]);
    sandbox.ended(&first);
    let second = sandbox.run_script(&[], "exit 3");
    sandbox.ended(&second);
    sandbox.assert_nothing_left();
    fs::remove_file(program).expect("it is there");
    (first, second)
}

fn launched(answer: &Value) -> Vec<String> {
    let launched = answer["launched"].as_array();
    launched.unwrap_or_else(|| panic!("no list in {answer:#}")).iter().map(task_id).collect()
}

/// `retry --failed` stopped at the first task that could not be started, did not say what it had launched, and
/// never came to the others, however often somebody asked.
#[test]
fn a_task_that_cannot_be_started_keeps_no_other_from_being_tried_again() {
    let sandbox = sandbox();
    let (first, second) = one_that_cannot_start(&sandbox);
    let answer = sandbox.task_bg(["retry", "--failed"]).code(7).json();
    let refused = answer["refused"].as_array().unwrap_or_else(|| panic!("{answer:#}"));
    assert_eq!(refused.len(), 1, "{answer:#}");
    assert_eq!(refused[0]["code"], "launch_failed", "{answer:#}");
    assert!(refused[0]["error"].is_string() && refused[0]["taskId"].is_string(), "{answer:#}");
    assert_eq!(launched(&answer), Vec::from_iter(next(&sandbox, &second)), "{answer:#}");
    // A start that failed counts.
    assert!(next(&sandbox, &first).is_some(), "{answer:#}");
    assert_eq!(total(&sandbox), 4);
}

/// The first refusal ended the command, and the answer did not name what it had launched by then.
#[test]
fn a_retry_of_several_goes_on_and_names_what_it_launched_and_what_it_could_not() {
    let sandbox = sandbox();
    let (first, second) = one_that_cannot_start(&sandbox);
    let running = sandbox.run_command(["sleep", "60"]);
    let answer = sandbox.task_bg(["retry", &running, &first, &second]).code(4).json();
    let refused = answer["refused"].as_array().unwrap_or_else(|| panic!("{answer:#}"));
    let codes: Vec<&Value> = refused.iter().map(|refused| &refused["code"]).collect();
    assert_eq!(codes, ["wrong_state", "launch_failed"], "{answer:#}");
    assert!(names(&answer["refused"], &running), "{answer:#}");
    assert_eq!(launched(&answer).len(), 1, "{answer:#}");
    assert_eq!(sandbox.ended(&launched(&answer)[0])["progress"]["retryOf"], second.as_str());
}

/// `release` stopped at the first that had ended: those before it were released and not admitted, those after it
/// were not released.
#[test]
fn release_of_several_goes_on_after_one_that_has_ended_and_admits() {
    let sandbox = sandbox();
    let held = || sandbox.run_script(&["--hold"], "true");
    let (first, second, third) = (held(), held(), held());
    sandbox.task_bg(["cancel", &second]).ok().done();
    let answer = sandbox.task_bg(["release", &first, &second, &third]).code(4).json();
    assert_eq!(answer["released"], json!([first, third]), "{answer:#}");
    assert!(names(&answer["refused"], &second), "{answer:#}");
    assert!(answer["waiting"].is_array(), "{answer:#}");
    for id in [&first, &third] {
        assert_eq!(sandbox.ended(id)["status"], "completed");
    }
}

/// Each of those that ran at once saw a task that had failed and was not tried again, and started it.
#[test]
fn of_many_that_retry_what_failed_at_once_each_task_is_tried_again_once() {
    const MANY: usize = 4;
    let sandbox = sandbox();
    let id =
        sandbox.run_script(&[], &format!("echo ran >> {}; exit 3", text(&sandbox.path("ran"))));
    sandbox.ended(&id);
    sandbox.assert_nothing_left();
    let records = lock_records(&sandbox);
    let all: Vec<_> = (0..MANY).map(|_| sandbox.task_bg(["retry", "--failed"]).start()).collect();
    let is_supervisor = |seen: &tests::process::Seen| seen.command_line.contains(" __supervise ");
    within(Duration::from_millis(1_500), || {
        sandbox.leftovers().iter().filter(|seen| is_supervisor(seen)).count() == MANY
    });
    records.free();
    let launches: usize = all.into_iter().map(|retry| launched(&retry.finish().json()).len()).sum();
    sandbox.assert_nothing_left();
    assert_eq!((launches, total(&sandbox)), (1, 2), "{:?}", sandbox.lines_of("ran"));
}

/// The ending could not be recorded, since somebody had moved the record away for a moment: the attempt that was
/// prepared for it ended as one that could not be started, and another took its place.
#[test]
fn an_attempt_that_ends_while_its_record_is_gone_for_a_moment_is_tried_again_once() {
    let sandbox = sandbox();
    let script = format!("echo ran >> ../ran; {}; exit 3", sandbox.until("gate"));
    let id = sandbox.run_script(&["--retries", "1", "--backoff", "1h"], &script);
    wait_until("its start", || sandbox.lines_of("ran") == ["ran"]);
    let (record, away) = (sandbox.store().join(format!("{id}.json")), sandbox.path("away"));
    let agent = sandbox.record(&id)["progress"]["agentProcess"]["pid"].as_u64().expect("a pid");
    fs::rename(&record, &away).expect("moved away");
    sandbox.open_gate("gate");
    wait_until("its end", || !alive(u32::try_from(agent).expect("a pid")));
    // A supervisor that does not wait for the record is gone by then.
    within(Duration::from_millis(500), || supervisor_of(&id).is_none());
    fs::rename(&away, &record).expect("put back");
    let next = is_tried_again(&sandbox, &id, "exit");
    assert_eq!(sandbox.status(&next), "queued");
    let all = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(all["total"], 2, "{all:#}");
}
