//! What of an order is given to Slurm, and what waits here until it can be.

use std::fs;

use serde_json::json;
use tests::fake_slurm::FakeSlurm;

use super::submit;
use crate::sandbox;

#[test]
fn options_of_sbatch_are_passed_on_but_for_those_that_would_break_our_hold_on_the_job() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    submit(&sandbox, &["--slurm=--gres=gpu:1,shard:2", "--slurm", "-c4"], "true");
    let words = slurm.read("1.words");
    assert!(words.contains("--gres=gpu:1,shard:2\n-c4\n"), "{words}");
    // Once, two letters of an option that suffice for `sbatch` passed, and so did one behind a letter without a value.
    for option in [
        "--export=NONE",
        "--export NONE",
        "--output=x",
        "--ou=x",
        "-so/tmp/x",
        "-J x",
        "--wrap=x",
        "--array=1-9",
        "--requeue",
        "x",
    ] {
        let word = format!("--slurm={option}");
        sandbox.task_bg(["run", "--on", "slurm", &word, "--", "true"]).run().failure(2);
    }
    sandbox.task_bg(["run", "--slurm=--gres=gpu:1", "--", "true"]).run().failure(2);
    assert_eq!(slurm.calls("sbatch").len(), 1);
}

#[test]
fn limits_moments_holds_and_predecessors_are_given_to_slurm() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let first = submit(&sandbox, &["--timeout", "60", "--priority", "-5"], "exit 1");
    let second = submit(&sandbox, &["--after", &first, "--hold", "--start-in", "90s"], "true");
    let words = slurm.read("1.words");
    assert!(words.contains("--time=4\n") && words.contains("--nice=5\n"), "{words}");
    let words = slurm.read("2.words");
    for word in ["--dependency=afterany:1\n", "--hold\n", "--begin=now+"] {
        assert!(words.contains(word), "{words}");
    }
    sandbox.shell(&slurm.start(1)).ok().done();
    assert_eq!(sandbox.ended(&first)["status"], "error");
    // To Slurm one ending is as good as another.
    sandbox.shell(&slurm.start(2)).ok().done();
    let record = sandbox.ended(&second);
    assert_eq!(record["progress"]["reason"], "dependency", "{record:#}");
}

#[test]
fn a_task_that_comes_after_one_of_this_machine_is_handed_over_once_that_has_ended() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let first = sandbox.run_script(&[], &sandbox.until("gate"));
    let second = submit(&sandbox, &["--after", &first], "echo after");
    assert!(slurm.calls("sbatch").is_empty());
    assert_eq!(sandbox.status(&second), "queued");
    sandbox.open_gate("gate");
    let record = sandbox.ended(&second);
    assert_eq!((&record["status"], &record["result"]), (&json!("completed"), &json!("after")));
    assert_eq!(record["progress"]["slurm"]["jobId"], "1", "{record:#}");
}

#[test]
fn tasks_on_slurm_take_no_slot_of_this_machine() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    let slurm = FakeSlurm::new(&sandbox);
    let gate = sandbox.until("gate");
    let lines: Vec<String> = (0..3)
        .map(|_| {
            json!({"description": "x", "command": ["sh", "-c", gate], "on": "slurm"}).to_string()
        })
        .collect();
    let answer = sandbox.task_bg(["batch", "-"]).stdin(lines.join("\n")).ok().json();
    assert_eq!(answer["launched"].as_array().map(Vec::len), Some(3), "{answer:#}");
    assert_eq!(slurm.calls("sbatch").len(), 3);
    let local = sandbox.run_script(&[], "true");
    assert_eq!(sandbox.ended(&local)["status"], "completed");
    sandbox.open_gate("gate");
    sandbox.task_bg(["wait"]).ok().done();
    sandbox.assert_nothing_kept();
}

/// Whoever hands a task over may be killed before the cluster has answered.
#[test]
fn a_task_whose_launcher_died_before_it_was_taken_is_handed_over_by_whoever_looks() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    slurm.write("waits", "");
    let id = submit(&sandbox, &[], "echo taken");
    for name in ["1.state", "1.name", "waits"] {
        slurm.remove(name);
    }
    let mut record = sandbox.record(&id);
    let job = record["progress"]["slurm"].as_object_mut().expect("a job");
    job.remove("jobId");
    job.insert("submittedAt".to_owned(), json!("2020-01-01T00:00:00+00:00"));
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(file, record.to_string()).expect("a record that can be written");
    sandbox.task_bg(["list"]).ok().done();
    let record = sandbox.ended(&id);
    assert_eq!((&record["status"], &record["result"]), (&json!("completed"), &json!("taken")));
    assert_eq!(slurm.calls("sbatch").len(), 2);
}

#[test]
fn a_task_that_slurm_holds_is_released_there() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &["--hold"], "true");
    assert!(slurm.read("1.words").contains("--hold\n"));
    slurm.write("1.state", "PENDING|JobHeldUser");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert!(
        status["progress"]["note"].as_str().is_some_and(|it| it.contains("release")),
        "{status:#}"
    );
    sandbox.task_bg(["release", &id]).ok().done();
    assert_eq!(slurm.calls("scontrol"), ["release 1"]);
    sandbox.task_bg(["release", &id]).code(4).done();
}

/// A model's limit over all nodes can only be the cluster's.
#[test]
fn a_task_takes_the_licence_that_the_settings_name_for_its_model() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let file = sandbox.store().with_file_name("task-bg.toml");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder in the sandbox");
    fs::write(&file, "on = \"slurm:agents\"\n[slurm.licences]\n\"model:x\" = \"model-a\"\n")
        .expect("a file");
    sandbox.task_bg(["launch", "--model", "x", "label", "SAY done"]).ok().done();
    let words = slurm.read("1.words");
    assert!(
        words.contains("--licenses=model-a:1\n--") || words.ends_with("--licenses=model-a:1\n"),
        "{words}"
    );
    assert!(words.contains("--partition=agents\n"), "{words}");
    sandbox.task_bg(["launch", "--model", "y", "label", "SAY done"]).ok().done();
    assert!(!slurm.read("2.words").contains("licenses"));
    fs::write(&file, "[slurm]\nlicenses = 3\n").expect("a file");
    let wrong = sandbox.task_bg(["list"]).run().failure(2);
    assert!(wrong["error"].as_str().is_some_and(|it| it.contains("slurm.licenses")), "{wrong}");
}

#[test]
fn doctor_looks_at_a_cluster_from_here_and_by_one_small_task_from_a_node() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let checks = |answer: &serde_json::Value, check: &str| {
        let rows = answer["findings"].as_array().expect("rows").clone();
        let row = rows.into_iter().find(|row| row["check"] == check);
        row.unwrap_or_else(|| panic!("no {check}: {answer:#}"))
    };
    // No service is asked for.
    let doctor = sandbox.task_bg(["doctor", "--on", "slurm:agents"]);
    let answer = doctor.env("FACTORY_AIRGAP_ENABLED", "1").env("FACTORY_API_KEY", "x").run().json();
    for check in [
        "slurm",
        "controller",
        "partition",
        "node",
        "credentials there",
        "clocks",
        "files",
        "delay",
        "lag",
    ] {
        assert_eq!(checks(&answer, check)["status"], "ok", "{answer:#}");
    }
    assert_eq!(checks(&answer, "KillWait")["status"], "warn", "{answer:#}");
    assert!(
        slurm.calls("sbatch").len() == 1 && slurm.read("1.words").contains("--partition=agents")
    );
    let doctor = sandbox.task_bg(["doctor", "--on", "slurm:nope"]);
    let answer = doctor.env("FACTORY_AIRGAP_ENABLED", "1").run().json();
    assert_eq!(checks(&answer, "partition")["status"], "fail", "{answer:#}");
    slurm.write(
        "scontrol.fails",
        "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)\n",
    );
    let run = sandbox.task_bg(["doctor", "--on", "slurm"]).run().code_is(1);
    let finding = checks(&run.json(), "controller");
    assert_eq!(finding["status"], "fail", "{finding:#}");
    assert!(finding["fix"].is_string(), "{finding:#}");
}
