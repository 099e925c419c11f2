//! Strategies: steps of a driver, in any order, and inputs that no driver would give.
//!
//! Nothing here drives anything.

use crate::run::account::AgentEvent;
use crate::run::machine::*;
use crate::task::{Order, Policy, Report, Retries, Signs};
use crate::testing::{self, ORDERED, strategies};
use proptest::option;
use proptest::prelude::*;
use std::string::String;
use std::vec::Vec;

/// What happens to a driven task.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Time passes, in milliseconds, and the machine is told.
    Passes(u64),
    /// The agent says something.
    Says(AgentEvent),
    /// The task's processes do something else.
    Stirs,
    /// Somebody asks the driver to end.
    Asked,
    /// The driver looks at the record.
    Looks,
    /// The agent exits.
    Exits(Option<Exit>),
    /// The store answers what it was asked last.
    Answered,
    /// From now on the store fails.
    Breaks,
    /// From now on the store works.
    Mends,
    /// Another process applies this event to the record.
    Elsewhere(Event),
}

fn said() -> impl Strategy<Value = AgentEvent> {
    prop_oneof![
        strategies::text().prop_map(|text| AgentEvent::Said { text, at: None }),
        Just(AgentEvent::ToolCalled { tool: "Read".to_string() }),
        Just(AgentEvent::ToolReturned),
        strategies::text().prop_map(|text| AgentEvent::Finished { text, usage: None }),
    ]
}

fn elsewhere() -> impl Strategy<Value = Event> {
    let grace = (0u64..20).prop_map(Duration::from_secs);
    let hasty =
        Policy { time_to_live: Duration::ZERO, silence: Duration::ZERO, ..Policy::default() };
    prop_oneof![
        grace.prop_map(|grace| Event::CancelRequested(CancelIntent { at: ORDERED, grace })),
        strategies::text().prop_map(|result| Event::Reported(Report { result, error: None })),
        Just(Event::Expired {
            policy: hasty,
            signs: Signs::default(),
            grace: Duration::from_secs(1),
            next: None,
        }),
        strategies::ending().prop_map(|ending| Event::Ended { ending, exit: None, next: None }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u64..3_000).prop_map(Step::Passes),
        2 => said().prop_map(Step::Says),
        1 => Just(Step::Stirs),
        1 => Just(Step::Asked),
        2 => Just(Step::Looks),
        1 => option::of(strategies::exit()).prop_map(Step::Exits),
        6 => Just(Step::Answered),
        1 => Just(Step::Breaks),
        2 => Just(Step::Mends),
        1 => elsewhere().prop_map(Step::Elsewhere),
    ]
}

/// Steps in any order.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..40)
}

/// Inputs in any order, also such as no driver would give.
pub(super) fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let sight = (any::<bool>(), option::of(0u64..20)).prop_map(|(ended, grace)| Sight {
        ended,
        stop: grace.map(|grace| CancelIntent { at: ORDERED, grace: Duration::from_secs(grace) }),
    });
    let recorded = prop_oneof![
        sight.clone().prop_map(Recorded::Done),
        Just(Recorded::Refused),
        Just(Recorded::Gone),
        Just(Recorded::Failed),
    ];
    let input = prop_oneof![
        said().prop_map(Input::Said),
        Just(Input::Stirred),
        Just(Input::Asked),
        sight.prop_map(Input::Seen),
        Just(Input::Tick),
        option::of(strategies::exit()).prop_map(|exit| Input::AgentExited(exited(exit))),
        recorded.prop_map(Input::Recorded),
    ];
    proptest::collection::vec(input, 0..30)
}

/// Orders that differ in what a machine has to know.
pub(super) fn charges() -> impl Strategy<Value = Order> {
    (option::of(0u64..20), 0u32..2).prop_map(|(limit, left)| Order {
        time_limit: limit.map(Duration::from_secs),
        retries: Retries { left, ..Retries::default() },
        ..testing::order()
    })
}

/// An agent that exited like this and left no log.
pub(super) fn exited(exit: Option<Exit>) -> Exited {
    let left = LeftBehind::of(Vec::from([testing::process(200)]));
    Exited {
        exit,
        log_tail: String::new(),
        log_complaint: None,
        text_only: false,
        left,
        random: [5, 5, 5],
    }
}
