//! Control groups: with one, and without, nothing of a task is left that nobody names.

mod chains;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at, task_id};

use crate::sandbox;

/// Launches a command, with a control group where one can be had, or without.
#[track_caller]
pub(crate) fn run(sandbox: &Sandbox, groups: &str, script: &str) -> String {
    let run = sandbox.task_bg(["run", "a task", "--", "sh", "-c", script]);
    let answer = run.env("TASK_BG_CGROUPS", groups).ok().json();
    answer["taskId"].as_str().expect("an id").to_owned()
}

/// Whether groups can be made here, as `doctor` says.
fn has_groups(sandbox: &Sandbox) -> bool {
    let doctor = sandbox.task_bg(["doctor"]).run().json();
    let checks = doctor["findings"].as_array().expect("findings");
    let processes = checks.iter().find(|check| check["check"] == "processes").expect("a check");
    processes["detail"].as_str().is_some_and(|detail| detail.starts_with("each task gets"))
}

pub(crate) fn group_of(record: &Value) -> Option<&str> {
    record["progress"]["cgroup"].as_str()
}

/// Waits until all of a task is in its group, as the sticky bit of that says: it is put there once the launch was answered.
#[track_caller]
pub(crate) fn grouped(record: &Value) {
    let Some(group) = group_of(record) else { return };
    wait_until("that the task is in its group", || {
        fs::metadata(group).is_ok_and(|it| it.permissions().mode() & 0o1000 != 0)
    });
}

#[test]
fn a_task_has_a_group_while_it_runs_and_none_is_left_after_it() {
    let sandbox = sandbox();
    let id = run(&sandbox, "auto", &format!("{}; exit 3", sandbox.until("gate")));
    let record = sandbox.record(&id);
    assert_eq!(group_of(&record).is_some(), has_groups(&sandbox), "{record:#}");
    let Some(group) = group_of(&record) else { return };
    grouped(&record);
    let agent = pid_at(&record, "agentProcess");
    let procs = fs::read_to_string(Path::new(group).join("cgroup.procs")).expect("a group");
    let is_in = |pid: u32| procs.lines().any(|line| line == pid.to_string());
    let supervisor = pid_at(&record, "supervisor");
    assert!(is_in(agent) && !is_in(supervisor), "{procs}");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["progress"]["exitCode"], 3);
    wait_until("that its group is removed", || !Path::new(group).exists());
}

#[test]
fn without_groups_a_task_runs_as_well() {
    let sandbox = sandbox();
    let id = run(&sandbox, "off", "exit 3");
    let record = sandbox.ended(&id);
    assert_eq!((group_of(&record), &record["progress"]["exitCode"]), (None, &json!(3)));
}

#[test]
fn a_task_that_a_task_launched_is_in_no_group_of_the_first_and_is_spared() {
    let sandbox = sandbox();
    let launched = sandbox.path("launched");
    let script = format!("task-bg run inner -- sleep 60 >{}; exec sleep 60", launched.display());
    let outer = run(&sandbox, "auto", &script);
    let answer = || fs::read_to_string(&launched).unwrap_or_default();
    wait_until("that it has launched", || answer().contains("taskId"));
    let answer: Value = serde_json::from_str(&answer()).expect("an answer");
    let inner = answer["taskId"].as_str().expect("an id");
    let (outer_record, inner_record) = (sandbox.record(&outer), sandbox.record(inner));
    if let (Some(outer), Some(inner)) = (group_of(&outer_record), group_of(&inner_record)) {
        assert_eq!(Path::new(outer).parent(), Path::new(inner).parent());
    }
    sandbox.task_bg(["cancel", &outer]).ok().done();
    let agent = pid_at(&inner_record, "agentProcess");
    assert!(alive(agent), "what a task launched is a task of its own");
    assert_eq!(sandbox.status(inner), "running");
    sandbox.task_bg(["cancel", inner]).ok().done();
    sandbox.assert_nothing_left();
}

/// Once, a process that had cleared its environment and left its parents was found by nobody when the supervisor and
/// the agent were killed together.
#[test]
fn what_hides_is_found_by_its_group_when_supervisor_and_agent_are_killed_together() {
    let sandbox = sandbox();
    if !has_groups(&sandbox) {
        return;
    }
    let left = sandbox.path("left");
    let hide = "env -i setsid sh -c 'exec sleep 300' </dev/null >/dev/null 2>&1 & echo $!";
    let id = run(&sandbox, "auto", &format!("{{ {hide} >{}; }}; exec sleep 300", left.display()));
    let hidden = sandbox.pid_in("left");
    let record = sandbox.record(&id);
    grouped(&record);
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("that it is gone", || !alive(pid));
    }
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["status"], "error", "{status:#}");
    assert_eq!(status["survivors"], json!([hidden]), "{status:#}");
    let answer = sandbox.task_bg(["cancel", &id]).ok().json();
    assert_eq!(answer["stopped"], json!([id]), "{answer:#}");
    assert!(!alive(hidden) && answer["unproved"].is_null(), "{answer:#}");
    let group = group_of(&record).expect("a group");
    assert!(!Path::new(group).exists(), "its group is removed");
}

/// A supervisor that is killed before all of its task is in the group leaves what had hidden by then outside, where nobody finds it. Once,
/// a cancel took a group that was removed for a proof that nothing was left.
#[test]
fn what_a_group_did_not_hold_when_its_supervisor_was_killed_is_named_as_unproved() {
    for with_agent in [true, false] {
        let sandbox = sandbox();
        if !has_groups(&sandbox) {
            return;
        }
        let left = sandbox.path("left");
        let hide = "env -i setsid sh -c 'exec sleep 300' </dev/null >/dev/null 2>&1 & echo $!";
        let script =
            format!("{{ {hide} >{}; }}; setsid sleep 300 & exec sleep 300", left.display());
        let id = run(&sandbox, "auto", &script);
        let hidden = sandbox.pid_in("left");
        let record = sandbox.record(&id);
        grouped(&record);
        let group = Path::new(group_of(&record).expect("a group"));
        // As it is before all of it is there.
        let outside = group.parent().expect("another group").join("cgroup.procs");
        fs::write(outside, hidden.to_string()).expect("it is moved out");
        fs::set_permissions(group, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let [supervisor, agent] = ["supervisor", "agentProcess"].map(|key| pid_at(&record, key));
        for pid in if with_agent { vec![supervisor, agent] } else { vec![supervisor] } {
            kill(pid);
            wait_until("that it is gone", || !alive(pid));
        }
        let answer = sandbox.task_bg(["cancel", &id]).run().json();
        assert_eq!(answer["unproved"], json!([id]), "{answer:#}");
        assert!(!group.exists(), "its group is removed");
        kill(hidden);
        wait_until("that it is gone", || !alive(hidden));
    }
}

/// The group of a task that has ended, and the process that it left there with this command; `None` without groups.
fn leaving(sandbox: &Sandbox, command: &str) -> Option<(PathBuf, u32)> {
    let (gate, left) = (sandbox.until("gate"), sandbox.path("left"));
    let script = format!("{gate}; {command} & echo $! >{}", left.display());
    let id = run(sandbox, "auto", &script);
    let record = sandbox.record(&id);
    let group = group_of(&record).map(PathBuf::from)?;
    grouped(&record);
    sandbox.open_gate("gate");
    let left = sandbox.pid_in("left");
    sandbox.ended(&id);
    Some((group, left))
}

// Once, only a look at that very task removed it, and `cleanup` and `doctor --fix` a minute later.
#[test]
fn the_group_of_what_outlived_its_task_is_removed_by_the_first_look_once_that_is_gone() {
    let sandbox = sandbox();
    let left = leaving(&sandbox, "sleep 300 >/dev/null 2>&1");
    let Some((group, left)) = left else { return };
    let other = run(&sandbox, "auto", "true");
    sandbox.ended(&other);
    sandbox.task_bg(["status", &other]).ok().done();
    assert!(group.exists() && alive(left), "nobody ends what a task left");
    kill(left);
    wait_until("that it is gone", || !alive(left));
    sandbox.task_bg(["status", &other]).ok().done();
    assert!(!group.exists(), "a look at another task removes it");
    sandbox.assert_nothing_kept();
}

// Once, it stayed where the task was completed by hand: that nobody had recorded an agent was taken for that there had been none.
#[test]
fn the_group_of_a_task_whose_supervisor_was_killed_before_it_could_record_its_agent_is_removed() {
    let sandbox = sandbox();
    let other = run(&sandbox, "auto", "true");
    let other = sandbox.ended(&other);
    let Some(place) = group_of(&other).and_then(|group| Path::new(group).parent()) else { return };
    for verb in [&["complete"][..], &["cancel"]] {
        let words = ["run", "a task", "--hold", "--", "true"];
        let id = task_id(&sandbox.task_bg(words).ok().json());
        // What a supervisor had done that was killed before its agent began.
        let group = place.join(format!("task-bg-{id}"));
        fs::create_dir(&group).expect("root may");
        let active = sandbox.store().join(".active");
        fs::rename(active.join(format!("{id}.env")), active.join(&id)).expect("it waited");
        fs::write(active.join(&id), "").expect("a life lock is empty");
        let rest: &[&str] = if verb == ["complete"] { &["done"] } else { &[] };
        // A look before the cancel ends it.
        sandbox.task_bg([verb, &[&id], rest].concat()).run().done();
        assert!(sandbox.record(&id)["completed_at"].is_string(), "{verb:?}");
        assert!(!group.exists(), "{verb:?}");
    }
}

// Once, `cleanup` took the name of its life lock away, by which whoever looks next would have found what there was to put away, and
// a hook did when it heard of the end.
#[test]
fn what_a_supervisor_left_that_was_killed_after_it_recorded_the_ending_is_put_away_whole() {
    for verb in ["complete", "hook"] {
        let sandbox = sandbox();
        let (told, gate) = (sandbox.path("told"), sandbox.path("gate"));
        let tell = format!("echo told >> {}", told.display());
        let prompt = format!("WAIT {}\nSAY done", gate.display());
        let words = ["launch", "a task", &prompt, "explore", "--notify", &tell];
        let id = task_id(&sandbox.task_bg(words).ok().json());
        let record = sandbox.record(&id);
        let Some(group) = group_of(&record).map(Path::new) else { return };
        grouped(&record);
        let supervisor = pid_at(&record, "supervisor");
        kill(supervisor);
        wait_until("that it is gone", || !alive(supervisor));
        if verb == "hook" {
            let session = record["session_id"].as_str().expect("a session");
            let event = json!({"hook_event_name": "SubagentStop", "session_id": session, "task_result": "x"});
            sandbox.hook(event.to_string()).ok().done();
        } else {
            sandbox.task_bg(["complete", &id, "x"]).ok().done();
        }
        assert_eq!(sandbox.status(&id), "completed", "{verb}");
        sandbox.open_gate("gate");
        let agent = pid_at(&record, "agentProcess");
        wait_until("that its agent is gone", || !alive(agent));
        sandbox.task_bg(["cleanup"]).ok().done();
        assert!(!group.exists(), "{verb}");
        wait_until("that somebody is told", || told.exists());
        sandbox.assert_nothing_kept();
    }
}

// Once, the process that had kept the bound of a log left the group where it was.
#[test]
fn whoever_stays_for_what_outlives_its_task_removes_the_group_in_the_end() {
    let sandbox = sandbox();
    let Some((group, left)) = leaving(&sandbox, "sleep 300") else { return };
    kill(left);
    wait_until("that its group is removed", || !group.exists());
    sandbox.assert_nothing_kept();
}

// Once, it rested for ever where nothing but the hook looked, which has no task taken over.
#[test]
fn the_hook_lets_a_task_go_on_that_rests_since_its_supervisor_was_killed() {
    let sandbox = sandbox();
    let script = sandbox.until("gate");
    let run = sandbox.task_bg(["run", "a task", "--parent", "P", "--", "sh", "-c", &script]);
    let id = run.ok().json()["taskId"].as_str().expect("an id").to_owned();
    let record = sandbox.record(&id);
    let Some(group) = group_of(&record) else { return };
    grouped(&record);
    let supervisor = pid_at(&record, "supervisor");
    kill(supervisor);
    wait_until("that it is gone", || !alive(supervisor));
    let freeze = Path::new(group).join("cgroup.freeze");
    fs::write(&freeze, "1").expect("it is frozen");
    let event = json!({"hook_event_name": "PostToolUse", "session_id": "P", "tool_name": "Read"});
    sandbox.hook(event.to_string()).ok().done();
    assert_eq!(fs::read_to_string(freeze).expect("a group").trim(), "0");
    sandbox.open_gate("gate");
    sandbox.task_bg(["wait", &id]).run().done();
}
