//! How a task ended, as a value.
//!
//! [`crate::run::ending`] decides which ending a run has; nothing is decided here.

use alloc::string::String;

use super::state::Reason;

/// How a task ended, without the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ended well, with this result.
    Completed {
        /// What it found.
        result: String,
    },
    /// It ended badly.
    Failed {
        /// Why, for machines.
        reason: Reason,
        /// Why, for people.
        message: String,
        /// What it had found until then.
        result: Option<String>,
    },
    /// It was stopped on request.
    Cancelled {
        /// What it had found until then.
        result: Option<String>,
    },
}

impl Ending {
    /// A stop on request before anything was found.
    pub const CANCELLED: Self = Self::Cancelled { result: None };

    /// What was found, if anything.
    pub fn into_result(self) -> Option<String> {
        match self {
            Self::Completed { result } => Some(result),
            Self::Failed { result, .. } | Self::Cancelled { result } => result,
        }
    }

    /// A bad ending without findings.
    pub fn failed(reason: Reason, message: impl Into<String>) -> Self {
        Self::Failed { reason, message: message.into(), result: None }
    }
}
