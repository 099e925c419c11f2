//! What it costs while tasks run: memory, processor time, and how soon whoever waits knows.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::command::{capture, observe, shown};
use crate::failure::{During, Failure};

use super::timing::{Row, Work};
use super::yard::{Yard, has, in_memory, quietly};

/// How often a waiter is woken.
const ROUNDS: usize = 60;
/// How long what idles is looked at.
const IDLE: Duration = Duration::from_secs(10);
/// How long a supervisor may take to come to rest.
const CALM: Duration = Duration::from_secs(3);
/// How long something may take to come true.
const PATIENCE: Duration = Duration::from_secs(30);

/// From the end of the child to the end of the process that waits for it, and the same where a sync is free.
pub(super) fn wake(yard: &Yard) -> Result<Vec<Row>, Failure> {
    let name = "end of the child to waiter gone";
    let mut rows = vec![wake_of(yard, name, &yard.folder("wake")?)?];
    if let Some(memory) = in_memory()? {
        rows.push(wake_of(yard, &format!("{name}, the store in memory"), memory.path())?);
    }
    Ok(rows)
}

fn wake_of(yard: &Yard, name: &str, folder: &Path) -> Result<Row, Failure> {
    let (store, floor) = (folder.join("store"), folder.join("floor"));
    fs::create_dir_all(&floor).during("making a folder")?;
    yard.folder("nq")?;
    yard.folder("tsp")?;
    let (fifo, time) = (folder.join("fifo"), folder.join("time"));
    quietly(Command::new("mkfifo").arg(&fifo))?;
    let ender = |command: &mut Command| {
        command.arg(&yard.floor).arg("end").arg(&fifo).arg(&time);
        capture(command)
    };
    let woken = |waiter: &mut Command| woken(waiter, &fifo, &time);
    let mut works = vec![
        Work::timed("task-bg", |_| {
            let said = ender(yard.task_bg(&store).args(["run", "t", "--json", "--"]))?;
            let said: Value = serde_json::from_str(&said).during("reading the answer of `run`")?;
            let id = said["taskId"].as_str().unwrap_or_default().to_owned();
            woken(yard.task_bg(&store).args(["wait", &id]))
        }),
        Work::timed("C, synced", |round| {
            let id = format!("s{round}");
            ender(yard.floor(true).arg("launch").arg(&floor).arg(&id))?;
            woken(yard.floor(true).arg("wait").arg(&floor).arg(&id))
        }),
        Work::timed("C", |round| {
            let id = format!("u{round}");
            ender(yard.floor(false).arg("launch").arg(&floor).arg(&id))?;
            woken(yard.floor(false).arg("wait").arg(&floor).arg(&id))
        }),
    ];
    if has("tsp") {
        works.push(Work::timed("tsp", |_| {
            let id = ender(&mut yard.other("tsp"))?;
            woken(yard.other("tsp").args(["-w", id.trim()]))
        }));
    }
    if has("nq") {
        works.push(Work::timed("nq", |_| {
            let id = ender(&mut yard.other("nq"))?;
            woken(yard.other("nq").args(["-w", id.trim()]).current_dir(yard.root().join("nq")))
        }));
    }
    Row::measure(name, ROUNDS, works)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time is compared with one that another program wrote"
)]
/// Starts a waiter, ends what it waits for once it sleeps, and returns how long after that it ended.
fn woken(waiter: &mut Command, fifo: &Path, time: &Path) -> Result<Duration, Failure> {
    waiter.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = waiter.spawn().during(format_args!("starting `{}`", shown(waiter)))?;
    asleep(&mut child)?;
    fs::write(fifo, "x").during("ending the child")?;
    child.wait().during("waiting for the waiter")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ended: u64 = fs::read_to_string(time)
        .during("reading when the child ended")?
        .parse()
        .during("reading when the child ended")?;
    Ok(now.saturating_sub(Duration::from_nanos(ended)))
}

/// Waits until a process sleeps and has done so for a while.
fn asleep(child: &mut Child) -> Result<(), Failure> {
    let (look, calm) = (Duration::from_millis(2), 15);
    let mut still = 0;
    for _ in 0..PATIENCE.as_millis() / look.as_millis() {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        still = if state == Some('S') { still + 1 } else { 0 };
        if still > calm {
            return Ok(());
        }
        thread::sleep(look);
    }
    Err(Failure::new("the waiter does not come to rest"))
}

/// Memory and processor time of a hundred supervisors whose tasks sleep.
pub(super) fn supervisor(yard: &Yard) -> Result<Vec<Row>, Failure> {
    const COUNT: usize = 100;
    let (store, floor) = (yard.folder("hundred/store")?, yard.folder("floor-hundred")?);
    for number in 0..COUNT {
        quietly(yard.task_bg(&store).args(["run", "t", "--", "sleep", "600"]))?;
        let id = format!("s{number}");
        quietly(yard.floor(false).arg("launch").arg(&floor).args([&id, "sleep", "600"]))?;
    }
    let ours =
        processes(&|words| words.contains("__supervise") && words.contains(&shown_path(&store)));
    let floors =
        processes(&|words| words.contains("launch") && words.contains(&shown_path(&floor)));
    let cpu = |pids: &[u32]| pids.iter().map(|pid| ticks(*pid)).sum::<u64>();
    let woken = |pids: &[u32]| pids.iter().map(|pid| switches(*pid)).sum::<u64>();
    thread::sleep(CALM);
    let before = (cpu(&ours), woken(&ours));
    thread::sleep(IDLE);
    let after = (cpu(&ours), woken(&ours));
    let each = |pids: &[u32]| {
        let sum: u64 = pids.iter().map(|pid| pss(*pid)).sum();
        format!("{} KB", sum / (pids.len() as u64).max(1))
    };
    let spent = format!("{} ticks", after.0 - before.0);
    let wakes = format!("{} wake-ups", after.1 - before.1);
    let rows = vec![
        Row::of(
            format!("supervisor, PSS, {} at once", ours.len()),
            [("task-bg", each(&ours)), ("C", each(&floors))],
        ),
        Row::of(
            format!("{} supervisors idle for {} s", ours.len(), IDLE.as_secs()),
            [("task-bg", format!("{spent}, {wakes}"))],
        ),
    ];
    // What a busy machine does not end in time is ended with the folder.
    drop(observe(yard.task_bg(&store).args(["cancel", "--all", "--grace", "0"]))?);
    for pid in floors.iter().flat_map(|pid| children(*pid)) {
        quietly(Command::new("kill").arg(pid.to_string()))?;
    }
    Ok(rows)
}

/// One process that waits for a thousand tasks.
pub(super) fn wait_for_many(yard: &Yard) -> Result<Vec<Row>, Failure> {
    const COUNT: usize = 1000;
    let store = yard.folder("many/store")?;
    for _ in 0..COUNT {
        quietly(yard.task_bg(&store).args(["run", "t", "--", "sleep", "900"]))?;
    }
    let mut waiter = yard.task_bg(&store);
    waiter.args(["wait", "--timeout", "300s"]).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = waiter.spawn().during("starting `task-bg wait`")?;
    asleep(&mut child)?;
    let pid = child.id();
    let before = (all_switches(pid), ticks(pid));
    thread::sleep(IDLE);
    let after = (all_switches(pid), ticks(pid));
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    let figure = format!(
        "{threads} threads, {} KB, {} wake-ups and {} ticks in {} s",
        line_of(pid, "VmRSS:"),
        after.0 - before.0,
        after.1 - before.1,
        IDLE.as_secs()
    );
    child.kill().during("ending the waiter")?;
    child.wait().during("ending the waiter")?;
    drop(observe(yard.task_bg(&store).args(["cancel", "--all", "--grace", "0"]))?);
    Ok(vec![Row::of("wait for 1,000 running tasks", [("task-bg", figure)])])
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
}

/// The processes whose command line, with blanks between the words, is chosen.
fn processes(chosen: &dyn Fn(&str) -> bool) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        chosen(&String::from_utf8_lossy(&words).replace('\0', " "))
    })
    .collect()
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The proportional share of memory of a process, in KB.
fn pss(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    number_after(&text, "Pss:")
}

/// A number of `/proc/PID/status`.
fn line_of(pid: u32, name: &str) -> u64 {
    number_after(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), name)
}

fn switches(pid: u32) -> u64 {
    line_of(pid, "voluntary_ctxt_switches:")
}

/// How often any thread of a process was woken.
fn all_switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let texts =
        tasks.map(|task| fs::read_to_string(task.path().join("status")).unwrap_or_default());
    texts.map(|text| number_after(&text, "voluntary_ctxt_switches:")).sum()
}

/// The processor time of a process, in ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    // The fields 14 and 15, counted from the state, which is field 3.
    fields.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
