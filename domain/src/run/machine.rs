//! Every rule of a running task, as a state machine without a clock or a port.
//!
//! A driver tells the [`Machine`] what happened ([`Input`]) and does what it answers ([`Output`]), in
//! order. A supervisor drives one for its task; a command that concludes a task whose supervisor is
//! gone drives one to its end. The machine asks for one record at a time and repeats an ending that
//! could not be recorded. Its driver may be killed between any two outputs: what is recorded then
//! suffices for the next.

mod exchange;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub use exchange::{Charge, Exited, Input, Moment, Output, Recorded, Sight};

use super::account::Account;
use super::ending::{Evidence, decide};
use super::readable::Readable;
use crate::task::{Activity, CancelIntent, Ending, Event, Exit, LeftBehind, TaskId};

/// The time between SIGTERM and SIGKILL, unless an intent gives another.
pub const GRACE: Duration = Duration::from_secs(10);
/// The least time between two records of progress.
const PROGRESS: Duration = Duration::from_secs(1);
/// How long a record may be gone, or be no record, in the moment of the ending before nobody waits for it to be
/// put back.
const ABSENCE: Duration = Duration::from_secs(10);
/// How long to wait before a record that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What the machine wants recorded; the most urgent first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// That the task has ended.
    End { ending: Ending, exit: Option<Exit>, next: Option<TaskId> },
    /// How the agent exited after somebody else had ended the task.
    Exit { exit: Option<Exit>, result: Option<String> },
    /// That it is to be cancelled.
    Cancel,
    /// That it ran for too long.
    Overrun,
    /// That it wrote too much.
    Overflow,
    /// What the agent does.
    Progress,
    /// What lives on of the task.
    Left(LeftBehind),
}

/// Everything that is known of one running task, and what follows from it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    charge: Charge,
    began: Duration,
    /// How long the agent had worked by then.
    worked: Duration,
    account: Account,
    readable: Readable,
    /// Whether the record said that the task has ended before its agent did.
    ended_elsewhere: bool,
    /// Whether the task passed its time limit and is to be stopped for that.
    overran: bool,
    /// The most that a log may take, if the task is to be stopped for having written more.
    overflowed: Option<u64>,
    /// Whether the driver itself was asked to end, which is a cancel.
    cancelled: bool,
    /// By when the processes are to be gone, once the driver was told to stop them.
    stop_by: Option<Duration>,
    /// What to record of the end, once the agent has exited.
    conclusion: Option<Wish>,
    /// What lives on of the task, until that is recorded.
    left: Option<LeftBehind>,
    /// A cancel or an overrun that is not recorded yet.
    intent: Option<Wish>,
    /// The activity that was last sent to be recorded, and when.
    recorded: Activity,
    told: Option<Duration>,
    /// Whether the task gave a sign of life that is not recorded yet.
    stirred: bool,
    /// What is being recorded.
    pending: Option<Wish>,
    /// When a record that failed is tried again.
    retry_at: Option<Duration>,
    /// Since when there was no record when the ending was to be recorded.
    gone_since: Option<Duration>,
    done: bool,
}

impl Machine {
    /// A machine for a task whose agent starts `now`.
    pub fn new(charge: Charge, now: Moment) -> Self {
        Self::with_account(charge, Account::default(), now)
    }

    /// The same machine for an agent that has worked for so long: its time limit counts from its start.
    #[must_use]
    pub fn after(self, worked: Duration) -> Self {
        Self { worked, ..self }
    }

    /// A machine for a task whose agent has already said what is in `account`.
    pub fn with_account(charge: Charge, account: Account, now: Moment) -> Self {
        Self {
            charge,
            began: now.elapsed,
            worked: Duration::ZERO,
            account,
            readable: Readable::default(),
            ended_elsewhere: false,
            overran: false,
            overflowed: None,
            cancelled: false,
            stop_by: None,
            conclusion: None,
            left: None,
            intent: None,
            recorded: Activity::default(),
            told: None,
            stirred: false,
            pending: None,
            retry_at: None,
            gone_since: None,
            done: false,
        }
    }

    /// What the agent's events add up to so far.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Takes one input, and returns what the driver is to do, in this order.
    pub fn step(&mut self, now: Moment, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        // Events that the driver read together are recorded together, with the next input of another
        // kind.
        let settled = !matches!(input, Input::Said(_));
        match input {
            Input::Started(sight) | Input::Seen(sight) => self.see(sight, now, &mut outputs),
            Input::Said(event) => {
                outputs.extend(self.readable.paragraph(&event).map(Output::Show));
                self.account.note(event);
            }
            Input::Stirred => self.stirred = true,
            Input::Asked => self.ask(),
            Input::Overflowed { limit } => self.overflow(limit),
            Input::Tick => self.tick(now),
            Input::AgentExited(exited) => {
                outputs.extend(self.readable.rest().map(Output::Show));
                self.conclude(exited, now);
            }
            Input::Recorded(recorded) => self.settle(recorded, now, &mut outputs),
        }
        if settled {
            self.go_on(now, &mut outputs);
        }
        outputs
    }

    fn see(&mut self, sight: Sight, now: Moment, outputs: &mut Vec<Output>) {
        self.ended_elsewhere |= sight.ended && self.conclusion.is_none();
        // `Task::apply` decides with the ending, under the record's lock, what the intent makes of it.
        if let Some(stop) = sight.stop {
            let left = stop.at.plus(stop.grace).since(now.wall).min(stop.grace);
            self.stop(left, now, outputs);
        }
    }

    /// Tells the driver to stop the processes within `grace`, unless they have less time already.
    fn stop(&mut self, grace: Duration, now: Moment, outputs: &mut Vec<Output>) {
        let by = now.elapsed.saturating_add(grace);
        if self.conclusion.is_none() && self.stop_by.is_none_or(|known| by < known) {
            self.stop_by = Some(by);
            outputs.push(Output::Stop { grace });
        }
    }

    fn ask(&mut self) {
        if self.conclusion.is_none() && !self.cancelled {
            self.cancelled = true;
            self.intent = Some(Wish::Cancel);
        }
    }

    fn tick(&mut self, now: Moment) {
        let over = self.limit_at().is_some_and(|limit| now.elapsed >= limit);
        if over && !self.overran && !self.ends_anyway() {
            self.overran = true;
            self.intent = Some(Wish::Overrun);
        }
    }

    fn overflow(&mut self, limit: u64) {
        if self.overflowed.is_none() && !self.overran && !self.ends_anyway() {
            self.overflowed = Some(limit);
            self.intent = Some(Wish::Overflow);
        }
    }

    /// Whether the task is being stopped or has ended, so that its time limit does not matter.
    const fn ends_anyway(&self) -> bool {
        self.cancelled
            || self.ended_elsewhere
            || self.stop_by.is_some()
            || self.conclusion.is_some()
    }

    fn limit_at(&self) -> Option<Duration> {
        let left = self.charge.time_limit.map(|limit| limit.saturating_sub(self.worked));
        left.map(|left| self.began.saturating_add(left))
    }

    /// Decides what to record of the end; the first exit counts.
    fn conclude(&mut self, exited: Exited, now: Moment) {
        if self.conclusion.is_some() {
            return;
        }
        self.intent = None;
        let Exited { exit, log_tail, log_complaint, text_only, left, random } = exited;
        self.left = Some(left).filter(|left| left.count > 0);
        let ending = decide(&Evidence {
            runner: &self.charge.runner,
            cancel_requested: self.cancelled && !self.ended_elsewhere,
            time_limit_passed: self.charge.time_limit.filter(|_| self.overran),
            output_limit_passed: self.overflowed,
            account: &self.account,
            exit,
            log_tail: &log_tail,
            log_complaint,
            text_only,
        });
        let next = self.charge.may_be_retried.then(|| TaskId::mint(now.wall, random));
        self.conclusion = Some(if self.ended_elsewhere {
            Wish::Exit { exit, result: ending.into_result() }
        } else {
            Wish::End { ending, exit, next }
        });
    }

    fn settle(&mut self, recorded: Recorded, now: Moment, outputs: &mut Vec<Output>) {
        let Some(wish) = self.pending.take() else { return };
        match (wish, recorded) {
            (Wish::End { .. } | Wish::Exit { .. }, Recorded::Done(_))
            | (Wish::Exit { .. }, Recorded::Refused) => self.done = true,
            (Wish::End { .. } | Wish::Exit { .. }, Recorded::Gone) => {
                let since = *self.gone_since.get_or_insert(now.elapsed);
                self.done = now.elapsed.saturating_sub(since) >= ABSENCE;
                self.retry_at = Some(now.elapsed.saturating_add(RETRY));
            }
            // Somebody else ended the task: how its agent exited, and what it found, is recorded all
            // the same.
            (Wish::End { ending, exit, .. }, Recorded::Refused) => {
                self.ended_elsewhere = true;
                let found = self.account.findings().map(String::from);
                self.conclusion = Some(Wish::Exit { exit, result: ending.into_result().or(found) });
            }
            (Wish::Left(left), Recorded::Failed) => {
                self.left = Some(left);
                self.retry_at = Some(now.elapsed.saturating_add(RETRY));
            }
            // The next record of progress says the same and more.
            (Wish::Progress, Recorded::Failed | Recorded::Gone)
            | (Wish::Left(_), Recorded::Done(_) | Recorded::Refused | Recorded::Gone) => {}
            (Wish::End { .. } | Wish::Exit { .. }, Recorded::Failed) => {
                self.retry_at = Some(now.elapsed.saturating_add(RETRY));
            }
            (
                Wish::Cancel | Wish::Overrun | Wish::Overflow | Wish::Progress,
                Recorded::Done(sight),
            ) => {
                self.see(sight, now, outputs);
            }
            // An intent that cannot be recorded is carried out all the same, and decides the ending.
            (Wish::Cancel | Wish::Overrun | Wish::Overflow, Recorded::Failed | Recorded::Gone) => {
                self.stop(GRACE, now, outputs);
            }
            (Wish::Cancel, Recorded::Refused) => {
                self.ended_elsewhere = true;
                self.stop(GRACE, now, outputs);
            }
            (Wish::Overrun | Wish::Overflow | Wish::Progress, Recorded::Refused) => {
                self.ended_elsewhere = true;
            }
        }
    }

    /// Asks for the next record that is due, or says until when nothing is.
    fn go_on(&mut self, now: Moment, outputs: &mut Vec<Output>) {
        if self.done {
            outputs.push(Output::Done);
            return;
        }
        if self.pending.is_none() && self.retry_at.is_none_or(|at| now.elapsed >= at) {
            self.retry_at = None;
            if let Some((wish, event)) = self.due(now) {
                self.pending = Some(wish);
                outputs.push(Output::Apply(event));
                return;
            }
        }
        if self.pending.is_none()
            && let Some(moment) = self.next_moment(now)
        {
            outputs.push(Output::SleepUntil(moment));
        }
    }

    fn due(&mut self, now: Moment) -> Option<(Wish, Event)> {
        if let Some(left) = self.left.take() {
            return Some((Wish::Left(left.clone()), Event::LeftBehind(left)));
        }
        if let Some(wish) = self.conclusion.clone() {
            let event = match &wish {
                Wish::End { ending, exit, next } => {
                    if !self.ended_elsewhere && self.progressed() {
                        return Some((Wish::Progress, self.progress(now)));
                    }
                    let (ending, exit, next) = (ending.clone(), *exit, next.clone());
                    Event::Ended { ending, exit, next }
                }
                Wish::Exit { exit, result } => {
                    Event::AgentExited { exit: *exit, result: result.clone() }
                }
                Wish::Cancel | Wish::Overrun | Wish::Overflow | Wish::Progress | Wish::Left(_) => {
                    return None;
                }
            };
            return Some((wish, event));
        }
        if let Some(wish) = self.intent.take() {
            let grace = GRACE;
            let event = match (&wish, self.charge.time_limit, self.overflowed) {
                (Wish::Overrun, Some(limit), _) => Event::Overran { limit, grace },
                (Wish::Overflow, _, Some(limit)) => Event::Overflowed { limit, grace },
                _ => Event::CancelRequested(CancelIntent { at: now.wall, grace }),
            };
            return Some((wish, event));
        }
        let paced = self.told.is_none_or(|told| now.elapsed >= told.saturating_add(PROGRESS));
        (paced && !self.ended_elsewhere && self.progressed())
            .then(|| (Wish::Progress, self.progress(now)))
    }

    /// Whether the agent did something that is not recorded yet.
    fn progressed(&self) -> bool {
        self.stirred || self.recorded != *self.account.activity()
    }

    fn progress(&mut self, now: Moment) -> Event {
        // Counted as recorded at once: if it fails, the next record says the same and more.
        self.recorded = self.account.activity().clone();
        self.stirred = false;
        self.told = Some(now.elapsed);
        Event::Progressed(Activity { awake: Some(now.awake), ..self.recorded.clone() })
    }

    fn next_moment(&self, now: Moment) -> Option<Duration> {
        if self.conclusion.is_some() {
            return self.retry_at;
        }
        let limit = self.limit_at().filter(|_| !self.overran && !self.ends_anyway());
        let progress = (self.progressed() && !self.ended_elsewhere)
            .then(|| self.told.map_or(now.elapsed, |told| told.saturating_add(PROGRESS)));
        [limit, progress, self.retry_at].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
