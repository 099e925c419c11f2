//! The machine of a [`Yielding`] world: how a supervisor is started, and what it reports to its
//! starter.
//!
//! Nothing is started here; a start is recorded, and the starter waits until the supervisor has
//! reported or is gone.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_trait::async_trait;
use core::any::Any;
use core::time::Duration;
use std::sync::Mutex;

use super::{Yielding, open};
use crate::port::{Claim, Doomed, Environment, Fault, Host, LaunchFailure, Life, Survivors, Until};
use crate::task::{ProcessId, TaskId, Timestamp};
use crate::testing::scheduler::{idle, note, turn};

/// A supervisor that was just started.
pub struct Start {
    /// Its task.
    pub id: TaskId,
    /// The life lock of the task, as an open file.
    pub life: Box<dyn Any + Send>,
    /// What the supervisor reports to its starter.
    pub words: Words,
}

/// What a supervisor reports to its starter. Dropping it is the supervisor's end.
#[derive(Default)]
pub struct Words(Arc<Mutex<Word>>);

/// The last report of a supervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Word {
    #[default]
    None,
    Detached,
    Started,
    Failed(LaunchFailure),
    /// It is gone, and its agent never ran.
    Gone(LaunchFailure),
}

impl Words {
    /// Reports that the supervisor has detached.
    pub fn detached(&self) {
        *open(&self.0) = Word::Detached;
    }

    /// Reports that the agent runs.
    pub fn started(&self) {
        *open(&self.0) = Word::Started;
    }

    /// Reports that there will be no agent.
    pub fn failed(&self, failure: LaunchFailure) {
        *open(&self.0) = Word::Failed(failure);
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        let mut word = open(&self.0);
        let gone = match &*word {
            Word::None | Word::Detached => LaunchFailure::Supervisor("it was killed".into()),
            Word::Failed(failure) => failure.clone(),
            Word::Started | Word::Gone(_) => return,
        };
        *word = Word::Gone(gone);
    }
}

impl Yielding<'_> {
    /// Starts a supervisor, which finds in the record whether it has to start an agent.
    async fn start_supervisor(
        &self,
        claim: Box<dyn Claim>,
        until: Until,
    ) -> Result<(), LaunchFailure> {
        turn().await;
        let id = claim.id().clone();
        note(|| format!("  start {id}"));
        let said = Arc::new(Mutex::new(Word::None));
        let start = Start { id, life: claim.hand_over(), words: Words(said.clone()) };
        open(&self.starts).push(start);
        loop {
            turn().await;
            let word = open(&said).clone();
            match (word, until) {
                (Word::Started, _) | (Word::Detached, Until::Detached) => return Ok(()),
                (Word::Gone(failure), _) => return Err(failure),
                (Word::None | Word::Failed(_), _) | (Word::Detached, Until::Running) => {
                    idle().await;
                }
            }
        }
    }
}

#[async_trait]
impl Host for Yielding<'_> {
    fn store(&self) -> Option<String> {
        self.memory.host.store()
    }

    fn name(&self) -> &str {
        self.memory.host.name()
    }

    async fn start(
        &self,
        claim: Box<dyn Claim>,
        _environment: &Environment,
        until: Until,
    ) -> Result<(), LaunchFailure> {
        self.start_supervisor(claim, until).await
    }

    async fn adopt(&self, claim: Box<dyn Claim>) -> Result<(), LaunchFailure> {
        self.start_supervisor(claim, Until::Running).await
    }

    async fn remind(&self, at: Timestamp) -> Result<(), Fault> {
        self.memory.host.remind(at).await
    }

    async fn lives(&self, process: &ProcessId) -> bool {
        between_turns!(format!("  whether {} lives", process.pid), self.memory.host.lives(process))
    }

    async fn life(&self, process: &ProcessId) -> Life {
        between_turns!(format!("  how {} lives", process.pid), self.memory.host.life(process))
    }

    async fn is_of_this_boot(&self, process: &ProcessId) -> bool {
        self.memory.host.is_of_this_boot(process).await
    }

    async fn ask_to_look(&self, supervisor: &ProcessId) -> Result<(), Fault> {
        let asked = self.memory.host.ask_to_look(supervisor);
        between_turns!(format!("  ask {} to look", supervisor.pid), asked)
    }

    async fn ask_to_stop(&self, supervisor: &ProcessId) -> Result<(), Fault> {
        let asked = self.memory.host.ask_to_stop(supervisor);
        between_turns!(format!("  ask {} to stop", supervisor.pid), asked)
    }

    async fn stop(&self, tasks: &[Doomed], grace: Duration) -> Survivors {
        let ids: String = tasks.iter().map(|doomed| format!(" {}", doomed.id)).collect();
        between_turns!(format!("  stop{ids}"), self.memory.host.stop(tasks, grace))
    }

    async fn of_task(&self, task: &Doomed) -> Vec<ProcessId> {
        between_turns!(format!("  processes of {}", task.id), self.memory.host.of_task(task))
    }

    async fn has_none(&self, task: &Doomed) -> bool {
        self.memory.host.has_none(task).await
    }

    async fn holds_all(&self, task: &Doomed) -> bool {
        self.memory.host.holds_all(task).await
    }

    async fn let_go_on(&self, task: &Doomed) {
        self.memory.host.let_go_on(task).await;
    }

    async fn rests(&self, task: &Doomed) -> bool {
        self.memory.host.rests(task).await
    }

    async fn put_away(&self, task: &Doomed) -> bool {
        self.memory.host.put_away(task).await
    }

    async fn clear(&self, task: &Doomed) -> bool {
        between_turns!(format!("  clear {}", task.id), self.memory.host.clear(task))
    }

    async fn busy(&self, tasks: &[Doomed]) -> Vec<TaskId> {
        self.memory.host.busy(tasks).await
    }

    async fn at_large(&self) -> Vec<(TaskId, ProcessId)> {
        between_turns!("  processes at large".into(), self.memory.host.at_large())
    }

    async fn working_in(&self, folders: &[String]) -> BTreeMap<String, Vec<u32>> {
        self.memory.host.working_in(folders).await
    }
}
