//! The queue: how many run at once, who is next, what waiting tasks start with, and that none starts twice.

use std::fs;
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// The answer of a command for which only one task may run at once.
fn alone(sandbox: &Sandbox, words: &[&str]) -> Value {
    sandbox.task_bg(words.iter().copied()).env("TASK_BG_MAX_RUNNING", "1").ok().json()
}

/// Orders a command, and returns its id.
fn run(sandbox: &Sandbox, options: &[&str], script: &str) -> String {
    let words = [&["run", "a task"], options, &["--", "sh", "-c", script]].concat();
    task_id(&alone(sandbox, &words))
}

/// A task that works until the gate is open.
fn gated(sandbox: &Sandbox) -> String {
    run(sandbox, &[], "until [ -e ../gate ]; do sleep 0.01; done")
}

fn status(sandbox: &Sandbox, id: &str) -> Value {
    // Whoever looks admits as well, as many as its own limit allows.
    alone(sandbox, &["status", id])
}

fn start_of(record: &Value) -> String {
    record["started_at"].as_str().unwrap_or_else(|| panic!("no start: {record:#}")).to_owned()
}

#[test]
fn no_more_run_than_may_and_the_others_follow_by_priority_and_then_in_order() {
    let sandbox = sandbox();
    let first = gated(&sandbox);
    let waiting: Vec<String> =
        ["0", "0", "7"].map(|priority| run(&sandbox, &["--priority", priority], "true")).into();
    let order = [&waiting[2], &waiting[0], &waiting[1]];
    assert_eq!(alone(&sandbox, &["queue"])["waiting"], json!(order));
    let list = alone(&sandbox, &["list"]);
    assert_eq!((&list["running"], &list["queued"]), (&json!(1), &json!(3)));
    sandbox.open_gate("gate");
    alone(&sandbox, &["wait"]);
    let mut before = start_of(&status(&sandbox, &first));
    for id in order {
        let record = status(&sandbox, id);
        assert_eq!(record["status"], "completed", "{record:#}");
        assert!(start_of(&record) > before, "{record:#}");
        before = start_of(&record);
    }
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0]);
}

#[test]
fn a_task_from_the_queue_has_the_environment_of_its_launcher_and_it_is_kept_nowhere_else() {
    let sandbox = sandbox();
    gated(&sandbox);
    let words = ["run", "x", "--", "sh", "-c", "echo $SECRET"];
    let limited = sandbox.task_bg(words).env("TASK_BG_MAX_RUNNING", "1");
    let id = task_id(&limited.env("SECRET", "of the launcher").ok().json());
    let kept = sandbox.store().join(format!(".active/{id}.env"));
    let content = fs::read(&kept).expect("it waits");
    assert!(content.windows(8).any(|part| part == b"launcher"));
    sandbox.open_gate("gate");
    let record = sandbox.ended(&id);
    assert_eq!(record["result"], "of the launcher", "{record:#}");
    assert!(!kept.exists());
}

#[test]
fn a_task_that_was_begun_is_never_begun_again() {
    let sandbox = sandbox();
    let id = run(&sandbox, &["--hold"], "echo ran >> ../ran");
    // As a supervisor leaves it that was killed just before its agent started.
    fs::remove_file(sandbox.store().join(format!(".active/{id}.env"))).expect("it waits");
    alone(&sandbox, &["release", &id]);
    let record = status(&sandbox, &id);
    assert_eq!(record["status"], "error", "{record:#}");
    assert_eq!(record["progress"]["reason"], "launch_failed", "{record:#}");
    assert!(!sandbox.path("ran").exists());
}

#[test]
fn of_many_launches_with_one_key_exactly_one_starts() {
    const LAUNCHERS: usize = 12;
    let sandbox = sandbox();
    let start = Barrier::new(LAUNCHERS);
    let answers: Vec<Value> = thread::scope(|scope| {
        let threads: Vec<_> = (0..LAUNCHERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let words = ["run", "once", "--key", "nightly", "--", "sh", "-c"];
                    sandbox.task_bg(words).arg("echo ran >> ../ran").ok().json()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a launcher")).collect()
    });
    let new = answers.iter().filter(|answer| answer.get("existing").is_none());
    assert_eq!(new.count(), 1, "{answers:#?}");
    assert!(answers.iter().all(|answer| answer["taskId"] == answers[0]["taskId"]));
    sandbox.ended(&task_id(&answers[0]));
    assert_eq!(fs::read_to_string(sandbox.path("ran")).expect("it ran"), "ran\n");
}

#[test]
fn a_batch_launches_what_is_right_in_order_and_hands_results_on() {
    let sandbox = sandbox();
    let lines = [
        json!({"description": "use", "prompt": "SAY so: {{task:look.result}}", "after": ["look"]}),
        json!({"name": "look", "description": "look", "command": ["echo", "line 3"]}),
        json!({"name": "typo", "description": "wrong", "comand": ["true"]}),
        json!({"description": "after a wrong one", "command": ["true"], "after": ["typo"]}),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    let answer = sandbox.task_bg(["batch", "-"]).stdin(lines).code(2).json();
    let of = |list: &str| {
        let lines = answer[list].as_array().into_iter().flatten();
        lines.map(|line| line["line"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("launched"), of("rejected")),
        (vec![json!(1), json!(2)], vec![json!(3), json!(4)])
    );
    let record = sandbox.ended(&task_id(&answer["launched"][0]));
    assert_eq!(record["result"], "so: line 3", "{record:#}");
}

#[test]
fn what_it_had_to_wait_for_decides_whether_a_task_starts() {
    let sandbox = sandbox();
    let failed = sandbox.run_command(["false"]);
    sandbox.ended(&failed);
    let after = sandbox.ended(&run(&sandbox, &["--after", &failed], "true"));
    assert_eq!(after["progress"]["reason"], "dependency", "{after:#}");
    let after_any = sandbox.ended(&run(&sandbox, &["--after-any", &failed], "true"));
    assert_eq!(after_any["status"], "completed", "{after_any:#}");
}

/// Once a command whose words looked like the template of a result was not started, for want of that result.
#[test]
fn the_words_of_a_command_are_never_read_as_a_template() {
    let sandbox = sandbox();
    let record = sandbox.ended(&sandbox.run_command(["echo", "{{task:bg_1.result}}"]));
    assert_eq!(record["result"], "{{task:bg_1.result}}", "{record:#}");
}
