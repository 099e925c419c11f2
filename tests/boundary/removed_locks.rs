//! A life lock whose name somebody removes: its supervisor makes the name again within a moment, so that no limit is
//! exceeded, and makes none in a store that somebody removes.
//!
//! Once, a supervisor found out within a minute, or when a command that reads every record asked it to look. A
//! `run` that came before started one task more than may run, and `queue` said that none ran.

use std::fs;
use std::time::Duration;

use tests::process::{alive, descriptors, wait_at_most, wait_until};
use tests::sandbox::pid_at;

use crate::sandbox;

/// How long a supervisor waits for a store that is gone, and more.
const GIVEN_UP: Duration = Duration::from_secs(40);

fn wait_until_watched(supervisor: u32) {
    let watches = |number: &u32| {
        let target = fs::read_link(format!("/proc/{supervisor}/fd/{number}"));
        target.is_ok_and(|target| target.to_string_lossy().contains("inotify"))
    };
    wait_until("that it watches", || descriptors(supervisor).iter().any(watches));
}

#[test]
fn a_supervisor_names_its_life_lock_again_by_itself_and_the_first_run_counts_it() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "1");
    let id = sandbox.run_command(["sleep", "60"]);
    wait_until_watched(pid_at(&sandbox.record(&id), "supervisor"));
    fs::remove_dir_all(sandbox.store().join(".active")).expect("removed");
    wait_until("its life lock", || sandbox.active() == std::slice::from_ref(&id));
    let second = sandbox.task_bg(["run", "another", "--", "true"]).ok().json();
    assert_eq!(second["status"], "queued", "two run where one may: {second:#}");
    assert_eq!(sandbox.task_bg(["queue"]).ok().json()["running"], 1);
    sandbox.task_bg(["cancel", "--all"]).ok().done();
    sandbox.assert_nothing_left();
}

// Once, three of four removals ended with "Directory not empty": a supervisor had put the name of its lock back meanwhile.
#[test]
fn a_store_that_is_removed_under_running_tasks_is_gone() {
    let removed = |round| {
        let sandbox = sandbox();
        let ids = [(); 3].map(|()| sandbox.run_script(&[], &sandbox.until("gate")));
        let supervisors = ids.map(|id| pid_at(&sandbox.record(&id), "supervisor"));
        supervisors.into_iter().for_each(wait_until_watched);
        fs::remove_dir_all(sandbox.store()).unwrap_or_else(|error| panic!("{round}: {error}"));
        sandbox.open_gate("gate");
        (sandbox, supervisors)
    };
    // Each waits a while for its store to come back.
    let rounds: Vec<_> = (0..10).map(removed).collect();
    for (sandbox, supervisors) in rounds {
        for supervisor in supervisors {
            wait_at_most(GIVEN_UP, "that it gives up", || (!alive(supervisor)).then_some(()));
        }
        assert!(!sandbox.store().exists(), "it is there again");
    }
}
