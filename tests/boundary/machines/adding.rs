//! The verb `hosts`: which machines there are, how they are, and the program copied to one.

use serde_json::json;
use tests::machines::{Machines, Trouble};
use tests::sandbox::executable;

use crate::sandbox;

#[test]
fn machines_are_listed_with_whether_they_answer_and_their_version() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let none = sandbox.task_bg(["hosts"]).ok().json();
    assert_eq!(none["hosts"], json!([]));
    for host in ["near", "far", "old"] {
        let target = format!("ssh:{host}");
        sandbox.task_bg(["run", "--on", &target, "--", "true"]).ok().done();
    }
    machines.make("far", Trouble::Down);
    machines.make("old", Trouble::Says("task-bg 0.0.1 (commit x)\n"));
    let answer = sandbox.task_bg(["hosts"]).ok().json();
    let row = |host: &str| {
        let rows = answer["hosts"].as_array().expect("rows");
        rows.iter().find(|row| row["host"] == host).expect("a row").clone()
    };
    assert_eq!(
        (&row("near")["reachable"], &row("near")["sameVersion"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(row("far")["reachable"], false, "{answer}");
    let old = row("old");
    assert_eq!((&old["version"], &old["sameVersion"]), (&json!("0.0.1"), &json!(false)));
}

#[test]
fn a_machine_is_added_by_copying_this_program_there_once_somebody_agrees() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::Bare);
    let refused = sandbox.task_bg(["hosts", "add", "box"]).run().failure(2);
    assert!(refused["hint"].as_str().is_some_and(|it| it.contains("--yes")), "{refused}");
    let copied = machines.home("box").join(".local/bin/task-bg");
    assert!(!copied.exists());
    let added = sandbox.task_bg(["hosts", "add", "me@box", "--yes"]).ok().json();
    assert_eq!(added["hosts"][0]["sameVersion"], true, "{added}");
    assert!(copied.exists());
    let words = ["run", "--on", "ssh:me@box", "--wait", "--", "echo", "from there"];
    let answer = sandbox.task_bg(words).ok().json();
    assert_eq!(answer["ended"][0]["result"], "from there", "{answer}");
    sandbox.task_bg(["hosts", "remove", "me@box"]).ok().done();
    assert!(copied.exists(), "what is there stays");
    sandbox.task_bg(["hosts", "remove", "me@box"]).run().failure(3);
    sandbox.task_bg(["hosts", "add", "-oProxyCommand=x"]).run().failure(2);
}

#[test]
fn a_machine_of_another_kind_gets_no_program_that_cannot_run_there() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    executable(&sandbox.path("bin/uname"), "#!/bin/sh\necho Plan9 mips\n");
    let answer = sandbox.task_bg(["hosts", "add", "--yes", "box"]).run().failure(7);
    assert!(answer["error"].as_str().is_some_and(|it| it.contains("Plan9 mips")), "{answer}");
}
