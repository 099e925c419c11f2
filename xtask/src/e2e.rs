//! `e2e`: our programs with the real `droid`, a scripted model and no network.
//!
//! This step puts the pieces together and starts them; the program `real-droid-scenarios` of the tests crate has the
//! scenarios, and its exit status is the step's. Where a piece is not to be had, the step skips itself and says why.
//! Main type: [`Arena`], which `demo` uses as well.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::agents;
use crate::command::{run, succeeds};
use crate::droid::{self, Droid};
use crate::failure::{During, Failure};
use crate::namespace::Namespace;
use crate::repo::{Repo, this_program};
use crate::scratch::Scratch;
use crate::step::{Outcome, StepResult};

/// What is needed to run the real agent offline.
#[derive(Debug)]
pub(crate) struct Arena {
    /// The agent.
    pub(crate) droid: Droid,
    namespace: Namespace,
    /// The scripted model; built by whoever uses the arena.
    model: PathBuf,
}

impl Arena {
    /// Gets the pieces together; the inner error says which one is not to be had.
    ///
    /// # Errors
    ///
    /// When a piece that was asked for by name does not work.
    pub(crate) fn prepare(repo: &Repo) -> Result<Result<Self, String>, Failure> {
        let namespace = match Namespace::find() {
            Ok(namespace) => namespace,
            Err(why) => return Ok(Err(why)),
        };
        let model = repo.program("scripted-model");
        Ok(droid::find_or_install(repo)?.map(|droid| Self { droid, namespace, model }))
    }

    /// A command that runs the words added to it beside the model, with the environment of `scratch`.
    ///
    /// # Errors
    ///
    /// When `droid` cannot be put in place.
    pub(crate) fn command(&self, scratch: &Scratch) -> Result<Command, Failure> {
        scratch.link("droid", &self.droid.program)?;
        let mut command = self.namespace.command();
        command.arg(this_program()?).arg("__inside").arg(&self.model);
        command.arg(scratch.places().root());
        scratch.dress(&mut command);
        Ok(command)
    }
}

/// Runs the scenarios, all or those that `filters` choose.
///
/// # Errors
///
/// When a build or a scenario fails, or a scenario leaves a process behind.
pub(crate) fn e2e(repo: &Repo, filters: &[String]) -> StepResult {
    let arena = match Arena::prepare(repo)? {
        Ok(arena) => arena,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    run(repo.cargo().args(["build", "-p", "tests", "--bins"]))?;
    let Droid { program, version } = &arena.droid;
    println!("the real droid {version}, {}, without a network", repo.relative(program));
    let scratch = Scratch::new()?;
    let (cli, hook) = (repo.program("task-bg-under-test"), repo.program("task-bg-hook-under-test"));
    scratch.link("task-bg", &cli)?;
    scratch.link("task-bg-hook", &hook)?;
    let mut command = arena.command(&scratch)?;
    command.env("TASK_BG_BIN", cli).env("TASK_BG_HOOK_BIN", hook);
    command.env("REAL_DROID", program);
    // Each scenario makes a home of its own; all of them are to go with this folder, whatever happens.
    command.env("TMPDIR", scratch.places().root());
    command.arg(repo.program("real-droid-scenarios")).args(filters.iter().map(OsStr::new));
    let status = command.status().during("starting the scenarios")?;
    let closed = scratch.close();
    if !status.success() {
        let words =
            "not all passed, see above; `cargo xtask e2e WORD` runs those with WORD in their names";
        return Err(Failure::new(words));
    }
    closed?;
    if !filters.is_empty() {
        return Ok(Outcome::Done);
    }
    if let Outcome::Skipped(why) = agents(repo, &[])? {
        println!("the agents beside droid: skipped: {why}");
    }
    Ok(Outcome::Done)
}

/// Runs the cases of the agents beside `droid`, of all or of those that `filters` name, and prints them as a table.
///
/// # Errors
///
/// When a build or a case fails, or a case leaves a process behind.
pub(crate) fn agents(repo: &Repo, filters: &[String]) -> StepResult {
    let namespace = match Namespace::find() {
        Ok(namespace) => namespace,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    if !succeeds(Command::new("npm").arg("--version")) {
        return Ok(Outcome::Skipped("npm, which would install them, is not here".to_owned()));
    }
    let (here, missing) = agents::find_or_install(repo)?;
    for why in &missing {
        println!("skipped: {why}");
    }
    if here.is_empty() {
        return Ok(Outcome::Skipped("none of them is to be had".to_owned()));
    }
    run(repo.cargo().args(["build", "-p", "tests", "--bins"]))?;
    let scratch = Scratch::new()?;
    let mut command = namespace.command();
    command.arg(this_program()?).arg("__inside").arg(repo.program("scripted-model"));
    command.arg(scratch.places().root());
    scratch.dress(&mut command);
    command.env("TASK_BG_BIN", repo.program("task-bg-under-test"));
    command.env("TASK_BG_HOOK_BIN", repo.program("task-bg-hook-under-test"));
    command.env("TMPDIR", scratch.places().root());
    match droid::find_or_install(repo)? {
        Ok(droid) => drop(command.env("REAL_DROID", droid.program)),
        Err(why) => println!("droid is in no batch: {why}"),
    }
    command.envs(here.into_iter().map(|agent| (agent.variable, agent.start)));
    command.arg(repo.program("real-agents")).args(filters.iter().map(OsStr::new));
    let status = command.status().during("starting the cases")?;
    let closed = scratch.close();
    if !status.success() {
        return Err(Failure::new("not all came true, see the table"));
    }
    closed.map(|()| Outcome::Done)
}
