//! `list_tasks`: which tasks there are, one line each.

use domain::port::Clock;
use domain::task::{Query, Status};
use domain::usecase::list::list;

use super::{Call, Kind, Nature, Said, Tool, context, optional};
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
    let session = if arguments.flag("all_sessions")? { None } else { call.meta.session() };
    let of = session.as_ref().map_or("all sessions", |_| "this session");
    let context = context()?;
    let query = Query {
        statuses,
        parents: session.iter().cloned().collect(),
        limit: usize::try_from(limit).ok(),
        ..Query::default()
    };
    let listed = pollster::block_on(list(context.wiring.world(), &query))?;
    let (listing, now) = (listed.listing, context.wiring.clock.now());
    let tally = listing.tally;
    let mut said = format!(
        "tasks of {of}: {} running, {} queued, {} completed, {} error, {} cancelled\n",
        tally.running, tally.queued, tally.completed, tally.error, tally.cancelled
    );
    if listing.tasks.is_empty() {
        said.push_str("\n(none)");
        if session.is_some() {
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
    Ok(Said::text(said).over(context, true))
}
