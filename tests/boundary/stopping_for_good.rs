//! Stopping for good: a task that was cancelled or has expired does not run on, whoever was killed or slow meanwhile.
//!
//! Whoever comes next carries out a recorded intent, and an answer is true when it is printed. Each race comes out
//! the same way every time, because the test holds locks or stops processes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::meddling::{let_come_to_a_lock, limit_open_files, lock_records, supervisor_of, within};
use tests::process::{alive, kill, pause, processes_of_task, resume, wait_until};
use tests::sandbox::{Sandbox, names, pid_at, task_id, text};

use crate::sandbox;

/// A shell that ignores the polite signal, as does whatever it starts.
const DEAF: &str = "trap '' TERM; while :; do sleep 0.05; done";

/// Longer than a grace of a second, shorter than the ten seconds that were once used in its place.
const SOON: Duration = Duration::from_secs(5);

/// Runs a deaf agent and returns its task's id and its process id.
fn deaf(sandbox: &Sandbox) -> (String, u32) {
    let id = sandbox.run_script(&[], DEAF);
    let agent = pid_at(&sandbox.record(&id), "agentProcess");
    // It is once it has come to its loop.
    wait_until("that the agent is deaf", || processes_of_task(&id).len() > 1);
    (id, agent)
}

/// The same without its supervisor.
fn orphan(sandbox: &Sandbox) -> (String, u32) {
    let (id, agent) = deaf(sandbox);
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    kill(supervisor);
    wait_until("the supervisor's end", || !alive(supervisor));
    (id, agent)
}

fn is_to_be_cancelled(sandbox: &Sandbox, id: &str) -> bool {
    sandbox.record(id)["progress"]["cancelRequestedAt"].is_string()
}

fn command_lines(id: &str) -> Vec<String> {
    processes_of_task(id).into_iter().map(|seen| seen.command_line).collect()
}

#[track_caller]
fn is_cancelled(sandbox: &Sandbox, answer: &Value, id: &str) {
    assert!(names(&answer["cancelled"], id), "{answer:#}");
    assert_eq!(answer["refused"], json!([]), "{answer:#}");
    assert_eq!(sandbox.status(id), "cancelled");
    let left = command_lines(id);
    assert!(left.is_empty(), "still alive: {left:?}\n{answer:#}");
}

/// `cancel` looked at the record, the supervisor recorded the start, and `cancel` recorded the ending: it
/// said "cancelled", nobody was signalled, and the agent ran on to its end under a record that said so.
#[test]
fn a_task_that_is_cancelled_while_it_is_being_admitted_does_not_run_on() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    sandbox.run_script(&[], &sandbox.until("gate"));
    let second = sandbox.run_script(&[], "sleep 60");
    let records = lock_records(&sandbox);
    let cancel = sandbox.task_bg(["cancel", &second]).start();
    let_come_to_a_lock(cancel.pid());
    pause(cancel.pid());
    records.free();
    sandbox.open_gate("gate");
    within(Duration::from_secs(2), || sandbox.status(&second) == "running");
    resume(cancel.pid());
    is_cancelled(&sandbox, &cancel.finish().ok().json(), &second);
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0]);
}

/// The agent is started before its start is recorded. A cancel in between answered at once, and the
/// agent was stopped some time after the answer.
#[test]
fn when_cancel_answers_an_agent_is_gone_whose_start_was_not_recorded_yet() {
    let sandbox = sandbox();
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let id =
        sandbox.run_script(&[], &format!("echo > {}; sleep 60", sandbox.path("ran").display()));
    let records = lock_records(&sandbox);
    let admitter = sandbox.task_bg(["queue", "resume"]).start();
    within(Duration::from_millis(1_500), || sandbox.path("ran").exists());
    let supervisor = supervisor_of(&id);
    supervisor.into_iter().for_each(pause);
    records.free();
    let mut cancel = sandbox.task_bg(["cancel", "--grace", "1", &id]).start();
    let answered = within(Duration::from_millis(500), || !cancel.runs());
    let left = command_lines(&id);
    supervisor.into_iter().for_each(resume);
    let answer = cancel.finish().ok().json();
    assert!(!answered || left.is_empty(), "alive at the answer: {left:?}");
    is_cancelled(&sandbox, &answer, &id);
    drop(admitter.finish());
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.traces(&id), [""; 0]);
}

/// The intent was recorded and its cancel was killed; each later one was refused with "it is being cancelled", though
/// nobody was cancelling it any more.
#[test]
fn an_orphan_whose_cancel_was_cut_short_can_be_cancelled() {
    for words in [&["cancel", "--grace", "0"][..], &["cancel", "--grace", "0", "--all"]] {
        let sandbox = sandbox();
        let (id, agent) = orphan(&sandbox);
        let first = sandbox.task_bg(["cancel", "--grace", "60", &id]).start();
        wait_until("the intent", || is_to_be_cancelled(&sandbox, &id));
        kill(first.pid());
        drop(first.finish());
        assert!(alive(agent), "a deaf agent has heard");
        let by_name = (!words.contains(&"--all")).then_some(id.as_str());
        let answer = sandbox.task_bg(words.iter().copied().chain(by_name)).ok().json();
        is_cancelled(&sandbox, &answer, &id);
        sandbox.assert_nothing_left();
        assert_eq!(sandbox.active(), [""; 0]);
    }
}

/// Cancelling many recorded all intents before the first signal was sent. Those that an interrupted
/// cancel had not come to yet ran on, and could not be cancelled any more.
#[test]
fn a_cancel_that_did_not_reach_the_supervisor_is_carried_out_by_the_next() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "60"]);
    let mut record = sandbox.record(&id);
    record["progress"]["cancelRequestedAt"] = record["started_at"].clone();
    record["progress"]["cancelGraceMs"] = json!(10_000);
    std::fs::write(sandbox.store().join(format!("{id}.json")), record.to_string())
        .expect("a record that can be written");
    let answer = sandbox.task_bg(["cancel", "--all", "--grace", "1"]).ok().json();
    is_cancelled(&sandbox, &answer, &id);
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0]);
}

/// A second cancel of a task that took its long grace was refused, so that nobody could hurry it.
#[test]
fn a_second_cancel_shortens_the_grace_of_the_first() {
    let sandbox = sandbox();
    let (id, _) = deaf(&sandbox);
    let first = sandbox.task_bg(["cancel", "--grace", "30", &id]).start();
    wait_until("the intent", || is_to_be_cancelled(&sandbox, &id));
    let began = Instant::now();
    let second = sandbox.task_bg(["cancel", "--grace", "0", &id]).ok().json();
    is_cancelled(&sandbox, &second, &id);
    is_cancelled(&sandbox, &first.finish().ok().json(), &id);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    sandbox.assert_nothing_left();
}

/// Starts `prune` on a deaf agent that has lived for longer than it may.
fn given_up(sandbox: &Sandbox, ids: &[String]) -> tests::run::Started {
    let prune = |words: &[&str]| sandbox.task_bg(words.iter().copied()).env("TASK_BG_TTL", "200ms");
    wait_until("that they are too old", || {
        let planned = prune(&["prune", "--dry-run"]).ok().stdout;
        ids.iter().all(|id| planned.contains(id.as_str()))
    });
    prune(&["prune", "--grace", "1"]).start()
}

/// The ending was recorded before the first signal: whoever waited went on, and dependants began, beside
/// an agent that still worked.
#[test]
fn a_task_that_is_given_up_has_ended_only_when_its_processes_are_gone() {
    let sandbox = sandbox();
    let (id, agent) = deaf(&sandbox);
    let prune = given_up(&sandbox, std::slice::from_ref(&id));
    let record = sandbox.ended(&id);
    assert!(!alive(agent), "it has ended, and its agent works: {record:#}");
    assert_eq!(record["progress"]["reason"], "timeout", "{record:#}");
    prune.finish().ok().done();
    sandbox.assert_nothing_left();
}

/// The supervisor took ten seconds whatever `prune --grace` said.
#[test]
fn prune_gives_agents_the_grace_that_it_was_given() {
    let sandbox = sandbox();
    let (id, agent) = deaf(&sandbox);
    let began = Instant::now();
    let answer = given_up(&sandbox, std::slice::from_ref(&id)).finish().ok();
    assert!(began.elapsed() < SOON, "{:?}\n{answer}", began.elapsed());
    assert!(!alive(agent), "{answer}");
    sandbox.assert_nothing_left();
}

/// The supervisor of a task that had ended took ten seconds whatever `cancel --grace` said.
#[test]
fn cancel_gives_what_is_left_of_an_ended_task_the_grace_that_it_was_given() {
    let sandbox = sandbox();
    let (id, agent) = deaf(&sandbox);
    sandbox.task_bg(["complete", &id, "by hand"]).ok().done();
    let began = Instant::now();
    let answer = sandbox.task_bg(["cancel", "--grace", "300ms", &id]).ok().json();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(names(&answer["stopped"], &id), "{answer:#}");
    assert!(!alive(agent));
    assert_eq!(sandbox.status(&id), "completed");
    sandbox.assert_nothing_left();
}

/// Agents without supervisors were stopped one after another, each with a whole grace.
#[test]
fn many_orphans_are_cancelled_in_the_time_of_one() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..4).map(|_| orphan(&sandbox).0).collect();
    let began = Instant::now();
    let answer = sandbox.task_bg(["cancel", "--all", "--grace", "1"]).ok().json();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for id in &ids {
        is_cancelled(&sandbox, &answer, id);
    }
    sandbox.assert_nothing_left();
}

/// The same of `prune`.
#[test]
fn many_orphans_are_given_up_in_the_time_of_one() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..4).map(|_| orphan(&sandbox).0).collect();
    let prune = given_up(&sandbox, &ids);
    let began = Instant::now();
    let answer = prune.finish().ok();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}\n{answer}", began.elapsed());
    for id in &ids {
        assert_eq!(sandbox.record(id)["progress"]["reason"], "timeout");
    }
    sandbox.assert_nothing_left();
}

/// A task that was completed by hand while its agent worked was deleted with its logs. The agent kept its slot, and
/// nothing could cancel it any more.
#[test]
fn cleanup_keeps_an_ended_task_whose_agent_still_works() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "60"]);
    sandbox.task_bg(["complete", &id, "by hand"]).ok().done();
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert!(names(&cleaned["kept"], &id), "{cleaned:#}");
    assert!(cleaned["kept"][0]["error"].is_string(), "{cleaned:#}");
    assert_eq!(sandbox.status(&id), "completed");
    let answer = sandbox.task_bg(["cancel", &id]).ok().json();
    assert!(names(&answer["stopped"], &id), "{answer:#}");
    sandbox.assert_nothing_left();
    sandbox.task_bg(["cleanup", "--delete"]).ok().done();
    sandbox.task_bg(["status", &id]).code(3).done();
}

/// The same where the supervisor is gone as well.
#[test]
fn cleanup_keeps_an_ended_task_whose_agent_works_without_a_supervisor() {
    let sandbox = sandbox();
    let (id, agent) = orphan(&sandbox);
    sandbox.task_bg(["complete", &id, "by hand"]).ok().done();
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert!(names(&cleaned["kept"], &id), "{cleaned:#}");
    assert!(alive(agent) && sandbox.status(&id) == "completed", "{cleaned:#}");
    sandbox.task_bg(["cancel", "--grace", "0", &id]).ok().done();
    sandbox.assert_nothing_left();
}

/// Runs a command as a caller does that blocks a signal, for a signalfd, say, or ignores it, as `nohup`
/// does. Children inherit both.
fn run_without(sandbox: &Sandbox, how: &str, signal: &str, command: &str) -> String {
    let script = format!("exec env --{how}-signal={signal} task-bg run x -- {command}");
    task_id(&sandbox.shell(&script).ok().json())
}

/// A supervisor did not get the signal that its agent had ended, and noticed it a minute later.
#[test]
fn a_task_ends_when_its_agent_does_whatever_signals_the_caller_does_not_hear() {
    for how in ["block", "ignore"] {
        let sandbox = sandbox();
        let id = run_without(&sandbox, how, "CHLD", "sleep 0.3");
        let ended = within(SOON, || sandbox.status(&id) == "completed");
        assert!(ended, "{how}: {:#}", sandbox.record(&id));
        sandbox.assert_nothing_left();
    }
}

/// The supervisor never got the signal of `cancel`, which stopped the agent itself after sixteen seconds.
#[test]
fn a_supervisor_hears_of_a_cancel_whatever_signals_the_caller_does_not_hear() {
    for how in ["block", "ignore"] {
        let sandbox = sandbox();
        let id = run_without(&sandbox, how, "URG", "sleep 60");
        let began = Instant::now();
        let answer = sandbox.task_bg(["cancel", "--grace", "1", &id]).ok().json();
        assert!(began.elapsed() < SOON, "{how}: {:?}", began.elapsed());
        is_cancelled(&sandbox, &answer, &id);
        sandbox.assert_nothing_left();
    }
}

/// The polite signal did not reach the agent and all it started, and they were killed.
#[test]
fn an_agent_hears_the_polite_signal_though_the_caller_has_blocked_it() {
    let sandbox = sandbox();
    let id = run_without(&sandbox, "block", "TERM", "sleep 60");
    let answer = sandbox.task_bg(["cancel", "--grace", "2", &id]).ok().json();
    is_cancelled(&sandbox, &answer, &id);
    let record = sandbox.record(&id);
    assert_eq!(record["progress"]["signal"], 15, "{record:#}");
    sandbox.assert_nothing_left();
}

/// Blocked and ignored signals are inherited, and few programs expect that.
#[test]
fn an_agent_neither_blocks_nor_ignores_what_the_caller_did() {
    for how in ["ignore", "block"] {
        let sandbox = sandbox();
        let command = "grep -e SigBlk -e SigIgn /proc/self/status";
        let id = run_without(&sandbox, how, "HUP,INT,QUIT,USR1,USR2,TERM", command);
        let record = sandbox.ended(&id);
        let masks = record["result"].as_str().expect("it wrote them").lines();
        for mask in masks {
            let signals = mask.rsplit('\t').next().and_then(|it| u64::from_str_radix(it, 16).ok());
            // The first 31 are those with names.
            assert_eq!(signals.map(|signals| signals & 0x7fff_ffff), Some(0), "{how}: {record:#}");
        }
    }
}

/// The supervisor could open no file in the moment of the limit and so saw no process: it took the agent for gone,
/// recorded the ending, and left the agent at work.
#[test]
fn an_agent_that_cannot_be_seen_for_a_moment_is_not_taken_for_gone() {
    let sandbox = sandbox();
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 60", text(&sandbox.path("pid")));
    let id = sandbox.run_script(&["--timeout", "1"], &script);
    let agent = sandbox.pid_in("pid");
    let supervisor = supervisor_of(&id).expect("it runs");
    let before = limit_open_files(supervisor, 3);
    within(Duration::from_millis(2_500), || !alive(agent));
    limit_open_files(supervisor, before);
    let record = sandbox.ended(&id);
    assert_eq!(record["progress"]["reason"], "timeout", "{record:#}");
    assert!(!alive(agent), "its agent works on: {record:#}");
    sandbox.assert_nothing_left();
}
