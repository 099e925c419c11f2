//! The real `droid`, for the runs that need it: found, or installed below the target folder.
//!
//! The program is proprietary: we use it for checks, never ship it, and install it nowhere but in `target/`. A step
//! takes it for good only after it has said its version itself, so that nobody uses half an installation. Main type:
//! [`Droid`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, io};

use crate::command::{capture, last_words, observe, succeeds};
use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::scratch::Scratch;

/// Names a `droid` to use in place of an installed one.
const OVERRIDE: &str = "TASK_BG_E2E_DROID";
/// The package for the platform itself, without the shim around it.
const PACKAGE: &str = "@factory/cli-linux-x64";
/// The release whose behaviour was looked at.
const VERSION: &str = "0.225.2";

/// A `droid` that was seen to run.
#[derive(Debug)]
pub(crate) struct Droid {
    /// The program.
    pub(crate) program: PathBuf,
    /// What it says of itself.
    pub(crate) version: String,
}

/// A `droid`, or why there is none to be had here.
pub(crate) type Found = Result<Droid, String>;

/// Finds the program, or installs it.
///
/// # Errors
///
/// When the one that was asked for by name does not run. That no other one can be had is an answer, not an error.
pub(crate) fn find_or_install(repo: &Repo) -> Result<Found, Failure> {
    if let Some(program) = env::var_os(OVERRIDE).map(PathBuf::from) {
        let named = format!("`{OVERRIDE}` names `{}`", program.display());
        let program = program.canonicalize().during(&named)?;
        let version = version(&program).during(&named)?;
        return Ok(Ok(Droid { program, version }));
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Err(format!("{PACKAGE} is for Linux on x86_64 (`{OVERRIDE}` names another)")));
    }
    let home = repo.target.join("e2e-droid");
    if let Some(droid) = installed(&home) {
        return Ok(Ok(droid));
    }
    install(repo, &home)
}

/// The pinned release below `home`, if it is there and whole.
fn installed(home: &Path) -> Option<Droid> {
    let program = home.join("node_modules").join(PACKAGE).join("bin/droid");
    let version = version(&program).ok().filter(|version| version == VERSION)?;
    Some(Droid { program, version })
}

/// Installs beside `home` and moves the result there, so that `home` is whole or absent.
fn install(repo: &Repo, home: &Path) -> Result<Found, Failure> {
    if !succeeds(Command::new("npm").arg("--version")) {
        return Ok(Err("npm, which would install the real droid, is not here".to_owned()));
    }
    let package = format!("{PACKAGE}@{VERSION}");
    println!("installing {package} (about 250 MB) into {}", repo.relative(home));
    fs::create_dir_all(&repo.target).during("making the target folder")?;
    let beside = tempfile::Builder::new().prefix("e2e-droid.").tempdir_in(&repo.target);
    let beside = beside.during("making a folder to install into")?;
    let output = npm_install(beside.path(), &package)?;
    if !output.status.success() {
        return Ok(Err(format!("npm could not install {package}: {}", last_words(&output))));
    }
    if installed(beside.path()).is_none() {
        return Ok(Err(format!("npm installed {package}, but it does not run here")));
    }
    match fs::remove_dir_all(home) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).during(format_args!("removing `{}`", home.display()));
        }
        _ => {}
    }
    let moved = fs::rename(beside.path(), home);
    // Another run may have installed at the same time; then its result does as well.
    let droid = installed(home);
    match (moved, droid) {
        (_, Some(droid)) => Ok(Ok(droid)),
        (moved, None) => {
            moved.during(format_args!("moving the installation to `{}`", home.display()))?;
            Ok(Err(format!("{package} does not run from where it was moved to")))
        }
    }
}

/// Installs a package into `folder` with npm, without running any script of it; returns what npm said.
///
/// # Errors
///
/// When npm cannot be started.
pub(crate) fn npm_install(folder: &Path, package: &str) -> Result<Output, Failure> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
    // One retry soon: without a network, a skip should not take minutes.
    npm.args([
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000",
        "--fetch-retry-maxtimeout=1000",
    ]);
    npm.arg("--prefix").arg(folder).arg(package).current_dir(folder);
    observe(&mut npm)
}

/// What `program` says its version is, asked with a home of its own, because it writes there.
fn version(program: &Path) -> Result<String, Failure> {
    let scratch = Scratch::new()?;
    let mut command = Command::new(program);
    scratch.dress(&mut command);
    capture(command.arg("--version")).map(|version| version.trim().to_owned())
}
