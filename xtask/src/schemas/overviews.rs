//! What the verbs over the whole store answer: prune, cleanup, the report and the queue.

use schemars::JsonSchema;

use super::answers::Refused;
use super::records::{Status, Unreadable};

/// A report for an agent's own answer.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Report {
    /// The session, where one is meant.
    parent: Option<String>,
    /// The sessions that are meant.
    parents: Vec<String>,
    /// How many tasks there are.
    total: u64,
    /// How many are in each state.
    counts: Counts,
    /// The tasks.
    tasks: Vec<ReportedTask>,
    /// Those that completed.
    completed: Vec<String>,
    /// Those that ended otherwise.
    not_completed: Vec<String>,
    /// Those that have not ended.
    still_running: Vec<String>,
    /// How many were left out.
    omitted: u64,
    /// Files that are no record.
    unreadable: Vec<Unreadable>,
}

/// A page that was written.
#[derive(JsonSchema)]
pub(super) struct Page {
    /// Its file.
    html: String,
    /// How many tasks it shows.
    tasks: u64,
    /// How long it is.
    bytes: u64,
}

/// How many tasks are in each state.
#[derive(JsonSchema)]
struct Counts {
    /// How many work.
    running: u64,
    /// How many wait.
    queued: u64,
    /// How many completed.
    completed: u64,
    /// How many failed.
    error: u64,
    /// How many were cancelled.
    cancelled: u64,
}

/// A task in a report.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct ReportedTask {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// The droid; `command` for a command.
    droid: Option<String>,
    /// Where it is in its life.
    status: Status,
    /// Why it ended so, as a word.
    reason: Option<String>,
    /// The label.
    description: Option<String>,
    /// The gist of what it found.
    result: Option<String>,
    /// The command that shows all of it.
    output_command: Option<String>,
    /// What has to be said of it besides.
    note: Option<String>,
}

/// Who waits, and how many may run: the answer of `queue` and `release`.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Queue {
    /// Whether nobody is admitted.
    paused: bool,
    /// How many run.
    running: u64,
    /// How many may.
    max_running: u64,
    /// Who says so.
    max_running_source: String,
    /// How many of each group run.
    running_by_group: std::collections::BTreeMap<String, u64>,
    /// The limits of groups.
    limits: std::collections::BTreeMap<String, u64>,
    /// Those that wait, in order.
    waiting: Vec<String>,
    /// Of `release`: those that may start now.
    released: Option<Vec<String>>,
    /// Of `release`: those that could not be released.
    refused: Option<Vec<Refused>>,
}

/// What `prune` ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Pruned {
    /// The tasks it ended.
    removed: Vec<String>,
    /// The same with why.
    details: Vec<PrunedTask>,
    /// Tasks that gave a sign of life in time.
    spared: Vec<String>,
    /// Tasks that could not be ended.
    refused: Vec<Refused>,
    /// Processes that are still there.
    survivors: Vec<u32>,
    /// Whether it only says what it would do.
    dry_run: bool,
}

/// A task that `prune` ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct PrunedTask {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// Why, as a word.
    reason: String,
    /// Why, as a sentence.
    detail: String,
}

/// What `cleanup` and `rm` removed and kept.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Cleaned {
    /// That it was done.
    cleaned: bool,
    /// How many files of no task were removed.
    swept: u64,
    /// Tasks that were removed.
    deleted: Vec<String>,
    /// Tasks that stay, with why.
    kept: Vec<KeptTask>,
    /// Worktrees that stay, with why.
    worktrees_kept: Vec<KeptWorktree>,
    /// Files that are no record.
    unreadable: Vec<Unreadable>,
    /// Of the removed ones, those of which no session was told.
    untold: Vec<String>,
    /// Whether it only says what it would do.
    dry_run: bool,
    /// Of `rm`: tasks that could not be removed.
    refused: Option<Vec<Refused>>,
}

/// A task that stays.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct KeptTask {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// Why.
    error: String,
    /// What can be done about it.
    hint: Option<String>,
}

/// A worktree that stays.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct KeptWorktree {
    /// The task's id.
    task_id: String,
    /// The same id.
    id: String,
    /// Where it is.
    path: String,
    /// Its branch.
    branch: String,
    /// Why it stays.
    why: serde_json::Value,
}
