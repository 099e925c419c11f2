//! The ports of a world in memory, with a scheduling point before and after each operation, where the
//! [`scheduler`](super::scheduler) may let other actors go on, or the caller be killed.
//!
//! What blocks on a real machine idles here until another actor went on or time has passed. A started
//! supervisor is only recorded as a [`Start`]; the test makes an actor of it. Never uses a thread. Main
//! type: [`Yielding`], whose operations can be made to fail at random.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::scheduler::{Dice, idle, note, turn, worded};
use super::{MemoryLocks, MemoryWorld};
use crate::plan::queue::Limits;
use crate::plan::reconcile::Custody;
use crate::port::{
    Claim, Clock, Environment, Fault, Further, Gate, Index, Kit, Kits, LifeLocks, Queue,
    StoreError, TaskStore, Unended, Waiting, Watch, Woken,
};
use crate::task::droid::Instructions;
use crate::task::{Event, Listing, Query, Report, SessionId, Task, TaskId, TaskName, Timestamp};
use crate::usecase::World;

/// Awaits one operation between two scheduling points.
macro_rules! between_turns {
    ($what:expr, $done:expr) => {{
        turn().await;
        let done = $done.await;
        note(|| $what);
        turn().await;
        done
    }};
}

mod starting;

pub use starting::{Start, Words};

/// The ports of a world in memory, with scheduling points.
pub struct Yielding<'m> {
    /// The world itself.
    pub memory: &'m MemoryWorld,
    starts: Mutex<Vec<Start>>,
    faults: Mutex<Option<(Dice, usize)>>,
    gave_up: AtomicBool,
}

fn open<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'m> Yielding<'m> {
    /// The ports of this world.
    pub fn over(memory: &'m MemoryWorld) -> Self {
        Self {
            memory,
            starts: Mutex::default(),
            faults: Mutex::default(),
            gave_up: AtomicBool::default(),
        }
    }

    /// The world, for use cases.
    pub fn world(&self) -> World<'_> {
        World {
            store: self,
            locks: self,
            kits: self,
            queue: self,
            host: self,
            ..self.memory.world()
        }
    }

    /// Whether the patience of some actor that waited for the gate ran out.
    pub fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::SeqCst)
    }

    /// Makes one in this many operations fail from now on, or none.
    pub fn fail(&self, faults: Option<(Dice, usize)>) {
        *open(&self.faults) = faults;
    }

    /// Fails if the dice say that this operation does.
    fn attempt(&self) -> Result<(), Fault> {
        let fails = match &mut *open(&self.faults) {
            Some((dice, times)) => dice.once_in(*times),
            None => false,
        };
        if !fails {
            return Ok(());
        }
        note(|| "  FAULT".into());
        Err(Fault::of("doing it", "it is to fail"))
    }

    fn attempt_record(&self) -> Result<(), StoreError> {
        let failed =
            |fault: Fault| StoreError::Failed { folder: "/store".into(), failure: fault.into() };
        self.attempt().map_err(failed)
    }

    /// The supervisors that were started since this was last called.
    pub fn starts(&self) -> Vec<Start> {
        core::mem::take(&mut open(&self.starts))
    }
}

#[async_trait]
impl TaskStore for Yielding<'_> {
    async fn create(&self, task: &Task) -> Result<(), StoreError> {
        self.attempt_record()?;
        between_turns!(format!("  record {}", task.id()), self.memory.store.create(task))
    }

    async fn create_untold(&self, task: &Task) -> Result<(), StoreError> {
        self.create(task).await
    }

    async fn make_durable(&self, ids: &[TaskId]) -> Result<(), StoreError> {
        self.attempt_record()?;
        let synced = TaskStore::make_durable(&self.memory.store, ids);
        between_turns!("  sync records".into(), synced)
    }

    async fn load(&self, id: &TaskId) -> Result<Task, StoreError> {
        self.attempt_record()?;
        between_turns!(format!("  load {id}"), self.memory.store.load(id))
    }

    async fn apply(&self, id: &TaskId, event: Event, at: Timestamp) -> Result<Task, StoreError> {
        self.attempt_record()?;
        let said = worded(|| format!("  apply {event:?} to {id}"));
        between_turns!(said, self.memory.store.apply(id, event, at))
    }

    async fn list(&self, query: &Query) -> Result<Listing, StoreError> {
        self.attempt_record()?;
        between_turns!("  list records".into(), self.memory.store.list(query))
    }

    async fn matching(&self, prefix: &str, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.memory.store.matching(prefix, limit).await
    }

    async fn newest(&self, count: usize) -> Result<Vec<TaskId>, StoreError> {
        self.memory.store.newest(count).await
    }

    async fn named(&self, name: &TaskName) -> Result<Option<TaskId>, StoreError> {
        self.memory.store.named(name).await
    }

    async fn in_session(&self, session: &SessionId) -> Result<Vec<TaskId>, StoreError> {
        self.memory.store.in_session(session).await
    }

    async fn put_off(&self, id: &TaskId, report: &Report) -> Result<(), StoreError> {
        self.memory.store.put_off(id, report).await
    }

    async fn put_off_report(&self, id: &TaskId) -> Option<Report> {
        self.memory.store.put_off_report(id).await
    }

    async fn unended(&self) -> Result<Vec<Unended>, StoreError> {
        self.memory.store.unended().await
    }

    async fn remove(&self, id: &TaskId) -> Result<(), StoreError> {
        between_turns!(format!("  remove {id}"), self.memory.store.remove(id))
    }

    async fn retract(&self, id: &TaskId) -> Result<(), StoreError> {
        self.attempt_record()?;
        between_turns!(format!("  retract {id}"), self.memory.store.retract(id))
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        self.memory.store.sweep().await
    }
}

#[async_trait]
impl LifeLocks for Yielding<'_> {
    async fn custody(&self, id: &TaskId) -> Result<Custody, Fault> {
        self.attempt()?;
        between_turns!(format!("  custody of {id}"), self.memory.locks.custody(id))
    }

    async fn index(&self) -> Result<Index, Fault> {
        self.attempt()?;
        between_turns!("  index".into(), self.memory.locks.index())
    }

    async fn claim(&self, id: &TaskId) -> Result<Option<Box<dyn Claim>>, Fault> {
        self.attempt()?;
        between_turns!(format!("  claim {id}"), self.memory.locks.claim(id))
    }

    async fn retire(&self, id: &TaskId) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  retire {id}"), LifeLocks::retire(&self.memory.locks, id))
    }

    async fn note_remains(&self, id: &TaskId) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  note remains of {id}"), self.memory.locks.note_remains(id))
    }

    async fn forget_remains(&self, id: &TaskId) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  forget remains of {id}"), self.memory.locks.forget_remains(id))
    }

    fn holder(&self, _: &TaskId) -> String {
        // Nobody in memory has a number.
        String::new()
    }

    async fn watch(&self, ids: &[TaskId]) -> Result<Box<dyn Watch>, Fault> {
        let clock = self.memory.clock.clone();
        Ok(Box::new(Watching { locks: self.memory.locks.clone(), clock, ids: ids.to_vec() }))
    }
}

/// A watch that idles until something happened.
struct Watching {
    locks: MemoryLocks,
    clock: super::ManualClock,
    ids: Vec<TaskId>,
}

#[async_trait]
impl Watch for Watching {
    async fn next(&mut self, at_most: Duration) -> Woken {
        let free = self.ids.iter().position(|id| self.locks.look(id) != Custody::Held);
        if let Some(free) = free {
            return Woken::Released(self.ids.swap_remove(free));
        }
        let began = self.clock.elapsed();
        idle().await;
        let passed = self.clock.elapsed().saturating_sub(began);
        if passed >= at_most { Woken::TimedOut } else { Woken::Changed }
    }

    async fn include(&mut self, id: &TaskId) {
        self.ids.push(id.clone());
    }

    async fn expect(&mut self, _id: &TaskId) {}
}

#[async_trait]
impl Kits for Yielding<'_> {
    async fn keep(&self, id: &TaskId, kit: &Kit) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  keep for {id}"), self.memory.kits.keep(id, kit))
    }

    async fn make_durable(&self, ids: &[TaskId]) -> Result<(), Fault> {
        self.attempt()?;
        let synced = Kits::make_durable(&self.memory.kits, ids);
        between_turns!("  sync what is kept".into(), synced)
    }

    async fn instruct(&self, id: &TaskId, instructions: &Instructions) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  instruct {id}"), self.memory.kits.instruct(id, instructions))
    }

    async fn kept(&self, id: &TaskId) -> Result<Environment, Fault> {
        self.attempt()?;
        between_turns!(format!("  read what is kept for {id}"), self.memory.kits.kept(id))
    }

    async fn keeps(&self, id: &TaskId) -> Result<bool, Fault> {
        self.attempt()?;
        between_turns!(format!("  whether anything is kept for {id}"), self.memory.kits.keeps(id))
    }

    async fn keep_for_next(&self, id: &TaskId, environment: &Environment) -> Result<(), Fault> {
        self.attempt()?;
        let kept = self.memory.kits.keep_for_next(id, environment);
        between_turns!(format!("  keep for what follows {id}"), kept)
    }

    async fn begin(&self, id: &TaskId, further: Further) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  begin {id}"), self.memory.kits.begin(id, further))
    }

    async fn pass_on(&self, from: &TaskId, to: &TaskId) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  pass on {from} to {to}"), self.memory.kits.pass_on(from, to))
    }

    async fn forget(&self, id: &TaskId) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  forget {id}"), self.memory.kits.forget(id))
    }
}

#[async_trait]
impl Queue for Yielding<'_> {
    async fn waiting(&self) -> Result<Vec<Waiting>, Fault> {
        self.attempt()?;
        between_turns!("  who waits".into(), self.memory.queue.waiting())
    }

    async fn is_empty(&self) -> Result<bool, Fault> {
        self.attempt()?;
        between_turns!("  whether anybody waits".into(), self.memory.queue.is_empty())
    }

    async fn withdraw(&self, task: &Task) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  withdraw {}", task.id()), self.memory.queue.withdraw(task))
    }

    async fn enter(&self, task: &Task) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  enter {}", task.id()), self.memory.queue.enter(task))
    }

    async fn leave(&self, waiting: &Waiting) -> Result<(), Fault> {
        self.attempt()?;
        between_turns!(format!("  leave {}", waiting.id), self.memory.queue.leave(waiting))
    }

    async fn is_paused(&self) -> Result<bool, Fault> {
        self.memory.queue.is_paused().await
    }

    async fn set_paused(&self, paused: bool) -> Result<(), Fault> {
        self.memory.queue.set_paused(paused).await
    }

    async fn gate(&self, patience: Duration) -> Result<Option<Box<dyn Gate>>, Fault> {
        self.attempt()?;
        let began = self.memory.clock.elapsed();
        turn().await;
        loop {
            if let Some(gate) = self.memory.queue.try_gate() {
                note(|| "  gate".into());
                turn().await;
                return Ok(Some(gate));
            }
            if self.memory.clock.elapsed().saturating_sub(began) >= patience {
                self.gave_up.store(true, Ordering::SeqCst);
                return Ok(None);
            }
            idle().await;
        }
    }

    fn limits(&self) -> Limits {
        self.memory.queue.limits()
    }
}
