//! The store as a whole: something else in its place, moved away and back, and brought back from another boot.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use tests::meddling::make_pipe;
use tests::process::{alive, kill, terminate, wait_until};
use tests::sandbox::pid_at;

use crate::sandbox;

/// Puts something in the place of a store.
type Put = fn(&Path);

// "Not a directory", with a hint about modes; and of a link that leads nowhere `list` said that there were no tasks.
#[test]
fn what_is_no_folder_is_refused_as_a_store_by_every_verb_and_costs_no_task_its_end() {
    let puts: [(&str, Put); 3] = [
        ("no folder", |path| fs::write(path, "x").expect("a file")),
        ("no folder", make_pipe),
        ("leads nowhere", |path| symlink("/nowhere/at/all", path).expect("a link")),
    ];
    for (what, put) in puts {
        let sandbox = sandbox();
        let id = sandbox.run_script(&["--parent", "P"], &sandbox.until("gate"));
        let (store, away) = (sandbox.store(), sandbox.path("away"));
        fs::rename(&store, &away).expect("renamed");
        put(&store);
        for words in [
            &["list"][..],
            &["status", &id],
            &["output", &id],
            &["wait"],
            &["cancel", "--all"],
            &["run", "x", "--", "true"],
            &["queue"],
            &["prune"],
            &["cleanup", "--delete"],
        ] {
            let failed = sandbox.task_bg(words).code(8).json();
            let [error, hint] =
                ["error", "hint"].map(|key| failed[key].as_str().unwrap_or_default());
            assert!(error.contains(what), "{words:?}: {failed:#}");
            assert!(hint.contains("mv ") && hint.contains("TASK_BG_DIR"), "{failed:#}");
        }
        let doctor = sandbox.task_bg(["doctor"]).code(1).json();
        assert!(doctor.to_string().contains(what), "{doctor:#}");
        let event = json!({"session_id": "P", "hook_event_name": "Stop"}).to_string();
        assert_eq!(sandbox.hook(event).ok().stdout, "");
        fs::remove_file(&store).expect("removed");
        fs::rename(&away, &store).expect("renamed");
        sandbox.open_gate("gate");
        assert_eq!(sandbox.ended(&id)["status"], "completed");
        sandbox.assert_nothing_kept();
    }
}

// `list` says that there are no tasks, and nobody said that one ran.
#[test]
fn a_task_whose_store_was_removed_is_named_by_doctor_and_can_be_ended() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "300"]);
    let [supervisor, agent] =
        ["supervisor", "agentProcess"].map(|key| pid_at(&sandbox.record(&id), key));
    fs::remove_dir_all(sandbox.store()).expect("removed");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
    let doctor = sandbox.task_bg(["doctor"]).run().json();
    let findings = doctor["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.iter().find(|finding| finding["check"] == "unrecorded");
    let found = found.unwrap_or_else(|| panic!("{doctor:#}"));
    let named = format!("{id} (process {supervisor})");
    assert!(found["detail"].as_str().is_some_and(|it| it.contains(&named)), "{found:#}");
    terminate(supervisor);
    wait_until("that both are gone", || !alive(supervisor) && !alive(agent));
}

// Once, nothing named such a process.
#[test]
fn a_task_whose_store_was_removed_and_whose_supervisor_was_killed_is_named_by_doctor() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "300"]);
    let [supervisor, agent] =
        ["supervisor", "agentProcess"].map(|key| pid_at(&sandbox.record(&id), key));
    kill(supervisor);
    wait_until("that it is gone", || !alive(supervisor));
    fs::remove_dir_all(sandbox.store()).expect("removed");
    let doctor = sandbox.task_bg(["doctor"]).run().json().to_string();
    assert!(doctor.contains(&format!("{id} (process {agent})")), "{doctor}");
    terminate(agent);
    wait_until("that it is gone", || !alive(agent));
}

#[test]
fn a_store_that_was_moved_away_and_back_has_lost_nothing() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], &format!("{}; echo found", sandbox.until("gate")));
    let (store, away) = (sandbox.store(), sandbox.path("away"));
    fs::rename(&store, &away).expect("renamed");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
    sandbox.task_bg(["status", &id]).code(3).done();
    drop(fs::remove_dir_all(&store));
    fs::rename(&away, &store).expect("renamed");
    let waited = sandbox.task_bg(["wait", &id, "--timeout", "20s"]).start();
    sandbox.open_gate("gate");
    let waited = waited.finish().ok().json();
    assert_eq!(waited["ended"][0]["result"], "found", "{waited:#}");
}

#[test]
fn what_ran_in_another_boot_ends_as_lost_with_what_it_found_and_strangers_are_spared() {
    let sandbox = sandbox();
    let stranger = sandbox.run_command(["sleep", "300"]);
    let stranger = pid_at(&sandbox.record(&stranger), "agentProcess");
    let id = sandbox.launch("SAY found so far\nSLEEP 300");
    wait_until("that it has spoken", || {
        sandbox.record(&id)["progress"]["lastMessage"] == "found so far"
    });
    let mut record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("that it is gone", || !alive(pid));
        // After a restart the numbers are others'.
        record["progress"][key]["pid"] = json!(stranger);
        record["progress"][key]["bootId"] = json!("00000000-0000-0000-0000-000000000000");
    }
    fs::write(sandbox.store().join(format!("{id}.json")), record.to_string()).expect("a record");
    sandbox.task_bg(["list"]).ok().done();
    let ended = sandbox.record(&id);
    assert_eq!(ended["progress"]["reason"], "lost", "{ended:#}");
    assert!(ended.to_string().contains("found so far"), "{ended:#}");
    sandbox.task_bg(["cancel", &id]).run().done();
    sandbox.task_bg(["prune"]).ok().done();
    assert!(alive(stranger), "a stranger was ended");
    // Its session is known, so that the work goes on.
    assert!(ended["progress"]["droidSessionId"].is_string(), "{ended:#}");
    let resumed = sandbox.task_bg(["resume", &id, "SAY and on", "--wait"]).ok().json();
    assert_eq!(resumed["ended"][0]["result"], "and on", "{resumed:#}");
}
