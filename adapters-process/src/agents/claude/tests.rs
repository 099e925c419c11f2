//! The command lines of Claude Code, and its truth table, over lines of the shape that it was seen to print.

use domain::task::{Exit, Reason, SessionId};

use super::*;
use crate::agents::tests::{account, briefing, ended, events, order_for, words};

const INIT: &str = r#"{"type":"system","subtype":"init","session_id":"s-1","model":"m"}"#;
const SUCCESS: &str = r#"{"usage":{"input_tokens":22,"output_tokens":14},"total_cost_usd":0.000368,"is_error":false,"subtype":"success","result":"the answer","type":"result"}"#;
const CALL: &str = r#"{"type":"assistant","message":{"model":"m","content":[{"type":"text","text":"I look"},{"type":"tool_use","id":"t","name":"Bash","input":{}}]},"parent_tool_use_id":null}"#;
const RETURNED: &str = r#"{"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"no"}]}}"#;

fn claude() -> Claude {
    Claude::new(&[])
}

fn failure(status: &str, words: &str) -> String {
    format!(
        r#"{{"is_error":true,"subtype":"success","api_error_status":{status},"result":"{words}","type":"result"}}"#
    )
}

fn line(autonomy: Autonomy, change: impl FnOnce(&mut Order)) -> CommandLine {
    let order = order_for(&claude(), autonomy, change);
    claude().command(&order, &Told::default()).expect("it is its order")
}

#[test]
fn each_level_has_its_permission_mode_and_a_new_session_the_name_that_was_minted() {
    let start = ["-p", "--output-format", "stream-json", "--verbose", "--permission-mode"];
    for (autonomy, mode) in [
        (Autonomy::None, &["dontAsk", "--strict-mcp-config"][..]),
        (Autonomy::Low, &["acceptEdits", "--strict-mcp-config"]),
        (Autonomy::Medium, &["acceptEdits", "--allowedTools", "Bash,WebFetch,WebSearch"]),
        (Autonomy::High, &["bypassPermissions"]),
    ] {
        let expected = [&start[..], mode, &["--session-id", "minted"]].concat();
        assert_eq!(words(&line(autonomy, |_| {})), expected);
    }
}

#[test]
fn a_session_is_gone_on_with_under_its_name_and_a_copy_has_a_new_one() {
    let earlier = || SessionId::parse("earlier").expect("a session");
    let end = |continues| words(&line(Autonomy::None, |o| o.lineage.continues = Some(continues)));
    assert_eq!(end(Continuation::Same(earlier()))[7..], ["--resume", "earlier"]);
    assert_eq!(
        end(Continuation::Fork(earlier()))[7..],
        ["--resume", "earlier", "--fork-session", "--session-id", "minted"]
    );
}

#[test]
fn what_its_definition_gives_a_droid_is_translated_and_the_rest_is_named() {
    let change = |order: &mut Order| {
        order.briefing = Some(briefing(&["Read", "Execute", "Skill2"], Some("high")));
        order.model = Some("opus".into());
    };
    let words = words(&line(Autonomy::None, change));
    assert_eq!(words[7..9], ["--model", "opus"]);
    assert_eq!(words[9..11], ["--effort", "high"]);
    assert_eq!(words[13..], ["--tools", "Bash,Read"]);
    let order = order_for(&claude(), Autonomy::None, change);
    assert_eq!(claude().unapplied(&order), ["the tools Skill2"]);
}

#[test]
fn the_instructions_are_a_file_and_it_does_not_replace_itself() {
    let file = OsText::from("/s/x.system.md");
    let told = Told { instructions: Some(&file), ..Told::default() };
    let order = order_for(&claude(), Autonomy::Low, |_| {});
    let line = claude().command(&order, &told).expect("it is its order");
    assert_eq!(words(&line)[9..], ["--append-system-prompt-file", "/s/x.system.md"]);
    assert!(line.defaults.contains(&("DISABLE_AUTOUPDATER", "1")));
}

#[test]
fn as_root_it_is_not_given_the_level_that_it_would_refuse() {
    let refused = |is_root, autonomy, sandbox: Option<&str>| {
        let variable = |name: &str| sandbox.filter(|_| name == SANDBOX).map(Into::into);
        let around = Circumstances { is_root, variable: &variable, first_process: Vec::new };
        claude().objection(autonomy, &around).is_some()
    };
    assert!(refused(true, Autonomy::High, None));
    assert!(!refused(true, Autonomy::High, Some("1")));
    assert!(!refused(false, Autonomy::High, None));
    assert!(!refused(true, Autonomy::Medium, None));
}

#[test]
fn a_line_with_several_blocks_is_several_events() {
    let tool = "Bash".to_owned();
    assert_eq!(
        events(&claude(), &[INIT, CALL, RETURNED]),
        [
            AgentEvent::Began { session: SessionId::parse("s-1").ok() },
            AgentEvent::Said { text: "I look".into(), at: None },
            AgentEvent::ToolCalled { tool },
            AgentEvent::ToolReturned,
        ]
    );
}

#[test]
fn a_subagents_words_are_not_the_agents_and_its_time_is() {
    let words = CALL.replace("\"parent_tool_use_id\":null", "\"parent_tool_use_id\":\"t\"");
    assert_eq!(events(&claude(), &[&words]).len(), 1, "the tool call alone");
    let timed = CALL.replace(
        "{\"type\":\"assistant\"",
        "{\"type\":\"assistant\",\"timestamp\":\"1970-01-01T00:00:01.5Z\"",
    );
    let events = events(&claude(), &[&timed]);
    let AgentEvent::Said { at, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(at.map(domain::task::Timestamp::as_micros), Some(1_500_000));
}

#[test]
fn a_result_without_an_error_completes_with_its_text_usage_and_cost() {
    assert_eq!(ended(&claude(), &[INIT, SUCCESS], Exit::Code(0), ""), (None, "the answer".into()));
    let account = account(&claude(), &[INIT, SUCCESS]);
    let usage = account.activity().usage.expect("it says so");
    assert_eq!((usage.input_tokens, usage.output_tokens), (22, 14));
    assert_eq!(usage.cost_micros, Some(368));
}

#[test]
fn what_the_model_refused_is_never_a_result_whatever_the_line_is_called() {
    let synthetic = r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"API Error: 429"}]},"error":"rate_limit","api_error_status":429}"#;
    for (status, words, reason) in [
        ("401", "Failed to authenticate. API Error: 401 no", Reason::Auth),
        ("null", "Not logged in · Please run /login", Reason::Auth),
        ("429", "API Error: Request rejected (429)", Reason::RateLimit),
        ("500", "API Error: 500 no", Reason::Exit),
    ] {
        let lines = [INIT, synthetic, &failure(status, words)];
        let lines = if status == "429" { &lines[..] } else { &[lines[0], lines[2]] };
        let (found, message) = ended(&claude(), lines, Exit::Code(1), "");
        assert_eq!(found, Some(reason), "{words}");
        assert!(message.contains(words), "{message}");
        assert_eq!(account(&claude(), lines).findings(), None, "{words}");
    }
}

#[test]
fn an_interrupted_run_exits_with_0_and_has_no_result() {
    let line = r#"{"is_error":true,"subtype":"error_during_execution","terminal_reason":"aborted_tools","type":"result"}"#;
    let (reason, _) = ended(&claude(), &[INIT, CALL, line], Exit::Code(0), "");
    assert_eq!(reason, Some(Reason::NoResult));
}

// The first result comes at once where something works in the background, and is not the end.
#[test]
fn the_last_of_several_results_counts_and_one_before_a_termination_does_not() {
    let second = SUCCESS.replace("the answer", "the second");
    let lines = [INIT, SUCCESS, INIT, &second];
    assert_eq!(ended(&claude(), &lines, Exit::Code(0), ""), (None, "the second".into()));
    let (reason, _) = ended(&claude(), &[INIT, SUCCESS], Exit::Code(143), "");
    assert_eq!(reason, Some(Reason::Exit));
    let (reason, _) = ended(&claude(), &[INIT, SUCCESS, INIT], Exit::Code(0), "");
    assert_eq!(reason, Some(Reason::NoResult));
}

#[test]
fn a_refused_tool_is_named_once_beside_a_completed_run() {
    let denied = r#"{"type":"system","subtype":"permission_denied","tool_name":"Bash","message":"it requires approval"}"#;
    let end = SUCCESS.replace(
        "\"is_error\"",
        "\"permission_denials\":[{\"tool_name\":\"Bash\"},{\"tool_name\":\"Write\"}],\"is_error\"",
    );
    let lines = [INIT, CALL, denied, RETURNED, &end];
    assert_eq!(ended(&claude(), &lines, Exit::Code(0), "").0, None);
    let account = account(&claude(), &lines);
    assert_eq!(account.activity().refused, ["Bash: it requires approval", "Write"]);
}

#[test]
fn a_retry_is_a_sign_of_life_and_no_failure() {
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":2,"max_retries":6,"error_status":429,"error":"rate_limit"}"#;
    assert_eq!(ended(&claude(), &[INIT, retry, SUCCESS], Exit::Code(0), "").0, None);
    let account = account(&claude(), &[INIT, retry]);
    let words = account.activity().last_message.as_deref();
    assert_eq!(words, Some("rate_limit (429), attempt 2 of 6"));
    let (reason, _) = ended(&claude(), &[INIT, retry], Exit::Signal(15), "");
    assert_eq!(reason, Some(Reason::Signal));
}

#[test]
fn what_it_says_before_it_begins_is_found_in_its_log() {
    let log = "Error: Session ID s is already in use.";
    let (reason, message) = ended(&claude(), &[], Exit::Code(1), log);
    assert_eq!(reason, Some(Reason::Exit));
    assert!(message.contains("already in use"), "{message}");
}

/// Once, a SIGINT while a shell of its own worked in the background left what counted as success.
#[test]
fn one_whose_background_work_was_stopped_or_is_open_is_not_done() {
    const CHANGED: &str = r#"{"type":"system","subtype":"background_tasks_changed","tasks":TASKS}"#;
    let open = CHANGED.replace("TASKS", r#"[{"task_id":"b","task_type":"local_bash"}]"#);
    let none = CHANGED.replace("TASKS", "[]");
    let notice =
        r#"{"type":"system","subtype":"task_notification","task_id":"b","status":"STATUS"}"#;
    let updated =
        r#"{"type":"system","subtype":"task_updated","task_id":"b","patch":{"status":"killed"}}"#;
    let stopped = notice.replace("STATUS", "stopped");
    for after in [&[&stopped, updated, &none][..], &[updated, &none], &[]] {
        let lines = [&[INIT, &open, SUCCESS][..], after].concat();
        let (reason, words) = ended(&claude(), &lines, Exit::Code(0), "");
        assert_eq!(reason, Some(Reason::NoResult), "{after:?}");
        assert!(words.contains("was not done"), "{words}");
    }
    let completed = notice.replace("STATUS", "completed");
    let lines = [INIT, &open, SUCCESS, &completed, &none, INIT, SUCCESS];
    assert_eq!(ended(&claude(), &lines, Exit::Code(0), "").0, None);
    // What it stopped by itself, before it said that it was done.
    let lines = [INIT, &open, &stopped, &none, SUCCESS];
    assert_eq!(ended(&claude(), &lines, Exit::Code(0), "").0, None);
}

#[test]
fn a_failure_of_its_service_is_no_success_whatever_it_calls_it() {
    for sign in [r#""api_error_status":500"#, r#""terminal_reason":"api_error""#] {
        let line = format!(
            r#"{{"type":"result","subtype":"success","is_error":false,{sign},"result":"API Error"}}"#
        );
        let (reason, words) = ended(&claude(), &[INIT, &line], Exit::Code(0), "");
        assert!(reason.is_some() && words.contains("API Error"), "{sign}: {words}");
    }
}
