//! The transitions: what each event changes in a task, or why it is refused.
//!
//! Nothing here looks at a clock, or at anything but the task, the event and its moment.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::mirror::Mirror;
use super::{
    Applied, CancelIntent, Cancelled, Cause, Completed, Ending, Event, Failure, Queued, Reason,
    Refusal, Report, Running, Started, State, Status, StopIntent, Task, TaskId, Timestamp, Verdict,
    Weight, retention,
};

/// How much of late results is kept beside an ending, in bytes.
const MOST_LATE: usize = 1 << 20;

impl Task {
    /// Applies `event`, which happened `at` a moment, or refuses it.
    ///
    /// The only writer of [`State`]. Deterministic: the same task, event and moment always give
    /// the same answer.
    ///
    /// # Errors
    /// [`Refusal`] if the event cannot happen in the state the task is in; above all, the state of an
    /// ended task never changes, so the first ending wins.
    pub fn apply(mut self, event: Event, at: Timestamp) -> Result<Applied, Refusal> {
        if event.is_up_to_its_keeper()
            && let Some(host) = self.unended_on()
        {
            return Err(Refusal::KeptElsewhere { host: host.into() });
        }
        let weight = match event {
            Event::Started(started) => self.start(started, at)?,
            Event::Released => {
                self.release()?;
                Weight::Lasting
            }
            Event::Adopted { supervisor } => {
                self.running()?;
                self.progress.supervisor = Some(supervisor);
                self.progress.adoptions = self.progress.adoptions.saturating_add(1);
                Weight::Passing
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
                let message = format!("timed out after {} s (`--timeout`)", limit.as_secs_f64());
                self.expire(Reason::Timeout, message, grace, at)
            }
            Event::Overflowed { limit, grace } => {
                self.running()?;
                self.expire(Reason::OutputLimit, overflow_message(limit), grace, at)
            }
            Event::Displaced { reason, message, grace } => {
                self.running()?;
                self.expire(reason, message, grace, at)
            }
            Event::Placed { job, host } => {
                self.not_ended()?;
                self.progress.slurm.get_or_insert_default().absorb(*job);
                self.progress.host = host.or(self.progress.host);
                Weight::Lasting
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
                let (reason, message) =
                    self.expired(verdict).ok_or(Refusal::NotExpired { verdict })?;
                match self.status() {
                    Status::Running => self.expire(reason, message, grace, at),
                    Status::Queued | Status::Completed | Status::Error | Status::Cancelled => {
                        let ending = self.honour_intent(Ending::failed(reason, message))?;
                        self.end(ending, next, at)
                    }
                }
            }
            Event::Mirrored(mirror) => self.mirror(*mirror)?,
            Event::LeftBehind(left) => {
                if self.status() == Status::Queued {
                    return Err(Refusal::NotStarted);
                }
                self.progress.left = left;
                Weight::Passing
            }
            Event::LogLost { bytes } => {
                if self.status() == Status::Queued {
                    return Err(Refusal::NotStarted);
                }
                self.progress.log_lost = bytes;
                // A full disk has room for what lasts.
                Weight::Lasting
            }
            Event::AgentExited { exit, result } => {
                self.ended()?;
                self.progress.exit = exit.or(self.progress.exit);
                self.progress.stop = None;
                self.keep_late(&result.unwrap_or_default());
                Weight::Passing
            }
        };
        self.progress.last_update = self.progress.last_update.max(Some(at));
        Ok(Applied { task: self, weight })
    }

    /// The ending that would be recorded if `ending` were applied now: a recorded intent to stop
    /// decides. `None` if the task has ended.
    pub fn would_end_as(&self, ending: Ending) -> Option<Ending> {
        self.honour_intent(ending).ok()
    }

    /// Takes over what the machine says that keeps it.
    fn mirror(&mut self, mirror: Mirror) -> Result<Weight, Refusal> {
        self.not_ended()?;
        if self.kept_on().is_none() {
            return Err(Refusal::NotElsewhere);
        }
        let Mirror { remote, state, started_at, activity, exit, late_result } = mirror;
        let is_news = self.state.status() != state.status()
            || self.progress.remote_id.as_ref() != Some(&remote);
        self.progress.remote_id = Some(remote);
        self.progress.activity = activity;
        self.progress.exit = exit;
        self.progress.late_result = late_result;
        self.started_at = started_at;
        self.state = state;
        Ok(if is_news { Weight::Lasting } else { Weight::Passing })
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
        // A cancel that was asked for while the task waited stays in force.
        self.state = State::Running(Running { stop: cancel.map(StopIntent::cancel) });
        self.started_at = Some(at);
        self.progress.supervisor = Some(started.supervisor);
        self.progress.agent = Some(started.agent);
        self.progress.started_awake = started.awake;
        self.progress.group = started.group;
        self.progress.store = started.store;
        self.progress.log_limit = started.log_limit;
        Ok(Weight::Lasting)
    }

    /// Ends the task. Whether another attempt follows is decided here, so it does not depend on who
    /// records the ending.
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
            Ending::Cancelled { result } => State::Cancelled(Cancelled { at, result }),
        };
        self.progress.stop = None;
        if let Some(job) = &mut self.progress.slurm {
            job.end();
        }
        Weight::Lasting
    }

    /// Records an intent to cancel the task. Of two intents the one that is due first counts.
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

    /// Records the intent to stop a running task that ran too long or fell silent, unless an earlier
    /// intent stands.
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
        if self.ended_by_guess() && !report.result.is_empty() && self.keep_late(&report.result) {
            return Ok(Weight::Lasting);
        }
        self.not_ended()?;
        if let Some(intent) = self.cancel_requested() {
            return Err(Refusal::BeingCancelled { since: intent.at });
        }
        Ok(self.end(reported(report), None, at))
    }

    /// Whether its ending may be wrong; see [`Reason::is_guess`].
    pub(super) fn ended_by_guess(&self) -> bool {
        matches!(&self.state, State::Error(failure) if failure.reason.is_guess())
    }

    /// Keeps a result beside an ending that was a guess, or that brought none, after those that are kept there, as a
    /// paragraph of its own. `false` if there is no room for it. One that was kept last is not kept again: a hook may
    /// report it twice.
    fn keep_late(&mut self, result: &str) -> bool {
        let without = self.state.result().is_none_or(str::is_empty);
        if result.is_empty() || !(without || self.ended_by_guess()) {
            return true;
        }
        let kept = self.progress.late_result.get_or_insert_default();
        let is_kept =
            kept.strip_suffix(result).is_some_and(|it| it.is_empty() || it.ends_with("\n\n"));
        if is_kept {
            return true;
        }
        if !kept.is_empty() {
            if kept.len() + result.len() > MOST_LATE {
                return false;
            }
            kept.push_str("\n\n");
        }
        kept.push_str(result);
        true
    }

    /// The ending to record: a recorded intent to stop decides it, whatever was seen afterwards. An
    /// expiry keeps what the agent found. A cancel outranks an expiry, even a cancel that could not be
    /// recorded before.
    fn honour_intent(&self, ending: Ending) -> Result<Ending, Refusal> {
        self.not_ended()?;
        if self.cancel_requested().is_some() {
            return Ok(Ending::Cancelled { result: ending.into_result() });
        }
        match &self.state {
            State::Running(Running { stop: Some(StopIntent { cause, .. }) }) => match cause {
                Cause::Cancel => Ok(Ending::Cancelled { result: ending.into_result() }),
                Cause::Expiry { .. } if matches!(ending, Ending::Cancelled { .. }) => Ok(ending),
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

    /// How a task ends of which this is the verdict, with the setting or option by which it expired.
    fn expired(&self, verdict: Verdict) -> Option<(Reason, String)> {
        match verdict {
            Verdict::Fresh => None,
            Verdict::TimedOut { age } => {
                let by = match (self.status(), self.order.time_limit) {
                    (Status::Queued, _) => "in the queue",
                    (_, Some(_)) => "`--timeout`",
                    (_, None) => "`ttl`",
                };
                Some((Reason::Timeout, format!("timed out after {} s ({by})", age.as_secs())))
            }
            Verdict::Stale { silence } => {
                let by = if self.order.silence.is_some() { "`--stale`" } else { "`stale`" };
                let message = format!("no sign of life for {} s ({by})", silence.as_secs());
                Some((Reason::Stale, message))
            }
        }
    }
}

/// How a task ended whose log had no room.
pub(crate) fn overflow_message(limit: u64) -> String {
    format!(
        "its log passed {limit} bytes (`max_log`), and this file system cannot give back the middle of a file"
    )
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

/// Of two intents to stop a task the one that is due first, with the date of the earlier one.
fn soonest(earlier: Option<CancelIntent>, now: CancelIntent) -> CancelIntent {
    let Some(earlier) = earlier else { return now };
    let due = |intent: CancelIntent| intent.at.plus(intent.grace);
    let grace = earlier.grace.min(due(now).since(earlier.at));
    // In whole milliseconds, as a record keeps it: what is read back is what was decided.
    let millis = u64::try_from(grace.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    CancelIntent { at: earlier.at, grace: Duration::from_millis(millis) }
}
