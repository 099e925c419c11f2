//! Losing: a supervisor is killed, an agent is killed, and the record still comes out right.

use serde_json::json;
use tests::process::{alive, kill, pause, resume, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

fn kill_and_wait(pid: u32) {
    kill(pid);
    wait_until("that a killed process is gone", || !alive(pid));
}

/// A task whose supervisor was killed while its agent waits for the gate.
fn orphaned(sandbox: &Sandbox, then: &str) -> (String, u32) {
    let script = format!(
        "PID {}\nWAIT {}\n{then}",
        sandbox.path("pid").display(),
        sandbox.path("gate").display()
    );
    let id = sandbox.launch(&script);
    let agent = sandbox.pid_in("pid");
    kill_and_wait(pid_at(&sandbox.record(&id), "supervisor"));
    assert!(alive(agent), "an agent is to survive its supervisor");
    (id, agent)
}

/// Opens the gate and waits until the agent is gone.
fn let_it_end(sandbox: &Sandbox, agent: u32) {
    sandbox.open_gate("gate");
    wait_until("the agent's end", || !alive(agent));
}

#[test]
fn an_agent_that_completed_after_its_supervisor_was_killed_has_completed() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "TOOL Read {}\nRESULT x\nSAY found alone");
    let_it_end(&sandbox, agent);
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["status"], "completed", "{status:#}");
    assert_eq!(status["result"], "found alone", "{status:#}");
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "completed");
    assert_eq!(record["result"], "found alone");
    wait_until("that the index forgets it", || sandbox.active().is_empty());
}

#[test]
fn an_agent_that_was_refused_after_its_supervisor_was_killed_ends_as_error_permission() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "PERMISSION high");
    let_it_end(&sandbox, agent);
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["status"], "error", "{status:#}");
    assert_eq!(status["progress"]["reason"], "permission", "{status:#}");
}

#[test]
fn when_both_are_dead_and_nothing_says_how_it_ended_it_is_lost() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "SAY never said");
    kill_and_wait(agent);
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&list["running"], &list["error"]), (&json!(0), &json!(1)), "{list:#}");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["status"], "error", "{status:#}");
    assert_eq!(status["progress"]["reason"], "lost", "{status:#}");
    assert_eq!(sandbox.ended(&id)["progress"]["reason"], "lost");
}

#[test]
fn a_command_that_ended_unseen_is_lost() {
    let sandbox = sandbox();
    let gate = sandbox.path("gate");
    let shell = format!("while [ ! -e {} ]; do sleep 0.05; done; echo over", gate.display());
    let id = sandbox.run_command(["sh", "-c", &shell]);
    let record = sandbox.record(&id);
    kill_and_wait(pid_at(&record, "supervisor"));
    let_it_end(&sandbox, pid_at(&record, "agentProcess"));
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["status"], "error", "{status:#}");
    assert_eq!(status["progress"]["reason"], "lost", "{status:#}");
}

#[test]
fn a_waiter_is_not_left_waiting_for_a_task_nobody_watches_any_more() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "SAY found alone");
    let waiter = sandbox.task_bg(["wait", &id, "--timeout", "30"]).start();
    let_it_end(&sandbox, agent);
    let ran = waiter.finish().ok();
    assert_eq!(ran.json()["ended"][0]["result"], "found alone", "{ran}");
}

#[test]
fn a_waiter_is_woken_when_everything_is_killed_at_once() {
    let sandbox = sandbox();
    let id = sandbox.launch(&format!("PID {}\nSLEEP 60", sandbox.path("pid").display()));
    let agent = sandbox.pid_in("pid");
    let waiter = sandbox.task_bg(["wait", &id, "--timeout", "30"]).start();
    kill(pid_at(&sandbox.record(&id), "supervisor"));
    kill(agent);
    let ran = waiter.finish().code_is(5);
    assert_eq!(ran.json()["ended"][0]["status"], "error", "{ran}");
}

#[test]
fn an_agent_that_lives_without_its_supervisor_can_be_cancelled() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "SAY x");
    sandbox.task_bg(["cancel", &id]).ok().done();
    assert!(!alive(agent));
    assert_eq!(sandbox.record(&id)["status"], "cancelled");
    sandbox.assert_nothing_left();
    wait_until("that the index forgets it", || sandbox.active().is_empty());
}

#[test]
fn an_agent_that_lives_without_its_supervisor_is_not_called_lost() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "SAY found alone");
    for words in [vec!["list"], vec!["prune"], vec!["status", &id]] {
        sandbox.task_bg(words).ok().done();
        assert!(alive(agent));
        assert_eq!(sandbox.record(&id)["status"], "running");
    }
    let_it_end(&sandbox, agent);
    sandbox.task_bg(["status", &id]).ok().done();
    assert_eq!(sandbox.ended(&id)["result"], "found alone");
}

#[test]
fn many_that_look_at_once_at_a_lost_task_agree_on_one_ending() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "SAY found alone");
    let_it_end(&sandbox, agent);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let status = sandbox.task_bg(["status", &id]).ok().json();
                assert_eq!(status["result"], "found alone", "{status:#}");
            });
        }
    });
    sandbox.assert_nothing_left();
}

// Processor time was looked at once a minute, by the supervisor: a busy task expired as silent where the
// limit was shorter, and one without a supervisor always.
#[test]
fn prune_gives_up_a_task_that_sleeps_and_none_that_computes() {
    let sandbox = sandbox();
    let busy = ["while :; do :; done"; 2].map(|script| sandbox.run_script(&[], script));
    let silent = sandbox.run_command(["sleep", "60"]);
    let mut agents = Vec::new();
    for id in &busy {
        agents.push(pid_at(&sandbox.record(id), "agentProcess"));
    }
    kill_and_wait(pid_at(&sandbox.record(&busy[1]), "supervisor"));
    wait_until("that the silent one expires", || {
        let prune = sandbox.task_bg(["prune", "--grace", "1"]).env("TASK_BG_STALE", "300ms");
        prune.ok().done();
        sandbox.status(&silent) != "running"
    });
    assert_eq!(sandbox.record(&silent)["progress"]["reason"], "stale");
    for (id, agent) in busy.iter().zip(agents) {
        assert!(alive(agent) && sandbox.status(id) == "running", "{:#}", sandbox.record(id));
    }
    sandbox.task_bg(["cancel", "--all"]).ok().done();
}

/// The command saw no process at all, took the agent for gone, and recorded it as lost.
#[test]
fn who_sees_no_process_takes_none_for_gone() {
    let sandbox = sandbox();
    let (id, agent) = orphaned(&sandbox, "SAY done");
    let script = "unshare -m sh -c 'mount -t tmpfs none /proc || exit 77; exec task-bg list'";
    let looked = sandbox.shell(script).run();
    if looked.code == 0 {
        assert_eq!(sandbox.status(&id), "running", "{looked}");
    }
    assert!(alive(agent));
    sandbox.open_gate("gate");
    wait_until("that its ending is concluded", || {
        sandbox.task_bg(["list"]).ok().done();
        sandbox.status(&id) == "completed"
    });
}

// "running", without a word, for as long as somebody kept the supervisor stopped.
#[test]
fn a_task_whose_supervisor_was_stopped_by_a_signal_is_shown_with_a_note_until_it_goes_on() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], &format!("{}; exit 3", sandbox.until("gate")));
    let record = sandbox.record(&id);
    let (supervisor, agent) = (pid_at(&record, "supervisor"), pid_at(&record, "agentProcess"));
    pause(supervisor);
    sandbox.open_gate("gate");
    wait_until("the agent's end", || !alive(agent));
    let status = sandbox.task_bg(["status", &id]).ok().json();
    let note = status["note"].as_str().unwrap_or_default();
    assert!(note.contains(&format!("`kill -CONT {supervisor}`")), "{status:#}");
    let list = sandbox.task_bg(["list", "--status", "running"]).ok().stdout;
    assert!(list.contains("was stopped by a signal"), "{list}");
    let doctor = sandbox.task_bg(["doctor"]).run().stdout;
    assert!(doctor.contains("stopped by a signal"), "{doctor}");
    resume(supervisor);
    let ended = sandbox.ended(&id);
    assert_eq!(ended["progress"]["exitCode"], 3, "{ended:#}");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert!(status["note"].is_null(), "{status:#}");
}
