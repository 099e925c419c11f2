//! `output`, in all its forms.

use std::time::Duration;

use domain::port::{LifeLocks, LogPart, LogText, Stream};
use domain::task::{State, TaskId};
use domain::usecase::output::{Output as Receipt, output as read};

use crate::cli::args::{Format, Output};
use crate::cli::view::output::OutputView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};
use crate::kit::terminal;
use crate::{Outcome, console};

/// How many characters are shown unless more is asked for: an agent's tool shows about 40,000.
const BOUND: usize = 30_000;
/// How much is read at a time while following, in bytes.
const PIECE: usize = 256 << 10;
/// How long following waits for news at a time.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) async fn output(context: &Context, args: &Output) -> Outcome {
    let id = context.resolve(&args.id).await?;
    let stream = if args.events { Stream::Events } else { Stream::Readable };
    if args.follow {
        return follow(context, &id, stream).await;
    }
    let part = match (args.full, args.tail, args.since) {
        (true, _, _) => LogPart::Whole,
        (_, Some(lines), _) => LogPart::LastLines { lines },
        (_, _, Some(offset)) => LogPart::From { offset, at_most: BOUND },
        (false, None, None) => LogPart::HeadAndTail { characters: BOUND },
    };
    let mut receipt = receipt(context, &id, (stream, part)).await?;
    if args.result {
        receipt.log = result(&receipt, &id)?;
    }
    Ok(answer(context, receipt, stream))
}

async fn receipt(
    context: &Context,
    id: &TaskId,
    part: (Stream, LogPart),
) -> Result<Receipt, Failure> {
    let wiring = &context.wiring;
    Ok(read(wiring.world(), id, part).await?)
}

fn answer(context: &Context, receipt: Receipt, stream: Stream) -> Answer {
    let id = receipt.believed.task.id();
    let path = match stream {
        Stream::Readable => context.wiring.dir.output(id),
        Stream::Events => context.wiring.dir.events(id),
    };
    let task = receipt.believed.task.clone();
    Answer::ok(OutputView { receipt, path: path.display().to_string() }).collecting([task])
}

/// The final answer; for a task that ended without one, why it did.
fn result(receipt: &Receipt, id: &TaskId) -> Result<LogText, Failure> {
    let task = &receipt.believed.task;
    let late = task.progress().late_result.clone();
    let text = match task.state() {
        State::Completed(_) | State::Cancelled(_) => {
            late.or_else(|| task.state().result().map(ToOwned::to_owned)).unwrap_or_default()
        }
        State::Error(failure) => {
            late.or_else(|| failure.result.clone()).unwrap_or_else(|| failure.message.clone())
        }
        State::Queued(_) | State::Running(_) => {
            let message = format!("task {id} has no result yet: it is {}", task.status().word());
            return Err(Failure::new(Kind::WrongState, message).hint(format!(
                "run `task-bg wait {id}`, or `task-bg output {id}` for what there is"
            )));
        }
    };
    let total_bytes = text.len() as u64;
    Ok(LogText { text, total_bytes, truncated: false, next_offset: total_bytes })
}

/// Shows what comes, as it comes, until the task has ended.
async fn follow(context: &Context, id: &TaskId, stream: Stream) -> Outcome {
    let mut offset = 0;
    let mut watch = context.wiring.locks.watch(std::slice::from_ref(id)).await?;
    loop {
        // Whether it has ended is looked up before its log is read, so that nothing is missed.
        let part = LogPart::From { offset, at_most: PIECE };
        let receipt = receipt(context, id, (stream, part)).await?;
        let ended = receipt.believed.task.status().is_ended();
        let exhausted = receipt.log.next_offset == offset;
        offset = receipt.log.next_offset;
        if !show(context.format, &receipt) || (ended && exhausted) {
            return Ok(Answer::nothing().collecting([receipt.believed.task]));
        }
        if !ended && exhausted {
            drop(watch.next(PAUSE).await);
        }
    }
}

fn show(format: Format, receipt: &Receipt) -> bool {
    if receipt.log.text.is_empty() {
        return true;
    }
    match format {
        Format::Json | Format::Ndjson => console::stream(&receipt.log.text),
        Format::Table | Format::Markdown => console::stream(&terminal::harmless(&receipt.log.text)),
    }
}
