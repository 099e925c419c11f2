//! Where an order may run: the kinds of places that this version can give a task to.
//!
//! It looks at the words alone, and whether there is a program to submit jobs with, before anything is recorded, and asks
//! no other machine.

use domain::task::{Order, Target};

use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};

/// Refuses a place that no task can be given to.
pub(super) fn check(order: &Order) -> Result<(), Failure> {
    let target = &order.target;
    let is_cluster = matches!(target, Target::Slurm { .. });
    if !is_cluster && let Some(option) = order.cluster_options.first() {
        let message = format!("`--slurm={option}` goes with `--on slurm` alone");
        return Err(Failure::new(Kind::Usage, message).hint("add `--on slurm`, or leave it out"));
    }
    match target {
        // A machine from which nobody submits: nothing need be recorded to find that out.
        Target::Slurm { .. } if !is_on_path("sbatch") => {
            let message =
                format!("no task can be placed on `{target}`: `sbatch` was not found on PATH");
            let hint = "run it on a machine from which jobs are submitted, or use `--on local`";
            Err(Failure::new(Kind::LaunchFailed, message).hint(hint))
        }
        Target::Local | Target::Slurm { .. } | Target::Ssh { .. } => Ok(()),
    }
}

/// Whether there is a program of this name.
fn is_on_path(program: &str) -> bool {
    let path = environment::variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
