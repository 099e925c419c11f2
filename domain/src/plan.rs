//! The third ring: decisions over many tasks, or over one whose supervisor is gone, as values that can
//! be printed.
//!
//! Nothing here takes a lock or changes anything; what carries a plan out lets
//! [`crate::task::Task::apply`] judge again.

pub mod family;
pub mod job;
pub mod notice;
pub mod prune;
pub mod queue;
pub mod reconcile;
