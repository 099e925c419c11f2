//! Parent sessions: how a task comes to know its parent, what that is good for, and how deep it goes.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

fn start(session: &str, more: &Value) -> String {
    let mut input = json!({
        "session_id": session,
        "transcript_path": "/nowhere.jsonl",
        "cwd": "/",
        "permission_mode": "off",
        "hook_event_name": "SessionStart",
        "source": "startup",
    });
    for (key, value) in more.as_object().expect("an object") {
        input[key] = value.clone();
    }
    input.to_string()
}

fn silent(sandbox: &Sandbox, input: String) {
    let ran = sandbox.hook(input).ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
}

#[test]
fn a_session_that_begins_names_itself_to_its_shell_once_and_its_tasks_know_it() {
    let sandbox = sandbox();
    let file = sandbox.path("env");
    fs::write(&file, "export OTHER=1\n").expect("written");
    let session = "it's a $session";
    for _ in 0..2 {
        silent(&sandbox, start(session, &json!({ "CLAUDE_ENV_FILE": file })));
    }
    let text = fs::read_to_string(&file).expect("read");
    assert_eq!(text.lines().count(), 2, "{text}");
    let script = format!(". {}; task-bg launch label 'SAY x' explorer", file.display());
    let answer = sandbox.shell(&script).ok().json();
    assert_eq!(answer["parent_session_id"], session);
    sandbox.ended(&task_id(&answer));
}

// Gemini CLI names its session to its hooks and not to its shell, so its tasks knew no parent and nobody was told.
#[test]
fn a_shell_that_does_not_name_its_session_is_known_by_the_process_that_started_it() {
    let sandbox = sandbox();
    // The outer shell is the agent.
    let agent = |session: &str| {
        let hook = format!("GEMINI_SESSION_ID={session} sh -c 'task-bg-hook; true'");
        let tool = "GEMINI_CLI=1 sh -c 'setsid -w task-bg run x -- true; true'";
        let input = start(session, &json!({}));
        sandbox.shell(&format!("{hook} > /dev/null; {tool}")).stdin(input).ok().json()
    };
    for session in ["first", "second"] {
        let answer = agent(session);
        assert_eq!(answer["parent_session_id"], session, "{answer:#}");
        assert_eq!(answer["note"], Value::Null, "{answer:#}");
        sandbox.ended(&task_id(&answer));
    }
    let notes = fs::read_dir(sandbox.store().join(".agents")).expect("a folder").flatten();
    assert_eq!(notes.count(), 1, "what is noted of a process that is gone is taken away");
    // Without a note it is said that nobody will be told.
    let answer = sandbox.task_bg(["run", "x", "--", "true"]).env("GEMINI_CLI", "1").ok().json();
    assert_eq!(answer["parent_session_id"], "main", "{answer:#}");
    assert!(answer["note"].to_string().contains("give `--parent`"), "{answer:#}");
    sandbox.ended(&task_id(&answer));
    let words = ["run", "x", "--parent", "said", "--", "true"];
    let answer = sandbox.task_bg(words).env("GEMINI_CLI", "1").ok().json();
    assert_eq!((&answer["parent_session_id"], &answer["note"]), (&json!("said"), &Value::Null));
    sandbox.ended(&task_id(&answer));
}

#[test]
fn tasks_of_a_subagent_belong_to_the_session_that_called_it() {
    let sandbox = sandbox();
    let file = sandbox.path("env");
    let more = json!({ "calling_session_id": "caller", "CLAUDE_ENV_FILE": file });
    silent(&sandbox, start("child", &more));
    let text = fs::read_to_string(&file).expect("read");
    assert_eq!(text, "export TASK_BG_PARENT_SESSION=caller\n");
}

#[test]
fn what_is_no_plain_file_is_not_written_to_and_does_not_hold_the_hook_up() {
    let sandbox = sandbox();
    let pipe = sandbox.path("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
    for file in [pipe, sandbox.work(), sandbox.path("no/such/env"), "relative".into()] {
        silent(&sandbox, start("s", &json!({ "CLAUDE_ENV_FILE": file })));
    }
    silent(&sandbox, start("s", &json!({ "CLAUDE_ENV_FILE": "a\u{0}b" })));
    silent(&sandbox, start("s", &json!({})));
}

#[test]
fn list_wait_and_cancel_choose_by_parent() {
    let sandbox = sandbox();
    let gate = format!("until [ -e {} ]; do sleep 0.01; done", sandbox.path("gate").display());
    let launch = |parent: &str, script: &str| {
        let words = ["run", "x", "--parent", parent, "--", "sh", "-c", script];
        task_id(&sandbox.task_bg(words).ok().json())
    };
    let (mine, working, other) = (launch("p", "true"), launch("p", &gate), launch("q", &gate));
    let listed = sandbox.task_bg(["list", "--parent", "p"]).ok().json();
    assert_eq!(listed["total"], 2, "{listed:#}");
    sandbox.ended(&mine);
    let cancelled = sandbox.task_bg(["cancel", "--parent", "p"]).ok().json();
    assert_eq!(cancelled["cancelled"], json!([working]), "{cancelled:#}");
    // Without ids, the tasks of the session it runs in.
    let waited = sandbox.task_bg(["wait"]).env("TASK_BG_PARENT_SESSION", "p").code(5).json();
    assert_eq!(waited["ended"].as_array().map(Vec::len), Some(2), "{waited:#}");
    assert_eq!(sandbox.record(&other)["status"], "running");
    sandbox.open_gate("gate");
    sandbox.ended(&other);
}

#[test]
fn the_word_main_means_the_session_of_the_environment() {
    let sandbox = sandbox();
    let words = ["launch", "x", "SAY x", "explorer", "main", "low"];
    let parent = |words: &[&str], environment: &str| {
        let run = sandbox.task_bg(words.iter().copied());
        let id = task_id(&run.env("TASK_BG_PARENT_SESSION", environment).ok().json());
        sandbox.ended(&id)["parent_session_id"].clone()
    };
    assert_eq!(parent(&words, "p"), "p");
    assert_eq!(parent(&words, "main"), "main", "nobody's, as the original writes it");
    assert_eq!(parent(&["launch", "x", "SAY x", "explorer", "q"], "p"), "q");
    assert!(!sandbox.store().join(".notices/main").exists());
}

#[test]
fn tasks_launch_tasks_three_deep_and_no_deeper() {
    let sandbox = sandbox();
    let log = sandbox.path("depths");
    // Each level notes how deep it is, and launches the next until it is refused.
    let script = sandbox.path("deeper");
    let text = format!(
        "echo \"$TASK_BG_DEPTH $TASK_BG_TASK_ID\" >> {log}\ntask-bg run deeper --wait=20s -- sh {me} > {refusal}.$TASK_BG_DEPTH\necho $? >> {log}\n",
        log = log.display(),
        me = script.display(),
        refusal = sandbox.path("answer").display(),
    );
    fs::write(&script, text).expect("written");
    let id = sandbox.run_command(["sh".into(), script.into_os_string()]);
    sandbox.ended(&id);
    let log = fs::read_to_string(log).expect("read");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[0], format!("1 {id}"), "{log}");
    assert!(lines[1].starts_with("2 ") && lines[2].starts_with("3 "), "{log}");
    assert_eq!(lines[3..], ["4", "0", "0"], "{log}");
    let refusal = fs::read_to_string(sandbox.path("answer.3")).expect("read");
    let refusal: Value = serde_json::from_str(&refusal).expect("an answer");
    assert_eq!(refusal["code"], "too_deep", "{refusal:#}");
    assert!(refusal["hint"].is_string(), "{refusal:#}");
}
