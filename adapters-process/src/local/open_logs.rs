//! Which log a process has open, by what the kernel shows of it: the name of a log may mean another file by now, and its
//! store may be gone. Opens no log, and signals nobody.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use domain::task::{ProcessId, TaskId};

use crate::local::identity;
use crate::local::tree::{REMOVED, logged_in};

/// Whether the kernel shows an open file under this name: the kernel marks one that was removed.
pub(super) fn is_shown_as(target: &Path, name: &OsStr) -> bool {
    let mut removed = OsString::from(name);
    removed.push(REMOVED);
    target.file_name().is_some_and(|last| last == name || last == removed)
}

/// Whether the file that has the name of a log is not the one to which the agent and the supervisor of a task write. Where
/// neither shows a log nothing is known, and it counts as theirs; so it does once the agent is gone, as its log is put back
/// then.
pub fn was_replaced(log: &Path, agent: &ProcessId, supervisor: Option<&ProcessId>) -> bool {
    if !identity::lives(agent) {
        return false;
    }
    let (Some(name), Ok(there)) = (log.file_name(), fs::symlink_metadata(log)) else {
        return false;
    };
    let mut shown = false;
    for writer in supervisor.into_iter().chain([agent]).filter(|writer| identity::lives(writer)) {
        for entry in
            fs::read_dir(format!("/proc/{}/fd", writer.pid)).into_iter().flatten().flatten()
        {
            if !fs::read_link(entry.path()).is_ok_and(|target| is_shown_as(&target, name)) {
                continue;
            }
            let Ok(open) = fs::metadata(entry.path()) else { continue };
            if (open.dev(), open.ino()) == (there.dev(), there.ino()) {
                return false;
            }
            shown = true;
        }
    }
    shown
}

/// Whether a process writes into the log of this task in the store in this folder, which may be gone.
pub fn logs_into(process: &ProcessId, id: &TaskId, store: &Path) -> bool {
    let leads_there = |stream: &u32| {
        let target =
            fs::read_link(format!("/proc/{}/fd/{stream}", process.pid)).unwrap_or_default();
        let name = target.file_name().and_then(OsStr::to_str);
        target.parent() == Some(store) && name.and_then(logged_in).as_ref() == Some(id)
    };
    [1, 2].iter().any(leads_there) && identity::lives(process)
}
