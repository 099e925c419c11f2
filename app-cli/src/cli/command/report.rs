//! `report`: which tasks are meant. It changes nothing, and no task counts as collected by it.

use domain::port::Clock;
use domain::task::{Listing, Query, Tally, Task};
use domain::usecase::again::last_attempt;
use domain::usecase::list::{self, Listed};
use domain::usecase::status;

use crate::Outcome;
use crate::cli::args::Report;
use crate::cli::view::report::ReportView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::context::parse_sessions;
use crate::kit::failure::Failure;

/// The most tasks that a report shows unless all are wanted; the rest is counted.
const LIMIT: usize = 200;

pub(super) async fn report(context: &Context, args: Report) -> Outcome {
    let wiring = &context.wiring;
    let limit = if args.all { usize::MAX } else { LIMIT };
    let parents = match (args.ids.as_slice(), args.parent) {
        ([], parents) if !parents.is_empty() => parents,
        ([], _) => Context::default_parent().into_iter().collect(),
        _ => Vec::new(),
    };
    let parents = parse_sessions(&parents)?;
    let mut listed = if args.ids.is_empty() {
        // All of them are read: a task whose next attempt is shown is not, however many there are.
        list::list(wiring.world(), &Query { parents: parents.clone(), ..Query::default() }).await?
    } else {
        named(context, &args.ids).await?
    };
    listed.listing = listed.listing.of_last_attempts().part(0, limit);
    let now = wiring.clock.now();
    Ok(Answer::ok(ReportView { listed, parents, whole: args.all, now }))
}

/// The tasks with these names, in their order; of one that was tried again, the last attempt.
async fn named(context: &Context, ids: &[String]) -> Result<Listed, Failure> {
    let (mut tasks, mut tally, mut notes) = (Vec::new(), Tally::default(), Vec::new());
    for id in context.resolve_all(ids).await? {
        let id = last_attempt(context.wiring.world().store, &id).await?.id().clone();
        if tasks.iter().any(|task: &Task| *task.id() == id) {
            continue;
        }
        let believed = status::status(context.wiring.world(), &id).await?;
        tally.add(believed.task.status());
        notes.extend(believed.note.map(|note| (id, note)));
        tasks.push(believed.task);
    }
    Ok(Listed { listing: Listing { tally, tasks, ..Listing::default() }, notes })
}
