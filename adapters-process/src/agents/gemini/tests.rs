//! The command lines of Gemini CLI, and its truth table, over lines of the shape that it was seen to print.

use domain::task::{Briefing, Exit, Reason, SessionId};

use super::*;
use crate::agents::tests::{account, briefing, ended, order_for, variable, words};

const INIT: &str =
    r#"{"type":"init","timestamp":"2026-01-01T00:00:00.000Z","session_id":"s-1","model":"m"}"#;
const ASKED: &str = r#"{"type":"message","role":"user","content":"do it"}"#;
const CALL: &str = r#"{"type":"tool_use","tool_name":"run_shell_command","tool_id":"run_shell_command__call_1","parameters":{}}"#;
const SUCCESS: &str = r#"{"type":"result","status":"success","stats":{"total_tokens":36,"input_tokens":22,"output_tokens":14,"cached":4}}"#;

fn gemini() -> Gemini {
    Gemini::new(&[])
}

fn piece(text: &str) -> String {
    format!(r#"{{"type":"message","role":"assistant","content":"{text}","delta":true}}"#)
}

fn returned(kind: &str, words: &str) -> String {
    format!(
        r#"{{"type":"tool_result","tool_id":"run_shell_command__call_1","status":"error","error":{{"type":"{kind}","message":"{words}"}}}}"#
    )
}

fn line(autonomy: Autonomy, told: &Told<'_>, change: impl FnOnce(&mut Order)) -> CommandLine {
    gemini().command(&order_for(&gemini(), autonomy, change), told).expect("it is its order")
}

#[test]
fn each_level_has_its_approval_mode_and_medium_a_policy_besides() {
    let file = OsText::from("/s/policy.toml");
    let start = ["--skip-trust", "-o", "stream-json", "--approval-mode"];
    for (autonomy, mode) in [
        (Autonomy::None, "default"),
        (Autonomy::Low, "auto_edit"),
        (Autonomy::Medium, "auto_edit"),
        (Autonomy::High, "yolo"),
    ] {
        let attached = gemini().attachment(&order_for(&gemini(), autonomy, |_| {}));
        assert_eq!(attached.is_some(), autonomy == Autonomy::Medium);
        let told = Told { attachment: attached.as_ref().map(|_| &file), ..Told::default() };
        let mut expected = [&start[..], &[mode, "--session-id", "minted"]].concat();
        if attached.is_some() {
            expected.extend(["--policy", "/s/policy.toml"]);
        }
        assert_eq!(words(&line(autonomy, &told, |_| {})), expected);
    }
}

#[test]
fn a_session_is_gone_on_with_and_never_copied() {
    let earlier = SessionId::parse("earlier").expect("a session");
    let change = |order: &mut Order| order.lineage.continues = Some(Continuation::Same(earlier));
    assert_eq!(words(&line(Autonomy::Low, &Told::default(), change))[5..], ["--resume", "earlier"]);
    assert!(!gemini().abilities().forks);
}

#[test]
fn the_instructions_take_the_place_of_its_own_and_it_is_one_process() {
    let file = OsText::from("/s/x.md");
    let told = Told { instructions: Some(&file), ..Told::default() };
    let line = line(Autonomy::Low, &told, |_| {});
    assert_eq!(variable(&line, "GEMINI_SYSTEM_MD"), Some("/s/x.md".into()));
    assert_eq!(variable(&line, "GEMINI_CLI_NO_RELAUNCH"), Some("true".into()));
    let change = |order: &mut Order| {
        order.briefing = Some(Briefing { is_named: false, ..briefing(&[], None) });
    };
    assert_eq!(variable(&self::line(Autonomy::Low, &told, change), "GEMINI_SYSTEM_MD"), None);
    let change = |order: &mut Order| order.briefing = Some(briefing(&["Read"], Some("high")));
    let order = order_for(&gemini(), Autonomy::Low, change);
    assert_eq!(gemini().unapplied(&order), ["the tools Read", "the reasoning effort high"]);
}

#[test]
fn what_it_said_after_its_last_tool_is_the_result() {
    let returned = r#"{"type":"tool_result","tool_id":"run_shell_command__call_1","status":"success","output":""}"#;
    let lines =
        [INIT, ASKED, &piece("I look"), CALL, returned, &piece("the "), &piece("answer"), SUCCESS];
    assert_eq!(ended(&gemini(), &lines, Exit::Code(0), ""), (None, "the answer".into()));
    let account = account(&gemini(), &lines);
    let activity = account.activity();
    assert_eq!(activity.last_tool.as_deref(), Some("run_shell_command"));
    assert_eq!(activity.usage.map(|used| used.input_tokens), Some(22));
    assert_eq!(activity.session, SessionId::parse("s-1").ok());
}

#[test]
fn exit_0_without_a_result_line_is_what_a_signal_leaves() {
    let (reason, _) = ended(&gemini(), &[INIT, ASKED, CALL], Exit::Code(0), "");
    assert_eq!(reason, Some(Reason::NoResult));
}

#[test]
fn an_error_of_the_model_ends_by_its_code_whatever_the_exit_code() {
    let failed = |words: &str| {
        format!(
            r#"{{"type":"result","status":"error","error":{{"type":"unknown","message":"{words}"}}}}"#
        )
    };
    for (words, exit, reason) in [
        (r#"[API Error: {\"error\":{\"code\":401,\"message\":\"no\"}}]"#, 145, Reason::Auth),
        ("[API Error: no]\\nrequest a quota increase", 173, Reason::RateLimit),
        (r#"[API Error: {\"error\":{\"code\":500,\"message\":\"no\"}}]"#, 244, Reason::Exit),
    ] {
        let (found, _) = ended(&gemini(), &[INIT, ASKED, &failed(words)], Exit::Code(exit), "");
        assert_eq!(found, Some(reason), "{words}");
    }
    let log = "Please set an Auth method in your settings.json";
    assert_eq!(ended(&gemini(), &[], Exit::Code(41), log).0, Some(Reason::Auth));
}

#[test]
fn a_tool_that_its_mode_does_not_offer_is_refused_and_a_failed_one_is_not() {
    for (kind, words, refused) in [
        ("tool_not_registered", "Tool not found", true),
        ("unhandled_exception", "it requires user confirmation, which is not supported", true),
        ("shell_execute_error", "no such command", false),
    ] {
        let lines = [INIT, CALL, &returned(kind, words), &piece("well"), SUCCESS];
        let account = account(&gemini(), &lines);
        let expected = format!("run_shell_command: {words}");
        let expected: &[String] = if refused { &[expected] } else { &[] };
        assert_eq!(account.activity().refused, expected);
        assert_eq!(ended(&gemini(), &lines, Exit::Code(0), "").0, None);
    }
}

#[test]
fn a_file_outside_its_folder_is_named_as_refused() {
    let refused = r#"{"type":"tool_result","tool_id":"write_file__call_1","status":"error","output":"","error":{"type":"invalid_tool_params","message":"Path not in workspace: Attempted path \"/o\" resolves outside"}}"#;
    let lines = [INIT, ASKED, refused, &piece("well"), SUCCESS];
    let account = account(&gemini(), &lines);
    let [named] = account.activity().refused.as_slice() else { panic!("{account:?}") };
    assert!(named.starts_with("write_file: Path not in workspace"), "{named}");
}

#[test]
fn a_success_with_an_error_is_none() {
    let line = r#"{"type":"result","status":"success","error":{"type":"x","message":"boom"}}"#;
    let (reason, words) = ended(&gemini(), &[INIT, &piece("well"), line], Exit::Code(0), "");
    assert!(reason == Some(Reason::NoResult) && words.contains("boom"), "{words}");
}
