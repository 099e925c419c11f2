//! What tests of other crates need of this one: sample tasks, strategies, every port in memory, put
//! together as a [`MemoryWorld`], and the contract that every store keeps.
//!
//! Never part of a shipped build.
#![expect(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

pub mod manual_clock;
pub mod memory_cluster;
pub mod memory_host;
pub mod memory_kits;
pub mod memory_locks;
pub mod memory_logs;
pub mod memory_notices;
pub mod memory_queue;
pub mod memory_remotes;
pub mod memory_store;
pub mod memory_world;
pub mod no_agents;
pub mod scheduler;
pub mod store_contract;
pub mod strategies;
pub mod yielding;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::time::Duration;

use crate::task::{
    AgentName, Autonomy, Event, Order, ProcessId, Prompt, Recorded, Runner, Running, SessionId,
    Started, State, Task, TaskId, Timestamp,
};

pub use manual_clock::ManualClock;
pub use memory_cluster::{MemoryCluster, MemoryJobs};
pub use memory_host::{HERE, Life, MemoryHost, Part};
pub use memory_kits::MemoryKits;
pub use memory_locks::MemoryLocks;
pub use memory_logs::{MemoryEvents, SilentLogs};
pub use memory_notices::MemoryNotices;
pub use memory_queue::MemoryQueue;
pub use memory_remotes::MemoryRemotes;
pub use memory_store::MemoryStore;
pub use memory_world::MemoryWorld;
pub use no_agents::NoAgents;
pub use yielding::Yielding;

/// The moment the sample tasks were ordered.
pub const ORDERED: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// A process of an earlier boot, with this number.
pub fn process(pid: u32) -> ProcessId {
    ProcessId { pid, start_time: 12_345, boot_id: "5f0c7ea6-boot".to_string() }
}

/// An order for a droid.
pub fn order() -> Order {
    Order {
        description: "Find auth patterns".to_string(),
        prompt: Prompt::recorded("Find all of them".to_string()),
        agent: "explorer".to_string(),
        session: SessionId::parse("0d9f2a70-minted").ok(),
        runner: Runner::Agent { name: AgentName::droid(), autonomy: Autonomy::Low },
        cwd: Some("/work".to_string()),
        ..Order::default()
    }
}

/// A task that has just been ordered.
pub fn queued_task() -> Task {
    Task::ordered(TaskId::mint(ORDERED, [1, 2, 3]), order(), None, ORDERED)
}

/// The start of an agent.
pub fn started() -> Started {
    let awake = Some(Duration::from_secs(1_000));
    Started {
        supervisor: process(100),
        agent: process(101),
        awake,
        group: None,
        store: None,
        log_limit: None,
    }
}

/// A task whose agent has just been started.
pub fn running_task() -> Task {
    let at = ORDERED.plus(Duration::from_millis(2));
    queued_task().apply(Event::Started(started()), at).expect("a queued task can start").task
}

/// A task that another program recorded as queued.
pub fn foreign_queued_task() -> Task {
    let order = Order { runner: Runner::Elsewhere, ..order() };
    Task::ordered(TaskId::mint(ORDERED, [9, 9, 8]), order, None, ORDERED)
}

/// A running task that another program recorded, without a supervisor of ours.
pub fn foreign_running_task() -> Task {
    Task::recorded(Recorded {
        id: TaskId::mint(ORDERED, [9, 9, 9]),
        order: Arc::new(Order { runner: Runner::Elsewhere, ..order() }),
        state: State::Running(Running::default()),
        queued_at: None,
        started_at: Some(ORDERED),
        progress: Box::default(),
    })
}
