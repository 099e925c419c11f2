//! `list`: from filters to a query. It never shows more than was asked for.

use domain::port::Clock;
use domain::task::Query;
use domain::usecase::list;

use crate::Outcome;
use crate::cli::args::List;
use crate::cli::view::listing::ListingView;
use crate::kit::answer::Answer;
use crate::kit::context::Context;
use crate::kit::context::parse_session;

pub(super) async fn list(context: &Context, args: List) -> Outcome {
    let wiring = &context.wiring;
    let now = wiring.clock.now();
    let since = args.since.map(|span| {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        domain::task::Timestamp::from_micros(now.as_micros().saturating_sub(micros))
    });
    let query = Query {
        status: args.status.map(|status| status.0),
        parent: args.parent.as_deref().map(parse_session).transpose()?,
        agent: args.droid,
        since,
        limit: (!args.all).then_some(args.limit),
    };
    let listed = list::list(wiring.world(), &query).await?;
    let anybody_waits = listed.listing.tally.queued > 0;
    let queue = if anybody_waits { context.queue().await? } else { Vec::new() };
    Ok(Answer::ok(ListingView { listed, queue, whole: args.full, now }))
}
