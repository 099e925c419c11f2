//! Settings: which source counts, what is said about a wrong one, and that they do what they say.

use std::fs;

use serde_json::{Value, json};
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// Puts this into the settings file.
fn write(sandbox: &Sandbox, text: &str) {
    let file = sandbox.store().with_file_name("task-bg.toml");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder in the sandbox");
    fs::write(file, text).expect("a file in the sandbox");
}

/// What `config` says of one setting: its value and its source.
fn said(answer: &Value, name: &str) -> (Value, Value) {
    let rows = answer["settings"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["name"] == name);
    let row = row.unwrap_or_else(|| panic!("no {name} in {answer:#}"));
    (row["value"].clone(), row["source"].clone())
}

#[test]
fn a_flag_counts_before_the_environment_that_before_the_file_that_before_what_is_usual() {
    let sandbox = sandbox();
    let usual = sandbox.task_bg(["config"]).ok().json();
    assert_eq!(usual["fileFound"], false);
    assert_eq!(said(&usual, "max_running"), (json!(10), json!("default")));
    assert_eq!(said(&usual, "ttl"), (json!("30m"), json!("default")));
    assert_eq!(said(&usual, "stale"), (json!("5m"), json!("default")));
    assert_eq!(said(&usual, "droid"), (json!("droid"), json!("default")));
    write(
        &sandbox,
        "max_running = 3\nttl = \"90s\"\nstale = 60\nformat = \"json\"\n[limits]\n\"model:x\" = 2\n",
    );
    let both = sandbox.task_bg(["config"]).env("TASK_BG_MAX_RUNNING", "4");
    let both = both.env("TASK_BG_FORMAT", "table").env("TASK_BG_DROID", "/d").arg("--json");
    let both = both.ok().json();
    assert_eq!(both["fileFound"], true);
    assert_eq!(said(&both, "max_running"), (json!(4), json!("env")));
    assert_eq!(said(&both, "droid"), (json!("/d"), json!("env")));
    assert_eq!(said(&both, "ttl"), (json!("90s"), json!("file")));
    assert_eq!(said(&both, "stale"), (json!("1m"), json!("file")));
    assert_eq!(said(&both, "format"), (json!("json"), json!("flag")));
    assert_eq!(said(&both, "limits.model:x"), (json!(2), json!("file")));
    let queue = sandbox.task_bg(["queue"]).ok().json();
    assert_eq!((&queue["maxRunning"], &queue["limits"]), (&json!(3), &json!({"model:x": 2})));
    write(&sandbox, "format = \"table\"");
    let table = sandbox.task_bg(["config"]).ok().stdout;
    assert!(table.contains("SETTING") && table.contains("task-bg.toml"), "{table}");
}

#[test]
fn a_wrong_file_is_told_with_line_and_column_by_every_command() {
    let sandbox = sandbox();
    let file = sandbox.store().with_file_name("task-bg.toml");
    for (text, place, hint) in [
        ("max_running = 8\nmax_runing = 9", "2:1", "`max_running`"),
        ("\n  ttl = \"soon\"", "2:9", "90s"),
        ("max_running = 0", "1:15", "queue pause"),
        ("format = \"xml\"", "1:10", "ndjson"),
        ("max_running = \n", "1:", "key = value"),
        ("[limits]\nexplorer = \"two\"", "2:12", "in quotes"),
    ] {
        write(&sandbox, text);
        for words in [&["list"][..], &["config"], &["launch", "a task", "SAY hi"], &["prune"]] {
            let answer = sandbox.task_bg(words.iter().copied()).run().failure(2);
            let error = answer["error"].as_str().expect("words");
            assert!(error.starts_with(&format!("{}:{place}", file.display())), "{answer}");
            assert!(answer["hint"].to_string().contains(hint), "{answer}");
        }
    }
    fs::write(&file, b"\xff\xfe").expect("a file in the sandbox");
    sandbox.task_bg(["list"]).run().failure(2);
    fs::remove_file(&file).expect("it is there");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
    for (name, value) in [("MAX_RUNNING", "no"), ("TTL", "soon"), ("STALE", ""), ("FORMAT", "xml")]
    {
        let name = format!("TASK_BG_{name}");
        let ran = sandbox.task_bg(["list"]).env(&name, value).run();
        if value.is_empty() {
            ran.ok().done();
        } else {
            assert!(ran.failure(2)["error"].to_string().contains(&name));
        }
    }
}

// Once, a pipe that a neighbour made beside a store in a shared folder held up every command for ever.
#[test]
fn what_is_no_plain_file_in_the_place_of_the_settings_is_named_and_holds_nobody_up() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--wait"], "true");
    let settings = sandbox.store().with_file_name("task-bg.toml");
    for make in ["mkfifo", "mkdir", "ln -s /dev/zero"] {
        drop(sandbox.shell(&format!("{make} {}", settings.display())).ok());
        for words in [&["list"][..], &["status", &id], &["run", "x", "--", "true"]] {
            let refused = sandbox.task_bg(words).run().failure(2);
            assert!(
                refused["error"].as_str().is_some_and(|said| said.contains("plain file")),
                "{refused}"
            );
        }
        drop(sandbox.shell(&format!("rm -r {}", settings.display())).ok());
    }
}

#[test]
fn a_supervisor_and_the_hook_do_not_care_about_a_wrong_file() {
    let sandbox = sandbox();
    let gate = sandbox.path("gate");
    let running = sandbox.launch(&format!("WAIT {}\nSAY first", gate.display()));
    let waiting = sandbox.task_bg(["launch", "a task", "SAY second", "--after", &running]).ok();
    let waiting = task_id(&waiting.json());
    write(&sandbox, "max_running = \"many\"\nbogus\n");
    let stop = json!({"session_id": "nobody", "hook_event_name": "SubagentStop"}).to_string();
    for ran in [
        sandbox.hook(stop.clone()).ok(),
        sandbox.task_bg(["hook-complete"]).stdin(stop).ok(),
        sandbox.task_bg(["hook-complete"]).without_env("HOME").stdin("{}").ok(),
    ] {
        assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    }
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&running)["result"], "first");
    // Admitted by the supervisor of the first, and started by one of its own.
    assert_eq!(sandbox.ended(&waiting)["result"], "second");
    sandbox.assert_nothing_left();
}

#[test]
fn a_limit_holds_for_its_group_while_others_pass() {
    let sandbox = sandbox();
    write(&sandbox, "[limits]\nexplorer = 1\n\"model:slow\" = 1\n");
    let gate = sandbox.path("gate");
    let script = format!("WAIT {}\nSAY done", gate.display());
    let launch = |droid: &str, model: &str| {
        let mut words = vec!["launch", "a task", &script, droid];
        words.extend(["--model", model].iter().filter(|_| !model.is_empty()));
        let answer = sandbox.task_bg(words).ok().json();
        (task_id(&answer), answer["status"].as_str().expect("a status").to_owned())
    };
    let tasks = [
        (launch("explorer", ""), "running", "explorer"),
        (launch("explorer", ""), "queued", "explorer"),
        (launch("librarian", ""), "running", "librarian"),
        (launch("librarian", "slow"), "running", "model:slow"),
        (launch("oracle", "slow"), "queued", "model:slow"),
        (launch("explorer", "fast"), "queued", "explorer"),
        (launch("oracle", "fast"), "running", "oracle"),
    ];
    for ((id, _), expected, group) in &tasks {
        let expected = json!(expected);
        wait_until("the limits to be used", || sandbox.record(id)["status"] == expected);
        assert_eq!(sandbox.record(id)["concurrency_key"], *group);
    }
    sandbox.open_gate("gate");
    for ((id, _), ..) in &tasks {
        assert_eq!(sandbox.ended(id)["status"], "completed");
    }
}

#[test]
fn the_droid_of_the_file_is_the_one_that_is_started() {
    let sandbox = sandbox();
    let droid = sandbox.path("another");
    fs::rename(sandbox.path("bin/droid"), &droid).expect("a link in the sandbox");
    write(&sandbox, &format!("droid = {:?}\n", droid.display().to_string()));
    let id = sandbox.launch("SAY hi");
    assert_eq!(sandbox.ended(&id)["result"], "hi");
}
