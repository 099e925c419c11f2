//! The generated parts of the documents, as Markdown whatever the format.

use adapters_process::at_end::VARIABLES;

use crate::cli::args::Part;
use crate::cli::help::options;
use crate::kit::answer::Answer;
use crate::kit::{console, failure, settings};

pub(super) fn generated(part: Part) -> Answer {
    let printed = console::stream(&match part {
        Part::ExitCodes => failure::markdown(),
        Part::Environment => settings::markdown(),
        Part::Options => options::markdown(),
        Part::Notify => at_end(),
    });
    Answer::exiting(printed.err().unwrap_or_default())
}

/// What a line is told that is run at a task's end.
fn at_end() -> String {
    let rows = VARIABLES.iter().map(|(name, meaning)| format!("| `{name}` | {meaning} |\n"));
    format!("| variable | what it says |\n|---|---|\n{}", rows.collect::<String>())
}
