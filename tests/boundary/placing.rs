//! Placing: which words say where a task runs, and that none is recorded for a place that cannot be had.

use std::fs;

use serde_json::{Value, json};
use tests::machines::Machines;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// A batch of one line that would succeed here.
const LINE: &str = "{\"description\":\"x\",\"command\":[\"true\"]}";

/// The commands that order a task on a place, each of which would succeed here.
fn orders<'a>(target: &'a str, failed: &'a str) -> [Vec<&'a str>; 4] {
    [
        vec!["launch", "--on", target, "label", "SAY done"],
        vec!["run", "--on", target, "--", "true"],
        vec!["batch", "--on", target, "-"],
        vec!["retry", "--on", target, failed],
    ]
}

/// How many tasks there are.
fn recorded(sandbox: &Sandbox) -> Option<usize> {
    sandbox.task_bg(["list"]).ok().json()["tasks"].as_array().map(Vec::len)
}

#[test]
fn a_word_that_names_no_place_is_a_usage_error_of_every_verb_that_orders() {
    let sandbox = sandbox();
    let failed = sandbox.run_command(["false"]);
    sandbox.ended(&failed);
    let words =
        ["", "box", "ssh:", "ssh:-oProxyCommand=x", "ssh:a b", "ssh:me@", "slurm:", "ssh:a\nb"];
    for word in words {
        for words in orders(word, &failed) {
            let answer = sandbox.task_bg(words).stdin(LINE).run().failure(2);
            assert_eq!(answer["code"], "usage", "{answer}");
        }
    }
    let line = "{\"description\":\"x\",\"command\":[\"true\"],\"on\":\"ssh:-x\"}";
    let answer = sandbox.task_bg(["batch", "-"]).stdin(line).code(2).json();
    let error = answer["rejected"][0]["error"].as_str().expect("an error");
    assert!(error.contains("`on`") && error.contains("begins with `-`"), "{answer}");
    let answer = sandbox.task_bg(["list"]).env("TASK_BG_ON", "elsewhere").run().failure(2);
    assert!(answer["error"].as_str().is_some_and(|it| it.contains("TASK_BG_ON")), "{answer}");
    assert_eq!(recorded(&sandbox), Some(1), "nothing was recorded");
}

#[test]
fn a_place_that_no_task_can_be_given_to_is_refused_before_anything_is_recorded() {
    let sandbox = sandbox();
    let failed = sandbox.run_command(["false"]);
    sandbox.ended(&failed);
    for word in ["slurm", "slurm:gpu"] {
        for words in orders(word, &failed).into_iter().filter(|words| words[0] != "batch") {
            let answer = sandbox.task_bg(words).run().failure(7);
            let error = answer["error"].as_str().expect("an error");
            assert!(error.contains(&format!("`{word}`")), "{answer}");
        }
        let answer = sandbox.task_bg(["batch", "--on", word, "-"]).stdin(LINE).code(2).json();
        assert_eq!(answer["launched"], json!([]), "{answer}");
    }
    assert_eq!(recorded(&sandbox), Some(1), "nothing was recorded");
}

#[test]
fn a_flag_counts_before_the_setting_and_a_task_of_this_machine_names_no_place() {
    let sandbox = sandbox().with_env("TASK_BG_ON", "slurm");
    sandbox.task_bg(["run", "--", "true"]).run().failure(7);
    let local = sandbox.task_bg(["run", "--on", "local", "--", "true"]).ok().json();
    let record = sandbox.ended(&task_id(&local));
    assert!(record["progress"].get("target").is_none(), "{record}");
    let file = sandbox.store().with_file_name("task-bg.toml");
    fs::write(file, "on = \"ssh:box\"\n").expect("a file in the sandbox");
    let config = sandbox.task_bg(["config"]).without_env("TASK_BG_ON").ok().json();
    let rows = config["settings"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["name"] == "on").expect("the setting");
    assert_eq!((&row["value"], &row["source"]), (&json!("ssh:box"), &json!("file")));
    let machines = Machines::beside(&sandbox);
    let run = sandbox.task_bg(["run", "--", "true"]).without_env("TASK_BG_ON").ok().json();
    assert_eq!(sandbox.record(&task_id(&run))["progress"]["target"], "ssh:box");
    assert_eq!(machines.tasks("box").len(), 1);
}

/// A later version may place tasks where this one cannot.
#[test]
fn a_record_that_names_an_unknown_place_belongs_to_another_machine() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["true"]);
    let mut record = sandbox.ended(&id);
    record["status"] = json!("running");
    record["completed_at"] = Value::Null;
    record["progress"]["target"] = json!("cloud:x");
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(file, record.to_string()).expect("a record that can be written");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["status"], "running", "{status}");
    assert_eq!(status["progress"]["target"], "cloud:x", "{status}");
    assert_eq!(sandbox.record(&id), record);
}
