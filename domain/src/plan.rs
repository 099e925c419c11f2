//! What is to be done about many tasks, or about one whose supervisor is gone, as values that can
//! be printed before anything is done.
//!
//! Plans are made without a lock; whoever carries one out lets [`crate::task::Task::apply`] judge again.

pub mod notice;
pub mod prune;
pub mod queue;
pub mod reconcile;
