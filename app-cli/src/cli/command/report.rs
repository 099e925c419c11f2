//! `report`: which tasks are meant. It changes nothing, and no task counts as collected by it.

use domain::port::Clock;
use domain::task::Query;
use domain::usecase::list;

use crate::Outcome;
use crate::cli::args::Report;
use crate::cli::view::report::ReportView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::context::parse_session;

/// The most tasks that a report shows; the rest is counted.
const LIMIT: usize = 200;

pub(super) async fn report(context: &Context, args: Report) -> Outcome {
    let wiring = &context.wiring;
    let parent = args.parent.or_else(Context::default_parent);
    let parent = parent.as_deref().map(parse_session).transpose()?;
    let query = Query { parent, limit: Some(LIMIT), ..Query::default() };
    let listed = list::list(wiring.world(), &query).await?;
    Ok(Answer::ok(ReportView { listed, parent: query.parent, now: wiring.clock.now() }))
}
