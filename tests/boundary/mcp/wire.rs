//! The wire: both eras of the protocol, what stands in the list of tools, and every rough edge a client may have.

use serde_json::{Value, json};

use super::served;
use crate::sandbox;

const MODERN: &str = "2026-07-28";

/// The `_meta` of a request that says its version.
fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "a test", "version": "1"},
    })
}

#[test]
fn both_eras_of_the_protocol_are_spoken_by_one_server() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    for (asked, spoken) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let params = json!({"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
        let answer = client.request("initialize", &params);
        assert_eq!(answer["result"]["protocolVersion"], spoken, "{answer}");
        assert_eq!(answer["result"]["capabilities"], json!({"tools": {}}), "{answer}");
    }
    client.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let legacy = client.request("tools/list", &json!({}));
    assert!(legacy["result"].get("resultType").is_none(), "{legacy}");
    let found = client.request("server/discover", &json!({"_meta": meta(MODERN)}));
    let result = &found["result"];
    assert_eq!(result["supportedVersions"], json!([MODERN]), "{found}");
    assert!(result["capabilities"]["extensions"].get("io.modelcontextprotocol/tasks").is_some());
    assert!(result["ttlMs"].is_u64() && result["cacheScope"] == "public", "{found}");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "task-bg");
    let modern = client.request("tools/list", &json!({"_meta": meta(MODERN)}));
    assert_eq!(modern["result"]["resultType"], "complete");
    assert!(modern["result"]["ttlMs"].is_u64() && modern["result"]["cacheScope"] == "public");
    assert_eq!(modern["result"]["tools"], legacy["result"]["tools"]);
    let refused = client.request("tools/list", &json!({"_meta": meta("2099-01-01")}));
    assert_eq!(refused["error"]["code"], -32022, "{refused}");
    assert_eq!(refused["error"]["data"], json!({"supported": [MODERN], "requested": "2099-01-01"}));
    let called =
        client.request("tools/call", &json!({"name": "list_tasks", "_meta": meta(MODERN)}));
    assert_eq!(called["result"]["resultType"], "complete", "{called}");
}

#[test]
fn the_six_tools_are_short_flat_and_honest() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let listed = client.request("tools/list", &Value::Null);
    let tools = listed["result"]["tools"].as_array().expect("a list");
    let names: Vec<&str> =
        tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    let expected = [
        "launch_agent",
        "run_command",
        "wait_for_tasks",
        "task_output",
        "list_tasks",
        "cancel_task",
    ];
    assert_eq!(names, expected);
    let mut length = 0;
    for tool in tools {
        length += tool["description"].as_str().expect("a description").chars().count();
        let properties = tool["inputSchema"]["properties"].as_object().expect("an object");
        for (name, property) in properties {
            assert!(property["type"].is_string(), "{name}: {property}");
            let keys = property.as_object().expect("an object").keys();
            let flat = ["type", "description", "enum", "items"];
            assert!(keys.clone().all(|key| flat.contains(&key.as_str())), "{name}: {property}");
            length += property["description"].as_str().expect("a description").chars().count();
        }
        let hints = tool["annotations"].as_object().expect("annotations");
        let hint = |name: &str| hints[name].as_bool().expect("all four are said");
        let said = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"].map(hint);
        let honest = match tool["name"].as_str() {
            Some("launch_agent" | "run_command") => [false, true, false, true],
            Some("cancel_task") => [false, true, true, false],
            _ => [true, false, true, false],
        };
        assert_eq!(said, honest, "{tool}");
        assert!(tool.get("outputSchema").is_none(), "{tool}");
    }
    assert!(length < 2_500, "{length} characters of descriptions, those of the arguments included");
    let asked = client.request("initialize", &json!({"protocolVersion": "2025-11-25"}));
    let instructions = asked["result"]["instructions"].as_str().expect("instructions");
    assert!(instructions.len() < 1_024, "{} bytes of instructions", instructions.len());
}

/// What a line is answered with.
enum Expected {
    /// Nothing.
    Silence,
    /// An error of the protocol with this code, to this id.
    Fault(i64, Value),
    /// A result, to this id, whose text has this in it.
    Text(&'static str, Value),
    /// A result to this id.
    Result(Value),
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table, with a row for each rough edge")]
fn every_rough_edge_of_a_client_has_its_answer_and_the_server_goes_on() {
    use Expected::{Fault, Result, Silence, Text};
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let call = |id: &str, tool: &str, arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        )
        .into_bytes()
    };
    let list = |id: &str| call(id, "list_tasks", "{}");
    let huge = "123456789012345678901234567890";
    let long =
        [br#"{"jsonrpc":"2.0","id":1,"method":"ping","x":""#, &vec![b'x'; 17 << 20][..], b"\"}"];
    let nested = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{}1{}}}"#,
        "[".repeat(9_000),
        "]".repeat(9_000)
    );
    let table: Vec<(&str, Vec<u8>, Expected)> = vec![
        ("a call before initialize", list("1"), Text("(none)", json!(1))),
        ("an id of 0", list("0"), Text("(none)", json!(0))),
        ("an id that is a text", list("\"a\\u00e9\""), Text("(none)", json!("aé"))),
        ("a negative id", list("-7"), Text("(none)", json!(-7))),
        ("a carriage return", [&list("2")[..], b"\r"].concat(), Text("(none)", json!(2))),
        ("a blank line", b"  ".to_vec(), Silence),
        (
            "a byte order mark",
            [&b"\xef\xbb\xbf"[..], &list("3")].concat(),
            Text("(none)", json!(3)),
        ),
        (
            "null for params",
            br#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":null}"#.to_vec(),
            Result(json!(3)),
        ),
        ("null for arguments", call("4", "list_tasks", "null"), Text("(none)", json!(4))),
        (
            "an array for params",
            br#"{"jsonrpc":"2.0","id":5,"method":"tools/list","params":[]}"#.to_vec(),
            Fault(-32602, json!(5)),
        ),
        (
            "an array for arguments",
            call("6", "list_tasks", "[]"),
            Text("have to be an object", json!(6)),
        ),
        (
            "a batch",
            br#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#.to_vec(),
            Fault(-32600, Value::Null),
        ),
        ("an empty batch", b"[]".to_vec(), Fault(-32600, Value::Null)),
        ("broken JSON", br#"{"jsonrpc":"2.0","id":8,"#.to_vec(), Fault(-32700, Value::Null)),
        (
            "invalid UTF-8",
            b"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"\xff\xfe\"}".to_vec(),
            Fault(-32700, Value::Null),
        ),
        ("a bare word", b"1".to_vec(), Fault(-32600, Value::Null)),
        (
            "null for an id",
            br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_vec(),
            Fault(-32600, Value::Null),
        ),
        (
            "an object for an id",
            br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#.to_vec(),
            Fault(-32600, Value::Null),
        ),
        (
            "no version of JSON-RPC",
            br#"{"id":10,"method":"ping"}"#.to_vec(),
            Fault(-32600, json!(10)),
        ),
        ("no method", br#"{"jsonrpc":"2.0","id":11}"#.to_vec(), Fault(-32600, json!(11))),
        (
            "an unknown method",
            br#"{"jsonrpc":"2.0","id":12,"method":"resources/list"}"#.to_vec(),
            Fault(-32601, json!(12)),
        ),
        (
            "an unknown notification",
            br#"{"jsonrpc":"2.0","method":"notifications/whatever"}"#.to_vec(),
            Silence,
        ),
        ("an answer to nothing", br#"{"jsonrpc":"2.0","id":13,"result":{}}"#.to_vec(), Silence),
        (
            "cancelled for an unknown id",
            br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#
                .to_vec(),
            Silence,
        ),
        (
            "cancelled without an id",
            br#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#.to_vec(),
            Silence,
        ),
        ("an unknown tool", call("14", "run_comand", "{}"), Fault(-32602, json!(14))),
        (
            "no tool",
            br#"{"jsonrpc":"2.0","id":15,"method":"tools/call","params":{}}"#.to_vec(),
            Fault(-32602, json!(15)),
        ),
        (
            "an unknown argument",
            call("16", "run_command", r#"{"comand":"x"}"#),
            Text("did you mean `command`?", json!(16)),
        ),
        ("a missing argument", call("17", "run_command", "{}"), Text("needs `command`", json!(17))),
        (
            "null for a missing argument",
            call("18", "run_command", r#"{"command":null}"#),
            Text("needs `command`", json!(18)),
        ),
        (
            "a number as text",
            call("19", "list_tasks", r#"{"limit":"5","all_sessions":"true","state":null}"#),
            Text("(none)", json!(19)),
        ),
        (
            "a word that is no number",
            call("20", "list_tasks", r#"{"limit":"many"}"#),
            Text("a whole number", json!(20)),
        ),
        (
            "a list for a number",
            call("25", "wait_for_tasks", r#"{"max_wait_s":[5]}"#),
            Text("a number of seconds from 0", json!(25)),
        ),
        (
            "more time than a clock can count",
            call("28", "run_command", r#"{"command":"true","max_time_s":1e300}"#),
            Text("id: bg_", json!(28)),
        ),
        (
            "a folder in no repository for a worktree",
            call("26", "launch_agent", r#"{"prompt":"x","worktree":true,"cwd":"/"}"#),
            Text("with `cwd`, or leave out `worktree`", json!(26)),
        ),
        (
            "a word that is not in the list",
            call("21", "list_tasks", r#"{"state":"done"}"#),
            Text("use one of", json!(21)),
        ),
        (
            "one text for a list",
            call("22", "cancel_task", r#"{"ids":"bg_nobody"}"#),
            Text("code: not_found", json!(22)),
        ),
        (
            "an unknown member",
            br#"{"jsonrpc":"2.0","id":23,"method":"ping","extra":1}"#.to_vec(),
            Result(json!(23)),
        ),
        ("a line of 17 MiB", long.concat(), Fault(-32600, Value::Null)),
        ("brackets, 9,000 deep", nested.into_bytes(), Fault(-32700, Value::Null)),
        (
            "a lone surrogate",
            call("24", "list_tasks", r#"{"state":"\ud800"}"#),
            Text("`state` cannot be `\u{fffd}`", json!(24)),
        ),
        (
            "a lone surrogate in what nobody reads",
            br#"{"jsonrpc":"2.0","id":27,"method":"ping","params":{"_meta":{"x\udc00":["\ud83d"]}}}"#
                .to_vec(),
            Result(json!(27)),
        ),
    ];
    for (what, line, expected) in table {
        client.say(&[&line[..], b"\n"].concat());
        // A ping behind it: whatever comes before its answer was said about the line.
        let ping = client.ask("ping", &json!({}));
        let heard = match &expected {
            Text(_, id) | Result(id) => client.answer(id),
            Silence | Fault(..) => client.hear().expect("an answer"),
        };
        match expected {
            Silence => {
                assert_eq!(heard["id"], ping, "{what}: {heard}");
                continue;
            }
            Fault(code, id) => {
                assert_eq!(
                    (&heard["error"]["code"], &heard["id"]),
                    (&json!(code), &id),
                    "{what}: {heard}"
                );
            }
            Text(part, _) => {
                let (text, _) = tests::mcp_client::text(&heard);
                assert!(text.contains(part), "{what}: {heard}");
            }
            Result(_) => assert!(heard["result"].is_object(), "{what}: {heard}"),
        }
        client.answer(&ping);
    }
    // An id goes back as it came, also one that no number of ours can hold.
    client.say(format!("{{\"jsonrpc\":\"2.0\",\"id\":{huge},\"method\":\"ping\"}}\n").as_bytes());
    let heard = client.hear().expect("an answer");
    assert_eq!(heard["id"], serde_json::from_str::<Value>(huge).expect("a number"), "{heard}");
    // The last line needs no line feed.
    client.say(br#"{"jsonrpc":"2.0","id":"last","method":"ping"}"#);
    client.close();
    assert_eq!(client.answer(&json!("last"))["result"], json!({}));
    assert!(client.ended().success());
}

#[test]
fn an_unknown_tool_is_answered_with_the_near_one() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let answer = client.request("tools/call", &json!({"name": "run_comand", "arguments": {}}));
    let words = answer["error"]["message"].as_str().expect("words");
    assert!(words.contains("did you mean `run_command`?"), "{answer}");
}

#[test]
fn two_hundred_calls_at_once_are_all_answered() {
    let sandbox = sandbox();
    let mut client = served(&sandbox);
    let waits = sandbox.run_command(["sleep", "300"]);
    let ids: Vec<Value> = (0..200)
        .map(|number| match number % 4 {
            0 => client.ask(
                "tools/call",
                &json!({"name": "run_command", "arguments": {"command": "true"}}),
            ),
            1 => client.ask(
                "tools/call",
                &json!({"name": "wait_for_tasks", "arguments": {"ids": [waits], "max_wait_s": 1}}),
            ),
            2 => client
                .ask("tools/call", &json!({"name": "task_output", "arguments": {"id": waits}})),
            _ => client.ask("tools/call", &json!({"name": "list_tasks", "arguments": {}})),
        })
        .collect();
    let (mut launched, mut refused) = (0, Vec::new());
    for id in ids {
        let (text, is_error) = tests::mcp_client::text(&client.answer(&id));
        launched += usize::from(text.starts_with("id: bg_") && text.contains("\nnext: "));
        refused.extend(is_error.then_some(text));
    }
    assert_eq!((launched, refused), (50, Vec::new()));
}
