//! What an agent said about its own work, rebuilt from its raw event stream. Never writes the stream.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use async_trait::async_trait;

use super::Fault;
use crate::run::Account;
use crate::task::{Runner, TaskId};

/// Reads the raw event stream that an agent left.
#[cfg_attr(any(test, feature = "testing"), mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// What the events of the task add up to; an empty account if there is no stream, or if no agent
    /// of ours can read what `runner` leaves.
    ///
    /// MUST take bounded memory whatever the size of the stream, and MUST pass over lines that are
    /// broken or cut off.
    ///
    /// # Errors
    /// [`Fault`] if there is a stream and it cannot be read.
    async fn account(&self, id: &TaskId, runner: &Runner) -> Result<Account, Fault>;

    /// What a person reads of that stream, a paragraph an entry, oldest first: at least the last ones.
    ///
    /// MUST hold to the same bounds as [`EventLog::account`].
    ///
    /// # Errors
    /// [`Fault`] if there is a stream and it cannot be read.
    async fn paragraphs(&self, id: &TaskId, runner: &Runner) -> Result<Vec<String>, Fault>;
}
