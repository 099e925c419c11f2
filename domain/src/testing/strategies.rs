//! Proptest strategies for tasks, events and histories. They also give histories that no program would
//! write.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use proptest::option;
use proptest::prelude::*;

use crate::task::{
    Activity, CancelIntent, Ending, Event, Exit, LeftBehind, Policy, Reason, Report, Signs, Task,
    TaskId, Timestamp, Usage,
};

/// Any moment from the first sample task on, within some days.
pub fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0u64..1 << 38).prop_map(|micros| super::ORDERED.plus(Duration::from_micros(micros)))
}

/// A moment, or none.
pub fn maybe_timestamp() -> impl Strategy<Value = Option<Timestamp>> {
    option::of(timestamp())
}

/// Short text, now and then with characters that need care.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,12}", "\\PC{0,12}", Just("a\n\"b\"\t\u{1b}[31m\u{0}é".to_string())]
}

/// How a process ended.
pub fn exit() -> impl Strategy<Value = Exit> {
    prop_oneof![(0i32..256).prop_map(Exit::Code), (1i32..32).prop_map(Exit::Signal)]
}

/// Any ending.
pub fn ending() -> impl Strategy<Value = Ending> {
    let reason = proptest::sample::select(&Reason::ALL[..]);
    prop_oneof![
        text().prop_map(|result| Ending::Completed { result }),
        (reason, text(), option::of(text())).prop_map(|(reason, message, result)| Ending::Failed {
            reason,
            message,
            result
        }),
        option::of(text()).prop_map(|result| Ending::Cancelled { result }),
    ]
}

/// Any activity.
pub fn activity() -> impl Strategy<Value = Activity> {
    let usage = (any::<u32>(), any::<u32>()).prop_map(|(input, output)| Usage {
        input_tokens: input.into(),
        output_tokens: output.into(),
        ..Usage::default()
    });
    let counts = (0u64..9, 0u64..3);
    (counts, option::of(text()), option::of(text()), maybe_timestamp(), option::of(usage)).prop_map(
        |((tool_calls, tools_in_flight), last_tool, last_message, last_message_at, usage)| {
            Activity {
                tool_calls,
                tools_in_flight,
                last_tool,
                last_message_at: last_message.is_some().then_some(last_message_at).flatten(),
                last_message,
                session: None,
                usage,
                refused: Vec::new(),
                awake: None,
            }
        },
    )
}

/// Any event.
pub fn event() -> impl Strategy<Value = Event> {
    let grace = (0u64..20).prop_map(Duration::from_secs);
    prop_oneof![
        Just(Event::Started(super::started())),
        Just(Event::Adopted { supervisor: super::process(102) }),
        Just(Event::Released),
        instead_of().prop_map(|instead_of| Event::Retried { next: attempt(1), instead_of }),
        activity().prop_map(Event::Progressed),
        (timestamp(), grace)
            .prop_map(|(at, grace)| Event::CancelRequested(CancelIntent { at, grace })),
        (0u64..60, 0u64..20).prop_map(|(limit, grace)| Event::Overflowed {
            limit,
            grace: Duration::from_secs(grace),
        }),
        (0u64..60, 0u64..20).prop_map(|(limit, grace)| Event::Overran {
            limit: Duration::from_secs(limit),
            grace: Duration::from_secs(grace),
        }),
        (timestamp(), 0u64..20).prop_map(|(at, grace)| Event::StopRequested(CancelIntent {
            at,
            grace: Duration::from_secs(grace),
        })),
        (ending(), option::of(exit()), next()).prop_map(|(ending, exit, next)| Event::Ended {
            ending,
            exit,
            next
        }),
        (text(), option::of(text()))
            .prop_map(|(result, error)| Event::Reported(Report { result, error })),
        (maybe_timestamp(), next()).prop_map(|(last_output, next)| Event::Expired {
            policy: Policy::default(),
            signs: Signs { last_output, known_to_us: true, ..Signs::default() },
            grace: Duration::from_secs(10),
            next,
        }),
        (0u32..4, any::<bool>()).prop_map(|(count, in_group)| {
            let processes = (0..count).map(|number| super::process(200 + number));
            Event::LeftBehind(LeftBehind::of(processes.collect()).held(in_group))
        }),
        (0u64..3).prop_map(|bytes| Event::LogLost { bytes }),
        (option::of(exit()), option::of(text()))
            .prop_map(|(exit, result)| Event::AgentExited { exit, result }),
    ]
}

/// The name of some other attempt.
fn attempt(number: u8) -> TaskId {
    TaskId::mint(super::ORDERED, [4, 4, number])
}

fn next() -> impl Strategy<Value = Option<TaskId>> {
    option::of((2u8..4).prop_map(attempt))
}

fn instead_of() -> impl Strategy<Value = Option<TaskId>> {
    option::of((1u8..4).prop_map(attempt))
}

/// Some events with their moments, in any order of time, since clocks step.
pub fn history() -> impl Strategy<Value = Vec<(Event, Timestamp)>> {
    proptest::collection::vec((event(), timestamp()), 0..12)
}

/// A task in any state that such a history leads to.
pub fn task() -> impl Strategy<Value = Task> {
    history().prop_map(|events| {
        events.into_iter().fold(super::queued_task(), |task, (event, at)| {
            task.clone().apply(event, at).map_or(task, |applied| applied.task)
        })
    })
}
