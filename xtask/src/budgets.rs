//! `budgets`: what the verbs in a hurry cost, in system calls and instructions, against what they may.
//!
//! Times are noise on a busy machine; these counts are not. strace counts the calls and callgrind the instructions, of
//! one process each, over a store of a hundred tasks. A budget is what was measured and a tenth more: whoever exceeds it
//! finds out why, or raises it in the change that needs it. Only static programs are measured, as others load what is
//! installed here. Without strace or valgrind that column is skipped, and said to be. Main type: [`Case`].

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::command::{capture, shown, succeeds};
use crate::failure::{During, Failure};
use crate::release::{self, Built};
use crate::repo::Repo;
use crate::scratch::Scratch;
use crate::step::{Outcome, StepResult};

/// How many tasks have ended in the store.
const RECORDED: usize = 100;

/// What is measured, and what it may cost.
struct Case {
    name: &'static str,
    /// The words after the program; `ID` is a task that has ended.
    words: &'static [&'static str],
    /// Whether the hook is started, with an event on its standard input, in place of `task-bg`.
    hook: bool,
    /// Which of the processes: the one that was started, or its supervisor.
    supervisor: bool,
    calls: u64,
    /// In thousands; none where it cannot be counted: below valgrind no program can start itself once more.
    instructions: Option<u64>,
}

const CASES: &[Case] = &[
    case("status", &["status", "ID"], 63, 715),
    case("output", &["output", "ID"], 65, 547),
    case("wait on what has ended", &["wait", "ID"], 61, 512),
    case("list", &["list"], 533, 29_000),
    case("launch, held", &["run", "t", "--hold", "--", "true"], 132, 920),
    Case { instructions: None, ..case("launch", &["run", "t", "--", "true"], 113, 0) },
    Case {
        supervisor: true,
        instructions: None,
        ..case("a supervisor's life", &["run", "t", "--", "true"], 255, 0)
    },
    Case { hook: true, ..case("hook, unknown session", &[], 72, 53) },
];

const fn case(
    name: &'static str,
    words: &'static [&'static str],
    calls: u64,
    instructions: u64,
) -> Case {
    Case { name, words, hook: false, supervisor: false, calls, instructions: Some(instructions) }
}

/// Measures every case.
///
/// # Errors
///
/// When a program cannot be built or started, or a case costs more than it may.
pub(crate) fn budgets(repo: &Repo) -> StepResult {
    let built = release::build(repo)?;
    if let Err(why) = &built.target {
        return Ok(Outcome::Skipped(format!("the programs are not static: {why}")));
    }
    let bench = Bench::prepare(built)?;
    let has = |program: &str| succeeds(Command::new(program).arg("--version"));
    let (strace, valgrind) = (has("strace"), has("valgrind"));
    let mut table = String::from(
        "| | system calls | of | thousand instructions | of |\n|---|---|---|---|---|\n",
    );
    let mut excesses = Vec::new();
    for case in CASES {
        let calls = strace.then(|| bench.calls(case)).transpose()?;
        let budget = case.instructions.filter(|_| valgrind);
        let instructions = budget.map(|_| bench.instructions(case)).transpose()?;
        let text =
            |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let row = [calls, Some(case.calls), instructions, case.instructions].map(text);
        writeln!(table, "| {} | {} |", case.name, row.join(" | ")).during("writing the table")?;
        for (count, budget, what) in [
            (calls, Some(case.calls), "system calls"),
            (instructions, case.instructions, "thousand instructions"),
        ] {
            if let (Some(count), Some(budget)) = (count, budget)
                && count > budget
            {
                excesses.push(format!("{}: {count} {what}, {budget} allowed", case.name));
            }
        }
    }
    println!("{table}");
    for (there, program, what) in
        [(strace, "strace", "system calls"), (valgrind, "valgrind", "instructions")]
    {
        if !there {
            println!("{program} is not installed: the {what} were not counted");
        }
    }
    match excesses.as_slice() {
        [] if !strace && !valgrind => {
            Ok(Outcome::Skipped("strace and valgrind are not installed".to_owned()))
        }
        [] => Ok(Outcome::Done),
        excesses => Err(Failure::new(excesses.join("; "))),
    }
}

/// The programs, and a store with tasks.
struct Bench {
    built: Built,
    scratch: Scratch,
    id: String,
}

impl Bench {
    fn prepare(built: Built) -> Result<Self, Failure> {
        let scratch = Scratch::new()?;
        let bench = Self { built, scratch, id: String::new() };
        let said =
            capture(bench.ours().args(["run", "a build", "--wait", "--json", "--", "true"]))?;
        let said: Value = serde_json::from_str(&said).during("reading the answer of `run`")?;
        let id = said["taskId"].as_str().unwrap_or_default().to_owned();
        let record = |id: &str| bench.store().join(format!("{id}.json"));
        let text = fs::read_to_string(record(&id)).during("reading a record")?;
        let mut model: Value = serde_json::from_str(&text).during("reading a record")?;
        for number in 1..RECORDED {
            let id = format!("bg_18bcfe5{number:08x}");
            model["id"] = json!(id);
            fs::write(record(&id), format!("{model:#}\n")).during("writing a record")?;
        }
        Ok(Self { id, ..bench })
    }

    fn store(&self) -> std::path::PathBuf {
        self.scratch.places().root().join("store")
    }

    fn ours(&self) -> Command {
        self.dressed(&self.built.ours)
    }

    fn dressed(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        self.scratch.dress(&mut command);
        command.env("TASK_BG_DIR", self.store());
        command
    }

    /// Runs a case below `tool`.
    fn run(&self, case: &Case, tool: &mut Command) -> Result<(), Failure> {
        let program = if case.hook { &self.built.hook } else { &self.built.ours };
        self.scratch.dress(tool);
        tool.env("TASK_BG_DIR", self.store()).arg(program);
        tool.args(case.words.iter().map(|word| if *word == "ID" { &self.id } else { *word }));
        let event = self.scratch.places().root().join("event.json");
        let text = json!({"hook_event_name": "SubagentStop", "session_id": "nobody", "transcript_path": "/none"});
        fs::write(&event, text.to_string()).during("writing an event")?;
        if case.hook {
            self.settle()?;
            let input = fs::File::open(&event).during("reading an event")?;
            capture(self.dressed(program).stdin(input))?;
        }
        let input = fs::File::open(&event).during("reading an event")?;
        let ended = tool.stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let ended = ended.during(format_args!("starting `{}`", shown(tool)))?;
        if !ended.success() {
            return Err(Failure::new(format!("`{}` ended with {ended}", shown(tool))));
        }
        // Whatever it started is over before the next case.
        // Whatever waits is no task of the next case. The tools wait for what they started.
        capture(self.ours().args(["cancel", "--all", "--json"])).map(drop)
    }

    /// Makes the store one that nothing has changed for long: what a hook read of it is believed by the next.
    fn settle(&self) -> Result<(), Failure> {
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_000_000_000_123_456_789);
        let store = fs::File::open(self.store()).during("opening the store")?;
        store.set_modified(long_ago).during("dating the store")
    }

    fn calls(&self, case: &Case) -> Result<u64, Failure> {
        let log = self.scratch.places().root().join("calls");
        let mut tool = Command::new("strace");
        // Each process, and each thread, into a file of its own.
        tool.args(["-ff", "-qq", "-o"]).arg(&log);
        let traces = self.traces(case, &mut tool, "calls.")?;
        let of_supervisor = |text: &&String| text.contains("__supervise");
        let is_chosen = |text: &&String| {
            let lines = text.lines().find(|line| line.starts_with("execve(")).map(str::to_owned);
            lines.as_ref().is_some_and(|line| {
                of_supervisor(&line) == case.supervisor && line.contains("task-bg")
            })
        };
        if case.hook {
            // It starts no process: the other files are of its thread.
            return Ok(traces.iter().map(|text| text.lines().count() as u64).sum());
        }
        let chosen = traces.iter().find(is_chosen);
        let text = chosen.ok_or_else(|| Failure::new(format!("strace saw no {}", case.name)))?;
        Ok(text.lines().count() as u64)
    }

    /// In thousands.
    fn instructions(&self, case: &Case) -> Result<u64, Failure> {
        let out = self.scratch.places().root().join("instructions.%p");
        let mut tool = Command::new("valgrind");
        tool.arg("--tool=callgrind");
        tool.arg(format!("--callgrind-out-file={}", out.display()));
        let traces = self.traces(case, &mut tool, "instructions.")?;
        let line = |text: &str, key: &str| {
            text.lines().find_map(|line| Some(line.strip_prefix(key)?.trim().to_owned()))
        };
        let total = |text: &str| line(text, "totals:").or_else(|| line(text, "summary:"));
        // A child that ends before it becomes another program leaves a file as well.
        let counts = traces.iter().filter_map(|text| total(text)?.parse::<u64>().ok());
        let count = counts.max();
        let count = count.ok_or_else(|| Failure::new(format!("valgrind saw no {}", case.name)))?;
        Ok(count / 1000)
    }

    /// Runs a case below a tool, and reads the files that it wrote, which begin with `name`.
    fn traces(&self, case: &Case, tool: &mut Command, name: &str) -> Result<Vec<String>, Failure> {
        let folder = self.scratch.places().root();
        let of_tool = || -> Result<Vec<std::path::PathBuf>, Failure> {
            let entries = fs::read_dir(folder).during("listing traces")?.flatten();
            let named =
                entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(name));
            Ok(named.map(|entry| entry.path()).collect())
        };
        for old in of_tool()? {
            fs::remove_file(old).during("removing a trace")?;
        }
        self.run(case, tool)?;
        let read = |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        of_tool()?.into_iter().map(|path| read(path).during("reading a trace")).collect()
    }
}
