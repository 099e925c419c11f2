//! The arguments of the verbs that are about the queue.

use clap::{Args as ClapArgs, ValueEnum};

use crate::kit::settings::parse_count;

/// Stops or goes on admitting queued tasks, or sets how many run at once
///
/// What runs goes on. Without a word: says who waits, how many run, and how many may.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: start nothing new; let four run at once; take that back
  task-bg queue pause
  task-bg queue limit 4
  task-bg queue limit none

The limit is the store's and lasts. `$TASK_BG_MAX_RUNNING` counts before it, the
settings file after it.")]
pub(crate) struct Queue {
    /// What to do with the queue
    #[arg(value_enum)]
    pub(crate) what: Option<QueueWord>,
    /// How many run at once, with `limit`; `none` takes the limit back
    #[arg(value_name = "N", value_parser = LimitArg::parse, requires = "what")]
    pub(crate) limit: Option<LimitArg>,
}

/// What to do with the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueueWord {
    /// Admit nobody
    Pause,
    /// Admit them again
    Resume,
    /// Let so many run at once
    Limit,
}

/// How many tasks of a store run at once; `None` where the store says nothing of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitArg(pub Option<usize>);

impl LimitArg {
    /// Reads a number above 0, or `none`.
    ///
    /// # Errors
    /// A sentence that names the forms.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        parse_count(text).map(|count| Self(Some(count)))
    }
}

/// Lets tasks start that were launched with --hold
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg release bg_19c0")]
pub(crate) struct Release {
    /// The tasks: ids or what they begin or end with, names, or @1 for the newest
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}
