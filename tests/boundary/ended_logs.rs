//! What ended tasks take of the disk: it is said where it is much, and freed by whoever is asked, or by a rule.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// The record of a task, which need not be there any more.
fn record(sandbox: &Sandbox, id: &str) -> PathBuf {
    sandbox.store().join(format!("{id}.json"))
}

/// Runs a command to its end, whose supervisor applies the rule then.
fn end_one_more(sandbox: &Sandbox) {
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
}

#[test]
fn a_listing_and_doctor_say_when_the_logs_of_ended_tasks_take_more_than_they_may() {
    let sandbox = sandbox().with_env("TASK_BG_ENDED_LOGS", "64KiB");
    let small = sandbox.run_script(&[], "head -c 4096 /dev/zero");
    sandbox.ended(&small);
    let listed = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(listed["endedLogs"], Value::Null, "{listed}");
    let large = sandbox.run_script(&[], "head -c 200000 /dev/zero");
    let ended = sandbox.ended(&large);
    let bytes = ended["progress"]["logBytes"].as_u64().expect("its size");
    assert!((200_000..300_000).contains(&bytes), "{ended:#}");
    // Also where neither is among what is asked for.
    for words in [&["list"][..], &["list", "--parent", "nobody"], &["list", "--limit", "1"]] {
        let listed = sandbox.task_bg(words).ok().json();
        let said = &listed["endedLogs"];
        assert!(said["bytes"].as_u64() >= Some(bytes), "{words:?}: {listed}");
        assert_eq!(said["limit"], 65_536);
        assert_eq!(said["fix"], "task-bg cleanup --delete --older-than 7d");
    }
    let table = sandbox.task_bg(["list", "--format", "table"]).ok().stdout;
    let line = table.lines().find(|line| line.contains("ended_logs")).expect("a line");
    assert!(line.contains("more than 64KiB") && line.contains("cleanup --delete"), "{line}");
    let doctor = sandbox.task_bg(["doctor"]).run().json();
    let findings = doctor["findings"].as_array().expect("findings");
    let logs = findings.iter().find(|it| it["check"] == "logs").expect("it looks at logs");
    assert_eq!(logs["status"], "warn", "{logs}");
    let never = sandbox.task_bg(["list"]).env("TASK_BG_ENDED_LOGS", "0").ok().json();
    assert_eq!(never["endedLogs"], Value::Null, "{never}");
    sandbox.assert_nothing_kept();
    let cleaned = sandbox.task_bg(["cleanup", "--delete", "--older-than", "1ms"]).ok().json();
    assert_eq!(cleaned["deleted"].as_array().map(Vec::len), Some(2), "{cleaned}");
    let listed = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&listed["endedLogs"], &listed["total"]), (&Value::Null, &json!(0)), "{listed}");
    for id in [&small, &large] {
        let log = sandbox.store().join(format!("{id}.out"));
        assert!(!log.exists(), "its log is gone, too");
    }
}

// The sizes are in records since then; what older programs recorded counts as well.
#[test]
fn the_logs_of_a_task_whose_record_does_not_say_their_size_count_as_well() {
    let sandbox = sandbox().with_env("TASK_BG_ENDED_LOGS", "64KiB");
    let id = sandbox.run_script(&[], "head -c 200000 /dev/zero");
    let mut ended = sandbox.ended(&id);
    sandbox.assert_nothing_kept();
    ended["progress"].as_object_mut().expect("progress").remove("logBytes");
    fs::write(record(&sandbox, &id), ended.to_string()).expect("its record");
    let listed = sandbox.task_bg(["list"]).ok().json();
    assert!(listed["endedLogs"]["bytes"].as_u64() >= Some(200_000), "{listed}");
}

#[test]
fn a_rule_removes_ended_tasks_that_somebody_collected_and_no_others() {
    let sandbox = sandbox().with_env("TASK_BG_KEEP_ENDED", "1ms");
    let [seen, unseen] = ["seen", "unseen"].map(|words| sandbox.run_command(["echo", words]));
    let of_session = |parent: &str| {
        let run = sandbox.task_bg(["run", "x", "--parent", parent, "--", "echo", parent]);
        task_id(&run.ok().json())
    };
    let [told, untold] = ["told", "untold"].map(of_session);
    for id in [&seen, &unseen, &told, &untold] {
        sandbox.ended(id);
    }
    sandbox.assert_nothing_kept();
    // To read records, as this test does, collects nothing.
    sandbox.task_bg(["output", &seen, "--result"]).ok().done();
    // Somebody else's look is not the parent's.
    sandbox.task_bg(["wait", &untold]).ok().done();
    sandbox.task_bg(["wait", &told]).env("TASK_BG_PARENT_SESSION", "told").ok().done();
    end_one_more(&sandbox);
    wait_until("that the rule is applied", || {
        !record(&sandbox, &seen).exists() && !record(&sandbox, &told).exists()
    });
    sandbox.task_bg(["status", &seen]).run().failure(3);
    end_one_more(&sandbox);
    sandbox.assert_nothing_kept();
    sandbox.wait_until_idle();
    for id in [&unseen, &untold] {
        assert!(record(&sandbox, id).exists(), "nobody has collected {id}");
    }
    let notices = fs::read_dir(sandbox.store().join(".notices/main")).expect("marks").count();
    assert_eq!(notices, 0, "what was collected is forgotten with its task");
    // Once, `doctor` called the file of the rule one that does not belong there.
    let checked = sandbox.task_bg(["doctor"]).run().json();
    assert!(!checked["findings"].to_string().contains("what belongs there"), "{checked:#}");
}

#[test]
fn without_the_rule_nothing_is_removed() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    end_one_more(&sandbox);
    sandbox.assert_nothing_kept();
    sandbox.wait_until_idle();
    assert!(record(&sandbox, &id).exists());
    let config = sandbox.task_bg(["config"]).ok().json();
    let rows = config["settings"].as_array().expect("rows");
    let value =
        |name: &str| rows.iter().find(|row| row["name"] == name).map(|row| row["value"].clone());
    assert_eq!(value("keep_ended"), Some(json!("0s")));
    assert_eq!(value("ended_logs"), Some(json!("4GiB")));
}
