//! How a task ended, as a value.
//!
//! [`crate::run::ending`] decides which ending a run has; nothing is decided here.

use alloc::format;
use alloc::string::String;

use super::state::Reason;
use super::text;

/// How much of a result is recorded where the disk has room for no more, in halves of a byte: with all else that an
/// ending adds to a record it fits into what a store sets aside for that.
const SHORT: usize = 2 * (16 << 10);

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

    /// The same ending with what there is room for of a long result: its beginning and its end, and between them how much
    /// is left out and the file in which all of it is. `None` if the result is short anyway.
    pub fn shortened(&self, file: &str) -> Option<Self> {
        let short = |result: &str| {
            let (head, tail) = text::ends_within(result, SHORT)?;
            let missing = result.len() - head.len() - tail.len();
            Some(format!(
                "{head}\n[… {missing} bytes left out, as the disk was full; all of it is in `{file}`]\n{tail}"
            ))
        };
        Some(match self {
            Self::Completed { result } => Self::Completed { result: short(result)? },
            Self::Failed { reason, message, result } => Self::Failed {
                reason: *reason,
                message: message.clone(),
                result: Some(short(result.as_deref()?)?),
            },
            Self::Cancelled { result } => {
                Self::Cancelled { result: Some(short(result.as_deref()?)?) }
            }
        })
    }

    /// A bad ending without findings.
    pub fn failed(reason: Reason, message: impl Into<String>) -> Self {
        Self::Failed { reason, message: message.into(), result: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_result_keeps_its_ends_and_says_what_is_missing_and_where_it_is() {
        let result = format!("first {} last", "\u{1}ä\n".repeat(20_000));
        let file = "/store/bg_1.events.jsonl";
        for ending in [
            Ending::Completed { result: result.clone() },
            Ending::Cancelled { result: Some(result.clone()) },
            Ending::Failed { reason: Reason::Timeout, message: "x".into(), result: Some(result) },
        ] {
            let short = ending.shortened(file).and_then(Ending::into_result).expect("shorter");
            assert!(text::weight(&short) <= SHORT + 400);
            assert!(short.starts_with("first ") && short.ends_with(" last"));
            let (head, rest) = short.split_once("[… ").expect("what is missing");
            let (missing, tail) = rest.split_once(" bytes left out").expect("how much");
            let tail = tail.split_once("]\n").expect("where").1;
            let kept = head.len() - 1 + tail.len();
            assert_eq!(missing.parse::<usize>(), Ok(6 + 4 * 20_000 + 5 - kept));
            assert!(short.contains(file));
        }
        assert_eq!(Ending::Completed { result: "short".into() }.shortened(file), None);
        assert_eq!(Ending::CANCELLED.shortened(file), None);
    }
}
