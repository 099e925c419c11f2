//! The one error of the steps: a sentence for whoever started one.
//!
//! A step has no caller that could handle a failure, so there is nothing to tell apart here; what matters is that the
//! sentence names the thing that failed. Main types: [`Failure`] and [`During`], which adds what was being done.

use std::fmt;

/// Why a step failed.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure in these words.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Turns any error into a [`Failure`] that says what was being done.
pub(crate) trait During<T> {
    /// `what` is a phrase such as "reading `x`".
    fn during(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> During<T> for Result<T, E> {
    fn during(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}
