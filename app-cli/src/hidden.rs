//! The verbs that nobody types: as these, programs start a supervisor, a reminder and a hook.
//!
//! None of them needs settings, and none has a reader whom it could tell of wrong ones.

mod arrive;
mod generated;
mod hook_complete;
mod remind;
mod supervise;

use crate::cli::args::Alone;
use crate::kit::answer::Answer;

/// Lives as long as a task. A function and no future, which would have room on the stack for all that any hidden verb needs.
pub(crate) fn supervisor(verb: Alone) -> Answer {
    if let Alone::Supervise { id, store } = verb {
        supervise::supervise(&id, store)
    } else {
        apart(verb)
    }
}

#[inline(never)]
fn apart(verb: Alone) -> Answer {
    pollster::block_on(alone(verb))
}

/// Does the work of a hidden verb.
pub(crate) async fn alone(verb: Alone) -> Answer {
    match verb {
        // It is served before anything else is looked at.
        Alone::Mcp(_) | Alone::Completions(_) | Alone::Man(_) => Answer::nothing(),
        Alone::HookComplete => hook_complete::hook_complete(),
        Alone::Supervise { id, store } => supervise::supervise(&id, store),
        Alone::Arrive { id, store } => arrive::arrive(&id, store).await,
        Alone::Remind { micros, store } => remind::remind(micros, store).await,
        Alone::Generated { part } => generated::generated(part),
    }
}
