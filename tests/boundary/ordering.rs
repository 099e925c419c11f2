//! Order and time: what comes after what, what is handed on, and what starts later.

use std::fs;

use serde_json::{Value, json};
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// Runs a shell script in the background, with these options.
fn shell(sandbox: &Sandbox, options: &[&str], script: &str) -> String {
    let words = [&["run", "a script"], options, &["--", "sh", "-c", script]].concat();
    task_id(&sandbox.task_bg(words).ok().json())
}

/// A task that notes its name in the file `order` when it starts.
fn noting(sandbox: &Sandbox, options: &[&str], name: &str) -> String {
    shell(sandbox, options, &format!("echo {name} >> {}", sandbox.path("order").display()))
}

/// A task that waits for the gate and then exits with this code.
fn gated(sandbox: &Sandbox, code: u8) -> String {
    let gate = sandbox.path("gate");
    let script = format!("until [ -e {} ]; do sleep 0.01; done; exit {code}", gate.display());
    shell(sandbox, &[], &script)
}

#[track_caller]
fn failed_after(record: &Value, earlier: &str, how: &str) {
    assert_eq!(record["status"], "error", "{record:#}");
    assert_eq!(record["progress"]["reason"], "dependency", "{record:#}");
    let words = record["error"].as_str().unwrap_or_default();
    assert!(words.contains(earlier) && words.contains(how), "{words}");
    assert!(record["started_at"].is_null(), "{record:#}");
}

#[test]
fn in_a_diamond_each_comes_after_those_it_waits_for_though_nobody_looks() {
    let sandbox = sandbox();
    let top = gated(&sandbox, 0);
    let (left, right) = (
        noting(&sandbox, &["--after", &top], "side"),
        noting(&sandbox, &["--after", &top], "side"),
    );
    let bottom = noting(&sandbox, &["--after", &format!("{left},{right}")], "bottom");
    assert_eq!(sandbox.record(&bottom)["status"], "queued");
    assert_eq!(sandbox.record(&bottom)["progress"]["after"], json!([left, right]));
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&bottom)["status"], "completed");
    assert_eq!(sandbox.lines_of("order"), ["side", "side", "bottom"]);
    assert_eq!(
        (sandbox.queue(), sandbox.ended(&top)["status"].clone()),
        (vec![], json!("completed"))
    );
}

#[test]
fn a_failing_branch_ends_what_waits_for_it_and_names_the_task() {
    let sandbox = sandbox();
    let (bad, good) = (gated(&sandbox, 3), gated(&sandbox, 0));
    let next = noting(&sandbox, &["--after", &format!("{bad},{good}")], "next");
    let last = noting(&sandbox, &["--after", &next], "last");
    let whatever = noting(&sandbox, &["--after-any", &format!("{bad},{next}")], "whatever");
    let beside = noting(&sandbox, &["--after", &good], "beside");
    sandbox.open_gate("gate");
    failed_after(&sandbox.ended(&next), &bad, "failed");
    failed_after(&sandbox.ended(&last), &next, "failed");
    for id in [whatever, beside] {
        assert_eq!(sandbox.ended(&id)["status"], "completed");
    }
    let mut ran = sandbox.lines_of("order");
    ran.sort();
    assert_eq!(ran, ["beside", "whatever"]);
    wait_until("that nobody waits", || sandbox.queue().is_empty() && sandbox.active().is_empty());
}

#[test]
fn what_waits_for_a_cancelled_task_ends_at_once() {
    let sandbox = sandbox();
    let first = gated(&sandbox, 0);
    let next = noting(&sandbox, &["--after", &first], "next");
    sandbox.task_bg(["cancel", &first]).ok().done();
    failed_after(&sandbox.ended(&next), &first, "was cancelled");
}

#[test]
fn what_comes_after_a_task_that_is_tried_once_more_waits_for_the_last_attempt() {
    let sandbox = sandbox();
    let (gate, flag) = (sandbox.path("gate"), sandbox.path("flag"));
    let script = format!(
        "until [ -e {} ]; do sleep 0.01; done; [ -e {flag} ] && echo found || {{ touch {flag}; exit 1; }}",
        gate.display(),
        flag = flag.display()
    );
    let first = shell(&sandbox, &["--retries", "1", "--backoff", "10ms"], &script);
    let told = sandbox.path("told");
    let prompt = format!("ECHO {}\nIt said: {{{{task:{first}.result}}}}", told.display());
    let next = sandbox.launch_with(["--after", &first], &prompt);
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&next)["status"], "completed", "{:#}", sandbox.record(&next));
    assert_eq!(sandbox.record(&first)["status"], "error");
    let told = fs::read_to_string(told).expect("the agent was told");
    assert!(told.contains("It said: found"), "{told}");
}

#[test]
fn a_result_is_handed_on_and_the_record_keeps_the_template() {
    let sandbox = sandbox();
    let first = sandbox.launch(&format!(
        "WAIT {}\nSAY the \"answer\" is $(42) \\n {{{{task:a b.result}}}}",
        sandbox.path("gate").display()
    ));
    let template = format!("{{{{task:{first}.result}}}}");
    let told = sandbox.path("told");
    let prompt = format!("ECHO {}\nUse {template}, and {template}.", told.display());
    let next = sandbox.launch_with(["--after", &first], &prompt);
    sandbox.open_gate("gate");
    let record = sandbox.ended(&next);
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["prompt"], *prompt);
    let answer = "the \"answer\" is $(42) \\n {{task:a b.result}}";
    let expected = format!("ECHO {}\nUse {answer}, and {answer}.", told.display());
    assert_eq!(fs::read_to_string(told).expect("the agent was told"), expected);
}

#[test]
fn a_template_that_names_nobody_fails_the_launch_in_clear_words() {
    let sandbox = sandbox();
    let words = ["launch", "a task", "Use {{task:bg_nobody.result}}"];
    let failure = sandbox.task_bg(words).run().failure(7);
    assert!(failure.to_string().contains("bg_nobody"), "{failure}");
    let list = sandbox.task_bg(["list"]).ok().json();
    let task = &list["tasks"][0];
    assert_eq!(task["progress"]["reason"], "launch_failed", "{list:#}");
    let words = task["error"].as_str().unwrap_or_default();
    assert!(words.contains("the prompt wants the result of bg_nobody"), "{words}");
    sandbox.assert_nothing_left();
}

#[test]
fn a_task_cannot_come_after_one_that_is_not_there() {
    let sandbox = sandbox();
    let words = ["run", "a task", "--after", "bg_nobody", "--", "true"];
    let failure = sandbox.task_bg(words).run().failure(3);
    assert!(failure["error"].as_str().unwrap_or_default().contains("bg_nobody"), "{failure}");
    assert_eq!(sandbox.active(), [""; 0]);
}

#[test]
fn a_task_with_a_start_in_starts_by_itself_and_not_before() {
    let sandbox = sandbox();
    let id = noting(&sandbox, &["--start-in", "1s"], "later");
    let record = sandbox.record(&id);
    assert_eq!(record["status"], "queued", "{record:#}");
    let reminders = || {
        let all = sandbox.leftovers().into_iter();
        all.filter(|seen| seen.command_line.contains(" __remind ")).count()
    };
    wait_until("one reminder and nothing else", || {
        reminders() == 1 && sandbox.leftovers().len() == 1
    });
    // Nobody looks from here on: the record is only read.
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "completed", "{record:#}");
    // Times are written so that they sort as text.
    let not_before = record["progress"]["notBefore"].as_str().expect("a moment");
    assert!(record["started_at"].as_str() >= Some(not_before), "{record:#}");
    assert_eq!(sandbox.lines_of("order"), ["later"]);
    sandbox.assert_nothing_left();
}

#[test]
fn a_moment_that_has_passed_is_now() {
    let sandbox = sandbox();
    let id = noting(&sandbox, &["--start-at", "2020-02-29T08:00:00+01:00"], "at once");
    assert_eq!(sandbox.ended(&id)["status"], "completed");
    assert_eq!(sandbox.record(&id)["progress"]["notBefore"], "2020-02-29T07:00:00.000000+00:00");
    sandbox.assert_nothing_left();
}

// Whoever admitted did so by the limit of its own environment: a limit that a launcher gave for its tasks
// was gone as soon as somebody without one looked.
#[test]
fn a_limit_from_the_environment_of_a_launcher_holds_for_its_tasks_and_for_no_others() {
    let sandbox = sandbox();
    let run = |limit: Option<&str>| {
        let run = sandbox.task_bg(["run", "x", "--", "sleep", "60"]);
        let run = match limit {
            Some(limit) => run.env("TASK_BG_MAX_RUNNING", limit),
            None => run,
        };
        tests::sandbox::task_id(&run.ok().json())
    };
    let (first, second) = (run(Some("1")), run(Some("1")));
    sandbox.task_bg(["wait", "--timeout", "100ms", &second]).code(6).done();
    let other = run(None);
    tests::process::wait_until("that the other runs", || sandbox.status(&other) == "running");
    assert_eq!([&first, &second].map(|id| sandbox.status(id)), ["running", "queued"]);
    sandbox.task_bg(["cancel", "--grace", "1", &first]).ok().done();
    assert_eq!(sandbox.status(&second), "queued", "the other takes the only slot it may have");
    sandbox.task_bg(["cancel", "--grace", "1", &other]).ok().done();
    tests::process::wait_until("its turn", || sandbox.status(&second) == "running");
    sandbox.task_bg(["cancel", "--all"]).ok().done();
}
