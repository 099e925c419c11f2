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
use alloc::string::String;
use core::time::Duration;

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
    CancelIntent, Cancelled, Cause, Completed, Failure, Queued, Reason, Running, State, Status,
    StopIntent,
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
    pub fn ordered(id: TaskId, order: Order, output_file: Option<String>, now: Timestamp) -> Self {
        let progress = Progress { last_update: Some(now), output_file, ..Progress::default() };
        let state = State::Queued(Queued { held: order.placement.held, cancel: None });
        Self { id, order, state, queued_at: Some(now), started_at: None, progress }
    }

    /// The same, to be run by the machine `host`.
    #[must_use]
    pub fn on(mut self, host: &str) -> Self {
        self.progress.host = Some(host.into());
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

    /// Whether the machine `host` may judge its life lock and its processes; a record that names no
    /// machine belongs to whoever looks.
    pub fn belongs_to(&self, host: &str) -> bool {
        self.progress.host.as_deref().is_none_or(|name| name == host)
    }

    /// Whether a supervisor of ours ever had it.
    pub const fn was_supervised(&self) -> bool {
        self.progress.supervisor.is_some()
    }

    /// The groups whose limits it may count against: its droid, and its model.
    pub fn groups(&self) -> impl Iterator<Item = String> {
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
            Event::Retried { next, instead_of } => self.retry(next, instead_of.as_ref())?,
            Event::Progressed(activity) => {
                self.running()?;
                self.progress.activity.absorb(activity);
                Weight::Passing
            }
            Event::CancelRequested(intent) => self.request_cancel(intent)?,
            Event::Overran { limit, grace } => {
                self.running()?;
                let message = format!("timed out after {} s", limit.as_secs_f64());
                self.expire(Reason::Timeout, message, grace, at)
            }
            Event::StopRequested(intent) => {
                self.ended()?;
                self.progress.stop = Some(soonest(self.progress.stop, intent));
                Weight::Lasting
            }
            Event::Ended { ending, exit, next } => {
                let ending = self.honour_intent(ending)?;
                self.progress.exit = exit.or(self.progress.exit);
                self.end(ending, next, at)
            }
            Event::Reported(report) => self.report(report, at)?,
            Event::Expired { policy, signs, grace, next } => {
                self.not_ended()?;
                let verdict = retention::verdict(&self, signs, policy, at);
                let (reason, message) = expired(verdict).ok_or(Refusal::NotExpired { verdict })?;
                match self.status() {
                    Status::Running => self.expire(reason, message, grace, at),
                    Status::Queued | Status::Completed | Status::Error | Status::Cancelled => {
                        let ending = self.honour_intent(Ending::failed(reason, message))?;
                        self.end(ending, next, at)
                    }
                }
            }
            Event::AgentExited { exit, result } => {
                self.ended()?;
                self.progress.exit = exit.or(self.progress.exit);
                self.progress.stop = None;
                self.keep_late(result);
                Weight::Passing
            }
        };
        self.progress.last_update = self.progress.last_update.max(Some(at));
        Ok(Applied { task: self, weight })
    }

    fn release(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::Queued(Queued { held: true, cancel }) => {
                self.state = State::Queued(Queued { held: false, cancel });
                Ok(())
            }
            State::Queued(Queued { held: false, .. }) => Err(Refusal::NotHeld),
            State::Running(_) => Err(Refusal::AlreadyStarted),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
                Err(self.already_ended())
            }
        }
    }

    fn start(&mut self, started: Started, at: Timestamp) -> Result<Weight, Refusal> {
        let cancel = match &self.state {
            State::Queued(Queued { cancel, .. }) => *cancel,
            State::Running(_) => return Err(Refusal::AlreadyStarted),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
                return Err(self.already_ended());
            }
        };
        // Who asked for a cancel meanwhile is still to have it.
        self.state = State::Running(Running { stop: cancel.map(StopIntent::cancel) });
        self.started_at = Some(at);
        self.progress.supervisor = Some(started.supervisor);
        self.progress.agent = Some(started.agent);
        self.progress.started_awake = started.awake;
        Ok(Weight::Lasting)
    }

    /// Ends it; whether another attempt follows is decided here, so that whoever records an ending gives
    /// it the same attempts.
    fn end(&mut self, ending: Ending, next: Option<TaskId>, at: Timestamp) -> Weight {
        if self.order.retries.follow(&ending) && self.progress.retried_as.is_none() {
            self.progress.retried_as = next;
        }
        let at = Some(at);
        self.progress.activity.tools_in_flight = 0;
        self.state = match ending {
            Ending::Completed { result } => State::Completed(Completed { at, result }),
            Ending::Failed { reason, message, result } => {
                State::Error(Failure { at, reason, message, result })
            }
            Ending::Cancelled => State::Cancelled(Cancelled { at }),
        };
        self.progress.stop = None;
        Weight::Lasting
    }

    /// Records that somebody wants it cancelled. Of two wishes the one that comes due first counts.
    fn request_cancel(&mut self, intent: CancelIntent) -> Result<Weight, Refusal> {
        match &mut self.state {
            State::Queued(Queued { cancel, .. }) => *cancel = Some(soonest(*cancel, intent)),
            State::Running(Running { stop }) => {
                let earlier = stop.as_ref().map(StopIntent::timing);
                *stop = Some(StopIntent::cancel(soonest(earlier, intent)));
            }
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => {
                return Err(self.already_ended());
            }
        }
        Ok(Weight::Lasting)
    }

    /// Records that a running task is to be stopped for having run too long or fallen silent; a cancel
    /// that was asked for before still decides the ending.
    fn expire(
        &mut self,
        reason: Reason,
        message: String,
        grace: Duration,
        at: Timestamp,
    ) -> Weight {
        if let State::Running(Running { stop }) = &mut self.state
            && stop.is_none()
        {
            *stop = Some(StopIntent { at, grace, cause: Cause::Expiry { reason, message } });
        }
        Weight::Lasting
    }

    fn retry(&mut self, next: TaskId, instead_of: Option<&TaskId>) -> Result<Weight, Refusal> {
        self.ended()?;
        match &self.progress.retried_as {
            Some(known) if instead_of != Some(known) => {
                Err(Refusal::AlreadyRetried { next: known.clone() })
            }
            Some(_) | None => {
                self.progress.retried_as = Some(next);
                Ok(Weight::Lasting)
            }
        }
    }

    fn report(&mut self, report: Report, at: Timestamp) -> Result<Weight, Refusal> {
        if self.ended_by_guess() && !report.result.is_empty() {
            self.keep_late(Some(report.result));
            return Ok(Weight::Lasting);
        }
        self.not_ended()?;
        if let Some(intent) = self.cancel_requested() {
            return Err(Refusal::BeingCancelled { since: intent.at });
        }
        Ok(self.end(reported(report), None, at))
    }

    /// The wish to cancel it that is recorded and not carried out yet.
    pub fn cancel_requested(&self) -> Option<CancelIntent> {
        match &self.state {
            State::Queued(Queued { cancel, .. }) => *cancel,
            State::Running(Running { stop: Some(intent) }) if intent.cause == Cause::Cancel => {
                Some(intent.timing())
            }
            State::Running(_) | State::Completed(_) | State::Error(_) | State::Cancelled(_) => None,
        }
    }

    /// By when its processes are to be gone, and how long they had for it, where somebody wants that.
    pub fn to_be_stopped(&self) -> Option<CancelIntent> {
        match &self.state {
            State::Queued(Queued { cancel, .. }) => *cancel,
            State::Running(Running { stop }) => stop.as_ref().map(StopIntent::timing),
            State::Completed(_) | State::Error(_) | State::Cancelled(_) => self.progress.stop,
        }
    }

    /// Whether its ending was concluded by somebody who did not see the end.
    fn ended_by_guess(&self) -> bool {
        matches!(&self.state, State::Error(failure) if failure.reason.is_guess())
    }

    /// Keeps a result that came after an ending that was a guess; the first one counts.
    fn keep_late(&mut self, result: Option<String>) {
        if self.ended_by_guess() && self.progress.late_result.is_none() {
            self.progress.late_result = result.filter(|result| !result.is_empty());
        }
    }

    /// A recorded intent to stop it decides the ending, whatever was seen afterwards; what the agent found
    /// is kept.
    fn honour_intent(&self, ending: Ending) -> Result<Ending, Refusal> {
        self.not_ended()?;
        if self.cancel_requested().is_some() {
            return Ok(Ending::Cancelled);
        }
        match &self.state {
            State::Running(Running { stop: Some(StopIntent { cause, .. }) }) => match cause {
                Cause::Cancel => Ok(Ending::Cancelled),
                Cause::Expiry { reason, message } => Ok(Ending::Failed {
                    reason: *reason,
                    message: message.clone(),
                    result: ending.into_result(),
                }),
            },
            State::Running(Running { stop: None }) | State::Queued(_) => Ok(ending),
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

    fn ended(&self) -> Result<(), Refusal> {
        if self.status().is_ended() { Ok(()) } else { Err(Refusal::NotEnded) }
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

/// Of two wishes to stop a task the one that comes due first, dated by the first.
fn soonest(earlier: Option<CancelIntent>, now: CancelIntent) -> CancelIntent {
    let Some(earlier) = earlier else { return now };
    let due = |intent: CancelIntent| intent.at.plus(intent.grace);
    let grace = earlier.grace.min(due(now).since(earlier.at));
    CancelIntent { at: earlier.at, grace }
}

fn expired(verdict: Verdict) -> Option<(Reason, String)> {
    match verdict {
        Verdict::Fresh => None,
        Verdict::TimedOut { age } => {
            Some((Reason::Timeout, format!("timed out after {} s", age.as_secs())))
        }
        Verdict::Stale { silence } => {
            Some((Reason::Stale, format!("no sign of life for {} s", silence.as_secs())))
        }
    }
}

#[cfg(test)]
mod tests;
