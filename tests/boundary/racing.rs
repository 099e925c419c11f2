//! Races: many at once on one task, and many tasks at once.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Barrier;

use serde_json::json;
use tests::run::Ran;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// Who tries to end a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Complete(usize),
    Hook(usize),
    Cancel,
}

impl Contender {
    fn words(self) -> Option<String> {
        match self {
            Self::Complete(number) => Some(format!("completed by {number}")),
            Self::Hook(number) => Some(format!("heard by hook {number}")),
            Self::Cancel => None,
        }
    }

    fn act(self, sandbox: &Sandbox, id: &str, session: &str) -> Ran {
        match self {
            Self::Complete(_) => {
                sandbox.task_bg(["complete", id, &self.words().unwrap_or_default()]).run()
            }
            Self::Cancel => sandbox.task_bg(["cancel", id]).run(),
            Self::Hook(number) => {
                let transcript = sandbox.path(&format!("transcript-{number}"));
                let line = json!({ "role": "assistant", "content": self.words() });
                fs::write(&transcript, format!("{line}\n")).expect("a file in the sandbox");
                let input = json!({
                    "hook_event_name": "SubagentStop",
                    "session_id": session,
                    "transcript_path": transcript,
                });
                sandbox.hook(input.to_string()).run()
            }
        }
    }
}

/// Lets all contenders loose on one running task and holds that exactly one ended it.
fn contend(contenders: &[Contender]) {
    let sandbox = sandbox();
    let ran = sandbox.task_bg(["launch", "a task", "SLEEP 60"]).ok();
    let answer = ran.json();
    let (id, session) = (task_id(&answer), answer["session_id"].as_str().expect("a session"));
    let start = Barrier::new(contenders.len());
    let outcomes: Vec<(Contender, Ran)> = std::thread::scope(|scope| {
        let threads: Vec<_> = contenders
            .iter()
            .map(|contender| {
                let (sandbox, id, start) = (&sandbox, &id, &start);
                scope.spawn(move || {
                    start.wait();
                    (*contender, contender.act(sandbox, id, session))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a contender")).collect()
    });
    let record = sandbox.record(&id);
    let winners = contenders.iter().filter(|contender| match contender.words() {
        Some(words) => record["status"] == "completed" && record["result"] == words.as_str(),
        None => record["status"] == "cancelled",
    });
    let winners: Vec<_> = winners.collect();
    assert!(!winners.is_empty(), "nobody ended it: {record:#}");
    assert!(matches!(winners[0], Contender::Cancel) || winners.len() == 1, "{winners:?}");
    for (contender, ran) in &outcomes {
        match contender {
            Contender::Hook(_) => {
                assert!(ran.code == 0 && ran.stdout.is_empty(), "a hook is to be silent\n{ran}");
            }
            Contender::Complete(_) => {
                let expected = if winners.contains(&contender) { 0 } else { 4 };
                assert_eq!(ran.code, expected, "{winners:?} won\n{ran}");
            }
            // One that came late may have stopped the agent of a task that had ended.
            Contender::Cancel => assert!(matches!(ran.code, 0 | 4), "{ran}"),
        }
    }
    assert!(record["completed_at"].is_string(), "{record:#}");
    if contenders.contains(&Contender::Cancel) {
        sandbox.assert_nothing_left();
        assert_eq!(sandbox.active(), [""; 0]);
    }
    let later = sandbox.task_bg(["status", &id]).ok().json();
    for key in ["status", "result", "error", "completed_at"] {
        assert_eq!(later[key], record[key], "an ended task changed");
    }
}

#[test]
fn of_fifty_that_complete_cancel_or_hear_of_one_task_exactly_one_ends_it() {
    let contenders: Vec<_> = (0..50)
        .map(|number| match number % 3 {
            0 => Contender::Complete(number),
            1 => Contender::Hook(number),
            _ => Contender::Cancel,
        })
        .collect();
    contend(&contenders);
}

#[test]
fn of_fifty_that_complete_one_task_forty_nine_are_refused() {
    let contenders: Vec<_> = (0..50).map(Contender::Complete).collect();
    contend(&contenders);
}

#[test]
fn of_twenty_that_cancel_one_task_all_come_back_when_nothing_is_left() {
    contend(&[Contender::Cancel; 20]);
}

#[test]
fn the_agents_own_end_and_complete_are_one_ending() {
    for _ in 0..10 {
        let sandbox = sandbox();
        let gate = sandbox.path("gate");
        let id = sandbox.launch(&format!("WAIT {}\nSAY by itself", gate.display()));
        let start = Barrier::new(2);
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                sandbox.open_gate("gate");
            });
            start.wait();
            sandbox.task_bg(["complete", &id, "by hand"]).run()
        });
        let record = sandbox.ended(&id);
        let expected = if ran.code == 0 { "by hand" } else { "by itself" };
        assert_eq!(record["result"], expected, "{ran}");
        assert!(matches!(ran.code, 0 | 4), "{ran}");
        sandbox.assert_nothing_left();
        assert_eq!(sandbox.record(&id)["result"], expected);
    }
}

#[test]
fn two_hundred_tasks_launched_by_sixteen_at_once_are_all_recorded_and_all_end_well() {
    const LAUNCHERS: usize = 16;
    const TASKS: usize = 200;
    let sandbox = sandbox();
    let start = Barrier::new(LAUNCHERS);
    let ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..LAUNCHERS)
            .map(|launcher| {
                let (sandbox, start) = (&sandbox, &start);
                scope.spawn(move || {
                    start.wait();
                    (launcher..TASKS)
                        .step_by(LAUNCHERS)
                        .map(|task| match task % 2 {
                            0 => sandbox.run_command(["true"]),
                            _ => sandbox.launch(&format!("SAY task {task}")),
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a launcher")).collect()
    });
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), TASKS, "an id was given twice");
    for id in &ids {
        let record = sandbox.ended(id);
        assert_eq!(record["status"], "completed", "{record:#}");
    }
    let list = sandbox.task_bg(["list", "--all"]).ok().json();
    assert_eq!(list["total"], TASKS, "{list:#}");
    assert_eq!(list["completed"], TASKS);
    assert_eq!(list["unreadable"], json!([]));
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0]);
    let strays = fs::read_dir(sandbox.store()).expect("a folder").filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let known = different.iter().any(|id| name.starts_with(id.as_str()));
        (!known && !name.starts_with('.')).then_some(name)
    });
    assert_eq!(strays.collect::<Vec<_>>(), [""; 0], "something half-written was left");
}

/// A `wait` for everything ended with "not found" where a retry was just being put into the queue: a task's environment
/// is kept before there is a record, and counted as a task.
#[test]
fn what_is_only_just_being_launched_disturbs_nobody_who_means_all_tasks() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_command(["true"]));
    let active = sandbox.store().join(".active");
    fs::write(active.join("bg_queued.env"), "=").expect("an environment without a record");
    fs::write(active.join("bg_started"), "").expect("a life lock without a record");
    assert_eq!(sandbox.task_bg(["wait"]).ok().json()["pending"], json!([]));
    assert_eq!(sandbox.task_bg(["cancel", "--all"]).ok().json()["refused"], json!([]));
}
