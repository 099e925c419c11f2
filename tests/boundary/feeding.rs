//! Standard input: what a command reads, also after it waited or failed, and what is said of one nobody reads.

use std::fs;

use serde_json::json;
use tests::meddling::make_pipe;
use tests::sandbox::task_id;

use crate::sandbox;

#[test]
fn a_command_reads_a_file_or_what_is_piped_in_at_once_and_after_it_waited() {
    let sandbox = sandbox();
    fs::write(sandbox.work().join("input"), "from a file\n").expect("a file");
    let of_file = ["run", "x", "--stdin", "input", "--", "cat"];
    let id = task_id(&sandbox.task_bg(of_file).ok().json());
    assert_eq!(sandbox.ended(&id)["result"], "from a file");
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let piped = ["run", "x", "--stdin", "-", "--", "sh", "-c", "cat; exit 3"];
    let ran = sandbox.task_bg(piped).stdin("secret\nwords\n").ok().json();
    let id = task_id(&ran);
    assert_eq!((&ran["status"], ran.get("note")), (&json!("queued"), None));
    let kept = sandbox.store().join(format!("{id}.stdin"));
    assert_eq!(fs::read_to_string(&kept).expect("it is kept"), "secret\nwords\n");
    assert!(!sandbox.record(&id).to_string().contains("secret"));
    sandbox.task_bg(["queue", "resume"]).ok().done();
    sandbox.ended(&id);
    let text = |id: &str| sandbox.task_bg(["output", id]).ok().json()["output"].clone();
    assert_eq!(text(&id), "secret\nwords\n");
    // A further attempt reads the same, and what it reads is kept for as long as it needs it.
    let held = sandbox.task_bg(["queue", "pause"]);
    held.ok().done();
    let again = task_id(&sandbox.task_bg(["retry", &id]).ok().json());
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert!(kept.exists(), "{cleaned}");
    sandbox.task_bg(["queue", "resume"]).ok().done();
    sandbox.ended(&again);
    assert_eq!(text(&again), "secret\nwords\n");
    sandbox.assert_nothing_kept();
    sandbox.task_bg(["cleanup", "--delete"]).ok().done();
    assert!(!kept.exists(), "it goes with its task");
}

// Once, what was piped to `run` was dropped without a word.
#[test]
fn what_is_piped_in_and_not_read_is_said_and_nothing_else_is() {
    let sandbox = sandbox();
    let shell = |script: &str| sandbox.shell(script).ok().json();
    fs::write(sandbox.work().join("input"), "words\n").expect("a file");
    let said = shell("task-bg run x -- true < input");
    assert!(said["note"].as_str().is_some_and(|it| it.contains("`--stdin -`")), "{said}");
    let said = shell("task-bg launch x 'SAY hi' < input");
    assert!(said["note"].as_str().is_some_and(|it| it.contains("`--prompt-file -`")), "{said}");
    for quiet in [
        "task-bg run x -- true < /dev/null",
        "task-bg run x -- true <&-",
        "task-bg run x --stdin - -- true < input",
        ": | task-bg run x -- true",
        "sleep 5 | task-bg run x -- true",
    ] {
        assert_eq!(shell(quiet).get("note"), None, "{quiet}");
    }
}

#[test]
fn an_input_that_cannot_be_had_is_refused_before_anything_starts() {
    let sandbox = sandbox();
    for file in ["none", "."] {
        let failed = sandbox.task_bg(["run", "x", "--stdin", file, "--", "cat"]).code(2).json();
        assert!(
            failed["error"].as_str().is_some_and(|it| it.contains("standard input")),
            "{failed}"
        );
    }
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
    let failed = sandbox.task_bg(["run", "x", "--stdin", "-", "--", "no-such-program"]).stdin("x");
    let id = failed.code(7).json()["taskId"].as_str().expect("an id").to_owned();
    assert!(sandbox.store().join(format!("{id}.stdin")).exists(), "for whoever tries it once more");
}

// The launcher opened it to see whether that works, and waited for somebody to write.
#[test]
fn a_pipe_that_nobody_writes_to_is_refused_at_once_and_also_when_it_took_the_place_of_a_file() {
    let sandbox = sandbox();
    let (pipe, file) = (sandbox.work().join("pipe"), sandbox.work().join("file"));
    make_pipe(&pipe);
    let failed = sandbox.task_bg(["run", "x", "--stdin", "pipe", "--", "cat"]).code(2).json();
    let [error, hint] = ["error", "hint"].map(|key| failed[key].as_str().unwrap_or_default());
    assert!(error.contains("it is a pipe") && hint.contains("sh -c"), "{failed:#}");
    fs::write(&file, "words").expect("a file");
    let held = sandbox.task_bg(["run", "x", "--hold", "--stdin", "file", "--", "cat"]).ok().json();
    fs::rename(&pipe, &file).expect("renamed");
    let id = task_id(&held);
    sandbox.task_bg(["release", &id]).run().done();
    let ended = sandbox.ended(&id);
    assert_eq!(ended["progress"]["reason"], "launch_failed", "{ended:#}");
    assert!(ended["error"].as_str().is_some_and(|it| it.contains("it is a pipe")), "{ended:#}");
    // What the shell opens for one command is read by the launcher, as what is piped in.
    let script = "exec 9<<E\nwords\nE\ntask-bg run x --wait --stdin /dev/fd/9 -- cat";
    assert_eq!(sandbox.shell(script).ok().json()["ended"][0]["result"], "words");
}
