//! Limits that the caller of a program was given, and that nothing of ours may die of.
//!
//! Nothing here raises one: the agents are to keep what their launcher was given.

use std::sync::Arc;

use rustix::process::{Resource, getrlimit};

/// How many files a supervisor has open at most.
const FILES: u64 = 32;
/// How long a record may become, in bytes.
const LENGTH: u64 = 1 << 20;

/// Why a supervisor that this process starts for a task of somebody else could not be sure to record what becomes of it; `None`
/// if it can. It would have the limits of this process as long as the task runs.
pub(crate) fn too_narrow() -> Option<String> {
    let limits = [
        (Resource::Nofile, FILES, "open files"),
        (Resource::Fsize, LENGTH, "the length of files, in bytes,"),
    ];
    limits.into_iter().find_map(|(resource, least, of)| {
        let limit = getrlimit(resource).current.filter(|limit| *limit < least)?;
        Some(format!("the limit of {of} is {limit} here, and a supervisor needs {least}"))
    })
}

/// Makes a write beyond the limit of the length of files a failure of that write. The system would end the process as
/// well, in the middle of whatever it does. Costs one system call where there is no such limit.
pub fn outlive_long_files() {
    if getrlimit(Resource::Fsize).current.is_some() {
        // A signal with a handler ends nothing; what is started has none again. Where none can be set, all is as before.
        drop(signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()));
    }
}
