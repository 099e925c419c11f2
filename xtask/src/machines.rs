//! Another machine, for real: Debian's ssh server in namespaces of its own, and the program on both sides.
//!
//! The step installs nothing: it unpacks the packages below the target folder, where the next run finds them. What it
//! holds is in `machines/real.sh`; where a piece is not to be had, the step skips itself and says why.

use std::process::Command;

use crate::command::{observe, run};
use crate::failure::Failure;
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};

/// What the script exits with where it cannot be run, with the reason as its last line.
const SKIPPED: i32 = 77;

/// Launches, waits with the cable cut in the middle, orders under one key twice, and asks machines that cannot be had.
///
/// # Errors
///
/// When the build fails, or something of that does not hold.
pub(crate) fn machines(repo: &Repo, _words: &[String]) -> StepResult {
    run(repo.cargo().args(["build", "-p", "app-cli", "--bin", "task-bg"]))?;
    let mut script = Command::new("bash");
    script.args(["-c", include_str!("machines/real.sh"), "real.sh", "start"]);
    script.env("TASK_BG_PROGRAM", repo.program("task-bg"));
    script.env("PACKAGES", repo.target.join("machines"));
    let output = observe(&mut script)?;
    let words = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => {
            println!("{}", words.trim());
            Ok(Outcome::Done)
        }
        Some(SKIPPED) => {
            let why = words.lines().last().unwrap_or("it cannot be run here");
            Ok(Outcome::Skipped(why.to_owned()))
        }
        _ => Err(Failure::new(format!("between two machines: {}", words.trim()))),
    }
}
