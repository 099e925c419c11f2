//! The tools: launching, waiting, reading, cancelling, and to whom an ending was told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::mcp_client::{Client, text, value};
use tests::sandbox::Sandbox;

use super::served;
use crate::sandbox;

/// A command that runs until a gate is opened; its id.
fn until(client: &mut Client, sandbox: &Sandbox, meta: &Value, gate: &str) -> String {
    let command = format!("{}; echo behind {gate}", sandbox.until(gate));
    let (said, is_error) = client.call_as(meta, "run_command", &json!({"command": command}));
    assert!(!is_error, "{said}");
    value(&said, "id").to_owned()
}

#[test]
fn two_tasks_are_launched_waited_for_and_read_and_one_is_cancelled() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let said = client.call(
        "launch_agent",
        &json!({"prompt": "SAY the answer", "title": "Ask", "role": "explorer"}),
    );
    assert!(
        said.contains("only means that it was started") && said.chars().count() <= 400,
        "{said}"
    );
    let agent = value(&said, "id").to_owned();
    let said = client
        .call("run_command", &json!({"command": "echo one; echo two >&2; exit 3", "cwd": "."}));
    let command = value(&said, "id").to_owned();
    let mut heard = client.call("wait_for_tasks", &json!({"ids": [agent, command]}));
    if !heard.starts_with("ended: 2 of 2") {
        // One of them ended before the call, which is said at once.
        heard = client.call("wait_for_tasks", &json!({"ids": [agent, command]}));
    }
    assert!(heard.contains(&format!("{agent} completed")), "{heard}");
    assert!(heard.contains("the answer") && heard.contains("error (exit)"), "{heard}");
    let read = client.call("task_output", &json!({"id": &agent[..]}));
    assert!(read.starts_with(&format!("id: {agent}\nstate: completed\nresult: ")), "{read}");
    assert!(read.ends_with("\n\nthe answer"), "{read}");
    let read = client.call("task_output", &json!({"id": command, "mode": "head"}));
    assert!(read.ends_with("one\ntwo\n") || read.ends_with("two\none\n"), "{read}");
    let long =
        value(&client.call("run_command", &json!({"command": "sleep 300"})), "id").to_owned();
    assert_eq!(client.call("cancel_task", &json!({"ids": [long]})), format!("cancelled: {long}"));
    let (refused, is_error) = client.call_as(&json!({}), "cancel_task", &json!({"ids": [long]}));
    assert!(is_error && value(&refused, "code") == "already_ended", "{refused}");
    let listed = client.call("list_tasks", &json!({}));
    assert!(listed.contains("1 completed, 1 error, 1 cancelled"), "{listed}");
}

// Once, a call that could cancel none of several tasks was said to have gone well.
#[test]
fn a_call_that_cancels_none_of_its_tasks_went_wrong_and_one_that_cancels_some_went_well() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let cancel = |client: &mut Client, ids: &[&str]| {
        client.call_as(&json!({}), "cancel_task", &json!({"ids": ids}))
    };
    let (said, is_error) = cancel(&mut client, &["bg_one", "bg_two"]);
    assert!(is_error && value(&said, "code") == "not_found", "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("not cancelled: bg_")).count(), 2);
    let id = value(&client.call("run_command", &json!({"command": "sleep 300"})), "id").to_owned();
    let (said, is_error) = cancel(&mut client, &["bg_one", &id]);
    assert!(!is_error && said.starts_with(&format!("cancelled: {id}\nnot cancelled: bg_one")));
}

#[test]
fn a_call_that_its_client_repeats_launches_nothing_anew() {
    let sandbox = sandbox();
    let arguments = json!({"command": "true"});
    for meta in [json!({"claudecode/toolUseId": "toolu_1"}), json!({"callId": "call_1"})] {
        let mut first = served(&sandbox);
        let (said, _) = first.call_as(&meta, "run_command", &arguments);
        let again = served(&sandbox).call_as(&meta, "run_command", &arguments).0;
        assert_eq!(value(&said, "id"), value(&again, "id"));
    }
    let answer = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(answer["total"], 2, "{answer}");
}

// Once, the id of a call counted over the whole store, and a command whose call had the id of another one never ran.
#[test]
fn a_call_with_the_id_of_another_is_no_repetition_of_it() {
    let sandbox = sandbox();
    let long = "x".repeat(200);
    let id = |name: &str, id: &str, thread: &str| json!({name: id, "threadId": thread});
    let (a_long, b_long) = (format!("A{long}"), format!("B{long}"));
    let calls = [
        (id("callId", "call_1", "A"), "run_command", json!({"command": "echo one"})),
        (id("callId", "call_1", "B"), "run_command", json!({"command": "echo one"})),
        (id("callId", "call_1", "A"), "run_command", json!({"command": "echo two"})),
        (id("callId", "call_1", "A"), "run_command", json!({"command": "echo one", "cwd": "/"})),
        (id("callId", "call_1", "A"), "launch_agent", json!({"prompt": "SAY one"})),
        (id("claudecode/toolUseId", "call_1", "A"), "run_command", json!({"command": "echo one"})),
        (id("callId", &a_long, "A"), "run_command", json!({"command": "echo one"})),
        (id("callId", &b_long, "A"), "run_command", json!({"command": "echo one"})),
    ];
    let launch = |(meta, tool, arguments): &(Value, &str, Value)| {
        let (said, is_error) = served(&sandbox).call_as(meta, tool, arguments);
        assert!(!is_error, "{said}");
        value(&said, "id").to_owned()
    };
    let first: Vec<String> = calls.iter().map(launch).collect();
    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), calls.len());
    // Each of them is one of itself.
    let again: Vec<String> = calls.iter().map(launch).collect();
    assert_eq!(first, again);
}

// Once, the answer to a repeated call whose task had ended did not say that nothing was run.
#[test]
fn the_answer_to_a_repeated_call_says_that_nothing_was_launched_anew() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let meta = json!({"callId": "call_0"});
    let mut launch = |arguments: Value| client.call_as(&meta, "run_command", &arguments).0;
    let first = launch(json!({"command": "echo x"}));
    assert!(!first.contains("anew"), "{first}");
    sandbox.ended(value(&first, "id"));
    let again = launch(json!({"command": "echo x"}));
    assert_eq!(value(&again, "state"), "completed; launched by this very call before");
    assert!(value(&again, "note").starts_with("nothing was launched anew"), "{again}");
    // What the note says to do for another run does so.
    let another = launch(json!({"command": "echo x", "title": "once more"}));
    assert_ne!(value(&another, "id"), value(&first, "id"));
}

// Once, a list of those that run said that nothing had ended.
#[test]
fn a_list_of_what_has_not_ended_says_nothing_of_what_has() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    for command in ["true", "exit 1"] {
        let said = client.call("run_command", &json!({"command": command}));
        sandbox.ended(value(&said, "id"));
    }
    for state in ["running", "queued", "unfinished"] {
        let meta = json!({"threadId": "other"});
        for meta in [json!({}), meta] {
            let listed = client.call_as(&meta, "list_tasks", &json!({"state": state})).0;
            assert_eq!(listed.lines().next(), Some("tasks of this session: 0 running, 0 queued"));
        }
    }
    let listed = client.call("list_tasks", &json!({"state": "error"}));
    assert!(listed.contains("1 completed, 1 error, 0 cancelled"), "{listed}");
}

#[test]
fn the_session_is_that_of_the_call_or_of_the_environment() {
    let sandbox = sandbox();
    let mut client =
        Client::start(sandbox.task_bg(["mcp"]).env("CLAUDE_CODE_SESSION_ID", "of-environment"));
    for (meta, parent) in [
        (json!({"assemblySessionId": "of-droid"}), "of-droid"),
        (json!({"threadId": "of-codex"}), "of-codex"),
        (json!({"x-codex-turn-metadata": "{\"thread_id\":\"of-turn\"}"}), "of-turn"),
        (json!({}), "of-environment"),
    ] {
        let (said, _) = client.call_as(&meta, "run_command", &json!({"command": "true"}));
        let record = sandbox.ended(value(&said, "id"));
        assert_eq!(record["parent_session_id"], parent);
        let (listed, _) = client.call_as(&meta, "list_tasks", &json!({}));
        assert!(listed.contains("1 completed"), "{listed}");
    }
}

#[test]
fn what_a_wait_told_a_session_the_hook_does_not_tell_it_again() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let meta = json!({"assemblySessionId": "the-parent"});
    let id = until(&mut client, &sandbox, &meta, "gate");
    sandbox.open_gate("gate");
    let (heard, _) = client.call_as(&meta, "wait_for_tasks", &json!({}));
    assert!(heard.contains(&id) && heard.contains("behind gate"), "{heard}");
    let event = json!({"hook_event_name": "Stop", "session_id": "the-parent"});
    let hook = sandbox.hook(event.to_string()).ok();
    assert_eq!(hook.stdout, "");
    // Neither does the next wait, and it does not say the same twice.
    let waits = [(); 2].map(|()| client.call_as(&meta, "wait_for_tasks", &json!({})).0);
    assert!(waits[0].starts_with("nothing to wait for") && waits[0] != waits[1], "{waits:?}");
}

#[test]
fn a_wait_wakes_at_once_and_tells_at_once_what_ended_before_it() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let meta = json!({"threadId": "a-thread"});
    let [early, late] = ["early", "late"].map(|gate| until(&mut client, &sandbox, &meta, gate));
    sandbox.open_gate("early");
    sandbox.ended(&early);
    let began = Instant::now();
    let (heard, _) = client.call_as(&meta, "wait_for_tasks", &json!({}));
    assert!(heard.starts_with("ended: 1 of 2"), "{heard}");
    assert!(
        heard.contains("behind early") && heard.contains(&format!("{late} running")),
        "{heard}"
    );
    // What was told is not told again: from here on it waits for the other one.
    let params = json!({"name": "wait_for_tasks", "_meta": meta});
    let wait = client.ask("tools/call", &params);
    sandbox.open_gate("late");
    let (heard, _) = text(&client.answer(&wait));
    assert!(heard.starts_with("ended: 1 of 1") && heard.contains("behind late"), "{heard}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_wait_that_runs_out_of_time_says_something_else_each_time_and_ends_no_task() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let id = until(&mut client, &sandbox, &json!({}), "gate");
    let heard =
        [(); 3].map(|()| client.call("wait_for_tasks", &json!({"ids": [id], "max_wait_s": 0})));
    assert!(heard.iter().all(|it| it.contains(&format!("{id} running"))), "{heard:?}");
    assert!(heard[0] != heard[1] && heard[1] != heard[2] && heard[0] != heard[2], "{heard:?}");
    assert_eq!(sandbox.status(&id), "running");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["status"], "completed");
}

#[test]
fn any_returns_with_the_first_that_ends() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let [first, second] = ["one", "two"].map(|gate| until(&mut client, &sandbox, &json!({}), gate));
    let arguments = json!({"ids": [first, second], "any": true});
    let params = json!({"name": "wait_for_tasks", "arguments": arguments});
    let wait = client.ask("tools/call", &params);
    sandbox.open_gate("two");
    let (heard, _) = text(&client.answer(&wait));
    assert!(heard.starts_with("ended: 1 of 2") && heard.contains("behind two"), "{heard}");
    assert!(heard.contains(&format!("{first} running")), "{heard}");
}

// Once, an id that was escaped in one message and not in the other was taken for two.
#[test]
fn a_wait_is_cancelled_by_its_id_however_that_is_written() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let id = until(&mut client, &sandbox, &json!({}), "gate");
    let wait = json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}});
    client.say(br#"{"jsonrpc":"2.0","id":"\u0061b","method":"tools/call","params":"#);
    client.say(format!("{wait}}}\n").as_bytes());
    client.tell(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "ab"}}));
    sandbox.open_gate("gate");
    sandbox.ended(&id);
    client.close();
    assert_eq!(client.hear(), None);
}

// Once, an ending was lost whose answer was on its way when the client gave up: it had been told, and nobody had heard it.
#[test]
fn what_was_answered_to_a_client_that_had_just_given_up_is_told_again() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    for meta in [json!({"threadId": "a-thread"}), json!({})] {
        let (said, _) = client.call_as(&meta, "run_command", &json!({"command": "echo found"}));
        sandbox.ended(value(&said, "id"));
        let params = json!({"name": "wait_for_tasks", "_meta": meta});
        let wait = client.ask("tools/call", &params);
        assert!(text(&client.answer(&wait)).0.contains("found"));
        client.tell(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": wait}}));
        let heard = [(); 2].map(|()| client.call_as(&meta, "wait_for_tasks", &json!({})).0);
        assert!(heard[0].starts_with("ended: 1 of 1") && heard[0].contains("found"), "{heard:?}");
        assert!(heard[1].starts_with("nothing to wait for"), "{heard:?}");
    }
}

#[test]
fn a_wait_that_is_cancelled_is_not_answered_and_ends_no_task() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let id = until(&mut client, &sandbox, &json!({}), "gate");
    let params = json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}});
    let wait = client.ask("tools/call", &params);
    client.tell(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": wait}}));
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["status"], "completed");
    // Whoever asks again is told what nobody heard.
    let heard = client.call("wait_for_tasks", &json!({"ids": [id]}));
    assert!(heard.contains("behind gate"), "{heard}");
    client.close();
    while let Some(message) = client.hear() {
        assert_ne!(message["id"], wait, "{message}");
    }
}
