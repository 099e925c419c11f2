//! `dependencies`: what comes in from outside, checked against `deny.toml` and against what is known to be broken.
//!
//! cargo-deny is the installed one, or a pinned release that is built once below the target folder. What can only be
//! asked of a network is skipped by name where there is none, and never silently.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{last_words, observe, run, shown, succeeds};
use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};

/// The release whose checks `deny.toml` is written for.
const DENY: &str = "0.20.2";
/// What is checked without a network.
const HERE: [&str; 3] = ["bans", "licenses", "sources"];

/// Checks them.
///
/// # Errors
///
/// When a check finds something.
pub(crate) fn dependencies(repo: &Repo) -> StepResult {
    let deny = match deny(repo)? {
        Ok(deny) => deny,
        Err(why) => return Ok(Outcome::Skipped(format!("cargo-deny cannot be had: {why}"))),
    };
    let check = |words: &[&str]| {
        let mut command = Command::new(&deny);
        command.arg("deny").current_dir(&repo.root).arg("check").args(words);
        command
    };
    run(&mut check(&HERE))?;
    let mut skipped = Vec::new();
    let mut fetch = Command::new(&deny);
    fetch.args(["deny", "fetch", "db"]).current_dir(&repo.root);
    println!("$ {}", shown(&fetch));
    let fetched = observe(&mut fetch)?;
    if fetched.status.success() {
        run(&mut check(&["advisories"]))?;
    } else {
        println!("the database of advisories cannot be fetched: {}", last_words(&fetched));
        skipped.push("advisories");
    }
    // It reads the same database as cargo-deny, so it is not worth an installation.
    if succeeds(Command::new("cargo-audit").arg("--version")) {
        run(Command::new("cargo-audit").arg("audit").current_dir(&repo.root))?;
    } else {
        skipped.push("cargo-audit, which is not installed");
    }
    if skipped.is_empty() {
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Skipped(format!("{} done, but not {}", HERE.join(", "), skipped.join(", "))))
}

/// cargo-deny, or why there is none.
fn deny(repo: &Repo) -> Result<Result<PathBuf, String>, Failure> {
    let installed = PathBuf::from("cargo-deny");
    let home = repo.target.join("tools");
    let ours = home.join("bin/cargo-deny");
    for program in [installed, ours.clone()] {
        if succeeds(Command::new(&program).arg("--version")) {
            return Ok(Ok(program));
        }
    }
    fs::create_dir_all(&home).during("making a folder for tools")?;
    let mut install = repo.cargo();
    // Without optimisation: it is built longer than it ever runs.
    install.args(["install", "cargo-deny", "--version", DENY, "--locked", "--debug", "--root"]);
    install.arg(&home).env("CARGO_TARGET_DIR", home.join("build"));
    println!("$ {}", shown(&install));
    let built = observe(&mut install)?;
    drop(fs::remove_dir_all(home.join("build")));
    Ok(if built.status.success() { Ok(ours) } else { Err(last_words(&built)) })
}
