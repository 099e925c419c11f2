//! The arguments of the verbs that make a new task of one that has ended.

use clap::Args as ClapArgs;

use super::AutonomyArg;

/// Tries the same once more, as a new task linked to the old one
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: everything of this session that failed
  task-bg retry --failed --parent \"$TASK_BG_PARENT_SESSION\"")]
pub(crate) struct Retry {
    /// The tasks' ids, or the beginnings of them
    #[arg(value_name = "ID", required_unless_present = "failed")]
    pub(crate) ids: Vec<String>,
    /// All tasks that ended as errors and were not tried once more
    #[arg(long, conflicts_with = "ids")]
    pub(crate) failed: bool,
    /// Only those of this session
    #[arg(long, value_name = "SESSION", requires = "failed")]
    pub(crate) parent: Option<String>,
    /// How much it may do without asking, where that is to be another than before
    #[arg(long, value_enum)]
    pub(crate) autonomy: Option<AutonomyArg>,
}

/// Goes on in the session of a task that has ended, as a new task
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg resume bg_19c0 \"Now write the tests for it\"")]
pub(crate) struct Resume {
    /// The task's id, or the beginning of it
    pub(crate) id: String,
    /// What the agent is told next
    pub(crate) prompt: String,
    /// Goes on in a copy of the session, as it does where droid has no network
    #[arg(long)]
    pub(crate) fork: bool,
    /// How much it may do without asking, where that is to be another than before
    #[arg(long, value_enum)]
    pub(crate) autonomy: Option<AutonomyArg>,
}
