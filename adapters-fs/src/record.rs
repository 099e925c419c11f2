//! The wire format of a record: the only place that knows it.
//!
//! A record is one JSON object. Its top-level keys are exactly the original's, since the original
//! drops a task that has any other; what is ours lives under `progress`. A changed task is written
//! over the text that was read: [`encode`] sets only what changed, and everything that this version
//! does not understand stays as it was, to the byte. Reading is strict at the top level, where a
//! mistake would change what a task is, and lenient below: what makes no sense under `progress`
//! counts as absent. Half a character in a text counts as U+FFFD and stays as it was written. No file is
//! touched here.

mod decode;
mod encode;
mod fact;
mod facts;
mod iso8601;
mod job;
mod raw;
mod sketch;

use domain::task::{Task, TaskId};
use serde_json::{Map, Value};

pub(crate) use encode::{first, over, progress_over, with_newer_progress};
pub(crate) use raw::Object;
pub(crate) use sketch::sketch;

/// The top-level keys, in the order a new record has them.
mod key {
    pub(super) const ID: &str = "id";
    pub(super) const SESSION: &str = "session_id";
    pub(super) const PARENT: &str = "parent_session_id";
    pub(super) const DESCRIPTION: &str = "description";
    pub(super) const PROMPT: &str = "prompt";
    pub(super) const AGENT: &str = "agent";
    pub(super) const STATUS: &str = "status";
    pub(super) const STARTED: &str = "started_at";
    pub(super) const QUEUED: &str = "queued_at";
    pub(super) const COMPLETED: &str = "completed_at";
    pub(super) const RESULT: &str = "result";
    pub(super) const ERROR: &str = "error";
    pub(super) const PROGRESS: &str = "progress";
    pub(super) const CONCURRENCY: &str = "concurrency_key";
    pub(super) const MODEL: &str = "parent_model";
}

/// The keys under `progress`, the original's first.
mod progress_key {
    pub(super) const TOOL_CALLS: &str = "toolCalls";
    pub(super) const LAST_UPDATE: &str = "lastUpdate";
    pub(super) const LAST_TOOL: &str = "lastTool";
    pub(super) const LAST_MESSAGE: &str = "lastMessage";
    pub(super) const LAST_MESSAGE_AT: &str = "lastMessageAt";
    pub(super) const OUTPUT_FILE: &str = "outputFile";
    pub(super) const REASON: &str = "reason";
    pub(super) const EXIT_CODE: &str = "exitCode";
    pub(super) const SIGNAL: &str = "signal";
    pub(super) const RUNNER: &str = "runner";
    pub(super) const AUTONOMY: &str = "autonomy";
    pub(super) const ARGV: &str = "argv";
    pub(super) const DROID_SESSION: &str = "droidSessionId";
    pub(super) const SUPERVISOR: &str = "supervisor";
    pub(super) const ADOPTIONS: &str = "adoptions";
    pub(super) const AGENT_PROCESS: &str = "agentProcess";
    pub(super) const CGROUP: &str = "cgroup";
    pub(super) const DROID: &str = "droid";
    pub(super) const EFFORT: &str = "reasoningEffort";
    pub(super) const TOOLS: &str = "tools";
    pub(super) const CWD: &str = "cwd";
    pub(super) const TIMEOUT: &str = "timeoutMs";
    pub(super) const USAGE: &str = "usage";
    pub(super) const REFUSED: &str = "refused";
    pub(super) const UNAPPLIED: &str = "notApplied";
    pub(super) const TOOLS_IN_FLIGHT: &str = "toolsInFlight";
    pub(super) const CANCEL_AT: &str = "cancelRequestedAt";
    pub(super) const CANCEL_GRACE: &str = "cancelGraceMs";
    pub(super) const HELD: &str = "held";
    pub(super) const SILENCE: &str = "staleMs";
    pub(super) const NOTIFY: &str = "notify";
    pub(super) const PRIORITY: &str = "priority";
    pub(super) const AFTER: &str = "after";
    pub(super) const AFTER_ANY: &str = "afterAny";
    pub(super) const NOT_BEFORE: &str = "notBefore";
    pub(super) const KEY: &str = "key";
    pub(super) const NAME: &str = "name";
    pub(super) const AT_MOST: &str = "maxRunning";
    pub(super) const LAUNCHED_BY: &str = "launchedBy";
    pub(super) const ATTEMPT: &str = "attempt";
    pub(super) const RETRY_OF: &str = "retryOf";
    pub(super) const RETRIED_AS: &str = "retriedAs";
    pub(super) const RETRIES_LEFT: &str = "retriesLeft";
    pub(super) const RETRY_ON: &str = "retryOn";
    pub(super) const BACKOFF: &str = "backoffMs";
    pub(super) const RESUME_OF: &str = "resumeOf";
    pub(super) const CONTINUES: &str = "continuesSession";
    pub(super) const FORKS: &str = "forksSession";
    pub(super) const STDIN: &str = "stdin";
    pub(super) const WORKTREE: &str = "worktree";
    pub(super) const STARTED_AWAKE: &str = "startedAwakeMs";
    pub(super) const LAST_AWAKE: &str = "lastAwakeMs";
    pub(super) const HOST: &str = "host";
    pub(super) const SLURM: &str = "slurm";
    pub(super) const CLUSTER_OPTIONS: &str = "slurmOptions";
    pub(super) const TARGET: &str = "target";
    pub(super) const REMOTE_ID: &str = "remoteId";
    pub(super) const LATE_RESULT: &str = "lateResult";
    pub(super) const EXPIRY: &str = "expiry";
    pub(super) const STOP: &str = "stopRequested";
    pub(super) const SURVIVORS: &str = "survivors";
    pub(super) const SURVIVOR_COUNT: &str = "survivorCount";
    pub(super) const SURVIVORS_IN_GROUP: &str = "survivorsInGroup";
    pub(super) const LOG_BYTES: &str = "logBytes";
    pub(super) const LOG_LOST: &str = "logLost";
    pub(super) const LOG_LIMIT: &str = "maxLogBytes";
    pub(super) const STORE: &str = "store";
}

/// The keys of a process.
mod process_key {
    pub(super) const PID: &str = "pid";
    pub(super) const START_TIME: &str = "startTime";
    pub(super) const BOOT_ID: &str = "bootId";
}

/// The keys of an intent to stop a task.
mod intent_key {
    pub(super) const AT: &str = "at";
    pub(super) const GRACE: &str = "graceMs";
    pub(super) const REASON: &str = "reason";
    pub(super) const MESSAGE: &str = "message";
}

/// The keys of where a droid is defined.
mod droid_key {
    pub(super) const SOURCE: &str = "source";
    pub(super) const PLUGIN: &str = "plugin";
    pub(super) const PATH: &str = "path";
    pub(super) const NAMED: &str = "named";
}

/// The keys of what an agent used up.
mod usage_key {
    pub(super) const INPUT: &str = "inputTokens";
    pub(super) const OUTPUT: &str = "outputTokens";
    pub(super) const CACHE_READ: &str = "cacheReadInputTokens";
    pub(super) const CACHE_CREATION: &str = "cacheCreationInputTokens";
    pub(super) const COST: &str = "costUsd";
}

/// The keys under `worktree`.
mod worktree_key {
    pub(super) const PATH: &str = "path";
    pub(super) const BRANCH: &str = "branch";
    pub(super) const BASE: &str = "base";
    pub(super) const REPOSITORY: &str = "repository";
}

/// A record as it was read: the task it holds, and the text it holds it in.
pub(crate) struct Record<'a> {
    /// The task.
    pub(crate) task: Task,
    /// The text, member by member.
    pub(crate) raw: Object<'a>,
}

/// Reads a record that lies in the file of the task `id`.
///
/// # Errors
/// Why it cannot be read, as a sentence for people.
pub(crate) fn read<'a>(content: &'a [u8], id: &TaskId) -> Result<Record<'a>, Unfit> {
    let raw = raw::parse(content)?;
    let task = decode::task(&raw, id)?;
    Ok(Record { task, raw })
}

/// The text of the record that a task would have if it were recorded now, as one JSON object.
pub fn record_text(task: &Task) -> String {
    first(task)
}

/// The task that this text is the record of.
///
/// # Errors
/// Why it is none, as a sentence.
pub fn task_of(text: &str, id: &TaskId) -> Result<Task, String> {
    read(text.as_bytes(), id).map(|record| record.task).map_err(|unfit| unfit.to_string())
}

/// The members of the object that [`record_text`] gives.
pub fn record_members(task: &Task) -> Map<String, Value> {
    encode::members(task, |_| true)
}

/// The same with those keys of `progress` alone that are `wanted`, for whoever shows many.
pub fn record_part(task: &Task, wanted: &[&str]) -> Map<String, Value> {
    encode::members(task, |key| wanted.contains(&key))
}

/// Why a file is no record of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// It lost its content, as after a crash of the whole machine.
    #[error("it is filled with NUL bytes, as a file is whose content was lost in a crash")]
    Nul,
    /// Bytes that are no text.
    #[error("it is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first such byte.
        at: usize,
    },
    /// It ends too early.
    #[error("it is cut off at line {line}, column {column}")]
    CutOff {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// Some other text.
    #[error("it is no JSON: {reason}")]
    NotJson {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// JSON, but a list, a text or a number.
    #[error("it is JSON, but no object")]
    NotAnObject,
    /// Something else keeps its own files here.
    #[error("it is another program's record: {sign}")]
    Foreign {
        /// What gives it away.
        sign: String,
    },
    /// A key that every record has is not there.
    #[error("it has no `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value that cannot stand there.
    #[error("its `{key}` is {found}, not {wanted}")]
    Wrong {
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// It lies in the file of another task.
    #[error("its `id` is `{found}`, which is not the name of its file")]
    Misnamed {
        /// The id in the record.
        found: String,
    },
}

#[cfg(test)]
mod tests;
