//! From what was asked for to an order: shared by every verb that launches something.
//!
//! The checks here find whatever is wrong with a request before anything is recorded or started; what becomes of the
//! order is in `launching`.

mod agent;
mod launching;
mod placing;
mod shipping;

use std::path::PathBuf;
use std::time::Duration;

use domain::task::droid::Instructions;
use domain::task::{
    Autonomy, Briefing, Dependence, DroidName, InvalidPrompt, Lineage, Order, Placement, Prompt,
    Retries, Runner, Target, TaskId, TaskName, Timestamp,
};
use domain::usecase::droids::choose;
use domain::usecase::runners;

use super::feed;
use super::folder::working_folder;
use crate::kit::context::{Context, parse_session};
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};
use crate::kit::settings::parse_notify;
use crate::kit::wiring::Variables;
use agent::check_agent;
pub(super) use agent::{orphaned, runner};
pub(crate) use launching::Once;
pub(crate) use launching::launch;
pub(super) use launching::{check_worktree, queue};
pub(super) use shipping::{Freight, again as ship_again, send};

/// The droid that is launched where none is named.
use domain::task::droid::USUAL as DEFAULT_DROID;
/// What an agent may do where neither the order nor its droid says.
const USUAL_AUTONOMY: Autonomy = Autonomy::Medium;
/// What a plain command is recorded as in place of a droid.
const COMMAND_AGENT: &str = "command";
/// The longest key, in bytes.
const MAX_KEY: usize = 200;

/// What somebody asked for, before it is checked.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) description: String,
    /// What somebody calls the task.
    pub(crate) name: Option<TaskName>,
    pub(crate) prompt: String,
    /// The droid, where one is named.
    pub(crate) droid: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) effort: Option<String>,
    pub(crate) work: Work,
    pub(crate) parent: Option<String>,
    /// Where it is to run, where that is said.
    pub(crate) on: Option<Target>,
    /// Options of the cluster's own.
    pub(crate) cluster_options: Vec<String>,
    pub(crate) cwd: Option<PathBuf>,
    /// What a command reads as its standard input; `-` is that of this process.
    pub(crate) stdin: Option<PathBuf>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stale: Option<Duration>,
    /// What to run once it has ended; an empty text is nothing, whatever the settings say.
    pub(crate) notify: Option<String>,
    pub(crate) priority: i8,
    pub(crate) after: Vec<TaskId>,
    pub(crate) dependence: Dependence,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) hold: bool,
    pub(crate) key: Option<String>,
    pub(crate) retries: Retries,
    /// The name of a worktree of its own; empty names it after the task.
    pub(crate) worktree: Option<String>,
    /// The variables added to its environment.
    pub(crate) variables: Variables,
}

/// Who is to do it.
#[derive(Clone)]
pub(crate) enum Work {
    /// An agent: this one, or else the one of the settings. It may do what is said here, or else what its
    /// droid's definition says.
    Agent { name: Option<String>, autonomy: Option<Autonomy> },
    /// A plain command.
    Command(Vec<String>),
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            description: String::new(),
            name: None,
            prompt: String::new(),
            droid: None,
            model: None,
            effort: None,
            work: Work::Agent { name: None, autonomy: None },
            parent: None,
            on: None,
            cluster_options: Vec::new(),
            cwd: None,
            stdin: None,
            timeout: None,
            stale: None,
            notify: None,
            priority: 0,
            after: Vec::new(),
            dependence: Dependence::default(),
            not_before: None,
            hold: false,
            key: None,
            retries: Retries::default(),
            worktree: None,
            variables: Vec::new(),
        }
    }
}

/// An order with what the agent is told besides its prompt.
pub(crate) struct Ready {
    /// The order.
    pub(crate) order: Order,
    /// What the agent is told besides its prompt.
    pub(super) instructions: Option<Instructions>,
    /// The name of the worktree to be made for it.
    worktree: Option<String>,
    /// The variables added to its environment.
    variables: Variables,
    /// What is to be kept for it as its standard input.
    input: Option<Vec<u8>>,
    /// What it says besides, if it is for another machine.
    abroad: shipping::Abroad,
}

impl Ready {
    /// An order that is to run where it says.
    const fn here(order: Order, instructions: Option<Instructions>, variables: Variables) -> Self {
        Self {
            order,
            instructions,
            worktree: None,
            variables,
            input: None,
            abroad: shipping::Abroad { level_is_said: false, effort: None },
        }
    }
}

/// The order that is asked for.
///
/// # Errors
/// A failure that says what is wrong with it.
pub(crate) async fn order(context: &Context, wanted: Wanted) -> Result<Ready, Failure> {
    check_depth()?;
    for (what, word) in [("the model", &wanted.model), ("the reasoning effort", &wanted.effort)] {
        word.as_deref().map_or(Ok(()), |word| check_word(what, word))?;
    }
    if let Some(key) = &wanted.key
        && (key.is_empty() || key.len() > MAX_KEY)
    {
        let message = format!("the key is empty or longer than {MAX_KEY} bytes");
        return Err(Failure::new(Kind::Usage, message).hint("leave it out, or give a shorter text"));
    }
    let parent = match wanted.parent.filter(|parent| parent != "main") {
        Some(parent) => Some(parse_session(&parent)?),
        None => Context::default_parent().as_deref().map(parse_session).transpose()?,
    };
    let target = wanted.on.clone().unwrap_or_else(|| context.settings.on.value.clone());
    let is_abroad = matches!(target, Target::Ssh { .. });
    if is_abroad {
        shipping::check(wanted.stdin.as_ref())?;
    }
    let (stdin, input) = match wanted.stdin {
        Some(path) => feed::standard_input(&path)?,
        None => (None, None),
    };
    let order = Order {
        description: wanted.description,
        name: wanted.name,
        prompt: Prompt::parse(&wanted.prompt).map_err(|invalid| refused_prompt(&invalid))?,
        agent: match (&wanted.work, &wanted.droid) {
            (Work::Command(_), _) => COMMAND_AGENT.to_owned(),
            (Work::Agent { .. }, None) => DEFAULT_DROID.to_owned(),
            (Work::Agent { .. }, Some(droid)) => droid.clone(),
        },
        session: Some(context.wiring.minted_session()),
        parent,
        runner: if is_abroad {
            shipping::runner(context, &wanted.work)?
        } else {
            runner(context, &wanted.work)?
        },
        cwd: if is_abroad {
            shipping::folder(wanted.cwd)?
        } else {
            Some(working_folder(wanted.cwd.as_deref())?)
        },
        stdin,
        time_limit: wanted.timeout,
        silence: wanted.stale,
        target,
        notify: match wanted.notify {
            Some(line) => parse_notify(&line).map_err(|words| Failure::new(Kind::Usage, words))?,
            None => context.settings.notify.value.clone(),
        },
        cluster_options: wanted.cluster_options,
        placement: Placement {
            priority: wanted.priority,
            group: None,
            after: wanted.after,
            dependence: wanted.dependence,
            not_before: wanted.not_before,
            held: wanted.hold,
            at_most: None,
        },
        lineage: Lineage::default(),
        retries: wanted.retries,
        key: wanted.key,
        worktree: None,
        model: wanted.model,
        briefing: None,
    };
    let is_said = matches!(wanted.work, Work::Agent { autonomy: Some(_), .. });
    let said = Said {
        names_droid: wanted.droid.is_some(),
        effort: wanted.effort,
        level: if is_said { Level::Said } else { Level::OfDroid },
    };
    let ready = if is_abroad {
        placing::check(&order)?;
        let abroad = shipping::Abroad { level_is_said: is_said, effort: said.effort };
        Ready { abroad, ..Ready::here(grouped(context, order), None, wanted.variables) }
    } else {
        brief(context, order, said, wanted.variables).await?
    };
    Ok(Ready { worktree: wanted.worktree, input, ..ready })
}

/// Whose word on the autonomy of an order counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The order's.
    Said,
    /// The droid's, if its definition has one.
    OfDroid,
}

/// What an order says besides, where otherwise the definition of its droid does.
pub(super) struct Said {
    /// Whether somebody named the droid.
    pub(super) names_droid: bool,
    /// How hard to think.
    pub(super) effort: Option<String>,
    /// Whose word on the autonomy counts.
    pub(super) level: Level,
}

/// The order, with what the definition of its droid says at this moment, where its agent can be held to it with
/// these variables added to its environment.
///
/// # Errors
/// A failure that names near droids, if there is none of that name, or says what the agent cannot be held to.
pub(super) async fn brief(
    context: &Context,
    order: Order,
    said: Said,
    variables: Variables,
) -> Result<Ready, Failure> {
    placing::check(&order)?;
    if matches!(order.target, Target::Ssh { .. }) {
        return shipping::taken_up(context, order, said.effort, variables);
    }
    let Runner::Agent { name: agent, .. } = &order.runner else {
        return Ok(Ready::here(grouped(context, order), None, variables));
    };
    let agent = runners::choose(context.wiring.agents.as_ref(), agent.as_str())?;
    let name = DroidName::parse(&order.agent).map_err(|invalid| {
        Failure::new(Kind::Usage, format!("that is no droid name: {invalid}"))
            .hint("run `task-bg droids` to see which droids there are")
    })?;
    let cwd = order.cwd.clone().unwrap_or_default();
    let droid = choose(&context.wiring.droids, &cwd, &name).await?;
    // A definition names models of droid's, and an order one of the agent that it is for.
    let (model, foreign) = if agent.abilities().models_of_droids {
        (order.model.or(droid.model.clone()), None)
    } else {
        (order.model, droid.model.clone())
    };
    let briefing = Some(Briefing::of(&droid, said.effort, said.names_droid));
    let mut order = Order { agent: droid.name.to_string(), briefing, model, ..order };
    if let (Level::OfDroid, Runner::Agent { autonomy, .. }) = (said.level, &mut order.runner) {
        *autonomy = droid.autonomy.unwrap_or(*autonomy);
    }
    let foreign =
        foreign.filter(|_| order.model.is_none()).map(|model| format!("the model {model}"));
    let unapplied = agent.unapplied(&order).into_iter().chain(foreign).collect();
    if let Some(briefing) = &mut order.briefing {
        briefing.unapplied = unapplied;
    }
    check_agent(agent, &order, &variables)?;
    Ok(Ready::here(grouped(context, order), Some(droid.instructions), variables))
}

/// The order in the group that it is recorded in.
fn grouped(context: &Context, order: Order) -> Order {
    let group = context.settings.group(&order.agent, order.model.as_deref());
    let placement = Placement { group: Some(group), ..order.placement };
    Order { placement, ..order }
}

/// Refuses to launch anything where tasks are too deep already.
pub(super) fn check_depth() -> Result<(), Failure> {
    let depth = environment::depth();
    if depth < environment::MAX_DEPTH {
        return Ok(());
    }
    let message = format!("this is already {depth} tasks deep, and tasks may not launch deeper");
    Err(Failure::new(Kind::TooDeep, message)
        .hint("do the work here, or leave it to whoever launched this task"))
}

/// A command line as one would type it.
pub(crate) fn quoted(command: &[String]) -> Result<String, Failure> {
    shlex::try_join(command.iter().map(String::as_str))
        .map_err(|_| Failure::new(Kind::Usage, "the command has a NUL character"))
}

/// An autonomy level.
pub(crate) fn parse_autonomy(word: &str) -> Result<Autonomy, Failure> {
    Autonomy::from_word(word).ok_or_else(|| {
        Failure::new(Kind::Usage, format!("`{word}` is no autonomy level"))
            .hint("use one of none, low, medium, high")
    })
}

/// Refuses a word that could not stand on a command line or in a table.
fn check_word(what: &str, word: &str) -> Result<(), Failure> {
    let odd = word.starts_with('-') || word.chars().any(char::is_control) || word.len() > 256;
    if odd {
        let message = format!(
            "{what} cannot begin with a dash, hold control characters or be longer than 256 bytes"
        );
        return Err(Failure::new(Kind::Usage, message));
    }
    Ok(())
}

/// What is wrong with a prompt.
pub(super) fn refused_prompt(invalid: &InvalidPrompt) -> Failure {
    let hint = match invalid {
        InvalidPrompt::Blank => "say what the agent is to do",
        InvalidPrompt::Nul { .. } => "remove it; a prompt is text",
    };
    Failure::new(Kind::Usage, invalid.to_string()).hint(hint)
}
