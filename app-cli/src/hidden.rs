//! The verbs that nobody types: what a supervisor, a reminder and a hook are started as.
//!
//! None of them needs settings or has anybody to complain to about them.

mod generated;
mod hook_complete;
mod remind;
mod supervise;

use crate::cli::args::Alone;
use crate::kit::answer::Answer;

/// Does what needs neither settings nor a store; it has nobody to complain to about them.
pub(crate) async fn alone(verb: Alone) -> Answer {
    match verb {
        Alone::HookComplete => hook_complete::hook_complete(),
        Alone::Supervise { id, store } => supervise::supervise(&id, store).await,
        Alone::Remind { micros, store } => remind::remind(micros, store).await,
        Alone::Generated { part } => generated::generated(part),
    }
}
