//! `list_tasks`: which tasks there are, one line each.

use std::time::Duration;

use domain::port::Clock;
use domain::task::{Listing, Query, Status, Task, TaskId, Unreadable};
use domain::usecase::list::list;
use domain::usecase::wait::{Until, WaitRequest, wait};

use super::{Call, Kind, Nature, Said, Tool, context, optional};
use crate::cli::command::elsewhere;
use crate::kit::context::Context;
use crate::kit::failure::Failure;
use crate::mcp::arguments::Arguments;
use crate::mcp::words;

/// The usual number of tasks.
const USUAL: u64 = 20;
/// The most tasks of an answer.
const MOST: u64 = 40;

/// Those that have not ended, and each status by itself.
const STATES: [&str; 6] = [
    "unfinished",
    Status::Queued.word(),
    Status::Running.word(),
    Status::Completed.word(),
    Status::Error.word(),
    Status::Cancelled.word(),
];

pub(super) const TOOL: Tool = Tool {
    name: "list_tasks",
    description: "See which background tasks there are and how each fares, newest first, one line each; for example after \
                  ids were lost. Not for waiting: wait_for_tasks blocks.",
    properties: &[
        optional("state", Kind::Choice(&STATES), "Only these."),
        optional("all_sessions", Kind::Flag, "Those of other sessions as well."),
        optional("limit", Kind::Number, "20 if left out, at most 40."),
    ],
    title: "List tasks",
    nature: Nature::Looking,
    run,
};

fn run(call: &Call<'_>, arguments: &Arguments) -> Result<Said, Failure> {
    let statuses = match arguments.choice("state")? {
        None => Vec::new(),
        Some(word) => Status::from_word(&word)
            .map_or_else(|| vec![Status::Queued, Status::Running], |status| vec![status]),
    };
    let limit = arguments.number("limit")?.unwrap_or(USUAL).clamp(1, MOST);
    let all = arguments.flag("all_sessions")?;
    let session = if all { None } else { call.meta.session() };
    // Those of a client that names no session are those that it launched here.
    let own = if all || session.is_some() { Vec::new() } else { call.told.launched() };
    let of_one = session.is_some() || !own.is_empty();
    let of = if of_one { "this session" } else { "all sessions" };
    let context = context()?;
    let query = Query {
        statuses,
        parents: session.iter().cloned().collect(),
        limit: usize::try_from(limit).ok(),
        ..Query::default()
    };
    let heard = pollster::block_on(elsewhere::refresh_all(&context));
    let listing = if own.is_empty() {
        pollster::block_on(list(context.wiring.world(), &query))?.listing
    } else {
        of_these(&context, own, &query)?
    };
    let now = context.wiring.clock.now();
    let tally = listing.tally;
    let mut said = format!("tasks of {of}: {} running, {} queued", tally.running, tally.queued);
    // Who asks for those that have not ended alone is told nothing of the others: they were not looked at.
    if !query.is_of_unended() {
        said.push_str(&format!(
            ", {} completed, {} error, {} cancelled",
            tally.completed, tally.error, tally.cancelled
        ));
    }
    said.push('\n');
    if listing.tasks.is_empty() {
        said.push_str("\n(none)");
        if of_one {
            said.push_str("\nall_sessions shows those of others");
        }
    } else {
        said.push('\n');
        let lines = listing.tasks.iter().map(|task| words::line(task, now));
        said.push_str(&lines.collect::<Vec<_>>().join("\n"));
    }
    if listing.omitted > 0 {
        said.push_str(&format!("\n\n{} older ones are not shown", listing.omitted));
    }
    if !listing.unreadable.is_empty() {
        said.push_str(&format!("\n\n{} records cannot be read", listing.unreadable.len()));
    }
    said.push_str(&words::of_silence(&heard.notes));
    Ok(Said::text(said).over(context, true))
}

/// The listing of these tasks alone.
fn of_these(context: &Context, ids: Vec<TaskId>, query: &Query) -> Result<Listing, Failure> {
    let look = WaitRequest { ids, until: Until::All, at_most: Some(Duration::ZERO) };
    let found = pollster::block_on(wait(context.wiring.world(), &look))?;
    if let (true, true, Some((_, trouble))) =
        (found.ended.is_empty(), found.pending.is_empty(), found.refused.first())
    {
        return Err(trouble.clone().into());
    }
    let pending = found.pending.into_iter().map(|believed| believed.task);
    let mut tasks: Vec<Task> = found.ended.into_iter().chain(pending).collect();
    tasks.sort_by(|a, b| b.id().cmp(a.id()));
    let mut listing = Listing::default();
    let refused = found.refused.into_iter().map(|(id, trouble)| {
        let reason = Failure::from(trouble).sentence();
        Unreadable { file: id.to_string(), reason }
    });
    listing.unreadable = refused.collect();
    for task in &tasks {
        listing.tally.add(task.status());
    }
    tasks.retain(|task| query.shows(task.outline()));
    let shown = query.limit.unwrap_or(tasks.len()).min(tasks.len());
    listing.omitted = tasks.len() - shown;
    tasks.truncate(shown);
    listing.tasks = tasks;
    Ok(listing)
}
