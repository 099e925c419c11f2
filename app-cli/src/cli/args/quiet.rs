//! The option by which an answer is ids alone, for a shell that goes on with them.

use clap::Args as ClapArgs;

/// Whether ids alone are printed.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub(crate) struct Quiet {
    /// Prints ids alone, one a line
    #[arg(short = 'q', long = "quiet", conflicts_with_all = ["format", "json"])]
    pub(crate) is_quiet: bool,
}
