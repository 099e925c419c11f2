//! The options that `launch` and `run` share: where, how long, after what, and whether again.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use domain::task::{Dependence, Retries, Target, TaskName, Timestamp};

use super::{
    EnvArg, Length, ReasonArg, parse_cluster_option, parse_duration, parse_moment, parse_name,
    parse_priority, parse_target,
};

/// What `launch` and `run` have in common.
#[derive(Debug, ClapArgs)]
pub(crate) struct Terms {
    /// What to call the task in place of its id; of several, the newest is meant
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(crate) name: Option<TaskName>,
    /// Where it runs: local, slurm, slurm:PARTITION or ssh:HOST [default: as the setting `on` says]
    #[arg(long, value_name = "TARGET", value_parser = parse_target)]
    pub(crate) on: Option<Target>,
    /// An option of sbatch's own for a task on Slurm, as in --slurm=--gres=gpu:1; may be repeated
    #[arg(long, value_name = "OPT", allow_hyphen_values = true, value_parser = parse_cluster_option)]
    pub(crate) slurm: Vec<String>,
    /// The folder to work in [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// How long it may run: 90s, 5m, 2h, 1d, or plain seconds; 0 for ever
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// How long it may be silent before `prune` ends it; 0 for ever
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) stale: Option<std::time::Duration>,
    /// Works in a git worktree of its own, on a new branch `task-bg/NAME` [default NAME: its id]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub(crate) worktree: Option<String>,
    #[command(flatten)]
    pub(crate) waits: Waits,
    #[command(flatten)]
    pub(crate) again: Again,
    /// Sets a variable in its environment; may be repeated
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(crate) env: Vec<EnvArg>,
    /// What to run once when it has ended: a line for the shell, or desktop; '' for nothing
    #[arg(long, value_name = "CMD")]
    pub(crate) notify: Option<String>,
    /// The session that launches it [default: `$TASK_BG_PARENT_SESSION`]
    #[arg(long, value_name = "SESSION")]
    pub(crate) parent: Option<String>,
    /// Waits until it has ended, for at most TIME [default: 50s, on a terminal for ever]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_missing_value = "usual", value_parser = Length::parse)]
    pub(crate) wait: Option<Length>,
}

/// What a task waits for before it starts.
#[derive(Debug, ClapArgs)]
pub(crate) struct Waits {
    /// Higher ones leave the queue first, from -128 to 127
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true,
          value_parser = parse_priority)]
    pub(crate) priority: i8,
    /// Starts after these tasks have completed; it fails if one of them does
    #[arg(long, value_name = "ID,…", value_delimiter = ',')]
    pub(crate) after: Vec<String>,
    /// Starts after these tasks have ended, however they did
    #[arg(long, value_name = "ID,…", value_delimiter = ',', conflicts_with = "after")]
    pub(crate) after_any: Vec<String>,
    /// Starts only after it is released
    #[arg(long)]
    pub(crate) hold: bool,
    /// Starts only after this time: 90s, 5m, 2h, 1d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) start_in: Option<std::time::Duration>,
    /// Starts only at this moment, such as 2026-11-23T08:00:00+01:00
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment, conflicts_with = "start_in")]
    pub(crate) start_at: Option<Timestamp>,
}

impl Waits {
    /// What was typed for the tasks it comes after.
    pub(crate) fn after(&self) -> &[String] {
        if self.after.is_empty() { &self.after_any } else { &self.after }
    }

    /// How they have to end.
    pub(crate) fn dependence(&self) -> Dependence {
        if self.after_any.is_empty() { Dependence::OnCompletion } else { Dependence::OnEnd }
    }

    /// The moment before which it does not start.
    pub(crate) fn not_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.start_at.or_else(|| self.start_in.map(|span| now.plus(span)))
    }
}

/// Whether the same may be started twice.
#[derive(Debug, ClapArgs)]
pub(crate) struct Again {
    /// The same key never starts a second task; the answer is then the first one
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// How often to try once more after a bad ending
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) retries: u32,
    /// After which endings, such as exit,signal,timeout [default: all that may come out better]
    #[arg(long, value_name = "REASON,…", value_delimiter = ',', requires = "retries", value_enum)]
    pub(crate) retry_on: Vec<ReasonArg>,
    /// How long the next attempt waits; each later one waits twice as long
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    pub(crate) backoff: std::time::Duration,
}

impl Again {
    /// Whether a bad ending starts it anew.
    pub(crate) fn retries(&self) -> Retries {
        let on = self.retry_on.iter().map(|reason| reason.0).collect();
        Retries { left: self.retries, on, backoff: self.backoff }
    }
}
