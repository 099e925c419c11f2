//! The command line. Its doc comments are the help texts.
//!
//! Parsing looks nothing up: it refuses what can be wrong with a word alone, and leaves all else to the
//! verb.

mod again;
mod ending;
mod hosts;
mod looking;
mod ordering;
mod queue;
mod quiet;
mod shells;
mod terms;
mod upkeep;
mod values;
mod verb;

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::path::PathBuf;

use adapters_process::SUPERVISE_VERB;
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use domain::usecase::jobs::ARRIVE_VERB;

pub use crate::kit::answer::Format;
pub use crate::kit::duration::{Length, parse_duration};

pub(crate) use again::{Resume, Retry};
pub(crate) use ending::{Cancel, Cleanup, Complete, Prune, Rm};
pub(crate) use hosts::Hosts;
pub use hosts::HostsAction;
pub(crate) use looking::{Diff, Droids, List, Output, Report, Runners, Status, Top, Wait};
pub(crate) use ordering::{Batch, Launch, Run};
pub use queue::{LimitArg, QueueWord};
pub(crate) use queue::{Queue, Release};
pub(crate) use quiet::Quiet;
pub use shells::ShellArg;
pub(crate) use shells::{Completions, Man};
pub(crate) use terms::Terms;
pub(crate) use upkeep::{Config, Doctor, Hooks, Mcp};
pub use upkeep::{HooksAction, HostArg, McpAction, ScopeArg};
pub use values::{
    AutonomyArg, EnvArg, ReasonArg, SortArg, StatusArg, parse_cluster_option, parse_moment,
    parse_name, parse_priority, parse_target,
};
pub(crate) use verb::Verb;

/// Runs coding agents and long commands in the background, and says honestly how they fare.
///
/// A task outlives the shell, the session and the terminal that started it. On a terminal, answers
/// are tables for people; otherwise each is one JSON object.
#[derive(Debug, Parser)]
#[command(name = "task-bg", version = VERSION, after_help = AFTER_HELP)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 80)]
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

/// Which version this is, from which commit, and for which machines.
pub(crate) const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("TASK_BG_COMMIT"),
    ", ",
    env!("TASK_BG_TARGET"),
    ")"
);

const AFTER_HELP: &str = "\
Example: launch two tasks, wait for both, read what they found
  task-bg launch \"Find auth\" \"Find all authentication code in src/\" explorer
  task-bg run \"Test suite\" -- cargo test
  task-bg wait
  task-bg output --result bg_19c0

A task is also meant by @1 (the newest), @2, the name it was given with --name,
and any beginning or ending of its id that fits no other.

Exit codes: 0 ok, 1 unexpected, 2 usage, 3 no such task, 4 already ended, 5 a
waited task failed, 6 wait timed out, 7 launch failed, 8 store unavailable,
9 record unreadable.";

impl Args {
    /// Reads a command line, the first word of which is the program.
    ///
    /// Only the verb that is named gets its options: to build all of them costs more than most verbs. Whatever
    /// then is not understood, or asks for help, is read once more with everything in place, as a list of the
    /// verbs and a near word need it.
    ///
    /// # Errors
    ///
    /// When the words are wrong, and when help is what they ask for.
    pub(crate) fn read(words: &[OsString]) -> Result<Self, clap::Error> {
        let parse = |command: Command| {
            // To take its hundreds of pieces apart would cost an eighth of a launch, whose process ends soon.
            let mut command = ManuallyDrop::new(command);
            Self::from_arg_matches_mut(&mut command.try_get_matches_from_mut(words)?)
        };
        parse(Self::command()).or_else(|_| parse(Self::whole()))
    }

    /// The whole command line, every verb with its options.
    pub(crate) fn whole() -> Command {
        let mut whole = Self::command();
        whole.build();
        super::help::dressed(whole)
    }

    /// The format asked for on the command line.
    pub(crate) const fn format(&self) -> Option<Format> {
        if self.json { Some(Format::Json) } else { self.format }
    }
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

/// The verbs that need no settings, and that run whether or not there is a store.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Alone {
    Mcp(Mcp),
    Completions(Completions),
    Man(Man),
    /// Does the hook's work, for those who registered this command as a hook
    HookComplete,
    /// Owns one running task; started by `launch`, and read by [`Alone::supervisor`]
    #[command(skip)]
    Supervise {
        /// The task
        id: String,
        /// The store's folder
        store: PathBuf,
    },
    /// Is the job of a cluster on its node, and read by [`Alone::supervisor`] as well
    #[command(skip)]
    Arrive {
        /// The task
        id: String,
        /// The store's folder
        store: PathBuf,
    },
    /// Admits queued tasks at a moment; started by `launch`
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

impl Alone {
    /// Reads the arguments of a supervisor by hand: a supervisor lives as long as its task, and should not
    /// keep in memory the tables of a command line that it never shows.
    pub(crate) fn supervisor(words: impl Iterator<Item = OsString>) -> Option<Self> {
        let words: Vec<OsString> = words.skip(1).take(4).collect();
        let [verb, id, store] = words.as_slice() else { return None };
        let (id, store) = (id.to_str()?.to_owned(), store.into());
        match verb.to_str()? {
            SUPERVISE_VERB => Some(Self::Supervise { id, store }),
            ARRIVE_VERB => Some(Self::Arrive { id, store }),
            _ => None,
        }
    }
}

/// A generated part of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The table of exit codes
    ExitCodes,
    /// The table of environment variables
    Environment,
    /// The tables of arguments and options
    Options,
    /// The table of what a line is told that is run at a task's end
    Notify,
}

#[cfg(test)]
mod singles;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::whole().debug_assert();
    }

    // Once, `--after` swallowed the words that followed it, and `--worktree` the first of them.
    #[test]
    fn an_option_takes_one_value_or_several_with_commas_and_stands_anywhere() {
        for verb in Args::whole().get_subcommands() {
            let options = verb.get_arguments().filter(|option| !option.is_positional());
            for option in options.filter(|option| option.get_action().takes_values()) {
                let (verb, name) = (verb.get_name(), option.get_id());
                let count = option.get_num_args().unwrap_or_else(|| 1.into());
                assert!(count.max_values() <= 1, "{verb} --{name} takes {count}");
                let may_be_left_out = count.min_values() == 0;
                assert_eq!(may_be_left_out, option.is_require_equals_set(), "{verb} --{name}");
                let repeats = matches!(option.get_action(), clap::ArgAction::Append);
                // A comma stands in their values.
                let has_commas = option.get_value_delimiter() == Some(',')
                    || ["env", "slurm"].contains(&name.as_str());
                assert_eq!(repeats, has_commas, "{verb} --{name}: several, and how");
            }
        }
    }

    #[test]
    fn the_order_of_words_and_options_of_a_launch_does_not_matter() {
        let options = [
            &["--after", "bg_1"][..],
            &["--after", "bg_2,bg_3"],
            &["--wait"],
            &["--worktree"],
            &["--env", "A=1"],
            &["--retry-on", "exit,signal"],
            &["--retries", "2"],
        ];
        let words = ["label", "do it", "explorer"];
        for at in 0..=words.len() {
            let (before, after) = words.split_at(at);
            let options = options.concat();
            let line = [&["task-bg", "launch"], before, &options, after].concat();
            let args =
                Args::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
            let What::Verb(verb) = args.what else { panic!("it is a verb") };
            let Verb::Launch(launch) = *verb else { panic!("it is a launch") };
            assert_eq!(
                (launch.description.as_str(), launch.words.as_slice()),
                ("label", ["do it".to_owned(), "explorer".to_owned()].as_slice())
            );
            assert_eq!(launch.terms.waits.after, ["bg_1", "bg_2", "bg_3"]);
            assert_eq!(launch.terms.again.retry_on.len(), 2);
        }
    }

    #[test]
    fn the_help_of_every_verb_fits_80_columns() {
        let all = Args::whole();
        let mut verbs: Vec<_> = all.get_subcommands().cloned().collect();
        verbs.push(all);
        let mut wide = Vec::new();
        for mut verb in verbs {
            for help in [verb.render_long_help().to_string(), verb.render_help().to_string()] {
                let lines = help.lines().filter(|line| line.chars().count() > 80);
                wide.extend(lines.map(|line| format!("{}: {line}", verb.get_name())));
            }
            // What is wrapped for us is cut in the middle of an example.
            let example = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let usage = verb.render_usage().to_string();
            let lines =
                example.lines().chain(usage.lines()).filter(|line| line.chars().count() > 80);
            wide.extend(lines.map(|line| format!("{}: {line}", verb.get_name())));
        }
        assert!(wide.is_empty(), "{}", wide.join("\n"));
    }

    #[test]
    fn every_verb_for_people_has_an_example() {
        for verb in Args::whole().get_subcommands().filter(|verb| !verb.is_hide_set()) {
            if matches!(verb.get_name(), "hook-complete" | "help") {
                continue;
            }
            let help = verb.clone().render_long_help().to_string();
            assert!(help.contains("Example"), "{} has none", verb.get_name());
        }
    }

    #[test]
    fn every_command_of_the_skill_is_understood() {
        let skill = include_str!("../../../plugin/skills/task-bg/SKILL.md");
        let fenced = skill.split("```").skip(1).step_by(2).flat_map(str::lines);
        let quoted = skill.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let commands = fenced.chain(quoted).filter(|line| line.starts_with("task-bg "));
        let mut count = 0;
        for command in commands {
            // What follows such a mark the shell reads, and so do the lines below.
            let command = command.split(" <<").next().unwrap_or_default();
            let words = shlex::split(command).expect("a shell could read it");
            if let Err(error) = Args::try_parse_from(words) {
                panic!("{command}: {error}");
            }
            count += 1;
        }
        assert!(count >= 10, "{count} commands");
    }

    #[test]
    fn the_words_of_a_supervisor_are_read_by_hand_and_no_others() {
        let read = |words: &[&str]| Alone::supervisor(words.iter().map(OsString::from));
        let words = ["task-bg", SUPERVISE_VERB, "bg_1", "/store"];
        assert!(matches!(read(&words), Some(Alone::Supervise { id, .. }) if id == "bg_1"));
        for others in [&words[..3], &["task-bg", "wait", "bg_1", "bg_2"], &["task-bg"]] {
            assert!(read(others).is_none());
        }
        assert!(Args::try_parse_from(words).is_err(), "nobody types it");
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
