//! The time: which moment it is, and how much time has passed, even if the wall clock is set. Never
//! waits.

use core::time::Duration;

use crate::task::Timestamp;

/// Tells the time.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// The moment it is now, by the system's wall clock, which may step.
    fn now(&self) -> Timestamp;

    /// Time passed since some fixed moment. MUST never go back, whatever the wall clock does.
    fn elapsed(&self) -> Duration;

    /// Time since the machine was started, without the time it slept. MUST mean the same in every
    /// process of one boot.
    fn awake(&self) -> Duration;
}
