//! What a key of a record says, before it is written as text. Names no key of a record but those within a value.

use std::time::Duration;

use domain::task::{
    Briefing, CancelIntent, DroidSource, Job, ProcessId, Reason, Timestamp, Usage, Worktree,
};
use serde_json::Value;

use super::raw::{Object, json};
use super::{droid_key, intent_key, iso8601, process_key, usage_key, worktree_key};

/// What a key says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact<'a> {
    /// Nothing: the key is left out.
    Absent,
    Null,
    Text(&'a str),
    /// A text that is made of something else.
    Made(String),
    Texts(&'a [String]),
    Words(Vec<&'a str>),
    Number(i64),
    Count(u64),
    True,
    Time(Timestamp),
    /// In whole milliseconds, rounded up, so that a short time never becomes none at all.
    Millis(Duration),
    Process(&'a ProcessId),
    Processes(&'a [ProcessId]),
    Usage(Usage),
    Briefing(&'a Briefing),
    Worktree(&'a Worktree),
    Job(&'a Job),
    Intent(CancelIntent),
    /// Why a task that runs is to be stopped, where nobody asked for a cancel.
    Expiry(CancelIntent, Reason, &'a str),
}

impl Fact<'_> {
    /// As the text of a JSON value; `None` where the key is left out.
    pub(super) fn written(&self) -> Option<String> {
        Some(match self {
            Self::Absent => return None,
            Self::Null => json(&()),
            Self::Text(text) => json(text),
            Self::Made(text) => json(text),
            Self::Texts(texts) => json(texts),
            Self::Words(words) => json(words),
            Self::Number(number) => json(number),
            Self::Count(count) => json(count),
            Self::True => json(&true),
            Self::Time(at) => json(&iso8601::write(*at)),
            Self::Millis(span) => json(&millis(*span)),
            Self::Process(id) => process(id),
            Self::Processes(found) => processes(found),
            Self::Usage(used) => usage(*used),
            Self::Briefing(given) => droid(given),
            Self::Worktree(tree) => worktree(tree),
            Self::Job(job) => super::job::text(job),
            Self::Intent(stop) => intent(*stop).line(),
            Self::Expiry(stop, reason, message) => {
                let mut object = intent(*stop);
                object.set(intent_key::REASON, Some(json(&reason.word())));
                object.set(intent_key::MESSAGE, Some(json(message)));
                object.line()
            }
        })
    }

    /// As a JSON value, the one that its text is read as; `None` where the key is left out.
    pub(super) fn value(&self) -> Option<Value> {
        Some(match self {
            Self::Absent => return None,
            Self::Null => Value::Null,
            Self::Text(text) => (*text).into(),
            Self::Made(text) => text.as_str().into(),
            Self::Texts(texts) => texts.iter().map(String::as_str).collect(),
            Self::Words(words) => words.iter().copied().collect(),
            Self::Number(number) => (*number).into(),
            Self::Count(count) => (*count).into(),
            Self::True => true.into(),
            Self::Time(at) => iso8601::write(*at).into(),
            Self::Millis(span) => millis(*span).into(),
            Self::Process(_)
            | Self::Processes(_)
            | Self::Usage(_)
            | Self::Briefing(_)
            | Self::Worktree(_)
            | Self::Job(_)
            | Self::Intent(_)
            | Self::Expiry(..) => serde_json::from_str(&self.written()?).unwrap_or_default(),
        })
    }

    /// This, or `null` where there is none.
    pub(super) fn or_null(self) -> Self {
        if self == Self::Absent { Self::Null } else { self }
    }
}

fn intent(intent: CancelIntent) -> Object<'static> {
    let mut object = Object::default();
    object.set(intent_key::AT, Fact::Time(intent.at).written());
    object.set(intent_key::GRACE, Fact::Millis(intent.grace).written());
    object
}

fn worktree(worktree: &Worktree) -> String {
    let mut object = Object::default();
    object.set(worktree_key::PATH, Some(json(&worktree.path)));
    object.set(worktree_key::BRANCH, Some(json(&worktree.branch)));
    object.set(worktree_key::BASE, Some(json(&worktree.base)));
    object.set(worktree_key::REPOSITORY, Some(json(&worktree.repository)));
    object.line()
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn process(process: &ProcessId) -> String {
    let ProcessId { pid, start_time, boot_id } = process;
    let mut object = Object::default();
    object.set(process_key::PID, Some(json(pid)));
    object.set(process_key::START_TIME, Some(json(start_time)));
    object.set(process_key::BOOT_ID, Some(json(boot_id)));
    object.line()
}

fn processes(found: &[ProcessId]) -> String {
    let lines: Vec<String> = found.iter().map(process).collect();
    format!("[{}]", lines.join(","))
}

fn droid(briefing: &Briefing) -> String {
    let plugin = match &briefing.source {
        DroidSource::Plugin { id } => Some(id),
        DroidSource::Project | DroidSource::User | DroidSource::Builtin => None,
    };
    let mut object = Object::default();
    object.set(droid_key::SOURCE, Some(json(&briefing.source.word())));
    object.set(droid_key::PLUGIN, plugin.map(json));
    object.set(droid_key::PATH, briefing.path.as_ref().map(json));
    object.set(droid_key::NAMED, briefing.is_named.then(|| json(&true)));
    object.line()
}

fn usage(usage: Usage) -> String {
    let mut object = Object::default();
    let mut set = |key, count: u64| object.set(key, Some(json(&count)));
    set(usage_key::INPUT, usage.input_tokens);
    set(usage_key::OUTPUT, usage.output_tokens);
    set(usage_key::CACHE_READ, usage.cache_read_input_tokens);
    set(usage_key::CACHE_CREATION, usage.cache_creation_input_tokens);
    object.set(usage_key::COST, usage.cost_usd().map(|cost| json(&cost)));
    object.line()
}
