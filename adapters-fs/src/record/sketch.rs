//! The little that a listing has to know of a record that it does not show.
//!
//! A listing counts every record but shows few. So it sketches most: it checks the text in one
//! pass, without keeping what is in it. A sketch is never in doubt: where anything is unusual there
//! is no sketch, and the listing reads the record in full, which also finds the words for what is
//! wrong.

use std::fmt;

use domain::task::{
    Cancelled, Completed, Failure, NO_PARENT, Order, Progress, Queued, Reason, Recorded, Running,
    SessionId, State, Status, Task, TaskId,
};
use jiff::tz::TimeZone;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::iso8601;

/// The task that lies in the file of `id`, with its status, parent, agent and times and nothing
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
    let (id, progress) = (id.clone(), Progress::default());
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
    #[serde(rename = "progress")]
    _progress: Option<Object>,
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

/// Any object, not kept.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Check).map(|()| Self)
    }
}

struct Check;

impl<'de> Visitor<'de> for Check {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object")
    }

    fn visit_str<E>(self, _text: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while map.next_entry::<Text, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
