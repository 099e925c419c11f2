//! Processes of task-bg: who is whose parent, which descriptors are open, and what each death does.
//!
//! # Theory of operation
//!
//! ```text
//! task-bg launch ──spawns──▶ task-bg __supervise ID ──spawns──▶ agent ──▶ its tools …
//!     │  holds the life lock     stdin  = the life lock           stdin  = the prompt (memory file)
//!     │  hands it over           stdout = pipe to the launcher    stdout = ID.events.jsonl or ID.out
//!     └─ reads what it says      stderr = /dev/null               stderr = ID.out
//! ```
//!
//! * Whoever starts a supervisor (a launcher, or whoever admits a queued task) holds the life lock and hands
//!   it over as the supervisor's standard input. It reads the pipe, a line each: `detached`, then `started` or
//!   why not. A launcher waits for the second line, whoever admits for the first.
//! * The supervisor closes every descriptor it inherited but its three, leaves the caller's session, and stands
//!   in `/`, so that it keeps nothing of the caller open or busy, and no signal to the caller's group reaches it.
//!   It blocks and ignores no signal that only the caller blocked or ignored, and neither does the agent. Once
//!   it has said how the start went, its standard output is `/dev/null` too.
//! * It is the child subreaper: a process of the agent's whose parent dies becomes its child, in
//!   whatever session it is. The agent leads a process group of its own.
//! * It is not in the data path. The agent writes straight into files, so the supervisor's death
//!   costs no output; the kernel then frees the life lock, and the next reader knows.
//! * The launcher's death after the hand-over changes nothing. Its death before leaves a queued
//!   record with a free life lock: the next reader ends the task, or lets it wait again where its environment
//!   is still kept.
//! * The agent's death wakes the supervisor. It reads the rest of the event stream, has the machine decide the
//!   ending, records that, removes what was kept for the task and the life lock's name, and frees the lock, which
//!   wakes whoever waits. Then it starts the supervisors of the queued tasks that there is room for, and exits, unless
//!   something outlives the task and has a log open: it keeps the bound of that, and exits with the last of it.
//!
//! This crate never builds a path of the store, and never prints.

pub mod agents;
pub mod at_end;
pub mod clock;
pub mod effect;
pub mod entropy;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod git;
pub mod limits;
pub mod local;
mod plain_file;
pub mod probe;
pub mod remote;
pub mod slurm;

/// The environment variable that names the task a process belongs to.
pub const TASK_ID_VARIABLE: &str = "TASK_BG_TASK_ID";
/// The environment variable that says how many tasks deep a process is.
pub const DEPTH_VARIABLE: &str = "TASK_BG_DEPTH";
/// The environment variable that keeps tasks out of control groups, if it is `off`.
pub const CGROUPS_VARIABLE: &str = "TASK_BG_CGROUPS";
/// The environment variable that names the session which launches tasks.
pub const PARENT_SESSION_VARIABLE: &str = "TASK_BG_PARENT_SESSION";
/// The environment variable that marks a supervisor, which belongs to no task.
pub const SUPERVISOR_VARIABLE: &str = "__TASK_BG_SUPERVISES";
/// The environment variable by which the process of a cluster's job knows how many milliseconds the cluster leaves between
/// SIGTERM and SIGKILL when it ends the job, less what a record takes.
pub const MOST_GRACE_VARIABLE: &str = "__TASK_BG_MOST_GRACE";
/// The hidden verb that admits queued tasks at a moment to come.
pub const REMIND_VERB: &str = "__remind";
/// The hidden verb that makes the program a supervisor.
pub const SUPERVISE_VERB: &str = "__supervise";
