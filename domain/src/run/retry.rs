//! The attempt that follows another, as an order.
//!
//! [`crate::task::Task::apply`] decides with the ending whether one follows; here is only what it is
//! ordered to do. Nothing here changes how the earlier attempt ended.

use core::time::Duration;

use crate::task::{Ending, Lineage, Order, Placement, Retries, SessionId, State, Task, Timestamp};

/// The longest an attempt waits after the one before.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60 * 60);

/// Whether the ending asks for the attempt that the record names, so that any command may record that
/// attempt. An attempt that was ordered by hand is recorded by its own command alone.
pub fn follows_by_itself(earlier: &Task) -> bool {
    let State::Error(failure) = earlier.state() else { return false };
    let ending = Ending::failed(failure.reason, "");
    earlier.progress().retried_as.is_some() && earlier.order().retries.follow(&ending)
}

/// The order of an attempt by hand: it starts as soon as there is a free slot.
pub fn by_hand(earlier: &Task, session: Option<SessionId>) -> Order {
    let order = earlier.order().clone();
    let lineage = Lineage {
        attempt: order.lineage.attempt.saturating_add(1),
        retry_of: Some(earlier.id().clone()),
        ..order.lineage
    };
    let placement = Placement {
        priority: order.placement.priority,
        group: order.placement.group,
        at_most: order.placement.at_most,
        ..Placement::default()
    };
    Order { session, lineage, placement, key: None, ..order }
}

/// The order of the attempt that follows by itself a task that has ended or is about to: it waits for
/// the backoff, and the attempt after it for twice as long.
pub fn by_itself(earlier: &Task, session: Option<SessionId>, now: Timestamp) -> Order {
    let mut order = by_hand(earlier, session);
    let retries = &earlier.order().retries;
    let ended = earlier.state().ended_at().unwrap_or(now);
    order.placement.not_before = Some(ended.plus(retries.backoff));
    order.retries = Retries {
        left: retries.left.saturating_sub(1),
        backoff: retries.backoff.saturating_mul(2).min(LONGEST_BACKOFF),
        on: retries.on.clone(),
    };
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Event, Exit, Reason, TaskId};
    use crate::testing::{self, ORDERED};

    fn failed(number: u8, order: Order) -> Task {
        let task = Task::ordered(TaskId::mint(ORDERED, [0, 0, number]), order, None, ORDERED);
        let next = Some(TaskId::mint(ORDERED, [0, 0, number + 1]));
        let ending = Ending::failed(Reason::Exit, "it broke");
        task.apply(Event::Ended { ending, exit: None, next }, ORDERED).expect("it was queued").task
    }

    #[test]
    fn each_attempt_waits_twice_as_long_as_the_one_before() {
        let second = Duration::from_secs(1);
        let retries = Retries { left: 2, on: std::vec![], backoff: second };
        let mut task = failed(1, Order { retries, ..testing::order() });
        for (attempt, wait) in [(2, second), (3, second * 2)] {
            assert!(task.progress().retried_as.is_some(), "attempt {attempt} follows");
            let order = by_itself(&task, None, ORDERED);
            assert_eq!(order.lineage.attempt, attempt);
            assert_eq!(order.placement.not_before, Some(ORDERED.plus(wait)));
            assert_eq!(order.lineage.retry_of.as_ref(), Some(task.id()));
            task = failed(u8::try_from(attempt).expect("small"), order);
        }
        assert_eq!(task.progress().retried_as, None, "none is left");
    }

    #[test]
    fn only_the_endings_asked_for_are_retried_and_hopeless_ones_only_if_asked_for() {
        let once = |on: &[Reason]| Retries { left: 1, on: on.to_vec(), ..Retries::default() };
        let failed = |reason| Ending::failed(reason, "it broke");
        assert!(once(&[]).follow(&failed(Reason::Timeout)));
        assert!(!once(&[]).follow(&failed(Reason::Permission)));
        assert!(once(&[Reason::Auth]).follow(&failed(Reason::Auth)));
        assert!(!once(&[Reason::Auth]).follow(&failed(Reason::Exit)));
        assert!(!once(&[]).follow(&Ending::CANCELLED));
        assert!(!once(&[]).follow(&Ending::Completed { result: "done".into() }));
        assert!(!once(&[Reason::Reported]).follow(&failed(Reason::Reported)));
    }

    #[test]
    fn what_somebody_ended_by_hand_is_not_retried_however_its_agent_fares() {
        let retries = Retries { left: 1, ..Retries::default() };
        let id = TaskId::mint(ORDERED, [0, 0, 1]);
        let order = Order { retries, ..testing::order() };
        let task = Task::ordered(id, order, None, ORDERED);
        let ending = Ending::Completed { result: "done".into() };
        let ended = Event::Ended { ending, exit: None, next: None };
        let task = task.apply(ended, ORDERED).expect("it had not ended").task;
        let exit = Event::AgentExited { exit: Some(Exit::Code(1)), result: None };
        let task = task.apply(exit, ORDERED).expect("it has ended").task;
        assert_eq!(task.progress().retried_as, None);
    }
}
