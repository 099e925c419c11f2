//! `queue` and `release`: who waits, and who may stop waiting.

use domain::port::{Clock, Queue as _, TaskStore};
use domain::task::Event;

use crate::Outcome;
use crate::cli::args::{Queue, QueueWord, Release};
use crate::cli::view::queued::QueueView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;

/// `queue`.
pub(super) async fn queue(context: &Context, args: &Queue) -> Outcome {
    let wiring = &context.wiring;
    match args.what {
        Some(QueueWord::Pause) => wiring.queue.set_paused(true).await?,
        Some(QueueWord::Resume) => wiring.queue.set_paused(false).await?,
        None => {}
    }
    wiring.admit().await?;
    let waiting = wiring.queue.waiting().await?.into_iter().map(|waiting| waiting.id).collect();
    let paused = wiring.queue.is_paused().await?;
    let limits = wiring.queue.limits();
    Ok(Answer::ok(QueueView { waiting, paused, limits }))
}

/// `release`.
pub(super) async fn release(context: &Context, args: &Release) -> Outcome {
    let wiring = &context.wiring;
    for id in context.resolve_all(&args.ids).await? {
        wiring.store.apply(&id, Event::Released, wiring.clock.now()).await?;
    }
    queue(context, &Queue { what: None }).await
}
