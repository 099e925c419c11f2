//! `wait_for_tasks`: blocks until tasks have ended, for less than a minute, and says what each found.
//!
//! It never ends a task: not when its time runs out, not when the call is withdrawn, not when the client goes. What it
//! says is in `telling`.

pub(in crate::mcp) mod telling;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::port::{Clock, Notices};
use domain::task::notice::Stage;
use domain::task::{SessionId, Task, TaskId};
use domain::usecase::wait::{Until, WaitRequest, Waited, wait};

use serde_json::Value;

use self::telling::tell;
use super::{Call, Kind, Nature, Said, Tool, context, optional};
use crate::cli::command::elsewhere;
use crate::kit::context::Context;
use crate::kit::failure::Failure;
use crate::mcp::arguments::Arguments;
use crate::mcp::open_wait::OpenWait;
use crate::mcp::told::Told;
use crate::mcp::words;

/// For how long it waits, usually: the most patient client that does not say so gives up after a minute.
const USUAL: Duration = Duration::from_secs(45);
/// The longest time it waits.
const MOST: Duration = Duration::from_secs(50);
/// For how long it waits between two looks at whether the answer is still wanted. An ending wakes it at once.
const SLICE: Duration = Duration::from_secs(2);
/// How long it waits for others where something has ended that the caller does not know.
const TOGETHER: Duration = Duration::from_millis(250);
/// How long it waits before it becomes a task of the protocol, where the client takes those.
const BEFORE_TASK: Duration = Duration::from_secs(1);
/// How often it tells its progress.
const PROGRESS: Duration = Duration::from_secs(10);

pub(super) const TOOL: Tool = Tool {
    name: "wait_for_tasks",
    description: "Wait until background tasks have ended, when you need their results. Blocks until all have ended (any: one), \
                  at most 45 s, or returns at once what ended since your last look; then says what each found and which still \
                  work. Calling it again is fine.",
    properties: &[
        optional("ids", Kind::Texts, "The tasks; all of this session if left out."),
        optional("any", Kind::Flag, "Return when the first ends."),
        optional("max_wait_s", Kind::Number, "45 if left out, at most 50."),
    ],
    title: "Wait for tasks",
    nature: Nature::Looking,
    run,
};

fn run(call: &Call<'_>, arguments: &Arguments) -> Result<Said, Failure> {
    let limit = arguments.span("max_wait_s")?;
    let asked = limit.unwrap_or(USUAL);
    let typed = arguments.texts("ids")?;
    let until = if arguments.flag("any")? { Until::Any } else { Until::All };
    let context = context()?;
    context.wiring.dir.hold();
    let how = pollster::block_on(async {
        let session = call.meta.session();
        let found = find(&context, call, &typed, session.as_ref()).await?;
        let Some(Found { ids, known }) = found else {
            return Ok(Ended::Now(nothing(call, session.is_some()), Vec::new()));
        };
        let (began, call_began) = (Instant::now(), context.wiring.clock.now());
        let at_most = asked.min(MOST);
        let first = if call.meta.takes_tasks { at_most.min(BEFORE_TASK) } else { at_most };
        let (mut waited, mut silent) =
            heard_until_due(&context, call, (ids.clone(), until), (&known, first)).await?;
        // Who asked for less than that wants an answer now.
        let is_task = call.meta.takes_tasks && limit.is_none_or(|limit| limit > BEFORE_TASK);
        if is_task && waited.timed_out && !call.wish.is_over() {
            let pending = waited.pending.iter().map(|believed| believed.task.id().clone());
            let wait = OpenWait::new(pending.collect(), until, (call_began, limit));
            if let Some(wait) = wait {
                call.told.keep_store(&context.wiring.dir);
                return Ok(Ended::Later(wait.working()));
            }
            let left = at_most.saturating_sub(began.elapsed());
            (waited, silent) =
                heard_until_due(&context, call, (ids, until), (&known, left)).await?;
        }
        if let (true, true, Some((_, trouble))) =
            (waited.ended.is_empty(), waited.pending.is_empty(), waited.refused.first())
        {
            // Nothing can be said of any of them: of a store that cannot be used, say.
            return Err(trouble.clone().into());
        }
        let spent = began.elapsed();
        let clamped = (asked > MOST && waited.timed_out).then_some(MOST);
        let knows = |task: &Task| known.has(task.id(), call.told);
        let silent = if waited.pending.is_empty() { Vec::new() } else { silent };
        let telling = tell(&context, call.told, waited, knows, (spent, clamped)).await;
        let said = telling.said + &words::of_silence(&silent) + &words::of_move(context.moved());
        Ok::<_, Failure>(Ended::Now(said, telling.told))
    })?;
    Ok(match how {
        Ended::Now(said, ended) => Said::text(said).collecting(ended).over(context, true),
        Ended::Later(task) => Said::task(task).over(context, true),
    })
}

/// How a call ends.
enum Ended {
    /// With an answer, which tells how these tasks fared.
    Now(String, Vec<Task>),
    /// With a task of the protocol, which is asked for the answer.
    Later(Value),
}

/// The tasks that are meant.
struct Found {
    ids: Vec<TaskId>,
    known: Known,
}

/// Which endings the caller knows.
struct Known {
    /// Those of the tasks that are meant whose ending nobody has told the caller.
    untold: BTreeSet<TaskId>,
    /// The others of them.
    told: BTreeSet<TaskId>,
}

impl Known {
    /// Whether the caller knows the ending of a task. A retried one is waited for in its place that nobody named: of that,
    /// what this server said counts.
    fn has(&self, id: &TaskId, told: &Told) -> bool {
        self.told.contains(id) || (!self.untold.contains(id) && told.has(id))
    }
}

/// The tasks that are meant; `None` if there are none to wait for.
async fn find(
    context: &Context,
    call: &Call<'_>,
    typed: &[String],
    session: Option<&SessionId>,
) -> Result<Option<Found>, Failure> {
    let mut untold: BTreeSet<TaskId> = BTreeSet::new();
    if let Some(session) = session
        && let Some(batch) =
            context.wiring.notices.take(session).await.map_err(domain::usecase::Trouble::from)?
    {
        let entries = batch.entries().iter().filter(|(_, stage)| *stage != Stage::Told);
        untold = entries.map(|(id, _)| id.clone()).filter(|id| !call.told.has(id)).collect();
    }
    // What nobody heard counts as told in the store.
    let unheard = context.tasks(&call.told.unheard()).await;
    let is_own = |task: &&Task| session.is_none() || task.order().parent.as_ref() == session;
    let unheard = unheard.iter().filter(is_own);
    untold.extend(unheard.map(|task| task.id().clone()));
    let ids = match (typed, session) {
        ([], None) => Context::not_around(match call.told.launched() {
            ids if ids.is_empty() => {
                let unfinished = context.tasks(&context.unfinished().await?).await;
                let is_open = |task: &Task| !task.status().is_ended() || !call.told.has(task.id());
                let open = unfinished.iter().filter(|task| is_open(task));
                let mut ids: BTreeSet<TaskId> = open.map(|task| task.id().clone()).collect();
                ids.extend(untold.iter().cloned());
                ids.into_iter().collect()
            }
            ids => ids.into_iter().filter(|id| !call.told.has(id)).collect(),
        }),
        ([], Some(session)) => {
            let mut ids: Vec<TaskId> = untold.iter().cloned().collect();
            for task in context.tasks(&context.unfinished().await?).await {
                let is_own = task.order().parent.as_ref() == Some(session);
                // One that has ended is among those as long as its supervisor lives, although its ending was told.
                if is_own && !task.status().is_ended() && !untold.contains(task.id()) {
                    ids.push(task.id().clone());
                }
            }
            Context::not_around(ids)
        }
        (typed, _) => context.resolve_all(typed).await?,
    };
    if ids.is_empty() {
        return Ok(None);
    }
    let tasks = context.tasks(&ids).await;
    let is_fresh = |task: &&Task| match (&task.order().parent, session) {
        (Some(parent), Some(session)) if parent == session => untold.contains(task.id()),
        (Some(_) | None, _) => !call.told.has(task.id()),
    };
    let untold: BTreeSet<TaskId> =
        tasks.iter().filter(is_fresh).map(|task| task.id().clone()).collect();
    let told = ids.iter().filter(|id| !untold.contains(id)).cloned().collect();
    Ok(Some(Found { ids, known: Known { untold, told } }))
}

/// The same as [`until_due`], and hears meanwhile how those of these tasks fare that are kept on other machines. Returns as
/// well which of these did not answer in the end.
async fn heard_until_due(
    context: &Context,
    call: &Call<'_>,
    (ids, until): (Vec<TaskId>, Until),
    (known, at_most): (&Known, Duration),
) -> Result<(Waited, Vec<String>), Failure> {
    // Of so short a wait no machine hears the end.
    let is_look = at_most <= BEFORE_TASK;
    let heard =
        if is_look { elsewhere::refresh_ids(context, &ids).await.notes } else { Vec::new() };
    let due =
        || pollster::block_on(until_due(context, call, (ids.clone(), until), (known, at_most)));
    if is_look {
        return Ok((due()?, heard));
    }
    let (waited, silent) = elsewhere::while_heard(context, &ids, until, due).await;
    Ok((waited?, silent))
}

/// Waits until what was asked for has happened, something has ended that the caller does not know, the time is
/// over, or nobody wants to know any more.
async fn until_due(
    context: &Context,
    call: &Call<'_>,
    (ids, until): (Vec<TaskId>, Until),
    (known, at_most): (&Known, Duration),
) -> Result<Waited, Failure> {
    let world = context.wiring.world();
    let began = Instant::now();
    let mut told = began;
    let look = WaitRequest { ids, until: Until::All, at_most: Some(Duration::ZERO) };
    let mut waited = Box::pin(wait(world, &look)).await?;
    if waited.ended.iter().any(|task| !known.has(task.id(), call.told)) {
        if until == Until::All && !waited.pending.is_empty() {
            // What ends together is told together.
            let look = WaitRequest { at_most: Some(TOGETHER.min(at_most)), ..look };
            waited = Box::pin(wait(world, &look)).await?;
        }
        waited.timed_out = false;
        return Ok(waited);
    }
    let before = waited.ended.len();
    loop {
        let is_done = match until {
            Until::All => waited.pending.is_empty(),
            Until::Any => waited.pending.is_empty() || waited.ended.len() > before,
        };
        let left = at_most.saturating_sub(began.elapsed());
        if is_done || left.is_zero() || call.wish.is_over() {
            waited.timed_out = !is_done;
            return Ok(waited);
        }
        if call.meta.wants_progress() && told.elapsed() >= PROGRESS {
            told = Instant::now();
            let (ended, all) =
                (waited.ended.len() as u64, (waited.ended.len() + waited.pending.len()) as u64);
            let spent = began.elapsed().as_secs();
            call.meta.tell_progress(
                call.outlet,
                (spent, at_most.as_secs()),
                &format!("{ended} of {all} ended"),
            );
        }
        let pending = waited.pending.iter().map(|believed| believed.task.id().clone()).collect();
        let slice = WaitRequest { ids: pending, until, at_most: Some(left.min(SLICE)) };
        let next = Box::pin(wait(world, &slice)).await?;
        waited.ended.extend(next.ended);
        waited.pending = next.pending;
        waited.refused.extend(next.refused);
    }
}

fn nothing(call: &Call<'_>, knows_session: bool) -> String {
    let look = call.told.next_look();
    let why = if knows_session || !call.told.launched().is_empty() {
        "no task of this session is unfinished, and every ending was told"
    } else {
        "no task is unfinished"
    };
    format!("nothing to wait for: {why} (look {look})\nnext: list_tasks shows the tasks")
}
