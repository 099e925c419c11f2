//! The verb `hosts`: which machines there are, how they are, and the program copied to one.

use serde_json::json;
use tests::machines::{Machines, Trouble};
use tests::sandbox::{executable, task_id};

use crate::sandbox;

/// Once, each command failed on the PATH there first, and then made a second connection.
#[test]
fn a_machine_with_the_program_beside_its_path_is_called_once_a_command() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::Bare);
    sandbox.task_bg(["hosts", "add", "box", "--yes"]).ok().done();
    let calls = machines.calls().len();
    let id = task_id(&sandbox.task_bg(["run", "--on", "ssh:box", "--", "true"]).ok().json());
    assert_eq!(machines.calls().len(), calls + 1, "{:?}", machines.calls());
    sandbox.task_bg(["wait", &id]).ok().done();
}

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

// Once, what had arrived when the connection was cut took the place of the program.
#[test]
fn a_copy_that_is_cut_short_leaves_the_program_that_was_there() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let copied = machines.home("box").join(".local/bin/task-bg");
    executable(&copied, "#!/bin/sh\necho task-bg 0.0.1\n");
    machines.make("box", Trouble::CutsCopy);
    sandbox.task_bg(["hosts", "add", "box", "--yes"]).run().failure(7);
    assert!(machines.is_over("box", Trouble::CutsCopy));
    let kept = std::fs::read_to_string(&copied).expect("the program");
    assert!(kept.contains("0.0.1"), "{} bytes", kept.len());
    let folder = std::fs::read_dir(copied.parent().expect("a folder")).expect("it is there");
    assert_eq!(folder.count(), 1, "nothing of the copy stays");
    sandbox.task_bg(["hosts", "add", "box", "--yes"]).ok().done();
    assert!(std::fs::metadata(&copied).expect("the program").len() > 1_000_000);
}

#[test]
fn a_newer_program_is_copied_over_only_where_somebody_insists() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::Bare);
    let copied = machines.home("box").join(".local/bin/task-bg");
    executable(&copied, "#!/bin/sh\necho 'task-bg 99.0.0 (commit x)'\n");
    let refused = sandbox.task_bg(["hosts", "add", "box", "--yes"]).run().failure(4);
    assert!(refused["error"].as_str().is_some_and(|it| it.contains("99.0.0")), "{refused}");
    assert!(refused["hint"].as_str().is_some_and(|it| it.contains("--force")), "{refused}");
    let added = sandbox.task_bg(["hosts", "add", "box", "--yes", "--force"]).ok().json();
    assert_eq!(added["hosts"][0]["sameVersion"], true, "{added}");
    executable(&copied, "#!/bin/sh\necho 'task-bg 0.0.9 (commit x)'\n");
    sandbox.task_bg(["hosts", "add", "box", "--yes"]).ok().done();
}
