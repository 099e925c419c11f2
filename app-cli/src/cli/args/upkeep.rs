//! The arguments of the verbs that look after the installation and not after tasks.

use clap::{Args as ClapArgs, ValueEnum};
use domain::task::Target;

use super::parse_target;

/// Registers task-bg-hook with an agent, or takes it out again
///
/// Edits the file that the agent really reads, keeps everything else in it, and leaves a backup beside it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  task-bg hooks install
  task-bg hooks status --scope project

Codex runs a hook only once it is trusted: `/hooks` in its screen.
OpenCode gets a plugin.")]
pub(crate) struct Hooks {
    /// What to do
    #[arg(value_enum)]
    pub(crate) action: HooksAction,
    /// Whose settings
    #[arg(long, value_enum, default_value = "user")]
    pub(crate) scope: ScopeArg,
    /// Which agent's
    #[arg(long = "for", value_enum, default_value_t = HostArg::Droid, value_name = "AGENT")]
    pub(crate) agent: HostArg,
    /// The same as --for claude
    #[arg(long, conflicts_with = "agent")]
    claude: bool,
}

impl Hooks {
    /// Which agent's settings.
    pub(crate) const fn host(&self) -> HostArg {
        if self.claude { HostArg::Claude } else { self.agent }
    }
}

/// Serves background tasks to agents over the Model Context Protocol, or registers that server with one
///
/// Without a word it serves on standard input and output, until its client goes; no task ends with it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  task-bg mcp install --for claude
  task-bg mcp status --for codex

`install` and `status` say what the agent has to be told before it calls the
tools that launch or cancel.")]
pub(crate) struct Mcp {
    /// What to do with the registration
    #[arg(value_enum)]
    pub(crate) action: Option<McpAction>,
    /// Whose settings
    #[arg(long, value_enum, default_value = "user", requires = "action")]
    pub(crate) scope: ScopeArg,
    /// Which agent's
    #[arg(long = "for", value_enum, default_value_t = HostArg::Droid, value_name = "AGENT", requires = "action")]
    pub(crate) agent: HostArg,
}

/// What to do with the registration of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum McpAction {
    /// Adds the server to the agent's settings
    Install,
    /// Takes it out
    Uninstall,
    /// Says whether it is there
    Status,
}

/// An agent that runs hooks and calls tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostArg {
    /// Factory's droid
    Droid,
    /// Claude Code
    Claude,
    /// Codex
    Codex,
    /// Gemini CLI
    Gemini,
    /// `OpenCode`
    Opencode,
}

/// What to do with the hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HooksAction {
    /// Registers what is missing
    Install,
    /// Takes out what is ours
    Uninstall,
    /// Prints what would have to be in the file
    Print,
    /// Says which file is read and whether ours works
    Status,
}

/// Whose settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    /// Those in the home folder
    User,
    /// Those in the current folder
    Project,
}

/// Looks for what keeps task-bg from working, and says what to do about it
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: mend what can safely be mended
  task-bg doctor --fix

Exit code 1 if something is found that keeps it from working, 0 otherwise.")]
pub(crate) struct Doctor {
    /// Makes the store, closes it to others, and removes what belongs to no task any more
    #[arg(long)]
    pub(crate) fix: bool,
    /// Looks at tasks on slurm, slurm:PARTITION or ssh:HOST as well, by one small task there
    #[arg(long, value_name = "TARGET", value_parser = parse_target)]
    pub(crate) on: Option<Target>,
}

/// Prints each setting and where it comes from
///
/// A flag counts before the environment, that before what `queue limit` set in the store, that before the
/// settings file, that before what is usual.
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
  \"model:x\" = 2
  [slurm.licences]          # what of a cluster's licences a model takes
  \"model:x\" = \"model-a\"")]
pub(crate) struct Config {}
