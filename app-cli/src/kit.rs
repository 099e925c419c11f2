//! The ground floor of the program: what every verb stands on, whoever calls it.
//!
//! Settings and environment, the concrete adapters, failures with their exit codes, answers and the
//! console. Nothing here knows a verb: no arrow points upward from here.

pub(crate) mod answer;
pub(crate) mod console;
pub(crate) mod context;
pub(crate) mod duration;
pub mod failure;
pub(crate) mod settings;
pub(crate) mod terminal;
pub(crate) mod wiring;

pub(crate) use settings::environment;
