//! What the reader can do about a program that cannot be started.
//!
//! Nothing here looks for a program: it goes by what the supervisor said.

use domain::port::{Agents, LaunchFailure};
use domain::task::Runner;
use domain::usecase::launch::LaunchError;

use super::ordering::quoted;
use crate::kit::context::Context;
use crate::kit::failure::Failure;

/// What only a shell gives a meaning to, or sets apart.
const SHELL: [char; 11] = [' ', '\t', '\n', '|', '&', ';', '<', '>', '$', '*', '`'];

/// The failure of a launch, with what helps by what was to be started.
pub(super) fn failure(context: &Context, error: LaunchError, runner: &Runner) -> Failure {
    let advice = advice(context, &error, runner);
    let failure = Failure::from(error);
    match advice {
        Some(advice) => Failure { hints: vec![advice], ..failure },
        None => failure,
    }
}

fn advice(context: &Context, error: &LaunchError, runner: &Runner) -> Option<String> {
    let LaunchError::NotStarted { failure, next: None, .. } = error else { return None };
    let (LaunchFailure::NotFound { program } | LaunchFailure::NotStarted { program, .. }) = failure
    else {
        return None;
    };
    match runner {
        Runner::Command(_) if program.contains(SHELL) => {
            let whole = quoted(&["sh".to_owned(), "-c".to_owned(), program.clone()]).ok()?;
            Some(format!("no shell reads the words after `--`; write `-- {whole}`"))
        }
        Runner::Command(_) | Runner::Elsewhere => None,
        Runner::Agent { .. } => {
            let agent = context.wiring.agents.of(runner)?;
            match failure {
                LaunchFailure::NotStarted { reason, .. } => agent.remedy(reason),
                LaunchFailure::NotFound { .. } | LaunchFailure::Supervisor(_) => {
                    agent.program().map(|program| program.install.to_owned())
                }
            }
        }
    }
}
