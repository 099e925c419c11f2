//! What the reader can do about a program that cannot be started.
//!
//! Nothing here looks for a program: it goes by what the supervisor said.

use domain::port::{Agents, LaunchFailure};
use domain::task::{Runner, text};
use domain::usecase::launch::LaunchError;

use super::ordering::quoted;
use crate::kit::context::Context;
use crate::kit::failure::Failure;

/// What only a shell gives a meaning to, or sets apart.
const SHELL: [char; 11] = [' ', '\t', '\n', '|', '&', ';', '<', '>', '$', '*', '`'];

/// How much of a command line is repeated, in characters.
const QUOTED: usize = 200;

/// Whether a word sets a variable for a shell, as in `FOO=1 make`.
fn sets_a_variable(word: &str) -> bool {
    let is_name = |name: &str| {
        let mut chars = name.chars();
        let is_letter = |c: char| c == '_' || c.is_ascii_alphabetic();
        chars.next().is_some_and(is_letter) && chars.all(|c| is_letter(c) || c.is_ascii_digit())
    };
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

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
        Runner::Command(argv) => sets_a_variable(program).then(|| {
            let others = quoted(&argv[1..]).unwrap_or_default();
            // The name needs no quotes, and shells take the equals sign for what it is.
            let (name, value) = program.split_once('=').unwrap_or((program, ""));
            let set = match quoted(&[value.to_owned()]) {
                Ok(value) if value != "''" => format!("{name}={value}"),
                Ok(_) | Err(_) => format!("{name}="),
            };
            let whole = text::without_middle(format!("env {set} {others}").trim_end(), QUOTED);
            let set = text::without_middle(&set, QUOTED);
            format!(
                "no shell reads the words after `--`; give `--env {set}`, or write `-- {whole}`"
            )
        }),
        Runner::Elsewhere => None,
        Runner::Agent { .. } => {
            let agent = context.wiring.agents.of(runner)?;
            match failure {
                LaunchFailure::NotStarted { reason, .. } => agent.remedy(reason),
                LaunchFailure::Cluster(_) => None,
                LaunchFailure::NotFound { .. }
                | LaunchFailure::Supervisor(_)
                | LaunchFailure::NoProcess(_) => {
                    agent.program().map(|program| program.install.to_owned())
                }
            }
        }
    }
}
