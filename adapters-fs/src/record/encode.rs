//! From a task to the text of its record.
//!
//! [`first`] writes a new record; [`over`] writes a changed task over the record it was read from and sets
//! only the keys whose meaning changed, so that a local time or an unknown word that somebody else wrote
//! stays as it was.

use domain::task::{Task, Timestamp};
use serde_json::{Map, Value};

use super::fact::Fact;
use super::facts::{self, Member};
use super::raw::Object;
use super::{iso8601, key, progress_key};

/// The record of a task that was never recorded before.
pub(crate) fn first(task: &Task) -> String {
    let mut progress = Object::default();
    for (key, fact) in facts::progress(task) {
        progress.set(key, fact.written());
    }
    let mut record = Object::default();
    let mut set = |(key, fact): Member<'_>| record.set(key, fact.written());
    facts::head(task).into_iter().chain(facts::state(task)).for_each(&mut set);
    record.set(key::PROGRESS, Some(progress.text(4)));
    let mut set = |(key, fact): Member<'_>| record.set(key, fact.written());
    facts::tail(task).into_iter().for_each(&mut set);
    record.text(2)
}

/// The members of the same, with those keys of `progress` alone that are `wanted`.
pub(super) fn members(task: &Task, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let member = |(key, fact): Member<'_>| Some((key.to_owned(), fact.value()?));
    let progress = facts::progress(task).filter(|(key, _)| wanted(key)).filter_map(member);
    let progress = (key::PROGRESS.to_owned(), Value::Object(progress.collect()));
    let top = facts::head(task).into_iter().chain(facts::state(task)).filter_map(member);
    top.chain([progress]).chain(facts::tail(task).into_iter().filter_map(member)).collect()
}

/// The record of a task that was `before` when it was read as `record`, and is `after` now.
pub(crate) fn over(mut record: Object<'_>, before: &Task, after: &Task) -> String {
    let progress = progress_over(&record, before, after);
    compare(facts::state, (before, after), &mut |key, is, differs| {
        if differs {
            record.set(key, is.written());
        }
    });
    record.set(key::PROGRESS, Some(progress));
    record.text(2)
}

/// The value of `progress` in that record.
pub(crate) fn progress_over(record: &Object<'_>, before: &Task, after: &Task) -> String {
    let old = record.get(key::PROGRESS).unwrap_or_default();
    let mut progress = Object::within(old).unwrap_or_default();
    let tasks = (before, after);
    compare(facts::activity, tasks, &mut |key, is, differs| {
        // Two keys stand in every record of ours, whatever was there before.
        let always = [progress_key::TOOL_CALLS, progress_key::LAST_UPDATE].contains(&key);
        if differs || (always && progress.get(key).is_none()) {
            progress.set(key, is.written());
        }
    });
    let mut of_life = |key: &'static str, is: &Fact<'_>, differs: bool| {
        // When a cancel was asked for stays known after it had its way.
        let kept = [progress_key::CANCEL_AT, progress_key::CANCEL_GRACE].contains(&key);
        if differs && !(kept && *is == Fact::Absent) {
            progress.set(key, is.written());
        }
    };
    compare(facts::course, tasks, &mut of_life);
    compare(facts::wishes, tasks, &mut of_life);
    compare(facts::remains, tasks, &mut of_life);
    progress.text(4)
}

/// Hands each key of a part to `each`, with what it says of the second task and whether that differs from the first. A part at a
/// time, in a frame of its own: all of them would need 8 KB, and a supervisor keeps the deepest stack it ever had.
#[inline(never)]
fn compare<const N: usize>(
    part: fn(&Task) -> [Member<'_>; N],
    (before, after): (&Task, &Task),
    each: &mut dyn FnMut(&'static str, &Fact<'_>, bool),
) {
    for ((_, was), (key, is)) in part(before).iter().zip(&part(after)) {
        each(key, is, was != is);
    }
}

/// The text of a record with this value of `progress`, if that is newer than its own; `None` if it is not.
pub(crate) fn with_newer_progress(content: &[u8], progress: &str) -> Option<String> {
    let mut record = super::raw::parse(content).ok()?;
    let updated = |text: &str| -> Option<Timestamp> {
        let at: String = Object::within(text)?.value(progress_key::LAST_UPDATE)?;
        iso8601::read(&at, jiff::tz::TimeZone::system)
    };
    if updated(progress)? <= updated(record.get(key::PROGRESS)?)? {
        return None;
    }
    record.set(key::PROGRESS, Some(progress.to_owned()));
    Some(record.text(2))
}
