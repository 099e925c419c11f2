//! A line of a batch, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// One order of a batch: a JSON object on a line of its own. It has a `prompt`, or a `command`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Line {
    /// A label for people.
    description: Option<String>,
    /// What the agent is to do; `{{task:NAME.result}}` becomes what that line found.
    prompt: Option<String>,
    /// A command and its arguments, in place of a prompt.
    command: Option<Vec<String>>,
    /// Which droid.
    droid: Option<String>,
    /// What other lines and commands call it.
    name: Option<String>,
    /// Names or ids of what has to complete before it.
    after: Option<Vec<String>>,
    /// How long it may run: seconds, or a text such as `5m`; 0 for ever.
    timeout: Option<Span>,
    /// How much it may do without asking.
    autonomy: Option<Level>,
    /// Which model.
    model: Option<String>,
    /// A worktree of its own; a text names its branch.
    worktree: Option<YesOrName>,
    /// Which agent works.
    runner: Option<String>,
    /// How hard the model is to think.
    reasoning_effort: Option<String>,
    /// The folder to work in.
    cwd: Option<String>,
    /// A file that a command reads as its standard input.
    stdin: Option<String>,
    /// Variables of its environment.
    env: Option<BTreeMap<String, String>>,
    /// How long it may be silent.
    stale: Option<Span>,
    /// What to run once when it has ended: a line for the shell, or `desktop`.
    notify: Option<String>,
    /// The session that launches it.
    parent: Option<String>,
    /// Higher ones leave the queue first, from -128 to 127.
    priority: Option<i8>,
    /// Whether it starts only after it is released.
    hold: Option<bool>,
    /// Names or ids of what has to end before it, however it does.
    after_any: Option<Vec<String>>,
    /// Starts only after this time.
    start_in: Option<Span>,
    /// Starts only at this moment, such as `2026-11-23T08:00:00+01:00`.
    start_at: Option<String>,
    /// The same key never starts a second task.
    key: Option<String>,
    /// How often to try once more after a bad ending.
    retries: Option<u32>,
    /// After which endings.
    retry_on: Option<Vec<String>>,
    /// How long the next attempt waits.
    backoff: Option<Span>,
    /// Where it runs: `local`, `slurm`, `slurm:PARTITION` or `ssh:HOST`.
    on: Option<String>,
    /// Options of sbatch's own, for a task on Slurm.
    slurm: Option<Vec<String>>,
}

/// A span of time.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Span {
    /// In seconds.
    Seconds(f64),
    /// With its unit: `90s`, `5m`, `2h`, `1d`.
    Text(String),
}

/// How much an agent may do without asking.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Level {
    None,
    Low,
    Medium,
    High,
}

/// Whether, or under which name.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum YesOrName {
    /// Whether.
    Whether(bool),
    /// Under which name.
    Name(String),
}
