//! `rm`: from what was typed to ended tasks, and from the receipt to an answer that names every refusal.

use std::time::Duration;

use domain::port::StoreError;
use domain::task::{Refusal, Task, TaskId};
use domain::usecase::cleanup::remove_these;
use domain::usecase::prune::Mode;
use domain::usecase::reconcile::CONCLUSION;
use domain::usecase::status;

use crate::Outcome;
use crate::cli::args::Rm;
use crate::cli::view::cleaned::{CleanedView, RemovedView};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::wiring::Wiring;

pub(super) async fn rm(context: &Context, args: &Rm) -> Outcome {
    let wiring = &context.wiring;
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Execute };
    let mut refused = Vec::new();
    let ids = context.resolve_each(&args.ids, &mut refused).await;
    if let ([_], [(_, failure)]) = (args.ids.as_slice(), refused.as_slice()) {
        return Err(failure.clone());
    }
    let (mut tasks, mut patience) = (Vec::new(), CONCLUSION);
    for id in ids {
        match ended(context, &id, &mut patience).await {
            Ok(task) => tasks.push(task),
            Err(failure) if args.ids.len() == 1 => return Err(failure),
            Err(failure) => refused.push((id.to_string(), failure)),
        }
    }
    let mut untold = wiring.notices.untold();
    let chosen: Vec<&Task> = tasks.iter().collect();
    let cleaned = remove_these(wiring.world(), &Wiring::worktrees(), &chosen, mode).await?;
    untold.retain(|id| cleaned.removed.contains(id));
    let stays = !cleaned.kept.is_empty() || !cleaned.worktrees_kept.is_empty();
    let kind = refused.first().map(|(_, failure)| failure.kind);
    let of_rest = "task-bg cleanup --delete --dry-run".to_owned();
    let cleaned = CleanedView { cleaned, untold, mode, more: of_rest };
    let kind = kind.or_else(|| cleaned.trouble()).or(stays.then_some(Kind::WrongState));
    let view = RemovedView { cleaned, refused };
    Ok(Answer::with(view, kind))
}

/// The task, which has ended.
async fn ended(context: &Context, id: &TaskId, patience: &mut Duration) -> Result<Task, Failure> {
    let task = status::status_within(context.wiring.world(), id, patience).await?.task;
    if task.status().is_ended() {
        return Ok(task);
    }
    let refusal = Refusal::NotEnded;
    let failure = Failure::from(StoreError::Refused { id: id.clone(), refusal });
    Err(failure.hint(format!("or run `task-bg cancel {id}` to stop it")))
}
