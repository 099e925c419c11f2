//! `retry` and `resume`: taking up what has ended, as a new task.

use domain::port::TaskStore;
use domain::task::{Order, Prompt, Query, Runner, Status, TaskId};
use domain::usecase::again::{self, Manner};
use domain::usecase::launch_once::Once;

use super::ordering::{self, Ready, refused_prompt};
use crate::Outcome;
use crate::cli::args::{AutonomyArg, Resume, Retry};
use crate::cli::view::launched::{Launched, ManyLaunched};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::context::parse_session;
use crate::kit::environment;
use crate::kit::failure::{Failure, Kind};

/// `retry`.
pub(super) async fn retry(context: &Context, args: Retry) -> Outcome {
    ordering::check_depth()?;
    let ids = if args.failed {
        failed(context, args.parent.as_deref()).await?
    } else {
        context.resolve_all(&args.ids).await?
    };
    let mut launched = Vec::new();
    for id in &ids {
        launched.push(retry_one(context, id, args.autonomy).await?);
    }
    match (args.failed, launched.as_slice()) {
        (false, [only]) => Ok(Answer::ok(Launched::of(only))),
        _ => Ok(Answer::ok(ManyLaunched::of(&launched))),
    }
}

async fn failed(context: &Context, parent: Option<&str>) -> Result<Vec<TaskId>, Failure> {
    let parent = parent.map(parse_session).transpose()?;
    let query = Query { parent, status: Some(Status::Error), ..Query::default() };
    let listing = context.wiring.store.list(&query).await?;
    let untried = listing.tasks.iter().rev().filter(|task| {
        task.progress().retried_as.is_none() && task.order().runner != Runner::Elsewhere
    });
    Ok(untried.map(|task| task.id().clone()).collect())
}

async fn retry_one(
    context: &Context,
    id: &TaskId,
    autonomy: Option<AutonomyArg>,
) -> Result<Once, Failure> {
    let wiring = &context.wiring;
    let task = wiring.store.load(id).await?;
    let session = wiring.minted_session()?;
    let order =
        again::retry(&task, Some(session)).map_err(|why| refused("tried once more", id, why))?;
    let ready = taken_up(context, order, autonomy).await?;
    let once = ordering::launch(context, ready, Vec::new()).await?;
    if let Once::Launched(next) = &once {
        again::link(&wiring.store, &wiring.clock, id, next.id()).await?;
    }
    Ok(once)
}

/// `resume`.
pub(super) async fn resume(context: &Context, args: Resume) -> Outcome {
    ordering::check_depth()?;
    let wiring = &context.wiring;
    let id = context.resolve(&args.id).await?;
    let task = wiring.store.load(&id).await?;
    let prompt = Prompt::parse(&args.prompt).map_err(|invalid| refused_prompt(&invalid))?;
    // Droid asks its service for a session before it goes on in it, and ends without a word where
    // it cannot.
    let manner = if args.fork || environment::is_airgapped() { Manner::Fork } else { Manner::Same };
    let session = wiring.minted_session()?;
    let order = again::resume(&task, prompt, manner, Some(session))
        .map_err(|why| refused("resumed", &id, why))?;
    let ready = taken_up(context, order, args.autonomy).await?;
    let once = ordering::launch(context, ready, Vec::new()).await?;
    Ok(Answer::ok(Launched::of(&once)))
}

/// The order with another autonomy, if one is asked for, and the droid as it is defined now.
async fn taken_up(
    context: &Context,
    order: Order,
    autonomy: Option<AutonomyArg>,
) -> Result<Ready, Failure> {
    let runner = match (&order.runner, autonomy) {
        (Runner::Agent { name, .. }, Some(AutonomyArg(level))) => {
            Runner::Agent { name: name.clone(), autonomy: level }
        }
        (runner, _) => runner.clone(),
    };
    let effort = order.briefing.as_ref().and_then(|given| given.reasoning_effort.clone());
    ordering::brief(context, Order { runner, ..order }, effort).await
}

fn refused(what: &str, id: &TaskId, why: again::NotAgain) -> Failure {
    let mut failure = Failure::new(Kind::WrongState, format!("task {id} cannot be {what}"));
    failure.causes.push(why.to_string());
    match why {
        again::NotAgain::NotEnded => failure.hint(format!("run `task-bg wait {id}` first")),
        again::NotAgain::NotOurs | again::NotAgain::NoSession => {
            failure.hint("launch a new task instead")
        }
    }
}
