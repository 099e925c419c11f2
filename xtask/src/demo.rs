//! `demo`: the main job, seen from launch to result, in a scratch folder.
//!
//! Three tasks run at once: the real `droid` with a scripted model where both are to be had, plain commands where not,
//! and it says which. Every command is printed as one would type it, before what it prints. The tasks wait for a file
//! that appears once they have been shown running, so that nothing depends on how fast the machine is. Leaves neither
//! files nor processes.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::{capture, run, shown};
use crate::e2e::Arena;
use crate::failure::{During, Failure};
use crate::repo::{Repo, this_program};
use crate::scratch::Scratch;
use crate::step::{Outcome, StepResult};

/// What the three tasks are for, and what they find.
const TASKS: [(&str, &str); 3] = [
    ("Count the source files", "There are 42 source files."),
    ("Look for old notes", "No note is older than a week."),
    ("Run the quick checks", "All quick checks pass."),
];
/// What each task does: wait until it has been looked at, a minute at most.
const WORK: &str = "for n in $(seq 600); do test -e go && break; sleep 0.1; done";
/// The file that ends the waiting.
const GATE: &str = "go";
/// How long the tasks get to be seen at work.
const START_LIMIT: Duration = Duration::from_secs(40);
/// How often they are looked at meanwhile.
const POLL: Duration = Duration::from_millis(100);

/// Builds the programs, sets the stage, and shows.
///
/// # Errors
///
/// When a build or a command fails, or something is left behind.
pub(crate) fn demo(repo: &Repo) -> StepResult {
    run(repo.cargo().args(["build", "-p", "app-cli", "-p", "app-hook"]))?;
    let arena = Arena::prepare(repo)?;
    if arena.is_ok() {
        run(repo.cargo().args(["build", "-p", "tests", "--bin", "scripted-model"]))?;
    }
    let scratch = Scratch::new()?;
    scratch.link("task-bg", &repo.program("task-bg"))?;
    scratch.link("task-bg-hook", &repo.program("task-bg-hook"))?;
    println!(
        "\nThree tasks at once in {} (removed at the end).",
        scratch.places().root().display()
    );
    let mut command = match &arena {
        Ok(arena) => {
            println!("They are agents: the real droid {}, offline.", arena.droid.version);
            println!("Its model is a script that does as the prompt says.\n");
            let mut command = arena.command(&scratch)?;
            command.arg(this_program()?).args(["__demo", "droid"]);
            command
        }
        Err(why) => {
            println!("They are plain commands, because the real droid cannot be run here: {why}\n");
            let mut command = Command::new(this_program()?);
            scratch.dress(&mut command);
            command.args(["__demo", "command"]);
            command
        }
    };
    command.env("TASK_BG_DIR", scratch.places().root().join("store"));
    let status = command.status().during("showing the demo")?;
    let closed = scratch.close();
    if !status.success() {
        return Err(Failure::new("the demo did not come to its end, see above"));
    }
    closed.map(|()| Outcome::Done)
}

/// The hidden verb `__demo`: the show itself, with the stage already set.
///
/// # Errors
///
/// When a command fails.
pub(crate) fn show(words: &[String]) -> Result<(), Failure> {
    let with_droid = words == ["droid"];
    let mut ids = Vec::new();
    for (description, finding) in TASKS {
        let answer = said(&mut order(description, finding, with_droid))?;
        let answer: Value = serde_json::from_str(&answer).during("reading the answer")?;
        let id = answer["taskId"].as_str().map(str::to_owned);
        ids.push(id.ok_or_else(|| Failure::new("the answer names no taskId"))?);
    }
    for id in &ids {
        until_at_work(id, with_droid)?;
    }
    said(task_bg("table").arg("list"))?;
    fs::write(GATE, "").during("letting the tasks go on")?;
    said(task_bg("table").arg("wait").args(&ids))?;
    for id in &ids {
        said(task_bg("table").args(["output", "--result"]).arg(id))?;
    }
    Ok(())
}

/// The command that starts one task.
fn order(description: &str, finding: &str, with_droid: bool) -> Command {
    let mut command = task_bg("json");
    if !with_droid {
        let work = format!("{WORK}; echo {finding:?}");
        command.args(["run", description, "--", "sh", "-c", &work]);
        return command;
    }
    let call = json!({
        "command": WORK,
        "summary": description,
        "riskLevel": "low",
        "riskLevelReason": "Only waits and prints",
    });
    let prompt = format!("TOOL:Execute {call} SAY:{finding}");
    let droid = ["executor-low", "demo-session", "--autonomy", "low"];
    command.args(["launch", description, &prompt]).args(droid);
    command
}

/// Waits until the task can be seen at work: an agent in its tool call, a command running.
fn until_at_work(id: &str, with_droid: bool) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        let record = capture(task_bg("json").args(["status", id]))?;
        let record: Value = serde_json::from_str(&record).during("reading a record")?;
        let running = record["status"] == "running";
        if running && (!with_droid || record["progress"]["lastTool"].is_string()) {
            return Ok(());
        }
        if !running && record["status"] != "queued" {
            return Err(Failure::new(format!("{id} ended too early: {record}")));
        }
        if start.elapsed() > START_LIMIT {
            return Err(Failure::new(format!("{id} did not get to work: {record}")));
        }
        thread::sleep(POLL);
    }
}

/// Runs `command` in sight, and gives what it said.
fn said(command: &mut Command) -> Result<String, Failure> {
    println!("$ {}", shown(command));
    let words = capture(command)?;
    println!("{}\n", words.trim_end());
    Ok(words)
}

fn task_bg(format: &str) -> Command {
    let mut command = Command::new("task-bg");
    command.args(["--format", format]);
    command
}
