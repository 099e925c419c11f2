//! Limits that the caller of a program was given, and that nothing of ours may die of.
//!
//! Nothing here raises one: the agents are to keep what their launcher was given.

use std::sync::Arc;

use rustix::process::{Resource, getrlimit};

/// Makes a write beyond the limit of the length of files a failure of that write. The system would end the process as
/// well, in the middle of whatever it does. Costs one system call where there is no such limit.
pub fn outlive_long_files() {
    if getrlimit(Resource::Fsize).current.is_some() {
        // A signal with a handler ends nothing; what is started has none again. Where none can be set, all is as before.
        drop(signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()));
    }
}
