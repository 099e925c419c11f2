//! What it costs to start: one task, and a thousand.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::capture;
use crate::failure::{During, Failure};

use super::fill::fill;
use super::timing::{Row, Work};
use super::yard::{Yard, has, in_memory, quietly};

/// How often one launch is timed.
const ROUNDS: usize = 200;
/// How many tasks are launched in a row, and how often that is timed.
const MANY: (usize, usize) = (1000, 3);

/// One launch of `true`: with nothing recorded, with 10,000 recorded, and where a sync is free.
pub(super) fn launch(yard: &Yard) -> Result<Vec<Row>, Failure> {
    let empty = yard.folder("launch-0/store")?;
    let full = yard.folder("launch-10000/store")?;
    fill(yard, &full, 10_000)?;
    let mut rows = vec![
        of_one(yard, "launch, nothing recorded", &empty, &yard.folder("floor-launch")?)?,
        of_one(yard, "launch, 10,000 recorded", &full, &yard.folder("floor-launch-2")?)?,
    ];
    if let Some(memory) = in_memory()? {
        let (store, floor) = (memory.path().join("store"), memory.path().join("floor"));
        for folder in [&store, &floor] {
            std::fs::create_dir(folder).during("making a folder in memory")?;
        }
        rows.push(of_one(yard, "launch, the store in memory", &store, &floor)?);
        settle(yard, &store)?;
    }
    Ok(rows)
}

fn of_one(yard: &Yard, name: &str, store: &Path, floor: &Path) -> Result<Row, Failure> {
    let launched = |command: &mut Command| quietly(command);
    let mut works = vec![
        Work::new("task-bg", |_| launched(yard.task_bg(store).args(["run", "t", "--", "true"]))),
        Work::new("C, synced", |round| {
            let id = format!("s{round}");
            launched(yard.floor(true).arg("launch").arg(floor).args([&id, "true"]))
        }),
        Work::new("C", |round| {
            let id = format!("u{round}");
            launched(yard.floor(false).arg("launch").arg(floor).args([&id, "true"]))
        }),
    ];
    works.extend(others(yard)?);
    let row = Row::measure(name, ROUNDS, works);
    settle(yard, store)?;
    row
}

/// One launch by each of the others that are installed.
fn others(yard: &Yard) -> Result<Vec<Work<'_>>, Failure> {
    for name in ["tsp", "nq"] {
        yard.folder(name)?;
    }
    let mut works = Vec::new();
    if has("tsp") {
        works.push(Work::new("tsp", |_| quietly(yard.other("tsp").arg("true"))));
    }
    if has("nq") {
        works.push(Work::new("nq", |_| quietly(yard.other("nq").arg("true"))));
    }
    Ok(works)
}

/// A thousand launches of `true` one after another, until all are recorded done, and the same as one batch.
pub(super) fn thousand(yard: &Yard) -> Result<Vec<Row>, Failure> {
    let (count, rounds) = MANY;
    let batch = yard.root().join("thousand.jsonl");
    let line = "{\"description\":\"t\",\"command\":[\"true\"]}\n";
    std::fs::write(&batch, line.repeat(count)).during("writing the batch")?;
    let floor = yard.folder("floor-thousand")?;
    let folder = |kind: &str, round: usize| yard.folder(&format!("{kind}-{round}/store"));
    let mut works = vec![
        Work::new("task-bg", |round| {
            let store = folder("thousand", round)?;
            for _ in 0..count {
                quietly(yard.task_bg(&store).args(["run", "t", "--", "true"]))?;
            }
            settle(yard, &store)
        }),
        Work::new("task-bg batch", |round| {
            let store = folder("batch", round)?;
            let mut command = yard.task_bg(&store);
            command.env("TASK_BG_MAX_RUNNING", "8");
            quietly(command.arg("batch").arg(&batch).arg("--wait=300s"))
        }),
        Work::new("C, synced", |round| {
            for number in 0..count {
                let id = format!("s{round}-{number}");
                quietly(yard.floor(true).arg("launch").arg(&floor).args([&id, "true"]))?;
            }
            Ok(())
        }),
    ];
    if has("tsp") {
        works.push(Work::new("tsp", |_| {
            for _ in 0..count {
                quietly(yard.other("tsp").arg("true"))?;
            }
            quietly(yard.other("tsp").arg("-w")).or(Ok(()))
        }));
    }
    if has("nq") {
        works.push(Work::new("nq", |_| {
            for _ in 0..count {
                quietly(yard.other("nq").arg("true"))?;
            }
            quietly(yard.other("nq").arg("-w"))
        }));
    }
    Row::measure("1,000 launches of `true`, all recorded done", rounds, works).map(|row| vec![row])
}

/// Waits until no task of the store runs.
pub(super) fn settle(yard: &Yard, store: &Path) -> Result<(), Failure> {
    loop {
        let said = capture(yard.task_bg(store).args(["list", "--status", "running", "--json"]))?;
        let said: Value = serde_json::from_str(&said).during("reading the answer of `list`")?;
        if said["running"] == 0 && said["queued"] == 0 {
            return Ok(());
        }
        drop(crate::command::observe(yard.task_bg(store).args(["wait", "--timeout", "60s"]))?);
    }
}
