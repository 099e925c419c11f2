//! A machine in memory, for tests of use cases: a table of processes that verbs and tests start and
//! end.
//!
//! A start adds a supervisor and an agent that live until they are ended; the supervisor holds the life
//! lock and does nothing else, so the test decides what becomes of the task. Never runs a program.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::any::Any;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::port::{self, Claim, Doomed, Environment, Fault, Host, LaunchFailure, Survivors, Until};
use crate::task::{Exit, ProcessId, TaskId, Timestamp};

/// The name of the machine in memory.
pub const HERE: &str = "here";

/// A machine whose processes are forgotten when it is dropped.
#[derive(Clone, Default)]
pub struct MemoryHost {
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    processes: BTreeMap<u32, Process>,
    born: u32,
    failure: Option<LaunchFailure>,
    reminders: Vec<Timestamp>,
    asked: Vec<u32>,
}

/// A process of the table.
struct Process {
    task: TaskId,
    part: Part,
    life: Life,
    /// What it holds open.
    holds: Option<Box<dyn Any + Send>>,
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It lives.
    Living,
    /// It exited like this; `None` if that is not known.
    Ended(Option<Exit>),
}

/// What a process does for its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It looks after the agent.
    Supervisor,
    /// It does the work.
    Agent,
    /// The agent started it, and it lives on.
    Stray,
}

impl MemoryHost {
    /// Adds a living process of a task.
    pub fn spawn(&self, task: &TaskId, part: Part) -> ProcessId {
        let mut table = self.table();
        table.born += 1;
        let pid = 1_000 + table.born;
        table
            .processes
            .insert(pid, Process { task: task.clone(), part, life: Life::Living, holds: None });
        super::process(pid)
    }

    /// Adds this process to a task, as a living one.
    pub fn revive(&self, process: &ProcessId, task: &TaskId, part: Part) {
        let process_of = Process { task: task.clone(), part, life: Life::Living, holds: None };
        self.table().processes.insert(process.pid, process_of);
    }

    /// Ends a process and closes what it held open; returns whether it lived until now.
    pub fn end(&self, process: &ProcessId, exit: Option<Exit>) -> bool {
        let mut table = self.table();
        let Some(known) = table.processes.get_mut(&process.pid) else { return false };
        if known.life != Life::Living {
            return false;
        }
        known.life = Life::Ended(exit);
        let held = known.holds.take();
        drop(table);
        drop(held);
        true
    }

    /// Whether a process lives, or how it exited.
    pub fn life_of(&self, process: &ProcessId) -> Life {
        self.table().processes.get(&process.pid).map_or(Life::Ended(None), |known| known.life)
    }

    /// The living processes of this part, with their tasks.
    pub fn living(&self, part: Part) -> Vec<(ProcessId, TaskId)> {
        let table = self.table();
        let living = table
            .processes
            .iter()
            .filter(|(_, known)| known.part == part && known.life == Life::Living);
        living.map(|(pid, known)| (super::process(*pid), known.task.clone())).collect()
    }

    /// Lets every start from now on fail like this, or none.
    pub fn fail_with(&self, failure: Option<LaunchFailure>) {
        self.table().failure = failure;
    }

    /// The moments for which reminders were asked.
    pub fn reminders(&self) -> Vec<Timestamp> {
        self.table().reminders.clone()
    }

    /// Whether the supervisor was asked to look at its record since this was last called.
    pub fn was_asked(&self, supervisor: &ProcessId) -> bool {
        let mut table = self.table();
        let before = table.asked.len();
        table.asked.retain(|pid| *pid != supervisor.pid);
        table.asked.len() != before
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a supervisor that holds this life lock.
    fn supervise(&self, claim: Box<dyn Claim>) -> Result<(), LaunchFailure> {
        let id = claim.id().clone();
        // If the supervisor does not start, the lock becomes free and its name stays.
        let life = claim.hand_over();
        let failure = self.table().failure.clone();
        if let Some(failure) = failure {
            return Err(failure);
        }
        let supervisor = self.spawn(&id, Part::Supervisor);
        if let Some(known) = self.table().processes.get_mut(&supervisor.pid) {
            known.holds = Some(life);
        }
        Ok(())
    }

    /// The living agents and strays of a task.
    fn workers_of(&self, id: &TaskId) -> Vec<ProcessId> {
        let workers = [Part::Agent, Part::Stray].into_iter().flat_map(|part| self.living(part));
        workers.filter(|(_, task)| task == id).map(|(process, _)| process).collect()
    }
}

#[async_trait]
impl Host for MemoryHost {
    fn store(&self) -> Option<String> {
        None
    }

    fn name(&self) -> &str {
        HERE
    }

    async fn start(
        &self,
        claim: Box<dyn Claim>,
        _environment: &Environment,
        _until: Until,
    ) -> Result<(), LaunchFailure> {
        let id = claim.id().clone();
        self.supervise(claim)?;
        self.spawn(&id, Part::Agent);
        Ok(())
    }

    async fn adopt(&self, claim: Box<dyn Claim>) -> Result<(), LaunchFailure> {
        self.supervise(claim)
    }

    async fn remind(&self, at: Timestamp) -> Result<(), Fault> {
        self.table().reminders.push(at);
        Ok(())
    }

    async fn lives(&self, process: &ProcessId) -> bool {
        self.life_of(process) == Life::Living
    }

    async fn life(&self, process: &ProcessId) -> port::Life {
        match self.life_of(process) {
            Life::Living => port::Life::Living,
            Life::Ended(_) => port::Life::Gone,
        }
    }

    async fn is_of_this_boot(&self, _process: &ProcessId) -> bool {
        true
    }

    async fn ask_to_look(&self, supervisor: &ProcessId) -> Result<(), Fault> {
        self.table().asked.push(supervisor.pid);
        Ok(())
    }

    async fn ask_to_stop(&self, supervisor: &ProcessId) -> Result<(), Fault> {
        self.ask_to_look(supervisor).await
    }

    async fn stop(&self, tasks: &[Doomed], _grace: Duration) -> Survivors {
        for doomed in tasks {
            for agent in self.workers_of(&doomed.id).iter().chain(&doomed.agent) {
                self.end(agent, Some(Exit::Signal(15)));
            }
        }
        Vec::new()
    }

    async fn of_task(&self, task: &Doomed) -> Vec<ProcessId> {
        self.workers_of(&task.id)
    }

    async fn has_none(&self, task: &Doomed) -> bool {
        self.workers_of(&task.id).is_empty()
    }

    async fn holds_all(&self, _task: &Doomed) -> bool {
        true
    }

    async fn let_go_on(&self, _task: &Doomed) {}

    async fn rests(&self, _task: &Doomed) -> bool {
        false
    }

    async fn put_away(&self, task: &Doomed) -> bool {
        self.workers_of(&task.id).is_empty()
    }

    async fn clear(&self, task: &Doomed) -> bool {
        self.workers_of(&task.id).is_empty()
    }

    async fn busy(&self, _tasks: &[Doomed]) -> Vec<TaskId> {
        Vec::new()
    }

    async fn at_large(&self) -> Vec<(TaskId, ProcessId)> {
        let workers = [Part::Agent, Part::Stray].into_iter().flat_map(|part| self.living(part));
        workers.map(|(process, task)| (task, process)).collect()
    }

    async fn working_in(&self, _folders: &[String]) -> BTreeMap<String, Vec<u32>> {
        BTreeMap::new()
    }
}
