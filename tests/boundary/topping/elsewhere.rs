//! `top` and tasks of other machines.

use tests::machines::{Machines, Trouble};
use tests::process::wait_until;

use super::Looked;
use crate::sandbox;

// Once, such a task stood on the screen as it was heard of last, for ever, and its log was empty.
#[test]
fn a_screen_asks_other_machines_how_their_tasks_fare() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--name", "far", "--", "true"];
    sandbox.task_bg(words).ok().done();
    wait_until("that it ended there", || machines.tasks("box")[0]["status"] == "completed");
    let mut looked = Looked::at(&sandbox, (100, 24), "completed");
    looked.shows("what it writes is on box");
    looked.press("q");
    let (ran, _) = looked.ends();
    drop(ran.code_is(0));
}

#[test]
fn a_machine_that_hangs_keeps_no_screen_open() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--name", "far", "--", "sleep", "300"];
    sandbox.task_bg(words).ok().done();
    machines.make("box", Trouble::Hangs);
    let called = machines.calls().len();
    let mut looked = Looked::at(&sandbox, (100, 24), "far");
    wait_until("that it asks", || machines.calls().len() > called);
    let began = std::time::Instant::now();
    looked.press("q");
    let (ran, _) = looked.ends();
    drop(ran.code_is(0));
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    machines.mend("box", Trouble::Hangs);
    sandbox.task_bg(["cancel", "far"]).ok().done();
}
