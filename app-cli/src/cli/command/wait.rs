//! `wait`: which tasks are meant, and what their endings mean for the exit code.

use std::cmp::Reverse;
use std::time::Duration;

use adapters_fs::FileStore;
use domain::port::{Clock, LifeLocks as _, TaskStore, Whereabouts};
use domain::task::{Query, SessionId, Status, Task, TaskId, Timestamp, text};
use domain::usecase::reconcile::Note;
use domain::usecase::wait::{Until, WaitRequest, Waited, wait as block};
use domain::usecase::{Trouble, World};

use super::{elsewhere, watching};
use crate::Outcome;
use crate::cli::args::{Length, Wait};
use crate::cli::view::task_lines::{OnScreen, Times, named};
use crate::cli::view::waited::{Besides, WaitedView};
use crate::kit::answer::Answer;
use crate::kit::console;
use crate::kit::context::Context;
use crate::kit::failure::{Failure, Kind};

/// What counts as lately.
const LATELY: Duration = Duration::from_secs(10 * 60);
/// How long ago a task may have been ordered that ended lately.
const ORDERED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a store may take to be gone after its first record.
const GOING: Duration = Duration::from_secs(1);
/// The most tasks that are named as ended lately.
const RECENT: usize = 10;

pub(super) async fn wait(context: &Context, args: Wait) -> Outcome {
    let mut notes = Vec::new();
    let ids = if args.ids.is_empty() {
        let parents = match args.parent.as_slice() {
            [] => Context::default_parent().into_iter().collect(),
            named => named.to_vec(),
        };
        let (ids, unknown) = match parents.as_slice() {
            [] => (context.unfinished().await?, Vec::new()),
            parents => context.of_parents(parents).await?,
        };
        if !args.parent.is_empty() && ids.is_empty() {
            let hint = "run `task-bg list` to see the tasks and their `parent_session_id`";
            return Err(Failure::new(Kind::NotFound, unrecorded(&unknown)).hint(hint));
        }
        if !args.parent.is_empty() && !unknown.is_empty() {
            notes.push(unrecorded(&unknown));
        }
        let ids = Context::not_around(ids);
        if ids.is_empty() {
            return Ok(idle(context, parents).await?.saying(notes));
        }
        ids
    } else {
        context.resolve_all(&args.ids).await?
    };
    let until = if args.any { Until::Any } else { Until::All };
    let length = args.timeout.unwrap_or(Length::Usual);
    Ok(for_ids(context, ids, until, length).await?.saying(notes))
}

/// That no task of these sessions is recorded, as a sentence.
fn unrecorded(sessions: &[SessionId]) -> String {
    let named: Vec<String> =
        sessions.iter().map(|session| format!("`{}`", session.as_str())).collect();
    format!("no task of session {} is recorded", text::some_of(&named, text::NAMED))
}

/// Says that there is nothing to wait for, and what ended lately.
async fn idle(context: &Context, parents: Vec<String>) -> Outcome {
    let now = context.wiring.clock.now();
    let began = |span: Duration| {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.as_micros().saturating_sub(micros))
    };
    let query = Query {
        statuses: vec![Status::Error, Status::Cancelled, Status::Completed],
        since: Some(began(ORDERED_WITHIN)),
        ..Query::default()
    };
    let listing = TaskStore::list(&context.wiring.store, &query).await?.of_last_attempts();
    let mut recent = listing.tasks;
    recent.retain(|task| task.state().ended_at().is_some_and(|at| at >= began(LATELY)));
    recent
        .sort_by_key(|task| (task.status() == Status::Completed, Reverse(task.state().ended_at())));
    recent.truncate(RECENT);
    let besides = Besides::Idle { parents, recent };
    Ok(Answer::ok(view(context, Waited::default(), besides).await))
}

/// Waits for these tasks and says how they fared.
pub(super) async fn for_ids(
    context: &Context,
    ids: Vec<TaskId>,
    until: Until,
    length: Length,
) -> Outcome {
    let Seen { waited, kind, silent, summary } = block_on(context, ids, until, length).await?;
    let ended = waited.ended.clone();
    let view = view(context, waited, Besides::Nothing).await.below(summary);
    Ok(Answer::with(view, kind).collecting(ended).saying(silent))
}

/// Waits for a task that was launched by this command.
pub(super) async fn for_launched(context: &Context, id: TaskId, length: Length) -> Outcome {
    let Seen { waited, kind, silent, summary } =
        block_on(context, vec![id.clone()], Until::All, length).await?;
    let ended = waited.ended.clone();
    let view = view(context, waited, Besides::Launched(id)).await.below(summary);
    Ok(Answer::with(view, kind).collecting(ended).saying(silent))
}

/// How a wait ended, and what keeps those from starting that wait for their turn.
pub(super) async fn view(context: &Context, waited: Waited, besides: Besides) -> WaitedView {
    let pending = waited.pending.iter().map(|believed| believed.task.clone());
    let queued: Vec<Task> = pending.filter(|task| task.status() == Status::Queued).collect();
    let obstacles = if queued.is_empty() { Vec::new() } else { context.waits(&queued).await };
    let screen = match console::screen(context.format) {
        Some(screen) => {
            let recent = match &besides {
                Besides::Idle { recent, .. } => recent.as_slice(),
                Besides::Nothing | Besides::Launched(_) => &[],
            };
            let pending = waited.pending.iter().map(|believed| &believed.task);
            let tasks = waited.ended.iter().chain(pending).chain(recent);
            Some(OnScreen { screen, short: context.short(named(tasks)).await, times: Times::Exact })
        }
        None => None,
    };
    let held_up = waited.pending.iter().filter(|believed| believed.note == Some(Note::HeldUp));
    let holders = held_up.map(|believed| believed.task.id().clone());
    let holders = holders.map(|id| (context.wiring.locks.holder(&id), id)).collect();
    let now = context.wiring.clock.now();
    let has_left = waited.ended.iter().any(|task| task.progress().left.count > 0);
    let store = has_left.then(|| context.wiring.world().host.store()).flatten();
    WaitedView { waited, obstacles, holders, now, store, besides, screen, summary: None }
}

/// How a wait went.
pub(super) struct Seen {
    /// How it ended.
    pub(super) waited: Waited,
    /// What that means for the exit code.
    pub(super) kind: Option<Kind>,
    /// Which machines did not answer, and that the store was moved.
    pub(super) silent: Vec<String>,
    /// What goes below the answer at a terminal that saw the wait.
    pub(super) summary: Option<String>,
}

/// Waits until all of these tasks have ended, or for so long; says how they fared, and what that means
/// for the exit code.
pub(super) async fn outcome(
    context: &Context,
    ids: Vec<TaskId>,
    length: Length,
) -> Result<Seen, Failure> {
    block_on(context, ids, Until::All, length).await
}

async fn block_on(
    context: &Context,
    ids: Vec<TaskId>,
    until: Until,
    length: Length,
) -> Result<Seen, Failure> {
    let wiring = &context.wiring;
    wiring.dir.hold();
    let at_most = length.limit(console::watched().is_some());
    let request = WaitRequest { ids, until, at_most };
    // Nobody who waits for two seconds waits five for a lock.
    let store = FileStore::open(wiring.dir.clone()).in_a_hurry(at_most.unwrap_or(Duration::MAX));
    let world = World { store: &store, ..wiring.world() };
    let wait = || pollster::block_on(Box::pin(block(world, &request)));
    let watched = || pollster::block_on(watching::while_waiting(context, &request.ids, wait));
    let ((waited, shown), silent) =
        elsewhere::while_heard(context, &request.ids, request.until, watched).await;
    let mut waited = waited?;
    ask_again_for_missing(context, &mut waited).await;
    let summary = shown.and_then(|spent| watching::sum_up(context, &waited, spent));
    let mut silent = if waited.pending.is_empty() { Vec::new() } else { silent };
    silent.extend(context.moved());
    let kind = if waited.timed_out {
        Some(Kind::TimedOut)
    } else if let Some((_, trouble)) = waited.refused.first() {
        Some(Failure::from(trouble.clone()).kind)
    } else if waited.ended.iter().any(|task| task.status() != Status::Completed) {
        Some(Kind::TaskFailed)
    } else {
        None
    };
    Ok(Seen { waited, kind, silent, summary })
}

/// Asks once more for those that are not there any more: whoever removes a store takes its records one by one, and it is the
/// store that is gone then.
async fn ask_again_for_missing(context: &Context, waited: &mut Waited) {
    let is_missing = |trouble: &Trouble| Failure::from(trouble.clone()).kind == Kind::NotFound;
    if !waited.refused.iter().any(|(_, trouble)| is_missing(trouble)) {
        return;
    }
    let (dir, clock) = (&context.wiring.dir, &context.wiring.clock);
    let began = clock.elapsed();
    while dir.settle() == Whereabouts::Here && clock.elapsed().saturating_sub(began) < GOING {
        std::thread::sleep(GOING / 20);
    }
    for (id, trouble) in waited.refused.iter_mut().filter(|(_, trouble)| is_missing(trouble)) {
        if let Err(error) = context.wiring.store.load(id).await {
            *trouble = error.into();
        }
    }
}
