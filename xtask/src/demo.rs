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

/// One of the three tasks.
struct Job {
    description: &'static str,
    /// The file that says what to do: a prompt or a shell script, without its extension.
    file: &'static str,
    finding: &'static str,
}

const JOBS: [Job; 3] = [
    Job {
        description: "Count the source files",
        file: "count",
        finding: "There are 42 source files.",
    },
    Job {
        description: "Look for old notes",
        file: "notes",
        finding: "No note is older than a week.",
    },
    Job { description: "Run the quick checks", file: "checks", finding: "All quick checks pass." },
];
/// What each task does: wait until it has been looked at, a minute at most.
const WORK: &str = "for n in $(seq 600); do test -e go && break; sleep 0.1; done";
/// The file that ends the waiting.
const GATE: &str = "go";
/// Whose tasks they are, so that `list` and `wait` mean these three.
const PARENT: (&str, &str) = ("TASK_BG_PARENT_SESSION", "demo");
/// What a terminal would get by itself: our output is looked at on its way there.
const FORMAT: (&str, &str) = ("TASK_BG_FORMAT", "table");
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
    // The show must go on: whatever stands in the way of the real agent, there are plain commands.
    let arena = Arena::prepare(repo).unwrap_or_else(|failure| Err(failure.to_string()));
    if arena.is_ok() {
        run(repo.cargo().args(["build", "-p", "tests", "--bin", "scripted-model"]))?;
    }
    let scratch = Scratch::new()?;
    scratch.link("task-bg", &repo.program("task-bg"))?;
    scratch.link("task-bg-hook", &repo.program("task-bg-hook"))?;
    let mut command = match &arena {
        Ok(arena) => {
            println!("\nThree agents at once: the real droid {}, offline.", arena.droid.version);
            println!("Their model is a script: it does what the prompt says, and never thinks.");
            let mut command = arena.command(&scratch)?;
            command.arg(this_program()?).args(["__demo", "droid"]);
            command
        }
        Err(why) => {
            println!("\nThree plain commands at once. Agents work in the same way, but the real");
            println!("droid cannot be run here: {why}");
            let mut command = Command::new(this_program()?);
            scratch.dress(&mut command);
            command.args(["__demo", "command"]);
            command
        }
    };
    println!("Everything happens in {}.\n", scratch.places().root().display());
    command.env("TASK_BG_DIR", scratch.places().root().join("store"));
    command.env(PARENT.0, PARENT.1).env(FORMAT.0, FORMAT.1);
    let status = command.status().during("showing the demo")?;
    let closed = scratch.close();
    if !status.success() {
        return Err(Failure::new("the demo did not come to its end, see above"));
    }
    closed?;
    println!("No process is left, and the folder is removed.");
    println!("Next: a tour of the commands in README.md, or every check with `cargo xtask ci`.");
    Ok(Outcome::Done)
}

/// The hidden verb `__demo`: the show itself, with the stage already set.
///
/// # Errors
///
/// When a command fails.
pub(crate) fn show(words: &[String]) -> Result<(), Failure> {
    let with_droid = words == ["droid"];
    says("Launch them. Each answer comes as soon as the task runs:");
    for job in &JOBS {
        said(&mut order(job, with_droid)?)?;
    }
    let ids = JOBS.iter().map(|job| id_of(job.description)).collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        until_at_work(id, with_droid)?;
    }
    says("They run in the background; anybody can look, from any shell:");
    said(task_bg().arg("list"))?;
    fs::write(GATE, "").during("letting the tasks go on")?;
    says("Wait until all have ended:");
    said(task_bg().arg("wait"))?;
    says("Read what each of them found:");
    for id in &ids {
        said(task_bg().args(["output", "--result"]).arg(id))?;
    }
    Ok(())
}

/// Puts down what one task is to do, and gives the command that starts it.
fn order(job: &Job, with_droid: bool) -> Result<Command, Failure> {
    let Job { description, file, finding } = job;
    let mut command = task_bg();
    let (file, content) = if with_droid {
        let call = json!({
            "command": WORK,
            "summary": description,
            "riskLevel": "low",
            "riskLevelReason": "Only waits and prints",
        });
        let file = format!("{file}.txt");
        command.args(["launch", description, "--prompt-file", &file, "--autonomy", "low"]);
        (file, format!("TOOL:Execute {call}\nSAY:{finding}\n"))
    } else {
        let file = format!("{file}.sh");
        command.args(["run", description, "--", "sh", &file]);
        (file, format!("{WORK}\necho {finding:?}\n"))
    };
    fs::write(&file, content).during(format_args!("writing `{file}`"))?;
    Ok(command)
}

/// The id of the task with this description, as a script would ask for it.
fn id_of(description: &str) -> Result<String, Failure> {
    let answer = capture(task_bg().args(["list", "--json"]))?;
    let answer: Value = serde_json::from_str(&answer).during("reading the list")?;
    let tasks = answer["tasks"].as_array().into_iter().flatten();
    let mut ids = tasks.filter(|task| task["description"] == description);
    let id = ids.next().and_then(|task| task["id"].as_str()).map(str::to_owned);
    id.ok_or_else(|| Failure::new(format!("the list has no task `{description}`")))
}

/// Waits until the task can be seen at work: an agent in its tool call, a command running.
fn until_at_work(id: &str, with_droid: bool) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        let record = capture(task_bg().args(["status", "--json", id]))?;
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

/// Tells the reader what comes next.
fn says(words: &str) {
    println!("{words}\n");
}

/// Runs `command` in sight.
fn said(command: &mut Command) -> Result<(), Failure> {
    println!("  $ {}", shown(command));
    for line in capture(command)?.lines() {
        println!("  {line}");
    }
    println!();
    Ok(())
}

fn task_bg() -> Command {
    Command::new("task-bg")
}
