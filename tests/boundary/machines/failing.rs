//! Machines that are down, silent, cut off or hostile.

use std::time::Instant;

use serde_json::json;
use tests::machines::{Machines, Trouble};
use tests::process::wait_until;
use tests::sandbox::{names, task_id};

use super::note;
use crate::sandbox;

#[test]
fn a_connection_that_is_cut_during_a_launch_never_starts_two() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::LosesAnswer);
    let words = ["run", "--on", "ssh:box", "--", "sh", "-c", "echo x >> ran"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    assert!(machines.is_over("box", Trouble::LosesAnswer));
    sandbox.task_bg(["wait", &id]).ok().done();
    let ran = std::fs::read_to_string(machines.home("box").join("ran")).expect("it ran");
    assert_eq!((ran.as_str(), machines.tasks("box").len()), ("x\n", 1));
}

#[test]
fn a_wait_whose_connection_is_cut_is_made_anew() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let gate = sandbox.until("gate");
    let words = ["run", "--on", "ssh:box", "--", "sh", "-c", &format!("{gate}; echo done")];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    machines.make("box", Trouble::CutsWait);
    let waiter = sandbox.task_bg(["wait", &id]).start();
    wait_until("that it was cut", || machines.is_over("box", Trouble::CutsWait));
    sandbox.open_gate("gate");
    let answer = waiter.finish().ok().json();
    assert_eq!(answer["ended"][0]["result"], "done", "{answer}");
}

#[test]
fn a_machine_that_is_down_is_one_line_and_the_tasks_of_others_are_listed() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let run = |host: &str| {
        let target = format!("ssh:{host}");
        task_id(&sandbox.task_bg(["run", "--on", &target, "--", "sleep", "300"]).ok().json())
    };
    let (lost, near) = (run("far"), run("near"));
    wait_until("that it runs", || {
        sandbox.task_bg(["status", &near]).ok().json()["status"] == "running"
    });
    machines.make("far", Trouble::Down);
    let listed = sandbox.task_bg(["list"]).ok().json();
    for id in [&lost, &near] {
        assert!(names(&listed["tasks"], id), "{listed}");
    }
    assert_eq!(note(&listed).matches("`far` does not answer").count(), 1, "{listed}");
    assert!(!note(&listed).contains("near"), "{listed}");
    let waited = sandbox.task_bg(["wait", "--timeout", "1s", &lost]).code(6).json();
    assert!(note(&waited).contains("`far` does not answer"), "{waited}");
    for (words, code) in [
        (&["status", &lost][..], 0),
        (&["report", "--json"], 0),
        (&["prune"], 0),
        (&["output", &lost], 1),
        (&["cancel", &lost], 1),
    ] {
        let ran = sandbox.task_bg(words.iter().copied()).code(code);
        assert!(ran.stdout.contains("`far` does not answer"), "{ran}");
    }
    assert!(
        ["queued", "running"]
            .contains(&sandbox.record(&lost)["status"].as_str().expect("a status"))
    );
    let before = listed["total"].clone();
    let refused = sandbox.task_bg(["run", "--on", "ssh:far", "--", "true"]).run().failure(7);
    assert!(refused["error"].as_str().is_some_and(|it| it.contains("Connection refused")));
    let record = sandbox.record(&task_id(&refused));
    assert_eq!(record["progress"]["reason"], "launch_failed", "{record}");
    assert_ne!(sandbox.task_bg(["list"]).ok().json()["total"], before);
    machines.mend("far", Trouble::Down);
    sandbox.task_bg(["cancel", &lost, &near]).ok().done();
}

#[test]
fn a_machine_without_the_program_or_with_another_version_is_said_with_what_to_do() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::Bare);
    let words = ["run", "--on", "ssh:box", "--", "true"];
    let answer = sandbox.task_bg(words).run().failure(7);
    assert!(
        answer["hint"].as_str().is_some_and(|it| it.contains("task-bg hosts add box")),
        "{answer}"
    );
    machines.mend("box", Trouble::Bare);
    machines.make(
        "box",
        Trouble::Says("{\"error\":\"unexpected argument '--json' found\",\"code\":\"usage\"}\n"),
    );
    let answer = sandbox.task_bg(words).run().failure(7);
    assert!(answer["error"].as_str().is_some_and(|it| it.contains("another version")), "{answer}");
    assert!(answer["hint"].as_str().is_some_and(|it| it.contains("task-bg hosts")), "{answer}");
}

/// Once, a slip in its name stayed, and every command asked it from then on.
#[test]
fn a_machine_that_was_never_reached_is_not_kept() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("slip", Trouble::Down);
    sandbox.task_bg(["run", "--on", "ssh:slip", "--", "true"]).run().failure(7);
    let calls = machines.calls().len();
    let hosts = sandbox.task_bg(["hosts", "--json"]).ok();
    assert!(!hosts.stdout.contains("slip"), "{hosts}");
    assert_eq!(machines.calls().len(), calls, "nobody is asked");
}

#[test]
fn an_answer_that_is_none_is_refused_and_no_terminal_acts_on_it() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--", "sleep", "300"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    for says in [
        "welcome\n",
        "",
        "{\"tasks\":[]}\n",
        "{\"id\":1}\n",
        "{\"id\":\"bg_1\",\"status\":\"completed\"}\n",
        "\u{1b}]0;title\u{7}\u{1b}[2J{}\n",
        "{\"error\":\"\u{1b}[31mno\",\"code\":\"odd\"}\n",
    ] {
        machines.make("box", Trouble::Says(says));
        for words in [&["status", &id][..], &["list"], &["output", &id], &["cancel", &id]] {
            for format in ["json", "table"] {
                let ran = sandbox.task_bg(words.iter().copied()).arg("--format").arg(format).run();
                assert!(
                    !ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'),
                    "{says:?}: {ran}"
                );
                assert!([0, 1, 3, 7].contains(&ran.code), "{says:?}: {ran}");
            }
        }
        let status = sandbox.record(&id)["status"].clone();
        assert!([json!("queued"), json!("running")].contains(&status), "{says:?}: {status}");
    }
    machines.mend("box", Trouble::Says(""));
    sandbox.task_bg(["cancel", &id]).ok().done();
}

#[test]
fn a_machine_that_hangs_keeps_no_wait_longer_than_it_may_last() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--", "sleep", "300"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    machines.make("box", Trouble::Hangs);
    let began = Instant::now();
    sandbox.task_bg(["wait", "--timeout", "1s", &id]).code(6).done();
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
    machines.mend("box", Trouble::Hangs);
    sandbox.task_bg(["cancel", &id]).ok().done();
}

/// The launcher is killed while it asks the machine, which has carried the order out by then.
#[test]
fn an_order_whose_launcher_was_killed_is_found_again_by_its_key() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    machines.make("box", Trouble::Hangs);
    let launcher = sandbox.task_bg(["run", "--on", "ssh:box", "--", "echo", "hi"]).start();
    wait_until("that it asks", || !machines.calls().is_empty());
    tests::process::kill(launcher.pid());
    let id = {
        let answer = sandbox.shell("ls ~/.factory/.omd/background-tasks").ok();
        let id = answer.stdout.lines().find_map(|line| line.strip_suffix(".json"));
        id.expect("a record").to_owned()
    };
    machines.mend("box", Trouble::Hangs);
    let line = json!({"description": "x", "command": ["echo", "hi"], "key": id});
    machines.shell("box", "task-bg batch -").stdin(line.to_string()).ok().done();
    let waited = sandbox.task_bg(["wait", &id]).ok().json();
    assert_eq!(waited["ended"][0]["result"], "hi", "{waited}");
    assert_eq!(machines.tasks("box").len(), 1);
}
