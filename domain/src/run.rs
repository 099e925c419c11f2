//! The second ring: how one running task is driven, as values and pure functions.
//!
//! Nothing here waits, reads a clock or calls a port: a driver tells what it saw and does what follows
//! from it.

pub mod account;
pub mod ending;
pub mod log_bound;
pub mod machine;
pub mod readable;
pub mod retry;

pub use account::{Account, AgentEvent, Complaint};
pub use ending::{Evidence, decide};
pub use machine::{Input, Machine, Moment, Output};
