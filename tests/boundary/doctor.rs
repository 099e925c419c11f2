//! `doctor`: what it finds, what it mends, and what its exit code says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tests::process::{pause, resume, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// The finding of one check.
fn finding(answer: &Value, check: &str) -> Value {
    let findings = answer["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {answer}")).clone()
}

fn doctor(sandbox: &Sandbox, check: &str) -> Value {
    finding(&sandbox.task_bg(["doctor"]).ok().json(), check)
}

fn settings(sandbox: &Sandbox, text: &str) {
    let folder = sandbox.home().join(".factory");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("settings.json"), text).expect("a file");
}

fn droid(sandbox: &Sandbox, script: &str) {
    sandbox.remove_droid();
    let program = sandbox.path("bin/droid");
    fs::write(&program, script).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn a_fresh_home_is_well_and_nothing_is_made_in_it() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 0.225.2\n");
    let answer = sandbox.task_bg(["doctor"]).ok().json();
    assert_eq!(answer["ok"], true);
    assert!(finding(&answer, "droid")["detail"].as_str().is_some_and(|it| it.contains("0.225.2")));
    assert_eq!(finding(&answer, "hooks")["status"], "warn", "they are not registered yet");
    assert!(!sandbox.home().join(".factory").exists());
    sandbox.task_bg(["hooks", "install"]).ok().done();
    assert_eq!(doctor(&sandbox, "hooks")["status"], "ok");
}

// Once, whoever only used `run` was told that something was broken.
#[test]
fn without_droid_it_warns_who_only_runs_commands_and_exits_with_0() {
    let sandbox = sandbox();
    sandbox.remove_droid();
    sandbox.ended(&sandbox.run_command(["true"]));
    let answer = sandbox.task_bg(["doctor"]).ok().json();
    let finding = finding(&answer, "droid");
    assert_eq!((&answer["ok"], &finding["status"]), (&json!(true), &json!("warn")));
}

#[test]
fn a_path_without_ps_is_named_beside_droid() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    assert_eq!(doctor(&sandbox, "ps")["status"], "ok");
    let without = sandbox.task_bg(["doctor"]).env("PATH", sandbox.path("bin"));
    let finding = finding(&without.ok().json(), "ps");
    assert_eq!(finding["status"], "warn", "{finding}");
}

// Once, a task whose life lock somebody had removed was found well.
#[test]
fn a_task_whose_life_lock_was_removed_is_named_with_what_puts_it_back() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], &sandbox.until("gate"));
    assert_eq!(doctor(&sandbox, "locks")["status"], "ok");
    let lock = sandbox.store().join(".active").join(&id);
    // Otherwise its supervisor puts it back before anybody looks.
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    pause(supervisor);
    fs::remove_file(&lock).expect("its life lock");
    let found = doctor(&sandbox, "locks");
    resume(supervisor);
    assert_eq!(found["status"], "warn", "{found}");
    assert!(found["detail"].as_str().is_some_and(|it| it.contains(&id)), "{found}");
    assert_eq!(found["fix"], "run `task-bg doctor --fix`");
    sandbox.task_bg(["doctor", "--fix"]).ok().done();
    wait_until("the lock", || lock.exists());
    assert_eq!(doctor(&sandbox, "locks")["status"], "ok");
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

// Once, a `stale` that could never act was passed over in silence.
#[test]
fn settings_that_contradict_each_other_are_said_by_config_and_doctor_and_an_ending_names_its_limit()
{
    let sandbox = sandbox().with_env("TASK_BG_STALE", "2h");
    let said = |verb: &str| sandbox.task_bg([verb]).run().json().to_string();
    for verb in ["config", "doctor"] {
        let said = said(verb);
        assert!(said.contains("`stale` never acts") && said.contains("`ttl`, 30m"), "{said}");
    }
    let table = sandbox.task_bg(["config", "--format", "table"]).ok().stdout;
    assert!(table.contains("warning: `stale` never acts"), "{table}");
    let ends = |options: &[&str], ttl: &str| {
        let id = sandbox.run_script(options, "sleep 100");
        let prune = ["prune", "--grace", "1"];
        wait_until("it expires", || {
            let ran = sandbox.task_bg(prune).env("TASK_BG_TTL", ttl).run();
            ran.stdout.contains(&id) || sandbox.status(&id) == "error"
        });
        sandbox.ended(&id)["error"].as_str().unwrap_or_default().to_owned()
    };
    assert!(ends(&[], "0.1s").contains("(`ttl`)"));
    assert!(ends(&["--timeout", "0.2s"], "1h").contains("(`--timeout`)"));
    assert!(ends(&["--stale", "0.1s"], "1h").contains("(`--stale`)"));
}

#[test]
fn without_droid_it_exits_with_1_where_droid_is_used_and_says_what_to_do() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.launch("SAY hi"));
    sandbox.remove_droid();
    let answer = sandbox.task_bg(["doctor"]).code(1).json();
    let finding = finding(&answer, "droid");
    assert_eq!((&answer["ok"], &finding["status"]), (&json!(false), &json!("fail")));
    assert!(finding["fix"].as_str().is_some_and(|fix| fix.contains("install droid")));
}

#[test]
fn a_store_that_cannot_be_used_is_named() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    fs::write(sandbox.path("file"), "").expect("a file");
    let run = sandbox.task_bg(["doctor"]).env("TASK_BG_DIR", sandbox.path("file"));
    assert_eq!(finding(&run.code(1).json(), "store")["status"], "fail");
}

#[test]
fn what_others_could_read_is_named_and_closed_on_demand() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    let store = sandbox.store();
    fs::create_dir_all(&store).expect("a folder");
    let record = store.join("bg_1.json");
    fs::write(&record, "{}").expect("a file");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o644)).expect("a mode");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_eq!(doctor(&sandbox, "store")["status"], "warn");
    let fixed = sandbox.task_bg(["doctor", "--fix"]).ok().json();
    assert_eq!(finding(&fixed, "store")["status"], "ok", "{fixed}");
    let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&record), mode(&store)), (0o600, 0o700));
    assert_eq!(fs::read_to_string(&record).expect("it is there"), "{}", "not a byte of it changes");
}

#[test]
fn unreadable_records_and_tasks_on_their_own_are_named() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    fs::create_dir_all(sandbox.store()).expect("a folder");
    fs::write(sandbox.store().join("bg_dead.json"), "{").expect("a file");
    let foreign = json!({
        "id": "bg_2", "session_id": "s", "parent_session_id": "main", "description": "d",
        "prompt": "p", "agent": "explorer", "status": "running",
        "started_at": "2026-01-01T00:00:00.000000+00:00", "queued_at": null, "completed_at": null,
        "result": null, "error": null, "progress": null, "concurrency_key": null, "parent_model": null,
    });
    fs::write(sandbox.store().join("bg_2.json"), foreign.to_string()).expect("a file");
    let answer = sandbox.task_bg(["doctor"]).ok().json();
    let detail = |check: &str| finding(&answer, check)["detail"].to_string();
    assert!(detail("records").contains("bg_dead.json"), "{answer}");
    assert!(detail("supervision").contains("bg_2"), "{answer}");
}

#[test]
fn leftovers_are_counted_and_removed_on_demand() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    sandbox.task_bg(["list"]).ok().done();
    let active = sandbox.store().join(".active");
    fs::create_dir_all(&active).expect("a folder");
    fs::create_dir_all(sandbox.store().join(".sessions")).expect("a folder");
    fs::write(active.join("bg_77"), "").expect("a stale life lock");
    assert_eq!(doctor(&sandbox, "leftovers")["status"], "warn");
    let fixed = sandbox.task_bg(["doctor", "--fix"]).ok().json();
    assert!(
        finding(&fixed, "leftovers")["detail"].to_string().contains("1 were removed"),
        "{fixed}"
    );
    assert_eq!(doctor(&sandbox, "leftovers")["detail"], "none");
}

#[test]
fn a_sandbox_that_keeps_agents_from_the_store_is_a_failure() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    settings(&sandbox, r#"{"sandbox":{"enabled":true}}"#);
    let answer = sandbox.task_bg(["doctor"]).code(1).json();
    assert_eq!(finding(&answer, "sandbox")["status"], "fail");
    settings(
        &sandbox,
        r#"{"sandbox":{"enabled":true,"filesystem":{"allowWrite":["~/.factory/.omd"]}}}"#,
    );
    assert_eq!(doctor(&sandbox, "sandbox")["status"], "ok");
}

#[test]
fn broken_settings_are_named_and_stop_nothing() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    settings(&sandbox, "{,}");
    let answer = sandbox.task_bg(["doctor"]).ok().json();
    assert!(finding(&answer, "hooks")["detail"].to_string().contains("line 1"), "{answer}");
}

#[test]
fn a_droid_that_cannot_be_read_is_named_with_the_reason_and_one_that_hides_another_too() {
    let sandbox = sandbox();
    droid(&sandbox, "#!/bin/sh\necho 1\n");
    let folder = sandbox.home().join(".factory/droids");
    fs::create_dir_all(&folder).expect("a folder");
    let detail = |finding: &Value| finding["detail"].as_str().unwrap_or_default().to_owned();
    let fresh = doctor(&sandbox, "droids");
    assert_eq!((&fresh["status"], &*detail(&fresh)), (&json!("ok"), "11 (11 builtin)"));

    fs::write(folder.join("oracle.md"), "mine").expect("a file");
    let hiding = doctor(&sandbox, "droids");
    assert_eq!(hiding["status"], "ok");
    let expected = "11 (1 user, 10 builtin); `oracle` hides the one of builtin";
    assert_eq!(detail(&hiding), expected);

    let broken = folder.join("broken.md");
    fs::write(&broken, "").expect("a file");
    let finding = doctor(&sandbox, "droids");
    assert_eq!(finding["status"], "warn");
    let said = detail(&finding);
    assert!(said.starts_with(&format!("`{}`: below its front matter", broken.display())), "{said}");
    assert!(said.contains("`oracle` hides"), "{said}");
}
