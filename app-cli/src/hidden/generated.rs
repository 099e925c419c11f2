//! The generated parts of the documents, as Markdown whatever the format.

use crate::cli::args::Part;
use crate::cli::help::options;
use crate::kit::answer::Answer;
use crate::kit::{console, failure, settings};

pub(super) fn generated(part: Part) -> Answer {
    let printed = console::stream(&match part {
        Part::ExitCodes => failure::markdown(),
        Part::Environment => settings::markdown(),
        Part::Options => options::markdown(),
    });
    Answer::exiting(printed.err().unwrap_or_default())
}
