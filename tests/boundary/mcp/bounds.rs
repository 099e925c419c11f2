//! How long answers are, whatever is in the store: below 10,000 characters, and what was asked for of an output.

use std::fs;

use serde_json::json;
use tests::mcp_client::{Client, value};
use tests::sandbox::Sandbox;

use super::served;
use crate::sandbox;

/// The most characters of an answer that shows no output.
const BOUND: usize = 10_000;

/// A store with so many tasks that ended, with long texts full of what has to be escaped; their ids.
fn full(sandbox: &Sandbox, count: usize) -> Vec<String> {
    let hard = "\"\\\u{1b}[31m\u{7}\u{0}ü🦀\n\t\u{202e}</x>".repeat(100_000 / 10);
    let id = sandbox.run_command(["true"]);
    let record = sandbox.ended(&id);
    let ids: Vec<String> = (0..count).map(|number| format!("bg_18c0{number:013x}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let mut record = record.clone();
        record["id"] = json!(id);
        record["description"] = json!(hard[..2_000.min(hard.len())].to_owned());
        // Most are short: a megabyte each would cost this test more than it shows.
        let long = number < 3;
        record["result"] = json!(if long { hard.repeat(5) } else { "x\n\"".repeat(500) });
        record["prompt"] = json!("x");
        record["status"] = json!(["completed", "cancelled"][number % 2]);
        let file = sandbox.store().join(format!("{id}.json"));
        fs::write(file, record.to_string()).expect("a record");
    }
    ids
}

/// What a tool says, which has to be no longer than this.
fn said(client: &mut Client, tool: &str, arguments: &serde_json::Value, most: usize) -> String {
    let (text, is_error) = client.call_as(&json!({}), tool, arguments);
    assert!(!is_error, "{tool}: {text}");
    let length = text.chars().count();
    assert!(length <= most, "{tool} says {length} characters");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{0}', '\u{202e}']), "{tool}: {text:?}");
    text
}

#[test]
fn no_answer_is_longer_than_its_bound_whatever_is_in_the_store() {
    let sandbox = sandbox();
    let ids = full(&sandbox, 1_000);
    let mut client = served(&sandbox);
    for limit in [1, 20, 1_000_000] {
        let listed = said(&mut client, "list_tasks", &json!({"limit": limit}), BOUND);
        assert!(listed.contains("older ones are not shown"), "{listed}");
    }
    for count in [1, 2, 5, 6, 20, 200] {
        let waited = said(&mut client, "wait_for_tasks", &json!({"ids": ids[..count]}), BOUND);
        assert!(waited.starts_with(&format!("ended: {count} of {count}")), "{waited}");
    }
    for most in [100, 8_000, 30_000, 1_000_000] {
        for mode in ["result", "tail", "head", "raw"] {
            let arguments = json!({"id": ids[0], "mode": mode, "max_chars": most});
            said(&mut client, "task_output", &arguments, most.min(30_000) + 800);
        }
    }
    // Page by page it is all there.
    let (mut offset, mut pages) = ("0".to_owned(), 0);
    loop {
        let arguments =
            json!({"id": ids[0], "mode": "result", "offset": offset, "max_chars": 30_000});
        let page = said(&mut client, "task_output", &arguments, 30_000);
        pages += 1;
        match page.lines().find_map(|line| line.rsplit_once("next_offset: ")) {
            Some((_, next)) => offset = next.to_owned(),
            None => break,
        }
    }
    assert!(pages > 10, "{pages} pages");
    let refused = client.call_as(&json!({}), "cancel_task", &json!({"ids": ids[..30]})).0;
    assert!(refused.chars().count() <= BOUND, "{} characters", refused.chars().count());
    let unknown =
        client.call_as(&json!({}), "cancel_task", &json!({"ids": ["x".repeat(100_000)]})).0;
    assert!(value(&unknown, "code") == "not_found" && unknown.chars().count() < 2_000, "{unknown}");
}
