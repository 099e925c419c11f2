//! The arguments of the verbs that are about the queue.

use clap::{Args as ClapArgs, ValueEnum};

/// Stops or goes on admitting queued tasks
///
/// What runs goes on. Without a word: says who waits.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example: let what runs finish, and start nothing new\n  task-bg queue pause"
)]
pub(crate) struct Queue {
    /// What to do with the queue
    #[arg(value_enum)]
    pub(crate) what: Option<QueueWord>,
}

/// What to do with the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueueWord {
    /// Admit nobody
    Pause,
    /// Admit them again
    Resume,
}

/// Lets tasks start that were launched with --hold
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg release bg_19c0")]
pub(crate) struct Release {
    /// The tasks' ids, or the beginnings of them
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}
