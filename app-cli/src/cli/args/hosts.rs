//! The arguments of the verb that is about other machines.

use clap::{Args as ClapArgs, ValueEnum};
use domain::task::Target;

/// Lists the other machines that tasks are on, or copies this program to one
///
/// Without a word: which machines there are, whether each answers, and which version of task-bg it has.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: make a machine ready, then run something there
  task-bg hosts add me@build-1
  task-bg run --on ssh:me@build-1 -- make

`add` copies this program to .local/bin/task-bg in the home folder there, after
asking; `remove` forgets the machine and leaves what is on it.")]
pub(crate) struct Hosts {
    /// What to do
    #[arg(value_enum, requires = "host")]
    pub(crate) action: Option<HostsAction>,
    /// The machine, as ssh knows it: HOST or USER@HOST
    #[arg(value_parser = parse_host)]
    pub(crate) host: Option<String>,
    /// Does not ask before it copies
    #[arg(long)]
    pub(crate) yes: bool,
    /// With `remove`: gives up the tasks there that have not ended, as lost; with `add`: copies over a newer one
    #[arg(long, requires = "action")]
    pub(crate) force: bool,
}

/// What to do with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HostsAction {
    /// Copies this program there
    Add,
    /// Forgets it
    Remove,
}

/// Reads the name of a machine, alone or as after `--on`.
fn parse_host(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("ssh:").unwrap_or(text);
    match Target::parse(&format!("ssh:{name}")) {
        Ok(_) => Ok(name.to_owned()),
        Err(invalid) => Err(invalid.to_string()),
    }
}
