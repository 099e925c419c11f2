//! Going on with tasks of other machines: again, in the same session, and what they changed.

use serde_json::json;
use tests::machines::{Machines, Trouble};
use tests::sandbox::task_id;

use crate::sandbox;

#[test]
fn a_retry_is_made_there_and_linked_here_and_a_cut_never_makes_two() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:box", "--wait", "--", "sh", "-c", "exit 3"];
    let first = sandbox.task_bg(words).code(5).json();
    let first = first["ended"][0]["taskId"].as_str().expect("an id").to_owned();
    machines.make("box", Trouble::LosesAnswer);
    let again = sandbox.task_bg(["retry", &first]).ok().json();
    let id = task_id(&again);
    assert_eq!(again["attempt"], 2, "{again}");
    sandbox.task_bg(["wait", &id]).code(5).done();
    assert_eq!(sandbox.record(&first)["progress"]["retriedAs"], id.as_str());
    let there = machines.tasks("box");
    assert_eq!(there.len(), 2, "{there:?}");
    assert_eq!(there[0]["progress"]["retryOf"], there[1]["id"], "{there:?}");
    let here = sandbox.task_bg(["retry", "--on", "local", "--wait", &id]).code(5).json();
    let here = here["ended"][0]["taskId"].as_str().expect("an id").to_owned();
    assert!(sandbox.record(&here)["progress"].get("target").is_none());
}

#[test]
fn attempts_that_a_machine_makes_by_itself_are_followed() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let script = "test -e again && echo fine || { touch again; exit 1; }";
    let words = [
        "run",
        "--on",
        "ssh:box",
        "--retries",
        "1",
        "--backoff",
        "0",
        "--wait",
        "--",
        "sh",
        "-c",
        script,
    ];
    let answer = sandbox.task_bg(words).ok().json();
    assert_eq!(answer["ended"][0]["result"], "fine", "{answer}");
    assert_eq!(machines.tasks("box").len(), 2);
}

#[test]
fn a_follow_up_goes_on_in_the_session_there() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["launch", "--on", "ssh:box", "--wait", "label", "SAY one"];
    let answer = sandbox.task_bg(words).ok().json();
    let first = answer["ended"][0]["taskId"].as_str().expect("an id").to_owned();
    let answer = sandbox.task_bg(["resume", "--wait", &first, "SAY two-hidden"]).ok().json();
    assert_eq!(answer["ended"][0]["result"], "two-hidden", "{answer}");
    let id = answer["ended"][0]["taskId"].as_str().expect("an id").to_owned();
    assert_eq!(sandbox.record(&id)["progress"]["resumeOf"], first.as_str());
    assert!(machines.calls().iter().all(|call| !call.contains("hidden")));
}

#[test]
fn what_a_task_changed_there_is_shown_here() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let git = "git init -q repo && cd repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x";
    machines.shell("box", git).ok().done();
    let words = [
        "run",
        "--on",
        "ssh:box",
        "--cwd",
        "repo",
        "--worktree",
        "--wait",
        "--",
        "sh",
        "-c",
        "echo new > file",
    ];
    let answer = sandbox.task_bg(words).ok().json();
    let id = answer["ended"][0]["taskId"].as_str().expect("an id").to_owned();
    let diff = sandbox.task_bg(["diff", &id]).ok().json();
    assert!(diff["diff"].as_str().is_some_and(|it| it.contains("+new")), "{diff}");
    assert_eq!(diff["taskId"], id.as_str());
}

#[test]
fn a_key_gives_back_what_was_tried_again_or_resumed_under_it() {
    let sandbox = sandbox();
    let failed = sandbox.run_command(["false"]);
    sandbox.ended(&failed);
    let first = sandbox.task_bg(["retry", "--key", "again", &failed]).ok().json();
    let second = sandbox.task_bg(["retry", "--key", "again", &failed]).ok().json();
    assert_eq!((task_id(&first), &second["existing"]), (task_id(&second), &json!(true)));
    let by_key = sandbox.task_bg(["status", "key:again"]).ok().json();
    assert_eq!(task_id(&by_key), task_id(&first));
    let both = sandbox.task_bg(["status", &failed, "key:again", "key:none"]).code(3).json();
    assert_eq!(both["tasks"].as_array().map(Vec::len), Some(2), "{both}");
    assert_eq!(both["refused"][0]["taskId"], "key:none", "{both}");
}
