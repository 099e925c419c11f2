//! The ground floor of the program: what every verb stands on, whoever calls it.
//!
//! It has the settings and the environment, the concrete adapters, failures with their exit codes,
//! answers, and the console. Nothing here knows a verb; tidy refuses a path from here to `cli` or
//! `hidden`.

pub(crate) mod answer;
pub(crate) mod bound;
pub(crate) mod console;
pub(crate) mod context;
pub(crate) mod document;
pub(crate) mod duration;
pub mod failure;
pub(crate) mod full_screen;
pub(crate) mod live;
pub(crate) mod screen;
pub(crate) mod settings;
pub(crate) mod size;
pub(crate) mod terminal;
pub(crate) mod wiring;

pub(crate) use settings::environment;
