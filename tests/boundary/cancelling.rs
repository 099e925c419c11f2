//! Cancelling: everything a task has started is gone when the command returns.

use serde_json::{Value, json};
use tests::process::{alive, processes_of_task, wait_until};
use tests::sandbox::Sandbox;

use crate::sandbox;

/// Launches an agent with one grandchild of each kind and returns all process ids.
fn launch_with_offspring(sandbox: &Sandbox, first_line: &str) -> (String, Vec<u32>) {
    let file = |name: &str| sandbox.path(name).display().to_string();
    let script = format!(
        "{first_line}\nSETSID {}\nDOUBLEFORK {}\nSETSID_CLEANENV {}\nPID {}\nSLEEP 60",
        file("own"),
        file("orphan"),
        file("clean"),
        file("agent")
    );
    let id = sandbox.launch(&script);
    let pids = ["own", "orphan", "clean", "agent"].map(|name| sandbox.pid_in(name)).to_vec();
    assert!(pids.iter().all(|pid| alive(*pid)));
    (id, pids)
}

#[track_caller]
fn names(list: &Value, id: &str) -> bool {
    list.as_array().is_some_and(|ids| ids.iter().any(|named| named == id))
}

#[test]
fn cancel_returns_when_the_agent_and_every_grandchild_is_gone() {
    let sandbox = sandbox();
    let (id, pids) = launch_with_offspring(&sandbox, "TOOL Execute {}");
    let ran = sandbox.task_bg(["cancel", &id]).ok();
    let alive: Vec<_> = pids.into_iter().filter(|pid| alive(*pid)).collect();
    assert!(alive.is_empty(), "still alive: {alive:?}\n{ran}");
    let answer = ran.json();
    assert!(names(&answer["cancelled"], &id), "{ran}");
    assert_eq!(answer["survivors"], serde_json::json!([]), "{ran}");
    assert_eq!(sandbox.record(&id)["status"], "cancelled");
    assert!(processes_of_task(&id).is_empty());
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0]);
}

#[test]
fn an_agent_that_ignores_term_is_killed_when_the_grace_is_over() {
    let sandbox = sandbox();
    let (id, pids) = launch_with_offspring(&sandbox, "IGNORE TERM");
    sandbox.task_bg(["cancel", &id, "--grace", "1"]).ok().done();
    assert!(!pids.into_iter().any(alive));
    assert_eq!(sandbox.record(&id)["status"], "cancelled");
    sandbox.assert_nothing_left();
}

#[test]
fn what_an_agent_leaves_behind_when_it_ends_by_itself_does_not_keep_the_task_running() {
    let sandbox = sandbox();
    let script = format!("SETSID {}\nSAY done", sandbox.path("own").display());
    let record = sandbox.ended(&sandbox.launch(&script));
    assert_eq!(record["status"], "completed", "{record:#}");
}

#[test]
fn a_command_and_its_children_are_cancelled_alike() {
    let sandbox = sandbox();
    let pid_file = sandbox.path("child");
    let shell = format!("sleep 60 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display());
    let id = sandbox.run_command(["sh", "-c", &shell]);
    let child = sandbox.pid_in("child");
    sandbox.task_bg(["cancel", &id]).ok().done();
    assert!(!alive(child));
    assert_eq!(sandbox.record(&id)["status"], "cancelled");
    sandbox.assert_nothing_left();
}

#[test]
fn a_supervisor_that_is_told_to_stop_cancels_its_task() {
    let sandbox = sandbox();
    let (id, pids) = launch_with_offspring(&sandbox, "ON_TERM complete0");
    let supervisor = sandbox.record(&id)["progress"]["supervisor"]["pid"].as_u64();
    let supervisor = supervisor.and_then(|pid| u32::try_from(pid).ok()).expect("a supervisor");
    tests::process::terminate(supervisor);
    assert_eq!(sandbox.ended(&id)["status"], "cancelled");
    wait_until("that the agent and its offspring are gone", || !pids.iter().copied().any(alive));
    sandbox.assert_nothing_left();
}

#[test]
fn cancelling_what_has_ended_is_refused_and_changes_nothing() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    sandbox.assert_nothing_left();
    let file = sandbox.store().join(format!("{id}.json"));
    let before = std::fs::read(&file).expect("a record");
    let ran = sandbox.task_bg(["cancel", &id]).code(4);
    assert!(ran.stdout.contains(&id), "{ran}");
    assert_eq!(std::fs::read(&file).expect("a record"), before);
}

#[test]
fn cancelling_a_task_that_was_ended_from_outside_stops_its_agent_and_keeps_its_ending() {
    let sandbox = sandbox();
    let (id, pids) = launch_with_offspring(&sandbox, "SAY x");
    sandbox.task_bg(["complete", &id, "found by hand"]).ok().done();
    assert!(pids.iter().all(|pid| alive(*pid)), "`complete` is not to stop anything");
    let ran = sandbox.task_bg(["cancel", &id]).run();
    let alive: Vec<_> = pids.into_iter().filter(|pid| alive(*pid)).collect();
    assert!(alive.is_empty(), "still alive: {alive:?}\n{ran}");
    let record = sandbox.record(&id);
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["result"], "found by hand");
    sandbox.assert_nothing_left();
}

#[test]
fn several_tasks_are_cancelled_at_once_and_one_that_is_not_there_is_named() {
    let sandbox = sandbox();
    let ids: Vec<_> = (0..3).map(|_| sandbox.run_command(["sleep", "60"])).collect();
    let missing = "bg_19cdeadbeef123456";
    let mut words = vec!["cancel"];
    words.extend(ids.iter().map(String::as_str));
    words.push(missing);
    let ran = sandbox.task_bg(words).code(3);
    assert!(ran.stdout.contains(missing), "{ran}");
    for id in &ids {
        assert_eq!(sandbox.record(id)["status"], "cancelled", "{ran}");
    }
    sandbox.assert_nothing_left();
}

#[test]
fn all_that_runs_or_all_of_a_parent_can_be_cancelled() {
    let sandbox = sandbox();
    let run = |parent: &str| {
        let words = ["run", "sleeper", "--parent", parent, "--", "sleep", "60"];
        tests::sandbox::task_id(&sandbox.task_bg(words).ok().json())
    };
    let (mine, yours, others) = (run("mine"), run("yours"), run("others"));
    sandbox.task_bg(["cancel", "--parent", "mine"]).ok().done();
    assert_eq!(sandbox.record(&mine)["status"], "cancelled");
    assert_eq!(sandbox.record(&yours)["status"], "running");
    let answer = sandbox.task_bg(["cancel", "--all"]).ok().json();
    for id in [&yours, &others] {
        assert!(names(&answer["cancelled"], id), "{answer}");
        assert_eq!(sandbox.record(id)["status"], "cancelled");
    }
    sandbox.assert_nothing_left();
}

// A droid that launches tasks gives them a parent of its own: cancelling what the first session launched ended
// the first, and its children ran on.
#[test]
fn cancelling_what_a_session_launched_reaches_what_was_launched_from_within_to_the_last() {
    let sandbox = sandbox();
    let deeper = |parent: &str, then: &str| {
        format!("TASK_BG_PARENT_SESSION={parent} task-bg run deeper -- sh -c '{then}'")
    };
    let touch = |name: &str| format!("touch {}; exec sleep 60", sandbox.path(name).display());
    let inner = deeper("third", &touch("innermost")).replace('\'', "'\\''");
    // The one in between has ended when its family is asked for.
    let script = format!("{}; exec sleep 60", deeper("second", &inner));
    let words = ["run", "outer", "--", "sh", "-c", &script];
    let outer = sandbox.task_bg(words).env("TASK_BG_PARENT_SESSION", "root").ok().json();
    let outer = tests::sandbox::task_id(&outer);
    let stranger = sandbox.run_command(["sleep", "60"]);
    sandbox.wait_for_file("innermost");
    let list = || sandbox.task_bg(["list"]).ok().json();
    wait_until("that the one in between has ended", || {
        let all = list();
        all["completed"] == 1 && all["running"] == 3
    });
    let all = list();
    let of = |status: &str| {
        let tasks = all["tasks"].as_array().into_iter().flatten();
        let tasks = tasks.filter(|task| task["status"] == status);
        tasks.filter_map(|task| task["id"].as_str()).map(str::to_owned).collect::<Vec<_>>()
    };
    let answer = sandbox.task_bg(["cancel", "--parent", "root"]).ok().json();
    for id in of("running") {
        let expected = id != stranger;
        assert_eq!(names(&answer["cancelled"], &id), expected, "{answer:#}\n{all:#}");
    }
    assert!(names(&answer["cancelled"], &outer), "{answer:#}");
    sandbox.task_bg(["cancel", &stranger]).ok().done();
    sandbox.assert_nothing_left();
}

// The agent of a task that was completed by hand worked on, and only `--all` reached it.
#[test]
fn cancelling_what_a_session_launched_stops_what_is_left_of_tasks_that_have_ended() {
    let sandbox = sandbox();
    let run = ["run", "x", "--", "sleep", "60"];
    let launched = sandbox.task_bg(run).env("TASK_BG_PARENT_SESSION", "root").ok().json();
    let id = tests::sandbox::task_id(&launched);
    sandbox.task_bg(["complete", &id, "done"]).ok().done();
    let answer = sandbox.task_bg(["cancel", "--parent", "root"]).ok().json();
    assert!(names(&answer["stopped"], &id), "{answer:#}");
    sandbox.assert_nothing_left();
}

// `--all` and `--parent main` meant only what had not ended; a family and an id reached what was left.
#[test]
fn cancelling_all_tasks_stops_what_those_that_have_ended_left_behind() {
    for words in [&["cancel", "--all"] as &[&str], &["cancel", "--parent", "main"]] {
        let sandbox = sandbox();
        let file = sandbox.path("left").display().to_string();
        let id = sandbox.run_script(&[], &format!("sleep 402 & echo $! >{file}; exit 0"));
        sandbox.ended(&id);
        let pid = sandbox.pid_in("left");
        let answer = sandbox.task_bg(words).ok().json();
        assert!(names(&answer["stopped"], &id), "{answer:#}");
        assert!(!alive(pid), "{words:?}");
        let again = sandbox.task_bg(words).ok().json();
        assert_eq!((&again["stopped"], &again["refused"]), (&json!([]), &json!([])), "{again:#}");
        sandbox.assert_nothing_left();
    }
}
