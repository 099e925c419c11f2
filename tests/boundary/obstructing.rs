//! What can be in the hook's way, one obstacle a test: whatever it is, the hook says nothing, exits
//! with 0, and is quick.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tests::run::Run;
use tests::sandbox::Sandbox;

use crate::sandbox;

const PARENT: &str = "parent";
/// Every event that the hook has something to do for.
const EVENTS: [&str; 5] =
    ["SubagentStop", "SessionStart", "UserPromptSubmit", "PostToolUse", "Stop"];

fn event(name: &str, transcript: &Value) -> String {
    json!({
        "session_id": PARENT,
        "transcript_path": transcript,
        "hook_event_name": name,
        "task_result": "x",
    })
    .to_string()
}

/// Holds that a hook is silent, exits with 0, is well within its deadline and leaves no process.
fn no_trouble(sandbox: &Sandbox, hook: Run) {
    let began = Instant::now();
    let ran = hook.ok();
    assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}\n{ran}", began.elapsed());
    assert_eq!(sandbox.leftovers().len(), 0, "something was started");
}

/// Every event, with whatever `prepare` does to the command.
fn no_trouble_with_any_event(sandbox: &Sandbox, prepare: impl Fn(Run) -> Run) {
    for name in EVENTS {
        no_trouble(sandbox, prepare(sandbox.hook(event(name, &json!("/nowhere.jsonl")))));
    }
}

/// A store with a notice for the parent, and a running task of others' in the parent's session.
fn store_with_something_to_say(sandbox: &Sandbox) -> String {
    let words = ["run", "x", "--parent", PARENT, "--", "echo", "found"];
    let id = sandbox.task_bg(words).ok().json();
    let id = tests::sandbox::task_id(&id);
    sandbox.ended(&id);
    let mut other = sandbox.record(&id);
    other["id"] = json!("bg_other");
    other["session_id"] = json!(PARENT);
    for (key, value) in
        [("status", json!("running")), ("completed_at", Value::Null), ("result", Value::Null)]
    {
        other[key] = value;
    }
    fs::write(sandbox.store().join("bg_other.json"), other.to_string()).expect("written");
    sandbox.assert_nothing_left();
    id
}

#[test]
fn no_input() {
    let sandbox = sandbox();
    no_trouble(&sandbox, sandbox.hook(""));
}

#[test]
fn input_that_is_no_json() {
    let sandbox = sandbox();
    no_trouble(&sandbox, sandbox.hook("session_id=parent"));
}

#[test]
fn input_that_is_a_list() {
    let sandbox = sandbox();
    no_trouble(&sandbox, sandbox.hook(format!("[{}]", event("Stop", &Value::Null))));
}

#[test]
fn input_of_100_megabytes() {
    let sandbox = sandbox();
    store_with_something_to_say(&sandbox);
    let mut input = event("PostToolUse", &Value::Null).into_bytes();
    input.pop();
    input.extend(b",\"tool_response\":\"");
    input.resize(100 << 20, b'x');
    input.extend(b"\"}");
    no_trouble(&sandbox, sandbox.hook(input));
}

#[test]
fn fields_of_strange_types() {
    let sandbox = sandbox();
    store_with_something_to_say(&sandbox);
    for input in [
        json!({ "session_id": [PARENT], "hook_event_name": "Stop" }),
        json!({ "session_id": PARENT, "hook_event_name": { "x": 1 }, "transcript_path": 7 }),
        json!({ "session_id": "x".repeat(100_000), "hook_event_name": "PostToolUse" }),
        json!({ "session_id": "a\u{1b}b", "hook_event_name": "PostToolUse" }),
    ] {
        let ran = sandbox.hook(input.to_string()).ok();
        assert!(ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran}");
    }
}

#[test]
fn a_transcript_that_is_missing() {
    let sandbox = sandbox();
    store_with_something_to_say(&sandbox);
    no_trouble(&sandbox, sandbox.hook(event("SubagentStop", &json!("/nowhere.jsonl"))));
    assert_eq!(sandbox.record("bg_other")["result"], "x", "the session's own account has to do");
}

#[test]
fn a_transcript_that_is_a_pipe() {
    let sandbox = sandbox();
    store_with_something_to_say(&sandbox);
    let pipe = sandbox.path("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
    no_trouble(&sandbox, sandbox.hook(event("SubagentStop", &json!(pipe))));
}

#[test]
fn a_transcript_that_is_a_folder() {
    let sandbox = sandbox();
    store_with_something_to_say(&sandbox);
    no_trouble(&sandbox, sandbox.hook(event("SubagentStop", &json!(sandbox.work()))));
}

#[test]
fn a_store_that_is_a_file() {
    let sandbox = sandbox();
    fs::create_dir_all(sandbox.store().parent().expect("a folder")).expect("made");
    fs::write(sandbox.store(), "a file").expect("written");
    no_trouble_with_any_event(&sandbox, |hook| hook);
    assert_eq!(fs::read_to_string(sandbox.store()).expect("still a file"), "a file");
}

#[test]
fn a_store_that_nothing_names() {
    let sandbox = sandbox();
    no_trouble_with_any_event(&sandbox, |hook| hook.without_env("HOME"));
    no_trouble_with_any_event(&sandbox, |hook| hook.env("TASK_BG_DIR", "relative"));
}

/// A store on a small file system of its own, which is unmounted when this is dropped.
struct Mounted<'a>(&'a Sandbox);

impl<'a> Mounted<'a> {
    /// `None`, with a word about it, where mounting is not allowed.
    #[expect(clippy::print_stderr, reason = "a test that could not look has to say so")]
    fn new(sandbox: &'a Sandbox) -> Option<Self> {
        fs::create_dir_all(sandbox.store()).expect("made");
        if mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"], sandbox) {
            return Some(Self(sandbox));
        }
        eprintln!("skipped: a file system can be mounted by root alone");
        None
    }

    fn read_only(&self, so: bool) {
        let option = if so { "remount,ro" } else { "remount,rw" };
        assert!(mount(&["-o", option], self.0), "remounting");
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let mut command = Command::new("umount");
        drop(command.arg("-l").arg(self.0.store()).output());
    }
}

fn mount(words: &[&str], sandbox: &Sandbox) -> bool {
    let mut command = Command::new("mount");
    let output = command.args(words).arg(sandbox.store()).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_store_that_cannot_be_written() {
    let sandbox = sandbox();
    let Some(mounted) = Mounted::new(&sandbox) else { return };
    let id = store_with_something_to_say(&sandbox);
    mounted.read_only(true);
    no_trouble(&sandbox, sandbox.hook(event("SubagentStop", &Value::Null)));
    for name in ["SessionStart", "UserPromptSubmit", "PostToolUse", "Stop"] {
        no_trouble(&sandbox, sandbox.hook(event(name, &Value::Null)));
    }
    // What could not be told then is not lost.
    mounted.read_only(false);
    let ran = sandbox.hook(event("PostToolUse", &Value::Null)).ok();
    assert!(ran.stdout.contains(&id), "{ran}");
}

#[test]
fn a_store_whose_folders_are_closed() {
    let sandbox = sandbox();
    store_with_something_to_say(&sandbox);
    let closed = |mode: u32| {
        for folder in [sandbox.store().join(".notices"), sandbox.store().join(".locks")] {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("set");
        }
    };
    closed(0);
    // Nothing is closed to root, so there something may be said; never is there any trouble.
    for name in EVENTS {
        let ran = sandbox.hook(event(name, &Value::Null)).ok();
        assert!(ran.stderr.is_empty(), "{ran}");
    }
    closed(0o700);
}

#[test]
fn a_store_that_is_full() {
    let sandbox = sandbox();
    let Some(_mounted) = Mounted::new(&sandbox) else { return };
    let id = store_with_something_to_say(&sandbox);
    let filler = sandbox.store().join("filler");
    drop(fs::write(&filler, vec![b'x'; 1 << 20]));
    no_trouble(&sandbox, sandbox.hook(event("SubagentStop", &Value::Null)));
    // Telling needs no room, and what was told is not told again.
    let ran = sandbox.hook(event("PostToolUse", &Value::Null)).ok();
    assert_eq!(ran.stdout.matches(&id).count(), 2, "{ran}");
    no_trouble(&sandbox, sandbox.hook(event("PostToolUse", &Value::Null)));
    assert_eq!(sandbox.record("bg_other")["status"], "running");
}

#[test]
fn an_index_of_notices_that_leads_nowhere() {
    let sandbox = sandbox();
    let id = store_with_something_to_say(&sandbox);
    let folder = sandbox.store().join(".notices").join(PARENT);
    fs::write(folder.join("bg_nobody"), "").expect("written");
    fs::create_dir(folder.join("bg_folder")).expect("made");
    fs::write(folder.join("not a task"), "").expect("written");
    fs::write(sandbox.store().join(format!("{id}.json")), "{").expect("written");
    for name in ["PostToolUse", "SessionStart", "Stop"] {
        no_trouble(&sandbox, sandbox.hook(event(name, &Value::Null)));
    }
}
