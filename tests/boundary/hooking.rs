//! The hook: an accelerator from outside, a mere observer inside a task, and never an obstacle.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use tests::process::{alive, wait_until};
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// A running task: its id, and the session that `launch` printed.
struct Running {
    id: String,
    session: String,
}

fn launch(sandbox: &Sandbox) -> Running {
    let gate = sandbox.path("gate");
    let script =
        format!("PID {}\nWAIT {}\nSAY by itself", sandbox.path("pid").display(), gate.display());
    let answer = sandbox.task_bg(["launch", "a task", &script]).ok().json();
    sandbox.pid_in("pid");
    let session = answer["session_id"].as_str().expect("a session").to_owned();
    Running { id: task_id(&answer), session }
}

/// What droid hands to a hook when a subagent of this session has ended.
fn subagent_stop(sandbox: &Sandbox, session: &str, transcript: &[Value]) -> String {
    let file = sandbox.path("transcript.jsonl");
    let lines: Vec<_> = transcript.iter().map(Value::to_string).collect();
    fs::write(&file, lines.join("\n") + "\n").expect("a file in the sandbox");
    json!({
        "session_id": session,
        "transcript_path": file,
        "cwd": sandbox.work(),
        "permission_mode": "auto-high",
        "hook_event_name": "SubagentStop",
        "task_name": "Do the sub thing",
        "task_result": "sub report here",
        "stop_hook_active": false,
    })
    .to_string()
}

/// A session file as droid writes it, with two assistant messages and a hook record after them.
fn transcript() -> Vec<Value> {
    let message = |role: &str, text: &str| json!({ "type": "message", "message": { "role": role, "content": [{ "type": "text", "text": text }] } });
    vec![
        json!({ "type": "session_start", "id": "s", "version": 2 }),
        message("user", "find it"),
        message("assistant", "still looking"),
        message("assistant", "found it"),
        json!({ "type": "message", "message": { "role": "user", "content": [], "visibility": "user_only", "hookEventName": "Stop" } }),
        json!({ "type": "agent_turn_outcome", "reason": "completed" }),
    ]
}

#[test]
fn from_outside_it_ends_the_task_of_that_session_with_the_last_assistant_text() {
    let sandbox = sandbox();
    let Running { id, session } = launch(&sandbox);
    let ran = sandbox.hook(subagent_stop(&sandbox, &session, &transcript())).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    let record = sandbox.record(&id);
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["result"], "found it");
    // The agent is left to finish, and how it exited is noted without touching the ending.
    assert!(alive(sandbox.pid_in("pid")));
    sandbox.open_gate("gate");
    wait_until("how the agent exited", || sandbox.record(&id)["progress"]["exitCode"] == 0);
    let after = sandbox.record(&id);
    for key in ["status", "result", "error", "completed_at"] {
        assert_eq!(after[key], record[key], "an ended task changed");
    }
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0]);
}

#[test]
fn the_session_droid_gave_itself_is_known_too() {
    let sandbox = sandbox();
    let Running { id, .. } = launch(&sandbox);
    wait_until("the droid session", || {
        sandbox.record(&id)["progress"]["droidSessionId"].is_string()
    });
    let session = sandbox.record(&id)["progress"]["droidSessionId"].clone();
    let session = session.as_str().expect("a session");
    sandbox.hook(subagent_stop(&sandbox, session, &transcript())).ok().done();
    assert_eq!(sandbox.record(&id)["result"], "found it");
    sandbox.open_gate("gate");
    sandbox.assert_nothing_left();
}

#[test]
fn inside_a_task_it_ends_nothing() {
    let sandbox = sandbox();
    let Running { id, session } = launch(&sandbox);
    let input = subagent_stop(&sandbox, &session, &transcript());
    let ran = sandbox.hook(input).env("TASK_BG_TASK_ID", &id).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    assert_eq!(sandbox.record(&id)["status"], "running");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["result"], "by itself");
}

#[test]
fn the_hook_of_the_agent_itself_ends_nothing_either() {
    let sandbox = sandbox();
    let input = sandbox.path("input");
    // Its environment is the agent's, so it knows in which task it is.
    let script = format!("WAIT {0}\nSHELL task-bg-hook < {0}\nSAY by itself", input.display());
    let answer = sandbox.task_bg(["launch", "a task", &script]).ok().json();
    let session = answer["session_id"].as_str().expect("a session");
    let stop = subagent_stop(&sandbox, session, &transcript());
    fs::write(sandbox.path("input.new"), stop).expect("a file in the sandbox");
    fs::rename(sandbox.path("input.new"), &input).expect("a file that was just written");
    let record = sandbox.ended(&task_id(&answer));
    assert_eq!(record["result"], "by itself", "{record:#}");
}

#[test]
fn a_task_that_has_ended_is_not_ended_again() {
    let sandbox = sandbox();
    let Running { id, session } = launch(&sandbox);
    sandbox.task_bg(["complete", &id, "by hand"]).ok().done();
    let ran = sandbox.hook(subagent_stop(&sandbox, &session, &transcript())).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    assert_eq!(sandbox.record(&id)["result"], "by hand");
    sandbox.open_gate("gate");
}

// The session index forgot a task with its ending, so that what the agent found after a time limit was thrown
// away, though `complete` kept it.
#[test]
fn a_result_that_comes_after_an_ending_that_was_a_guess_is_kept_beside_it() {
    for verb in ["hook", "hook-complete"] {
        let sandbox = sandbox();
        let answer = sandbox.task_bg(["launch", "a task", "SLEEP 60"]).ok().json();
        let (id, session) = (task_id(&answer), answer["session_id"].as_str().expect("a session"));
        wait_until("it is expired", || {
            sandbox.task_bg(["prune"]).env("TASK_BG_TTL", "1s").ok().done();
            sandbox.status(&id) == "error"
        });
        let say = |result: &str| {
            let event = json!({"hook_event_name": "SubagentStop", "session_id": session, "task_result": result});
            let ran = match verb {
                "hook" => sandbox.hook(event.to_string()).ok(),
                _ => sandbox.task_bg([verb]).stdin(event.to_string()).ok(),
            };
            assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
        };
        // Nothing that could not be read is kept, and no sweep forgets whom a report means.
        let unread = json!({"session_id": session, "transcript_path": sandbox.path("nothing")});
        sandbox.hook(unread.to_string()).ok().done();
        sandbox.task_bg(["doctor", "--fix"]).run().done();
        assert!(sandbox.record(&id)["progress"]["lateResult"].is_null());
        say("the late one");
        // The second one was thrown away, and `complete` said that it was kept; one that is said twice is one.
        say("one more");
        say("one more");
        let completed = sandbox.task_bg(["complete", &id, "by hand"]).code(4).json();
        let all = "the late one\n\none more\n\nby hand";
        assert_eq!(completed["lateResult"], all, "{completed:#}");
        let record = sandbox.task_bg(["status", &id]).ok().json();
        assert_eq!(record["progress"]["lateResult"], all, "{record:#}");
        assert_eq!(
            (&record["status"], &record["progress"]["reason"]),
            (&json!("error"), &json!("timeout"))
        );
        sandbox.assert_nothing_left();
    }
}

#[test]
fn the_command_of_the_original_does_the_same() {
    let sandbox = sandbox();
    let Running { id, session } = launch(&sandbox);
    let input = subagent_stop(
        &sandbox,
        &session,
        &[json!({ "role": "assistant", "content": "old shape" })],
    );
    sandbox.task_bg(["hook-complete"]).stdin(input).ok().done();
    assert_eq!(sandbox.record(&id)["result"], "old shape");
    sandbox.open_gate("gate");
    sandbox.assert_nothing_left();
}

#[test]
fn whatever_it_is_fed_it_is_silent_and_exits_with_0() {
    let sandbox = sandbox();
    let Running { id, session } = launch(&sandbox);
    let named = |event: &str| {
        json!({ "session_id": session, "hook_event_name": event, "prompt": "x" }).to_string()
    };
    let mut inputs: Vec<Vec<u8>> = [
        "",
        "not json",
        "{",
        "null",
        "[]",
        "42",
        "{}",
        "{\"session_id\":null}",
        "{\"session_id\":{},\"transcript_path\":[]}",
        "{\"session_id\":\"../../x\",\"transcript_path\":\"/there/is/none\"}",
        "{\"session_id\":\"nobody\",\"transcript_path\":\"/dev/zero\"}",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    inputs.push(b"\xff\xfe\0\0".to_vec());
    inputs.push(vec![b'['; 1_000_000]);
    for event in ["SessionStart", "SessionEnd", "PreToolUse", "FromTheFuture"] {
        inputs.push(named(event).into_bytes());
    }
    for input in inputs {
        let shown = String::from_utf8_lossy(&input[..input.len().min(80)]).into_owned();
        let ran = sandbox.hook(input).ok();
        assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{shown}\n{ran}");
    }
    assert_eq!(sandbox.record(&id)["status"], "running");
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

/// What the hook records for a task without a supervisor, of which nothing but this transcript is known.
fn result_by(sandbox: &Sandbox, transcript: &Path) -> Value {
    let record = json!({
        "id": "bg_19b8c0ffee11a1b2c",
        "session_id": "theirs",
        "parent_session_id": "main",
        "description": "find it",
        "prompt": "find it",
        "agent": "explorer",
        "status": "running",
        "progress": {},
    });
    fs::create_dir_all(sandbox.store()).expect("a folder");
    let file = sandbox.store().join("bg_19b8c0ffee11a1b2c.json");
    fs::write(file, record.to_string()).expect("written");
    let input = json!({ "session_id": "theirs", "transcript_path": transcript });
    sandbox.hook(input.to_string()).ok().done();
    sandbox.record("bg_19b8c0ffee11a1b2c")
}

// An answer of 3 MB, or one that a line of 20 MB followed, ended its task with an empty result and
// without a word.
#[test]
fn an_answer_is_found_however_long_it_is_and_whatever_follows_it() {
    let sandbox = sandbox();
    let line = |role: &str, size: usize| {
        let text = format!("found it {}", "x".repeat(size));
        json!({ "type": "message", "message": { "role": role, "content": [{ "type": "text", "text": text }] } })
    };
    for (answer, follows) in [(3 << 20, 10), (10, 20 << 20), (3 << 20, 20 << 20)] {
        let file = sandbox.path("long.jsonl");
        let lines = [line("assistant", answer), line("user", follows)].map(|line| line.to_string());
        fs::write(&file, lines.join("\n") + "\n").expect("written");
        let record = result_by(&sandbox, &file);
        assert_eq!(record["status"], "completed");
        let result = record["result"].as_str().expect("a result");
        assert!(result.starts_with("found it xxx"), "{}", &result[..result.len().min(80)]);
        assert!(result.len() < (1 << 20) + 100, "{}", result.len());
        assert_eq!(result.ends_with("more bytes, in the transcript]"), answer > 1 << 20);
    }
}

#[test]
fn where_nothing_could_be_read_the_ending_says_so_and_where_to_look() {
    let sandbox = sandbox();
    let folder = sandbox.work();
    let endless = sandbox.path("endless");
    fs::File::create(&endless).and_then(|file| file.set_len(1 << 40)).expect("a file of holes");
    let circle = sandbox.path("circle");
    symlink(&circle, &circle).expect("made");
    for path in [folder, endless, circle, "/dev/zero".into(), sandbox.path("nothing")] {
        let record = result_by(&sandbox, &path);
        let result = record["result"].as_str().expect("a result");
        let shown = format!("`{}`", path.display());
        assert!(result.starts_with("[no result: ") && result.contains(&shown), "{record:#}");
    }
}

#[test]
fn a_task_is_left_to_its_supervisor_where_the_hook_could_not_read_what_it_found() {
    let sandbox = sandbox();
    let Running { id, session } = launch(&sandbox);
    let input = json!({ "session_id": session, "transcript_path": sandbox.path("nothing") });
    sandbox.hook(input.to_string()).ok().done();
    assert_eq!(sandbox.record(&id)["status"], "running");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["result"], "by itself");
}

#[test]
fn without_a_store_it_is_silent_and_makes_none() {
    let sandbox = sandbox();
    let ran = sandbox.hook(subagent_stop(&sandbox, "nobody", &transcript())).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    assert!(!sandbox.store().exists());
}
