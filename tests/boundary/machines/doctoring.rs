//! `doctor --on ssh:HOST`: what keeps tasks from working on another machine, each with a fix.

use serde_json::{Value, json};
use tests::machines::{Machines, Trouble};
use tests::sandbox::executable;

use crate::sandbox;

/// The finding of a check: how it is, what was found, and what can be done.
fn finding(answer: &Value, check: &str) -> (String, String, String) {
    let rows = answer["findings"].as_array().expect("findings");
    let row = rows.iter().find(|row| row["check"] == check);
    let row = row.unwrap_or_else(|| panic!("no {check} in {answer}"));
    let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    (word("status"), word("detail"), word("fix"))
}

#[test]
fn a_machine_that_is_well_is_said_to_be_so_and_nothing_is_left_on_it() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).ok().json();
    for check in ["ssh", "program there", "store there", "survival", "clocks"] {
        assert_eq!(finding(&answer, check).0, "ok", "{answer}");
    }
    assert_eq!(machines.tasks("box"), Vec::<Value>::new());
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0, "nor here");
}

#[test]
fn whatever_keeps_a_machine_from_being_used_is_named_with_a_fix() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::Down);
    let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).code(1).json();
    let (status, detail, fix) = finding(&answer, "ssh");
    assert!(status == "fail" && detail.contains("Connection refused"), "{answer}");
    assert!(fix.contains("BatchMode=yes box"), "{answer}");
    machines.mend("box", Trouble::Down);
    machines.make("box", Trouble::Bare);
    let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).code(1).json();
    let (status, _, fix) = finding(&answer, "program there");
    assert!(status == "fail" && fix.contains("task-bg hosts add box"), "{answer}");
    let copied = machines.home("box").join(".local/bin/task-bg");
    for (version, status, words) in
        [("99.0.0", "warn", "bring the one here up to date"), ("0.0.1", "warn", "hosts add box")]
    {
        executable(&copied, &format!("#!/bin/sh\necho 'task-bg {version} (commit x)'\n"));
        let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).run().json();
        let found = finding(&answer, "program there");
        assert!(
            found.0 == status && found.1.contains(version) && found.2.contains(words),
            "{answer}"
        );
    }
    machines.mend("box", Trouble::Bare);
    let file = machines.home("box").join(".factory");
    drop(std::fs::remove_dir_all(&file));
    std::fs::write(&file, "no folder").expect("a file in the sandbox");
    let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).code(1).json();
    assert_eq!(finding(&answer, "store there").0, "fail", "{answer}");
}

// Of a machine that ends what its users leave behind every task was lost, and nothing said why.
#[test]
fn a_machine_on_which_no_task_outlives_its_connection_is_found_out() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::Reaps);
    let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).code(1).json();
    let (status, detail, fix) = finding(&answer, "survival");
    assert!(status == "fail" && detail.contains("ended with the connection"), "{answer}");
    assert_ne!(fix, "", "{answer}");
}

#[test]
fn a_machine_whose_clock_is_wrong_is_said_to_be_so() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    executable(&sandbox.path("bin/date"), "#!/bin/sh\necho 1000000000\n");
    let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).ok().json();
    let (status, _, fix) = finding(&answer, "clocks");
    assert!(status == "warn" && fix.contains("NTP"), "{answer}");
}

// Once, all that ssh needs was "try `ssh -o BatchMode=yes`".
#[test]
fn where_ssh_would_ask_something_the_command_to_run_by_hand_is_named() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    for (says, words) in [
        ("Host key verification failed.", "run `ssh box` by hand to see its key"),
        ("me@box: Permission denied (publickey,password).", "ssh-copy-id box"),
        ("ssh: Could not resolve hostname box: Name or service not known", "HostName"),
    ] {
        executable(&sandbox.path("bin/ssh"), &format!("#!/bin/sh\necho '{says}' >&2\nexit 255\n"));
        let answer = sandbox.task_bg(["run", "--on", "ssh:box", "--", "true"]).run().failure(7);
        assert!(answer["hint"].as_str().is_some_and(|it| it.contains(words)), "{answer}");
        let answer = sandbox.task_bg(["doctor", "--on", "ssh:box"]).code(1).json();
        assert!(finding(&answer, "ssh").2.contains(words), "{answer}");
        assert_eq!(answer["ok"], json!(false));
    }
}
