//! How long a task may run, and how long it may be silent, before it expires.
//!
//! A [`verdict`] depends on the task, on the signs of life that were looked up, on a policy and on
//! `now`, and on nothing else. As time alone passes, it only ever changes from fresh to expired.

use core::time::Duration;

use super::Task;
use super::state::Status;
use super::time::Timestamp;

/// The limit that a span of time sets: none where it is zero, as people write `0` for "no limit".
pub fn limit(span: Duration) -> Option<Duration> {
    (!span.is_zero()).then_some(span)
}

/// The limits after which a task expires; the first two set none where they are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a task may run that has no time limit of its own.
    pub time_to_live: Duration,
    /// How long a running task may go without a sign of life.
    pub silence: Duration,
    /// How long a record may stay queued that our queue does not know.
    pub unqueued: Duration,
    /// How long a task may wait in our queue.
    pub queued: Duration,
}

impl Default for Policy {
    /// The limits of the program that wrote this record format first (design 0006), and a day in our
    /// queue.
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(30 * 60),
            silence: Duration::from_secs(2 * 5 * 60),
            unqueued: Duration::from_secs(30 * 60),
            queued: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Signs of life that no record holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// When its output was last written to.
    pub last_output: Option<Timestamp>,
    /// Whether our queue, or a supervisor of ours, knows it.
    pub known_to_us: bool,
    /// The time since boot, without sleep, if the machine is still in the boot the task was started in.
    pub awake: Option<Duration>,
    /// Whether its processes spend processor time.
    pub busy: bool,
}

/// Whether a task expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does not expire.
    Fresh,
    /// It ran, or waited, for too long.
    TimedOut {
        /// How long.
        age: Duration,
    },
    /// It was silent for too long.
    Stale {
        /// How long.
        silence: Duration,
    },
}

/// Judges one task. An ended task never expires.
pub fn verdict(task: &Task, signs: Signs, policy: Policy, now: Timestamp) -> Verdict {
    let began = match task.state().status() {
        Status::Completed | Status::Error | Status::Cancelled => return Verdict::Fresh,
        Status::Queued => task.queued_at().or(task.started_at()),
        Status::Running => task.started_at().or(task.queued_at()),
    };
    let progress = task.progress();
    let Some(age) = began.or(progress.last_update).map(|then| now.since(then)) else {
        return Verdict::Fresh;
    };
    if task.state().status() == Status::Queued {
        let limit = if signs.known_to_us { policy.queued } else { policy.unqueued };
        // A task does not age before the moment it was ordered to wait for.
        let due = task.order().placement.not_before;
        let age = due.map_or(age, |moment| age.min(now.since(moment)));
        return if age > limit { Verdict::TimedOut { age } } else { Verdict::Fresh };
    }
    // The shorter of wall-clock and awake time counts: neither a stepped clock nor sleep ages a task.
    let awake_since =
        |then: Option<Duration>| signs.awake.zip(then).map(|(now, then)| now.saturating_sub(then));
    let age = awake_since(progress.started_awake).map_or(age, |awake| age.min(awake));
    let exceeds = |span: Duration, most: Duration| limit(most).is_some_and(|limit| span > limit);
    if exceeds(age, task.order().time_limit.unwrap_or(policy.time_to_live)) {
        return Verdict::TimedOut { age };
    }
    if progress.activity.tools_in_flight > 0 || signs.busy {
        return Verdict::Fresh;
    }
    let last_sign = [began, progress.last_update, signs.last_output].into_iter().flatten().max();
    let silence = last_sign.map_or(age, |then| now.since(then));
    let heard = progress.activity.awake.max(progress.started_awake);
    let silence = awake_since(heard).map_or(silence, |awake| silence.min(awake));
    if exceeds(silence, task.order().silence.unwrap_or(policy.silence)) {
        Verdict::Stale { silence }
    } else {
        Verdict::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::progress::Activity;
    use crate::task::{Ending, Event};
    use crate::testing::{self, strategies};
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn after(task: &Task, span: Duration) -> Timestamp {
        task.started_at().expect("it runs").plus(span)
    }

    fn judge(task: &Task, span: Duration) -> Verdict {
        verdict(task, Signs::default(), Policy::default(), after(task, span))
    }

    #[test]
    fn a_running_task_times_out_after_thirty_minutes() {
        let mut task = testing::running_task();
        for minute in 1..=30 {
            let at = after(&task, MINUTE * minute);
            task = task.apply(Event::Progressed(Activity::default()), at).expect("alive").task;
        }
        assert_eq!(judge(&task, MINUTE * 30), Verdict::Fresh);
        assert_eq!(judge(&task, MINUTE * 31), Verdict::TimedOut { age: MINUTE * 31 });
    }

    #[test]
    fn a_silent_task_is_stale_after_twice_five_minutes() {
        let task = testing::running_task();
        assert_eq!(judge(&task, MINUTE * 10), Verdict::Fresh);
        assert_eq!(judge(&task, MINUTE * 11), Verdict::Stale { silence: MINUTE * 11 });
    }

    #[test]
    fn output_is_a_sign_of_life() {
        let task = testing::running_task();
        let last_output = Some(after(&task, MINUTE * 9));
        let signs = Signs { last_output, known_to_us: true, ..Signs::default() };
        let now = after(&task, MINUTE * 18);
        assert_eq!(verdict(&task, signs, Policy::default(), now), Verdict::Fresh);
    }

    #[test]
    fn processor_time_is_a_sign_of_life_and_does_not_prolong_a_limit() {
        let task = testing::running_task();
        let signs = Signs { busy: true, ..Signs::default() };
        let judge = |span| verdict(&task, signs, Policy::default(), after(&task, span));
        assert_eq!(judge(MINUTE * 29), Verdict::Fresh);
        assert_eq!(judge(MINUTE * 31), Verdict::TimedOut { age: MINUTE * 31 });
    }

    #[test]
    fn a_tool_call_in_flight_is_a_sign_of_life() {
        let task = testing::running_task();
        let busy = Activity { tools_in_flight: 1, ..Activity::default() };
        let at = after(&task, MINUTE);
        let task = task.apply(Event::Progressed(busy), at).expect("alive").task;
        assert_eq!(judge(&task, MINUTE * 29), Verdict::Fresh);
    }

    #[test]
    fn a_stepped_wall_clock_does_not_age_a_task() {
        let task = testing::running_task();
        let began = task.progress().started_awake.expect("it was started");
        let signs =
            |awake| Signs { known_to_us: true, awake: Some(began + awake), ..Signs::default() };
        let stepped = after(&task, MINUTE * 600);
        assert_eq!(verdict(&task, signs(MINUTE), Policy::default(), stepped), Verdict::Fresh);
        let silence = MINUTE * 11;
        assert_eq!(
            verdict(&task, signs(silence), Policy::default(), stepped),
            Verdict::Stale { silence }
        );
    }

    #[test]
    fn a_task_may_be_silent_for_as_long_as_it_was_ordered_to() {
        let mut task = testing::running_task();
        let order = crate::task::Order { silence: Some(MINUTE * 20), ..testing::order() };
        let start = Event::Started(testing::started());
        task = Task::ordered(task.id().clone(), order, None, testing::ORDERED);
        let task = task.apply(start, testing::ORDERED).expect("it was queued").task;
        assert_eq!(judge(&task, MINUTE * 19), Verdict::Fresh);
        assert_eq!(judge(&task, MINUTE * 21), Verdict::Stale { silence: MINUTE * 21 });
    }

    // Once, a limit of 0 ended every running task.
    #[test]
    fn a_limit_of_zero_is_none_for_the_policy_and_for_an_order() {
        let task = testing::running_task();
        let (zero, now) = (Duration::ZERO, after(&task, MINUTE * 60 * 24 * 365));
        let policy = |time_to_live, silence| Policy { time_to_live, silence, ..Policy::default() };
        let judge = |task: &Task, policy| verdict(task, Signs::default(), policy, now);
        assert_eq!(judge(&task, policy(zero, zero)), Verdict::Fresh);
        assert!(matches!(judge(&task, policy(zero, MINUTE)), Verdict::Stale { .. }));
        assert!(matches!(judge(&task, policy(MINUTE, zero)), Verdict::TimedOut { .. }));
        let (time_limit, silence) = (Some(zero), Some(zero));
        let order = crate::task::Order { time_limit, silence, ..testing::order() };
        let task = Task::ordered(task.id().clone(), order, None, testing::ORDERED);
        let start = Event::Started(testing::started());
        let task = task.apply(start, testing::ORDERED).expect("it was queued").task;
        assert_eq!(judge(&task, Policy::default()), Verdict::Fresh);
    }

    #[test]
    fn a_task_that_was_told_to_wait_for_days_is_not_given_up_before_its_moment() {
        let days = |days: u32| MINUTE * 60 * 24 * days;
        let moment = testing::ORDERED.plus(days(3));
        let placement = crate::task::Placement { not_before: Some(moment), ..Default::default() };
        let order = crate::task::Order { placement, ..testing::order() };
        let id = testing::running_task().id().clone();
        let task = Task::ordered(id, order, None, testing::ORDERED);
        let signs = Signs { known_to_us: true, ..Signs::default() };
        let judge = |now| verdict(&task, signs, Policy::default(), now);
        assert_eq!(judge(moment), Verdict::Fresh);
        assert_eq!(judge(moment.plus(days(1))), Verdict::Fresh);
        assert_eq!(judge(moment.plus(days(2))), Verdict::TimedOut { age: days(2) });
    }

    #[test]
    fn an_ended_task_has_nothing_left_to_give_up() {
        let ending = Ending::Completed { result: "done".into() };
        let task = testing::running_task();
        let at = after(&task, MINUTE);
        let task =
            task.apply(Event::Ended { ending, exit: None, next: None }, at).expect("it ran").task;
        assert_eq!(judge(&task, MINUTE * 10_000), Verdict::Fresh);
    }

    proptest! {
        #[test]
        fn invariant_time_alone_never_makes_an_expired_task_fresh_again(
            task in strategies::task(),
            last_output in strategies::maybe_timestamp(),
            now in strategies::timestamp(),
            later in 0u64..1 << 40,
        ) {
            let signs = Signs { last_output, ..Signs::default() };
            let policy = Policy::default();
            let then = now.plus(Duration::from_micros(later));
            if verdict(&task, signs, policy, now) != Verdict::Fresh {
                prop_assert_ne!(verdict(&task, signs, policy, then), Verdict::Fresh);
            }
        }
    }
}
