//! The arguments of the verbs that look at tasks, or wait for them, and change nothing.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{Length, Quiet, SortArg, StatusArg, parse_duration};

/// Lists the tasks, newest first
#[derive(Debug, Default, ClapArgs)]
#[command(after_help = "\
Example: what still runs of this session
  task-bg list --status running,queued --parent \"$TASK_BG_PARENT_SESSION\"")]
pub(crate) struct List {
    /// Only those with one of these statuses; several with commas
    #[arg(long, value_enum, value_name = "STATUS,…", value_delimiter = ',')]
    pub(crate) status: Vec<StatusArg>,
    /// Only those launched by this session; several with commas
    #[arg(long, value_name = "SESSION,…", value_delimiter = ',')]
    pub(crate) parent: Vec<String>,
    /// Only those of this droid; several with commas
    #[arg(long, value_name = "DROID,…", value_delimiter = ',')]
    pub(crate) droid: Vec<String>,
    /// Only those ordered within this time: 90s, 5m, 2h, 1d; 0 is no limit
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) since: Option<std::time::Duration>,
    /// In which order
    #[arg(long, value_enum, default_value = "newest")]
    pub(crate) sort: SortArg,
    /// Only those after the first so many
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) offset: usize,
    /// At most so many; more than 300 only with --full [default: 200, on a terminal a screen]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// All, however many and however long the answer is
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    /// Whole records, however long the answer is
    #[arg(long)]
    pub(crate) full: bool,
    /// Shows on a terminal what changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["all", "full", "limit", "is_quiet", "format", "json"])]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}

/// Shows the tasks on the whole terminal and follows them, with keys that act on one
///
/// The list by state, and of the selected task what is known and the end of its log. `?` shows the keys: o its log, c
/// cancels, r retries, R resumes, / filters, s sorts, q quits. No task ends with it. Nothing is written while nothing
/// happens.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg top")]
pub(crate) struct Top {}

/// Shows one task's whole record
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg status bg_19c0")]
pub(crate) struct Status {
    /// The tasks: ids or what those begin or end with, names, @1 for the newest, or key:KEY for the one of that key
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// All of it, however long the prompt and the result are
    #[arg(long)]
    pub(crate) full: bool,
}

/// Shows what tasks wrote, as a terminal would show it in the end
///
/// Without --full no more than fits into an answer of 30,000 characters: the beginning and the end, or as many of the
/// last lines, or of what follows an offset. What is left out is named with the command that shows it.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = "\
Example: the final answer alone, and the last lines while it still runs
  task-bg output --result bg_19c0
  task-bg output --tail 20 bg_19c0")]
pub(crate) struct Output {
    /// The tasks: ids or what they begin or end with, names, or @1 for the newest
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// The final answer alone
    #[arg(long, conflicts_with_all = ["tail", "follow", "events"])]
    pub(crate) result: bool,
    /// All of it, as it was written, however long it is
    #[arg(long, group = "part")]
    pub(crate) full: bool,
    /// The last lines
    #[arg(long, value_name = "LINES", group = "part")]
    pub(crate) tail: Option<usize>,
    /// What comes from this byte on; the answer names the next one
    #[arg(long, value_name = "OFFSET", group = "part")]
    pub(crate) since: Option<u64>,
    /// What comes, as it comes, until the task has ended; after the last lines with --tail
    #[arg(long, short = 'f', conflicts_with = "full")]
    pub(crate) follow: bool,
    /// Carriage returns, colours and the like as they were written
    #[arg(long)]
    pub(crate) raw: bool,
    /// The agent's raw event stream instead of the readable log
    #[arg(long)]
    pub(crate) events: bool,
}

/// Shows what a task changed in its worktree
///
/// The difference from the commit the worktree was made from: what is committed, what is not, and files
/// that git does not track yet. Without an option at most 30,000 characters.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg diff --full bg_19c0")]
pub(crate) struct Diff {
    /// The task: its id or what that begins or ends with, its name, or @1 for the newest
    pub(crate) id: String,
    /// All of it
    #[arg(long)]
    pub(crate) full: bool,
}

/// Waits until tasks have ended
///
/// Without ids: all tasks of the parent session, or all unfinished tasks where no parent is known.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: whichever ends first, for at most ten minutes
  task-bg wait --any --timeout 10m bg_19c0 bg_19c1

Exit code 0 if all completed, 5 if one ended otherwise, 6 if the time ran out.")]
pub(crate) struct Wait {
    /// The tasks: ids or what they begin or end with, names, or @1 for the newest
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Until one has ended
    #[arg(long)]
    pub(crate) any: bool,
    /// For at most so long; 0 for ever [default: 50s, on a terminal for ever]
    #[arg(long, value_name = "TIME", value_parser = Length::parse)]
    pub(crate) timeout: Option<Length>,
    /// The session whose tasks to wait for; several with commas [default: `$TASK_BG_PARENT_SESSION`]
    #[arg(long, value_name = "SESSION,…", value_delimiter = ',', conflicts_with = "ids")]
    pub(crate) parent: Vec<String>,
}

/// Reports on tasks in Markdown, for an answer to whoever asked for them
///
/// Without ids and --parent: the tasks of this session, or all where no session is known. Of a task that was tried
/// again the last attempt counts.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: what became of this session's tasks, and the same for a program
  task-bg report
  task-bg report --json
Example: a page with a time line, to look at or to send
  task-bg report --html tasks.html")]
pub(crate) struct Report {
    /// The tasks: ids or what they begin or end with, names, or @1 for the newest
    #[arg(value_name = "ID", conflicts_with = "parent")]
    pub(crate) ids: Vec<String>,
    /// The session whose tasks to report on; several with commas [default: `$TASK_BG_PARENT_SESSION`]
    #[arg(long, value_name = "SESSION,…", value_delimiter = ',')]
    pub(crate) parent: Vec<String>,
    /// All tasks, however many and however long the answer is
    #[arg(long)]
    pub(crate) all: bool,
    /// Writes a page that shows all of them with a time line into this file instead; - writes it out
    ///
    /// One file that loads nothing and can be sent: times, attempts, dependencies, tools, tokens, endings and results.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Lists the droids that a task can be given to, and where each is defined
///
/// Of two definitions of one name the first source counts: the project, the user, an installed plugin,
/// task-bg itself. The others are shown as hidden.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg droids --cwd ~/src/project")]
pub(crate) struct Droids {
    /// The folder that the task would work in [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// All, however many and however long the answer is
    #[arg(long)]
    pub(crate) all: bool,
}

/// Lists the agents that can work: where each is, and what it can do
///
/// A program is asked for its version once, and then not again until it changes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg runners --format table")]
pub(crate) struct Runners {}
