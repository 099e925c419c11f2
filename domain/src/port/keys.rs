//! Names under which an order is never started twice.
//!
//! Nothing here knows whether the task that has a key still exists; its record says so. Main types:
//! [`Keys`], and [`KeyEntry`], a key that is locked.

use alloc::boxed::Box;
use async_trait::async_trait;

use super::Fault;
use crate::task::TaskId;

/// Keeps which task has which key.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Takes the lock of a key and looks up which task has it.
    ///
    /// At most one process MUST hold the lock, and it MUST be freed however the holder dies. MUST NOT
    /// wait for the lock of another key, and MUST NOT wait for ever.
    ///
    /// # Errors
    /// [`Fault`] that names the key if another process holds the lock for too long, or the task cannot
    /// be looked up.
    async fn open(&self, key: &str) -> Result<Box<dyn KeyEntry>, Fault>;
}

/// A locked key. Dropping it frees the lock.
#[must_use = "dropping the entry frees the key's lock"]
#[async_trait]
pub trait KeyEntry: Send {
    /// The task that has the key.
    fn owner(&self) -> Option<&TaskId>;

    /// Gives the key to a task.
    ///
    /// MUST be atomic: a reader finds the task that had the key, or this one.
    ///
    /// # Errors
    /// [`Fault`] if that cannot be recorded.
    async fn give(&mut self, id: &TaskId) -> Result<(), Fault>;
}
