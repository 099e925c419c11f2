//! Random verbs and kills against the real program and a simple model of it: whatever the order, each task is what the
//! model says, and in the end the laws hold.
//!
//! The model knows of a task no more than what whoever ordered it could know: whether it waits, works, or has ended and
//! how. A sequence that the program does not follow is shortened before it is shown.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tests::crashing::laws;
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at, task_id};

use crate::sandbox;

/// How many sequences are tried.
const CASES: u32 = 10;
/// How many verbs are in the longest.
const LONGEST: usize = 14;

/// Whose processes are killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Supervisor,
    Agent,
    Both,
}

/// What is done next; an index means one of the tasks that there are by then.
#[derive(Clone, Debug)]
enum Verb {
    /// A command that ends at once, with this exit code.
    Quick(u8),
    /// One that works until its gate opens.
    Gated,
    /// One that waits until it is released.
    Held,
    Open(Index),
    Release(Index),
    Cancel(Index),
    Complete(Index),
    Retry(Index),
    Kill(Victim, Index),
    Wait(Index),
    Prune,
    Cleanup,
}

fn verb() -> impl Strategy<Value = Verb> {
    let victim = prop_oneof![Just(Victim::Supervisor), Just(Victim::Agent), Just(Victim::Both)];
    prop_oneof![
        2 => (0_u8..2).prop_map(Verb::Quick),
        4 => Just(Verb::Gated),
        1 => Just(Verb::Held),
        2 => any::<Index>().prop_map(Verb::Open),
        1 => any::<Index>().prop_map(Verb::Release),
        2 => any::<Index>().prop_map(Verb::Cancel),
        2 => any::<Index>().prop_map(Verb::Complete),
        2 => any::<Index>().prop_map(Verb::Retry),
        4 => (victim, any::<Index>()).prop_map(|(victim, which)| Verb::Kill(victim, which)),
        1 => any::<Index>().prop_map(Verb::Wait),
        1 => Just(Verb::Prune),
        1 => Just(Verb::Cleanup),
    ]
}

/// What is known of a task.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Waits,
    Works {
        /// Whether it still has the supervisor that started its agent, which will see how that exits.
        supervised: bool,
    },
    /// It has ended, or is about to, as one of these.
    Ends(&'static [&'static str]),
}

struct Task {
    id: String,
    /// The file that it waits for, if it does.
    gate: Option<String>,
    code: u8,
    known: Known,
}

struct World {
    sandbox: Sandbox,
    tasks: Vec<Task>,
}

fn ending(code: u8) -> Known {
    Known::Ends(if code == 0 { &["completed"] } else { &["error"] })
}

impl World {
    fn run(&self, options: &[&str], script: &str) -> String {
        let words = [&["run", "x"], options, &["--", "sh", "-c", script]].concat();
        let run = self.sandbox.task_bg(words).env("SECRET", laws::SECRET);
        task_id(&run.ok().json())
    }

    fn is_open(&self, gate: Option<&String>) -> bool {
        gate.is_none_or(|gate| self.sandbox.path(gate).exists())
    }

    /// Waits until a task that is about to end has ended, so that what follows meets with one that has.
    fn settled(&self, which: usize) {
        let Task { id, known, .. } = &self.tasks[which];
        if let Known::Ends(_) = known {
            self.sandbox.task_bg(["wait", id, "--timeout", "20"]).run().done();
        }
    }

    fn act(&mut self, verb: &Verb) {
        let count = self.tasks.len();
        match verb {
            Verb::Quick(code) => {
                let id = self.run(&[], &format!("exit {code}"));
                self.tasks.push(Task { id, gate: None, code: *code, known: ending(*code) });
            }
            Verb::Gated => {
                let gate = format!("gate-{count}");
                let id = self.run(&[], &self.sandbox.until(&gate));
                let known = Known::Works { supervised: true };
                self.tasks.push(Task { id, gate: Some(gate), code: 0, known });
            }
            Verb::Held => {
                let id = self.run(&["--hold"], "exit 0");
                self.tasks.push(Task { id, gate: None, code: 0, known: Known::Waits });
            }
            Verb::Open(index) => self.on(*index, Self::open),
            Verb::Release(index) => self.on(*index, Self::release),
            Verb::Cancel(index) => self.on(*index, Self::cancel),
            Verb::Complete(index) => self.on(*index, Self::complete),
            Verb::Retry(index) => self.on(*index, Self::retry),
            Verb::Kill(victim, index) => self.on(*index, |world, which| world.kill(*victim, which)),
            Verb::Wait(index) => self.on(*index, |world, which| world.settled(which)),
            Verb::Prune => self.sandbox.task_bg(["prune"]).ok().done(),
            Verb::Cleanup => self.sandbox.task_bg(["cleanup"]).ok().done(),
        }
    }

    /// Does something to the task that is meant, if there is any task.
    fn on(&mut self, index: Index, act: impl FnOnce(&mut Self, usize)) {
        let count = self.tasks.len();
        if count > 0 {
            act(self, index.index(count));
        }
    }

    fn open(&mut self, which: usize) {
        let Some(gate) = self.tasks[which].gate.clone() else { return };
        self.sandbox.open_gate(&gate);
        for task in self.tasks.iter_mut().filter(|task| task.gate.as_ref() == Some(&gate)) {
            if let Known::Works { supervised } = task.known {
                // How an agent exited nobody saw whose supervisor was another by then.
                let both = Known::Ends(&["completed", "error"]);
                task.known = if supervised { ending(task.code) } else { both };
            }
        }
    }

    fn release(&mut self, which: usize) {
        let Task { id, code, known, .. } = &mut self.tasks[which];
        let ran = self.sandbox.task_bg(["release", id]).run();
        match known {
            Known::Waits => {
                ran.ok().done();
                *known = ending(*code);
            }
            Known::Works { .. } | Known::Ends(_) => assert_ne!(ran.code, 0, "{ran}"),
        }
    }

    fn cancel(&mut self, which: usize) {
        self.settled(which);
        let Task { id, known, .. } = &mut self.tasks[which];
        let ran = self.sandbox.task_bg(["cancel", "--grace", "1", id]).run();
        match known {
            Known::Waits | Known::Works { .. } => {
                ran.ok().done();
                *known = Known::Ends(&["cancelled"]);
            }
            // What one that was reported as completed has left is stopped.
            Known::Ends(_) => assert!(matches!(ran.code, 0 | 4), "{ran}"),
        }
    }

    fn complete(&mut self, which: usize) {
        self.settled(which);
        let Task { id, known, .. } = &mut self.tasks[which];
        let ran = self.sandbox.task_bg(["complete", id, "by hand"]).run();
        match known {
            Known::Waits | Known::Works { .. } => {
                ran.ok().done();
                *known = Known::Ends(&["completed"]);
            }
            // A result is kept beside an ending that was a guess.
            Known::Ends(_) => assert!(matches!(ran.code, 0 | 4), "{ran}"),
        }
    }

    fn retry(&mut self, which: usize) {
        self.settled(which);
        let Task { id, gate, code, known } = &self.tasks[which];
        let ran = self.sandbox.task_bg(["retry", id]).env("SECRET", laws::SECRET).run();
        if !matches!(known, Known::Ends(_)) {
            assert_eq!(ran.code, 4, "{ran}");
            return;
        }
        assert!(matches!(ran.code, 0 | 4), "{ran}");
        if ran.code == 0 {
            let works = Known::Works { supervised: true };
            let known = if self.is_open(gate.as_ref()) { ending(*code) } else { works };
            let id = task_id(&ran.json());
            self.tasks.push(Task { id, gate: gate.clone(), code: *code, known });
        }
    }

    fn kill(&mut self, victim: Victim, which: usize) {
        let Known::Works { .. } = self.tasks[which].known else { return };
        let record = self.sandbox.record(&self.tasks[which].id);
        let pids: Vec<u32> = match victim {
            Victim::Supervisor => vec![pid_at(&record, "supervisor")],
            Victim::Agent => vec![pid_at(&record, "agentProcess")],
            Victim::Both => {
                vec![pid_at(&record, "supervisor"), pid_at(&record, "agentProcess")]
            }
        };
        for pid in &pids {
            kill(*pid);
        }
        wait_until("their end", || !pids.iter().any(|pid| alive(*pid)));
        self.tasks[which].known = match victim {
            Victim::Supervisor => Known::Works { supervised: false },
            Victim::Agent | Victim::Both => Known::Ends(&["error"]),
        };
    }

    /// Holds that every task is what the model says.
    fn check(&self) {
        let listed = self.sandbox.task_bg(["list", "--all"]).ok().json();
        assert_eq!(listed["total"], self.tasks.len(), "{listed:#}");
        for Task { id, known, .. } in &self.tasks {
            let is_it = |task: &&Value| task["id"] == id.as_str();
            let found = listed["tasks"].as_array().and_then(|them| them.iter().find(is_it));
            let status = found.and_then(|it| it["status"].as_str()).unwrap_or("absent");
            let fits = match known {
                Known::Waits => status == "queued",
                Known::Works { .. } => status == "running",
                Known::Ends(ways) => {
                    ["running", "queued"].contains(&status) || ways.contains(&status)
                }
            };
            assert!(fits, "{id} is {status}, and {known:?} by the model: {listed:#}");
        }
    }

    /// Lets everything end, and holds the laws.
    fn finish(&mut self) {
        for which in 0..self.tasks.len() {
            self.open(which);
            if self.tasks[which].known == Known::Waits {
                self.release(which);
            }
        }
        assert_eq!(laws::at_rest(&self.sandbox), Vec::<String>::new());
        for Task { id, known, .. } in &self.tasks {
            let status = self.sandbox.status(id);
            let Known::Ends(ways) = known else { panic!("{id} has no end") };
            assert!(ways.contains(&status.as_str()), "{id} ended as {status}, not {ways:?}");
        }
    }
}

#[test]
fn whatever_is_done_and_killed_in_whatever_order_each_task_is_what_a_simple_model_says() {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        // Each costs as much as a whole sequence.
        max_shrink_iters: 40,
        ..Config::default()
    };
    let verbs = prop::collection::vec(verb(), 1..LONGEST);
    let tried = TestRunner::new(config).run(&verbs, |verbs| {
        let mut world = World { sandbox: sandbox(), tasks: Vec::new() };
        for verb in &verbs {
            world.act(verb);
            world.check();
        }
        world.finish();
        Ok(())
    });
    tried.unwrap_or_else(|failed| panic!("{failed}"));
}
