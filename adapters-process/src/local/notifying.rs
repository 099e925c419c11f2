//! Signals by which a supervisor is asked for something; none reaches another process that has only its number.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use domain::port::Fault;
use domain::task::ProcessId;
use rustix::io::Errno;
use rustix::process::Signal;

use super::termination;

/// Sends a supervisor the signal; does nothing if it has ended.
pub(super) fn signal(supervisor: &ProcessId, signal: Signal) -> Result<(), Fault> {
    match termination::signal(supervisor, signal) {
        Ok(_) => Ok(()),
        Err(error) => {
            let step = format!("signalling the supervisor, process {}", supervisor.pid);
            let reason = match error {
                Errno::PERM => of_another(supervisor.pid),
                other => other.to_string(),
            };
            Err(Fault::of(step, reason))
        }
    }
}

/// Why a process cannot be signalled that may not be.
fn of_another(pid: u32) -> String {
    let owner = fs::metadata(format!("/proc/{pid}")).map(|found| found.uid());
    let user = owner.map_or_else(|_| "another user".to_owned(), |uid| format!("user {uid}"));
    format!("it runs as {user}, and only that user or root may signal it")
}
