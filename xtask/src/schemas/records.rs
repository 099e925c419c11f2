//! A task as answers have it: its record, with what is known besides.

use schemars::JsonSchema;
use serde_json::Value;

/// The session that launched a task; `main` if none is known.
pub(super) type Session = String;

/// Where a task is in its life.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum Status {
    Queued,
    Running,
    Completed,
    Error,
    Cancelled,
}

/// How a task ended.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub(super) enum Ending {
    Completed,
    Error,
    Cancelled,
}

/// A file that is no record, or none that can be read.
#[derive(JsonSchema)]
pub(super) struct Unreadable {
    /// Its name.
    file: String,
    /// Why.
    reason: String,
}

/// The worktree of a task.
#[derive(JsonSchema)]
pub(super) struct WorktreePlace {
    /// Where it is.
    path: String,
    /// Its branch.
    branch: String,
}

/// A process that lives on after the end of its task.
pub(super) type Survivor = Value;

/// The tasks, newest first, and how many there are of each status.
#[derive(JsonSchema)]
pub(super) struct Listed {
    /// How many were counted.
    total: u64,
    /// How many work.
    running: u64,
    /// How many wait.
    queued: u64,
    /// How many completed; not counted where only unfinished ones are asked for.
    completed: Option<u64>,
    /// How many failed; not counted where only unfinished ones are asked for.
    error: Option<u64>,
    /// How many were cancelled; not counted where only unfinished ones are asked for.
    cancelled: Option<u64>,
    /// The tasks: the keys of a record that say something, with texts cut.
    tasks: Vec<Row>,
    /// How many were left out.
    omitted: u64,
    /// Files that are no record.
    unreadable: Vec<Unreadable>,
    /// That the logs of ended tasks take more than `ended_logs`.
    #[schemars(rename = "endedLogs")]
    ended_logs: Option<EndedLogs>,
}

/// How much of the disk the logs of ended tasks take.
#[derive(JsonSchema)]
struct EndedLogs {
    /// How much they take, in bytes.
    bytes: u64,
    /// The amount above which that is said, in bytes.
    limit: u64,
    /// The command that frees some.
    fix: String,
}

/// A task in a list: of its record what says something.
#[derive(JsonSchema)]
struct Row {
    /// The id.
    id: String,
    /// The same id.
    #[schemars(rename = "taskId")]
    task_id: Option<String>,
    /// Where it is in its life.
    status: Status,
    /// The session of its agent.
    session_id: Option<String>,
    /// The session that launched it.
    parent_session_id: Option<Session>,
    /// The label.
    description: Option<String>,
    /// The beginning of the prompt, or of the command line.
    prompt: Option<String>,
    /// The droid; `command` for a command.
    agent: Option<String>,
    /// When it began to work, in UTC.
    started_at: Option<String>,
    /// When it was ordered, in UTC.
    queued_at: Option<String>,
    /// When it ended, in UTC.
    completed_at: Option<String>,
    /// The beginning of what it found.
    result: Option<String>,
    /// What went wrong.
    error: Option<String>,
    /// What a reader acts on.
    progress: Option<Value>,
    /// The group that shares a limit.
    concurrency_key: Option<String>,
    /// The model of the session that launched it.
    parent_model: Option<String>,
    /// How far it is to be believed.
    note: Option<String>,
}

/// All that is known of several tasks.
#[derive(JsonSchema)]
pub(super) struct Records {
    /// A task each, those that were found.
    tasks: Vec<Record>,
    /// The others.
    refused: Vec<super::answers::Refused>,
    /// How many there was no room for.
    omitted: Option<u64>,
}

/// All that is known of one task: its record, and what stands beside it.
#[derive(JsonSchema)]
pub(super) struct Record {
    /// The id.
    id: String,
    /// The same id.
    #[schemars(rename = "taskId")]
    task_id: String,
    /// The session of its agent.
    session_id: Option<String>,
    /// The session that launched it.
    parent_session_id: Session,
    /// The label.
    description: String,
    /// The prompt, or the command line.
    prompt: String,
    /// The droid; `command` for a command.
    agent: String,
    /// Where it is in its life.
    status: Status,
    /// When it began to work, in UTC.
    started_at: Option<String>,
    /// When it was ordered, in UTC.
    queued_at: Option<String>,
    /// When it ended, in UTC.
    completed_at: Option<String>,
    /// What it found.
    result: Option<String>,
    /// What went wrong.
    error: Option<String>,
    /// What task-bg knows besides; `lastUpdate` is always there.
    progress: Progress,
    /// The group that shares a limit.
    concurrency_key: Option<String>,
    /// The model of the session that launched it.
    parent_model: Option<String>,
    /// Every attempt at it, where there were several.
    attempts: Option<Vec<Attempt>>,
    /// What changed in its worktree.
    #[schemars(rename = "worktreeChanges")]
    worktree_changes: Option<Value>,
    /// Processes that live on.
    survivors: Option<Vec<Survivor>>,
    /// Which texts were cut, and how long they are.
    cut: Option<Value>,
    /// What is to be said of it besides.
    note: Option<String>,
}

/// What task-bg knows of a task besides what the original recorded. There are more keys, for its own use.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", extend("additionalProperties" = true))]
struct Progress {
    /// The last sign of life, in UTC.
    last_update: Option<String>,
    /// How many tools its agent has used.
    tool_calls: Option<u64>,
    /// The tool that its agent used last.
    last_tool: Option<String>,
    /// What it said last.
    last_message: Option<String>,
    /// When, in UTC.
    last_message_at: Option<String>,
    /// The log for people.
    output_file: Option<String>,
    /// Why it ended so, as a word.
    reason: Option<String>,
    /// How its process exited.
    exit_code: Option<i32>,
    /// The signal that ended its process.
    signal: Option<i32>,
    /// Which agent works: `droid`, `claude`, …, or `command`.
    runner: Option<String>,
    /// How much it may do.
    autonomy: Option<String>,
    /// The session, as the agent calls it.
    droid_session_id: Option<String>,
    /// The process that looks after it.
    supervisor: Option<Process>,
    /// Its own process.
    agent_process: Option<Process>,
    /// The folder it works in.
    cwd: Option<String>,
    /// How long it may run, in milliseconds.
    timeout_ms: Option<u64>,
    /// What it used: tokens, dollars.
    usage: Option<Value>,
    /// What it was not allowed to do, and went on without.
    refused: Option<Value>,
    /// The tasks that have to complete before it.
    after: Option<Vec<String>>,
    /// The key under which it starts once only.
    key: Option<String>,
    /// Its own name.
    name: Option<String>,
    /// Which attempt it is.
    attempt: Option<u32>,
    /// The task that it tries again.
    retry_of: Option<String>,
    /// The task that tries it again.
    retried_as: Option<String>,
    /// The task whose session it goes on in.
    resume_of: Option<String>,
    /// Its worktree.
    worktree: Option<Value>,
    /// The job that runs it on a cluster: `jobId`, `cluster`, `partition`, `state`, `reason`, `submittedAt`, `askedAt`,
    /// `exitCode`.
    slurm: Option<Value>,
    /// Options of sbatch's own that its job got.
    slurm_options: Option<Vec<String>>,
    /// The machine it runs on.
    host: Option<String>,
    /// Where it was placed, as after `--on`; absent for a task of the machine that recorded it.
    target: Option<String>,
    /// Its id on the machine that keeps it, for a task on `ssh:HOST`.
    remote_id: Option<String>,
    /// What was found after an ending that was a conclusion.
    late_result: Option<String>,
    /// Its place among those that wait, from 1.
    queue_position: Option<u64>,
    /// Why it waits, or how far it is to be believed.
    note: Option<String>,
}

/// A process, so that nobody takes another one for it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Process {
    /// Its number.
    pid: u32,
    /// When it began, in clock ticks since the machine did.
    start_time: Option<u64>,
    /// Since which boot.
    boot_id: Option<String>,
}

/// One attempt at a task.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct Attempt {
    /// The id.
    task_id: String,
    /// The same id.
    id: String,
    /// Which one it is, from 1.
    attempt: u32,
    /// Where it is in its life.
    status: Status,
    /// Why it ended so, as a word.
    reason: Option<String>,
}
