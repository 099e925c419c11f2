//! What is measured with: the programs, and a folder for each of them.
//!
//! Our programs are built as they are shipped, static where the target is installed. The others are taken from `PATH`; one
//! that is missing has no column. Main type: [`Yard`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::command::{capture, observe, shown, succeeds};
use crate::failure::{During, Failure};
use crate::release::{self, Built};
use crate::repo::Repo;
use crate::scratch::Scratch;

/// A file system in memory.
const MEMORY: &str = "/dev/shm";

/// The programs and the folders.
pub(super) struct Yard {
    /// `task-bg`.
    pub(super) ours: PathBuf,
    /// `task-bg-hook`.
    pub(super) hook: PathBuf,
    /// The C program.
    pub(super) floor: PathBuf,
    built: String,
    scratch: Scratch,
}

impl Yard {
    /// Builds what is to be built.
    ///
    /// # Errors
    ///
    /// When a build fails, or there is no C compiler.
    pub(super) fn prepare(repo: &Repo) -> Result<Self, Failure> {
        let scratch = Scratch::new()?;
        let Built { ours, hook, target } = release::build(repo)?;
        let built = match target {
            Ok(target) => format!("{target}, static"),
            Err(why) => format!("for this machine, dynamic, as {why}"),
        };
        // In how large pieces the kernel keeps a program, and so how much of it a process has mapped, depends on how the
        // file was written: a copy is what an installation is.
        let installed = |program: PathBuf| -> Result<PathBuf, Failure> {
            let name = program.file_name().unwrap_or_default();
            let copy = scratch.places().bin().join(name);
            fs::copy(&program, &copy).during("copying a program")?;
            Ok(copy)
        };
        let (ours, hook) = (installed(ours)?, installed(hook)?);
        let floor = scratch.places().root().join("floor");
        let source = repo.root.join("xtask/src/bench/floor.c");
        let compile = |flags: &[&str]| {
            succeeds(Command::new("cc").arg("-O2").args(flags).arg("-o").arg(&floor).arg(&source))
        };
        if !compile(&["-static"]) && !compile(&[]) {
            return Err(Failure::new("the floor cannot be built: install a C compiler (`cc`)"));
        }
        Ok(Self { ours, hook, floor, built, scratch })
    }

    /// Says what is measured, and on what.
    pub(super) fn describe(&self) {
        let first = |words: &mut Command| {
            let text = capture(words).unwrap_or_default();
            text.lines().next().unwrap_or("?").to_owned()
        };
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let disk = first(Command::new("stat").args(["-f", "-c", "%T"]).arg(self.root()));
        println!("{} on {cores} cores, {disk}", first(Command::new("uname").arg("-sr")));
        println!("task-bg: {}", self.built);
        for (name, version) in [("tsp", "-V"), ("nq", ""), ("pueue", "--version")] {
            match (has(name), version) {
                (false, _) => println!("{name}: not installed, no column"),
                (true, "") => println!("{name}: installed"),
                (true, version) => println!("{name}: {}", first(Command::new(name).arg(version))),
            }
        }
    }

    /// The folder of everything.
    pub(super) fn root(&self) -> &Path {
        self.scratch.places().root()
    }

    /// A folder of this name, made if it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.root().join(name);
        fs::create_dir_all(&folder).during(format_args!("making `{}`", folder.display()))?;
        Ok(folder)
    }

    /// Our program over the store of this name.
    pub(super) fn task_bg(&self, store: &Path) -> Command {
        let mut command = Command::new(&self.ours);
        self.scratch.dress(&mut command);
        command.env("TASK_BG_DIR", store).env("TASK_BG_MAX_RUNNING", "2000");
        command
    }

    /// The C program, with syncs or without.
    pub(super) fn floor(&self, syncs: bool) -> Command {
        let mut command = Command::new(&self.floor);
        self.scratch.dress(&mut command);
        command.env("SYNC", if syncs { "1" } else { "0" });
        command
    }

    /// Another program, with `HOME` and its own folder in the scratch folder.
    pub(super) fn other(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.scratch.dress(&mut command);
        let root = self.root();
        command.env("TS_SOCKET", root.join("tsp.socket")).env("TMPDIR", root.join("tsp"));
        command.env("TS_SLOTS", "2000").env("NQDIR", root.join("nq"));
        command
    }

    /// Ends what was started, and removes the folder.
    ///
    /// # Errors
    ///
    /// When processes of ours are left.
    pub(super) fn close(self) -> Result<(), Failure> {
        if has("tsp") {
            drop(observe(self.other("tsp").arg("-K")));
        }
        self.scratch.close()
    }
}

/// A folder whose syncs cost nothing, where there is one.
pub(super) fn in_memory() -> Result<Option<TempDir>, Failure> {
    if !Path::new(MEMORY).is_dir() {
        return Ok(None);
    }
    let memory = tempfile::Builder::new().prefix("task-bg-").tempdir_in(MEMORY);
    memory.map(Some).during("making a folder in memory")
}

/// Whether a program is installed.
pub(super) fn has(program: &str) -> bool {
    succeeds(Command::new("which").arg(program))
}

/// Runs a command to its end with its output thrown away.
///
/// # Errors
///
/// When it does not succeed.
pub(super) fn quietly(command: &mut Command) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().during(format_args!("starting `{}`", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` ended with {status}", shown(command))))
}
