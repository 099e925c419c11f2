//! What the verbs over tasks answer.

use schemars::JsonSchema;

use super::records::{Ending, Session, Status, Survivor, WorktreePlace};

/// What stands in any answer.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Common {
    /// What has to be said besides, in words.
    note: Option<String>,
    /// The command that shows what was left out.
    more: Option<String>,
    /// What went wrong first, where something did.
    error: Option<String>,
    /// Its kind.
    code: Option<Code>,
    /// What can be done about it.
    hint: Option<String>,
    /// The task that this is about.
    task_id: Option<String>,
    /// The same id.
    id: Option<String>,
    /// The attempt that follows.
    retried_as: Option<String>,
}

/// A kind of failure, as the table of exit codes has them.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(super) enum Code {
    Unexpected,
    Usage,
    NotFound,
    Ambiguous,
    AlreadyEnded,
    WrongState,
    TooDeep,
    SettingsRefused,
    TaskFailed,
    TimedOut,
    LaunchFailed,
    StoreUnavailable,
    Unreadable,
}

/// Why a command did not do what it was asked.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Failure {
    /// What is wrong.
    error: String,
    /// Its kind, which decides the exit code.
    code: Code,
    /// What can be done about it.
    hint: Option<String>,
    /// The task that was recorded before it failed.
    task_id: Option<String>,
    /// The same id.
    id: Option<String>,
    /// The attempt that follows.
    retried_as: Option<String>,
}

/// A task that was launched: the answer of `launch` and `run`, and of `retry` and `resume` for one.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Launched {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// The session that the agent was given, where it takes one.
    session_id: Option<String>,
    /// The same session.
    #[schemars(rename = "session_id")]
    session: Option<String>,
    /// The session that launched it; `main` if none is known.
    #[schemars(rename = "parent_session_id")]
    parent: Session,
    /// The label.
    description: String,
    /// The droid; `command` for a command.
    agent: String,
    /// Where it is in its life.
    status: Status,
    /// The log for people.
    output_file: Option<String>,
    /// The command to go on with.
    next: String,
    /// The name it was given.
    name: Option<String>,
    /// Whether `--key` found a task that there was.
    existing: Option<bool>,
    /// Which attempt it is, from 2.
    attempt: Option<u32>,
    /// Its worktree.
    worktree: Option<WorktreePlace>,
}

/// Several tasks that were launched anew, and those that could not be: the answer of `retry`.
#[derive(JsonSchema)]
pub(super) struct Retried {
    /// Those that were launched.
    launched: Vec<Launched>,
    /// Those that were not.
    refused: Vec<Refused>,
    /// The command to go on with.
    next: Option<String>,
}

/// Something that could not be done for one of several tasks.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Refused {
    /// The task, as it was typed.
    task_id: String,
    /// The same.
    id: String,
    /// What is wrong.
    error: String,
    /// Its kind.
    code: Code,
}

/// A line of a batch that was launched.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct LaunchedLine {
    /// Its number, from 1.
    line: u64,
    /// The name that it gave itself.
    name: Option<String>,
    /// The task.
    task_id: String,
    /// The same id.
    id: String,
    /// Where the task was right after the launch.
    status: Status,
}

/// A line of a batch that was not launched.
#[derive(JsonSchema)]
struct RejectedLine {
    /// Its number, from 1.
    line: u64,
    /// What is wrong with it.
    error: String,
    /// What can be done about it.
    hint: Option<String>,
}

/// What became of the lines of a batch; with `--wait` also how the tasks ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Batched {
    /// Lines that are tasks now.
    launched: Vec<LaunchedLine>,
    /// Lines that are not.
    rejected: Vec<RejectedLine>,
    /// The command to go on with.
    next: Option<String>,
    /// With `--wait`: tasks that have ended.
    ended: Option<Vec<EndedTask>>,
    /// With `--wait`: tasks that have not.
    pending: Option<Vec<PendingTask>>,
    /// With `--wait`: whether its time ran out.
    timed_out: Option<bool>,
    /// With `--wait`: tasks that could not be judged.
    refused: Option<Vec<Refused>>,
}

/// A task that has ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct EndedTask {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// How it ended.
    status: Ending,
    /// Why, where that is a word.
    reason: Option<String>,
    /// The label.
    description: Option<String>,
    /// The beginning of what it found, or what went wrong.
    result: Option<String>,
    /// The command that shows all of it.
    output_command: Option<String>,
    /// What has to be said of it besides.
    note: Option<String>,
    /// Processes that live on.
    survivors: Option<Vec<Survivor>>,
}

/// A task that has not ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct PendingTask {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// Whether it waits or works.
    status: Status,
    /// The label.
    description: Option<String>,
    /// For how long, in milliseconds.
    elapsed_ms: Option<u64>,
    /// The tool that its agent used last.
    last_tool: Option<String>,
    /// What it said last.
    last_message: Option<String>,
    /// Why it waits, or how far it is to be believed.
    note: Option<String>,
}

/// How tasks that were waited for stand: the answer of `wait`, and of what takes `--wait`.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Waited {
    /// Those that have ended.
    ended: Vec<EndedTask>,
    /// Those that have not.
    pending: Vec<PendingTask>,
    /// Whether the time ran out.
    timed_out: bool,
    /// The command to go on with, where some have not ended.
    next: Option<String>,
    /// The task that was launched, of `launch --wait` and the like.
    task_id: Option<String>,
    /// The same id.
    id: Option<String>,
    /// In words, that there is nothing to wait for.
    idle: Option<String>,
    /// What ended lately, where there is nothing to wait for.
    recent: Option<Vec<EndedTask>>,
    /// Those that could not be judged.
    refused: Option<Vec<Refused>>,
}

/// What was cancelled, and what was not.
#[derive(JsonSchema)]
pub(super) struct Cancelled {
    /// Tasks that are cancelled now.
    cancelled: Vec<String>,
    /// Tasks that had ended, of which something was left and is gone now.
    stopped: Vec<String>,
    /// Tasks that were not.
    refused: Vec<Refused>,
    /// Processes that are still there.
    survivors: Vec<u32>,
    /// Tasks of which nobody can prove that nothing is left.
    unproved: Option<Vec<String>>,
}

/// A task that was given its ending from outside.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Completed {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// How it has ended.
    status: Ending,
    /// Whether this ended it.
    completed: bool,
    /// Why, where that is a word.
    reason: Option<String>,
    /// The label.
    description: String,
    /// What was kept beside an ending that was a conclusion.
    late_result: Option<String>,
}

/// What one task wrote, as far as it fits.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Output {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// The label.
    description: String,
    /// The text; null where there is none yet.
    output: Option<String>,
    /// Where the task is in its life.
    status: Status,
    /// How long the whole is, in bytes.
    total_bytes: u64,
    /// Whether something is left out.
    truncated: bool,
    /// The file.
    output_file: Option<String>,
    /// Where to go on, for `--since`.
    next_offset: Option<u64>,
    /// What is left out in the middle.
    gap: Option<Gap>,
}

/// A part that is left out.
#[derive(JsonSchema)]
struct Gap {
    /// Where it begins, in bytes.
    offset: u64,
    /// How long it is, in bytes.
    bytes: u64,
    /// The command that shows it.
    command: String,
}

/// What several tasks wrote.
#[derive(JsonSchema)]
pub(super) struct Outputs {
    /// A task each.
    outputs: Vec<Output>,
    /// Those of which nothing could be read.
    refused: Option<Vec<Refused>>,
    /// How many there was no room for.
    omitted: Option<u64>,
}

/// What a task changed in its worktree.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Diff {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// The difference, as git writes it.
    diff: String,
    /// The files that differ.
    files: Vec<serde_json::Value>,
    /// How many files are not named.
    omitted: u64,
    /// How many commits it made.
    ahead: u64,
    /// Whether something is not committed.
    dirty: bool,
    /// Whether the difference is cut.
    truncated: bool,
}
