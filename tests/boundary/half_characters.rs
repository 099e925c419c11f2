//! Half characters: a program that works in UTF-16 cuts a text within a character and escapes one half, as
//! `\ud83d`. Strict parsers refuse it, and whole lines were lost with it, wherever task-bg reads one.

use std::fs;

use serde_json::{Value, json};
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// Half an emoji, as it is written.
const HALF: &str = r"\ud83d";

/// What the hook prints on this input.
fn hook(sandbox: &Sandbox, input: impl Into<Vec<u8>>) -> String {
    sandbox.hook(input).ok().stdout
}

#[test]
fn in_the_return_of_a_tool_it_does_not_keep_the_call_in_flight() {
    let sandbox = sandbox();
    let result =
        format!(r#"{{"type":"tool_result","id":"call_1","value":"cut {HALF}","isError":false}}"#);
    let gate = sandbox.path("gate");
    let script = format!("TOOL Read {{}}\nRAW {result}\nSAY on\nWAIT {}", gate.display());
    let id = sandbox.launch(&script);
    wait_until("what it said", || sandbox.record(&id)["progress"]["lastMessage"] == "on");
    assert_eq!(sandbox.record(&id)["progress"]["toolsInFlight"], Value::Null);
    sandbox.open_gate("gate");
    sandbox.ended(&id);
}

#[test]
fn in_an_error_it_does_not_hide_what_kind_of_error_it_is() {
    let sandbox = sandbox();
    let words = "Exec ended early: insufficient permission to proceed. Re-run with --auto medium";
    let line = format!(r#"{{"type":"error","source":"cli","message":"{words} {HALF}"}}"#);
    let record = sandbox.ended(&sandbox.launch(&format!("RAW {line}\nEXIT 1")));
    assert_eq!(record["progress"]["reason"], "permission", "{record:#}");
}

#[test]
fn in_what_a_hook_is_given_it_costs_neither_a_notice_nor_an_ending() {
    let sandbox = sandbox();
    let words = ["run", "x", "--parent", "P", "--", "echo", "found"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    sandbox.ended(&id);
    let used = format!(
        r#"{{"session_id":"P","hook_event_name":"PostToolUse","tool_response":{{"text":"cut {HALF}"}}}}"#
    );
    assert!(hook(&sandbox, used).contains(&id));
    let answer = sandbox.task_bg(["launch", "x", "SLEEP 60"]).ok().json();
    let session = answer["session_id"].as_str().expect("a session");
    let stop = format!(r#"{{"session_id":"{session}","task_result":"the answer {HALF}"}}"#);
    hook(&sandbox, stop);
    assert_eq!(sandbox.record(&task_id(&answer))["result"], "the answer \u{fffd}");
}

#[test]
fn in_a_transcript_it_does_not_put_older_words_in_the_place_of_the_last() {
    let sandbox = sandbox();
    for last in [HALF.as_bytes(), b"\xf0\x9f"] {
        let answer = sandbox.task_bg(["launch", "x", "SLEEP 60"]).ok().json();
        let file = sandbox.path("transcript.jsonl");
        let mut lines = br#"{"role":"assistant","content":"older words"}"#.to_vec();
        lines.extend(b"\n{\"role\":\"assistant\",\"content\":\"the answer ");
        lines.extend(last);
        lines.extend(b"\"}\n");
        fs::write(&file, lines).expect("written");
        let input = json!({ "session_id": answer["session_id"], "transcript_path": file });
        hook(&sandbox, input.to_string());
        assert_eq!(sandbox.record(&task_id(&answer))["result"], "the answer \u{fffd}");
    }
}

/// A record with half a character wherever there is a text, by the original.
fn record_with_halves(sandbox: &Sandbox) -> (String, std::path::PathBuf) {
    let id = "bg_19b8c0ffee11a1b2c";
    let text = r#"{"id":"ID","session_id":"theirs","parent_session_id":"main","description":"find \ud83d",
        "prompt":"all \ud83d of it","agent":"explorer","status":"running","started_at":"2026-01-05T10:00:00.123456",
        "progress":{"toolCalls":0,"lastUpdate":"2026-01-05T10:00:00.123456","of\ude00others":"\ud83d"}}"#;
    fs::create_dir_all(sandbox.store()).expect("a folder");
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(&file, text.replace("ID", id)).expect("written");
    (id.to_owned(), file)
}

#[test]
fn in_a_record_it_is_shown_as_a_sign_and_survives_every_rewrite() {
    let sandbox = sandbox();
    let (id, file) = record_with_halves(&sandbox);
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["description"], "find \u{fffd}", "{status:#}");
    assert_eq!(status["progress"]["of\u{fffd}others"], "\u{fffd}", "{status:#}");
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&list["running"], &list["unreadable"]), (&json!(1), &json!([])), "{list:#}");
    let input = json!({ "session_id": "theirs", "task_result": "found" });
    hook(&sandbox, input.to_string());
    let text = fs::read_to_string(file).expect("a record");
    for written in
        [r"find \ud83d", r"all \ud83d of it", r#""of\ude00others": "\ud83d""#, "\"found\""]
    {
        assert!(text.contains(written), "{written}\n{text}");
    }
}

#[test]
fn in_a_line_of_a_batch_it_costs_no_task() {
    let sandbox = sandbox();
    let line = format!(r#"{{"description":"cut {HALF}","command":["true"]}}"#);
    let answer = sandbox.task_bg(["batch", "-"]).stdin(line).ok().json();
    let id = task_id(&answer["launched"][0]);
    assert_eq!(sandbox.ended(&id)["description"], "cut \u{fffd}");
}
