//! Tells the program what it says under `--version` besides its number: the commit it was built from, and for what.
//!
//! The commit is `$TASK_BG_COMMIT` where somebody who packages it says so, else what git says of the repository that
//! this file is in, else "unknown": it builds without git, and of one commit always the same.

use std::env;
use std::path::Path;
use std::process::Command;

/// How much of a commit's name is said.
const DIGITS: usize = 12;

fn main() {
    println!("cargo::rerun-if-env-changed=TASK_BG_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let said = env::var("TASK_BG_COMMIT").ok().filter(|said| !said.is_empty());
    let commit = said.or_else(commit).unwrap_or_else(|| "unknown".to_owned());
    let commit: String = commit.chars().filter(char::is_ascii_alphanumeric).take(DIGITS).collect();
    println!("cargo::rustc-env=TASK_BG_COMMIT={commit}");
    println!("cargo::rustc-env=TASK_BG_TARGET={}", env::var("TARGET").unwrap_or_default());
}

/// The commit that is checked out, if this file is of that repository and not merely below it.
fn commit() -> Option<String> {
    // Each commit and each checkout adds a line there.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    git(&["rev-parse", "HEAD"])
}

/// What git prints, where it is there and does what it is asked.
fn git(words: &[&str]) -> Option<String> {
    let said = Command::new("git").args(words).output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|_| said.status.success())
}
