//! `queue` and `release`: which tasks wait, and which need not wait any more; and how many may run.

use domain::plan::queue::admission::Limits;
use domain::port::Queue as _;
use domain::task::TaskId;
use domain::usecase::{admit, release};

use super::elsewhere;
use crate::Outcome;
use crate::cli::args::{LimitArg, Queue, QueueWord, Release};
use crate::cli::view::queued::{QueueView, ReleasedView};
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::settings::{Settings, Source};
use crate::kit::wiring::Wiring;

/// `queue`.
pub(super) async fn queue(context: &Context, args: &Queue) -> Outcome {
    let wiring = &context.wiring;
    match (args.what, args.limit) {
        (Some(QueueWord::Limit), Some(LimitArg(limit))) => return set_limit(context, limit).await,
        (Some(QueueWord::Limit), None) => {
            let failure = Failure::new(Kind::Usage, "how many may run is not said");
            return Err(failure.hint("write `task-bg queue limit 4`, or `none` to take it back"));
        }
        (Some(QueueWord::Pause | QueueWord::Resume), Some(_)) => {
            let failure = Failure::new(Kind::Usage, "a number goes with `limit` alone");
            return Err(failure.hint("write `task-bg queue limit 4`"));
        }
        (Some(QueueWord::Pause), None) => wiring.queue.set_paused(true).await?,
        (Some(QueueWord::Resume), None) => wiring.queue.set_paused(false).await?,
        (None, _) => {}
    }
    let admitted = wiring.admit().await;
    let view = view(wiring, &context.settings).await?;
    Ok(Answer::ok(view).noting(admitted.troubles))
}

/// Sets how many tasks of the store may run at once, and admits by that at once.
async fn set_limit(context: &Context, limit: Option<usize>) -> Outcome {
    context.wiring.queue.set_limit(limit)?;
    let (settings, _) = Settings::read(None, Some(&context.wiring.dir));
    let wiring = Wiring::over(context.wiring.dir.clone(), &settings);
    let admitted = wiring.admit().await;
    let overruled = limit.is_some() && settings.max_running.source == Source::Environment;
    let note = overruled.then(|| {
        let here = settings.max_running.value;
        format!("the limit is set; what is launched with `TASK_BG_MAX_RUNNING` in the environment, as here, keeps to that as well, which is {here}")
    });
    let view = view(&wiring, &settings).await?;
    Ok(Answer::ok(view).noting(admitted.troubles).saying(note))
}

/// `release`. A task that cannot be released keeps no other waiting.
pub(super) async fn release(context: &Context, args: &Release) -> Outcome {
    let wiring = &context.wiring;
    let mut refused: Vec<(String, Failure)> = Vec::new();
    let mut ids = context.resolve_each(&args.ids, &mut refused).await;
    let there = elsewhere::released(context, &mut ids).await;
    let mut released: Vec<TaskId> = there.released;
    refused.extend(there.refused);
    for id in ids {
        match release::release(wiring.world(), &id).await {
            Ok(_) => released.push(id),
            Err(error) => refused.push((id.to_string(), error.into())),
        }
    }
    let admitted = wiring.admit().await;
    let kind = refused.first().map(|(_, failure)| failure.kind);
    let queue = view(wiring, &context.settings).await?;
    let view = ReleasedView { queue, released, refused };
    Ok(Answer::with(view, kind).noting(admitted.troubles))
}

async fn view(wiring: &Wiring, settings: &Settings) -> Result<QueueView, Failure> {
    let waiting = wiring.queue.waiting().await?.into_iter().map(|waiting| waiting.id).collect();
    let paused = wiring.queue.is_paused().await?;
    let limits = Limits { max_running: settings.max_running.value, ..settings.limits() };
    let (running, of_groups) = admit::running(wiring.world(), &limits).await?;
    let source = settings.max_running.source;
    Ok(QueueView { waiting, paused, limits, source, running, of_groups })
}
