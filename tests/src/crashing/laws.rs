//! The laws that hold whatever died: what is looked at after a trial, and the words for what does not hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Seen, comes_true, everybody};
use crate::run::Ran;
use crate::sandbox::Sandbox;

/// What the environment of every launcher holds, and no file may hold in the end.
pub const SECRET: &str = "a-secret-of-the-launcher";
/// How long everything may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(20);

/// An order of a scene: its agent adds a line to a file each time it runs.
#[derive(Clone, Copy, Debug)]
pub struct Ordered {
    /// The name of the file.
    pub mark: &'static str,
    /// How often it may run: once, and once more for each further attempt.
    pub most: usize,
    /// Whether it has to have run if the command said that it was launched.
    pub runs: bool,
}

/// What was recorded before somebody died.
#[derive(Debug, Default)]
pub struct Before {
    /// The tasks, and how those ended that had.
    tasks: BTreeMap<String, Option<Value>>,
}

impl Before {
    /// What is recorded now.
    pub fn of(sandbox: &Sandbox) -> Self {
        let records: BTreeMap<String, Value> =
            records(sandbox).into_iter().filter_map(Result::ok).collect();
        // A further attempt is recorded before the ending that names it; until then nobody knows of it, and it is
        // taken back where that ending does not come.
        let is_known = |(id, record): &(&String, &Value)| {
            let earlier = record["progress"]["retryOf"].as_str().and_then(|it| records.get(it));
            earlier.is_none_or(|earlier| earlier["progress"]["retriedAs"] == id.as_str())
        };
        let known = records.iter().filter(is_known);
        Self { tasks: known.map(|(id, record)| (id.clone(), ending(record))).collect() }
    }
}

/// The laws that do not hold in the sandbox, in which something died in the command that came to `ran`.
pub fn violated(sandbox: &Sandbox, before: &Before, ran: &Ran, orders: &[Ordered]) -> Vec<String> {
    let mut found = Vec::new();
    // Before anybody repaired anything.
    found.extend(unreadable(sandbox));
    let at_once = Before::of(sandbox);
    found.extend(lost(before, &at_once));
    if let Err(words) = settle(sandbox) {
        found.push(words);
        return found;
    }
    found.extend(unreadable(sandbox));
    let after = Before::of(sandbox);
    found.extend(lost(before, &after));
    found.extend(lost(&at_once, &after));
    let announced = announced(ran);
    for id in announced.iter().filter(|id| !after.tasks.contains_key(*id)) {
        found.push(format!("{id} was announced and has no record"));
    }
    for order in orders {
        let times = sandbox.lines_of(order.mark).len();
        if times > order.most {
            found.push(format!("{} ran {times} times", order.mark));
        }
        if times == 0 && order.runs && ran.code == 0 && !announced.is_empty() {
            found.push(format!("{} was announced and never ran", order.mark));
        }
    }
    found.extend(left(sandbox, &after));
    found
}

/// What does not hold once everything was brought to rest.
pub fn at_rest(sandbox: &Sandbox) -> Vec<String> {
    let mut found = unreadable(sandbox);
    if let Err(words) = settle(sandbox) {
        found.push(words);
        return found;
    }
    found.extend(unreadable(sandbox));
    found.extend(left(sandbox, &Before::of(sandbox)));
    found
}

/// The records, each with its id; what cannot be read, with the reason.
fn records(sandbox: &Sandbox) -> Vec<Result<(String, Value), String>> {
    let entries = fs::read_dir(sandbox.store()).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let paths = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let record: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{} is no record: {error}", path.display()))?;
        let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok((id, record))
    };
    paths.map(read).collect()
}

fn unreadable(sandbox: &Sandbox) -> Vec<String> {
    records(sandbox).into_iter().filter_map(Result::err).collect()
}

/// How a task ended, if it has.
fn ending(record: &Value) -> Option<Value> {
    let ended = matches!(record["status"].as_str(), Some("completed" | "error" | "cancelled"));
    ended.then(|| record["status"].clone())
}

/// Tasks that are gone, and endings that are others now.
fn lost(before: &Before, after: &Before) -> Vec<String> {
    let changed = |(id, ended): (&String, &Option<Value>)| match (after.tasks.get(id), ended) {
        (None, None) => Some(format!("{id} is not recorded any more")),
        (Some(now), Some(ended)) if now.as_ref() != Some(ended) => {
            Some(format!("{id} had ended as {ended} and is {now:?} now"))
        }
        // What has ended may have been removed, by a cleanup.
        (None | Some(_), _) => None,
    };
    before.tasks.iter().filter_map(changed).collect()
}

/// The tasks that an answer names as its own.
fn announced(ran: &Ran) -> Vec<String> {
    let Ok(answer) = serde_json::from_str::<Value>(&ran.stdout) else { return Vec::new() };
    if ran.code != 0 {
        return Vec::new();
    }
    let launched = answer["launched"].as_array().into_iter().flatten();
    let named = launched.chain([&answer]).filter_map(|task| task["taskId"].as_str());
    named.map(str::to_owned).collect()
}

/// Looks until nothing runs or waits any more, as two looks in a row say: whoever looks repairs once it has answered, and
/// may record a further attempt then.
fn settle(sandbox: &Sandbox) -> Result<(), String> {
    let (began, mut quiet) = (Instant::now(), 0);
    if let Some(held) = sandbox.lines_of("held").first() {
        // Refused where it was released or has ended.
        sandbox.task_bg(["release", held]).run().done();
    }
    loop {
        let listed = sandbox.task_bg(["list"]).run();
        if listed.code != 0 {
            return Err(format!("the next look failed: {listed}"));
        }
        let counts = listed.json();
        if counts["unreadable"].as_array().is_some_and(|them| !them.is_empty()) {
            return Err(format!("the next look cannot read: {}", counts["unreadable"]));
        }
        let open = ["running", "queued"].map(|status| counts[status].as_u64().unwrap_or(1));
        quiet = if open == [0, 0] { quiet + 1 } else { 0 };
        if quiet == 2 {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("goes on for ever: {listed}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What stays although every task has ended.
fn left(sandbox: &Sandbox, after: &Before) -> Vec<String> {
    let mut found = Vec::new();
    if !comes_true(|| sandbox.leftovers().is_empty()) {
        for seen in sandbox.leftovers() {
            let owner = after.tasks.keys().find(|id| seen.has("TASK_BG_TASK_ID", id));
            let of = owner.map_or("without a record", String::as_str);
            found.push(format!("process {} ({of}) lives: {}", seen.pid, seen.command_line));
        }
    }
    // Once more, for what the last supervisor left when it was killed.
    sandbox.task_bg(["list"]).ok().done();
    let kept = || -> Vec<String> {
        let names = sandbox.active().into_iter().filter(|name| !name.starts_with('.'));
        names.chain(sandbox.queue()).chain(sandbox.groups_left()).collect()
    };
    if !kept().is_empty() {
        found.push(format!("kept for what has ended: {:?}", kept()));
    }
    if !groups(sandbox).is_empty() {
        found.push(format!("control groups of what has ended: {:?}", groups(sandbox)));
    }
    let holding = holding(&sandbox.store());
    if !holding.is_empty() {
        found.push(format!("hold the environment of the launcher: {holding:?}"));
    }
    found
}

/// The control groups of the tasks that are recorded, whether or not their records name them, and what is in each.
fn groups(sandbox: &Sandbox) -> Vec<String> {
    let places = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
    let folder = |(id, record): (String, Value)| {
        let named = record["progress"]["cgroup"].as_str().map(PathBuf::from);
        let others = places.map(|place| place.join(format!("task-bg-{id}")));
        let folder = named.into_iter().chain(others).find(|folder| folder.exists())?;
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let (events, members) = (text("cgroup.events"), text("cgroup.procs"));
        let progress = &record["progress"];
        Some(format!("{} {events:?} {members:?} {progress}", folder.display()))
    };
    records(sandbox).into_iter().filter_map(Result::ok).filter_map(folder).collect()
}

/// The files below a folder that hold the secret.
fn holding(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries {
        let is = |test: fn(&fs::FileType) -> bool| entry.file_type().is_ok_and(|kind| test(&kind));
        if is(fs::FileType::is_dir) {
            found.extend(holding(&entry.path()));
        } else if is(fs::FileType::is_file) {
            let content = fs::read(entry.path()).unwrap_or_default();
            if String::from_utf8_lossy(&content).contains(SECRET) {
                found.push(entry.path());
            }
        }
    }
    found
}

/// The supervisors that live in the sandbox.
pub fn supervisors(sandbox: &Sandbox) -> Vec<Seen> {
    let store = sandbox.store();
    let is_ours = |seen: &Seen| {
        seen.command_line.contains("__supervise")
            && seen.command_line.contains(&*store.to_string_lossy())
    };
    everybody().into_iter().filter(is_ours).collect()
}
