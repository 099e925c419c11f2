//! `queue` and `release`: which tasks wait, and which need not wait any more.

use domain::port::{Clock, Queue as _, TaskStore};
use domain::task::{Event, TaskId};

use crate::Outcome;
use crate::cli::args::{Queue, QueueWord, Release};
use crate::cli::view::queued::{QueueView, ReleasedView};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::Failure;

/// `queue`.
pub(super) async fn queue(context: &Context, args: &Queue) -> Outcome {
    let wiring = &context.wiring;
    match args.what {
        Some(QueueWord::Pause) => wiring.queue.set_paused(true).await?,
        Some(QueueWord::Resume) => wiring.queue.set_paused(false).await?,
        None => {}
    }
    let admitted = wiring.admit().await;
    Ok(Answer::ok(view(context).await?).noting(admitted.troubles))
}

/// `release`. A task that cannot be released keeps no other waiting.
pub(super) async fn release(context: &Context, args: &Release) -> Outcome {
    let wiring = &context.wiring;
    let mut released: Vec<TaskId> = Vec::new();
    let mut refused: Vec<(String, Failure)> = Vec::new();
    for id in context.resolve_each(&args.ids, &mut refused).await {
        match wiring.store.apply(&id, Event::Released, wiring.clock.now()).await {
            Ok(_) => released.push(id),
            Err(error) => refused.push((id.to_string(), error.into())),
        }
    }
    let admitted = wiring.admit().await;
    let kind = refused.first().map(|(_, failure)| failure.kind);
    let view = ReleasedView { queue: view(context).await?, released, refused };
    Ok(Answer::with(view, kind).noting(admitted.troubles))
}

async fn view(context: &Context) -> Result<QueueView, Failure> {
    let wiring = &context.wiring;
    let waiting = wiring.queue.waiting().await?.into_iter().map(|waiting| waiting.id).collect();
    let paused = wiring.queue.is_paused().await?;
    Ok(QueueView { waiting, paused, limits: wiring.queue.limits() })
}
