//! `report`: which tasks are meant, and where a page of them goes. It changes no task, and none counts as collected by
//! it.

use std::path::Path;

use domain::port::{Clock, Entropy, TaskStore};
use domain::task::{Listing, Query, SessionId, Tally, Task};
use domain::usecase::again::last_attempt;
use domain::usecase::list::{self, Listed};
use domain::usecase::reconcile::CONCLUSION;
use domain::usecase::status;

use super::elsewhere;
use crate::Outcome;
use crate::cli::args::Report;
use crate::cli::view::page::{Page, PageView};
use crate::cli::view::report::{ReportView, note_words};
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::context::parse_sessions;
use crate::kit::document;
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
    let heard = elsewhere::refresh(context, &listed.listing.tasks).await;
    if heard.has_changed {
        let query = Query { parents: parents.clone(), ..Query::default() };
        listed = if args.ids.is_empty() {
            list::list(wiring.world(), &query).await?
        } else {
            named(context, &args.ids).await?
        };
    }
    if let Some(file) = &args.html {
        let is_named = !args.ids.is_empty();
        return page(context, listed, &parents, file, is_named).await;
    }
    listed.listing = listed.listing.of_last_attempts().part(0, limit);
    let now = wiring.clock.now();
    let view = ReportView { listed, parents, whole: args.all, now };
    Ok(Answer::ok(view).saying(heard.notes))
}

/// Writes a page of all attempts of these tasks into a file, or to standard output where the file is `-`.
async fn page(
    context: &Context,
    mut listed: Listed,
    parents: &[SessionId],
    file: &Path,
    is_named: bool,
) -> Outcome {
    let wiring = &context.wiring;
    if is_named {
        let earlier = earlier(context, &listed.listing.tasks).await;
        listed.listing.tasks.extend(earlier);
    }
    let Listing { tasks, unreadable, .. } = &listed.listing;
    let page = Page {
        tasks,
        notes: tasks
            .iter()
            .filter_map(|task| Some((task.id().clone(), note_words(&listed, task)?)))
            .collect(),
        parents,
        unreadable: unreadable.len(),
        now: wiring.clock.now(),
        random: wiring.entropy.bytes(),
    };
    let html = page.html();
    if file == Path::new("-") {
        return Ok(Answer::exiting(console::stream(&html).err().unwrap_or_default()));
    }
    let place = document::write(file, &html)?;
    let (tasks, bytes) = (tasks.len(), html.len());
    Ok(Answer::ok(PageView { file: place.display().to_string(), tasks, bytes }))
}

/// The attempts before these tasks, as far as their records can be read.
async fn earlier(context: &Context, tasks: &[Task]) -> Vec<Task> {
    let mut earlier: Vec<Task> = Vec::new();
    for task in tasks {
        let mut before = task.order().lineage.retry_of.clone();
        while let Some(id) = before.take() {
            if tasks.iter().chain(&earlier).any(|known| *known.id() == id) {
                break;
            }
            let Ok(task) = context.wiring.store.load(&id).await else { break };
            before.clone_from(&task.order().lineage.retry_of);
            earlier.push(task);
        }
    }
    earlier
}

/// The tasks with these names, in their order; of one that was tried again, the last attempt.
async fn named(context: &Context, ids: &[String]) -> Result<Listed, Failure> {
    let (mut tasks, mut tally, mut notes) = (Vec::new(), Tally::default(), Vec::new());
    let mut patience = CONCLUSION;
    for id in context.resolve_all(ids).await? {
        let id = last_attempt(context.wiring.world().store, &id).await?.id().clone();
        if tasks.iter().any(|task: &Task| *task.id() == id) {
            continue;
        }
        let believed = status::status_within(context.wiring.world(), &id, &mut patience).await?;
        tally.add(believed.task.status());
        notes.extend(believed.note.map(|note| (id, note)));
        tasks.push(believed.task);
    }
    Ok(Listed { listing: Listing { tally, tasks, ..Listing::default() }, notes })
}
