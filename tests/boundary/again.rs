//! Again: launching the same only once, trying a task once more, going on where it stopped, letting
//! it expire.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Barrier;

use serde_json::{Value, json};
use tests::process::{alive, wait_for};
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

fn words_in(sandbox: &Sandbox, name: &str) -> Vec<String> {
    sandbox.wait_for_file(name);
    let text = fs::read_to_string(sandbox.path(name)).expect("a file the script wrote");
    serde_json::from_str(&text).expect("the script writes JSON")
}

/// The record of the attempt after this one.
fn next_of(sandbox: &Sandbox, record: &Value) -> Value {
    let next = record["progress"]["retriedAs"].as_str();
    sandbox.ended(next.unwrap_or_else(|| panic!("no next attempt in {record:#}")))
}

#[test]
fn of_many_launches_at_once_with_one_key_one_launches_and_all_name_its_task() {
    const MANY: usize = 64;
    let sandbox = sandbox();
    let ran = sandbox.path("ran");
    let script = format!("echo ran >> {}", ran.display());
    let start = Barrier::new(MANY);
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..MANY)
            .map(|_| {
                let (sandbox, start, script) = (&sandbox, &start, &script);
                scope.spawn(move || {
                    start.wait();
                    let words = ["run", "once", "--key", "a key/with ../signs", "--", "sh", "-c"];
                    sandbox.task_bg(words).arg(script).ok().json()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a launch")).collect()
    });
    let ids: BTreeSet<String> = answers.iter().map(task_id).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let existing = answers.iter().filter(|answer| answer["existing"] == true).count();
    assert_eq!(existing, MANY - 1);
    let id = ids.first().expect("one task");
    assert_eq!(sandbox.ended(id)["status"], "completed");
    assert_eq!(sandbox.lines_of("ran"), ["ran"]);
    let again = sandbox.task_bg(["run", "x", "--key", "a key/with ../signs", "--", "true"]).ok();
    assert_eq!((&again.json()["taskId"], &again.json()["existing"]), (&json!(id), &json!(true)));
    let other = sandbox.task_bg(["run", "x", "--key", "another", "--", "true"]).ok().json();
    assert!(other["existing"].is_null() && task_id(&other) != *id, "{other}");
}

#[test]
fn a_retry_is_a_new_task_that_both_records_link() {
    let sandbox = sandbox();
    let first =
        sandbox.launch_with(["--timeout", "5m", "--model", "m", "--priority", "2"], "EXIT 3");
    sandbox.ended(&first);
    let answer = sandbox.task_bg(["retry", &first]).ok().json();
    let second = task_id(&answer);
    assert_eq!(answer["attempt"], 2, "{answer}");
    let (old, new) = (sandbox.record(&first), sandbox.ended(&second));
    assert_eq!((&old["status"], &old["progress"]["retriedAs"]), (&json!("error"), &json!(second)));
    assert_eq!(
        [&new["progress"]["retryOf"], &new["progress"]["attempt"]],
        [&json!(first), &json!(2)]
    );
    for key in ["description", "prompt", "agent", "parent_model"] {
        assert_eq!(old[key], new[key], "{key}");
    }
    for key in ["timeoutMs", "cwd", "priority", "autonomy", "droid"] {
        assert_eq!(old["progress"][key], new["progress"][key], "{key}");
    }
    assert_ne!(old["session_id"], new["session_id"]);
    let third = task_id(&sandbox.task_bg(["retry", &second]).ok().json());
    assert_eq!(sandbox.ended(&third)["progress"]["attempt"], 3);
}

#[test]
fn a_task_that_runs_cannot_be_tried_once_more() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "60"]);
    for words in [&["retry", &id][..], &["resume", &id, "go on"]] {
        let failure = sandbox.task_bg(words.iter().copied()).run().failure(4);
        assert_eq!(failure["code"], "wrong_state", "{failure}");
    }
}

#[test]
fn retries_back_off_and_a_wait_for_the_first_attempt_waits_for_the_last() {
    let sandbox = sandbox();
    let script = format!("PID {}\nEXIT 3", sandbox.path("pid").display());
    let options = ["--retries", "2", "--retry-on", "exit", "--backoff", "100ms"];
    let options = options.into_iter().chain(["--env", "TOKEN=kept"]);
    let first = sandbox.launch_with(options, &script);
    let waited = sandbox.task_bg(["wait", "--timeout", "30", &first]).code(5).json();
    let record = sandbox.record(&first);
    let second = next_of(&sandbox, &record);
    let third = next_of(&sandbox, &second);
    assert_eq!(waited["ended"].as_array().map(Vec::len), Some(1), "{waited:#}");
    assert_eq!(waited["ended"][0]["taskId"], third["id"], "{waited:#}");
    for (number, before, attempt) in [(2, &record, &second), (3, &second, &third)] {
        let progress = &attempt["progress"];
        assert_eq!((&progress["attempt"], &progress["retryOf"]), (&json!(number), &before["id"]));
        // Times are written so that they sort as text.
        let (started, not_before) =
            (attempt["started_at"].as_str(), progress["notBefore"].as_str());
        assert!(not_before.is_some() && started >= not_before, "{attempt:#}");
        assert_eq!(attempt["progress"]["reason"], "exit");
    }
    assert_eq!(second["progress"]["backoffMs"], 200, "{second:#}");
    assert!(third["progress"]["retriedAs"].is_null(), "{third:#}");
    sandbox.assert_nothing_left();
    sandbox.assert_nothing_kept();
}

#[test]
fn an_attempt_that_succeeds_is_the_last_and_has_the_environment_of_the_first() {
    let sandbox = sandbox();
    let flag = sandbox.path("flag");
    let script = format!(
        "[ -e {flag} ] && echo \"$TOKEN\" || {{ touch {flag}; exit 1; }}",
        flag = flag.display()
    );
    let words = ["run", "flaky", "--retries", "5", "--backoff", "10ms", "--env", "TOKEN=kept"];
    let ran = sandbox.task_bg(words).arg("--").arg("sh").arg("-c").arg(&script).ok();
    let first = task_id(&ran.json());
    let waited = sandbox.task_bg(["wait", "--timeout", "30", &first]).ok().json();
    assert_eq!(waited["ended"][0]["status"], "completed", "{waited:#}");
    let second = next_of(&sandbox, &sandbox.record(&first));
    assert_eq!(second["result"].as_str().map(str::trim_end), Some("kept"), "{second:#}");
    assert!(second["progress"]["retriedAs"].is_null(), "{second:#}");
}

#[test]
fn an_ending_that_would_come_out_the_same_is_not_tried_once_more() {
    let sandbox = sandbox();
    for script in ["PERMISSION high", "AUTH"] {
        let id = sandbox.launch_with(["--retries", "2", "--backoff", "10ms"], script);
        let record = sandbox.ended(&id);
        assert_eq!(record["status"], "error", "{record:#}");
        assert!(record["progress"]["retriedAs"].is_null(), "{record:#}");
    }
    let asked = ["--retries", "2", "--retry-on", "signal", "--backoff", "10ms"];
    let record = sandbox.ended(&sandbox.launch_with(asked, "EXIT 3"));
    assert!(record["progress"]["retriedAs"].is_null(), "{record:#}");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 3);
    assert_eq!(sandbox.queue(), [""; 0]);
}

#[test]
fn a_cancelled_task_is_not_tried_once_more_and_neither_is_one_that_was_ended_by_hand() {
    let sandbox = sandbox();
    let options = || ["--retries", "2", "--backoff", "10ms"];
    let cancelled = sandbox.launch_with(options(), "SLEEP 60");
    sandbox.task_bg(["cancel", &cancelled]).ok().done();
    let gate = sandbox.path("gate");
    let script = format!("PID {}\nWAIT {}\nEXIT 3", sandbox.path("pid").display(), gate.display());
    let by_hand = sandbox.launch_with(options(), &script);
    let agent = sandbox.pid_in("pid");
    sandbox.task_bg(["complete", &by_hand, "seen to"]).ok().done();
    sandbox.open_gate("gate");
    wait_for("the agent's end", || (!alive(agent)).then_some(()));
    sandbox.assert_nothing_left();
    for (id, status) in [(&cancelled, "cancelled"), (&by_hand, "completed")] {
        let record = sandbox.record(id);
        assert_eq!(record["status"], status, "{record:#}");
        assert!(record["progress"]["retriedAs"].is_null(), "{record:#}");
    }
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 2);
}

#[test]
fn everything_of_one_session_that_failed_is_tried_once_more_and_nothing_else() {
    let sandbox = sandbox();
    let run = |parent: &str, program: &str| {
        let words = ["run", "a task", "--parent", parent, "--", program];
        let id = task_id(&sandbox.task_bg(words).ok().json());
        sandbox.ended(&id);
        id
    };
    let failed = [run("ours", "false"), run("ours", "false")];
    for (parent, program) in [("ours", "true"), ("theirs", "false")] {
        run(parent, program);
    }
    let retry = || sandbox.task_bg(["retry", "--failed", "--parent", "ours"]).ok().json();
    let answer = retry();
    let launched = answer["launched"].as_array().expect("a list");
    let of: Vec<Value> = launched
        .iter()
        .map(|answer| sandbox.ended(&task_id(answer))["progress"]["retryOf"].clone())
        .collect();
    assert_eq!(json!(of), json!(failed));
    // Now the retries are those that failed and were not retried.
    let of: Vec<Value> = retry()["launched"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|answer| sandbox.ended(&task_id(answer))["progress"]["retryOf"].clone())
        .collect();
    let ids: Vec<Value> = launched.iter().map(|answer| answer["taskId"].clone()).collect();
    assert_eq!(of, ids);
}

#[test]
fn a_resume_goes_on_in_the_session_and_in_a_copy_of_it_where_droid_has_no_network() {
    let sandbox = sandbox();
    let first = sandbox.launch_with(["--model", "m", "--autonomy", "low"], "SAY first");
    let record = sandbox.ended(&first);
    let session = record["progress"]["droidSessionId"].as_str().expect("the agent named it");
    let prompt = |name: &str| format!("ARGS {}\nSAY on", sandbox.path(name).display());
    for (name, airgap, options, pair, key) in [
        ("same", "0", &[][..], ["--session-id", session], "continuesSession"),
        ("airgap", "1", &[], ["--fork", session], "forksSession"),
        ("asked", "0", &["--fork"], ["--fork", session], "forksSession"),
    ] {
        let prompt = prompt(name);
        let words = [&["resume", &first, &prompt], options].concat();
        let run = sandbox.task_bg(words).env("FACTORY_AIRGAP_ENABLED", airgap);
        let id = task_id(&run.ok().json());
        let resumed = sandbox.ended(&id);
        assert_eq!(resumed["status"], "completed", "{resumed:#}");
        let words = words_in(&sandbox, name);
        assert!(words.windows(2).any(|words| words == pair), "{words:?}");
        for pair in [["--auto", "low"], ["--model", "m"]] {
            assert!(words.windows(2).any(|words| words == pair), "{words:?}");
        }
        let other = ["--session-id", "--fork"].into_iter().find(|flag| *flag != pair[0]);
        assert!(!words.iter().any(|word| Some(word.as_str()) == other), "{words:?}");
        let progress = &resumed["progress"];
        assert_eq!((&progress["resumeOf"], &progress[key]), (&json!(first), &json!(session)));
        assert_eq!(resumed["prompt"], *prompt);
        // A copy has a name of its own.
        assert_eq!(progress["droidSessionId"] == session, key == "continuesSession");
    }
    assert!(sandbox.record(&first)["progress"]["retriedAs"].is_null());
}

#[test]
fn what_has_no_session_cannot_be_resumed() {
    let sandbox = sandbox();
    let command = sandbox.run_command(["true"]);
    sandbox.ended(&command);
    let failure = sandbox.task_bg(["resume", &command, "go on"]).run().failure(4);
    assert!(failure.to_string().contains("plain command"), "{failure}");
    let agent = sandbox.launch(&format!("WAIT {}", sandbox.path("never").display()));
    let failure = sandbox.task_bg(["resume", &agent, "go on"]).run().failure(4);
    assert!(failure.to_string().contains("has not ended"), "{failure}");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 2);
}

#[test]
fn a_task_that_is_silent_for_longer_than_its_own_limit_is_given_up_and_stopped() {
    let sandbox = sandbox();
    let script = format!("PID {}\nSLEEP 60", sandbox.path("pid").display());
    let silent = sandbox.launch_with(["--stale", "1s"], &script);
    let patient = sandbox.launch("SLEEP 60");
    let agent = sandbox.pid_in("pid");
    let planned = wait_for("that it has been silent for too long", || {
        let planned = sandbox.task_bg(["prune", "--dry-run"]).ok().stdout;
        planned.contains(&silent).then_some(planned)
    });
    assert!(!planned.contains(&patient), "{planned}");
    assert!(alive(agent), "a dry run stops nothing");
    sandbox.task_bg(["prune"]).ok().done();
    assert!(!alive(agent));
    let record = sandbox.ended(&silent);
    assert_eq!(
        (&record["status"], &record["progress"]["reason"]),
        (&json!("error"), &json!("stale"))
    );
    assert_eq!(sandbox.record(&patient)["status"], "running");
}

#[test]
fn a_command_past_its_time_limit_that_ignores_the_polite_signal_leaves_nothing() {
    let sandbox = sandbox();
    let orphan = sandbox.path("orphan");
    // Twice forked, in a session of its own, and as deaf as its parent.
    let script = format!(
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > {0}.new; mv {0}.new {0}; while :; do sleep 1; done' & \
         while :; do sleep 1; done",
        orphan.display()
    );
    let words = ["run", "deaf", "--timeout", "2s", "--", "sh", "-c", &script];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    let orphan = sandbox.pid_in("orphan");
    let record = sandbox.ended(&id);
    assert_eq!(record["progress"]["reason"], "timeout", "{record:#}");
    assert!(!alive(orphan));
    sandbox.assert_nothing_left();
}
