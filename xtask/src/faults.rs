//! What dies and what fails, wherever it can: the programs of the tests crate that try it, built and started.
//!
//! This step starts them; the scenes and the laws are in `tests::crashing` and `tests::stress`.

use crate::command::run;
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};

/// Lets many verbs work at once while everything of ours is killed at random, and holds the laws at the end.
///
/// # Errors
///
/// When a build fails, or a law does not hold.
pub(crate) fn stress(repo: &Repo, words: &[String]) -> StepResult {
    run(repo.cargo().args(["build", "-p", "tests", "--bins"]))?;
    let mut stress = std::process::Command::new(repo.program("stress"));
    run(stress.args(words)).map(|()| Outcome::Done)
}

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
