//! `cancel_task`: stopping tasks, and everything they started.

use std::time::Duration;

use domain::usecase::cancel::cancel;

use super::{Call, Kind, Nature, Said, Tool, context, optional, required};
use crate::cli::command::elsewhere;
use crate::kit::failure::Failure;
use crate::mcp::arguments::Arguments;
use crate::mcp::words;

/// How long a task has to end by itself, usually.
const GRACE: Duration = Duration::from_secs(5);
/// The longest time a task has to end by itself: the call has to answer within a minute.
const MOST: Duration = Duration::from_secs(30);
/// The most lines about what was not cancelled.
const LINES: usize = 20;

pub(super) const TOOL: Tool = Tool {
    name: "cancel_task",
    description: "Stop tasks that nobody needs any more, with every process they started. Says which were stopped, and \
                  what could not be.",
    properties: &[
        required("ids", Kind::Texts, "The tasks."),
        optional(
            "grace_s",
            Kind::Number,
            "Seconds between asking and killing: 5 if left out, at most 30.",
        ),
    ],
    title: "Cancel tasks",
    nature: Nature::Ending,
    run,
};

fn run(_: &Call<'_>, arguments: &Arguments) -> Result<Said, Failure> {
    let grace = arguments.span("grace_s")?.unwrap_or(GRACE).min(MOST);
    let typed = arguments.texts("ids")?;
    let context = context()?;
    let (said, tasks) = pollster::block_on(async {
        let mut refused = Vec::new();
        let mut ids = context.resolve_each(&typed, &mut refused).await;
        let all = ids.len();
        if let ([_], [(_, failure)]) = (typed.as_slice(), refused.as_slice()) {
            return Err(failure.clone());
        }
        let there = elsewhere::cancelled(&context, &mut ids, grace).await;
        let mut receipt = cancel(context.wiring.world(), &ids, grace).await;
        receipt.cancelled.extend(there.cancelled);
        receipt.stopped.extend(there.stopped);
        refused.extend(there.refused.into_iter().map(|(id, failure)| (id.to_string(), failure)));
        let more = receipt.refused.iter();
        refused.extend(more.map(|(id, trouble)| (id.to_string(), Failure::from(trouble.clone()))));
        context.wiring.admit().await;
        let is_in_vain = receipt.cancelled.is_empty() && receipt.stopped.is_empty();
        if let ([(_, failure)], true, 1) = (refused.as_slice(), is_in_vain, all) {
            return Err(failure.clone());
        }
        let mut said = Vec::new();
        let named = |ids: &[domain::task::TaskId]| {
            ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        if !receipt.cancelled.is_empty() {
            said.push(format!("cancelled: {}", named(&receipt.cancelled)));
        }
        if !receipt.stopped.is_empty() {
            said.push(format!("stopped what was left of: {}", named(&receipt.stopped)));
        }
        said.extend(refused.iter().take(LINES).map(|(id, failure)| {
            format!(
                "not cancelled: {}: {}",
                words::one_line(id, 80),
                words::one_line(&failure.sentence(), 300)
            )
        }));
        if refused.len() > LINES {
            said.push(format!("and {} more were not cancelled", refused.len() - LINES));
        }
        if let (Some((_, failure)), true) = (refused.first(), is_in_vain) {
            said.push(format!("code: {}", failure.kind.word()));
        }
        if !receipt.survivors.is_empty() {
            let pids: Vec<String> =
                receipt.survivors.iter().take(LINES).map(u32::to_string).collect();
            said.push(format!("still there: processes {}", pids.join(", ")));
        }
        said.extend(there.notes.iter().map(|note| words::one_line(note, 300)));
        let said = said.join("\n");
        // Where nothing at all could be cancelled, the call went wrong.
        let said =
            if is_in_vain && !refused.is_empty() { Said::wrong(said) } else { Said::text(said) };
        Ok((said, context.tasks(&receipt.cancelled).await))
    })?;
    Ok(said.collecting(tasks).over(context, false))
}
