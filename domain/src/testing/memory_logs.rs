//! What agents said and wrote, in memory, for tests of use cases: accounts that a test gives, and logs that
//! are empty.
//!
//! Nothing here reads a stream.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::port::{EventLog, Fault, LogPart, LogText, OutputLog, Stream};
use crate::run::{Account, AgentEvent};
use crate::task::{Runner, TaskId, Timestamp};

/// What agents said of their own work.
#[derive(Clone, Debug, Default)]
pub struct MemoryEvents {
    accounts: Arc<Mutex<BTreeMap<TaskId, Account>>>,
}

impl MemoryEvents {
    /// Lets the agent of a task say something.
    pub fn say(&self, id: &TaskId, event: AgentEvent) {
        self.accounts().entry(id.clone()).or_default().note(event);
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<TaskId, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventLog for MemoryEvents {
    async fn account(&self, id: &TaskId, _runner: &Runner) -> Result<Account, Fault> {
        Ok(self.accounts().get(id).cloned().unwrap_or_default())
    }

    async fn paragraphs(&self, _id: &TaskId, _runner: &Runner) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }
}

/// Logs of tasks that write nothing.
#[derive(Clone, Debug, Default)]
pub struct SilentLogs {
    made: Arc<Mutex<BTreeSet<TaskId>>>,
}

impl SilentLogs {
    /// Makes the log of a task, as its supervisor does before it starts the agent.
    pub fn make(&self, id: &TaskId) {
        self.made().insert(id.clone());
    }

    fn made(&self) -> MutexGuard<'_, BTreeSet<TaskId>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl OutputLog for SilentLogs {
    async fn read(&self, _id: &TaskId, _which: Stream, _part: LogPart) -> Result<LogText, Fault> {
        Ok(LogText::default())
    }

    async fn append(&self, _id: &TaskId, _text: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn give_back(&self, _id: &TaskId, _most: u64) -> Result<(), Fault> {
        Ok(())
    }

    async fn is_made(&self, id: &TaskId) -> bool {
        self.made().contains(id)
    }

    async fn last_write(&self, _id: &TaskId) -> Result<Option<Timestamp>, Fault> {
        Ok(None)
    }

    fn location(&self, id: &TaskId, _: Stream) -> String {
        format!("/store/{id}.log")
    }
}
