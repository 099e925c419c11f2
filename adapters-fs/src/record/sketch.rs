//! The little that a listing has to know of a record that it does not show.
//!
//! A listing counts every record but shows few. So it sketches most: it checks the text in one
//! pass, without keeping what is in it. A sketch is never in doubt: where anything is unusual there
//! is no sketch, and the listing reads the record in full, which also finds the words for what is
//! wrong.

use std::fmt;
use std::sync::Arc;

use domain::task::{
    Cancelled, Completed, Failure, NO_PARENT, Order, Progress, Queued, Reason, Recorded, Running,
    SessionId, State, Status, Task, TaskId,
};
use jiff::tz::TimeZone;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{iso8601, progress_key};

/// The task that lies in the file of `id`, with its status, parent, agent, times and how large its logs were, and nothing
/// else; `None` if the record must be read in full to be sure.
pub(crate) fn sketch(content: &[u8], id: &TaskId) -> Option<Task> {
    let found: Outline<'_> = serde_json::from_str(str::from_utf8(content).ok()?).ok()?;
    if found.id != id.as_str() {
        return None;
    }
    let time = |text: Option<&str>| {
        let text = text.filter(|text| !text.is_empty());
        text.map(|text| iso8601::read(text, TimeZone::system).ok_or(())).transpose()
    };
    let queued_at = time(found.queued_at).ok()?;
    let started_at = time(found.started_at).ok()?;
    let at = time(found.completed_at).ok()?;
    let state = match Status::from_word(found.status)? {
        Status::Queued => State::Queued(Queued::default()),
        Status::Running => State::Running(Running::default()),
        Status::Completed => State::Completed(Completed { at, result: String::new() }),
        Status::Error => {
            let message = String::new();
            State::Error(Failure { at, reason: Reason::Reported, message, result: None })
        }
        Status::Cancelled => State::Cancelled(Cancelled { at, result: None }),
    };
    let parent = found.parent_session_id.filter(|parent| *parent != NO_PARENT);
    let order = Order {
        agent: found.agent.to_owned(),
        parent: parent.and_then(|parent| SessionId::parse(parent).ok()),
        ..Order::default()
    };
    let log_bytes = found.progress.and_then(|Object(log_bytes)| log_bytes);
    let progress = Box::new(Progress { log_bytes, ..Progress::default() });
    let (id, order) = (id.clone(), Arc::new(order));
    Some(Task::recorded(Recorded { id, order, state, queued_at, started_at, progress }))
}

/// The top level of a record without surprises: no key of anybody else's, none twice, no escapes in
/// what is borrowed. The others are only checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline<'a> {
    id: &'a str,
    #[serde(rename = "session_id")]
    _session: Option<Text>,
    parent_session_id: Option<&'a str>,
    #[serde(rename = "description")]
    _description: Text,
    #[serde(rename = "prompt")]
    _prompt: Text,
    agent: &'a str,
    status: &'a str,
    started_at: Option<&'a str>,
    queued_at: Option<&'a str>,
    completed_at: Option<&'a str>,
    #[serde(rename = "result")]
    _result: Option<Text>,
    #[serde(rename = "error")]
    _error: Option<Text>,
    progress: Option<Object>,
    #[serde(rename = "concurrency_key")]
    _concurrency: Option<IgnoredAny>,
    #[serde(rename = "parent_model")]
    _model: Option<Text>,
}

/// Any text, not kept.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Check).map(|()| Self)
    }
}

/// Any object, not kept but for how large the logs were.
struct Object(Option<u64>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error> {
        let mut log_bytes = None;
        while let Some(Key { is_log_bytes }) = map.next_key()? {
            if is_log_bytes {
                // What is no such number counts as absent, as in the record when it is read in full.
                let value: &RawValue = map.next_value()?;
                log_bytes = serde_json::from_str(value.get()).ok();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Object(log_bytes))
    }
}

/// A key of `progress`.
struct Key {
    is_log_bytes: bool,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyCheck)
    }
}

struct KeyCheck;

impl Visitor<'_> for KeyCheck {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<Key, E> {
        Ok(Key { is_log_bytes: text == progress_key::LOG_BYTES })
    }
}

struct Check;

impl Visitor<'_> for Check {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, _text: &str) -> Result<(), E> {
        Ok(())
    }
}
