//! The command line. Its doc comments are the help texts.
//!
//! Nothing is looked up here: what can be wrong with a word alone is refused, all else comes later.

mod duration;
mod upkeep;
mod values;

use std::path::PathBuf;

use domain::task::{Dependence, Retries, Timestamp};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use duration::{Length, parse_duration};
pub(crate) use upkeep::{Doctor, Hooks};
pub use upkeep::{HooksAction, ScopeArg};
pub use values::{AutonomyArg, EnvArg, ReasonArg, StatusArg, parse_moment};

/// Runs coding agents and long commands in the background, and says honestly how they fare.
///
/// A task outlives the shell, the session and the terminal that started it. On a terminal, answers
/// are tables for people; otherwise each is one JSON object.
#[derive(Debug, Parser)]
#[command(name = "task-bg", version, about, long_about, after_help = AFTER_HELP)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub(crate) what: What,
    /// How to answer [default: table on a terminal, else json]
    #[arg(long, global = true, value_enum)]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, global = true, conflicts_with = "format")]
    json: bool,
}

const AFTER_HELP: &str = "\
Example: launch two tasks, wait for both, read what they found
  task-bg launch \"Find auth patterns\" \"Find all authentication code in src/\" explorer
  task-bg run \"Test suite\" -- cargo test
  task-bg wait
  task-bg output --result bg_19c0

Any unambiguous beginning of an id will do. Exit codes: 0 ok, 1 unexpected, 2 usage, 3 no such task,
4 already ended, 5 a waited task failed, 6 wait timed out, 7 launch failed, 8 store unavailable,
9 record unreadable.";

impl Args {
    /// The format asked for on the command line.
    pub(crate) const fn format(&self) -> Option<Format> {
        if self.json { Some(Format::Json) } else { self.format }
    }
}

/// How to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object
    Json,
    /// One JSON object a line, for list and wait
    Ndjson,
    /// A table for people
    Table,
    /// A Markdown table
    Markdown,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// With the settings and the store
    #[command(flatten)]
    Verb(Box<Verb>),
    /// With neither
    #[command(flatten)]
    Alone(Alone),
}

/// What is done with the settings and the store.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Launch(Launch),
    Run(Run),
    List(List),
    Status(Status),
    Output(Output),
    Diff(Diff),
    Wait(Wait),
    Cancel(Cancel),
    Complete(Complete),
    Retry(Retry),
    Resume(Resume),
    Batch(Batch),
    Prune(Prune),
    Queue(Queue),
    Release(Release),
    Cleanup(Cleanup),
    Droids(Droids),
    Hooks(Hooks),
    Doctor(Doctor),
    Report(Report),
    Config(Config),
}

/// What is done whatever the settings are, and whether or not there is a store.
#[derive(Debug, Subcommand)]
pub(crate) enum Alone {
    /// Does the hook's work, for those who registered this command as a hook
    HookComplete,
    /// Owns one running task; started by `launch`
    #[command(name = "__supervise", hide = true)]
    Supervise {
        /// The task
        id: String,
        /// The store's folder
        store: PathBuf,
    },
    /// Lets queued tasks in at a moment; started by `launch`
    #[command(name = "__remind", hide = true)]
    Remind {
        /// Microseconds since the epoch
        micros: i64,
        /// The store's folder
        store: PathBuf,
    },
    /// Prints a generated part of the documents
    #[command(name = "__generated", hide = true)]
    Generated {
        /// Which part
        part: Part,
    },
}

impl Verb {
    /// How the verb answers where nothing else is asked for; `None` if that depends on who reads.
    pub(crate) const fn usual_format(&self) -> Option<Format> {
        if matches!(self, Self::Report(_)) { Some(Format::Markdown) } else { None }
    }
}

/// A generated part of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The table of exit codes
    ExitCodes,
    /// The table of environment variables
    Environment,
}

/// What `launch` and `run` have in common.
#[derive(Debug, ClapArgs)]
pub(crate) struct Terms {
    /// The folder to work in [default: the current one]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// How long it may run: 90s, 5m, 2h, 1d, or plain seconds
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// How long it may be silent before `prune` gives it up
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) stale: Option<std::time::Duration>,
    /// Works in a git worktree of its own, on a new branch `task-bg/NAME` [default NAME: its id];
    /// last on the line, or as --worktree=NAME
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub(crate) worktree: Option<String>,
    #[command(flatten)]
    pub(crate) waits: Waits,
    #[command(flatten)]
    pub(crate) again: Again,
    /// Sets a variable in its environment; may be repeated
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(crate) env: Vec<EnvArg>,
    /// The session that launches it [default: `$TASK_BG_PARENT_SESSION`]
    #[arg(long, value_name = "SESSION")]
    pub(crate) parent: Option<String>,
    /// Waits until it has ended, for at most TIME (0: for ever)
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_missing_value = "50s", value_parser = Length::parse)]
    pub(crate) wait: Option<Length>,
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
    #[arg(long, value_name = "REASONS", value_delimiter = ',', requires = "retries", value_enum)]
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

/// What a task waits for before it starts.
#[derive(Debug, ClapArgs)]
pub(crate) struct Waits {
    /// Higher ones leave the queue first, from -128 to 127
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) priority: i8,
    /// Starts after these tasks have completed; it fails if one of them does
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub(crate) after: Vec<String>,
    /// Starts after these tasks have ended, however they did
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', conflicts_with = "after")]
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

/// Starts a droid in the background
///
/// Returns as soon as the agent runs, with the task's id. The prompt is everything the agent is told;
/// it never passes through a shell and never shows in the list of processes.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  task-bg launch \"Fix API errors\" \"Fix all validation errors in src/api/\" executor-med

A prompt that begins with a dash goes after `--`, or into a file: --prompt-file FILE (- for standard
input). DROID and PARENT may be left out; PARENT `main` means unknown.")]
#[command(
    override_usage = "task-bg launch [OPTIONS] <DESCRIPTION> <PROMPT> [DROID] [PARENT] [AUTONOMY] [MODEL]
       task-bg launch [OPTIONS] --prompt-file <FILE> <DESCRIPTION> [DROID] [PARENT] [AUTONOMY] [MODEL]"
)]
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
    /// Which model, where it is not the droid's own
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// How hard the model is to think, in droid's words, where that is not the default
    #[arg(long, value_name = "LEVEL")]
    pub(crate) reasoning_effort: Option<String>,
    #[command(flatten)]
    pub(crate) terms: Terms,
}

/// Runs any command in the background
///
/// The words after `--` are the program and its arguments, passed on as they are, without a shell.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  task-bg run \"Test suite\" --timeout 20m -- cargo test --workspace")]
pub(crate) struct Run {
    /// A short label for people
    pub(crate) description: String,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<String>,
}

/// Lists the tasks, newest first
#[derive(Debug, Default, ClapArgs)]
#[command(after_help = "\
Example: what still runs of this session
  task-bg list --status running --parent \"$TASK_BG_PARENT_SESSION\"")]
pub(crate) struct List {
    /// Only those with this status
    #[arg(long, value_enum)]
    pub(crate) status: Option<StatusArg>,
    /// Only those launched by this session
    #[arg(long, value_name = "SESSION")]
    pub(crate) parent: Option<String>,
    /// Only those of this droid
    #[arg(long)]
    pub(crate) droid: Option<String>,
    /// Only those ordered within this time: 90s, 5m, 2h, 1d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) since: Option<std::time::Duration>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) limit: usize,
    /// All, however many
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    /// Prompts and results whole
    #[arg(long)]
    pub(crate) full: bool,
}

/// Shows one task's whole record
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg status bg_19c0")]
pub(crate) struct Status {
    /// The task's id, or the beginning of it
    pub(crate) id: String,
}

/// Shows what a task wrote
///
/// Without an option at most 30,000 characters, the beginning and the end.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = "\
Example: the final answer alone, and the last lines while it still runs
  task-bg output --result bg_19c0
  task-bg output --tail 20 bg_19c0")]
pub(crate) struct Output {
    /// The task's id, or the beginning of it
    pub(crate) id: String,
    /// The final answer alone
    #[arg(long, group = "part")]
    pub(crate) result: bool,
    /// All of it
    #[arg(long, group = "part")]
    pub(crate) full: bool,
    /// The last lines
    #[arg(long, value_name = "LINES", group = "part")]
    pub(crate) tail: Option<usize>,
    /// What comes from this byte on; the answer names the next one
    #[arg(long, value_name = "OFFSET", group = "part")]
    pub(crate) since: Option<u64>,
    /// What comes, as it comes, until the task has ended
    #[arg(long, group = "part")]
    pub(crate) follow: bool,
    /// The agent's raw event stream instead of the readable log
    #[arg(long, conflicts_with = "result")]
    pub(crate) events: bool,
}

/// Shows what a task changed in its worktree
///
/// The difference from the commit the worktree was made from: what is committed, what is not, and files
/// that git does not track yet. Without an option at most 30,000 characters.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg diff --full bg_19c0")]
pub(crate) struct Diff {
    /// The task's id, or the beginning of it
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
    /// The tasks' ids, or the beginnings of them
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Until one has ended
    #[arg(long)]
    pub(crate) any: bool,
    /// For at most so long; 0 for ever
    #[arg(long, value_name = "TIME", default_value = "50s", value_parser = Length::parse)]
    pub(crate) timeout: Length,
    /// The session whose tasks to wait for [default: `$TASK_BG_PARENT_SESSION`]
    #[arg(long, value_name = "SESSION", conflicts_with = "ids")]
    pub(crate) parent: Option<String>,
}

/// Stops tasks and everything they started
///
/// Returns when nothing of them is left, or names what is.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg cancel --grace 3s bg_19c0")]
pub(crate) struct Cancel {
    /// The tasks' ids, or the beginnings of them
    #[arg(value_name = "ID", required_unless_present_any = ["parent", "all"])]
    pub(crate) ids: Vec<String>,
    /// All unfinished tasks of this session
    #[arg(long, value_name = "SESSION", conflicts_with_all = ["ids", "all"])]
    pub(crate) parent: Option<String>,
    /// All unfinished tasks
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
    /// How long they have between the polite signal and the last one
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) grace: std::time::Duration,
}

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

/// Launches many tasks, one JSON object a line
///
/// All lines are checked first. Wrong ones, and those that come after them, are named by number and
/// not launched; the others all are.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: two lines, of which the second waits for the first and is told what it found
  {\"name\":\"look\",\"description\":\"Look\",\"prompt\":\"Find the bug\",\"droid\":\"explorer\"}
  {\"description\":\"Fix\",\"prompt\":\"Fix this: {{task:look.result}}\",\"after\":[\"look\"]}

A line whose prompt wants the result of another comes after that one, whether it says so or not.

Fields: description, prompt or command (a list of words), droid, autonomy, model, cwd, env, timeout,
stale, parent, priority, hold, after, after_any, start_in, start_at, key, retries, retry_on, backoff,
name.")]
pub(crate) struct Batch {
    /// The file with the lines; - for standard input
    pub(crate) file: PathBuf,
    /// Launches nothing if a line is wrong
    #[arg(long)]
    pub(crate) strict: bool,
    /// Waits until all have ended, for at most TIME (0: for ever)
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true,
          default_missing_value = "50s", value_parser = Length::parse)]
    pub(crate) wait: Option<Length>,
}

/// Stops or goes on letting queued tasks in
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
    /// Let nobody in
    Pause,
    /// Let them in again
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

/// Prints each setting and where it comes from
///
/// A flag counts before the environment, that before the settings file, that before what is usual.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example of a settings file, `task-bg.toml` beside the store's folder:
  max_running = 4           # how many tasks run at once
  ttl = \"45m\"               # how long one may run
  stale = \"5m\"              # half of how long one may be silent
  format = \"table\"          # or json, ndjson, markdown
  droid = \"/opt/bin/droid\"  # the droid program
  [limits]                  # how many of a droid, or of a model, run at once
  explorer = 1
  \"model:x\" = 2")]
pub(crate) struct Config {}

/// Ends a task by hand
///
/// Its agent is not stopped. The first ending wins: a task that has ended is refused.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  task-bg complete bg_19c0 \"All three call sites fixed\"")]
pub(crate) struct Complete {
    /// The task's id, or the beginning of it
    pub(crate) id: String,
    /// What it found
    pub(crate) result: String,
    /// What went wrong; then it ends as an error
    pub(crate) error: Option<String>,
}

/// Gives up tasks that ran too long or fell silent, and stops their processes
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example: what would be given up, and why\n  task-bg prune --dry-run")]
pub(crate) struct Prune {
    /// Only says what would be given up
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How long agents have between the polite signal and the last one
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub(crate) grace: std::time::Duration,
}

/// Forgets what is only derived; with --delete, removes ended tasks and all their files
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: remove what completed more than a week ago
  task-bg cleanup --delete --older-than 7d --status completed")]
pub(crate) struct Cleanup {
    /// Removes ended tasks and all their files
    #[arg(long)]
    pub(crate) delete: bool,
    /// Only those that ended at least so long ago
    #[arg(long, value_name = "TIME", requires = "delete", value_parser = parse_duration)]
    pub(crate) older_than: Option<std::time::Duration>,
    /// Only those with this status
    #[arg(long, value_enum, requires = "delete")]
    pub(crate) status: Option<StatusArg>,
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
}

/// Reports on tasks in Markdown, for an answer to whoever asked for them
///
/// Without --parent: the tasks of this session, or all where no session is known.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: what became of this session's tasks, and the same for a program
  task-bg report
  task-bg report --json")]
pub(crate) struct Report {
    /// The session whose tasks to report on [default: `$TASK_BG_PARENT_SESSION`]
    #[arg(long, value_name = "SESSION")]
    pub(crate) parent: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_verb_for_people_has_an_example() {
        for verb in Args::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            if verb.get_name() == "hook-complete" {
                continue;
            }
            let help = verb.clone().render_long_help().to_string();
            assert!(help.contains("Example"), "{} has none", verb.get_name());
        }
    }

    #[test]
    fn every_command_of_the_skill_is_understood() {
        let skill = include_str!("../../plugin/skills/task-bg/SKILL.md");
        let fenced = skill.split("```").skip(1).step_by(2).flat_map(str::lines);
        let quoted = skill.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let commands = fenced.chain(quoted).filter(|line| line.starts_with("task-bg "));
        let mut count = 0;
        for command in commands {
            let words = shlex::split(command).expect("a shell could read it");
            if let Err(error) = Args::try_parse_from(words) {
                panic!("{command}: {error}");
            }
            count += 1;
        }
        assert!(count >= 10, "{count} commands");
    }

    #[test]
    fn the_originals_positional_launch_is_understood() {
        let words = ["task-bg", "launch", "label", "do it", "explorer", "main", "low", "opus"];
        let args = Args::try_parse_from(words).expect("it is valid");
        let What::Verb(verb) = args.what else { panic!("it is a verb") };
        let Verb::Launch(launch) = *verb else { panic!("it is a launch") };
        assert_eq!(launch.words, ["do it", "explorer", "main", "low", "opus"]);
    }
}
