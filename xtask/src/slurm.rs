//! `slurm`: our program on a real cluster, whose nodes are namespaces of this machine.
//!
//! `tests/slurm/cluster.sh` starts the cluster, from packages of Debian's that it downloads and does not install, and
//! `tests/slurm/scenarios.sh` tries the scenarios on it. Where a piece is not to be had, the step or the scenario skips
//! itself and says why. The cluster is ended whatever happens. Main type: [`Lab`].

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{last_words, observe, run};
use crate::droid;
use crate::failure::{During, Failure};
use crate::repo::Repo;
use crate::step::{Outcome, StepResult};

/// The exit status of the cluster's script that means that the cluster is not to be had here.
const NOT_HERE: i32 = 77;
/// The nodes beside the one that jobs are submitted from.
const NODES: &str = "3";
/// Stands for all scenarios.
const ALL: &str = "all";
/// The scenario that needs the real agent.
const WITH_DROID: &str = "real_droid";
/// The scenarios that are tried with every check: in some 90 s, those that wait for no time limit.
const SHORT: [&str; 12] = [
    "run",
    "cancel",
    "scancel",
    "stubborn",
    "killed",
    "licence",
    "order",
    "reasons",
    WITH_DROID,
    "twice",
    "forgotten",
    "displaced",
];
/// Those that are tried besides where somebody wants all.
const LONG: [&str; 9] = [
    "verbs",
    "complete",
    "doctor",
    "noticing",
    "controller_down",
    "node_cut",
    "node_lost",
    "hundred",
    "time_limit",
];
/// Those that want nodes which see no lock of each other.
const APART: [&str; 4] = ["apart_list", "apart_cancel", "apart_complete", "apart_doctor"];

/// Runs the scenarios that `names` choose; `all` is all, and without a name those that every check tries.
///
/// # Errors
///
/// When a build, the cluster or a scenario fails.
pub(crate) fn slurm(repo: &Repo, names: &[String]) -> StepResult {
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    if wanted.is_empty() {
        wanted.extend(SHORT);
    }
    if wanted.contains(&ALL) {
        wanted = SHORT.into_iter().chain(LONG).chain(APART).collect();
    }
    run(repo.cargo().args(["build", "-p", "app-cli", "--bin", "task-bg"]))?;
    let (apart, together): (Vec<&str>, Vec<&str>) =
        wanted.into_iter().partition(|name| APART.contains(name));
    let mut outcome = Outcome::Done;
    for (names, is_apart) in [(together, false), (apart, true)] {
        if !names.is_empty() && matches!(outcome, Outcome::Done) {
            outcome = Lab::of(repo, is_apart).with_cluster(|lab| lab.tried(repo, &names))?;
        }
    }
    Ok(outcome)
}

/// The scenarios that every check tries.
///
/// # Errors
///
/// As for [`slurm`].
pub(crate) fn short(repo: &Repo) -> StepResult {
    slurm(repo, &[])
}

/// A cluster below the target folder; its packages stay there for the next time.
struct Lab {
    scripts: PathBuf,
    folder: PathBuf,
    is_apart: bool,
}

impl Lab {
    fn of(repo: &Repo, is_apart: bool) -> Self {
        let (scripts, folder) = (repo.root.join("tests/slurm"), repo.target.join("slurm"));
        Self { scripts, folder, is_apart }
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new("bash");
        command.arg(self.scripts.join(name)).env("LAB", &self.folder);
        if self.is_apart {
            command.env("APART", "1");
        }
        command
    }

    /// Starts the cluster, does something with it, and ends it.
    fn with_cluster(&self, work: impl FnOnce(&Self) -> StepResult) -> StepResult {
        let down = || observe(self.script("cluster.sh").arg("down"));
        drop(down()?);
        let up = observe(self.script("cluster.sh").args(["up", NODES]))?;
        if !up.status.success() {
            drop(down()?);
            let why = last_words(&up);
            if up.status.code() == Some(NOT_HERE) {
                return Ok(Outcome::Skipped(why));
            }
            return Err(Failure::new(format!("the cluster does not start: {why}")));
        }
        let done = work(self);
        drop(down()?);
        done
    }

    fn tried(&self, repo: &Repo, names: &[&str]) -> StepResult {
        let mut scenarios = self.script("scenarios.sh");
        scenarios.args(names).env("TASK_BG", repo.program("task-bg"));
        if names.contains(&WITH_DROID) {
            with_droid(repo, &mut scenarios)?;
        }
        if scenarios.status().during("starting the scenarios")?.success() {
            return Ok(Outcome::Done);
        }
        Err(Failure::new(
            "not all passed, see above; `cargo xtask slurm NAME` runs those of these names",
        ))
    }
}

/// Names the real agent and the scripted model to the scenarios, or says why there is none.
fn with_droid(repo: &Repo, scenarios: &mut Command) -> Result<(), Failure> {
    match droid::find_or_install(repo)? {
        Ok(droid) => {
            run(repo.cargo().args(["build", "-p", "tests", "--bin", "scripted-model"]))?;
            let model: &Path = &repo.program("scripted-model");
            scenarios.env("REAL_DROID", droid.program).env("SCRIPTED_MODEL", model);
        }
        Err(why) => drop(scenarios.env("NO_DROID", why)),
    }
    Ok(())
}
