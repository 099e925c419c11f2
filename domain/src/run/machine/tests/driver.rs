//! A driver for a machine under test: it keeps a real record, does what the machine says, and checks at
//! each step what must always hold.
//!
//! [`Step`]s tell it what happens; it never does anything by itself.

use super::steps::{Step, exited};
use crate::run::account::AgentEvent;
use crate::run::machine::*;
use crate::task::{Order, Task};
use crate::testing::{self, ORDERED};
use std::string::String;
use std::vec::Vec;

/// The moment at which every driver begins.
pub(super) fn beginning() -> Moment {
    Moment { wall: ORDERED, elapsed: Duration::ZERO, awake: Duration::ZERO }
}

/// Drives one machine.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Driver {
    pub(super) record: Task,
    machine: Machine,
    account: Account,
    now: Moment,
    outstanding: Option<Event>,
    broken: bool,
    /// Whether the machine may stop the agent: an intent is recorded, or could not be.
    may_stop: bool,
    /// By when the agent was to be gone.
    pub(super) stop_by: Option<Duration>,
    exited: bool,
    /// Whether the agent was gone before `finds` could give it a result.
    pub(super) exited_before: bool,
    /// Whether somebody else ended the task.
    pub(super) ended_elsewhere: bool,
    done: bool,
    /// After how many outputs the machine is cut off.
    left: usize,
}

impl Driver {
    /// A driver of a task with this order, whose agent was just started.
    pub(super) fn of(order: Order) -> Self {
        let id = TaskId::mint(ORDERED, [1, 2, 3]);
        let now = beginning();
        let machine = Machine::new(Charge::of(&order), now);
        let task = Task::ordered(id, order, None, ORDERED);
        let started = Event::Started(testing::started());
        let record = task.apply(started, ORDERED).expect("it waited").task;
        let mut driver = Self {
            record,
            machine,
            account: Account::default(),
            now,
            outstanding: None,
            broken: false,
            may_stop: false,
            stop_by: None,
            exited: false,
            exited_before: false,
            ended_elsewhere: false,
            done: false,
            left: usize::MAX,
        };
        driver.sees(Input::Started);
        driver
    }

    /// Carries out only this many outputs from now on.
    pub(super) fn cut_after(&mut self, outputs: usize) {
        self.left = outputs;
    }

    /// Lets one step happen.
    pub(super) fn go(&mut self, step: Step) {
        match step {
            Step::Passes(millis) => {
                self.pass(Duration::from_millis(millis));
                self.tell(Input::Tick);
            }
            // After its exit an agent does nothing.
            Step::Says(_) | Step::Stirs | Step::Exits(_) if self.exited => {}
            Step::Says(event) => {
                self.account.note(event.clone());
                self.tell(Input::Said(event));
            }
            Step::Stirs => drop(self.tell(Input::Stirred)),
            Step::Asked => drop(self.tell(Input::Asked)),
            Step::Looks => self.sees(Input::Seen),
            Step::Exits(exit) => {
                (self.exited, self.exited_before) = (true, true);
                self.tell(Input::AgentExited(exited(exit)));
            }
            Step::Answered => self.answer(),
            Step::Breaks => self.broken = true,
            Step::Mends => self.broken = false,
            Step::Elsewhere(event) => {
                let before = self.record.status().is_ended();
                if let Ok(applied) = self.record.clone().apply(event, self.now.wall) {
                    self.record = applied.task;
                    self.ended_elsewhere |= !before && self.record.status().is_ended();
                }
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        self.now.elapsed += span;
        self.now.awake += span;
        self.now.wall = self.now.wall.plus(span);
    }

    fn sees(&mut self, input: fn(Sight) -> Input) {
        let sight = Sight::of(&self.record);
        self.may_stop |= sight.stop.is_some();
        self.tell(input(sight));
    }

    /// Gives the machine one input, and checks its outputs.
    pub(super) fn tell(&mut self, input: Input) -> Vec<Output> {
        if self.left == 0 {
            return Vec::new();
        }
        let outputs = self.machine.step(self.now, input);
        for output in &outputs {
            if self.left == 0 {
                break;
            }
            self.left = self.left.saturating_sub(1);
            match output {
                Output::Apply(event) => {
                    assert_eq!(self.outstanding, None, "one record at a time");
                    self.outstanding = Some(event.clone());
                }
                Output::Stop { grace } => {
                    assert!(self.may_stop, "the intent comes before the signal");
                    let by = self.now.elapsed.saturating_add(*grace);
                    assert!(self.stop_by.is_none_or(|known| by < known), "time is never added");
                    self.stop_by = Some(by);
                }
                Output::Show(_) => {}
                Output::SleepUntil(_) => {
                    assert_eq!(self.outstanding, None, "it waits for an answer");
                }
                Output::Done => {
                    assert!(self.exited, "nobody leaves a living agent");
                    self.done = true;
                }
            }
        }
        outputs
    }

    fn answer(&mut self) {
        let Some(event) = self.outstanding.take() else { return };
        let intent = matches!(
            event,
            Event::CancelRequested(_) | Event::Overran { .. } | Event::Overflowed { .. }
        );
        let recorded = if self.broken {
            self.may_stop |= intent;
            Recorded::Failed
        } else if let Ok(applied) = self.record.clone().apply(event, self.now.wall) {
            self.record = applied.task;
            let sight = Sight::of(&self.record);
            self.may_stop |= sight.stop.is_some();
            Recorded::Done(sight)
        } else {
            self.may_stop |= intent;
            Recorded::Refused
        };
        self.tell(Input::Recorded(recorded));
    }

    /// Lets the agent, if it still lives, report a result and exit with 0.
    pub(super) fn finds(&mut self, words: &str) -> String {
        let text = words.to_string();
        self.go(Step::Says(AgentEvent::Finished { text, usage: None }));
        if !self.exited {
            self.exited = true;
            self.tell(Input::AgentExited(exited(Some(Exit::Code(0)))));
        }
        words.to_string()
    }

    /// Replaces the machine, with all that it knew, by a new one for an agent whose exit nobody saw.
    pub(super) fn succeed_with_a_fresh_machine(&mut self) {
        let charge = Charge::of(self.record.order());
        self.machine = Machine::with_account(charge, self.account.clone(), self.now);
        (self.outstanding, self.left, self.stop_by) = (None, usize::MAX, None);
        (self.done, self.exited) = (false, true);
        self.sees(Input::Seen);
        self.tell(Input::AgentExited(exited(None)));
    }

    /// Lets the agent exit, the store work and time pass, until the machine is done.
    pub(super) fn finish(&mut self) {
        self.broken = false;
        self.go(Step::Exits(Some(Exit::Code(0))));
        for _ in 0..10 {
            if self.done {
                return;
            }
            self.answer();
            self.pass(Duration::from_secs(1));
            self.tell(Input::Tick);
        }
        assert!(self.done, "it does not come to an end: {:?}", self.machine);
    }
}
