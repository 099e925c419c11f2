//! A world in memory, for tests of use cases: every port, and the [`World`] of these ports.
//!
//! Nothing in it waits, fails or changes by itself. The scheduler runs several verbs over one world at
//! once.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

use super::{
    ManualClock, MemoryCluster, MemoryEvents, MemoryHost, MemoryJobs, MemoryKits, MemoryLocks,
    MemoryQueue, MemoryStore, NoAgents, ORDERED, Part, SilentLogs,
};
use crate::plan::queue::Limits;
use crate::port::{Aftermath, Entropy};
use crate::task::{Task, TaskId};
use crate::usecase::World;

/// Bits that differ from call to call and are the same in every run.
#[derive(Debug, Default)]
pub struct CountedBits(AtomicU64);

impl Entropy for CountedBits {
    fn bytes(&self) -> [u8; 16] {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let mut bytes = [0; 16];
        // The first three bytes go into ids, which sort in the order of the calls.
        bytes[..3].copy_from_slice(&count.to_be_bytes()[5..]);
        bytes
    }
}

/// Remembers which ends it was told of.
#[derive(Default)]
pub struct CountedEnds(Mutex<Vec<TaskId>>);

impl CountedEnds {
    /// The tasks that have ended, as often as it was told.
    pub fn told(&self) -> Vec<TaskId> {
        self.0.lock().expect("nobody panics here").clone()
    }
}

impl Aftermath for CountedEnds {
    fn ended(&self, task: &Task) {
        self.0.lock().expect("nobody panics here").push(task.id().clone());
    }
}

/// A world that is forgotten when it is dropped.
pub struct MemoryWorld {
    /// The records.
    pub store: MemoryStore,
    /// The life locks.
    pub locks: MemoryLocks,
    /// The kits.
    pub kits: MemoryKits,
    /// The queue.
    pub queue: MemoryQueue,
    /// The machine.
    pub host: MemoryHost,
    /// The cluster.
    pub cluster: MemoryCluster,
    /// What hosts tell each other of its jobs.
    pub jobs: MemoryJobs,
    /// A registry without agents.
    pub agents: NoAgents,
    /// What agents said.
    pub events: MemoryEvents,
    /// What tasks wrote.
    pub logs: SilentLogs,
    /// Whose ends were told.
    pub aftermath: CountedEnds,
    /// The time.
    pub clock: ManualClock,
    /// Random bits.
    pub entropy: CountedBits,
}

impl Default for MemoryWorld {
    fn default() -> Self {
        Self::holding([])
    }
}

impl MemoryWorld {
    /// A world whose store holds `tasks`, without life locks or kits.
    pub fn holding(tasks: impl IntoIterator<Item = Task>) -> Self {
        let locks = MemoryLocks::default();
        Self {
            store: MemoryStore::holding(tasks),
            kits: MemoryKits::beside(&locks),
            locks,
            queue: MemoryQueue::default(),
            host: MemoryHost::default(),
            cluster: MemoryCluster::default(),
            jobs: MemoryJobs::default(),
            agents: NoAgents,
            events: MemoryEvents::default(),
            logs: SilentLogs::default(),
            aftermath: CountedEnds::default(),
            clock: ManualClock::at(ORDERED),
            entropy: CountedBits::default(),
        }
    }

    /// The world with these limits.
    #[must_use]
    pub fn limited(self, limits: Limits) -> Self {
        self.queue.limit(limits);
        self
    }

    /// The ports, for use cases.
    pub fn world(&self) -> World<'_> {
        World {
            store: &self.store,
            locks: &self.locks,
            kits: &self.kits,
            queue: &self.queue,
            host: &self.host,
            cluster: &self.cluster,
            jobs: &self.jobs,
            agents: &self.agents,
            events: &self.events,
            logs: &self.logs,
            aftermath: &self.aftermath,
            clock: &self.clock,
            entropy: &self.entropy,
        }
    }

    /// Whether something of the task lives on that its agent started.
    pub fn left_something(&self, id: &TaskId) -> bool {
        self.host.living(Part::Stray).iter().any(|(_, task)| task == id)
    }

    /// The tasks whose agents live.
    pub fn at_work(&self) -> BTreeSet<TaskId> {
        self.host.living(Part::Agent).into_iter().map(|(_, task)| task).collect()
    }
}
