//! `status`: one task's record, whole, as it lies in its file, or those of several. It never cuts anything that was asked
//! for whole.

use std::time::Duration;

use domain::port::{Clock, Keys as _, Worktrees};
use domain::task::{Status as State, TaskId};
use domain::usecase::again::attempts;
use domain::usecase::diff::FILES_NAMED;
use domain::usecase::reconcile::CONCLUSION;
use domain::usecase::status;

use super::elsewhere;
use crate::Outcome;
use crate::cli::args::Status;
use crate::cli::view::status::{ManyStatusView, StatusView};
use crate::cli::view::task;
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::wiring::Wiring;

/// What stands before a key in the place of an id.
const KEY: &str = "key:";

pub(super) async fn status(context: &Context, args: &Status) -> Outcome {
    if let [only] = args.ids.as_slice() {
        let id = meant(context, only).await?;
        let (view, notes) = one(context, &id, args.full, &mut CONCLUSION.clone()).await?;
        let task = view.believed.task.clone();
        return Ok(Answer::ok(view).collecting([task]).saying(notes));
    }
    let (mut shown, mut refused, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for typed in &args.ids {
        match meant(context, typed).await {
            Ok(id) => ids.push((typed, id)),
            Err(failure) => refused.push((typed.clone(), failure)),
        }
    }
    let all: Vec<TaskId> = ids.iter().map(|(_, id)| id.clone()).collect();
    let mut notes = elsewhere::refresh_ids(context, &all).await.notes;
    let mut patience = CONCLUSION;
    for (typed, id) in ids {
        match one(context, &id, args.full, &mut patience).await {
            Ok((view, more)) => {
                notes.extend(
                    more.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>(),
                );
                shown.push(view);
            }
            Err(failure) => refused.push((typed.clone(), failure)),
        }
    }
    let kind = refused.first().map(|(_, failure)| failure.kind);
    let collected: Vec<_> = shown.iter().map(|view| view.believed.task.clone()).collect();
    let view = ManyStatusView { shown, refused, whole: args.full };
    Ok(Answer::with(view, kind).collecting(collected).saying(notes))
}

/// The task that a word means: one of those by which every verb knows a task, or the key that it was launched under.
async fn meant(context: &Context, typed: &str) -> Result<TaskId, Failure> {
    let Some(key) = typed.strip_prefix(KEY) else { return context.resolve(typed).await };
    // Whoever launches under the key now is waited for.
    let owner = context.wiring.keys.open(key).await?.owner().cloned();
    owner.ok_or_else(|| {
        Failure::new(Kind::NotFound, "no task was launched under that key")
            .hint("run `task-bg list` to see the ids")
    })
}

async fn one(
    context: &Context,
    id: &TaskId,
    whole: bool,
    patience: &mut Duration,
) -> Result<(StatusView, Vec<String>), Failure> {
    let wiring = &context.wiring;
    let mut believed = status::status_within(wiring.world(), id, patience).await?;
    let heard = elsewhere::refresh(context, std::slice::from_ref(&believed.task)).await;
    if heard.has_changed {
        believed = status::status_within(wiring.world(), id, patience).await?;
    }
    let record = wiring.store.text(id)?;
    let changes = match &believed.task.order().worktree {
        Some(worktree) => Some(Wiring::worktrees().changes(worktree, FILES_NAMED).await),
        None => None,
    };
    let task = believed.task.clone();
    let attempts = attempts(&wiring.store, &task).await;
    // Only one that waits here has a place.
    let waits = task.status() == State::Queued && task.kept_on().is_none();
    let queue = if waits { context.queue().await? } else { Vec::new() };
    let place = queue.iter().position(|waiting| waiting == id);
    let obstacles =
        if waits { context.waits(std::slice::from_ref(&task)).await } else { Vec::new() };
    let waits = obstacles.first().map(|(id, obstacle)| task::obstacle(id, obstacle));
    let now = wiring.clock.now();
    let screen = console::screen(context.format);
    let view = StatusView { believed, record, attempts, place, changes, waits, whole, now, screen };
    Ok((view, heard.notes))
}
