//! What a reader can do about a step on a file or a process that failed, by the system's reason.
//!
//! A fault carries its reason as words, ours or those of another program such as git, and the words of the
//! system are the same in both. Nothing here looks anything up.

use crate::kit::environment::DIR;

/// What helps against a failure whose reason is worded like this, where the store was meant.
pub(super) fn for_store(reason: &str) -> String {
    by_reason(reason)
        .unwrap_or_else(|| format!("check the folder's owner and mode, or set `{DIR}`"))
}

/// What helps against a failure whose reason is worded like this; `None` where the words say nothing.
pub(super) fn by_reason(reason: &str) -> Option<String> {
    let found = TABLE.iter().find(|(words, _)| words.iter().any(|words| reason.contains(words)));
    found.map(|(_, advice)| advice.replace("$DIR", DIR))
}

// Both C libraries that we are built with, glibc and musl, have words of their own for some.
const TABLE: [(&[&str], &str); 11] = [
    (
        &["may signal it"],
        "run the command as that user, or as root: whoever started the task stops it",
    ),
    (
        &["No space left on device", "uota exceeded", "no room is left"],
        "make room on that disk: `task-bg cleanup --delete --older-than 7d` removes old tasks",
    ),
    (
        &["Read-only file system"],
        "the disk is read-only: mount it for writing, or set `$DIR` to a folder on another one",
    ),
    (
        &["Permission denied", "Operation not permitted"],
        "check owner and mode of what is named, or set `$DIR`; `task-bg doctor` names what is not yours",
    ),
    (
        &["Too many open files", "No file descriptors available"],
        "raise the limit of open files, as in `ulimit -n 4096`, or close what holds them",
    ),
    (&["File too large"], "raise the limit of the length of files, as in `ulimit -f unlimited`"),
    (&["Stale file handle"], "the network file system went away: mount it anew, then try again"),
    (
        &["Input/output error", "I/O error"],
        "the disk has a fault: see the system's log, and keep a copy",
    ),
    (
        &["Resource temporarily unavailable", "Cannot allocate memory", "Out of memory"],
        "no more processes or memory can be had: see `ulimit -u` and what uses them, then try again",
    ),
    (
        &["Argument list too long"],
        "the words and the environment are too long together: put long ones into a file",
    ),
    (&["Exec format error"], "it is no program of this system; a script begins with `#!/bin/sh`"),
];

#[cfg(test)]
mod tests {
    use super::*;

    // Once, a full disk was answered with "check the folder's owner and mode".
    #[test]
    fn the_advice_fits_the_reason() {
        for (reason, part) in [
            ("No space left on device (os error 28)", "make room"),
            ("fatal: sha1 file write error: No space left on device", "make room"),
            ("Read-only file system (os error 30)", "read-only"),
            ("Too many open files (os error 24)", "ulimit -n"),
            ("No file descriptors available (os error 24)", "ulimit -n"),
            ("I/O error (os error 5)", "fault"),
            ("Quota exceeded (os error 122)", "make room"),
            ("Out of memory (os error 12)", "memory"),
            ("Stale file handle (os error 116)", "mount it anew"),
            ("Permission denied (os error 13)", "owner and mode"),
            ("it runs as user 0, and only that user or root may signal it", "as that user"),
            ("some reason", "owner and mode"),
        ] {
            assert!(for_store(reason).contains(part), "{reason}");
        }
        assert_eq!(by_reason("some reason"), None);
    }
}
