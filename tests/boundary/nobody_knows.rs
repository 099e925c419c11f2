//! What a task leaves that nothing leads to: nobody claims that it is gone.

use std::path::Path;

use serde_json::{Value, json};
use tests::process::{alive, command_line, descriptors, kill, pause, wait_until};
use tests::sandbox::{names, pid_at};

use crate::grouping::{group_of, grouped, run};
use crate::sandbox;

fn kill_both(record: &Value) {
    let pids = ["supervisor", "agentProcess"].map(|key| pid_at(record, key));
    pids.into_iter().for_each(kill);
    wait_until("that both are gone", || pids.iter().all(|pid| !alive(*pid)));
}

// Once, such a process was found by nobody, and `cleanup` removed the folder that it worked in.
#[test]
fn cleanup_keeps_a_worktree_in_which_a_process_works_that_nothing_leads_to() {
    // A control group would lead to it, or its log.
    let sandbox = sandbox().with_env("TASK_BG_CGROUPS", "off");
    let git =
        "git init -q . && git -c user.email=a@b -c user.name=a commit -q --allow-empty -m one";
    sandbox.shell(git).ok().done();
    let (gate, late) = (sandbox.until("gate"), sandbox.path("late").display().to_string());
    let script = format!(
        "({gate}; env -i setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $! >{late}) & exit 0"
    );
    let id = sandbox.run_script(&["--worktree=w"], &script);
    let record = sandbox.ended(&id);
    sandbox.open_gate("gate");
    let pid = sandbox.pid_in("late");
    let leftover = pid_of_survivor(&record);
    wait_until("that only the late one is left", || !alive(leftover));
    // Before that, its environment names the task.
    wait_until("its program", || command_line(pid).as_deref() == Some("sleep 300"));
    let worktree = record["progress"]["worktree"]["path"].as_str().expect("it has one").to_owned();
    for words in [&["cleanup", "--delete", "--dry-run"][..], &["cleanup", "--delete"]] {
        let cleaned = sandbox.task_bg(words).ok().json();
        assert_eq!(cleaned["deleted"], json!([]), "{cleaned:#}");
        let why = cleaned["kept"][0]["error"].as_str().unwrap_or_default();
        assert!(why.contains(&format!("work in its worktree: {pid}")), "{cleaned:#}");
    }
    assert!(Path::new(&worktree).exists() && alive(pid));
    kill(pid);
    wait_until("its end", || !alive(pid));
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert!(names(&cleaned["deleted"], &id), "{cleaned:#}");
    assert!(!Path::new(&worktree).exists());
}

fn pid_of_survivor(record: &Value) -> u32 {
    let pid = record["progress"]["survivors"][0]["pid"].as_u64().expect("one is left");
    u32::try_from(pid).expect("a number of a process")
}

// A look at all processes rarely sees one that forks on and exits, so the task was said to have left nothing.
#[test]
fn a_process_that_replaces_itself_when_its_task_ends_is_counted_and_its_end_never_claimed() {
    let sandbox = sandbox();
    let chain = "cat >d <<'E'\n[ -e stop ] && exit; echo >>alive; env -i setsid sh ./d &\nE\nsh ./d &\
        until [ -s alive ]; do sleep 0.01; done; exit 0";
    let id = sandbox.run_command(["sh", "-c", chain]);
    let record = sandbox.ended(&id);
    assert!(record["progress"]["survivorCount"].as_u64() >= Some(1), "{record:#}");
    let note = |status: &Value| status["note"].as_str().unwrap_or_default().to_owned();
    if record["progress"]["survivors"].as_array().is_none_or(Vec::is_empty) {
        let status = sandbox.task_bg(["status", &id]).ok().json();
        assert!(note(&status).contains("left"), "{status:#}");
        let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
        assert_eq!(cleaned["deleted"], json!([]), "{cleaned:#}");
        let answer = sandbox.task_bg(["cancel", &id]).ok().json();
        assert!(names(&answer["unproved"], &id), "{answer:#}");
        // Whoever was asked to end it did what can be done.
        let status = sandbox.task_bg(["status", &id]).ok().json();
        assert!(note(&status).is_empty(), "{status:#}");
    }
    std::fs::write(sandbox.work().join("stop"), "").expect("a file");
    sandbox.assert_nothing_left();
}

// Only the supervisor looked for what lived on, and one that was killed after its task was completed by hand never
// did.
#[test]
fn what_lives_on_of_a_task_that_was_completed_by_hand_is_named_though_its_supervisor_was_killed() {
    let sandbox = sandbox();
    let file = sandbox.path("left").display().to_string();
    let script = format!("setsid nohup sleep 300 >/dev/null 2>&1 & echo $! >{file}; exec sleep 60");
    let id = sandbox.run_script(&[], &script);
    let pid = sandbox.pid_in("left");
    sandbox.task_bg(["complete", &id, "by hand"]).ok().done();
    kill_both(&sandbox.record(&id));
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["survivors"], json!([pid]), "{status:#}");
    sandbox.task_bg(["cancel", &id]).ok().done();
    assert!(!alive(pid));
    sandbox.assert_nothing_kept();
}

// Without the supervisor, who alone is told of every child, a cancel claimed that nothing was left.
#[test]
fn a_cancel_says_where_it_cannot_prove_that_nothing_is_left() {
    let sandbox = sandbox();
    let supervised = sandbox.run_command(["sleep", "60"]);
    let answer = sandbox.task_bg(["cancel", &supervised]).ok().json();
    assert!(answer["unproved"].is_null(), "{answer:#}");
    for groups in ["off", "auto"] {
        let run = sandbox.task_bg(["run", "an orphan", "--", "sleep", "60"]);
        let orphan = run.env("TASK_BG_CGROUPS", groups).ok().json()["taskId"].clone();
        let id = orphan.as_str().unwrap_or_default();
        let record = sandbox.record(id);
        // One that never held all of it proves nothing.
        grouped(&record);
        let supervisor = pid_at(&record, "supervisor");
        kill(supervisor);
        wait_until("that it is gone", || !alive(supervisor));
        let answer = sandbox.task_bg(["cancel", id]).ok().json();
        // A control group knows all its processes, whoever looks.
        let proved = record["progress"]["cgroup"].is_string();
        assert!(groups == "auto" || !proved, "{record:#}");
        let unproved = if proved { json!(null) } else { json!([id]) };
        assert_eq!(answer["unproved"], unproved, "{answer:#}");
        sandbox.assert_nothing_left();
    }
}

// A supervisor without a descriptor left sees no process: it ended none, and recorded that the agent was stopped.
#[test]
fn an_agent_that_was_stopped_is_gone_though_its_supervisor_can_open_no_file() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--timeout", "1"], "exec sleep 60");
    let record = sandbox.record(&id);
    let (supervisor, agent) = (pid_at(&record, "supervisor"), pid_at(&record, "agentProcess"));
    // The lowest number that is free is more than it may have.
    let open = descriptors(supervisor);
    let full = (0..1024).find(|number| !open.contains(number)).expect("one is free");
    let limit = |limit: &str| {
        let words = format!("prlimit --pid {supervisor} --nofile={limit}");
        sandbox.shell(&words).run().code == 0
    };
    if !limit(&format!("{full}:1024")) {
        return;
    }
    wait_until("the end of the agent", || !alive(agent));
    assert!(limit("1024:1024"));
    assert_eq!(sandbox.ended(&id)["progress"]["reason"], "timeout");
}

// Once, such a cancel only said that the task had ended before: what its agent had hidden lived on, and nothing named it.
#[test]
fn a_cancel_of_a_task_that_was_killed_with_its_supervisor_names_it_as_unproved() {
    // A control group would hold what hides.
    let sandbox = sandbox().with_env("TASK_BG_CGROUPS", "off");
    for look in [None, Some("list")] {
        let hidden = sandbox.path("hidden");
        let script = format!(
            "(cd /; env -i setsid sh -c 'sleep 300 & echo $! >{0}.new; mv {0}.new {0}' </dev/null >/dev/null 2>&1 &)
             exec sleep 300",
            hidden.display()
        );
        let id = sandbox.run_script(&[], &script);
        sandbox.wait_for_file("hidden");
        let pid = sandbox.pid_in("hidden");
        kill_both(&sandbox.record(&id));
        if let Some(look) = look {
            sandbox.task_bg([look]).ok().done();
        }
        let answer = sandbox.task_bg(["cancel", &id, "--grace", "100ms"]).run().json();
        assert!(names(&answer["unproved"], &id), "after {look:?}: {answer:#}");
        assert!(sandbox.record(&id)["status"] != "running", "{answer:#}");
        if alive(pid) {
            kill(pid);
        }
        std::fs::remove_file(&hidden).expect("it was written");
    }
}

// Once, a cancel said that this was no proof, although the group of the task had held it, and was empty.
#[test]
fn what_a_task_left_in_its_group_is_known_to_be_gone_whoever_looked_meanwhile() {
    for look in [None, Some("status"), Some("list")] {
        let sandbox = sandbox();
        let (gate, left) = (sandbox.until("gate"), sandbox.path("left"));
        let script = format!("sleep 300 >/dev/null 2>&1 & echo $! >{}; {gate}", left.display());
        let id = run(&sandbox, "auto", &script);
        let record = sandbox.record(&id);
        if group_of(&record).is_none() {
            return;
        }
        grouped(&record);
        sandbox.open_gate("gate");
        let (left, supervisor) = (sandbox.pid_in("left"), pid_at(&record, "supervisor"));
        sandbox.ended(&id);
        kill(left);
        wait_until("that both are gone", || !alive(left) && !alive(supervisor));
        match look {
            Some("status") => sandbox.task_bg(["status", &id]).ok().done(),
            Some(verb) => sandbox.task_bg([verb]).ok().done(),
            None => {}
        }
        let answer = sandbox.task_bg(["cancel", &id]).code(4).json();
        assert_eq!(answer["refused"][0]["taskId"], json!(id), "{answer:#}");
        assert!(answer["unproved"].is_null(), "after {look:?}: {answer:#}");
        sandbox.assert_nothing_left();
    }
}

// Once, whoever ended a task whose supervisor went meanwhile said that nothing was proved, also where a group had held all.
#[test]
fn a_cancel_during_which_a_supervisor_is_killed_goes_by_the_group_of_its_task() {
    for groups in ["auto", "off"] {
        let sandbox = sandbox();
        let id = run(&sandbox, groups, "exec sleep 300");
        let record = sandbox.record(&id);
        grouped(&record);
        let [supervisor, agent] = ["supervisor", "agentProcess"].map(|key| pid_at(&record, key));
        pause(supervisor);
        let cancel = sandbox.task_bg(["cancel", &id, "--grace", "100ms"]).start();
        wait_until("that the cancel ended the agent by itself", || !alive(agent));
        kill(supervisor);
        let answer = cancel.finish().code_is(0).json();
        assert_eq!(answer["cancelled"], json!([id]), "{groups}: {answer:#}");
        let proved = group_of(&record).is_some();
        let unproved = if proved { json!(null) } else { json!([id]) };
        assert_eq!(answer["unproved"], unproved, "{groups}: {answer:#}");
        sandbox.assert_nothing_left();
    }
}
