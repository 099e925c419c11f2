//! The innermost ring: what a task is and what may happen to it, as values and pure functions.
//!
//! [`Task`] is the main type and [`Task::apply`] the only way to change one, so every race between a
//! supervisor, a hook, a person and a clean-up is decided there, under whatever lock the store holds.
//! Nothing in this ring does IO, waits or reads a clock.

pub mod agent_name;
pub mod droid;
pub mod ending;
pub mod event;
pub mod id;
pub mod job;
pub mod mirror;
pub mod near;
pub mod notice;
pub mod order;
pub mod preview;
pub mod process;
pub mod progress;
pub mod prompt;
pub mod query;
pub mod retention;
pub mod state;
pub mod target;
pub mod task_name;
pub mod template;
pub mod text;
pub mod time;
pub(crate) mod transitions;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use agent_name::{AgentName, InvalidAgentName};
pub use droid::{Briefing, Droid, DroidName, DroidSource};
pub use ending::Ending;
pub use event::{Event, Refusal, Report, Started};
pub use id::{InvalidId, NO_PARENT, SessionId, TaskId};
pub use job::Job;
pub use order::{
    Autonomy, Continuation, Dependence, Lineage, Order, Placement, Retries, Runner, Worktree,
};
pub use process::{Exit, LeftBehind, ProcessId};
pub use progress::{Activity, Progress, Usage};
pub use prompt::{InvalidPrompt, Prompt};
pub use query::{Listing, Outline, Query, Tally, Unreadable};
pub use retention::{Policy, Signs, Verdict};
pub use state::{
    CancelIntent, Cancelled, Cause, Completed, Failure, Queued, Reason, Running, State, Status,
    StopIntent,
};
pub use target::{InvalidTarget, Target};
pub use task_name::{InvalidTaskName, TaskName};
pub use time::Timestamp;

/// One background task: what was asked for, its state, and what is known of it besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    // Invariant: `state` changes through `apply` alone, and never once it is an ended one.
    id: TaskId,
    // On the heap, so that a task is small to hand on: a supervisor keeps the deepest stack it ever had. An order
    // never changes, so copies share it.
    order: Arc<Order>,
    state: State,
    queued_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    progress: Box<Progress>,
}

/// The parts of a task as a record holds them, for [`Task::recorded`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: TaskId,
    /// What was asked for.
    pub order: Arc<Order>,
    /// Its state.
    pub state: State,
    /// When it was ordered.
    pub queued_at: Option<Timestamp>,
    /// When its agent was started.
    pub started_at: Option<Timestamp>,
    /// What is known of it.
    pub progress: Box<Progress>,
}

/// A task after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The task as it is now.
    pub task: Task,
    /// Whether the change must survive a power cut.
    pub weight: Weight,
}

/// What a change is worth when power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The change must be durable before anybody is told of it: an ending, a start, an intent.
    Lasting,
    /// A power cut may undo the change: progress, or the exit of an agent whose task had ended before.
    Passing,
}

impl Task {
    /// A task that has just been ordered.
    pub fn ordered(id: TaskId, order: Order, output_file: Option<String>, now: Timestamp) -> Self {
        let progress = Progress { last_update: Some(now), output_file, ..Progress::default() };
        let state = State::Queued(Queued { held: order.placement.held, cancel: None });
        let (order, progress) = (Arc::new(order), Box::new(progress));
        Self { id, order, state, queued_at: Some(now), started_at: None, progress }
    }

    /// The task, to run on the machine `host`.
    #[must_use]
    pub fn on(mut self, host: &str) -> Self {
        self.progress.host = Some(host.into());
        self
    }

    /// The task as it is to be shown, with only these processes left behind.
    #[must_use]
    pub fn leaving(mut self, left: LeftBehind) -> Self {
        self.progress.left = left;
        self
    }

    /// The task, with how much of the disk its logs take. Only for stores, which measure that.
    #[must_use]
    pub fn with_logs_of(mut self, bytes: u64) -> Self {
        self.progress.log_bytes = Some(bytes);
        self
    }

    /// A task as a record holds it. Only for stores.
    pub fn recorded(parts: Recorded) -> Self {
        let Recorded { id, order, state, queued_at, started_at, progress } = parts;
        Self { id, order, state, queued_at, started_at, progress }
    }

    /// Its id.
    pub const fn id(&self) -> &TaskId {
        &self.id
    }

    /// What was asked for.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Its state.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The name of its state.
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// When it was ordered.
    pub const fn queued_at(&self) -> Option<Timestamp> {
        self.queued_at
    }

    /// When its agent was started.
    pub const fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// What is known of it besides.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Whether the machine `host` may judge its life lock and its processes; a record that names no
    /// machine belongs to every one. A task that is kept in a store of another machine belongs to none that reads
    /// this record, and neither does one that waits at a cluster.
    pub fn belongs_to(&self, host: &str) -> bool {
        let is_pointer = matches!(self.order.target, Target::Ssh { .. });
        let waits_there = self.is_at_a_cluster() && self.status() == Status::Queued;
        !is_pointer && !waits_there && self.progress.host.as_deref().is_none_or(|name| name == host)
    }

    /// Whether a free slot of this machine is all that it waits for.
    pub fn waits_for_room_alone(&self) -> bool {
        let is_here = !matches!(self.order.target, Target::Slurm { .. });
        is_here && self.order.placement.is_unconditional()
    }

    /// Whether a cluster has it, or is being given it: it waits and runs there, and not by our queue.
    pub fn is_at_a_cluster(&self) -> bool {
        self.progress.slurm.is_some()
    }

    /// The task, about to be handed over to a cluster.
    #[must_use]
    pub fn handed_over(mut self, job: Job) -> Self {
        self.progress.slurm = Some(Box::new(job));
        self
    }

    /// The task as it is to be shown, with what is known of its job by now.
    #[must_use]
    pub fn with_job(mut self, newer: Job) -> Self {
        self.progress.slurm.get_or_insert_default().absorb(newer);
        self
    }

    /// Whether its processes were started from this store, as far as the record or the store says that.
    pub fn is_of_store(&self, store: Option<&str>) -> bool {
        let known = self.progress.store.as_deref().zip(store);
        known.is_none_or(|(recorded, store)| recorded == store)
    }

    /// Whether it was ordered from us: no other program's record says what runs it, or on which machine.
    pub fn is_ours(&self) -> bool {
        let said = self.order.runner != Runner::Elsewhere || self.progress.host.is_some();
        said || self.was_supervised()
    }

    /// Whether one of our supervisors ever ran it.
    pub fn was_supervised(&self) -> bool {
        self.progress.supervisor.is_some()
    }

    /// The groups whose limits it counts against: its droid, and its model.
    pub fn groups(&self) -> impl Iterator<Item = String> {
        let model = self.order.model.as_ref().map(|model| format!("model:{model}"));
        core::iter::once(self.order.agent.clone()).chain(model)
    }

    /// Whether the session `id` is the one minted for it or the one its agent works in.
    pub fn works_in(&self, id: &SessionId) -> bool {
        self.order.session.as_ref() == Some(id)
            || self.progress.activity.session.as_ref() == Some(id)
    }

    /// Whether a report about it would still be taken: it has not ended, or its ending was a guess, beside which
    /// results are kept.
    pub fn takes_report(&self) -> bool {
        !self.status().is_ended() || self.ended_by_guess()
    }

    /// Which of the tasks of one session a report about that session means: all that have not ended, and if there
    /// are none, the newest of those whose ending was a guess: of those without a late result, if there are any.
    pub fn meant_by_report(tasks: impl IntoIterator<Item = Self>) -> Vec<TaskId> {
        let of_use = tasks.into_iter().filter(Self::takes_report);
        let (ended, at_work): (Vec<Self>, Vec<Self>) =
            of_use.partition(|task| task.status().is_ended());
        let rank = |task: &Self| (task.progress.late_result.is_none(), task.id.clone());
        let newest = ended.into_iter().max_by_key(rank);
        let meant = if at_work.is_empty() { newest.into_iter().collect() } else { at_work };
        let mut ids: Vec<TaskId> = meant.into_iter().map(|task| task.id).collect();
        ids.sort_unstable();
        ids
    }

    /// The recorded intent to cancel it, until it has ended.
    pub fn cancel_requested(&self) -> Option<CancelIntent> {
        match &self.state {
            State::Queued(Queued { cancel, .. }) => *cancel,
            State::Running(Running { stop: Some(intent) }) if intent.cause == Cause::Cancel => {
                Some(intent.timing())
            }
            State::Running(_) | State::Completed(_) | State::Error(_) | State::Cancelled(_) => None,
        }
    }

    /// The recorded intent to stop its processes: since when, and with which grace.
    pub fn to_be_stopped(&self) -> Option<CancelIntent> {
        match &self.state {
            State::Queued(Queued { cancel, .. }) => *cancel,
            State::Running(Running { stop }) => stop.as_ref().map(StopIntent::timing),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => self.progress.stop,
        }
    }
}

#[cfg(test)]
mod tests;
