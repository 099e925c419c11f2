//! The real agents beside droid, one case after another: what each does with task-bg, as a table.
//!
//! `cargo xtask e2e` installs them, starts a scripted model in a network of loopback only, and runs this. Words on the
//! command line choose agents. A cell is `yes` where all that the case holds came true, else what went wrong; then the
//! program fails. What takes minutes because an agent tries again by itself is not run and says so.
//!
//! Main type: `agent::Agent`, one real agent in a home of its own.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to whoever runs it"
)]

mod agent;
mod cases;
mod chain;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use agent::{Agent, KINDS, Kind};
use cases::CASES;

/// The exit code of a run that cannot begin.
const NO_STAGE: u8 = 2;

/// Runs every case with every agent that is there, and prints the table.
#[must_use]
pub fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).collect();
    let is_chosen =
        |kind: &&Kind| filters.is_empty() || filters.iter().any(|word| word == kind.name);
    let (mut columns, mut failed) = (Vec::new(), false);
    for kind in KINDS.iter().filter(is_chosen) {
        let Some(agent) = Agent::new(kind) else {
            println!("{}: not here", kind.name);
            continue;
        };
        let play = |case: &cases::Case| cell(kind.name, case.name, || (case.play)(&agent));
        let cells: Vec<String> = CASES.iter().map(play).collect();
        failed |= cells.iter().any(|cell| cell.starts_with("FAILED"));
        columns.push((kind, cells));
    }
    if columns.is_empty() {
        eprintln!("real-agents is started by `cargo xtask e2e`: no agent is there");
        return ExitCode::from(NO_STAGE);
    }
    let kinds: Vec<&'static Kind> = columns.iter().map(|(kind, _)| *kind).collect();
    let chained = cell("one batch", "each is handed what the one before it found", || {
        chain::play(&kinds).unwrap_or_else(|| "not run".to_owned())
    });
    failed |= chained.starts_with("FAILED");
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    println!("\n| case | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(columns.len()));
    for (row, case) in CASES.iter().enumerate() {
        let cells: Vec<&str> = columns.iter().map(|(_, cells)| cells[row].as_str()).collect();
        println!("| {} | {} |", case.name, cells.join(" | "));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What came of one case with one agent, or with several.
fn cell(who: &str, case: &str, play: impl FnOnce() -> String) -> String {
    let played = panic::catch_unwind(AssertUnwindSafe(play));
    let cell = played.unwrap_or_else(|payload| {
        let words = payload.downcast_ref::<String>().cloned();
        let words = words.or_else(|| payload.downcast_ref::<&str>().map(|&words| words.to_owned()));
        let words = words.unwrap_or_default();
        let line = words.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        format!("FAILED: {}", line.replace('|', "/").chars().take(300).collect::<String>())
    });
    println!("{who}: {case}: {cell}");
    cell
}
