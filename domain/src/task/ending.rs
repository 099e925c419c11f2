//! How a task ended, as a value.
//!
//! Which ending a run comes to is decided in [`crate::run::ending`]; nothing is decided here.

use alloc::string::String;

use super::state::Reason;

/// How a task ended, before it is known when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Well, with this result.
    Completed {
        /// What it found.
        result: String,
    },
    /// Badly.
    Failed {
        /// Why, for machines.
        reason: Reason,
        /// Why, for people.
        message: String,
        /// What it had found until then.
        result: Option<String>,
    },
    /// Stopped on request.
    Cancelled,
}

impl Ending {
    /// What was found, whatever the ending.
    pub fn into_result(self) -> Option<String> {
        match self {
            Self::Completed { result } => Some(result),
            Self::Failed { result, .. } => result,
            Self::Cancelled => None,
        }
    }

    /// A bad ending without findings.
    pub fn failed(reason: Reason, message: impl Into<String>) -> Self {
        Self::Failed { reason, message: message.into(), result: None }
    }
}
