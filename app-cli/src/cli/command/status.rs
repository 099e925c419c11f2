//! `status`: one task's record, whole, as it lies in its file. It never cuts anything.

use domain::port::{Clock, Worktrees};
use domain::task::Status as State;
use domain::usecase::again::attempts;
use domain::usecase::diff::FILES_NAMED;
use domain::usecase::status;

use crate::Outcome;
use crate::cli::args::Status;
use crate::cli::view::status::StatusView;
use crate::cli::view::task;
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::wiring::Wiring;

pub(super) async fn status(context: &Context, args: &Status) -> Outcome {
    let wiring = &context.wiring;
    let id = context.resolve(&args.id).await?;
    let believed = status::status(wiring.world(), &id).await?;
    let record = wiring.store.text(&id)?;
    let changes = match &believed.task.order().worktree {
        Some(worktree) => Some(Wiring::worktrees().changes(worktree, FILES_NAMED).await),
        None => None,
    };
    let task = believed.task.clone();
    let attempts = attempts(&wiring.store, &task).await;
    // Only one that waits has a place.
    let waits = task.status() == State::Queued;
    let queue = if waits { context.queue().await? } else { Vec::new() };
    let place = queue.iter().position(|waiting| *waiting == id);
    let obstacles =
        if waits { context.waits(std::slice::from_ref(&task)).await } else { Vec::new() };
    let waits = obstacles.first().map(|(id, obstacle)| task::obstacle(id, obstacle));
    let (whole, now) = (args.full, wiring.clock.now());
    let screen = console::screen(context.format);
    let view = StatusView { believed, record, attempts, place, changes, waits, whole, now, screen };
    Ok(Answer::ok(view).collecting([task]))
}
