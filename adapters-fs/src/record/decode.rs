//! From the members of a record to the task they hold.
//!
//! A wrong value at the top level makes the record unreadable, with the reason. Under `progress`,
//! what makes no sense counts as absent ([`below`]). Decoding never changes the text.

mod below;

use std::sync::Arc;

use domain::task::{
    Cancelled, Completed, Failure, NO_PARENT, Order, Placement, Prompt, Queued, Recorded, Running,
    SessionId, State, Status, Task, TaskId, Timestamp,
};
use jiff::tz::TimeZone;

use super::raw::{Object, decoded};
use super::{Unfit, iso8601, key, progress_key};
use below::Below;

/// Keys by which the sister programs that share this folder call what we call otherwise.
const FOREIGN_TWINS: [(&str, &str); 7] = [
    ("sessionId", key::SESSION),
    ("parentSessionId", key::PARENT),
    ("startedAt", key::STARTED),
    ("queuedAt", key::QUEUED),
    ("completedAt", key::COMPLETED),
    ("concurrencyKey", key::CONCURRENCY),
    ("parentModel", key::MODEL),
];

/// The task that a record in the file of `id` holds.
pub(super) fn task(raw: &Object<'_>, id: &TaskId) -> Result<Task, Unfit> {
    refuse_foreign(raw)?;
    let found = required(raw, key::ID)?;
    if found != id.as_str() {
        return Err(Unfit::Misnamed { found });
    }
    let progress = Below::of(raw)?;
    Ok(Task::recorded(Recorded {
        id: id.clone(),
        order: order(raw, &progress)?,
        state: state(raw, &progress)?,
        queued_at: time(raw, key::QUEUED)?,
        started_at: time(raw, key::STARTED)?,
        progress: progress.progress(),
    }))
}

/// What was asked for. In a frame of its own: it is large, and a supervisor keeps the deepest stack it ever had.
#[inline(never)]
fn order(raw: &Object<'_>, progress: &Below<'_>) -> Result<Arc<Order>, Unfit> {
    let parent = optional(raw, key::PARENT)?.filter(|parent| parent != NO_PARENT);
    Ok(Arc::new(Order {
        description: required(raw, key::DESCRIPTION)?,
        name: progress.name(),
        prompt: Prompt::recorded(required(raw, key::PROMPT)?),
        agent: required(raw, key::AGENT)?,
        session: optional(raw, key::SESSION)?.and_then(|text| SessionId::parse(&text).ok()),
        parent: parent.and_then(|text| SessionId::parse(&text).ok()),
        runner: progress.runner(),
        cwd: progress.text(progress_key::CWD),
        stdin: progress.text(progress_key::STDIN),
        time_limit: progress.millis(progress_key::TIMEOUT),
        model: optional(raw, key::MODEL)?,
        briefing: progress.briefing(),
        silence: progress.millis(progress_key::SILENCE),
        target: progress.target(),
        notify: progress.text(progress_key::NOTIFY),
        cluster_options: progress.cluster_options(),
        placement: Placement { group: optional(raw, key::CONCURRENCY)?, ..progress.placement() },
        lineage: progress.lineage(),
        retries: progress.retries(),
        key: progress.text(progress_key::KEY),
        worktree: progress.worktree(),
    }))
}

fn refuse_foreign(raw: &Object<'_>) -> Result<(), Unfit> {
    let twin = FOREIGN_TWINS
        .iter()
        .find(|(theirs, ours)| raw.get(theirs).is_some() && raw.get(ours).is_none());
    if let Some((theirs, ours)) = twin {
        return Err(Unfit::Foreign { sign: format!("it has `{theirs}`, and no `{ours}`") });
    }
    if raw.get(key::ID).is_none() {
        return Err(Unfit::Foreign { sign: format!("it has no `{}`", key::ID) });
    }
    Ok(())
}

fn state(raw: &Object<'_>, progress: &Below<'_>) -> Result<State, Unfit> {
    let word = required(raw, key::STATUS)?;
    let Some(status) = Status::from_word(&word) else {
        let found = format!("`{word}`");
        return Err(Unfit::Wrong { key: key::STATUS, found, wanted: "a status we know" });
    };
    let (at, result) = (time(raw, key::COMPLETED)?, optional(raw, key::RESULT)?);
    // Checked in every state, so that a record does not become unreadable when it ends.
    let message = optional(raw, key::ERROR)?;
    Ok(match status {
        Status::Queued => {
            State::Queued(Queued { held: progress.held(), cancel: progress.cancel() })
        }
        Status::Running => State::Running(Running { stop: progress.stop() }),
        Status::Completed => State::Completed(Completed { at, result: result.unwrap_or_default() }),
        // An empty text says nothing about what went wrong; the status alone says that something did.
        Status::Error => State::Error(Failure {
            at,
            reason: progress.reason(),
            message: message.unwrap_or_default(),
            result,
        }),
        Status::Cancelled => State::Cancelled(Cancelled { at, result }),
    })
}

fn required(raw: &Object<'_>, key: &'static str) -> Result<String, Unfit> {
    if raw.get(key).is_none() {
        return Err(Unfit::Missing { key });
    }
    optional(raw, key)?.ok_or_else(|| wrong(raw, key, "a text"))
}

fn optional(raw: &Object<'_>, key: &'static str) -> Result<Option<String>, Unfit> {
    let Some(text) = raw.get(key) else { return Ok(None) };
    decoded(text).ok_or_else(|| wrong(raw, key, "a text"))
}

fn time(raw: &Object<'_>, key: &'static str) -> Result<Option<Timestamp>, Unfit> {
    let Some(text) = optional(raw, key)? else { return Ok(None) };
    if text.is_empty() {
        return Ok(None);
    }
    let at = iso8601::read(&text, TimeZone::system);
    at.map(Some).ok_or_else(|| wrong(raw, key, "a time"))
}

fn wrong(raw: &Object<'_>, key: &'static str, wanted: &'static str) -> Unfit {
    let found = match raw.get(key).and_then(|text| text.chars().next()) {
        Some('{') if wanted == "an object" => "an object with a key that is no text",
        Some('{') => "an object",
        Some('[') => "a list",
        Some('t' | 'f') => "true or false",
        Some('n') | None => "null",
        Some('"') => "a text",
        Some(_) => "a number",
    };
    Unfit::Wrong { key, found: found.to_owned(), wanted }
}
