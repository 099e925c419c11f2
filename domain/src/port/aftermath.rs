//! What somebody wants done when a task has come to its end.

use crate::task::Task;

/// Does what an order wants done once its task has ended.
pub trait Aftermath: Send + Sync {
    /// The task in this record has ended, no attempt follows it, and nobody else was told: its life lock is retired.
    ///
    /// MUST NOT wait for what it starts, and MUST NOT fail: the ending stands whatever comes of this.
    fn ended(&self, task: &Task);
}
