//! What a supervisor tells whoever started it, through a pipe: that it is on its own, and how the start went.
//!
//! The words alone; nothing here starts a process or waits for one.

use std::io::BufRead;

use domain::port::LaunchFailure;
use serde::{Deserialize, Serialize};

/// What a supervisor tells whoever started it, a line each.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Handshake {
    /// It left the caller's session and group, and holds nothing of the caller open.
    Detached,
    /// The agent runs, and that is recorded.
    Started,
    /// The agent's program is not to be found.
    NotFound { program: String },
    /// The agent's program does not start.
    NotStarted { program: String, reason: String },
    /// The supervisor did not get that far.
    Failed { reason: String },
}

impl Handshake {
    /// Reads the next line of a supervisor; `None` if the supervisor ended, or the line is none of these.
    pub(super) fn read(words: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        words.read_line(&mut line).ok().filter(|read| *read > 0)?;
        serde_json::from_str(&line).ok()
    }
}

impl From<&LaunchFailure> for Handshake {
    fn from(failure: &LaunchFailure) -> Self {
        match failure {
            LaunchFailure::NotFound { program } => Self::NotFound { program: program.clone() },
            LaunchFailure::NotStarted { program, reason } => {
                Self::NotStarted { program: program.clone(), reason: reason.clone() }
            }
            LaunchFailure::Supervisor(reason) | LaunchFailure::NoProcess(reason) => {
                Self::Failed { reason: reason.clone() }
            }
            LaunchFailure::Cluster(failure) => Self::Failed { reason: failure.to_string() },
        }
    }
}
