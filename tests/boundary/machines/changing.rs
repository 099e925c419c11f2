//! Verbs that change a task of another machine: that machine decides, and nothing is recorded here that is not so there.

use serde_json::json;
use tests::machines::{Machines, Trouble};
use tests::process::wait_until;
use tests::sandbox::{names, task_id};

use crate::sandbox;

/// Words that a shell would take apart.
const HOSTILE: &str = "it's \"done\"; $(touch pwned) `id` * -- --json\nzwei ü\t";

// Once, `complete` ended the pointer alone: the task went on there, and nobody looked after it any more.
#[test]
fn a_task_of_another_machine_is_completed_there_and_its_words_arrive_whole() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--name", "far", "--", "sleep", "300"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    machines.make("box", Trouble::Down);
    let answer = sandbox.task_bg(["complete", &id, "done"]).run().failure(1);
    assert!(answer["error"].as_str().is_some_and(|it| it.contains("does not answer")), "{answer}");
    assert_ne!(sandbox.record(&id)["status"], "completed");
    machines.mend("box", Trouble::Down);
    let answer = sandbox.task_bg(["complete", "far", HOSTILE]).ok().json();
    assert_eq!((&answer["taskId"], &answer["completed"]), (&json!(id), &json!(true)), "{answer}");
    for record in [sandbox.record(&id), machines.tasks("box").remove(0)] {
        assert_eq!((&record["status"], &record["result"]), (&json!("completed"), &json!(HOSTILE)));
    }
    assert!(machines.calls().iter().all(|call| !call.contains("pwned")), "{:?}", machines.calls());
    let again = sandbox.task_bg(["complete", &id, "again"]).run().failure(4);
    assert_eq!(again["code"], "already_ended", "{again}");
    // Its agent goes on there until somebody cancels what is left.
    let answer = sandbox.task_bg(["cancel", &id]).ok().json();
    assert!(
        names(&answer["stopped"], &id) || answer["stopped"].to_string().contains(&id),
        "{answer}"
    );
    assert_eq!(sandbox.record(&id)["status"], "completed");
}

// Once, `release` released the pointer alone, said that it had released the task, and the task waited for ever.
#[test]
fn a_task_that_is_held_on_another_machine_is_released_there() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let hold = |host: &str| {
        let target = format!("ssh:{host}");
        task_id(&sandbox.task_bg(["run", "--on", &target, "--hold", "--", "true"]).ok().json())
    };
    let (near, also, far) = (hold("near"), hold("near"), hold("far"));
    machines.make("far", Trouble::Down);
    let called = machines.calls().len();
    let answer = sandbox.task_bg(["release", &near, &also, &far]).code(1).json();
    assert_eq!(answer["released"], json!([near, also]), "{answer}");
    assert_eq!(answer["refused"][0]["taskId"], far.as_str(), "{answer}");
    let calls = machines.calls();
    let released = calls[called..].iter().filter(|it| it.contains("task-bg release")).count();
    assert_eq!(released, 2, "one call a machine: {calls:?}");
    sandbox.task_bg(["wait", &near, &also]).ok().done();
    assert_eq!(sandbox.record(&far)["status"], "queued");
    machines.mend("far", Trouble::Down);
    sandbox.task_bg(["release", &far]).ok().done();
    sandbox.task_bg(["wait", &far]).ok().done();
    let answer = sandbox.task_bg(["release", &far]).run().failure(4);
    assert_eq!(answer["code"], "already_ended", "{answer}");
}

#[test]
fn a_launch_says_whether_the_task_runs_there_or_waits() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    let run = |words: &[&str]| {
        let all = ["run", "--on", "ssh:box"].iter().chain(words).copied();
        sandbox.task_bg(all).ok().json()
    };
    let runs = run(&["--", "sleep", "300"]);
    assert_eq!(runs["status"], "running", "{runs}");
    let waits = run(&["--hold", "--", "true"]);
    assert_eq!(waits["status"], "queued", "{waits}");
    sandbox.task_bg(["cancel", &task_id(&runs), &task_id(&waits)]).ok().done();
}

#[test]
fn whatever_somebody_writes_arrives_there_as_it_is() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let folder = machines.home("box").join("a $(touch pwned) 'b' \"c\" ü");
    std::fs::create_dir_all(&folder).expect("a folder in the sandbox");
    let variable = format!("WORDS={HOSTILE}");
    let words = [
        "run",
        "--on",
        "ssh:box",
        "--cwd",
        folder.to_str().expect("UTF-8"),
        "--env",
        &variable,
        "--wait",
        "--name",
        "words",
        "a label; $(touch pwned)",
        "--",
        "sh",
        "-c",
        "printf '%s|' \"$@\" \"$WORDS\" \"$(pwd)\"",
        "sh",
        HOSTILE,
        "--on",
        "-x",
        "",
        "#",
    ];
    sandbox.task_bg(words).ok().done();
    let output = sandbox.task_bg(["output", "words", "--raw"]).ok().json();
    let expected = format!("{HOSTILE}|--on|-x||#|{HOSTILE}|{}|", folder.display());
    assert_eq!(output["output"], expected, "{output}");
    let prompt = format!("SAY {HOSTILE}");
    let words = ["launch", "--on", "ssh:box", "--wait", "--", HOSTILE, &prompt];
    let answer = sandbox.task_bg(words).ok().json();
    let id = answer["ended"][0]["taskId"].as_str().expect("an id").to_owned();
    assert_eq!(sandbox.record(&id)["prompt"], prompt);
    let there = machines.tasks("box");
    assert!(there.iter().any(|task| task["prompt"] == prompt && task["description"] == HOSTILE));
    for place in [sandbox.path("."), machines.home("box"), folder] {
        assert!(!place.join("pwned").exists(), "{}", place.display());
    }
}

#[test]
fn a_machine_that_never_comes_back_is_given_up_with_its_tasks_where_somebody_insists() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--", "sleep", "300"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    machines.make("box", Trouble::Down);
    let refused = sandbox.task_bg(["hosts", "remove", "box"]).run().failure(4);
    assert!(refused["hint"].as_str().is_some_and(|it| it.contains("--force")), "{refused}");
    sandbox.task_bg(["hosts", "remove", "box", "--force"]).ok().done();
    let record = sandbox.record(&id);
    assert_eq!(
        (&record["status"], &record["progress"]["reason"]),
        (&json!("error"), &json!("lost"))
    );
    sandbox.task_bg(["rm", &id]).ok().done();
    machines.mend("box", Trouble::Down);
    assert_eq!(machines.tasks("box")[0]["status"], "running", "nobody stopped it there");
    machines.shell("box", "task-bg cancel --all").ok().done();
    wait_until("that it ended", || machines.tasks("box")[0]["status"] == "cancelled");
}

// Once, nothing was run at the end of a task of another machine.
#[test]
fn what_is_to_be_run_at_the_end_is_run_once_when_the_end_is_heard_of() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    let told = sandbox.path("told");
    let line = format!("echo $TASK_BG_ID $TASK_BG_STATUS $TASK_BG_EXIT_CODE >> {}", told.display());
    let words = ["run", "--on", "ssh:box", "--notify", &line, "--", "sh", "-c", "exit 3"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    sandbox.task_bg(["wait", &id]).code(5).done();
    let told = || std::fs::read_to_string(&told).unwrap_or_default();
    wait_until("that it was told", || !told().is_empty());
    sandbox.task_bg(["list"]).ok().done();
    sandbox.task_bg(["status", &id]).ok().done();
    assert_eq!(told(), format!("{id} error 3\n"));
}

#[test]
fn a_parent_is_told_of_an_end_there_once_some_command_has_heard_of_it() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--parent", "mother", "--", "echo", "found it"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    wait_until("that it ended there", || machines.tasks("box")[0]["status"] == "completed");
    let event = r#"{"hook_event_name": "UserPromptSubmit", "session_id": "mother"}"#;
    let told = || sandbox.hook(event).ok().stdout;
    assert_eq!(told(), "", "hooks make no connections");
    sandbox.task_bg(["list"]).ok().done();
    let words = told();
    assert!(words.contains(&id) && words.contains("found it"), "{words}");
    assert_eq!(told(), "");
}

// Once, tasks that launched each other between machines could do so for ever.
#[test]
fn a_task_that_is_launched_on_another_machine_is_as_deep_as_one_that_is_launched_here() {
    let sandbox = sandbox();
    let _machines = Machines::beside(&sandbox);
    for (depth, code) in [("1", 0), ("2", 0), ("3", 4)] {
        let words = ["run", "--on", "ssh:box", "--wait", "--", "sh", "-c", "echo $TASK_BG_DEPTH"];
        let ran = sandbox.task_bg(words).env("TASK_BG_DEPTH", depth).code(code);
        if code == 0 {
            let deeper = (depth.parse::<u32>().expect("a number") + 1).to_string();
            assert_eq!(ran.json()["ended"][0]["result"], deeper);
        }
    }
}
