//! Waits as tasks of the protocol: what the client asks for until they are over.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use serde_json::{Value, json};
use tests::mcp_client::{Client, text, value};
use tests::process::{descriptors, wait_until};
use tests::sandbox::Sandbox;

use super::served;
use crate::sandbox;

/// A command that runs until a gate is opened; its id.
fn until(client: &mut Client, sandbox: &Sandbox, gate: &str) -> String {
    let command = format!("{}; echo behind {gate}", sandbox.until(gate));
    value(&client.call("run_command", &json!({"command": command})), "id").to_owned()
}

/// The `_meta` of a request whose client takes tasks of the protocol.
fn taking_tasks() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
    })
}

#[test]
fn a_wait_becomes_a_task_of_the_protocol_that_any_later_server_answers_for() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let id = until(&mut client, &sandbox, "gate");
    let params =
        json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}, "_meta": taking_tasks()});
    let answer = client.request("tools/call", &params);
    let task = &answer["result"];
    assert_eq!(
        (&task["resultType"], &task["status"]),
        (&json!("task"), &json!("working")),
        "{answer}"
    );
    let wait = task["taskId"].clone();
    let get = json!({"taskId": wait, "_meta": taking_tasks()});
    assert_eq!(client.request("tasks/get", &get)["result"]["status"], "working");
    // The server that answered is killed; another one answers for the wait.
    drop(client);
    sandbox.open_gate("gate");
    sandbox.ended(&id);
    let mut client = served(&sandbox);
    let answer = client.request("tasks/get", &get);
    let task = &answer["result"];
    assert_eq!(
        (&task["resultType"], &task["status"]),
        (&json!("complete"), &json!("completed")),
        "{answer}"
    );
    assert_eq!(task["result"]["isError"], false);
    // Once, the official client refused it, as the result within did not say what it is.
    assert_eq!(task["result"]["resultType"], "complete");
    let text = task["result"]["content"][0]["text"].as_str().expect("a text");
    assert!(text.contains(&id) && text.contains("behind gate"), "{text}");
    let unknown =
        client.request("tasks/get", &json!({"taskId": "no such", "_meta": taking_tasks()}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
}

#[test]
fn cancelling_a_wait_that_became_a_task_ends_the_wait_and_nothing_else() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let id = until(&mut client, &sandbox, "gate");
    let params =
        json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}, "_meta": taking_tasks()});
    let wait = client.request("tools/call", &params)["result"]["taskId"].clone();
    let about = json!({"taskId": wait, "_meta": taking_tasks()});
    assert!(client.request("tasks/cancel", &about)["result"].is_object());
    assert_eq!(client.request("tasks/get", &about)["result"]["status"], "cancelled");
    assert_eq!(sandbox.status(&id), "running");
    // Where the request does not take tasks, it blocks as ever.
    sandbox.open_gate("gate");
    let heard = client.call("wait_for_tasks", &json!({"ids": [id]}));
    assert!(heard.contains("behind gate"), "{heard}");
}

/// The answer to a wait of a client that takes tasks.
fn wait(client: &mut Client, arguments: &Value) -> Value {
    let params = json!({"name": "wait_for_tasks", "arguments": arguments, "_meta": taking_tasks()});
    client.request("tools/call", &params)
}

// Once, whoever asked for a look, or for a few seconds, got a task without an end.
#[test]
fn the_time_that_a_wait_was_given_counts_where_it_becomes_a_task() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let id = until(&mut client, &sandbox, "gate");
    for look in [0.0, 0.5] {
        let answer = wait(&mut client, &json!({"ids": [id], "max_wait_s": look}));
        assert!(text(&answer).0.contains("time is over"), "{answer}");
    }
    let answer = wait(&mut client, &json!({"ids": [id], "max_wait_s": 1.5}));
    assert_eq!(answer["result"]["status"], "working", "{answer}");
    let get = json!({"taskId": answer["result"]["taskId"], "_meta": taking_tasks()});
    // A later server keeps it as well.
    let mut later = served(&sandbox);
    let over = tests::process::wait_for("the end of the wait", || {
        let task = later.request("tasks/get", &get)["result"].clone();
        (task["status"] == "completed").then_some(task)
    });
    let said = over["result"]["content"][0]["text"].as_str().expect("a text");
    assert!(said.contains("time is over") && said.contains(&format!("{id} running")), "{said}");
    assert_eq!(sandbox.status(&id), "running");
    sandbox.open_gate("gate");
}

// Once, a wait for tasks that there never were was said to be completed.
#[test]
fn a_wait_that_nobody_began_is_no_task() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let id = until(&mut client, &sandbox, "gate");
    let task = wait(&mut client, &json!({"ids": [id]}))["result"]["taskId"].clone();
    let task = task.as_str().expect("an id");
    let moment = format!("wait.all.7fffffffffffffff.{id}");
    for wrong in [&task[..task.len() - 1], &moment] {
        let get = json!({"taskId": wrong, "_meta": taking_tasks()});
        let answer = client.request("tasks/get", &get);
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    sandbox.open_gate("gate");
}

// Once, it said that there was no such task, where `wait` went on in the store that had been moved.
#[test]
fn a_wait_goes_on_where_its_store_was_moved_to_and_says_where_that_is() {
    for becomes_task in [false, true] {
        for is_another_there in [false, true] {
            let sandbox = sandbox();
            let mut client = served(&sandbox);
            let id = until(&mut client, &sandbox, "gate");
            let mut params = json!({"name": "wait_for_tasks", "arguments": {"ids": [id]}});
            if becomes_task {
                params["_meta"] = taking_tasks();
            }
            let request = client.ask("tools/call", &params);
            let store = fs::metadata(sandbox.store()).expect("a store").ino();
            let server = client.pid();
            let is_held = |number: &u32| {
                let held = fs::metadata(format!("/proc/{server}/fd/{number}"));
                held.is_ok_and(|held| held.ino() == store)
            };
            let mut answer = None;
            if becomes_task {
                answer = Some(client.answer(&request));
            } else {
                wait_until("that it waits", || descriptors(server).iter().any(is_held));
            }
            let away = sandbox.path("away");
            fs::rename(sandbox.store(), &away).expect("renamed");
            if is_another_there {
                sandbox.task_bg(["run", "-q", "--", "true"]).ok().done();
            }
            sandbox.open_gate("gate");
            let said = match answer {
                None => text(&client.answer(&request)).0.clone(),
                Some(working) => {
                    let wait = &working["result"]["taskId"];
                    let get = json!({"taskId": wait, "_meta": taking_tasks()});
                    let over = tests::process::wait_for("the end of the wait", || {
                        let task = client.request("tasks/get", &get)["result"].clone();
                        (task["status"] == "completed").then_some(task)
                    });
                    over["result"]["content"][0]["text"].as_str().expect("a text").to_owned()
                }
            };
            let moved = format!("was moved meanwhile: it is `{}`", away.display());
            let is_told = said.contains("behind gate") && said.contains(&moved);
            assert!(is_told, "{becomes_task} {is_another_there}: {said}");
        }
    }
}
