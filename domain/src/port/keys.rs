//! Names under which an order is never started twice.

use alloc::boxed::Box;
use async_trait::async_trait;

use super::Fault;
use crate::task::TaskId;

/// Keeps which task has which key.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Takes the lock of a key and looks up who has it.
    ///
    /// MUST be held by one at a time, and MUST be freed however the holder dies.
    ///
    /// # Errors
    /// [`Fault`] if the lock cannot be had in time, or the key cannot be looked up.
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
    /// # Errors
    /// [`Fault`] if that cannot be recorded.
    async fn give(&mut self, id: &TaskId) -> Result<(), Fault>;
}
