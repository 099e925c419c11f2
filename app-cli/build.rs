//! Tells the program what it says under `--version` besides its number: the commit it was built from, and for what.
//!
//! The commit is `$TASK_BG_COMMIT` where somebody who packages it says so, else what git says of the repository that
//! this file is in, else "unknown": it builds without git, and of one commit always the same.
//!
//! And it tells the linker of the shipped program which functions to put side by side: see `docs/design/0020`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
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
    if let Some(script) = order() {
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
}

/// The functions that a launch, a supervisor and a look call, in the order in which they do, as `cargo xtask order` found them.
const ORDER: &str = "order.txt";

/// A script by which the linker puts these functions before all others; `None` for other builds, and where another linker
/// is chosen, which may understand no scripts. A name that fits no function is passed over.
fn order() -> Option<PathBuf> {
    println!("cargo::rerun-if-changed={ORDER}");
    let said = |name: &str| env::var(name).unwrap_or_default();
    let is_shipped = said("TARGET") == "x86_64-unknown-linux-musl" && said("PROFILE") == "release";
    let is_usual =
        said("RUSTC_LINKER").is_empty() && !said("CARGO_ENCODED_RUSTFLAGS").contains("mold");
    if !is_shipped || !is_usual {
        return None;
    }
    let names = fs::read_to_string(ORDER).ok()?;
    let sections: String = names.lines().map(|name| format!("  *(.text.{name})\n")).collect();
    let script = PathBuf::from(env::var_os("OUT_DIR")?).join("order.ld");
    let text = format!("SECTIONS {{ .text.first : {{\n{sections}}} }} INSERT BEFORE .text;\n");
    fs::write(&script, text).ok()?;
    Some(script)
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
