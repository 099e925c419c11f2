//! What it costs a model to collect results when it knows nothing but the list of tools.

use serde_json::{Map, Value, json};
use tests::mcp_client::{Client, text, value};
use tests::sandbox::Sandbox;

use super::served;
use crate::sandbox;

/// How many characters count as a token.
const TOKEN: usize = 4;

/// A client that calls what the list of tools describes, and counts what passes.
struct Model {
    client: Client,
    tools: Value,
    /// The `_meta` that its program adds to each call.
    meta: Value,
    calls: usize,
    /// What it said and heard beside the list, in characters.
    characters: usize,
}

impl Model {
    fn new(sandbox: &Sandbox, meta: Value) -> Self {
        let mut client = served(sandbox);
        let tools = client.request("tools/list", &json!({}))["result"]["tools"].clone();
        Self { client, tools, meta, calls: 0, characters: 0 }
    }

    /// The tool whose description has all of these words.
    fn tool(&self, words: &[&str]) -> &Value {
        let tools = self.tools.as_array().expect("a list").iter();
        let is_meant = |tool: &&Value| {
            let description = tool["description"].as_str().expect("a description");
            words.iter().all(|word| description.contains(word))
        };
        let mut found = tools.filter(is_meant);
        let tool = found.next().unwrap_or_else(|| panic!("no tool says {words:?}"));
        assert!(found.next().is_none(), "several tools say {words:?}");
        tool
    }

    /// Calls a tool with what it needs, and nothing else.
    fn call(&mut self, words: &[&str], needed: &str) -> String {
        let tool = self.tool(words);
        let names = tool["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
        let arguments: Map<String, Value> = names
            .iter()
            .map(|name| (name.as_str().expect("a name").to_owned(), json!(needed)))
            .collect();
        let name = tool["name"].clone();
        let written = json!(arguments).to_string().chars().count();
        let params = json!({"name": name, "arguments": arguments, "_meta": self.meta});
        let (heard, is_error) = text(&self.client.request("tools/call", &params));
        assert!(!is_error, "{name}: {heard}");
        self.calls += 1;
        self.characters += name.as_str().expect("a name").len() + written + heard.chars().count();
        heard
    }
}

/// Launches five commands that find something, each behind a gate, and waits until every result is there. The gates
/// that are named open before it waits, the others while it does.
fn collect(sandbox: &Sandbox, meta: Value, before: &[usize]) -> (usize, usize) {
    let mut model = Model::new(sandbox, meta);
    let found = "found something ".repeat(60);
    let mut asked = 0;
    let mut missing = Vec::new();
    for number in 0..5 {
        let gate = format!("gate-{number}");
        let command = format!("{}; echo {number} {found}", sandbox.until(&gate));
        asked += command.chars().count();
        let said = model.call(&["Run a shell command in the background"], &command);
        missing.push((value(&said, "id").to_owned(), format!("{number} {}", found.trim_end())));
    }
    for number in before {
        sandbox.open_gate(&format!("gate-{number}"));
        sandbox.ended(&missing[*number].0);
    }
    let mut results = 0;
    while !missing.is_empty() {
        let heard = std::thread::scope(|scope| {
            let opening = scope.spawn(|| {
                for number in (0..5).filter(|number| !before.contains(number)) {
                    sandbox.open_gate(&format!("gate-{number}"));
                }
            });
            let heard = model.call(&["Wait until", "when you need their results"], "");
            opening.join().expect("opened");
            heard
        });
        let there = missing.len();
        missing.retain(|(_, result)| !heard.contains(result.as_str()));
        assert!(missing.len() < there, "nothing came: {heard}");
        results += (there - missing.len()) * (found.len() + 2);
    }
    (model.calls, model.characters - results - asked)
}

#[test]
fn a_model_that_knows_the_list_of_tools_collects_five_results_with_seven_calls_and_a_thousand_tokens()
 {
    for meta in
        [json!({"assemblySessionId": "a-parent"}), json!({"threadId": "a-thread"}), json!({})]
    {
        for before in [&[][..], &[2], &[4, 0], &[0, 1, 2, 3], &[0, 1, 2, 3, 4]] {
            let sandbox = sandbox();
            let (calls, beside) = collect(&sandbox, meta.clone(), before);
            println!("{meta} {before:?}: {calls} calls, {beside} characters");
            assert!(calls <= 7, "{meta} {before:?}: {calls} calls");
            assert!(beside <= 1_000 * TOKEN, "{meta} {before:?}: {beside} characters");
        }
    }
}
