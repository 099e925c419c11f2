//! The laws of [`Task::apply`], each over generated histories.

use super::*;
use crate::testing::{self, strategies};
use proptest::prelude::*;
use std::vec::Vec;

const GRACE: core::time::Duration = core::time::Duration::from_secs(10);

/// Applies all of `events`, skipping refused ones; returns the task at first and after each.
fn live(mut task: Task, events: &[(Event, Timestamp)]) -> Vec<Task> {
    let mut seen = std::vec![task.clone()];
    for (event, at) in events {
        if let Ok(applied) = task.clone().apply(event.clone(), *at) {
            task = applied.task;
            seen.push(task.clone());
        }
    }
    seen
}

proptest! {
    #[test]
    fn invariant_an_ended_task_never_changes(
        task in strategies::task(),
        events in strategies::history(),
    ) {
        let mut ended: Option<Task> = None;
        for now in live(task, &events) {
            if let Some(then) = &ended {
                prop_assert_eq!(now.state(), then.state());
                prop_assert_eq!(now.order(), then.order());
                prop_assert_eq!(now.started_at(), then.started_at());
                prop_assert_eq!(now.queued_at(), then.queued_at());
            } else if now.status().is_ended() {
                ended = Some(now);
            }
        }
    }

    #[test]
    fn invariant_the_first_ending_wins_and_a_later_one_is_refused(
        first in strategies::ending(),
        second in strategies::ending(),
        at in strategies::timestamp(),
    ) {
        let ended = testing::running_task().apply(Event::Ended { ending: first, exit: None, next: None }, at);
        let ended = ended.expect("a running task can end").task;
        let again = ended.clone().apply(Event::Ended { ending: second, exit: None, next: None }, at);
        prop_assert_eq!(again, Err(Refusal::AlreadyEnded { status: ended.status(), at: Some(at) }));
    }

    #[test]
    fn invariant_applying_is_deterministic(
        task in strategies::task(),
        event in strategies::event(),
        at in strategies::timestamp(),
    ) {
        prop_assert_eq!(task.clone().apply(event.clone(), at), task.apply(event, at));
    }

    #[test]
    fn invariant_a_requested_cancel_is_the_only_ending_left(
        events in strategies::history(),
        at in strategies::timestamp(),
    ) {
        let intent = CancelIntent { at, grace: core::time::Duration::from_secs(1) };
        let task = testing::running_task().apply(Event::CancelRequested(intent), at);
        let task = task.expect("a running task can be cancelled").task;
        for now in live(task, &events) {
            prop_assert!(matches!(now.status(), Status::Running | Status::Cancelled));
        }
    }

    #[test]
    fn invariant_a_life_only_goes_forward(
        task in strategies::task(),
        events in strategies::history(),
    ) {
        let statuses: Vec<Status> = live(task, &events).iter().map(Task::status).collect();
        prop_assert!(statuses.windows(2).all(|pair| pair[0] <= pair[1] ), "{statuses:?}");
    }

    #[test]
    fn invariant_counts_never_fall_and_the_last_update_never_goes_back(
        task in strategies::task(),
        events in strategies::history(),
    ) {
        let seen = live(task, &events);
        for pair in seen.windows(2) {
            let (before, after) = (pair[0].progress(), pair[1].progress());
            prop_assert!(before.activity.tool_calls <= after.activity.tool_calls);
            prop_assert!(before.last_update <= after.last_update);
        }
    }

    #[test]
    fn invariant_an_ending_weighs(
        task in strategies::task(),
        event in strategies::event(),
        at in strategies::timestamp(),
    ) {
        let before = task.status();
        if let Ok(applied) = task.apply(event, at) && applied.task.status() != before {
            prop_assert_eq!(applied.weight, Weight::Lasting);
        }
    }
}

#[test]
fn a_report_without_an_error_completes_and_an_empty_error_is_none() {
    let at = Timestamp::from_millis(1);
    for error in [None, Some(std::string::String::new())] {
        let report = Report { result: "found".into(), error };
        let task = testing::running_task().apply(Event::Reported(report), at).expect("runs").task;
        assert_eq!(
            task.state(),
            &State::Completed(Completed { at: Some(at), result: "found".into() })
        );
    }
}

#[test]
fn a_report_with_an_error_keeps_the_result_beside_it() {
    let at = Timestamp::from_millis(1);
    let report = Report { result: "half".into(), error: Some("broke".into()) };
    let task = testing::running_task().apply(Event::Reported(report), at).expect("runs").task;
    assert_eq!(
        task.state(),
        &State::Error(Failure {
            at: Some(at),
            reason: Reason::Reported,
            message: "broke".into(),
            result: Some("half".into())
        })
    );
}

#[test]
fn a_heartbeat_between_a_verdict_and_its_execution_saves_the_task() {
    let task = testing::running_task();
    let began = task.started_at().expect("runs");
    let late = began.plus(core::time::Duration::from_secs(11 * 60));
    let (policy, signs) = (Policy::default(), Signs::default());
    let expired = Event::Expired { policy, signs, grace: GRACE, next: None };
    assert!(task.clone().apply(expired.clone(), late).is_ok(), "it was silent for too long");

    let heard = task.apply(Event::Progressed(Activity::default()), late).expect("runs").task;
    let refused = heard.apply(expired, late);
    assert_eq!(refused, Err(Refusal::NotExpired { verdict: Verdict::Fresh }));
}

#[test]
fn the_exit_of_an_agent_is_noted_after_an_ending_from_outside_and_changes_nothing_else() {
    let at = Timestamp::from_millis(9);
    let report = Report { result: "found".into(), error: None };
    let ended = testing::running_task().apply(Event::Reported(report), at).expect("runs").task;
    let noted = ended
        .clone()
        .apply(Event::AgentExited { exit: Some(Exit::Code(3)), result: None }, at)
        .expect("ended")
        .task;
    assert_eq!(noted.state(), ended.state());
    assert_eq!(noted.progress().exit, Some(Exit::Code(3)));
}

#[test]
fn a_queued_task_can_end_without_ever_running() {
    let at = Timestamp::from_millis(9);
    let failed = Ending::failed(Reason::LaunchFailed, "droid was not found");
    let ended =
        testing::queued_task().apply(Event::Ended { ending: failed, exit: None, next: None }, at);
    assert_eq!(ended.expect("queued").task.status(), Status::Error);
}
