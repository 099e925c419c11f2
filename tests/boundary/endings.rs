//! The ending table, row by row: when a task is over, and as what.

use serde_json::{Value, json};
use tests::sandbox::Sandbox;

use crate::sandbox;

/// Holds that a record ended as an error for this reason and returns its words.
#[track_caller]
fn error_of(record: &Value, reason: &str) -> String {
    assert_eq!(record["status"], "error", "{record:#}");
    assert_eq!(record["progress"]["reason"], reason, "{record:#}");
    let words = record["error"].as_str().unwrap_or_default();
    assert!(!words.is_empty(), "says nothing: {record:#}");
    words.to_owned()
}

#[track_caller]
fn completed(record: &Value) {
    assert_eq!(record["status"], "completed", "{record:#}");
    assert!(matches!(record["error"].as_str(), None | Some("")), "{record:#}");
    assert!(record["completed_at"].is_string(), "{record:#}");
}

fn play(script: &str) -> (Sandbox, Value) {
    let sandbox = sandbox();
    let id = sandbox.launch(script);
    let record = sandbox.ended(&id);
    sandbox.assert_nothing_left();
    assert_eq!(sandbox.active(), [""; 0], "an ended task is still in the index");
    (sandbox, record)
}

fn run(argv: &[&str]) -> Value {
    let sandbox = sandbox();
    let id = sandbox.run_command(argv.iter().copied());
    let record = sandbox.ended(&id);
    sandbox.assert_nothing_left();
    record
}

#[test]
fn a_completion_line_and_exit_0_complete_the_task_with_the_final_text() {
    let (_sandbox, record) = play("SAY on the way\nTOOL Read {}\nRESULT x\nSAY the answer is 42");
    completed(&record);
    assert_eq!(record["result"], "the answer is 42");
    assert_eq!(record["progress"]["exitCode"], 0);
    assert_eq!(record["progress"]["toolCalls"], 1);
    assert_eq!(record["progress"]["lastTool"], "Read");
    assert_eq!(record["progress"]["usage"]["inputTokens"], 22);
}

// Droid escapes half a character where it cut a text between the two halves; the whole line was lost.
#[test]
fn half_a_character_in_the_final_text_does_not_cost_the_result() {
    let line = r#"{"type":"completion","finalText":"cut \ud83d here"}"#;
    let (_sandbox, record) = play(&format!("RAW {line}\nNOCOMPLETE"));
    completed(&record);
    assert_eq!(record["result"], "cut \u{fffd} here");
}

// A model that refused at the end left no trace in the ending.
#[test]
fn an_agent_that_ends_without_a_result_after_an_error_is_recorded_with_that_error() {
    let (_sandbox, record) = play("ERROR 500 overloaded\nNOCOMPLETE");
    let words = error_of(&record, "no_result");
    assert!(words.ends_with(": 500 overloaded"), "{words}");
}

// It was `completed`, with nothing in it and without a word of the error.
#[test]
fn an_empty_answer_after_an_error_is_no_completion() {
    let line = r#"{"type":"completion","finalText":" "}"#;
    let (_sandbox, record) = play(&format!("ERROR 500 overloaded\nRAW {line}\nNOCOMPLETE"));
    let words = error_of(&record, "no_result");
    assert!(words.ends_with(": 500 overloaded"), "{words}");
}

#[test]
fn a_tool_error_the_agent_got_over_is_no_failure() {
    let (_sandbox, record) =
        play("TOOL Execute {}\nFAILRESULT insufficient permission\nERROR a hiccup\nSAY fine");
    completed(&record);
    assert_eq!(record["result"], "fine");
}

#[test]
fn a_refused_permission_ends_as_error_permission_with_the_level_to_retry_with() {
    let (_sandbox, record) = play("PERMISSION high");
    let words = error_of(&record, "permission");
    assert!(words.contains("insufficient permission") && words.contains("high"), "{words}");
}

#[test]
fn an_agent_that_only_talks_of_permissions_and_fails_is_not_taken_at_its_word() {
    let (_sandbox, record) = play("SAY insufficient permission to proceed, said the test\nEXIT 1");
    error_of(&record, "exit");
}

#[test]
fn a_missing_login_ends_as_error_auth_in_droids_own_words() {
    let (_sandbox, record) = play("AUTH");
    let words = error_of(&record, "auth");
    assert!(words.contains("Authentication failed. Please log in using /login"), "{words}");
}

#[test]
fn credentials_the_model_refuses_end_as_error_auth_with_the_models_answer() {
    let (_sandbox, record) = play("FAIL401");
    let words = error_of(&record, "auth");
    assert!(words.contains("mock error 401"), "{words}");
}

#[test]
fn exit_0_without_a_completion_line_ends_as_error_no_result() {
    let (_sandbox, record) = play("SAY almost there\nNOCOMPLETE");
    error_of(&record, "no_result");
    assert_eq!(record["progress"]["exitCode"], 0);
}

#[test]
fn an_agent_stopped_by_somebody_else_did_not_complete_although_it_exits_with_0() {
    let sandbox = sandbox();
    let id = sandbox.launch(&format!("PID {}\nSLEEP 60", sandbox.path("pid").display()));
    tests::process::terminate(sandbox.pid_in("pid"));
    error_of(&sandbox.ended(&id), "no_result");
}

#[test]
fn an_exit_code_ends_as_error_exit_with_the_last_lines_of_the_log() {
    let (_sandbox, record) = play("STDERR the disk is on fire\nEXIT 3");
    let words = error_of(&record, "exit");
    assert!(words.contains("the disk is on fire") && words.contains('3'), "{words}");
    assert_eq!(record["progress"]["exitCode"], 3);
}

#[test]
fn a_silent_exit_still_has_words() {
    let (_sandbox, record) = play("EXIT 1");
    let words = error_of(&record, "exit");
    assert!(words.contains('1'), "{words}");
}

#[test]
fn an_option_droid_does_not_know_ends_as_error_exit_with_droids_complaint() {
    let sandbox = sandbox();
    // What an older droid does with a flag that came later.
    sandbox.remove_droid();
    // The shell writes it: a file this process has open for writing may not be executable yet.
    let shell = "cat > ../bin/droid && chmod +x ../bin/droid";
    let script = "#!/bin/sh\ncat >/dev/null\necho \"error: unknown option '--auto'\" >&2\nexit 1\n";
    sandbox.shell(shell).stdin(script).ok().done();
    let words = error_of(&sandbox.ended(&sandbox.launch("SAY x")), "exit");
    assert!(words.contains("unknown option '--auto'"), "{words}");
}

#[test]
fn a_signal_ends_as_error_signal() {
    let (_sandbox, record) = play("DIE KILL");
    error_of(&record, "signal");
    assert!(record["progress"]["signal"] == 9, "{record:#}");
    assert!(record["progress"]["exitCode"].is_null(), "{record:#}");
}

#[test]
fn a_completion_line_before_a_deadly_signal_is_no_success_but_its_text_is_kept() {
    let (_sandbox, record) = play("SAY all is done\nCOMPLETE_DIE KILL");
    error_of(&record, "signal");
    assert_eq!(record["result"], "all is done");
}

#[test]
fn a_completion_line_before_a_bad_exit_is_no_success_but_its_text_is_kept() {
    let (_sandbox, record) = play("SAY all is done\nCOMPLETE_EXIT 1");
    error_of(&record, "exit");
    assert_eq!(record["result"], "all is done");
}

#[test]
fn cancelling_wins_over_a_completion_line_and_exit_0() {
    let sandbox = sandbox();
    let pid_file = sandbox.path("pid");
    let script = format!(
        "SAY nearly\nON_TERM complete0\nTOOL Execute {{}}\nPID {}\nSLEEP 60",
        pid_file.display()
    );
    let id = sandbox.launch(&script);
    sandbox.wait_for_file("pid");
    sandbox.task_bg(["cancel", &id]).ok().done();
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "cancelled", "{record:#}");
    let events = std::fs::read_to_string(sandbox.store().join(format!("{id}.events.jsonl")));
    assert!(events.expect("an event log").contains("\"completion\""), "the script did not play");
    sandbox.assert_nothing_left();
}

#[test]
fn the_time_limit_wins_over_a_completion_line_and_exit_0() {
    let sandbox = sandbox();
    let id = sandbox.launch_with(["--timeout", "1"], "ON_TERM complete0\nSAY nearly\nSLEEP 60");
    error_of(&sandbox.ended(&id), "timeout");
    sandbox.assert_nothing_left();
}

#[test]
fn the_time_limit_is_not_stopped_by_an_agent_that_ignores_term() {
    let sandbox = sandbox();
    let script = format!("IGNORE TERM\nDOUBLEFORK {}\nSLEEP 60", sandbox.path("orphan").display());
    // Long enough for the script to get there on a busy machine.
    let id = sandbox.launch_with(["--timeout", "3"], &script);
    sandbox.wait_for_file("orphan");
    // The grace between the polite signal and the last one is part of it.
    error_of(&sandbox.ended(&id), "timeout");
    sandbox.assert_nothing_left();
}

#[test]
fn a_command_that_exits_with_0_completes_with_the_last_lines_of_its_log() {
    let record = run(&["sh", "-c", "echo first; echo second >&2; echo third"]);
    completed(&record);
    assert_eq!(record["agent"], "command");
    let result = record["result"].as_str().unwrap_or_default();
    assert_eq!(result.trim_end(), "first\nsecond\nthird");
}

#[test]
fn a_command_that_prints_what_droid_would_print_is_still_a_command() {
    let line = json!({ "type": "error", "source": "cli", "message": "insufficient permission" });
    let record = run(&["echo", &line.to_string()]);
    completed(&record);
    assert_eq!(record["result"].as_str().unwrap_or_default().trim_end(), line.to_string());
}

#[test]
fn a_command_that_exits_badly_ends_as_error_exit_with_the_last_lines_of_its_log() {
    let record = run(&["sh", "-c", "echo it broke; exit 7"]);
    let words = error_of(&record, "exit");
    assert!(words.contains("it broke"), "{words}");
    assert_eq!(record["progress"]["exitCode"], 7);
}

#[test]
fn a_command_killed_by_a_signal_ends_as_error_signal() {
    let record = run(&["sh", "-c", "echo last words; kill -TERM $$"]);
    let words = error_of(&record, "signal");
    assert!(words.contains("last words"), "{words}");
    assert!(record["progress"]["signal"] == 15, "{record:#}");
}

#[test]
fn lines_that_are_not_droids_and_a_torn_last_line_harm_nothing() {
    let (_sandbox, record) = play(
        "RAW not json\nRAW {\"type\":\"from the future\"}\nRAW null\nSAY fine\nRAW \u{1b}[31m",
    );
    completed(&record);
    assert_eq!(record["result"], "fine");
    let (_sandbox, record) =
        play("SAY half\nPARTIAL {\"type\":\"completion\",\"finalText\":\"ha\nEXIT 0");
    error_of(&record, "no_result");
}

#[test]
fn a_task_for_an_agent_that_this_version_does_not_know_fails_at_its_start_and_is_readable() {
    let sandbox = sandbox();
    let id = sandbox.launch_with(["--hold"], "SAY never");
    let file = sandbox.store().join(format!("{id}.json"));
    let record = std::fs::read_to_string(&file).expect("it is there");
    let record = record.replace(r#""runner": "droid""#, r#""runner": "later""#);
    std::fs::write(&file, record).expect("written");
    drop(sandbox.task_bg(["release", &id]).ok());
    let record = sandbox.ended(&id);
    let words = error_of(&record, "launch_failed");
    assert!(words.contains("the agent `later`, which this version"), "{words}");
    assert_eq!(record["progress"]["runner"], "later");
    sandbox.assert_nothing_left();
}

// A line of more than 16 MiB was passed over, so the task ended as if droid had said nothing at last.
#[test]
fn an_answer_that_is_too_long_to_hold_is_cut_and_says_so() {
    let sandbox = sandbox();
    let script = "#!/bin/sh\ncat >/dev/null\necho '{\"type\":\"system\",\"session_id\":\"s-1\"}'\n\
        printf '{\"type\":\"completion\",\"finalText\":\"found '\n\
        head -c 20000000 /dev/zero | tr '\\0' x\n\
        echo '\",\"usage\":{\"input_tokens\":44,\"output_tokens\":28}}'\n";
    tests::sandbox::executable(&sandbox.path("bin/droid"), script);
    let id = sandbox.launch("look");
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "completed", "{}", record["error"]);
    let result = record["result"].as_str().expect("a result");
    assert!(result.starts_with("found xxx") && result.len() <= 1 << 20, "{}", result.len());
    assert!(result.ends_with(" more bytes]"), "{}", &result[result.len() - 60..]);
    assert_eq!(record["progress"]["usage"]["inputTokens"], 44);
}
