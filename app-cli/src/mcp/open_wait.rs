//! A wait as a task of the protocol (`io.modelcontextprotocol/tasks`): the client asks for it until it is over, and
//! wakes its model then.
//!
//! The id of such a wait says all there is to know of it, so that any server answers for it, also one that was started
//! later. Nothing is kept, and ending the wait ends no task.

use std::time::Duration;

use domain::port::{Clock, StoreError};
use domain::task::{Task, TaskId, Timestamp};
use domain::usecase::Trouble;
use domain::usecase::wait::{Until, WaitRequest, wait};
use serde_json::{Map, Value, json};

use super::group::Outcome;
use super::message::{Fault, INVALID_PARAMS};
use super::told::Told;
use super::tool::wait_for_tasks::telling::tell;
use super::tool::{Call, Said, context, context_over, spoken};
use super::words;
use crate::cli::command::elsewhere;
use crate::kit::failure::Failure;

/// How an id begins.
const PREFIX: &str = "wait";
/// Between the parts of an id.
const BETWEEN: char = '.';
/// Between the beginning of a wait and its limit, where it has one.
const LIMIT: char = '-';
/// The most tasks of a wait: its id names them all.
const MOST: usize = 60;
/// How often to ask, in milliseconds.
const POLL: u64 = 2_000;

/// A moment as the protocol has it.
fn written(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_microsecond(at.as_micros()).map(|at| at.to_string()).ok()
}

/// A wait that is not over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OpenWait {
    ids: Vec<TaskId>,
    until: Until,
    began: Timestamp,
    /// After how long it is over whatever has ended, in milliseconds; the client gives it up by itself otherwise.
    limit: Option<u64>,
}

impl OpenWait {
    /// A wait for these tasks that began then, and takes so long at most; `None` for too many.
    pub(super) fn new(
        ids: Vec<TaskId>,
        until: Until,
        (began, limit): (Timestamp, Option<Duration>),
    ) -> Option<Self> {
        let limit = limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        (!ids.is_empty() && ids.len() <= MOST).then_some(Self { ids, until, began, limit })
    }

    fn id(&self) -> String {
        let mode = match self.until {
            Until::All => "all",
            Until::Any => "any",
        };
        let mut id = format!("{PREFIX}{BETWEEN}{mode}{BETWEEN}{:x}", self.began.as_micros());
        if let Some(limit) = self.limit {
            id.push_str(&format!("{LIMIT}{limit:x}"));
        }
        for task in &self.ids {
            id.push(BETWEEN);
            id.push_str(task.as_str());
        }
        id
    }

    fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split(BETWEEN);
        let until = match (parts.next()?, parts.next()?) {
            (PREFIX, "all") => Until::All,
            (PREFIX, "any") => Until::Any,
            _ => return None,
        };
        let times = parts.next()?;
        let (began, limit) = match times.split_once(LIMIT) {
            Some((began, limit)) => (began, Some(u64::from_str_radix(limit, 16).ok()?)),
            None => (times, None),
        };
        let began = Timestamp::from_micros(i64::from_str_radix(began, 16).ok()?);
        let ids: Option<Vec<TaskId>> = parts.map(|id| TaskId::parse(id).ok()).collect();
        // A moment that cannot be written was never the beginning of a wait.
        written(began)?;
        Self::new(ids?, until, (began, limit.map(Duration::from_millis)))
    }

    /// The wait that a request is about.
    fn of(params: &Map<String, Value>) -> Result<(String, Self), Fault> {
        let id = params.get("taskId").and_then(Value::as_str).unwrap_or_default();
        Self::parse(id).map(|wait| (id.to_owned(), wait)).ok_or_else(|| unknown(id))
    }

    fn described(&self, status: &str, message: &str, now: Timestamp) -> Value {
        let written = |at| written(at).unwrap_or_default();
        json!({
            "taskId": self.id(),
            "status": status,
            "statusMessage": message,
            "createdAt": written(self.began),
            "lastUpdatedAt": written(now),
            "ttlMs": null,
            "pollIntervalMs": POLL,
        })
    }

    /// The answer to a call that has become this wait.
    pub(super) fn working(&self) -> Value {
        let message = format!("0 of {} ended", self.ids.len());
        let mut described = self.described("working", &message, self.began);
        described["resultType"] = "task".into();
        described
    }
}

/// That there is no such wait.
fn unknown(id: &str) -> Fault {
    Fault::new(INVALID_PARAMS, format!("there is no task `{}`", words::one_line(id, 80)))
}

/// How a wait stands: `tasks/get`.
///
/// # Errors
/// What to answer if there is no such wait, or its tasks cannot be looked at.
pub(super) fn get(call: &Call<'_>, params: &mut Map<String, Value>) -> Result<Said, Outcome> {
    let (id, open) = OpenWait::of(params).map_err(Err)?;
    let failed = |failure: &Failure| Err(Fault::new(INVALID_PARAMS, failure.sentence()));
    let context = match call.told.moved_store(&open.ids) {
        Some(store) => context_over(store),
        None => context(),
    };
    let context = context.map_err(|failure| failed(&failure))?;
    let now = context.wiring.clock.now();
    if call.told.is_cancelled(&id) {
        return Ok(Said::task(open.described("cancelled", "nobody waits any more", now)));
    }
    // What other machines keep is heard of before it is looked at; one that does not answer has ended nothing.
    drop(pollster::block_on(elsewhere::refresh_ids(&context, &open.ids)));
    let look =
        WaitRequest { ids: open.ids.clone(), until: Until::All, at_most: Some(Duration::ZERO) };
    let waited = pollster::block_on(wait(context.wiring.world(), &look));
    let mut waited = waited.map_err(|trouble| failed(&trouble.into()))?;
    let ended = waited.ended.len();
    let is_nobodys = |(_, trouble): &(TaskId, Trouble)| {
        matches!(trouble, Trouble::Store(StoreError::NotFound { .. }))
    };
    if waited.refused.len() == open.ids.len() && waited.refused.iter().all(is_nobodys) {
        return Err(Err(unknown(&id)));
    }
    let spent = now.since(open.began);
    let is_late = open.limit.is_some_and(|limit| spent >= Duration::from_millis(limit));
    let is_over = match open.until {
        Until::All => waited.pending.is_empty(),
        Until::Any => waited.pending.is_empty() || ended > 0,
    };
    let message = format!("{ended} of {} ended", open.ids.len());
    if !is_over && !is_late {
        return Ok(Said::task(open.described("working", &message, now)).over(context, true));
    }
    waited.timed_out = !is_over;
    let knows = |task: &Task| call.told.has(task.id());
    let telling = pollster::block_on(tell(&context, call.told, waited, knows, (spent, None)));
    let mut described = open.described("completed", &message, now);
    let moved = words::of_move(context.moved());
    described["result"] = spoken(&(telling.said + &moved));
    // The answer of the call, whole: official clients refuse one that does not say so.
    described["result"]["resultType"] = "complete".into();
    Ok(Said::task(described).collecting(telling.told).over(context, true))
}

/// Nobody asks any more: `tasks/cancel`.
///
/// # Errors
/// If there is no such wait.
pub(super) fn cancel(told: &Told, params: &Map<String, Value>) -> Outcome {
    let (id, _) = OpenWait::of(params)?;
    told.cancel(&id);
    Ok(json!({}))
}

/// Answers to questions, of which a wait has none: `tasks/update`.
///
/// # Errors
/// If there is no such wait.
pub(super) fn update(params: &Map<String, Value>) -> Outcome {
    OpenWait::of(params).map(|_| json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_all_there_is_to_know_of_a_wait() {
        let ids: Vec<TaskId> =
            (0..3).map(|n| TaskId::mint(Timestamp::from_micros(1_000_000), [0, 0, n])).collect();
        for until in [Until::All, Until::Any] {
            for limit in [None, Some(Duration::from_secs(90))] {
                let times = (Timestamp::from_micros(77), limit);
                let wait = OpenWait::new(ids.clone(), until, times).expect("a wait");
                assert_eq!(OpenWait::parse(&wait.id()).as_ref(), Some(&wait));
            }
        }
        for wrong in [
            "",
            "wait",
            "wait.all.1",
            "wait.some.1.bg_1",
            "wait.all.x.bg_1",
            "wait.all.1-.bg_1",
            "wait.all.7fffffffffffffff.bg_1",
            "task.all.1.bg_1",
            "wait.all.1.../x",
        ] {
            assert_eq!(OpenWait::parse(wrong), None, "{wrong}");
        }
    }
}
