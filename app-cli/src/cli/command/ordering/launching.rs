//! From an order to a task that is launched or queued, with what was made for it before.
//!
//! What was made for a task that could not be launched is taken back here. Nothing here judges an order: see
//! the module above.

use adapters_fs::Beginning;
use domain::port::Kit;
use domain::task::{Target, Task, TaskId, Worktree};
use domain::usecase::Trouble;
use domain::usecase::enqueue::enqueue_untold;
use domain::usecase::launch::{LaunchError, Launched, ordered};
use domain::usecase::launch_once::{KeyClaim, claim, launch_claimed};

use super::super::{feed, isolate, missing};
use super::Ready;
use super::agent::{check_confinement, confined};
use super::shipping::{self, Freight};
use crate::kit::context::Context;
use crate::kit::environment;
use crate::kit::failure::Failure;
use crate::kit::wiring::Wiring;

/// A task that was asked for.
pub(crate) enum Once {
    /// It was launched by this.
    Launched(Launched),
    /// It was there before, under the same key.
    Existing(Task),
}

impl Once {
    /// The task.
    pub(crate) const fn task(&self) -> &Task {
        match self {
            Self::Launched(launched) => &launched.task,
            Self::Existing(task) => task,
        }
    }

    /// What could not be done once it was launched.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        match self {
            Self::Launched(launched) => launched.troubles.clone(),
            Self::Existing(_) => Vec::new(),
        }
    }
}

/// Launches a task named `id` from the order.
pub(crate) async fn launch(context: &Context, id: TaskId, ready: Ready) -> Result<Once, Failure> {
    let (id, ready) = match Freight::of(id, ready) {
        Ok(freight) => return Box::pin(shipping::launch(context, freight)).await,
        Err(here) => *here,
    };
    check_confinement(context)?;
    let launched = Box::pin(launch_here(context, id, ready)).await;
    launched.map_err(|failure| confined(context, failure))
}

async fn launch_here(context: &Context, id: TaskId, ready: Ready) -> Result<Once, Failure> {
    let wiring = &context.wiring;
    let world = wiring.world();
    let entry = match claim(world, &wiring.keys, ready.order.key.as_deref()).await? {
        KeyClaim::Existing(task) => return Ok(Once::Existing(*task)),
        KeyClaim::Free(entry) => entry,
    };
    let runner = ready.order.runner.clone();
    let settled = settle(context, id, ready).await?;
    let outcome = launch_claimed(world, entry, &settled.task, &settled.kit).await;
    if outcome.is_err() {
        settled.take_back(context).await;
    }
    if let Err(LaunchError::NotStarted { id, .. }) = &outcome {
        // The failure that is about to be shown says it all.
        context.collected(&context.tasks(std::slice::from_ref(id)).await).await;
    }
    let outcome = outcome.map_err(|error| missing::failure(context, error, &runner));
    Ok(Once::Launched(outcome?))
}

/// Puts a task named `id` from the order into the queue, without admitting anybody and without making it durable;
/// returns what could not be done once it was recorded.
pub(in crate::cli::command) async fn queue(
    context: &Context,
    id: TaskId,
    ready: Ready,
) -> Result<Vec<Trouble>, Failure> {
    check_confinement(context)?;
    let settled = settle(context, id, ready).await?;
    let outcome = enqueue_untold(context.wiring.world(), &settled.task, &settled.kit).await;
    if outcome.is_err() {
        settled.take_back(context).await;
    }
    outcome.map_err(|error| confined(context, error.into()))
}

/// The task of an order, before it is recorded.
struct Settled {
    task: Task,
    kit: Kit,
    /// The worktree that was made for it.
    made: Option<Worktree>,
    /// The note of that, which goes once the task is recorded or the worktree taken back.
    _beginning: Option<Beginning>,
}

impl Settled {
    /// Takes back what was made for a task that could not be launched.
    async fn take_back(&self, context: &Context) {
        feed::forget_unrecorded(context, &self.task).await;
        if let Some(worktree) = &self.made {
            isolate::take_back(context, self.task.id(), worktree).await;
        }
    }
}

/// The task of an order, what it starts with, and the worktree that was made for it if it is to have one.
async fn settle(context: &Context, id: TaskId, ready: Ready) -> Result<Settled, Failure> {
    let asked = ready.worktree.as_deref();
    let order = match &ready.input {
        Some(bytes) => feed::keep(context, &id, bytes, ready.order)?,
        None => ready.order,
    };
    let isolated = isolate::isolated(context, &id, asked, order).await;
    let (mut order, beginning) = isolated.inspect_err(|_| context.wiring.kits.forget_input(&id))?;
    order.placement.at_most = context.settings.own_limit();
    order.lineage.launched_by = environment::task();
    let made = order.worktree.clone().filter(|_| asked.is_some());
    // One that goes back to an earlier task may work in that one's worktree.
    let kit = if order.worktree.is_some() {
        Wiring::kit_apart(ready.variables, ready.instructions)
    } else {
        Wiring::kit(ready.variables, ready.instructions)
    };
    Ok(Settled {
        task: ordered(context.wiring.world(), id, order),
        kit,
        made,
        _beginning: beginning,
    })
}

/// Refuses an order whose worktree cannot be had, before anything is made.
pub(in crate::cli::command) async fn check_worktree(
    context: &Context,
    ready: &Ready,
) -> Result<(), Failure> {
    // Another machine checks for itself.
    if matches!(ready.order.target, Target::Ssh { .. }) {
        return Ok(());
    }
    isolate::check(context, ready.worktree.as_deref(), &ready.order).await
}
