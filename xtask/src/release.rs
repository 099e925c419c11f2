//! `release`: the two programs as they are shipped, static, for any Linux of this machine's kind.
//!
//! The target of the static programs is added with rustup where it is missing, and that is said. Where it cannot be
//! had, the programs are built for this machine alone; a plain `cargo build --release` does that as well. Main type:
//! [`Built`].

use std::env::consts::ARCH;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{capture, last_words, observe, run};
use crate::failure::Failure;
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};

/// What was built.
pub(crate) struct Built {
    /// `task-bg`.
    pub(crate) ours: PathBuf,
    /// `task-bg-hook`.
    pub(crate) hook: PathBuf,
    /// The target of static programs; else why they are not static.
    pub(crate) target: Result<String, String>,
}

/// Builds the programs and says where they are.
///
/// # Errors
///
/// When a build fails.
pub(crate) fn release(repo: &Repo, _: &[String]) -> StepResult {
    let built = build(repo)?;
    match &built.target {
        Ok(target) => println!("static, for {target}:"),
        Err(why) => println!("for this machine alone, as {why}:"),
    }
    println!("  {}\n  {}", built.ours.display(), built.hook.display());
    Ok(Outcome::Done)
}

/// Builds the programs, static where that can be done.
///
/// # Errors
///
/// When a build fails.
pub(crate) fn build(repo: &Repo) -> Result<Built, Failure> {
    let mut build = repo.cargo();
    build.args(["build", "--release", "-p", "app-cli", "-p", "app-hook"]);
    let target = static_target();
    let folder = match &target {
        Ok(target) => {
            build.args(["--target", target]);
            repo.target.join(target)
        }
        Err(_) => repo.target.clone(),
    };
    run(&mut build)?;
    let folder = folder.join("release");
    Ok(Built { ours: folder.join("task-bg"), hook: folder.join("task-bg-hook"), target })
}

/// The target of static programs, added if it is missing; else why there is none.
fn static_target() -> Result<String, String> {
    let target = format!("{ARCH}-unknown-linux-musl");
    added(&target).map(|()| target)
}

/// Adds a target with rustup where it is missing.
///
/// # Errors
///
/// Why it cannot be had.
pub(crate) fn added(target: &str) -> Result<(), String> {
    let installed = capture(Command::new("rustup").args(["target", "list", "--installed"]));
    let Ok(installed) = installed else { return Err("rustup is not there to add a target".into()) };
    if installed.lines().any(|line| line == target) {
        return Ok(());
    }
    println!("$ rustup target add {target}");
    match observe(Command::new("rustup").args(["target", "add", target])) {
        Ok(added) if added.status.success() => Ok(()),
        Ok(added) => Err(format!("{target} cannot be added: {}", last_words(&added))),
        Err(failure) => Err(failure.to_string()),
    }
}
