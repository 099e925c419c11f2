//! The command lines of `OpenCode`, and its truth table, over lines of the shape that it was seen to print.

use domain::task::{Exit, Reason, SessionId};

use serde_json::json;

use super::*;
use crate::agents::tests::{account, briefing, ended, order_for, variable, words};

const START: &str = r#"{"type":"step_start","timestamp":1,"sessionID":"ses_1","part":{}}"#;
const STOP: &str = r#"{"type":"step_finish","sessionID":"ses_1","part":{"reason":"stop","tokens":{"input":11,"output":7,"cache":{"read":1,"write":2}},"cost":0.002}}"#;

fn opencode() -> OpenCode {
    OpenCode::new(&[])
}

fn said(text: &str) -> String {
    format!(r#"{{"type":"text","sessionID":"ses_1","part":{{"text":"{text}"}}}}"#)
}

fn tool(error: &str) -> String {
    format!(
        r#"{{"type":"tool_use","sessionID":"ses_1","part":{{"tool":"write","state":{{"status":"error","error":"{error}"}}}}}}"#
    )
}

fn tools_step() -> String {
    STOP.replace("\"stop\"", "\"tool-calls\"")
}

fn line(autonomy: Autonomy, told: &Told<'_>, change: impl FnOnce(&mut Order)) -> CommandLine {
    opencode().command(&order_for(&opencode(), autonomy, change), told).expect("it is its order")
}

fn rules(line: &CommandLine) -> Value {
    let text = variable(line, "OPENCODE_PERMISSION").expect("it is set");
    serde_json::from_str(&text).expect("JSON")
}

fn config(line: &CommandLine) -> Value {
    let text = variable(line, "OPENCODE_CONFIG_CONTENT").expect("it is set");
    serde_json::from_str(&text).expect("JSON")
}

/// Once, what a folder's `opencode.json` allowed its usual agent ran at the level `none`.
#[test]
fn a_level_without_commands_works_as_an_agent_that_no_file_can_allow_more() {
    for autonomy in Autonomy::ALL {
        let line = line(autonomy, &Told::default(), |_| {});
        let strict = words(&line).windows(2).any(|pair| pair == ["--agent", "task-bg"]);
        assert_eq!(strict, matches!(autonomy, Autonomy::None | Autonomy::Low), "{autonomy:?}");
        for agent in ["task-bg", "build"] {
            assert_eq!(config(&line)["agent"][agent]["permission"], rules(&line));
        }
    }
}

/// Once, a provider that was configured in the variable alone was thrown away.
#[test]
fn what_the_user_configured_in_variables_is_kept_and_our_rules_come_last() {
    let variable = |name: &str| {
        let text = match name {
            "OPENCODE_CONFIG_CONTENT" => {
                r#"{"agent":{"task-bg":{"permission":{"bash":"allow","*":"allow"}}},"model":"m/m","instructions":["a.md"]}"#
            }
            "OPENCODE_PERMISSION" => r#"{"bash":"allow","skill":"deny"}"#,
            _ => return None,
        };
        Some(text.to_owned())
    };
    let file = OsText::from("/s/x.md");
    let told = Told { variable: Some(variable), instructions: Some(&file), ..Told::default() };
    let line = line(Autonomy::None, &told, |_| {});
    let config = config(&line);
    assert_eq!(
        (&config["model"], &config["instructions"]),
        (&json!("m/m"), &json!(["a.md", "/s/x.md"]))
    );
    let ours = config["agent"]["task-bg"]["permission"].as_object().expect("rules");
    let order: Vec<&String> = ours.keys().collect();
    assert!(order[0] == "*" && ours["bash"] == "deny", "{order:?}");
    assert_eq!((&rules(&line)["bash"], &rules(&line)["skill"]), (&json!("deny"), &json!("deny")));
}

#[test]
fn a_variable_to_which_the_rules_cannot_be_added_is_objected_to() {
    let objected = |text: &'static str| {
        let variable = move |name: &str| (name == "OPENCODE_CONFIG_CONTENT").then(|| text.into());
        let around = Circumstances { is_root: false, variable: &variable, first_process: Vec::new };
        opencode().objection(Autonomy::Low, &around)
    };
    assert_eq!((objected("{}"), objected("")), (None, None));
    assert!(objected("// words\n{}").is_some_and(|it| it.words.contains("no JSON object")));
}

#[test]
fn each_level_is_rules_that_never_ask() {
    let rules_of = |autonomy| rules(&line(autonomy, &Told::default(), |_| {}));
    let none = rules_of(Autonomy::None);
    assert_eq!(
        (&none["edit"], &none["bash"], &none["webfetch"]),
        (&json!("deny"), &json!("deny"), &json!("deny"))
    );
    let expected = json!({"bash": "deny", "task": "deny", "external_directory": "deny"});
    assert_eq!(rules_of(Autonomy::Low), expected);
    assert_eq!(rules_of(Autonomy::Medium), json!({"external_directory": "deny"}));
    assert_eq!(rules_of(Autonomy::High), json!({"*": "allow"}));
    let told = Told { task: "bg_1", ..Told::default() };
    let words = words(&line(Autonomy::High, &told, |_| {}));
    assert_eq!(words, ["run", "--format", "json", "--auto", "--title", "task-bg bg_1"]);
}

#[test]
fn a_droids_tools_deny_all_others_and_its_instructions_are_added() {
    let file = OsText::from("/s/x.md");
    let told = Told { instructions: Some(&file), ..Told::default() };
    let change = |order: &mut Order| order.briefing = Some(briefing(&["Read", "AskUser"], None));
    let line = line(Autonomy::Medium, &told, change);
    let rules = rules(&line);
    assert_eq!(
        (&rules["bash"], &rules["edit"], &rules["read"]),
        (&json!("deny"), &json!("deny"), &Value::Null)
    );
    assert_eq!(config(&line)["instructions"], json!(["/s/x.md"]));
    let order = order_for(&opencode(), Autonomy::Medium, change);
    assert_eq!(opencode().unapplied(&order), ["the tools AskUser"]);
}

#[test]
fn a_session_is_gone_on_with_or_copied() {
    let earlier = || SessionId::parse("ses_1").expect("a session");
    for (continues, end) in [
        (Continuation::Same(earlier()), &["-s", "ses_1"][..]),
        (Continuation::Fork(earlier()), &["-s", "ses_1", "--fork"]),
    ] {
        let change = |order: &mut Order| order.lineage.continues = Some(continues);
        assert_eq!(words(&line(Autonomy::Medium, &Told::default(), change))[3..], *end);
    }
}

#[test]
fn a_step_that_ends_with_stop_is_the_end_and_usage_adds_up() {
    let ran = r#"{"type":"tool_use","sessionID":"ses_1","part":{"tool":"bash","state":{"status":"completed","output":""}}}"#;
    let lines = [
        START,
        &said("I look"),
        ran,
        &tools_step(),
        START,
        &said("the answer"),
        &said("and more"),
        STOP,
    ];
    assert_eq!(
        ended(&opencode(), &lines, Exit::Code(0), ""),
        (None, "the answer\nand more".into())
    );
    let account = account(&opencode(), &lines);
    let activity = account.activity();
    assert_eq!((activity.tool_calls, activity.tools_in_flight), (1, 0));
    assert_eq!(activity.session, SessionId::parse("ses_1").ok());
    let usage = activity.usage.expect("it says so");
    assert_eq!((usage.input_tokens, usage.output_tokens), (22, 14));
    assert_eq!(usage.cost_micros, Some(4_000));
}

#[test]
fn a_rejected_question_exits_with_0_and_is_a_refused_permission() {
    let refused = tool("The user rejected permission to use this specific tool call.");
    let (reason, message) =
        ended(&opencode(), &[START, &refused, &tools_step()], Exit::Code(0), "");
    assert_eq!(reason, Some(Reason::Permission));
    assert!(message.contains("--autonomy medium"), "{message}");
}

#[test]
fn a_rule_that_denies_is_named_beside_the_result() {
    let denied = tool(
        "The user has specified a rule which prevents you from using this specific tool call. Here are rules",
    );
    let lines = [START, &denied, &tools_step(), START, &said("well"), STOP];
    assert_eq!(ended(&opencode(), &lines, Exit::Code(0), ""), (None, "well".into()));
    let account = account(&opencode(), &lines);
    assert!(account.activity().refused[0].starts_with("write: The user has specified a rule"));
}

#[test]
fn a_tool_that_the_rules_do_not_offer_is_refused_under_its_name() {
    let call = r#"{"type":"tool_use","sessionID":"ses_1","part":{"tool":"invalid","state":{"status":"completed","input":{"tool":"write","error":"Model tried to call unavailable tool 'write'. Available tools: read."}}}}"#;
    let account = account(&opencode(), &[START, call, &tools_step(), START, &said("well"), STOP]);
    let activity = account.activity();
    assert_eq!(activity.last_tool.as_deref(), Some("write"));
    assert_eq!(activity.refused, ["write: Model tried to call unavailable tool 'write'"]);
}

#[test]
fn an_error_ends_by_its_status() {
    for (status, reason) in [(401, Reason::Auth), (429, Reason::RateLimit), (500, Reason::Exit)] {
        let error = format!(
            r#"{{"type":"error","sessionID":"ses_1","error":{{"name":"APIError","data":{{"message":"no","statusCode":{status}}}}}}}"#
        );
        let (found, message) = ended(&opencode(), &[&error], Exit::Code(1), "");
        assert_eq!(found, Some(reason));
        assert!(message.contains(&format!("no ({status})")), "{message}");
    }
}

#[test]
fn a_run_that_was_cut_short_has_no_result() {
    let (reason, _) = ended(&opencode(), &[START], Exit::Signal(15), "");
    assert_eq!(reason, Some(Reason::Signal));
}

#[test]
fn tools_of_a_definition_that_a_level_denies_are_named() {
    let unapplied = |autonomy| {
        let tools = ["Read", "Create", "Execute", "Task", "AskUser"];
        let change = |order: &mut Order| order.briefing = Some(briefing(&tools, None));
        opencode().unapplied(&order_for(&opencode(), autonomy, change))
    };
    assert_eq!(unapplied(Autonomy::None), ["the tools AskUser, Create, Execute, Task"]);
    assert_eq!(unapplied(Autonomy::Low), ["the tools AskUser, Execute, Task"]);
    assert_eq!(unapplied(Autonomy::Medium), ["the tools AskUser"]);
}

#[test]
fn one_without_a_login_ends_for_that() {
    let line = r#"{"type":"error","sessionID":"ses_1","error":{"name":"ProviderAuthError","data":{"providerID":"p","message":"no key for p"}}}"#;
    let (reason, words) = ended(&opencode(), &[line], Exit::Code(1), "");
    assert!(reason == Some(Reason::Auth) && words.contains("no key"), "{words}");
}

#[test]
fn what_one_that_failed_had_said_ends_as_it_did() {
    let account = account(&opencode(), &[START, &said("half of it")]);
    assert_eq!(account.findings(), Some("half of it"));
}

/// Once, a level that allows commands allowed those that the user had forbidden.
#[test]
fn what_the_user_forbids_or_wants_to_be_asked_stays_so_below_the_level_high() {
    let theirs = r#"{"edit":"ask","bash":{"*":"allow","rm *":"deny"}}"#;
    let variable: fn(&str) -> Option<String> = |name| {
        (name == PERMISSION).then(|| r#"{"edit":"ask","bash":{"*":"allow","rm *":"deny"}}"#.into())
    };
    let told = Told { variable: Some(variable), ..Told::default() };
    let theirs: Value = serde_json::from_str(theirs).expect("JSON");
    let medium = line(Autonomy::Medium, &told, |_| {});
    let merged = rules(&medium);
    assert_eq!((&merged["edit"], &merged["bash"]), (&theirs["edit"], &theirs["bash"]));
    let low = rules(&line(Autonomy::Low, &told, |_| {}));
    assert_eq!((&low["edit"], &low["bash"]), (&theirs["edit"], &json!("deny")));
    for agent in ["build", "task-bg"] {
        let ours = config(&medium)["agent"][agent]["permission"].clone();
        assert_eq!(ours, json!({"external_directory": "deny"}));
    }
}
