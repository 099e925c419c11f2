//! The arguments of the verbs that explain the program to shells and to `man`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

/// Prints the script by which a shell completes words of task-bg
///
/// Tab then offers verbs, options, and what the store knows: ids, names, droids, models, sessions.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example: for the current shell alone
  source <(task-bg completions bash)
  source <(task-bg completions zsh)
  task-bg completions fish | source

For every shell to come, put it into
  ~/.local/share/bash-completion/completions/task-bg
  _task-bg in a folder of zsh's fpath
  ~/.config/fish/completions/task-bg.fish")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: ShellArg,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellArg {
    /// GNU Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

impl ShellArg {
    /// What it is called.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

/// Prints a page of the manual, as `man` reads it
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  task-bg man launch | man -l -
  task-bg man --to ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Of which verb [default: the page of the program]
    #[arg(conflicts_with = "to")]
    pub(crate) verb: Option<String>,
    /// Writes all pages into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}
