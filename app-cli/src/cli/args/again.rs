//! The arguments of the verbs that make a new task of one that has ended.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use domain::task::Target;

use super::{AutonomyArg, EnvArg, Length, Quiet, parse_cluster_option, parse_target};

/// Tries the same once more, as a new task linked to the old one
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: everything of this session that failed
  task-bg retry --failed --parent \"$TASK_BG_PARENT_SESSION\"")]
pub(crate) struct Retry {
    /// The tasks: ids or what they begin or end with, names, or @1 for the newest
    #[arg(value_name = "ID", required_unless_present = "failed")]
    pub(crate) ids: Vec<String>,
    /// All tasks that ended as errors and were not tried once more
    #[arg(long, conflicts_with = "ids")]
    pub(crate) failed: bool,
    /// Only those of this session; several with commas
    #[arg(
        long,
        value_name = "SESSION,…",
        value_delimiter = ',',
        requires = "failed",
        conflicts_with = "ids"
    )]
    pub(crate) parent: Vec<String>,
    /// How much it may do without asking, where that is to be another than before
    #[arg(long, value_enum)]
    pub(crate) autonomy: Option<AutonomyArg>,
    /// Where it runs, where that is to be elsewhere than before: local, slurm, slurm:PARTITION or ssh:HOST
    #[arg(long, value_name = "TARGET", value_parser = parse_target)]
    pub(crate) on: Option<Target>,
    /// An option of sbatch's own for a task on Slurm, as in --slurm=--gres=gpu:1; may be repeated
    #[arg(long, value_name = "OPT", allow_hyphen_values = true, value_parser = parse_cluster_option)]
    pub(crate) slurm: Vec<String>,
    /// Sets a variable in its environment; may be repeated
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(crate) env: Vec<EnvArg>,
    /// The same key never starts a second task; the answer is then the first one
    #[arg(long, conflicts_with = "failed")]
    pub(crate) key: Option<String>,
    /// Waits until all have ended, for at most TIME [default: 50s, on a terminal for ever]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_missing_value = "usual", value_parser = Length::parse)]
    pub(crate) wait: Option<Length>,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}

/// Goes on in the session of a task that has ended, as a new task
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg resume bg_19c0 \"Now write the tests for it\"")]
pub(crate) struct Resume {
    /// The task: its id or what that begins or ends with, its name, or @1 for the newest
    pub(crate) id: String,
    /// What the agent is told next
    #[arg(required_unless_present = "prompt_file")]
    pub(crate) prompt: Option<String>,
    /// Reads the prompt from a file, or from standard input if FILE is -
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    pub(crate) prompt_file: Option<PathBuf>,
    /// Goes on in a copy of the session, as it does where droid has no network
    #[arg(long)]
    pub(crate) fork: bool,
    /// How much it may do without asking, where that is to be another than before
    #[arg(long, value_enum)]
    pub(crate) autonomy: Option<AutonomyArg>,
    /// Sets a variable in its environment; may be repeated
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(crate) env: Vec<EnvArg>,
    /// The same key never starts a second task; the answer is then the first one
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Waits until it has ended, for at most TIME [default: 50s, on a terminal for ever]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_missing_value = "usual", value_parser = Length::parse)]
    pub(crate) wait: Option<Length>,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}
