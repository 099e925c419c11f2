//! Telling the truth: the deed decides the answer, and what was launched or ended is named.
//!
//! Whatever fails after the deed, such as admitting others or reading the record back, is a note beside the answer,
//! never an error in its place. Nobody is told to wait for himself, or for a task that is dead.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::meddling::{lock_gate, lock_records, within};
use tests::process::{
    Seen, alive, kill, kill_group, pause, processes_of_task, resume, wait_for, wait_until,
};
use tests::run::Run;
use tests::sandbox::{Sandbox, names, pid_at, task_id, text};

use crate::sandbox;

/// Longer than an answer may take while somebody holds the gate, shorter than the ten seconds it used to take.
const SOON: Duration = Duration::from_secs(6);

/// A store in which a task runs, and two wait for which there is room: the queue was paused when they were launched.
fn full() -> (Sandbox, [String; 3]) {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "2");
    let first = sandbox.run_script(&[], "exec sleep 60");
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let [second, third] = [(); 2].map(|()| sandbox.run_script(&[], "exec sleep 60"));
    // `queue resume` would start one.
    fs::remove_file(sandbox.store().join(".queue/.paused")).expect("it was paused");
    assert_eq!(sandbox.queue().len(), 2);
    (sandbox, [first, second, third])
}

/// Runs a command while a stopped process holds the gate, so that nobody can be admitted.
#[track_caller]
fn with_the_gate_held(sandbox: &Sandbox, run: Run) -> Value {
    let gate = lock_gate(sandbox);
    let began = Instant::now();
    let ran = run.run();
    let took = began.elapsed();
    drop(gate);
    let answer = ran.ok().json();
    assert!(took < SOON, "{took:?}\n{answer:#}");
    answer
}

#[track_caller]
fn has_a_note(answer: &Value) {
    assert!(answer["note"].as_str().is_some_and(|note| !note.is_empty()), "no note: {answer:#}");
    assert!(answer["error"].is_null(), "{answer:#}");
}

/// The task was cancelled, and the answer was an error without ids, because admitting others had failed.
#[test]
fn cancel_says_what_it_cancelled_though_nobody_can_be_admitted() {
    let (sandbox, [_, second, _]) = full();
    let answer = with_the_gate_held(&sandbox, sandbox.task_bg(["cancel", &second]));
    assert_eq!(answer["cancelled"], json!([second]), "{answer:#}");
    has_a_note(&answer);
    assert_eq!(sandbox.status(&second), "cancelled");
}

/// The task was completed, and the answer was the error of an admission.
#[test]
fn complete_says_that_it_did_though_nobody_can_be_admitted() {
    let (sandbox, [_, second, _]) = full();
    let answer = with_the_gate_held(&sandbox, sandbox.task_bg(["complete", &second, "by hand"]));
    assert_eq!((&answer["taskId"], &answer["status"]), (&json!(second), &json!("completed")));
    has_a_note(&answer);
}

/// The task expired, and the answer was the error of an admission.
#[test]
fn prune_says_what_it_gave_up_though_nobody_can_be_admitted() {
    let (sandbox, [first, ..]) = full();
    let prune = ["prune", "--grace", "1"];
    wait_until("that the first is too old", || {
        let planned = sandbox.task_bg(["prune", "--dry-run"]).env("TASK_BG_TTL", "200ms").ok();
        planned.stdout.contains(&first)
    });
    let prune = sandbox.task_bg(prune).env("TASK_BG_TTL", "200ms");
    let answer = with_the_gate_held(&sandbox, prune);
    assert!(names(&answer["removed"], &first), "{answer:#}");
    has_a_note(&answer);
}

/// The records were removed, and the answer was the error of an admission.
#[test]
fn cleanup_says_what_it_removed_though_nobody_can_be_admitted() {
    let (sandbox, [_, second, _]) = full();
    sandbox.task_bg(["cancel", &second]).ok().done();
    let answer = with_the_gate_held(&sandbox, sandbox.task_bg(["cleanup", "--delete"]));
    assert_eq!((&answer["cleaned"], &answer["error"]), (&json!(true), &Value::Null), "{answer:#}");
    assert!(!sandbox.store().join(format!("{second}.json")).exists());
}

/// All lines were recorded and ran later. The answer named none of them, so whoever repeated the batch had each
/// twice.
#[test]
fn batch_names_what_it_launched_though_nobody_can_be_admitted() {
    let (sandbox, _) = full();
    let line = json!({"description": "a line", "command": ["true"]});
    let batch = sandbox.task_bg(["batch", "-"]).stdin(format!("{line}\n{line}\n"));
    let answer = with_the_gate_held(&sandbox, batch);
    assert_eq!(answer["launched"].as_array().map(Vec::len), Some(2), "{answer:#}");
    has_a_note(&answer);
    assert_eq!(sandbox.queue().len(), 4);
}

/// The task was queued and started later, and the answer was an error without its id.
#[test]
fn a_task_that_is_to_wait_is_launched_and_named_though_nobody_can_be_admitted() {
    let (sandbox, [first, ..]) = full();
    for options in [&["--hold"][..], &["--after", &first], &["--start-in", "1h"]] {
        let words = [&["run", "later"], options, &["--", "true"]].concat();
        let answer = with_the_gate_held(&sandbox, sandbox.task_bg(words));
        assert_eq!(sandbox.status(&task_id(&answer)), "queued", "{answer:#}");
    }
}

/// A `wait` for a queued task waited for the gate as well, ten seconds whatever its time limit, and then failed.
#[test]
fn wait_waits_no_longer_than_it_was_told_though_nobody_can_be_admitted() {
    let (sandbox, [_, second, _]) = full();
    let gate = lock_gate(&sandbox);
    let began = Instant::now();
    let ran = sandbox.task_bg(["wait", "--timeout", "1", &second]).run();
    let took = began.elapsed();
    drop(gate);
    let answer = ran.code_is(6).json();
    assert_eq!(answer["timedOut"], true, "{answer:#}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// The task ran, its record could not be read back, and the answer was an error without its id.
#[test]
fn a_launch_names_its_task_though_its_record_cannot_be_read_back() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_script(&[], "true"));
    sandbox.assert_nothing_left();
    let records = lock_records(&sandbox);
    let launch = sandbox.task_bg(["run", "x", "--", "sleep", "60"]).start();
    let started = wait_for("the new task", || {
        let mut active = sandbox.active().into_iter();
        active.find(|name| name.starts_with("bg_") && !name.contains('.'))
    });
    let file = sandbox.store().join(format!("{started}.json"));
    // It waits to hear from the supervisor, which waits to record the start.
    wait_until("the record", || file.exists());
    within(Duration::from_secs(1), || !processes_of_task(&started).is_empty());
    pause(launch.pid());
    records.free();
    wait_until("the start", || sandbox.status(&started) == "running");
    let aside = sandbox.path("aside");
    fs::rename(&file, &aside).expect("a record");
    resume(launch.pid());
    let ran = launch.finish();
    fs::rename(&aside, &file).expect("a record");
    let answer = ran.ok().json();
    assert_eq!(task_id(&answer), started, "{answer:#}");
    has_a_note(&answer);
}

/// The command line of a task that waits for all others and writes down the answer.
fn waits_for_all(sandbox: &Sandbox, file: &str) -> String {
    format!(
        "task-bg wait --timeout 3; echo $? > {0}.new; mv {0}.new {0}",
        text(&sandbox.path(file))
    )
}

/// An agent that waited for all it had launched waited for itself, and was told to go on waiting.
#[test]
fn a_task_that_waits_for_all_does_not_wait_for_itself() {
    for parent in [None, Some("the session")] {
        let mut sandbox = sandbox();
        if let Some(parent) = parent {
            sandbox = sandbox.with_env("TASK_BG_PARENT_SESSION", parent);
        }
        let script = format!("task-bg run child -- true; {}", waits_for_all(&sandbox, "code"));
        let id = sandbox.run_script(&[], &script);
        sandbox.ended(&id);
        assert_eq!(sandbox.lines_of("code"), ["0"], "with parent {parent:?}");
        sandbox.assert_nothing_left();
    }
}

/// The outer task waits for the inner one, so that neither would ever end.
#[test]
fn a_task_that_waits_for_all_does_not_wait_for_the_tasks_around_it() {
    let sandbox = sandbox();
    let script = format!(
        "task-bg run inner -- sh -c '{}'; {}",
        waits_for_all(&sandbox, "code"),
        sandbox.until("code")
    );
    let id = sandbox.run_script(&[], &script);
    sandbox.ended(&id);
    assert_eq!(sandbox.lines_of("code"), ["0"]);
    sandbox.assert_nothing_left();
}

fn keyed(sandbox: &Sandbox, command: &[&str]) -> Value {
    let words = [&["run", "once", "--key", "k", "--"], command].concat();
    sandbox.task_bg(words).ok().json()
}

/// The record said "running" of a task without a process, and so did the answer.
#[test]
fn a_key_tells_how_its_task_fares_and_not_what_the_record_of_a_dead_one_says() {
    let sandbox = sandbox();
    let id = task_id(&keyed(&sandbox, &["sleep", "60"]));
    let record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("its end", || !alive(pid));
    }
    let answer = keyed(&sandbox, &["sleep", "60"]);
    assert_eq!((&answer["taskId"], &answer["existing"]), (&json!(id), &json!(true)), "{answer:#}");
    assert_eq!(answer["status"], "error", "{answer:#}");
    assert_eq!(sandbox.record(&id)["progress"]["reason"], "lost");
}

/// The launcher was killed before there was an agent, which is what keys are for; the key named that
/// task for ever, with exit code 0, and nothing ever ran.
#[test]
fn a_key_whose_task_never_had_an_agent_is_free() {
    let sandbox = sandbox();
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let id = task_id(&keyed(&sandbox, &["true"]));
    let store = sandbox.store();
    for name in sandbox.queue() {
        fs::remove_file(store.join(".queue").join(name)).expect("it waits");
    }
    fs::remove_file(store.join(format!(".active/{id}.env"))).expect("it waits");
    fs::write(store.join(".active").join(&id), "").expect("a free life lock");
    fs::remove_file(store.join(".queue/.paused")).expect("the queue is paused");
    let answer = keyed(&sandbox, &["true"]);
    assert!(answer["existing"].is_null() && task_id(&answer) != id, "{answer:#}");
    assert_eq!(sandbox.ended(&task_id(&answer))["status"], "completed");
    assert_eq!(sandbox.ended(&id)["progress"]["reason"], "launch_failed");
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0]);
}

/// Whoever corrected the command and tried again got the failed task back, with exit code 0.
#[test]
fn a_key_whose_task_could_not_be_started_is_free() {
    let sandbox = sandbox();
    sandbox.task_bg(["run", "once", "--key", "k", "--", "./missing"]).code(7).done();
    let answer = keyed(&sandbox, &["true"]);
    assert!(answer["existing"].is_null(), "{answer:#}");
    assert_eq!(sandbox.ended(&task_id(&answer))["status"], "completed");
}

/// Commands without ids went by the life locks alone, and overlooked a task whose lock somebody had removed.
#[test]
fn a_task_whose_life_lock_was_removed_is_counted_waited_for_and_cancelled() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    let id = sandbox.run_command(["sleep", "60"]);
    fs::remove_file(sandbox.store().join(".active").join(&id)).expect("its life lock");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["running"], 1);
    let waited = sandbox.task_bg(["wait", "--timeout", "300ms"]).code(6).json();
    assert!(names(&waited["pending"], &id), "{waited:#}");
    let second = sandbox.task_bg(["run", "another", "--", "true"]).ok().json();
    assert_eq!(second["status"], "queued", "two run where one may: {second:#}");
    let answer = sandbox.task_bg(["cancel", "--all"]).ok().json();
    assert!(names(&answer["cancelled"], &id), "{answer:#}");
    assert_eq!(sandbox.status(&id), "cancelled");
    sandbox.assert_nothing_left();
}

/// `doctor --fix` was said to rebuild a lost index, and only ever swept it.
#[test]
fn doctor_rebuilds_the_index_of_what_has_not_ended() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "60"]);
    fs::remove_file(sandbox.store().join(".active").join(&id)).expect("its life lock");
    sandbox.task_bg(["doctor", "--fix"]).run().json();
    // Its supervisor was asked to, and does it in its own time.
    wait_until("its life lock", || sandbox.active() == std::slice::from_ref(&id));
    sandbox.task_bg(["cancel", "--all"]).ok().done();
    assert_eq!(sandbox.status(&id), "cancelled");
}

/// The supervisor could neither start the agent nor record that, and removed its life lock all the same: the task
/// stayed queued for ever, and nobody could start it.
#[test]
fn a_task_whose_failed_start_could_not_be_recorded_is_seen_to_by_the_next_who_looks() {
    let sandbox = sandbox();
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let id = sandbox.run_command(["true"]);
    // Its log cannot be opened, and the disk is full: no file may have a byte.
    let log = sandbox.store().join(format!("{id}.out"));
    fs::create_dir(&log).expect("a folder in the store");
    let script = "trap '' XFSZ; ulimit -f 0; exec task-bg queue resume";
    drop(sandbox.shell(script).run());
    sandbox.assert_nothing_left();
    fs::remove_dir(&log).expect("an empty folder");
    let ran = sandbox.task_bg(["wait", "--timeout", "3", &id]).run();
    assert!(matches!(ran.code, 0 | 5), "it is left as it is\n{ran}");
    sandbox.assert_nothing_left();
    sandbox.assert_nothing_kept();
}

/// A supervisor left its caller's process group some time after the answer. A harness that ended the
/// group when the command was done ended the supervisor with it.
#[test]
fn a_supervisor_has_left_its_callers_group_when_the_command_answers() {
    for _ in 0..20 {
        let sandbox = sandbox();
        sandbox.task_bg(["queue", "pause"]).ok().done();
        let id = sandbox.run_script(&[], &format!("echo ran > {}", text(&sandbox.path("ran"))));
        let admitter = sandbox.task_bg(["queue", "resume"]).in_own_group().start();
        let group = admitter.pid();
        admitter.finish().ok().done();
        kill_group(group);
        let started = within(Duration::from_secs(10), || sandbox.path("ran").exists());
        assert!(started, "its supervisor was killed: {:#}", sandbox.record(&id));
        assert_eq!(sandbox.ended(&id)["status"], "completed");
        sandbox.assert_nothing_left();
    }
}

/// The same of the reminder of a task that is to start later.
#[test]
fn a_reminder_has_left_its_callers_group_when_the_command_answers() {
    for round in 0..40 {
        let sandbox = sandbox();
        let words = ["run", "later", "--start-in", "1h", "--", "true"];
        let launch = sandbox.task_bg(words).in_own_group().start();
        let group = launch.pid();
        launch.finish().ok().done();
        kill_group(group);
        let reminds = |seen: &Seen| seen.command_line.contains(" __remind ");
        let lives = within(Duration::from_millis(50), || !sandbox.leftovers().is_empty());
        assert!(lives && sandbox.leftovers().iter().any(reminds), "killed in round {round}");
    }
}

/// Once a second the supervisor wrote and synced the whole record anew, prompts of many megabytes included.
#[test]
fn what_an_agent_does_is_recorded_without_writing_its_prompt_each_time() {
    const PROMPT: usize = 1 << 20;
    let sandbox = sandbox();
    let filler = "words of the prompt\n".repeat(PROMPT / 20);
    let [first, second] = ["first", "second"].map(|gate| sandbox.path(gate));
    let (first, second) = (first.display(), second.display());
    let id = sandbox.launch(&format!(
        "SAY one\nWAIT {first}\nSAY two\nWAIT {second}\nSAY three\nSLEEP 60\n{filler}"
    ));
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    let has_said = |words: &str| {
        wait_until(&format!("the message `{words}`"), || {
            let status = sandbox.task_bg(["status", &id]).ok().json();
            status["progress"]["lastMessage"] == words
        });
    };
    let written = || {
        let counts = fs::read_to_string(format!("/proc/{supervisor}/io")).expect("it lives");
        let bytes = counts.lines().find_map(|line| line.strip_prefix("wchar: "));
        bytes.and_then(|bytes| bytes.parse::<usize>().ok()).expect("a number")
    };
    has_said("one");
    let before = written();
    sandbox.open_gate("first");
    has_said("two");
    sandbox.open_gate("second");
    has_said("three");
    let written = written() - before;
    assert!(written < PROMPT / 2, "{written} bytes were written for two messages");
}
