//! The queue in memory, for tests of use cases.
//!
//! Its names sort as those on disk do. Never waits for the gate, whatever the patience.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::plan::queue::Limits;
use crate::port::{Fault, Gate, Queue, Waiting};
use crate::task::Task;

/// A queue that is forgotten when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryQueue {
    state: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: BTreeMap<String, Waiting>,
    limits: Limits,
    paused: bool,
    gate_held: bool,
    listings: u64,
}

impl MemoryQueue {
    /// An empty queue with these limits.
    pub fn with(limits: Limits) -> Self {
        let queue = Self::default();
        queue.limit(limits);
        queue
    }

    /// Changes the limits.
    pub fn limit(&self, limits: Limits) {
        self.state().limits = limits;
    }

    /// The tasks that wait, in the order of the queue.
    pub fn names(&self) -> Vec<Waiting> {
        self.state().entries.values().cloned().collect()
    }

    /// How often the queue was listed.
    pub fn listings(&self) -> u64 {
        self.state().listings
    }

    /// Takes the gate, unless somebody holds it.
    pub fn try_gate(&self) -> Option<Box<dyn Gate>> {
        let mut state = self.state();
        if state.gate_held {
            return None;
        }
        state.gate_held = true;
        Some(Box::new(Entered { queue: self.clone() }))
    }

    fn state(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Entered {
    queue: MemoryQueue,
}

impl Gate for Entered {}

impl Drop for Entered {
    fn drop(&mut self) {
        self.queue.state().gate_held = false;
    }
}

fn entry(task: &Task, conditional: bool) -> String {
    let rank = i16::from(i8::MAX) - i16::from(task.order().placement.priority);
    let micros = task.queued_at().map_or(0, |at| at.as_micros().max(0));
    let condition = if conditional { "c" } else { "u" };
    format!("{rank:03}-{micros:016x}-{condition}-{}", task.id())
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn waiting(&self) -> Result<Vec<Waiting>, Fault> {
        self.state().listings += 1;
        Ok(self.names())
    }

    async fn is_empty(&self) -> Result<bool, Fault> {
        Ok(self.state().entries.is_empty())
    }

    async fn withdraw(&self, task: &Task) -> Result<(), Fault> {
        let mut state = self.state();
        for conditional in [false, true] {
            state.entries.remove(&entry(task, conditional));
        }
        Ok(())
    }

    async fn enter(&self, task: &Task) -> Result<(), Fault> {
        let conditional = !task.waits_for_room_alone();
        let entry = entry(task, conditional);
        let at_most = task.order().placement.at_most;
        let waiting = Waiting { id: task.id().clone(), conditional, at_most, entry: entry.clone() };
        self.state().entries.insert(entry, waiting);
        Ok(())
    }

    async fn leave(&self, waiting: &Waiting) -> Result<(), Fault> {
        self.state().entries.remove(&waiting.entry);
        Ok(())
    }

    async fn is_paused(&self) -> Result<bool, Fault> {
        Ok(self.state().paused)
    }

    async fn set_paused(&self, paused: bool) -> Result<(), Fault> {
        self.state().paused = paused;
        Ok(())
    }

    async fn gate(&self, _patience: Duration) -> Result<Option<Box<dyn Gate>>, Fault> {
        Ok(self.try_gate())
    }

    fn limits(&self) -> Limits {
        self.state().limits.clone()
    }
}
