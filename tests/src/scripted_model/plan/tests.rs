//! Tests of the planner: each steering word, alone and among others.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Call, Plan, Reply, plan};

fn asked(prompt: &str) -> Plan {
    plan(&json!({ "messages": [{ "role": "user", "content": prompt }] }))
}

/// The plan for `prompt` after `results` tool calls have been answered.
fn asked_after(prompt: &str, results: usize) -> Plan {
    let mut messages =
        vec![json!({ "role": "user", "content": [{ "type": "text", "text": prompt }] })];
    for n in 0..results {
        let id = format!("toolu_{n}");
        messages.push(json!({ "role": "assistant", "content": [
            { "type": "tool_use", "id": id, "name": "Execute", "input": {} }
        ] }));
        messages.push(json!({ "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": id, "content": "SAY:not a prompt" }
        ] }));
    }
    plan(&json!({ "messages": messages }))
}

fn text(words: &str) -> Reply {
    Reply::Text(words.to_owned())
}

fn call(name: &str, args: Value) -> Reply {
    Reply::Call(Call { name: name.to_owned(), args })
}

#[test]
fn a_prompt_without_steering_words_gets_the_default_reply() {
    assert_eq!(asked("please look around").reply, text("scripted reply ok"));
    assert_eq!(plan(&json!({})).reply, text("scripted reply ok"));
    assert_eq!(plan(&json!("not even an object")).reply, text("scripted reply ok"));
}

#[test]
fn say_replies_with_the_rest_of_its_line_taken_literally() {
    let plan = asked("first line\nSAY: all done, SLEEP:3 and STATUS:500 \nlast line");
    assert_eq!(plan.reply, text("all done, SLEEP:3 and STATUS:500"));
    assert_eq!(plan.sleep, Duration::ZERO);
}

#[test]
fn sleep_and_hold_come_before_the_last_reply() {
    let plan = asked("SLEEP:2.5 HOLD:/tmp/go SAY:ok");
    assert_eq!(plan.sleep, Duration::from_millis(2500));
    assert_eq!(plan.hold, Some(PathBuf::from("/tmp/go")));
    assert_eq!(plan.reply, text("ok"));
}

#[test]
fn status_answers_as_the_provider_would() {
    assert_eq!(asked("STATUS:401").reply, Reply::Status(401));
    assert_eq!(asked("STATUS:7").reply, text("scripted reply ok"));
    assert_eq!(asked("STATUS:70000").reply, text("scripted reply ok"));
}

#[test]
fn a_tool_is_called_until_its_result_has_come_back() {
    let prompt = r#"TOOL:Execute {"command":"true"} SAY:ran it"#;
    assert_eq!(asked_after(prompt, 0).reply, call("Execute", json!({ "command": "true" })));
    assert_eq!(asked_after(prompt, 1).reply, text("ran it"));
}

#[test]
fn nothing_delays_a_tool_call() {
    let plan = asked_after("TOOL:Execute {} SLEEP:9 HOLD:/tmp/go", 0);
    assert_eq!((plan.sleep, plan.hold), (Duration::ZERO, None));
    let plan = asked_after("TOOL:Execute {} SLEEP:9 HOLD:/tmp/go", 1);
    assert_eq!(plan.sleep, Duration::from_secs(9));
    assert_eq!(plan.reply, text("scripted reply ok after 1 tool call(s)"));
}

#[test]
fn several_calls_are_made_one_a_turn() {
    let listed = r#"TOOLS:[{"name":"A","args":{"n":1}},{"name":"B"}] SAY:end"#;
    let spelled = r#"TOOL:A {"n":1} then TOOL:B {} SAY:end"#;
    for prompt in [listed, spelled] {
        assert_eq!(asked_after(prompt, 0).reply, call("A", json!({ "n": 1 })));
        assert_eq!(asked_after(prompt, 1).reply, call("B", json!({})));
        assert_eq!(asked_after(prompt, 2).reply, text("end"));
    }
}

#[test]
fn words_inside_the_arguments_belong_to_whoever_gets_them() {
    let prompt = r#"TOOL:Task {"prompt":"TOOL:Execute {\"x\":1} SAY:inner"} SAY:outer"#;
    let inner = json!({ "prompt": r#"TOOL:Execute {"x":1} SAY:inner"# });
    assert_eq!(asked_after(prompt, 0).reply, call("Task", inner));
    assert_eq!(asked_after(prompt, 1).reply, text("outer"));
}

#[test]
fn a_word_without_what_it_needs_is_plain_text() {
    assert_eq!(asked("TOOL:Execute SAY:fine").reply, text("fine"));
    assert_eq!(asked(r#"TOOL:Execute {"broken SAY:fine"#).reply, text("fine"));
    assert_eq!(asked("TOOLS:{} SLEEP:soon HOLD: SAY:fine").reply, text("fine"));
}

#[test]
fn the_last_user_text_steers_and_reminders_do_not() {
    let plan = plan(&json!({ "messages": [
        { "role": "user", "content": "SAY:old" },
        { "role": "assistant", "content": "SAY:mine" },
        { "role": "user", "content": [
            { "type": "text", "text": "SAY:new" },
            { "type": "text", "text": " <system-reminder>SAY:reminded</system-reminder>" }
        ] }
    ] }));
    assert_eq!(plan.reply, text("new"));
}

#[test]
fn a_new_prompt_starts_counting_results_afresh() {
    let plan = plan(&json!({ "messages": [
        { "role": "user", "content": "TOOL:A {}" },
        { "role": "user", "content": [{ "type": "tool_result", "content": "" }] },
        { "role": "user", "content": "TOOL:B {}" }
    ] }));
    assert_eq!(plan.reply, call("B", json!({})));
}
