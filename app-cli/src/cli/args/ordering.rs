//! The arguments of the verbs that order tasks: `launch`, `run` and `batch`.
//!
//! What a line of a batch may say is in `command/batch/line.rs`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use domain::task::Target;

use super::{AutonomyArg, Length, Quiet, Terms, parse_cluster_option, parse_target};

/// Starts a droid in the background
///
/// Returns with the task's id as soon as the agent runs, or waits for its turn. The prompt is everything
/// the agent is told; it never passes through a shell and never shows in the list of processes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  task-bg launch \"Fix API errors\" \"Fix the validation in src/api/\" executor-med

A prompt that begins with a dash goes after `--`, or into a file: --prompt-file
FILE (- for standard input). DROID and PARENT may be left out; PARENT `main`
means unknown.")]
#[command(override_usage = "task-bg launch [OPTIONS] <DESCRIPTION> <PROMPT> [DROID] [PARENT]
                           [AUTONOMY] [MODEL]
       task-bg launch [OPTIONS] --prompt-file <FILE> <DESCRIPTION> [DROID]
                           [PARENT] [AUTONOMY] [MODEL]")]
pub(crate) struct Launch {
    /// A short label for people
    pub(crate) description: String,
    /// The prompt (unless --prompt-file), then droid, parent session, autonomy and model
    #[arg(value_name = "PROMPT [DROID] [PARENT] [AUTONOMY] [MODEL]", num_args = 0..=5)]
    pub(crate) words: Vec<String>,
    /// Reads the prompt from a file, or from standard input if FILE is -
    #[arg(long, value_name = "FILE")]
    pub(crate) prompt_file: Option<PathBuf>,
    /// Which droid; `task-bg droids` lists them [default: executor-med]
    #[arg(long)]
    pub(crate) droid: Option<String>,
    /// How much it may do without asking [default: medium]
    #[arg(long, value_enum)]
    pub(crate) autonomy: Option<AutonomyArg>,
    /// Which agent works, such as claude or codex; `task-bg runners` lists them [default: droid]
    #[arg(long, value_name = "NAME")]
    pub(crate) runner: Option<String>,
    /// Which model, where it is not the droid's own
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// How hard the model is to think, in droid's words, where that is not the default
    #[arg(long, value_name = "LEVEL")]
    pub(crate) reasoning_effort: Option<String>,
    #[command(flatten)]
    pub(crate) terms: Terms,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}

/// Runs any command in the background
///
/// The words after `--` are the program and its arguments, passed on as they are, without a shell.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  task-bg run \"Test suite\" --timeout 20m -- cargo test --workspace
  task-bg run --name build -- cargo build")]
pub(crate) struct Run {
    /// A short label for people [default: the command line]
    pub(crate) description: Option<String>,
    /// What the command reads as its standard input; - keeps what is piped in
    #[arg(long, value_name = "FILE")]
    pub(crate) stdin: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}

/// Launches many tasks, one JSON object a line
///
/// All lines are checked first. Wrong ones, and those that come after them, are named by number and
/// not launched; the others all are.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: two lines, the second waits for the first and is told what it found
  {\"name\":\"a\",\"description\":\"Look\",\"prompt\":\"Find it\",\"droid\":\"explorer\"}
  {\"description\":\"Fix\",\"prompt\":\"Fix: {{task:a.result}}\",\"after\":[\"a\"]}

A line whose prompt wants the result of another comes after that one, whether it
says so or not.

Fields: description, prompt or command (a list of words), droid, runner,
autonomy, model, reasoning_effort, cwd, worktree, env, timeout, stale, notify,
parent, priority, hold, after, after_any, start_in, start_at, key, retries,
retry_on, backoff, stdin, on, slurm, name. Exit code 2 if a line was wrong.")]
pub(crate) struct Batch {
    /// The file with the lines; - for standard input
    pub(crate) file: PathBuf,
    /// Launches nothing if a line is wrong
    #[arg(long)]
    pub(crate) strict: bool,
    /// Where the lines run that do not say so: local, slurm, slurm:PARTITION or ssh:HOST
    #[arg(long, value_name = "TARGET", value_parser = parse_target)]
    pub(crate) on: Option<Target>,
    /// An option of sbatch's own for a task on Slurm, as in --slurm=--gres=gpu:1; may be repeated
    #[arg(long, value_name = "OPT", allow_hyphen_values = true, value_parser = parse_cluster_option)]
    pub(crate) slurm: Vec<String>,
    /// Waits until all have ended, for at most TIME [default: 50s, on a terminal for ever]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_missing_value = "usual", value_parser = Length::parse)]
    pub(crate) wait: Option<Length>,
    #[command(flatten)]
    pub(crate) quiet: Quiet,
}
