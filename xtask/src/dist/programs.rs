//! Building the programs that are shipped: static, stripped, with a build id, and with no path of this machine inside.
//!
//! A kind of machine whose target or linker cannot be had is skipped with the reason. Main type: [`Programs`].

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::elf;
use crate::command::run;
use crate::failure::{During, Failure};
use crate::release::added;
use crate::repo::Repo;

/// A kind of machine.
#[derive(Debug)]
pub(crate) struct Kind {
    /// What `uname -m` and Rust call it.
    pub(crate) arch: &'static str,
    /// What Debian calls it.
    pub(crate) debian: &'static str,
    /// What npm calls it.
    pub(crate) npm: &'static str,
    /// The target of static programs.
    pub(crate) target: &'static str,
}

/// The kinds of machines that are shipped for.
pub(crate) const KINDS: &[Kind] = &[
    Kind { arch: "x86_64", debian: "amd64", npm: "x64", target: "x86_64-unknown-linux-musl" },
    Kind { arch: "aarch64", debian: "arm64", npm: "arm64", target: "aarch64-unknown-linux-musl" },
];

/// The programs for a kind of machine.
pub(crate) struct Programs {
    /// The kind.
    pub(crate) kind: &'static Kind,
    /// `task-bg`.
    pub(crate) ours: Vec<u8>,
    /// `task-bg-hook`.
    pub(crate) hook: Vec<u8>,
    /// Where `task-bg` was built.
    pub(crate) path: PathBuf,
}

/// Builds the programs for a kind of machine in the folder `build`; or says why they cannot be built here.
///
/// # Errors
///
/// When the build fails, or a program is not static or has no build id.
pub(crate) fn build(
    repo: &Repo,
    kind: &'static Kind,
    build: &Path,
) -> Result<Result<Programs, String>, Failure> {
    if let Err(why) = added(kind.target) {
        return Ok(Err(why));
    }
    let is_here = kind.arch == env::consts::ARCH;
    let mut cargo = repo.cargo();
    cargo.args(["build", "--release", "--locked", "-p", "app-cli", "-p", "app-hook"]);
    cargo.args(["--target", kind.target]).env("CARGO_TARGET_DIR", build);
    cargo.env("RUSTFLAGS", flags(repo, is_here));
    if !is_here {
        // The linker that comes with Rust links for any machine, and the target brings its own C library.
        let variable = kind.target.to_uppercase().replace('-', "_");
        cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), "rust-lld");
    }
    run(&mut cargo)?;
    let folder = build.join(kind.target).join("release");
    let read = |name: &str| {
        let path = folder.join(name);
        let bytes = fs::read(&path).during(format_args!("reading `{}`", path.display()))?;
        match elf::fault(&bytes) {
            None => Ok(bytes),
            Some(fault) => Err(Failure::new(format!("`{}`: {fault}", path.display()))),
        }
    };
    let (ours, hook) = (read("task-bg")?, read("task-bg-hook")?);
    Ok(Ok(Programs { kind, ours, hook, path: folder.join("task-bg") }))
}

/// The flags of the compiler. They take the place of those in `.cargo/config.toml`, and so repeat them.
fn flags(repo: &Repo, is_here: bool) -> String {
    let home = |variable: &str, usual: &str| {
        let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        env::var_os(variable).map_or_else(|| home.join(usual), PathBuf::from)
    };
    let moved = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let id = if is_here { "-Wl,--build-id=sha1" } else { "--build-id=sha1" };
    [
        "-Crelocation-model=static".to_owned(),
        format!("-Clink-arg={id}"),
        moved(&home("CARGO_HOME", ".cargo"), "/cargo"),
        moved(&home("RUSTUP_HOME", ".rustup"), "/rustup"),
        moved(&repo.root, "/task-bg"),
    ]
    .join(" ")
}

/// What a program prints.
///
/// # Errors
///
/// When it fails.
pub(crate) fn printed(program: &Path, words: &[&str]) -> Result<String, Failure> {
    crate::command::capture(Command::new(program).args(words))
}
