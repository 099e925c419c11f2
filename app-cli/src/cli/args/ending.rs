//! The arguments of the verbs that end tasks or remove them.

use clap::Args as ClapArgs;

use super::{Quiet, StatusArg, parse_duration};

/// Stops tasks and everything they started
///
/// Returns when nothing of them is left, or names what is.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg cancel --grace 3s bg_19c0")]
pub(crate) struct Cancel {
    /// The tasks: ids or what they begin or end with, names, or @1 for the newest
    #[arg(value_name = "ID", required_unless_present_any = ["parent", "all"])]
    pub(crate) ids: Vec<String>,
    /// All unfinished tasks of this session; several with commas
    #[arg(long, value_name = "SESSION,…", value_delimiter = ',',
          conflicts_with_all = ["ids", "all"])]
    pub(crate) parent: Vec<String>,
    /// All unfinished tasks
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
    /// How long they have between the polite signal and the last one
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) grace: std::time::Duration,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}

/// Ends a task by hand
///
/// Its agent is not stopped. The first ending wins: a task that has ended is refused.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg complete bg_19c0 \"All three call sites fixed\"")]
pub(crate) struct Complete {
    /// The task: its id or what that begins or ends with, its name, or @1 for the newest
    pub(crate) id: String,
    /// What it found
    #[arg(required_unless_present = "report")]
    pub(crate) result: Option<String>,
    /// What went wrong; then it ends as an error
    pub(crate) error: Option<String>,
    /// Takes both from a file, {"result": TEXT, "error": TEXT}; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "result")]
    pub(crate) report: Option<std::path::PathBuf>,
}

/// Stops and ends tasks that ran too long or fell silent
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example: what would expire, and why\n  task-bg prune --dry-run")]
pub(crate) struct Prune {
    /// Only says what would expire
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long agents have between the polite signal and the last one
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) grace: std::time::Duration,
    /// All, however many and however long the answer is
    #[arg(long)]
    pub(crate) all: bool,
}

/// Forgets what is only derived; with --delete, removes ended tasks and all their files
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: what completed more than a week ago; without --dry-run it is removed
  task-bg cleanup --delete --older-than 7d --status completed --dry-run

What an unfinished task waits for, or asks the result of, is kept.")]
pub(crate) struct Cleanup {
    /// Removes ended tasks and all their files
    #[arg(long)]
    pub(crate) delete: bool,
    /// Only says what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only those that ended at least so long ago
    #[arg(long, value_name = "TIME", requires = "delete", value_parser = parse_duration)]
    pub(crate) older_than: Option<std::time::Duration>,
    /// Only those with one of these statuses; several with commas
    #[arg(long, value_enum, value_name = "STATUS,…", value_delimiter = ',', requires = "delete")]
    pub(crate) status: Vec<StatusArg>,
}

/// Removes tasks that have ended, with all their files
///
/// The same as `cleanup --delete` for these tasks alone: what an unfinished task waits for is kept, and so is a worktree
/// in which work would be lost.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg rm bg_19c0 @2")]
pub(crate) struct Rm {
    /// The tasks: ids or what they begin or end with, names, or @1 for the newest
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// Only says what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}
