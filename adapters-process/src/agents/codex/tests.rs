//! The command lines of Codex, and its truth table, over lines of the shape that it was seen to print.

use domain::task::{Briefing, Exit, Reason, SessionId};

use super::*;
use crate::agents::tests::{account, briefing, ended, order_for, words};

const BEGAN: &str = r#"{"type":"thread.started","thread_id":"t-1"}"#;
const WARNING: &str = r#"{"type":"item.completed","item":{"id":"0","type":"error","message":"Model metadata not found"}}"#;
const CALL: &str = r#"{"type":"item.started","item":{"id":"1","type":"command_execution","command":"touch x","aggregated_output":"","exit_code":null,"status":"in_progress"}}"#;
const RETURNED: &str = r#"{"type":"item.completed","item":{"id":"1","type":"command_execution","command":"touch x","aggregated_output":"touch: cannot touch 'x': Read-only file system\n","exit_code":1,"status":"failed"}}"#;
const SAID: &str =
    r#"{"type":"item.completed","item":{"id":"2","type":"agent_message","text":"the answer"}}"#;
const DONE: &str = r#"{"type":"turn.completed","usage":{"input_tokens":22,"cached_input_tokens":3,"output_tokens":14}}"#;

fn codex() -> Codex {
    Codex::new(&[])
}

fn failed(words: &str) -> String {
    format!(r#"{{"type":"turn.failed","error":{{"message":"{words}"}}}}"#)
}

fn line(autonomy: Autonomy, told: &Told<'_>, change: impl FnOnce(&mut Order)) -> CommandLine {
    codex().command(&order_for(&codex(), autonomy, change), told).expect("it is its order")
}

#[test]
fn each_level_has_its_sandbox_and_the_prompt_comes_on_standard_input() {
    let config = |text: &str| format!("-c sandbox_mode=\"{text}\"");
    let network =
        format!("{} -c sandbox_workspace_write.network_access=true", config("workspace-write"));
    for (autonomy, held) in [
        (Autonomy::None, config("read-only")),
        (Autonomy::Low, config("workspace-write")),
        (Autonomy::Medium, network),
        (Autonomy::High, "--dangerously-bypass-approvals-and-sandbox".to_owned()),
    ] {
        let words = words(&line(autonomy, &Told::default(), |_| {})).join(" ");
        let start = "exec --json --skip-git-repo-check -c analytics.enabled=false -c \
            check_for_update_on_startup=false";
        assert_eq!(words, format!("{start} {held} -"));
    }
}

#[test]
fn a_session_is_gone_on_with_or_copied_by_a_verb_of_its_own() {
    let earlier = || SessionId::parse("earlier").expect("a session");
    for (continues, verb) in
        [(Continuation::Same(earlier()), "resume"), (Continuation::Fork(earlier()), "fork")]
    {
        let change = |order: &mut Order| order.lineage.continues = Some(continues);
        let words = words(&line(Autonomy::Low, &Told::default(), change));
        assert_eq!(words[..2], ["exec", verb]);
        assert_eq!(words[words.len() - 2..], ["earlier", "-"]);
    }
}

#[test]
fn its_instructions_are_a_file_whatever_the_path_and_tools_are_named_as_not_applied() {
    let file = OsText::from("/s/a \"b\\/x.md");
    let told = Told { instructions: Some(&file), ..Told::default() };
    let change = |order: &mut Order| order.briefing = Some(briefing(&["Read", "LS"], Some("high")));
    let line = line(Autonomy::High, &told, change);
    let words = words(&line);
    assert!(
        words.contains(&r#"model_instructions_file="/s/a \"b\\/x.md""#.to_owned()),
        "{words:?}"
    );
    assert!(words.contains(&"model_reasoning_effort=\"high\"".to_owned()), "{words:?}");
    let change = |order: &mut Order| {
        order.briefing = Some(Briefing { is_named: false, ..briefing(&[], None) });
    };
    let usual = crate::agents::tests::words(&self::line(Autonomy::High, &told, change));
    assert!(!usual.iter().any(|word| word.contains("model_instructions_file")), "{usual:?}");
    let change = |order: &mut Order| order.briefing = Some(briefing(&["Read", "LS"], Some("high")));
    let order = order_for(&codex(), Autonomy::High, change);
    assert_eq!(codex().unapplied(&order), ["the tools Read, LS"]);
}

#[test]
fn its_last_message_is_the_result_and_a_warning_is_no_failure() {
    let lines = [BEGAN, WARNING, CALL, RETURNED, SAID, DONE];
    assert_eq!(ended(&codex(), &lines, Exit::Code(0), ""), (None, "the answer".into()));
    let account = account(&codex(), &lines);
    let activity = account.activity();
    assert_eq!(activity.session, SessionId::parse("t-1").ok());
    assert_eq!((activity.tool_calls, activity.tools_in_flight), (1, 0));
    assert_eq!(activity.last_tool.as_deref(), Some("exec_command"));
    assert_eq!(activity.usage.map(|used| used.cache_read_input_tokens), Some(3));
    let refused = ["exec_command: touch: cannot touch 'x': Read-only file system"];
    assert_eq!(activity.refused, refused);
}

#[test]
fn a_failed_turn_ends_by_what_its_words_say() {
    for (words, reason) in [
        ("unexpected status 401 Unauthorized: no", Reason::Auth),
        ("Missing environment variable: `KEY`.", Reason::Auth),
        ("exceeded retry limit, last status: 429 Too Many Requests", Reason::RateLimit),
        ("You've hit your usage limit.", Reason::RateLimit),
        ("We're currently experiencing high demand", Reason::Exit),
    ] {
        let error = format!(r#"{{"type":"error","message":"{words}"}}"#);
        let (found, message) = ended(&codex(), &[BEGAN, &error, &failed(words)], Exit::Code(1), "");
        assert_eq!(found, Some(reason), "{words}");
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_reconnection_is_a_sign_of_life_and_does_not_decide_the_ending() {
    let again =
        r#"{"type":"error","message":"Reconnecting... 2/5 (unexpected status 401 Unauthorized)"}"#;
    let (reason, _) = ended(&codex(), &[BEGAN, again], Exit::Signal(15), "");
    assert_eq!(reason, Some(Reason::Signal));
    assert_eq!(ended(&codex(), &[BEGAN, again, SAID, DONE], Exit::Code(0), "").0, None);
}

#[test]
fn an_mcp_tool_that_nobody_may_approve_is_refused() {
    let item = r#"{"type":"item.completed","item":{"id":"2","type":"mcp_tool_call","server":"tb","tool":"echo","error":{"message":"MCP tool call requires approval, but approval policy is never"},"status":"failed"}}"#;
    let account = account(&codex(), &[BEGAN, item, SAID, DONE]);
    assert!(account.activity().refused[0].starts_with("tb/echo: MCP tool call requires"));
}

#[test]
fn a_turn_or_an_error_after_the_last_one_takes_its_end_back() {
    let error = r#"{"type":"error","message":"stream disconnected"}"#;
    let turn = r#"{"type":"turn.started"}"#;
    for last in [error, turn] {
        let (reason, _) = ended(&codex(), &[BEGAN, turn, SAID, DONE, last], Exit::Code(0), "");
        assert_eq!(reason, Some(Reason::NoResult), "{last}");
    }
    let lines = [BEGAN, turn, SAID, DONE, turn, SAID, DONE];
    assert_eq!(ended(&codex(), &lines, Exit::Code(0), "").0, None);
}

/// Once, a task that was launched in its sandbox was said to run, and died with the call.
#[test]
fn a_command_in_its_sandbox_leaves_nothing_behind_whatever_may_be_written() {
    let ends = |mark: Option<&'static str>, first_process| {
        let variable = |name: &str| mark.filter(|known| *known == name).map(Into::into);
        let around = Circumstances { is_root: false, variable: &variable, first_process };
        assert_eq!(codex().way_out(&around).is_some(), mark.is_some());
        codex().ends_what_is_started(&around)
    };
    let own: fn() -> Vec<u8> = || b"codex-linux-sandbox\0--sandbox-policy-cwd\0/w\0".to_vec();
    let system: fn() -> Vec<u8> =
        || b"bwrap\0--unshare-pid\0--\0/opt/codex\0--sandbox-policy-cwd\0/w\0".to_vec();
    let none: fn() -> Vec<u8> = || b"/sbin/init\0".to_vec();
    for mark in ["CODEX_THREAD_ID", "CODEX_SANDBOX_NETWORK_DISABLED"] {
        assert!(ends(Some(mark), own) && ends(Some(mark), system), "{mark}");
        // One with full access, also in a container.
        assert!(!ends(Some(mark), none) && !ends(Some(mark), Vec::new), "{mark}");
    }
    assert!(!ends(None, own));
}
