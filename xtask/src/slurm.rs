//! `slurm`: our program on a real cluster, whose nodes are namespaces of this machine.
//!
//! `tests/slurm/cluster.sh` starts the cluster, from packages of Debian's that it downloads and does not install, and
//! `tests/slurm/scenarios.sh` tries the scenarios on it. Where a piece is not to be had, the step skips itself and says
//! why. The cluster is ended whatever happens.

use std::path::Path;
use std::process::Command;

use crate::command::{last_words, observe, run};
use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};

/// The exit status of the cluster's script that means that the cluster is not to be had here.
const NOT_HERE: i32 = 77;
/// The scenarios that are tried with every check: those that wait for nothing but themselves.
const SHORT: [&str; 4] = ["run", "cancel", "scancel", "stubborn"];

/// Runs the scenarios, all or those that `names` choose.
///
/// # Errors
///
/// When a build, the cluster or a scenario fails.
pub(crate) fn slurm(repo: &Repo, names: &[String]) -> StepResult {
    // The packages stay there for the next time.
    let lab = repo.target.join("slurm");
    let script = |name: &str| {
        let mut command = Command::new("bash");
        command.arg(repo.root.join("tests/slurm").join(name)).env("LAB", &lab);
        command
    };
    run(repo.cargo().args(["build", "-p", "app-cli", "--bin", "task-bg"]))?;
    let cluster = || script("cluster.sh");
    drop(observe(cluster().arg("down"))?);
    let up = observe(cluster().args(["up", "2"]))?;
    if !up.status.success() {
        drop(observe(cluster().arg("down"))?);
        let why = last_words(&up);
        if up.status.code() == Some(NOT_HERE) {
            return Ok(Outcome::Skipped(why));
        }
        return Err(Failure::new(format!("the cluster does not start: {why}")));
    }
    let tried = tried(script("scenarios.sh"), &repo.program("task-bg"), names);
    drop(observe(cluster().arg("down"))?);
    tried
}

/// The scenarios that wait for nothing but themselves.
///
/// # Errors
///
/// As for [`slurm`].
pub(crate) fn short(repo: &Repo) -> StepResult {
    slurm(repo, &SHORT.map(ToOwned::to_owned))
}

fn tried(mut scenarios: Command, program: &Path, names: &[String]) -> StepResult {
    let status = scenarios.args(names).env("TASK_BG", program).status();
    if status.during("starting the scenarios")?.success() {
        return Ok(Outcome::Done);
    }
    Err(Failure::new(
        "not all passed, see above; `cargo xtask slurm NAME` runs those of these names",
    ))
}
