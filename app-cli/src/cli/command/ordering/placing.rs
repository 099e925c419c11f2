//! Where an order may run: the kinds of places that this version can give a task to.
//!
//! It looks at the word alone, before anything is recorded, and asks no other machine.

use domain::task::Target;

use crate::kit::failure::{Failure, Kind};

/// Refuses a place that no task can be given to.
pub(super) fn check(target: &Target) -> Result<(), Failure> {
    match target {
        Target::Local => Ok(()),
        Target::Slurm { .. } | Target::Ssh { .. } => {
            let message = format!("this version can place no task on `{target}`");
            Err(Failure::new(Kind::LaunchFailed, message).hint("use `--on local`"))
        }
    }
}
