//! The innermost ring: what a task is and what may happen to it, as values and pure functions.
//!
//! [`Task`] is the main type and [`Task::apply`] the only way to change one, so every race between
//! a supervisor, a hook, a person and a clean-up is decided there, under whatever lock the store
//! holds. Nothing in this ring waits, reads or fails for lack of anything outside.

pub mod agent_name;
pub mod droid;
pub mod ending;
pub mod event;
pub mod id;
pub mod notice;
pub mod order;
pub mod process;
pub mod progress;
pub mod prompt;
pub mod query;
pub mod retention;
pub mod state;
pub mod template;
pub mod text;
pub mod time;

use alloc::format;

pub use agent_name::{AgentName, InvalidAgentName};
pub use droid::{Briefing, Droid, DroidName, DroidSource};
pub use ending::Ending;
pub use event::{Event, Refusal, Report, Started};
pub use id::{InvalidId, SessionId, TaskId};
pub use order::{
    Autonomy, Continuation, Dependence, Lineage, Order, Placement, Retries, Runner, Worktree,
};
pub use process::{Exit, ProcessId};
pub use progress::{Activity, Progress, Usage};
pub use prompt::{InvalidPrompt, Prompt};
pub use query::{Listing, Query, Tally, Unreadable};
pub use retention::{Policy, Signs, Verdict};
pub use state::{
    CancelIntent, Cancelled, Completed, Failure, Queued, Reason, Running, State, Status,
};
pub use time::Timestamp;

/// One background run: what was asked for, where it is in its life, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    // Invariant: `state` changes through `apply` alone, and never once it is an ended one.
    id: TaskId,
    order: Order,
    state: State,
    queued_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    progress: Progress,
}

/// The parts of a task that was recorded before, for [`Task::recorded`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: TaskId,
    /// What was asked for.
    pub order: Order,
    /// Where it is in its life.
    pub state: State,
    /// When it was ordered.
    pub queued_at: Option<Timestamp>,
    /// When its agent was started.
    pub started_at: Option<Timestamp>,
    /// What is known of it.
    pub progress: Progress,
}

/// A task to which something has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The task as it is now.
    pub task: Task,
    /// What the change is worth when power fails.
    pub weight: Weight,
}

/// What a change is worth when power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It must survive from the moment it is announced: an ending, a start, an intent.
    Lasting,
    /// It may be lost, as the next one says the same and more.
    Passing,
}

impl Task {
    /// A task that has just been ordered.
    pub fn ordered(
        id: TaskId,
        order: Order,
        output_file: Option<alloc::string::String>,
        now: Timestamp,
    ) -> Self {
        let progress = Progress { last_update: Some(now), output_file, ..Progress::default() };
        let state = State::Queued(Queued { held: order.placement.held });
        Self { id, order, state, queued_at: Some(now), started_at: None, progress }
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
    pub const fn order(&self) -> &Order {
        &self.order
    }

    /// Where it is in its life.
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
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Whether a supervisor of ours ever had it.
    pub const fn was_supervised(&self) -> bool {
        self.progress.supervisor.is_some()
    }

    /// The groups whose limits it may count against: its droid, and its model.
    pub fn groups(&self) -> impl Iterator<Item = alloc::string::String> {
        let model = self.order.model.as_ref().map(|model| format!("model:{model}"));
        core::iter::once(self.order.agent.clone()).chain(model)
    }

    /// Whether the session `id` is the one minted for it or the one its agent works in.
    pub fn works_in(&self, id: &SessionId) -> bool {
        self.order.session.as_ref() == Some(id)
            || self.progress.activity.session.as_ref() == Some(id)
    }

    /// Lets `event` happen to the task `at` a moment, or refuses it.
    ///
    /// The only writer of [`State`]. Deterministic: the same task, event and moment always give
    /// the same answer.
    ///
    /// # Errors
    /// [`Refusal`] if the event cannot happen in the state the task is in; above all, an ended
    /// task never changes, so the first ending wins.
    pub fn apply(mut self, event: Event, at: Timestamp) -> Result<Applied, Refusal> {
        let weight = match event {
            Event::Started(started) => self.start(started, at)?,
            Event::Released => {
                self.release()?;
                Weight::Lasting
            }
            Event::Retried(next) => {
                self.progress.retried_as = Some(next);
                Weight::Lasting
            }
            Event::Progressed(activity) => {
                self.running()?;
                self.progress.activity.absorb(activity);
                Weight::Passing
            }
            Event::CancelRequested(intent) => {
                if let Some(earlier) = self.running()?.cancel {
                    return Err(Refusal::BeingCancelled { since: earlier.at });
                }
                self.state = State::Running(Running { cancel: Some(intent) });
                Weight::Lasting
            }
            Event::Ended { ending, exit } => {
                let ending = self.honour_cancel(ending)?;
                self.progress.exit = exit.or(self.progress.exit);
                self.end(ending, at)
            }
            Event::Reported(report) => {
                self.not_ended()?;
                if let State::Running(Running { cancel: Some(intent) }) = &self.state {
                    return Err(Refusal::BeingCancelled { since: intent.at });
                }
                self.end(reported(report), at)
            }
            Event::Expired { policy, signs } => {
                self.not_ended()?;
                let verdict = retention::verdict(&self, signs, policy, at);
                let ending = expired(verdict).ok_or(Refusal::NotExpired { verdict })?;
                let ending = self.honour_cancel(ending)?;
                self.end(ending, at)
            }
            Event::AgentExited(exit) => {
                if !self.state.status().is_ended() {
                    return Err(Refusal::NotEnded);
                }
                self.progress.exit = Some(exit);
                Weight::Passing
            }
        };
        self.progress.last_update = self.progress.last_update.max(Some(at));
        Ok(Applied { task: self, weight })
    }

    fn release(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::Queued(Queued { held: true }) => {
                self.state = State::Queued(Queued { held: false });
                Ok(())
            }
            State::Queued(Queued { held: false }) => Err(Refusal::NotHeld),
            State::Running(_) => Err(Refusal::AlreadyStarted),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
                Err(self.already_ended())
            }
        }
    }

    fn start(&mut self, started: Started, at: Timestamp) -> Result<Weight, Refusal> {
        match &self.state {
            State::Queued(_) => {}
            State::Running(_) => return Err(Refusal::AlreadyStarted),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
                return Err(self.already_ended());
            }
        }
        self.state = State::Running(Running::default());
        self.started_at = Some(at);
        self.progress.supervisor = Some(started.supervisor);
        self.progress.agent = Some(started.agent);
        self.progress.started_awake = started.awake;
        Ok(Weight::Lasting)
    }

    fn end(&mut self, ending: Ending, at: Timestamp) -> Weight {
        let at = Some(at);
        self.progress.activity.tools_in_flight = 0;
        self.state = match ending {
            Ending::Completed { result } => State::Completed(Completed { at, result }),
            Ending::Failed { reason, message, result } => {
                State::Error(Failure { at, reason, message, result })
            }
            Ending::Cancelled => State::Cancelled(Cancelled { at }),
        };
        Weight::Lasting
    }

    /// A recorded wish to cancel decides the ending, whatever was seen afterwards.
    fn honour_cancel(&self, ending: Ending) -> Result<Ending, Refusal> {
        self.not_ended()?;
        match &self.state {
            State::Running(Running { cancel: Some(_) }) => Ok(Ending::Cancelled),
            State::Running(Running { cancel: None }) | State::Queued(_) => Ok(ending),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
                Err(self.already_ended())
            }
        }
    }

    fn running(&self) -> Result<&Running, Refusal> {
        match &self.state {
            State::Queued(_) => Err(Refusal::NotStarted),
            State::Running(running) => Ok(running),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
                Err(self.already_ended())
            }
        }
    }

    fn not_ended(&self) -> Result<(), Refusal> {
        if self.status().is_ended() { Err(self.already_ended()) } else { Ok(()) }
    }

    fn already_ended(&self) -> Refusal {
        Refusal::AlreadyEnded { status: self.status(), at: self.state.ended_at() }
    }
}

fn reported(report: Report) -> Ending {
    match report.error.filter(|error| !error.is_empty()) {
        None => Ending::Completed { result: report.result },
        Some(message) => Ending::Failed {
            reason: Reason::Reported,
            message,
            result: Some(report.result).filter(|result| !result.is_empty()),
        },
    }
}

fn expired(verdict: Verdict) -> Option<Ending> {
    match verdict {
        Verdict::Fresh => None,
        Verdict::TimedOut { age } => {
            Some(Ending::failed(Reason::Timeout, format!("timed out after {} s", age.as_secs())))
        }
        Verdict::Stale { silence } => Some(Ending::failed(
            Reason::Stale,
            format!("no sign of life for {} s", silence.as_secs()),
        )),
    }
}

#[cfg(test)]
mod tests;
