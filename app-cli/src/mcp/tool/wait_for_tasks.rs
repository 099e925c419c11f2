//! `wait_for_tasks`: blocks until tasks have ended, for less than a minute, and says what each found.
//!
//! It never ends a task: not when its time runs out, not when the call is withdrawn, not when the client goes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::port::{Clock, Notices};
use domain::task::notice::Stage;
use domain::task::{SessionId, Task, TaskId, Timestamp};
use domain::usecase::wait::{Until, WaitRequest, Waited, wait};

use serde_json::Value;

use super::{Call, Kind, Nature, Said, Tool, context, optional};
use crate::kit::context::Context;
use crate::kit::failure::Failure;
use crate::mcp::arguments::Arguments;
use crate::mcp::open_wait::OpenWait;
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
/// How much of results there is in an answer, in characters: of a few tasks, and of many, whose heads take room as well.
/// The whole answer stays below 10,000.
const RESULTS: (usize, usize) = (6_000, 4_500);
/// How many tasks are a few.
const FEW: usize = 5;
/// The most tasks that ended of which an answer has the results.
const SHOWN: usize = 15;
/// The most tasks that it names beside those.
const NAMED: usize = 10;

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
    let asked = arguments.span("max_wait_s")?.unwrap_or(USUAL);
    let typed = arguments.texts("ids")?;
    let until = if arguments.flag("any")? { Until::Any } else { Until::All };
    let context = context()?;
    let how = pollster::block_on(async {
        let session = call.meta.session();
        let found = find(&context, call, &typed, session.as_ref()).await?;
        let Some(Found { ids, fresh }) = found else {
            return Ok(Ended::Now(nothing(call, session.is_some()), Vec::new()));
        };
        let began = Instant::now();
        let at_most = asked.min(MOST);
        let first = if call.meta.takes_tasks { at_most.min(BEFORE_TASK) } else { at_most };
        let mut waited = until_due(&context, call, (ids.clone(), until), (&fresh, first)).await?;
        if call.meta.takes_tasks && waited.timed_out && !call.wish.is_over() {
            let pending = waited.pending.iter().map(|believed| believed.task.id().clone());
            let wait = OpenWait::new(pending.collect(), until, context.wiring.clock.now());
            if let Some(wait) = wait {
                return Ok(Ended::Later(wait.working()));
            }
            let left = at_most.saturating_sub(began.elapsed());
            waited = until_due(&context, call, (ids, until), (&fresh, left)).await?;
        }
        if let (true, true, Some((_, trouble))) =
            (waited.ended.is_empty(), waited.pending.is_empty(), waited.refused.first())
        {
            // Nothing can be said of any of them: of a store that cannot be used, say.
            return Err(trouble.clone().into());
        }
        let spent = began.elapsed();
        // What the caller does not know comes first: there may be no room for all.
        waited.ended.sort_by_key(|task| !fresh.contains(task.id()));
        let clamped = (asked > MOST && waited.timed_out).then_some(MOST);
        let said = words(&context, call, &waited, (spent, clamped));
        Ok::<_, Failure>(Ended::Now(said, told_of(&waited)))
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
    /// Those of them whose ending nobody has told the caller.
    fresh: BTreeSet<TaskId>,
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
    let ids = match (typed, session) {
        ([], None) => Context::not_around(match call.told.launched() {
            ids if ids.is_empty() => context.unfinished().await?,
            ids => ids.into_iter().filter(|id| !call.told.has(id)).collect(),
        }),
        ([], Some(session)) => {
            let mut ids: Vec<TaskId> = untold.iter().cloned().collect();
            for task in context.tasks(&context.unfinished().await?).await {
                if task.order().parent.as_ref() == Some(session) && !untold.contains(task.id()) {
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
    let fresh = tasks.iter().filter(is_fresh).map(|task| task.id().clone()).collect();
    Ok(Some(Found { ids, fresh }))
}

/// Waits until what was asked for has happened, something has ended that the caller does not know, the time is
/// over, or nobody wants to know any more.
async fn until_due(
    context: &Context,
    call: &Call<'_>,
    (ids, until): (Vec<TaskId>, Until),
    (fresh, at_most): (&BTreeSet<TaskId>, Duration),
) -> Result<Waited, Failure> {
    let world = context.wiring.world();
    let began = Instant::now();
    let mut told = began;
    let look = WaitRequest { ids, until: Until::All, at_most: Some(Duration::ZERO) };
    let mut waited = Box::pin(wait(world, &look)).await?;
    if waited.ended.iter().any(|task| fresh.contains(task.id())) {
        if until == Until::All && !waited.pending.is_empty() {
            // What ends together is told together.
            let look = WaitRequest { at_most: Some(TOGETHER.min(at_most)), ..look };
            waited = Box::pin(wait(world, &look)).await?;
        }
        waited.timed_out = false;
        return Ok(waited);
    }
    let known = waited.ended.len();
    loop {
        let is_done = match until {
            Until::All => waited.pending.is_empty(),
            Until::Any => waited.pending.is_empty() || waited.ended.len() > known,
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

/// The tasks of whose endings [`words`] tells. The others are told next time.
pub(in crate::mcp) fn told_of(waited: &Waited) -> Vec<Task> {
    waited.ended.iter().take(SHOWN + NAMED).cloned().collect()
}

/// How the wait ended.
pub(in crate::mcp) fn words(
    context: &Context,
    call: &Call<'_>,
    waited: &Waited,
    (spent, clamped): (Duration, Option<Duration>),
) -> String {
    let now = context.wiring.clock.now();
    let (ended, pending) = (waited.ended.len(), waited.pending.len());
    let all = ended + pending + waited.refused.len();
    let mut said = format!("ended: {ended} of {all}\n");
    if waited.timed_out {
        let look = call.told.next_look();
        said.push_str(&format!(
            "waited: {:.1} s, time is over (look {look})\n",
            spent.as_secs_f64()
        ));
        if let Some(most) = clamped {
            said.push_str(&format!("note: one call waits at most {} s\n", most.as_secs()));
        }
    } else {
        said.push_str(&format!("waited: {:.1} s\n", spent.as_secs_f64()));
    }
    let shown = &waited.ended[..ended.min(SHOWN)];
    let room = if shown.len() <= FEW { RESULTS.0 } else { RESULTS.1 };
    let share = room / shown.len().max(1);
    for task in shown {
        said.push_str(&format!("\n{}\n{}\n", words::head(task, now), words::found_by(task, share)));
    }
    if ended > shown.len() {
        let rest = waited.ended[shown.len()..].iter();
        let named: Vec<&str> = rest.take(NAMED).map(|task| task.id().as_str()).collect();
        said.push_str(&format!("\nended as well: {}\n", named.join(", ")));
        let unnamed = ended - shown.len() - named.len();
        if unnamed > 0 {
            said.push_str(&format!("and {unnamed} more, which wait_for_tasks tells next\n"));
        }
    }
    if pending > 0 {
        said.push_str("\nstill working:\n");
        said.push_str(&still(waited, now));
        said.push_str("next: do other work, or call wait_for_tasks again\n");
    }
    for (id, trouble) in waited.refused.iter().take(NAMED / 2) {
        let why = words::one_line(&Failure::from(trouble.clone()).sentence(), 200);
        said.push_str(&format!("\n{id} cannot be judged: {why}\n"));
    }
    let unnamed = waited.refused.len().saturating_sub(NAMED / 2);
    if unnamed > 0 {
        said.push_str(&format!("and {unnamed} more\n"));
    }
    said.trim_end().to_owned()
}

fn still(waited: &Waited, now: Timestamp) -> String {
    let lines = waited
        .pending
        .iter()
        .take(NAMED)
        .map(|believed| format!("{}\n", words::line(&believed.task, now)));
    let more = waited.pending.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("and {more} more\n") };
    lines.collect::<String>() + &more
}
