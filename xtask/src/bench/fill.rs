//! Stores with a history: thousands of records, written as the program writes them.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::command::capture;
use crate::failure::{During, Failure};

use super::yard::Yard;

/// When the first of the made-up tasks was launched, in milliseconds since the epoch.
const FIRST: u64 = 1_700_000_000_000;

/// Fills the store with `count` ended tasks, each a copy of one that really ran, and returns the id of one of them.
///
/// # Errors
///
/// When a task cannot be run, or a file not be written.
pub(super) fn fill(yard: &Yard, store: &Path, count: u64) -> Result<String, Failure> {
    let model = model(yard, store)?;
    for number in 0..count {
        write(store, &model, number)?;
    }
    Ok(id(count / 2))
}

/// Fills a folder with as many records of the floor.
///
/// # Errors
///
/// When a file cannot be written.
pub(super) fn fill_floor(folder: &Path, count: u64) -> Result<(), Failure> {
    for number in 0..count {
        let id = id(number);
        let text = format!("{{\"id\":\"{id}\",\"status\":\"completed\",\"pad\":\"{:0900}\"}}\n", 0);
        fs::write(folder.join(format!("{id}.json")), text).during("writing a record")?;
    }
    Ok(())
}

fn id(number: u64) -> String {
    format!("bg_{:x}{number:06x}", FIRST + number)
}

/// A record of a task that ran to its end.
fn model(yard: &Yard, store: &Path) -> Result<Value, Failure> {
    let said = capture(yard.task_bg(store).args(["run", "a build", "--json", "--", "true"]))?;
    let said: Value = serde_json::from_str(&said).during("reading the answer of `run`")?;
    let id = said["taskId"].as_str().unwrap_or_default().to_owned();
    capture(yard.task_bg(store).args(["wait", &id]))?;
    let text = fs::read_to_string(store.join(format!("{id}.json"))).during("reading a record")?;
    serde_json::from_str(&text).during("reading a record")
}

fn write(store: &Path, model: &Value, number: u64) -> Result<(), Failure> {
    let id = id(number);
    let mut record = model.clone();
    record["id"] = json!(id);
    record["session_id"] = json!(format!("session-{number}"));
    record["prompt"] =
        json!(format!("make part-{number} {}", "and look at what it says ".repeat(8)));
    let text = serde_json::to_string_pretty(&record).during("writing a record")?;
    let path = store.join(format!("{id}.json"));
    fs::write(&path, text).during("writing a record")?;
    // It ended long ago.
    let file = fs::File::options().write(true).open(path).during("dating a record")?;
    file.set_modified(UNIX_EPOCH + Duration::from_millis(FIRST)).during("dating a record")
}
