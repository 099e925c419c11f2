//! The moment something happened, as a type of its own.
//!
//! Rules are handed `now`; they never fetch it. A span between two moments is a
//! [`core::time::Duration`], and is zero where the clock stepped back.

use core::time::Duration;

/// A moment: microseconds since the Unix epoch, in UTC.
///
/// Microseconds, because the record format writes six digits of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `micros` microseconds after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The time that has passed since `earlier`; zero if the clock stepped back.
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0))
            .map_or(Duration::ZERO, Duration::from_micros)
    }

    /// The moment `span` after this one, or the last one there is.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stepped_back_makes_no_time_pass() {
        let (before, after) = (Timestamp::from_millis(5), Timestamp::from_millis(3));
        assert_eq!(after.since(before), Duration::ZERO);
        assert_eq!(before.since(after), Duration::from_millis(2));
    }
}
