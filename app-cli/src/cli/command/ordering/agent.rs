//! Which agent an order is for, and whether that agent can be held to it.

use domain::port::{Agent, Agents, Objection};
use domain::task::{AgentName, Order, Runner};
use domain::usecase::runners;

use super::{USUAL_AUTONOMY, Work};
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};
use crate::kit::wiring::Variables;

/// Who does the work.
///
/// # Errors
/// A failure that names near runners, if there is none of that name.
pub(in crate::cli::command) fn runner(context: &Context, work: &Work) -> Result<Runner, Failure> {
    match work {
        Work::Command(argv) if argv.first().is_none_or(|program| program.trim().is_empty()) => {
            let failure = Failure::new(Kind::Usage, "the program to run is an empty word");
            Err(failure.hint("name a program, as in `task-bg run \"Test suite\" -- cargo test`"))
        }
        Work::Command(argv) => Ok(Runner::Command(argv.clone())),
        Work::Agent { name, autonomy } => {
            let name = name.as_ref().unwrap_or(&context.settings.runner.value);
            let agent = runners::choose(context.wiring.agents.as_ref(), name)?;
            let name = AgentName::parse(agent.name()).map_err(|invalid| {
                Failure::new(Kind::Usage, format!("`{name}` is no name of a runner: {invalid}"))
            })?;
            Ok(Runner::Agent { name, autonomy: autonomy.unwrap_or(USUAL_AUTONOMY) })
        }
    }
}

/// What is to be said of tasks without a parent, where they are launched from the shell of an agent that could have
/// one and does not name it.
pub(in crate::cli::command) fn orphaned(is_orphan: bool) -> Option<String> {
    (is_orphan && environment::is_in_nameless_session()).then(|| {
        "nobody is told when this ends: the shell here does not say which session it is in; give `--parent`, or run \
         `task-bg hooks install --for gemini` and start the agent anew"
            .to_owned()
    })
}

/// The failure, with the way out where this is a command of an agent that lets it write no store: another
/// folder for the store would not help, because the task would end with the command.
pub(super) fn confined(context: &Context, failure: Failure) -> Failure {
    let around = environment::circumstances(&environment::text);
    let way_out = context.wiring.agents.all().into_iter().find_map(|it| it.way_out(&around));
    match way_out {
        Some(way_out) if failure.kind == Kind::StoreUnavailable => {
            Failure { hints: vec![way_out], ..failure }
        }
        Some(_) | None => failure,
    }
}

/// Refuses to launch anything where it would end with this command, whether or not the store can be written.
///
/// # Errors
/// The failure, with the way out.
pub(super) fn check_confinement(context: &Context) -> Result<(), Failure> {
    let around = environment::circumstances(&environment::text);
    let agents = context.wiring.agents.all();
    let Some(agent) = agents.into_iter().find(|agent| agent.ends_what_is_started(&around)) else {
        return Ok(());
    };
    let words = format!(
        "a task that is launched here would end with this command, which is one of `{}` in its sandbox",
        agent.name()
    );
    let failure = Failure::new(Kind::LaunchFailed, words);
    Err(Failure { hints: agent.way_out(&around).into_iter().collect(), ..failure })
}

/// Refuses an order that its agent could not be held to in the environment it would have.
pub(super) fn check_agent(
    agent: &dyn Agent,
    order: &Order,
    variables: &Variables,
) -> Result<(), Failure> {
    let variable = |name: &str| {
        let set = variables.iter().rev().find(|(known, _)| known == name);
        set.map_or_else(|| environment::text(name), |(_, value)| value.clone().into_string().ok())
    };
    let around = environment::circumstances(&variable);
    runners::check(agent, order, &around)
        .map_err(|Objection { words, hint }| Failure::new(Kind::Usage, words).hint(hint))
}
