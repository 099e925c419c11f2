//! Processes of task-bg: who is whose parent, which descriptors are open, and what each death does.
//!
//! # Theory of operation
//!
//! ```text
//! task-bg launch ──spawns──▶ task-bg __supervise ID ──spawns──▶ agent ──▶ its tools …
//!     │  holds the life lock     stdin  = the life lock           stdin  = the prompt (memory file)
//!     │  hands it over           stdout = pipe to the launcher    stdout = ID.events.jsonl or ID.out
//!     └─ waits for one line      stderr = /dev/null               stderr = ID.out
//! ```
//!
//! * The supervisor leaves the caller's session, closes every descriptor it inherited but its three,
//!   and stands in `/`, so that nothing of the caller is kept open or busy. Once it has said how the
//!   start went, its standard output is `/dev/null` too.
//! * It is the child subreaper: a process of the agent's whose parent dies becomes its child, in
//!   whatever session it is. The agent leads a process group of its own.
//! * It is not in the data path. The agent writes straight into files, so the supervisor's death
//!   costs no output; the kernel then frees the life lock, and the next reader knows.
//! * The launcher's death after the hand-over changes nothing. Its death before leaves a queued
//!   record with a free life lock, which the next reader ends.
//! * The agent's death wakes the supervisor, which reads the rest of the event stream, decides the
//!   ending, records it, removes the life lock's name and exits; the exit frees the lock itself, and
//!   that wakes whoever waits.
//!
//! This crate never builds a path of the store, and never prints.

pub mod agents;
pub mod clock;
pub mod entropy;
pub mod git;
pub mod local;
pub mod probe;

/// The environment variable that names the task a process belongs to.
pub const TASK_ID_VARIABLE: &str = "TASK_BG_TASK_ID";
/// The environment variable that says how many tasks deep a process is.
pub const DEPTH_VARIABLE: &str = "TASK_BG_DEPTH";
/// The environment variable that marks a supervisor, which belongs to no task.
pub const SUPERVISOR_VARIABLE: &str = "__TASK_BG_SUPERVISES";
/// The hidden verb that lets queued tasks in at a moment to come.
pub const REMIND_VERB: &str = "__remind";
/// The hidden verb that makes the program a supervisor.
pub const SUPERVISE_VERB: &str = "__supervise";
