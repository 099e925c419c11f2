//! From an order for another machine to the task there and the pointer to it here.
//!
//! What can be found out only there, such as a folder, a droid or a program, that machine checks. Here stands what makes
//! no sense on any.

use std::path::PathBuf;

use domain::port::remotes::{
    Again, Declined, FollowUp, Parcel, Silence, Unheard, Variables as Named,
};
use domain::port::{Clock, TaskStore};
use domain::task::{
    AgentName, Autonomy, Order, Retries, Runner, Task, TaskId, template as templates, text,
};
use domain::usecase::launch::Launched;
use domain::usecase::launch_once::{KeyClaim, claim};
use domain::usecase::ship::{Shipped, ship, ship_again};

use super::{Once, Ready, USUAL_AUTONOMY, Work};
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};
use crate::kit::wiring::Variables;

/// What an order for another machine says besides.
#[derive(Clone, Default)]
pub(crate) struct Abroad {
    /// Whether somebody named the autonomy.
    pub(super) level_is_said: bool,
    /// How hard to think.
    pub(super) effort: Option<String>,
}

/// Who does the work, where another machine knows whether there is such an agent.
pub(super) fn runner(context: &Context, work: &Work) -> Result<Runner, Failure> {
    let Work::Agent { name, autonomy } = work else { return super::runner(context, work) };
    let name = name.as_ref().unwrap_or(&context.settings.runner.value);
    let name = AgentName::parse(name).map_err(|invalid| {
        let message = format!("`{name}` is no name of a runner: {invalid}");
        Failure::new(Kind::Usage, message)
            .hint("run `task-bg runners` there to see which there are")
    })?;
    Ok(Runner::Agent { name, autonomy: autonomy.unwrap_or(USUAL_AUTONOMY) })
}

/// A folder of another machine, as it is written: a relative one is below the home folder there.
pub(super) fn folder(cwd: Option<PathBuf>) -> Result<Option<String>, Failure> {
    let text = cwd.map(|cwd| cwd.into_os_string().into_string()).transpose();
    text.map_err(|name| {
        Failure::new(Kind::Usage, format!("`{}` is not UTF-8", name.display()))
            .hint("name a folder of that machine with --cwd DIR")
    })
}

/// An order that takes up a task of this machine, for another one.
pub(super) fn taken_up(
    context: &Context,
    order: Order,
    effort: Option<String>,
    variables: Variables,
) -> Result<Ready, Failure> {
    if order.worktree.is_some() {
        let message = "its worktree is on this machine, and cannot be had on another one";
        return Err(Failure::new(Kind::Usage, message).hint("launch a new task there instead"));
    }
    let abroad = Abroad { level_is_said: true, effort };
    Ok(Ready { abroad, ..Ready::here(super::grouped(context, order), None, variables) })
}

/// Refuses what cannot be passed on to another machine.
pub(super) fn check(stdin: Option<&PathBuf>) -> Result<(), Failure> {
    match stdin {
        None => Ok(()),
        Some(_) => Err(Failure::new(Kind::Usage, "`--stdin` is not passed on to another machine")
            .hint("copy the file there, and redirect it in the command: `sh -c 'CMD < FILE'`")),
    }
}

/// A task that is to be ordered on another machine.
pub(in crate::cli::command) struct Freight {
    id: TaskId,
    ready: Ready,
    host: String,
}

impl Freight {
    /// The order as one for another machine; `Err` gives it back if it is for this one.
    pub(in crate::cli::command) fn of(
        id: TaskId,
        ready: Ready,
    ) -> Result<Self, Box<(TaskId, Ready)>> {
        match &ready.order.target {
            domain::task::Target::Ssh { host } => {
                let host = host.clone();
                Ok(Self { id, ready, host })
            }
            domain::task::Target::Local | domain::task::Target::Slurm { .. } => {
                Err(Box::new((id, ready)))
            }
        }
    }

    /// The task's id here.
    pub(in crate::cli::command) const fn id(&self) -> &TaskId {
        &self.id
    }
}

/// Orders one task on its machine.
pub(super) async fn launch(context: &Context, freight: Freight) -> Result<Once, Failure> {
    let wiring = &context.wiring;
    let key = freight.ready.order.key.clone();
    let mut entry = match claim(wiring.world(), &wiring.keys, key.as_deref()).await? {
        KeyClaim::Existing(task) => return Ok(Once::Existing(*task)),
        KeyClaim::Free(entry) => entry,
    };
    if let Some(entry) = &mut entry {
        entry.give(freight.id()).await?;
    }
    let (_, outcome) = send(context, vec![freight]).await.remove(0);
    drop(entry);
    Ok(Once::Launched(outcome?))
}

/// Orders these tasks, with one call a machine. Returns what became of each, in order.
pub(in crate::cli::command) async fn send(
    context: &Context,
    all: Vec<Freight>,
) -> Vec<(TaskId, Result<Launched, Failure>)> {
    let order: Vec<TaskId> = all.iter().map(|freight| freight.id.clone()).collect();
    let mut hosts: Vec<String> = all.iter().map(|freight| freight.host.clone()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut left = all;
    let mut outcomes: Vec<(TaskId, Result<Launched, Failure>)> = Vec::new();
    for host in hosts {
        let (of_host, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|it| it.host == host);
        left = others;
        let together: Vec<TaskId> = of_host.iter().map(|it| it.id.clone()).collect();
        let mut cargo = Vec::new();
        for freight in of_host {
            match packed(context, &freight, &together).await {
                Ok(parcel) => cargo.push((pointer(context, freight), parcel)),
                Err(failure) => outcomes.push((freight.id, Err(failure))),
            }
        }
        let ids: Vec<TaskId> = cargo.iter().map(|(task, _)| task.id().clone()).collect();
        // Whoever waits sees by the names that there are other machines; a record alone is found by `list`.
        let is_new = context.wiring.hosts.add(&host).unwrap_or(false);
        let shipped = ship(context.wiring.world(), &context.wiring.remotes, &host, cargo).await;
        if is_new && !shipped.is_empty() && shipped.iter().all(is_beyond_reach) {
            // Nothing is kept there, and its name may be a slip.
            drop(context.wiring.hosts.remove(&host));
        }
        let told = ids.into_iter().zip(shipped);
        outcomes.extend(told.map(|(id, shipped)| {
            let outcome = outcome(&host, &id, shipped);
            (id, outcome)
        }));
    }
    let place = |id: &TaskId| order.iter().position(|known| known == id);
    outcomes.sort_by_key(|(id, _)| place(id));
    outcomes
}

/// Whether it is certain that nobody was reached.
fn is_beyond_reach(shipped: &Shipped) -> bool {
    match shipped {
        Shipped::Unheard(unheard) => {
            matches!(unheard.why, Silence::Unreachable(_) | Silence::NoSsh { .. })
        }
        Shipped::Taken { .. } | Shipped::Declined(_) | Shipped::Unrecorded(_) => false,
    }
}

/// Goes on with a task of that machine.
pub(in crate::cli::command) async fn again(
    context: &Context,
    (host, there): (&str, TaskId),
    id: TaskId,
    order: Order,
    (autonomy, follow_up): (Option<Autonomy>, Option<FollowUp>),
) -> Result<Once, Failure> {
    let (wiring, key) = (&context.wiring, id.clone());
    let mut entry = match claim(wiring.world(), &wiring.keys, order.key.as_deref()).await? {
        KeyClaim::Existing(task) => return Ok(Once::Existing(*task)),
        KeyClaim::Free(entry) => entry,
    };
    if let Some(entry) = &mut entry {
        entry.give(&id).await?;
    }
    let ready = Ready::here(order, None, Vec::new());
    let task = pointer(context, Freight { id: id.clone(), ready, host: host.to_owned() });
    drop(wiring.hosts.add(host));
    let again = Again { id: there, key, autonomy, follow_up };
    let shipped = ship_again(wiring.world(), &wiring.remotes, host, task, &again).await;
    drop(entry);
    Ok(Once::Launched(outcome(host, &id, shipped)?))
}

/// The record of a task that is kept on another machine.
fn pointer(context: &Context, freight: Freight) -> Task {
    let Freight { id, ready, host } = freight;
    let mut order = ready.order;
    order.lineage.launched_by = environment::task();
    // That machine tries it again by itself, and the pointer follows.
    order.retries = Retries::default();
    let machine = host.rsplit_once('@').map_or(host.as_str(), |(_, machine)| machine);
    Task::ordered(id, order, None, context.wiring.clock.now()).on(machine)
}

/// The order as that machine is told of it.
async fn packed(
    context: &Context,
    freight: &Freight,
    together: &[TaskId],
) -> Result<Parcel, Failure> {
    let Freight { id, ready, host } = freight;
    let mut order = ready.order.clone();
    let mut after = Vec::new();
    for id in &order.placement.after {
        after.push(there(context, host, id, together).await?);
    }
    if matches!(order.runner, Runner::Agent { .. }) {
        let mut prompt = order.prompt.as_str().to_owned();
        for id in templates::wanted(&prompt) {
            let there = there(context, host, &id, together).await?;
            let template = |id: &TaskId| format!("{{{{task:{id}.result}}}}");
            prompt = prompt.replace(&template(&id), &template(&there));
        }
        order.prompt = domain::task::Prompt::recorded(prompt);
    }
    let now = context.wiring.clock.now();
    let start_in = order.placement.not_before.map(|at| at.since(now));
    let abroad = ready.abroad.clone();
    Ok(Parcel {
        id: id.clone(),
        level_is_said: abroad.level_is_said,
        effort: abroad.effort,
        worktree: ready.worktree.clone(),
        after,
        start_in: start_in.filter(|span| !span.is_zero()),
        variables: named(&ready.variables)?,
        order,
    })
}

/// What that machine calls a task; of those that are ordered in the same call it knows the ids here.
async fn there(
    context: &Context,
    host: &str,
    id: &TaskId,
    together: &[TaskId],
) -> Result<TaskId, Failure> {
    if together.contains(id) {
        return Ok(id.clone());
    }
    let task = TaskStore::load(&context.wiring.store, id).await?;
    match &task.progress().remote_id {
        Some(remote) if task.kept_on() == Some(host) => Ok(remote.clone()),
        Some(_) | None => {
            let message = format!("task {id} is not kept on `{host}`, which cannot wait for it");
            Err(Failure::new(Kind::Usage, message)
                .hint(format!("run `task-bg wait {id}` first, or order both on the same machine")))
        }
    }
}

/// Variables as text, which is all that can be passed on.
fn named(variables: &Variables) -> Result<Named, Failure> {
    let text = |word: &std::ffi::OsString| word.to_str().map(ToOwned::to_owned);
    let pair = |(name, value): &(_, _)| Some((text(name)?, text(value)?));
    let pairs: Option<Vec<(String, String)>> = variables.iter().map(pair).collect();
    pairs.map(Named).ok_or_else(|| {
        Failure::new(Kind::Usage, "a variable is not UTF-8, and cannot be passed on")
    })
}

/// What became of a task, as whoever ordered it is told.
fn outcome(host: &str, id: &TaskId, shipped: Shipped) -> Result<Launched, Failure> {
    match shipped {
        Shipped::Taken { task, troubles } => Ok(Launched { task: *task, troubles }),
        Shipped::Declined(Declined { error, hint }) => {
            let message = format!("could not launch task {id}");
            let mut failure = Failure::new(Kind::LaunchFailed, message).about(id);
            failure.causes.push(format!("`{host}` declined it: {}", text::preview(&error, 500)));
            failure.hints.extend(hint);
            Err(failure)
        }
        Shipped::Unheard(unheard) => Err(unheard_of(id, &unheard)),
        Shipped::Unrecorded(trouble) => Err(Failure::from(trouble)),
    }
}

fn unheard_of(id: &TaskId, unheard: &Unheard) -> Failure {
    let failure = Failure::of_silence(unheard);
    let message = if unheard.is_certain() {
        format!("could not launch task {id}")
    } else {
        format!("it is not known whether task {id} was launched")
    };
    let mut whole = Failure::new(Kind::LaunchFailed, message).about(id);
    whole.causes.push(failure.message);
    whole.hints = failure.hints;
    if !unheard.is_certain() {
        whole = whole.hint(format!("run `task-bg status {id}` to ask again; launch nothing twice"));
    }
    whole
}
