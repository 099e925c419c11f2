//! Lines that cannot be read: what they cost, and what they must not leave standing. One table for all agents.

use domain::port::Agents;
use domain::task::{Exit, Reason};

use super::ended;
use crate::agents::registry::{Programs, Registry};

/// What an agent prints that is done, but for a value of any depth in its last line.
fn done(agent: &str, value: &str) -> [String; 3] {
    let [began, said, done] = match agent {
        "droid" => [
            r#"{"type":"system","session_id":"s"}"#,
            r#"{"type":"message","role":"assistant","text":"found"}"#,
            r#"{"x":VALUE,"type":"completion","finalText":"found"}"#,
        ],
        "claude" => [
            r#"{"type":"system","subtype":"init","session_id":"s"}"#,
            r#"{"type":"assistant","message":{"content":[{"type":"text","text":"found"}]}}"#,
            r#"{"permission_denials":[{"tool_name":"t","tool_input":VALUE}],"type":"result","subtype":"success","is_error":false,"result":"found"}"#,
        ],
        "codex" => [
            r#"{"type":"thread.started","thread_id":"s"}"#,
            r#"{"type":"item.completed","item":{"type":"agent_message","text":"found"}}"#,
            r#"{"x":VALUE,"type":"turn.completed","usage":{}}"#,
        ],
        "gemini" => [
            r#"{"type":"init","session_id":"s"}"#,
            r#"{"type":"message","role":"assistant","content":"found","delta":true}"#,
            r#"{"x":VALUE,"type":"result","status":"success"}"#,
        ],
        "opencode" => [
            r#"{"type":"step_start","sessionID":"s"}"#,
            r#"{"type":"text","sessionID":"s","part":{"text":"found"}}"#,
            r#"{"x":VALUE,"type":"step_finish","sessionID":"s","part":{"reason":"stop"}}"#,
        ],
        other => panic!("{other} is not in this table"),
    };
    [began.to_owned(), said.to_owned(), done.replace("VALUE", value)]
}

/// Once, an agent that repeated deep arguments of a tool in its last line was said never to have been done.
#[test]
fn a_deep_value_does_not_cost_an_agent_its_last_line_nor_does_what_stands_before_it() {
    let registry = Registry::new(&Programs::default());
    let deep = format!("{}1{}", r#"[{"a":"#.repeat(70_000), "}]".repeat(70_000));
    for agent in registry.all() {
        for noise in ["", "\0\0", "\u{1b}[0m"] {
            let [began, said, done] = done(agent.name(), &deep);
            let done = format!("{noise}{done}");
            let found = ended(agent, &[&began, &said, &done], Exit::Code(0), "");
            assert_eq!(found, (None, "found".to_owned()), "{} {noise:?}", agent.name());
        }
    }
}

/// Once, an older success stood although a later line had been cut off, which may have said the contrary.
#[test]
fn an_event_after_the_end_that_cannot_be_read_is_no_success_and_text_is_no_event() {
    let registry = Registry::new(&Programs::default());
    for agent in registry.all() {
        let lines = done(agent.name(), "1");
        let with = |last: &str| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).chain([last]).collect();
            ended(agent, &lines, Exit::Code(0), "")
        };
        for last in [r#"{"type":"result","is_er"#, "\0{\"type\":", "{\"ty"] {
            let (reason, words) = with(last);
            assert_eq!(reason, Some(Reason::NoResult), "{} {last:?}", agent.name());
            assert!(words.contains("cannot be read"), "{words}");
        }
        for last in
            ["{", "some text", "\0\0\0", "{\"a\":1}", "[1", "\u{1b}[0m", "{\"type\":\"novel\"}"]
        {
            assert_eq!(with(last).0, None, "{} {last:?}", agent.name());
        }
    }
}
