//! What dies and what fails, wherever it can: the programs of the tests crate that try it, built and started.
//!
//! This step starts them; the scenes and the laws are in `tests::crashing`.

use crate::command::run;
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};

/// Kills every verb at every point, or lets a step fail there, and prints the table.
///
/// # Errors
///
/// When a build fails, or a law does not hold.
pub(crate) fn crashpoints(repo: &Repo, words: &[String]) -> StepResult {
    run(repo.cargo().args(["build", "-p", "tests", "--bins"]))?;
    let mut matrix = std::process::Command::new(repo.program("crash-points"));
    run(matrix.args(words)).map(|()| Outcome::Done)
}
