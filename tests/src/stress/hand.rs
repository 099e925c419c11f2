//! One of those who give orders at once, and what all of them know together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::Chance;
use crate::crashing::laws::{self, SECRET};
use crate::run::{Ran, Run};
use crate::sandbox::Sandbox;

/// The most points that an armed command may pass before it would die.
const FURTHEST: usize = 60;
/// How many of the tasks known last somebody means who means any.
const LATELY: usize = 30;

/// What is known of all that was ordered.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The tasks that were announced, and how each was seen to have ended.
    announced: Mutex<BTreeMap<String, Option<String>>>,
    /// The marks that agents leave, and how often each may be left.
    marks: Mutex<BTreeMap<String, usize>>,
    commands: AtomicUsize,
    died: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

fn of<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn commands(&self) -> usize {
        self.commands.load(Ordering::SeqCst)
    }

    pub(super) fn died(&self) -> usize {
        self.died.load(Ordering::SeqCst)
    }

    pub(super) fn tasks(&self) -> usize {
        of(&self.announced).len()
    }

    /// What an answer says of tasks.
    fn heard(&self, answer: &Value) {
        match answer {
            Value::Array(parts) => parts.iter().for_each(|part| self.heard(part)),
            Value::Object(parts) => {
                parts.values().for_each(|part| self.heard(part));
                let text = |key: &str| parts.get(key).and_then(Value::as_str);
                let Some(id) = text("taskId").or_else(|| text("id")) else { return };
                let ended =
                    text("status").filter(|it| ["completed", "error", "cancelled"].contains(it));
                let mut announced = of(&self.announced);
                let known = announced.entry(id.to_owned()).or_default();
                if let (Some(before), Some(now)) = (&*known, ended)
                    && before != now
                {
                    of(&self.wrong).push(format!("{id} had ended as {before} and is {now} now"));
                }
                *known = ended.map(str::to_owned).or(known.take());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The laws that do not hold once everything has come to rest.
    pub(super) fn violated(&self, sandbox: &Sandbox) -> Vec<String> {
        let mut found = laws::at_rest(sandbox);
        found.append(&mut of(&self.wrong));
        for (id, ended) in &*of(&self.announced) {
            let record = sandbox.store().join(format!("{id}.json"));
            let text = std::fs::read_to_string(record).unwrap_or_default();
            let record: Value = serde_json::from_str(&text).unwrap_or_default();
            let status = record["status"].as_str();
            if status.is_none() {
                found.push(format!("{id} was announced and has no record"));
            } else if ended.is_some() && ended.as_deref() != status {
                found.push(format!("{id} had ended as {ended:?} and is {status:?} now"));
            }
        }
        for (mark, most) in &*of(&self.marks) {
            let times = sandbox.lines_of(mark).len();
            if times > *most {
                found.push(format!("{mark} ran {times} times, and may run {most} times"));
            }
        }
        found
    }
}

/// One who gives orders.
pub(super) struct Hand<'a> {
    sandbox: &'a Sandbox,
    shared: &'a Shared,
    chance: Chance,
    name: String,
    given: usize,
}

impl<'a> Hand<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, shared: &'a Shared, seed: u64, number: u64) -> Self {
        let mut chance = Chance::of(seed.wrapping_add(number));
        // Neighbouring seeds are not to be neighbouring hands.
        chance = Chance::of(chance.draw() ^ number);
        Self { sandbox, shared, chance, name: format!("hand-{number}"), given: 0 }
    }

    /// Does the next thing.
    pub(super) fn act(&mut self) {
        let ran = match self.chance.below(20) {
            0..=4 => Some(self.order()),
            5 => Some(self.order_droid()),
            6 => Some(self.batch()),
            7 | 8 => self.on_one(&["cancel", "--grace", "1"], &[]),
            9 => self.on_one(&["complete"], &["by hand"]),
            10 => self.retry(),
            11 => self.on_one(&["wait", "--timeout", "2"], &[]),
            12 => self.on_one(&["status"], &[]),
            13 => self.on_one(&["output"], &[]),
            14 => Some(self.verb("prune", &["prune", "--grace", "1"])),
            15 => Some(self.verb("cleanup", &["cleanup"])),
            16 => self.hook(),
            _ => Some(self.verb("list", &["list", "--all"])),
        };
        if let Some(ran) = ran {
            if let Ok(answer) = serde_json::from_str(&ran.stdout)
                && !ran.stdout.contains("\"error\":\"")
            {
                self.shared.heard(&answer);
            }
            // 101 is a panic, 134 an abort.
            if matches!(ran.code, 101 | 134 | 139) {
                of(&self.shared.wrong).push(format!("{ran}"));
            }
        }
    }

    /// Runs a command, which may be armed.
    fn run(&mut self, verb: &str, run: Run) -> Ran {
        let number = self.shared.commands.fetch_add(1, Ordering::SeqCst);
        let token = self.sandbox.path(&format!("token-{number}"));
        let (is_armed, at) = (self.chance.below(4) == 0, self.chance.below(FURTHEST));
        let role = if self.chance.below(3) == 0 { "__supervise" } else { verb };
        let run = run.env("SECRET", SECRET).env("TASK_BG_PARENT_SESSION", "P");
        let ran = if is_armed {
            let armed = format!("{role}:{at}:kill:{}", token.display());
            run.env(crate::crashing::VARIABLE, armed).run()
        } else {
            run.run()
        };
        self.shared.died.fetch_add(usize::from(token.exists()), Ordering::SeqCst);
        ran
    }

    fn verb(&mut self, verb: &str, words: &[&str]) -> Ran {
        let run = self.sandbox.task_bg(words);
        self.run(verb, run)
    }

    /// A new mark, which may be left so often.
    fn mark(&mut self, most: usize) -> String {
        self.given += 1;
        let mark = format!("{}-{}", self.name, self.given);
        of(&self.shared.marks).insert(mark.clone(), most);
        format!("echo ran >> {}", self.sandbox.path(&mark).display())
    }

    fn script(&mut self, most: usize) -> String {
        let mark = self.mark(most);
        let end =
            ["", "; exit 1", "; sleep 0.3", "; sleep 2", "; kill -9 $$", "; sleep 0.1 & echo x"];
        let end = self.chance.of_these(&end).copied().unwrap_or_default();
        format!("{mark}{end}")
    }

    fn order(&mut self) -> Ran {
        let retries = self.chance.below(3);
        let script = self.script(1 + retries);
        let (retries, key) = (retries.to_string(), format!("{}-{}", self.name, self.given));
        let mut words = vec!["run", "x", "--retries", &retries];
        if self.chance.below(4) == 0 {
            words.extend(["--key", &key]);
        }
        words.extend(["--", "sh", "-c", &script]);
        self.verb("run", &words)
    }

    fn order_droid(&mut self) -> Ran {
        let prompt = format!("SHELL {}\nSAY done", self.mark(1));
        self.verb("launch", &["launch", "x", &prompt, "explore"])
    }

    fn batch(&mut self) -> Ran {
        let mut lines = Vec::new();
        for number in 0..3 {
            let script = self.script(1);
            let mut line = json!({"description": "x", "name": format!("n{number}")});
            line["command"] = json!(["sh", "-c", script]);
            if number > 0 {
                line["after"] = json!([format!("n{}", number - 1)]);
            }
            lines.push(line.to_string());
        }
        let run = self.sandbox.task_bg(["batch", "-"]).stdin(lines.join("\n"));
        self.run("batch", run)
    }

    /// One of the tasks that were announced lately.
    fn one(&mut self) -> Option<String> {
        let known: Vec<String> =
            of(&self.shared.announced).keys().rev().take(LATELY).cloned().collect();
        self.chance.of_these(&known).cloned()
    }

    fn on_one(&mut self, before: &[&str], after: &[&str]) -> Option<Ran> {
        let id = self.one()?;
        let words = [before, &[&id], after].concat();
        Some(self.verb(before[0], &words))
    }

    /// A retry is an order of its own, of which the mark is the first's.
    fn retry(&mut self) -> Option<Ran> {
        let id = self.one()?;
        let record = self.sandbox.store().join(format!("{id}.json"));
        let text = std::fs::read_to_string(record).unwrap_or_default();
        for part in text.split('/').filter(|part| part.starts_with("hand-")) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let mark = part[..end.unwrap_or(part.len())].to_owned();
            // One more, and as many attempts as any order has.
            *of(&self.shared.marks).entry(mark).or_default() += 3;
        }
        Some(self.verb("retry", &["retry", &id]))
    }

    fn hook(&mut self) -> Option<Ran> {
        let kinds = ["PostToolUse", "Stop", "UserPromptSubmit", "SessionStart"];
        let kind = self.chance.of_these(&kinds).copied()?;
        let event = json!({"hook_event_name": kind, "session_id": "P"}).to_string();
        let run = self.sandbox.hook(event);
        drop(self.run("hook", run));
        None
    }
}
