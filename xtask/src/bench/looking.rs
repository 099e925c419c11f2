//! What it costs to look: one record, all of them, and the hook.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::command::shown;
use crate::failure::{During, Failure};

use super::fill::{fill, fill_floor};
use super::timing::{Row, Work};
use super::yard::{Yard, has, quietly};

/// How often each is timed.
const ROUNDS: usize = 200;
/// The same of what takes long.
const FEW: usize = 30;

/// One record by its exact id, and its output, with 10,000 recorded.
pub(super) fn status(yard: &Yard) -> Result<Vec<Row>, Failure> {
    let store = yard.folder("status/store")?;
    let id = fill(yard, &store, 10_000)?;
    let floor = yard.folder("floor-status")?;
    fill_floor(&floor, 10_000)?;
    let mut works = vec![
        Work::new("task-bg", |_| quietly(yard.task_bg(&store).args(["status", &id]))),
        Work::new("C", |_| quietly(yard.floor(false).arg("status").arg(&floor).arg(&id))),
    ];
    if has("tsp") {
        quietly(yard.other("tsp").arg("true"))?;
        works.push(Work::new("tsp", |_| quietly(yard.other("tsp").arg("-s"))));
    }
    let row = Row::measure("status, exact id, 10,000 recorded", ROUNDS, works)?;
    let output = Row::measure(
        "output, exact id, 10,000 recorded",
        ROUNDS,
        vec![
            Work::new("task-bg", |_| quietly(yard.task_bg(&store).args(["output", &id]))),
            Work::new("C", |_| quietly(yard.floor(false).arg("status").arg(&floor).arg(&id))),
        ],
    )?;
    Ok(vec![row, output])
}

/// All of 10,000, 200 shown; and what is unfinished among them.
pub(super) fn list(yard: &Yard) -> Result<Vec<Row>, Failure> {
    let store = yard.folder("list/store")?;
    let id = fill(yard, &store, 10_000)?;
    let floor = yard.folder("floor-list")?;
    fill_floor(&floor, 10_000)?;
    let mut works = vec![
        Work::new("task-bg", |_| quietly(yard.task_bg(&store).arg("list"))),
        Work::new("C", |_| quietly(yard.floor(false).arg("list").arg(&floor))),
    ];
    if has("tsp") {
        for _ in 0..10_000 {
            quietly(remembering_tsp(yard).arg("true"))?;
        }
        works.push(Work::new("tsp", |_| quietly(remembering_tsp(yard).arg("-l"))));
    }
    let all = Row::measure("list, 10,000 recorded, 200 shown", FEW, works)?;
    if has("tsp") {
        quietly(remembering_tsp(yard).arg("-K"))?;
    }
    let running = ["list", "--status", "running"];
    let unfinished = Row::measure(
        "list of what runs, 10,000 recorded",
        ROUNDS,
        vec![
            Work::new("task-bg", |_| quietly(yard.task_bg(&store).args(running))),
            Work::new("task-bg status", |_| quietly(yard.task_bg(&store).args(["status", &id]))),
        ],
    )?;
    Ok(vec![all, unfinished])
}

/// A tsp that remembers as many tasks as are recorded: its list is of what its server knows.
fn remembering_tsp(yard: &Yard) -> Command {
    let mut tsp = yard.other("tsp");
    tsp.env("TS_SOCKET", yard.root().join("tsp-list.socket")).env("TS_MAXFINISHED", "20000");
    tsp
}

/// The hook: a session that nobody knows, and the end of a task whose transcript is long.
pub(super) fn hook(yard: &Yard) -> Result<Vec<Row>, Failure> {
    let store = yard.folder("hook/store")?;
    fill(yard, &store, 10_000)?;
    let (folder, records) = (yard.folder("transcripts")?, yard.folder("floor-hook")?);
    let short = transcript(&folder, "short", 1 << 10, 0)?;
    let far = transcript(&folder, "far", 8 << 10, 8 << 20)?;
    let long = transcript(&folder, "long", 1 << 30, 0)?;
    let ended = |name: &str, path: &Path, rounds| {
        let mut running = Vec::new();
        for _ in 0..=rounds {
            running.push(session_of_running(yard, &store)?);
        }
        let works = vec![
            Work::new("task-bg-hook", |round| {
                let event = json!({"hook_event_name": "SubagentStop", "session_id": running[round],
                    "transcript_path": path});
                fed(&mut hook_command(yard, &store), &event.to_string())
            }),
            Work::new("C, synced", |round| {
                let mut floor = yard.floor(true);
                fed(floor.arg("hook").arg(path).arg(&records).arg(format!("s{round}")), "{}")
            }),
            Work::new("C", |round| {
                let mut floor = yard.floor(false);
                fed(floor.arg("hook").arg(path).arg(&records).arg(format!("u{round}")), "{}")
            }),
        ];
        let row = Row::measure(name, rounds, works);
        quietly(yard.task_bg(&store).args(["cancel", "--all", "--grace", "0"]))?;
        row
    };
    let unknown = json!({"hook_event_name": "SubagentStop", "session_id": "nobody",
        "transcript_path": short});
    let stranger = Row::measure(
        "hook, unknown session, 10,000 recorded",
        ROUNDS,
        vec![
            Work::new("task-bg-hook", |_| {
                fed(&mut hook_command(yard, &store), &unknown.to_string())
            }),
            Work::new("C", |_| fed(yard.floor(false).arg("hook").arg(&short), "{}")),
        ],
    )?;
    Ok(vec![
        stranger,
        ended("hook ends a task, transcript of 1 GiB", &long, FEW)?,
        ended("hook ends a task, answer 8 MiB before the end", &far, FEW)?,
    ])
}

fn hook_command(yard: &Yard, store: &Path) -> Command {
    let mut command = yard.task_bg(store);
    let mut hook = Command::new(&yard.hook);
    hook.env_clear();
    hook.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    hook.current_dir(command.get_current_dir().unwrap_or(Path::new("/")));
    // Only its environment was wanted.
    command.env_clear();
    hook
}

/// Launches a task that stays, and returns its session.
fn session_of_running(yard: &Yard, store: &Path) -> Result<String, Failure> {
    let words = ["run", "t", "--json", "--", "sleep", "600"];
    let said = crate::command::capture(yard.task_bg(store).args(words))?;
    let said: serde_json::Value =
        serde_json::from_str(&said).during("reading the answer of `run`")?;
    Ok(said["session_id"].as_str().unwrap_or_default().to_owned())
}

/// Writes a transcript of so many bytes with one answer in it, after which so many bytes of other lines follow.
fn transcript(folder: &Path, name: &str, before: usize, after: usize) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    let file = File::create(&path).during("writing a transcript")?;
    let mut file = std::io::BufWriter::new(file);
    let line = format!("{{\"type\":\"tool_result\",\"content\":\"{}\"}}\n", "x".repeat(4000));
    let answer = json!({"type": "message", "message": {"role": "assistant",
        "content": [{"type": "text", "text": "the answer"}]}});
    let mut write = || {
        for _ in 0..before / line.len() {
            file.write_all(line.as_bytes())?;
        }
        writeln!(file, "{answer}")?;
        for _ in 0..after / line.len() {
            file.write_all(line.as_bytes())?;
        }
        file.flush()
    };
    write().during("writing a transcript")?;
    fs::metadata(&path).during("writing a transcript")?;
    Ok(path)
}

/// Runs a command with `text` on its standard input.
fn fed(command: &mut Command, text: &str) -> Result<(), Failure> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().during(format_args!("starting `{}`", shown(command)))?;
    if let Some(mut input) = child.stdin.take() {
        // Whoever does not want it has closed it.
        drop(input.write_all(text.as_bytes()));
    }
    let status = child.wait().during("waiting for the hook")?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("the hook ended with {status}")))
    }
}
