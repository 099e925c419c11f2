//! The generated parts of the documents, as Markdown whatever the format.

use crate::args::Part;
use crate::view::Answer;
use crate::{console, environment, failure};

pub(super) fn generated(part: Part) -> Answer {
    console::stream(&match part {
        Part::ExitCodes => failure::markdown(),
        Part::Environment => environment::markdown(),
    });
    Answer::nothing()
}
