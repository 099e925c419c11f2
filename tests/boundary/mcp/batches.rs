//! Batches: several messages as one, which one version of the protocol has and the others do not.

use serde_json::{Value, json};
use tests::mcp_client::{Client, value};

use super::served;
use crate::sandbox;

fn open(client: &mut Client, version: &str) {
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
    assert_eq!(client.request("initialize", &params)["result"]["protocolVersion"], version);
}

fn request(id: &Value, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// The answer to a request among those of a batch.
fn of<'a>(batch: &'a Value, id: &Value) -> &'a Value {
    let answers = batch.as_array().unwrap_or_else(|| panic!("no batch: {batch}"));
    answers.iter().find(|answer| answer["id"] == *id).unwrap_or_else(|| panic!("no {id}: {batch}"))
}

// They were refused in every version, also in the one that demands that a server takes them.
#[test]
fn a_batch_is_answered_by_one_batch_in_the_version_that_has_them_and_refused_in_the_others() {
    let sandbox = sandbox();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = served(&sandbox);
        let ping = json!([request(&json!(1), "ping", &json!({}))]);
        client.tell(&ping);
        assert_eq!(client.hear().expect("an answer")["error"]["code"], -32600);
        open(&mut client, version);
        client.tell(&ping);
        let heard = client.hear().expect("an answer");
        if version == "2025-03-26" {
            assert_eq!(heard, json!([{"jsonrpc": "2.0", "id": 1, "result": {}}]));
        } else {
            assert_eq!((&heard["error"]["code"], &heard["id"]), (&json!(-32600), &Value::Null));
        }
    }
}

#[test]
fn each_message_of_a_batch_has_the_answer_that_it_would_have_alone() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    open(&mut client, "2025-03-26");
    let call = |tool: &str, arguments: Value| json!({"name": tool, "arguments": arguments});
    let command = call("run_command", json!({"command": "echo in a batch"}));
    let modern = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    client.tell(&json!([
        request(&json!("first"), "ping", &json!({})),
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        request(&json!(2), "tools/call", &command),
        request(&json!(3), "tools/call", &call("no_such_tool", json!({}))),
        7,
        request(&json!(4), "initialize", &json!({"protocolVersion": "2025-11-25"})),
        request(&json!(5), "ping", &modern),
        {"jsonrpc": "2.0", "id": 6, "result": {}},
    ]));
    let heard = client.hear().expect("an answer");
    assert_eq!(heard.as_array().map(Vec::len), Some(6), "{heard}");
    assert_eq!(of(&heard, &json!("first"))["result"], json!({}));
    assert_eq!(of(&heard, &json!(3))["error"]["code"], -32602);
    for id in [Value::Null, json!(4), json!(5)] {
        assert_eq!(of(&heard, &id)["error"]["code"], -32600, "{heard}");
    }
    let (said, _) = tests::mcp_client::text(of(&heard, &json!(2)));
    sandbox.ended(value(&said, "id"));
    // What needs no answer gets none, and an empty batch is an error.
    client.tell(&json!([{"jsonrpc": "2.0", "method": "notifications/whatever"}]));
    client.say(b"[]\n");
    assert_eq!(client.hear().expect("an answer")["error"]["code"], -32600);
    client.say(b"[{\"jsonrpc\": \"2.0\", \"id\": 1,\n");
    assert_eq!(client.hear().expect("an answer")["error"]["code"], -32700);
}

#[test]
fn a_call_of_a_batch_that_is_withdrawn_is_left_out_and_the_others_are_answered() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    open(&mut client, "2025-03-26");
    let command = format!("{}; echo behind it", sandbox.until("gate"));
    let said = client.call("run_command", &json!({"command": command}));
    let id = value(&said, "id").to_owned();
    let wait = json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}});
    client.tell(&json!([
        request(&json!("withdrawn"), "tools/call", &wait),
        request(&json!("kept"), "tools/call", &wait),
    ]));
    client.tell(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "withdrawn"}}));
    sandbox.open_gate("gate");
    let heard = client.hear().expect("an answer");
    assert_eq!(heard.as_array().map(Vec::len), Some(1), "{heard}");
    let (said, _) = tests::mcp_client::text(of(&heard, &json!("kept")));
    assert!(said.contains("behind it"), "{said}");
    // Of a batch that is withdrawn whole nothing is said.
    let said = client.call("run_command", &json!({"command": "sleep 300"}));
    let wait = json!({"name": "wait_for_tasks", "arguments": {"ids": [value(&said, "id")]}});
    client.tell(&json!([request(&json!("alone"), "tools/call", &wait)]));
    client.tell(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "alone"}}));
    client.close();
    assert_eq!(client.hear(), None);
}

#[test]
fn at_the_end_of_the_input_a_batch_is_answered_with_what_there_is() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    open(&mut client, "2025-03-26");
    let said = client.call("run_command", &json!({"command": "sleep 300"}));
    let id = value(&said, "id").to_owned();
    let wait = json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}});
    let batch: Vec<Value> =
        (0..5).map(|number| request(&json!(number), "tools/call", &wait)).collect();
    client.tell(&json!(batch));
    client.close();
    let heard = client.hear().expect("an answer");
    assert_eq!(heard.as_array().map(Vec::len), Some(5), "{heard}");
    assert!(client.ended().success());
    assert_eq!(sandbox.status(&id), "running");
}
