//! The Python original and task-bg take turns on one store: hundreds of verbs by either, in an order that a
//! seed decides. After each, both read every record, nothing is lost, and no ending has changed.
//!
//! `TASK_BG_TURNS_SEED` runs another order; a failure names its seed and the last verbs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tests::original::{HALF, Original, Record};
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// How many verbs are said.
const VERBS: usize = 500;
/// The seed of a usual run.
const SEED: u64 = 0x5eed;
/// By how much local time is behind UTC: who takes it for UTC takes each task for hours old.
const BEHIND: Duration = Duration::from_secs(5 * 3_600);
/// The same for programs.
const ZONE: &str = "XYZ5";
/// The most tasks of ours that work at once.
const AT_WORK: usize = 4;

/// What a seed decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        // A splitmix step.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("below the bound")
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        (!all.is_empty()).then(|| &all[self.below(all.len())])
    }
}

/// One store, and what is known of each task in it.
struct Shared {
    sandbox: Sandbox,
    original: Original,
    dice: Dice,
    /// What may not change of a record, and its ending once it has one.
    known: BTreeMap<String, (Record, Option<Record>)>,
    /// The gates of our tasks at work.
    gates: BTreeMap<String, String>,
    said: Vec<String>,
}

/// The fields that are given at the launch.
const GIVEN: [&str; 6] =
    ["id", "session_id", "parent_session_id", "description", "prompt", "agent"];
/// The fields that make an ending.
const ENDING: [&str; 4] = ["status", "completed_at", "result", "error"];

fn fields(record: &Record, names: &[&str]) -> Record {
    names.iter().map(|name| ((*name).to_owned(), record[*name].clone())).collect()
}

impl Shared {
    fn new(seed: u64) -> Self {
        let sandbox = sandbox().with_env("TZ", ZONE).with_env("TASK_BG_MAX_RUNNING", "50");
        std::fs::create_dir_all(sandbox.store()).expect("a folder");
        let original = Original::new(sandbox.store(), BEHIND);
        let (known, gates) = (BTreeMap::new(), BTreeMap::new());
        Self { sandbox, original, dice: Dice(seed), known, gates, said: Vec::new() }
    }

    /// The ids of the records with this status.
    fn with_status(&self, status: &str) -> Vec<String> {
        let all = self.original.read_all().into_iter();
        all.filter(|(_, record)| record["status"] == status).map(|(id, _)| id).collect()
    }

    /// One that runs, or one that has ended.
    fn running(&mut self) -> Option<String> {
        let running = self.with_status("running");
        self.dice.one_of(&running).cloned()
    }

    fn ended(&mut self, status: &str) -> Option<String> {
        let ended = self.with_status(status);
        self.dice.one_of(&ended).cloned()
    }

    fn any(&mut self) -> Option<String> {
        let all: Vec<String> = self.known.keys().cloned().collect();
        self.dice.one_of(&all).cloned()
    }

    /// `task-bg` with these words; whatever it says, it is no failure of its own.
    fn task_bg(&self, words: &[&str]) -> Value {
        let ran = self.sandbox.task_bg(words.iter().copied()).run();
        assert!(matches!(ran.code, 0 | 3 | 4 | 5), "{ran}");
        ran.json()
    }

    /// Says one verb; returns what it was.
    fn say(&mut self) -> Option<String> {
        let number = self.said.len();
        let done = match self.dice.below(20) {
            0 => {
                let ago = [0, 60, 40 * 60, 90 * 60][self.dice.below(4)];
                let parent = ["main", "P"][self.dice.below(2)];
                let description = format!("task {number}, über {HALF}");
                let prompt = format!("SAY again {number} \u{1f980}");
                let ago = Duration::from_secs(ago);
                format!(
                    "original launch {}",
                    self.original.launch(&description, &prompt, parent, ago)
                )
            }
            1 | 2 => {
                let id = self.running()?;
                let error = (self.dice.below(3) == 0).then_some("it broke");
                self.original.complete(&id, &format!("found {number}"), error);
                format!("original complete {id}")
            }
            3 => {
                let id = self.running()?;
                let session = self.original.read(&id)?["session_id"].as_str()?.to_owned();
                let done = self.original.hook_complete(&session, "from its hook");
                format!("original hook-complete {done:?}")
            }
            4 => format!("original prune {:?}", self.original.prune()),
            5 => format!("original list {}", self.original.read_all().len()),
            6 | 7 => self.launch_ours(number),
            8 | 9 => self.finish_ours()?,
            10 => {
                let id = self.running()?;
                self.task_bg(&["complete", &id, &format!("by hand {number}")]);
                format!("complete {id}")
            }
            11 => {
                let id = self.ended(["completed", "error", "cancelled"][number % 3])?;
                self.task_bg(&["complete", &id, "too late", "and wrong"]);
                format!("complete, too late, {id}")
            }
            12 => {
                let id = self.running()?;
                let session = self.original.read(&id)?["session_id"].clone();
                let input = json!({ "session_id": session, "task_result": "from the hook" });
                self.sandbox.hook(input.to_string()).ok().done();
                format!("hook {id}")
            }
            13 => {
                let id = self.running()?;
                self.task_bg(&["cancel", "--grace", "1", &id]);
                format!("cancel {id}")
            }
            14 => {
                let failed = self.with_status("error");
                // A command of ours would wait for its gate once more.
                let theirs = |id: &String| {
                    self.original.read(id).is_some_and(|it| it["agent"] == "explorer")
                };
                let theirs: Vec<String> = failed.into_iter().filter(theirs).collect();
                let id = self.dice.one_of(&theirs)?.clone();
                let answer = self.task_bg(&["retry", &id]);
                let next = answer["taskId"].as_str().map(str::to_owned);
                if let Some(next) = &next {
                    self.sandbox.ended(next);
                }
                format!("retry {id} as {next:?}")
            }
            15 => {
                let expired = self.original.expired();
                let answer = self.task_bg(&["prune"]);
                let removed = answer["removed"].as_array().into_iter().flatten();
                let mut removed: Vec<&str> = removed.filter_map(Value::as_str).collect();
                removed.sort_unstable();
                assert_eq!(removed, expired, "both mean the same moments");
                format!("prune {removed:?}")
            }
            16 => format!("cleanup {}", self.task_bg(&["cleanup"])["cleaned"]),
            17 => {
                let id = self.any()?;
                assert_eq!(self.task_bg(&["status", &id])["id"], json!(id));
                format!("status {id}")
            }
            18 => {
                let id = self.any()?;
                self.task_bg(&["output", &id]);
                format!("output {id}")
            }
            _ => format!("report {}", self.task_bg(&["report", "--json"])["total"]),
        };
        Some(done)
    }

    /// A command of ours that works until its gate is open.
    fn launch_ours(&mut self, number: usize) -> String {
        if self.gates.len() >= AT_WORK {
            return self.finish_ours().unwrap_or_default();
        }
        let gate = format!("gate-{number}");
        let script = format!("{}; echo found {number}", self.sandbox.until(&gate));
        let words = ["run", "one of ours", "--parent", "P", "--", "sh", "-c", &script];
        let id = task_id(&self.sandbox.task_bg(words).ok().json());
        self.gates.insert(id.clone(), gate);
        format!("run {id}")
    }

    /// Lets a task of ours come to its end.
    fn finish_ours(&mut self) -> Option<String> {
        let ours: Vec<String> = self.gates.keys().cloned().collect();
        let id = self.dice.one_of(&ours)?.clone();
        let gate = self.gates.remove(&id)?;
        self.sandbox.open_gate(&gate);
        // Also where somebody else has recorded an ending: its supervisor notes the exit then.
        wait_until("that nobody looks after it", || self.sandbox.traces(&id).is_empty());
        Some(format!("end of {id}"))
    }

    /// Both read everything, nothing is lost, no ending has changed.
    fn check(&mut self) {
        let theirs = self.original.read_all();
        let ours = self.sandbox.task_bg(["list", "--all", "--full"]).ok().json();
        let said = &self.said[self.said.len().saturating_sub(6)..];
        assert_eq!(ours["unreadable"], json!([]), "{said:#?}");
        assert_eq!(ours["total"], json!(theirs.len()), "{said:#?}");
        for id in self.known.keys() {
            assert!(theirs.contains_key(id), "{id} is lost: {said:#?}");
        }
        let statuses: BTreeMap<&str, &Value> = ours["tasks"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|task| Some((task["id"].as_str()?, &task["status"])))
            .collect();
        for (id, record) in &theirs {
            assert_eq!(statuses.get(id.as_str()), Some(&&record["status"]), "{id}: {said:#?}");
            let ended = !matches!(record["status"].as_str(), Some("running" | "queued"));
            let ending = ended.then(|| fields(record, &ENDING));
            match self.known.get(id) {
                Some((given, before)) => {
                    assert_eq!(&fields(record, &GIVEN), given, "{said:#?}");
                    if before.is_some() {
                        assert_eq!(&ending, before, "the ending of {id} has changed: {said:#?}");
                    }
                }
                None => assert!(said.iter().any(|verb| verb.contains(id)), "{id}: {said:#?}"),
            }
            self.known.insert(id.clone(), (fields(record, &GIVEN), ending));
        }
    }
}

#[test]
fn the_original_and_task_bg_take_turns_and_lose_nothing() {
    let seed = std::env::var("TASK_BG_TURNS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(SEED);
    println!("TASK_BG_TURNS_SEED={seed}");
    let mut shared = Shared::new(seed);
    while shared.said.len() < VERBS {
        // A verb for which there is no task is no verb.
        let Some(said) = shared.say() else { continue };
        shared.said.push(said);
        shared.check();
    }
    let by_original = shared.said.iter().filter(|verb| verb.starts_with("original")).count();
    assert!((VERBS / 4..VERBS * 3 / 4).contains(&by_original), "{by_original} by the original");
    while shared.finish_ours().is_some() {}
    shared.check();
    shared.sandbox.assert_nothing_left();
}
