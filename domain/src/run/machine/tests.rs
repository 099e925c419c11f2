//! The laws of the [`Machine`], over any order of inputs against the record of a real task.
//!
//! A driver does what the machine says, with a store that fails when told to, while other processes
//! change the same record. No agent and no clock is real; `driver` is the model, here are the laws.

mod driver;
mod steps;

use super::*;
use crate::task::{Order, Reason, State, Status};
use crate::testing::{self, ORDERED};
use driver::Driver;
use proptest::prelude::*;
use std::vec::Vec;
use steps::{Step, charges, inputs, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    // The driver checks at each step that at most one record is outstanding, that no agent is stopped
    // before the intent is recorded or could not be, and that no grace grows.
    #[test]
    fn invariant_a_task_whose_agent_exited_comes_to_its_end_once_the_store_works(
        order in charges(),
        steps in steps(),
    ) {
        let mut driver = Driver::of(order);
        for step in steps {
            driver.go(step);
        }
        driver.finish();
        prop_assert!(driver.record.status().is_ended());
        prop_assert_eq!(driver.record.progress().left.count, 1, "what lives on is named");
        prop_assert_eq!(driver.tell(Input::Tick), Vec::from([Output::Done]));
    }

    #[test]
    fn invariant_a_recorded_cancel_decides_the_ending_and_the_first_ending_counts(
        order in charges(),
        steps in steps(),
    ) {
        let mut driver = Driver::of(order);
        for step in steps {
            let before = driver.record.clone();
            driver.go(step);
            if before.status().is_ended() {
                prop_assert_eq!(before.state(), driver.record.state());
            }
            if before.cancel_requested().is_some() && driver.record.status().is_ended() {
                prop_assert_eq!(driver.record.status(), Status::Cancelled);
                prop_assert_eq!(&driver.record.progress().retried_as, &None);
            }
        }
    }

    #[test]
    fn invariant_what_the_agent_found_is_in_the_ending_or_beside_one_that_was_a_guess(
        order in charges(),
        steps in steps(),
    ) {
        let mut driver = Driver::of(order);
        for step in steps {
            driver.go(step);
        }
        // Beside a result that another process reported first, what the agent found comes after it.
        let reported = driver.record.progress().late_result.clone();
        let found = driver.finds("the answer");
        driver.finish();
        let record = &driver.record;
        let known = [record.state().result(), record.progress().late_result.as_deref()];
        match record.state() {
            _ if driver.exited_before => {}
            State::Completed(_) | State::Cancelled(_) if driver.ended_elsewhere => {}
            State::Completed(_) | State::Cancelled(_) => {
                prop_assert_eq!(known[0], Some(found.as_str()));
            }
            State::Error(failure) if failure.reason == Reason::Reported => {}
            State::Error(failure) if driver.ended_elsewhere && !failure.reason.is_guess() => {}
            State::Error(_) if reported.is_some() => {
                let first = reported.unwrap_or_default();
                prop_assert!(known[1].is_some_and(|known| known.starts_with(&first)), "{record:?}");
            }
            State::Error(_) => prop_assert!(known.contains(&Some(&found)), "{record:?}"),
            State::Queued(_) | State::Running(_) => prop_assert!(false, "it has not ended"),
        }
    }

    #[test]
    fn invariant_whoever_comes_after_a_machine_that_was_cut_short_ends_the_task_as_intended(
        order in charges(),
        steps in steps(),
        cut in 0usize..40,
    ) {
        let mut driver = Driver::of(order);
        driver.cut_after(cut);
        for step in steps {
            driver.go(step);
        }
        let before = driver.record.clone();
        driver.succeed_with_a_fresh_machine();
        driver.finish();
        let record = &driver.record;
        prop_assert!(record.status().is_ended());
        if before.status().is_ended() {
            prop_assert_eq!(before.state(), record.state());
        } else if before.cancel_requested().is_some() {
            prop_assert_eq!(record.status(), Status::Cancelled);
        } else if before.to_be_stopped().is_some() {
            let expired = matches!(record.state(), State::Error(failure)
                if matches!(failure.reason, Reason::Timeout | Reason::Stale));
            prop_assert!(expired, "the recorded intent decides: {record:?}");
        }
    }

    #[test]
    fn invariant_a_machine_is_deterministic(order in charges(), inputs in inputs()) {
        let now = driver::beginning();
        let [mut one, mut other] = [(); 2].map(|()| Machine::new(Charge::of(&order), now));
        for input in inputs {
            prop_assert_eq!(one.step(now, input.clone()), other.step(now, input));
        }
    }
}

#[test]
fn a_cancel_that_cannot_be_recorded_stops_the_agent_and_decides_the_ending() {
    let mut driver = Driver::of(crate::testing::order());
    driver.go(Step::Breaks);
    driver.go(Step::Asked);
    driver.go(Step::Answered);
    assert!(driver.stop_by.is_some(), "it is carried out all the same");
    driver.go(Step::Mends);
    driver.finish();
    assert_eq!(driver.record.status(), Status::Cancelled);
}

// When the record was moved away or truncated as the time limit passed, the limit was forgotten, and
// nothing stopped the agent any more, even once the record was back.
#[test]
fn a_time_limit_is_enforced_also_where_the_record_cannot_be_read_in_that_moment() {
    let limit = Duration::from_secs(5);
    let order = Order { time_limit: Some(limit), ..testing::order() };
    let at = |elapsed| Moment { wall: ORDERED.plus(elapsed), elapsed, awake: elapsed };
    let mut machine = Machine::new(Charge::of(&order), at(Duration::ZERO));
    let overran = machine.step(at(limit), Input::Tick);
    assert!(matches!(overran[..], [Output::Apply(Event::Overran { .. })]), "{overran:?}");
    let stopped = machine.step(at(limit), Input::Recorded(Recorded::Gone));
    assert!(stopped.contains(&Output::Stop { grace: GRACE }), "{stopped:?}");
    let ended = machine.step(at(limit), Input::AgentExited(Exited::default()));
    let [Output::Apply(Event::Ended { ending: Ending::Failed { reason, .. }, .. })] = &ended[..]
    else {
        panic!("{ended:?}");
    };
    assert_eq!(*reason, Reason::Timeout);
}

// A record that was moved away, or cut off, in the moment of the ending, and put back: the supervisor was gone by
// then, the task was recorded as lost, and what its agent had found was thrown away.
#[test]
fn an_ending_waits_for_a_record_that_is_gone_for_a_moment_and_not_for_ever() {
    let at = |elapsed| Moment { wall: ORDERED.plus(elapsed), elapsed, awake: elapsed };
    let mut machine = Machine::new(Charge::of(&testing::order()), at(Duration::ZERO));
    let gone = || Input::Recorded(Recorded::Gone);
    let mut outputs = machine.step(at(Duration::ZERO), Input::AgentExited(Exited::default()));
    let mut tries = 0;
    for second in 0..60 {
        if !matches!(outputs[..], [Output::Apply(Event::Ended { .. })]) {
            break;
        }
        tries += 1;
        let now = at(Duration::from_secs(second));
        outputs = machine.step(now, gone());
        if outputs[..] == [Output::Done] {
            break;
        }
        outputs = machine.step(at(Duration::from_secs(second + 1)), Input::Tick);
    }
    assert_eq!((outputs, tries), (std::vec![Output::Done], 11));
}
