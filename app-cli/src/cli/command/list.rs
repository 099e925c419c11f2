//! `list`: from filters to a query. It never shows more than was asked for.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::time::Duration;

use domain::port::{Clock, Whereabouts};
use domain::task::{Query, Status, Task, Timestamp, retention};
use domain::usecase::list;

use super::{elsewhere, top};
use crate::Outcome;
use crate::cli::args::{List, SortArg};
use crate::cli::view::listing::{Extent, ListingView};
use crate::cli::view::task_lines::{OnScreen, Times, named};
use crate::kit::answer::{Answer, Format};
use crate::kit::console;
use crate::kit::context::{Context, parse_sessions};
use crate::kit::failure::{Failure, Kind};
use crate::kit::live::Live;

/// The most tasks of which an answer within its bound has at least the ids and the endings.
const MOST: usize = 300;
/// How many tasks are listed where nobody says how many.
const USUAL: usize = 200;
/// How often is looked whether anything changed.
const LOOK: Duration = Duration::from_secs(1);
/// At each of how many looks other machines are asked as well.
const ASKED: u64 = 10;
/// The lines of a screen that are not a task's: the heads of the columns, the total, and what is typed next.
const FRAME: usize = 3;

pub(super) async fn list(context: &Context, args: List) -> Outcome {
    if args.watch {
        return watch(context, &args).await;
    }
    let (view, notes) = listing(context, &args, true).await?;
    Ok(Answer::ok(view).saying(notes))
}

/// Shows on a terminal what there is, and anew whenever that changes.
async fn watch(context: &Context, args: &List) -> Outcome {
    // Where nobody asks for a form, it follows from where standard output leads.
    let form = match context.format {
        Format::Table => None,
        Format::Json | Format::Ndjson => Some("JSON"),
        Format::Markdown => Some("Markdown"),
    };
    let form = form.map(|form| format!("the settings ask for {form} (`TASK_BG_FORMAT`)"));
    if let Some(why) = console::undrawable(false).or(form) {
        let failure =
            Failure::new(Kind::Usage, format!("`--watch` draws on a terminal, and {why}"));
        return Err(failure.hint("run `task-bg wait` to be told of an end, `task-bg list` to look"));
    }
    let mut live = Live::default();
    let dir = &context.wiring.dir;
    for look in 0u64.. {
        // Of a store that is not there yet, what comes is shown.
        dir.hold();
        if dir.settle() != Whereabouts::Here {
            return Err(top::gone(context));
        }
        let (view, _) = listing(context, args, look % ASKED == 0).await?;
        // In the background it draws nothing, and goes on once it is in front again.
        if let Some(on) = view.screen.filter(|_| console::can_draw()) {
            let on = OnScreen { times: Times::Calm, ..on };
            let text = console::as_shown(view.drawn_on(on));
            let drawn = live.draw(text.lines().map(ToOwned::to_owned).collect(), on.screen);
            if !drawn.is_empty()
                && let Err(code) = console::verbatim(&drawn)
            {
                return Ok(Answer::exiting(code));
            }
        }
        if console::is_reader_gone() {
            return Ok(Answer::nothing());
        }
        std::thread::sleep(LOOK);
        context.wiring.admit_in_passing().await;
    }
    Ok(Answer::nothing())
}

/// What there is, as far as it is asked for, and what is to be said besides; other machines are asked for what they keep
/// if that `is_asked`.
async fn listing(
    context: &Context,
    args: &List,
    is_asked: bool,
) -> Result<(ListingView, Vec<String>), Failure> {
    let wiring = &context.wiring;
    let now = wiring.clock.now();
    let since = args.since.and_then(retention::limit).map(|span| {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.as_micros().saturating_sub(micros))
    });
    let extent = match (args.full, args.all) {
        (true, _) => Extent::Full,
        (false, true) => Extent::All,
        (false, false) => Extent::Bounded,
    };
    let screen = console::screen(context.format);
    // What nobody asked for in so many words is as much as a screen has room for.
    let fits = screen.filter(|_| args.limit.is_none() && extent == Extent::Bounded);
    let usual = fits.map_or(USUAL, |screen| screen.height.saturating_sub(FRAME).max(1));
    let limit = match extent {
        _ if args.all => usize::MAX,
        Extent::Bounded => args.limit.unwrap_or(usual).min(MOST),
        Extent::All | Extent::Full => args.limit.unwrap_or(USUAL),
    };
    if args.droid.iter().any(String::is_empty) {
        let failure = Failure::new(Kind::Usage, "a droid's name is empty");
        return Err(failure.hint("name one that `task-bg droids` lists; a variable may be unset"));
    }
    // The newest ones need no look at the others.
    let newest = args.sort == SortArg::Newest;
    let query = Query {
        statuses: args.status.iter().map(|status| status.0).collect(),
        parents: parse_sessions(&args.parent)?,
        agents: args.droid.clone(),
        since,
        limit: newest.then(|| args.offset.saturating_add(limit)),
    };
    let mut listed = list::list(wiring.world(), &query).await?;
    let mut heard = elsewhere::Heard::default();
    if is_asked {
        let mut tasks = listed.listing.tasks.clone();
        tasks.extend(elsewhere::of_other_statuses(context, &query.statuses).await);
        heard = elsewhere::refresh(context, &tasks).await;
        if heard.has_changed {
            listed = list::list(wiring.world(), &query).await?;
        }
    }
    sort(&mut listed.listing.tasks, args.sort, now);
    listed.listing = listed.listing.part(args.offset, limit);
    let anybody_waits = listed.listing.tasks.iter().any(|task| task.status() == Status::Queued);
    let (queue, waits) = if anybody_waits {
        (context.queue().await?, context.waits(&listed.listing.tasks).await)
    } else {
        (Vec::new(), Vec::new())
    };
    let short = match screen {
        Some(_) => context.short(named(&listed.listing.tasks)).await,
        None => usize::MAX,
    };
    let view = ListingView {
        screen: screen.map(|screen| OnScreen { screen, short, times: Times::Exact }),
        fits: fits.is_some(),
        listed,
        queue,
        extent,
        waits,
        command: command(args),
        offset: args.offset,
        now,
        of_unended: query.is_of_unended(),
        ended_logs: context.settings.ended_logs.value,
        rows: OnceCell::new(),
    };
    Ok((view, heard.notes))
}

/// Sorts tasks that are given newest first.
fn sort(tasks: &mut [Task], by: SortArg, now: Timestamp) {
    match by {
        SortArg::Newest => {}
        SortArg::Oldest => tasks.reverse(),
        SortArg::Ended => tasks.sort_by_key(|task| Reverse(task.state().ended_at())),
        SortArg::Longest => tasks.sort_by_key(|task| {
            let began = task.started_at().or(task.queued_at()).unwrap_or(now);
            Reverse(task.state().ended_at().unwrap_or(now).since(began))
        }),
        SortArg::Status => tasks.sort_by_key(|task| match task.status() {
            Status::Running => 0,
            Status::Queued => 1,
            Status::Error => 2,
            Status::Cancelled => 3,
            Status::Completed => 4,
        }),
    }
}

/// The command that shows the same tasks, without the place to begin at.
fn command(args: &List) -> String {
    let mut command = "task-bg list".to_owned();
    if !args.status.is_empty() {
        let statuses: Vec<&str> = args.status.iter().map(|status| status.0.word()).collect();
        command.push_str(&format!(" --status {}", statuses.join(",")));
    }
    let mut add = |flag: &str, value: &str| {
        if let Ok(value) = shlex::try_quote(value) {
            command.push_str(&format!(" {flag} {value}"));
        }
    };
    for (flag, values) in [("--parent", &args.parent), ("--droid", &args.droid)] {
        if !values.is_empty() {
            add(flag, &values.join(","));
        }
    }
    if let Some(since) = args.since.and_then(retention::limit) {
        add("--since", &since.as_secs().max(1).to_string());
    }
    if let (Some(sort), false) = (args.sort.word(), args.sort == SortArg::Newest) {
        add("--sort", &sort);
    }
    command
}
