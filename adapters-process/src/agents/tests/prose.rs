//! What an agent, its tools and others say in its stream or in its log never decides how its run ended.

use domain::port::Agents as _;
use domain::task::{Exit, Reason};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ended, for_agent};
use crate::agents::own::{Description, Handing, Own};
use crate::agents::registry::{Programs, Registry, SHIPPED};

/// What an error of each kind may say, which here is no error.
const SIGNS: [&str; 14] = [
    "quota",
    "unexpected status 401 Unauthorized",
    "429 Too Many Requests",
    "rate limit",
    "\"code\":403",
    "insufficient permission to proceed. Re-run with --auto high",
    "Authentication failed. Please log in using /login",
    "set a valid FACTORY_API_KEY",
    "The user rejected permission to use this specific tool call.",
    "Not logged in",
    "invalid api key",
    "permission denied",
    "When using Gemini API, you must specify the GEMINI_API_KEY environment variable.",
    "Missing environment variable: `KEY`.",
];

/// The lines of a run that went on until it broke off, with these words wherever an agent, a tool or a person speaks.
fn stream(agent: &str, words: &str) -> Vec<String> {
    let lines: Vec<Value> = match agent {
        "droid" => vec![
            json!({"type":"system","subtype":"init","session_id":"s"}),
            json!({"type":"message","role":"user","text":words}),
            json!({"type":"tool_call","toolName":"Execute","parameters":{"command":words}}),
            json!({"type":"tool_result","isError":true,"value":words}),
            json!({"type":"message","role":"assistant","text":words}),
        ],
        "claude" => vec![
            json!({"type":"system","subtype":"init","session_id":"s"}),
            json!({"type":"assistant","message":{"model":"m","content":[
                {"type":"thinking","thinking":words},
                {"type":"text","text":words},
                {"type":"tool_use","id":"t","name":"Bash","input":{"command":words}},
            ]}}),
            json!({"type":"user","message":{"content":[
                {"type":"tool_result","tool_use_id":"t","is_error":true,"content":words},
            ]}}),
            json!({"type":"result","subtype":"error_max_turns","is_error":true,"result":words}),
        ],
        "codex" => vec![
            json!({"type":"thread.started","thread_id":"s"}),
            json!({"type":"item.completed","item":{"type":"error","message":words}}),
            json!({"type":"item.completed","item":{"type":"reasoning","text":words}}),
            json!({"type":"item.completed","item":{
                "type":"command_execution","command":words,"aggregated_output":words,"status":"failed",
            }}),
            json!({"type":"item.completed","item":{
                "type":"mcp_tool_call","server":"s","tool":"t","error":{"message":words},
            }}),
            json!({"type":"item.completed","item":{"type":"agent_message","text":words}}),
        ],
        "gemini" => vec![
            json!({"type":"init","session_id":"s"}),
            json!({"type":"message","role":"user","content":words}),
            json!({"type":"tool_use","tool_name":"run_shell_command","tool_id":"run_shell_command__1","parameters":{"command":words}}),
            json!({"type":"tool_result","tool_id":"run_shell_command__1","status":"error","output":words,
                "error":{"type":"shell_execute_error","message":words}}),
            json!({"type":"message","role":"assistant","content":words,"delta":true}),
            json!({"type":"error","severity":"warning","message":words}),
        ],
        "opencode" => vec![
            json!({"type":"step_start","sessionID":"s","part":{}}),
            json!({"type":"tool_use","part":{"tool":"bash","state":{
                "status":"completed","input":{"command":words},"output":words,
            }}}),
            json!({"type":"tool_use","part":{"tool":"mcp_x","state":{"status":"error","error":format!("it said: {words}")}}}),
            json!({"type":"text","part":{"text":words}}),
            json!({"type":"step_finish","part":{"reason":"tool-calls"}}),
        ],
        other => panic!("{other} has no stream here"),
    };
    lines.iter().map(Value::to_string).collect()
}

/// An error that the agent reported and got over.
fn trouble(agent: &str) -> Option<&'static str> {
    match agent {
        "droid" => Some(r#"{"type":"error","source":"agent_loop","message":"429 {}"}"#),
        "claude" => Some(
            r#"{"type":"assistant","error":"rate_limit","message":{"model":"<synthetic>","content":[{"type":"text","text":"API Error: 429"}]}}"#,
        ),
        "codex" => Some(r#"{"type":"error","message":"exceeded retry limit, last status: 429"}"#),
        "gemini" => Some(r#"{"type":"error","severity":"error","message":"quota exceeded"}"#),
        _ => None,
    }
}

fn reason(agent: &str, lines: &[String], exit: Exit, log: &str) -> Option<Reason> {
    let registry = Registry::new(&Programs::default());
    let agent = registry.of(&for_agent(agent)).expect("it is shipped");
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    ended(agent, &lines, exit, log).0
}

fn usual(exit: Exit) -> Reason {
    match exit {
        Exit::Code(0) => Reason::NoResult,
        Exit::Code(_) => Reason::Exit,
        Exit::Signal(_) => Reason::Signal,
    }
}

fn exits() -> impl Strategy<Value = Exit> {
    prop::sample::select(vec![Exit::Code(0), Exit::Code(1), Exit::Signal(9), Exit::Signal(15)])
}

/// Words with signs in them, at their beginning and in a line of their own among others.
fn prose() -> impl Strategy<Value = String> {
    let sign = prop::sample::select(SIGNS.to_vec());
    ("[a-z \n]{0,12}", sign.clone(), "[a-z \n]{0,12}", sign)
        .prop_map(|(before, first, between, last)| format!("{before}{first}{between}{last}"))
}

proptest! {
    // Once, an agent that wrote of a quota and was then killed, or failed for another reason, was said to have met a
    // limit of its model's.
    #[test]
    fn prose_in_an_agents_stream_and_in_its_log_never_changes_a_reason(words in prose(), exit in exits()) {
        for agent in SHIPPED {
            let lines = stream(agent, &words);
            prop_assert_eq!(reason(agent, &lines, exit, &words), Some(usual(exit)), "{}", agent);
        }
    }

    #[test]
    fn what_stands_in_a_log_before_its_end_never_changes_a_reason(words in prose(), exit in exits()) {
        let log = format!("{words}\nTypeError: x is not a function\n    at main (index.js:1:1)\n");
        for agent in SHIPPED {
            prop_assert_eq!(reason(agent, &[], exit, &log), Some(usual(exit)), "{}", agent);
        }
    }

    #[test]
    fn an_agent_that_prints_text_for_people_is_judged_by_its_exit_alone(words in prose(), exit in exits()) {
        let own = Own::new(Description {
            name: domain::task::AgentName::parse("mine").expect("a name"),
            command: vec!["a".into()],
            prompt: Handing::Input,
            stream: None,
            session: Vec::new(),
            resume: Vec::new(),
        });
        let expected = (exit != Exit::Code(0)).then(|| usual(exit));
        prop_assert_eq!(ended(&own, &[], exit, &words).0, expected);
    }
}

#[test]
fn an_error_that_an_agent_got_over_does_not_say_how_it_ended() {
    for agent in SHIPPED {
        let Some(trouble) = trouble(agent) else { continue };
        let mut lines = vec![trouble.to_owned()];
        assert_eq!(reason(agent, &lines, Exit::Code(1), ""), Some(Reason::RateLimit), "{agent}");
        assert_eq!(reason(agent, &lines, Exit::Signal(9), ""), Some(Reason::Signal), "{agent}");
        let mut rest = stream(agent, "it works again");
        // Claude Code's last line would be an error of its own.
        rest.retain(|line| !line.contains("error_max_turns"));
        lines.extend(rest);
        assert_eq!(reason(agent, &lines, Exit::Code(1), ""), Some(Reason::Exit), "{agent}");
    }
}
