//! A life lock whose name somebody removes: its supervisor makes the name again at once, so that no limit is
//! exceeded.
//!
//! Once, a supervisor found out within a minute, or when a command that reads every record asked it to look. A
//! `run` that came before started one task more than may run, and `queue` said that none ran.

use std::fs;

use tests::process::{descriptors, wait_until};
use tests::sandbox::pid_at;

use crate::sandbox;

#[test]
fn a_supervisor_names_its_life_lock_again_by_itself_and_the_first_run_counts_it() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    let id = sandbox.run_command(["sleep", "60"]);
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    let watches = |number: &u32| {
        let target = fs::read_link(format!("/proc/{supervisor}/fd/{number}"));
        target.is_ok_and(|target| target.to_string_lossy().contains("inotify"))
    };
    wait_until("that it watches", || descriptors(supervisor).iter().any(watches));
    // The supervisor may name its lock again before the folder is gone.
    let removed = fs::remove_dir_all(sandbox.store().join(".active"));
    let kind = removed.err().map(|error| error.kind());
    assert!(matches!(kind, None | Some(std::io::ErrorKind::DirectoryNotEmpty)), "{kind:?}");
    wait_until("its life lock", || sandbox.active() == std::slice::from_ref(&id));
    let second = sandbox.task_bg(["run", "another", "--", "true"]).ok().json();
    assert_eq!(second["status"], "queued", "two run where one may: {second:#}");
    assert_eq!(sandbox.task_bg(["queue"]).ok().json()["running"], 1);
    sandbox.task_bg(["cancel", "--all"]).ok().done();
    sandbox.assert_nothing_left();
}
