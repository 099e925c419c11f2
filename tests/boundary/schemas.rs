//! The schemas of answers below docs/schemas, held against real answers: what is there is named, and what is named as
//! always there is there.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::machines::{Machines, Trouble};
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

fn schema(name: &str) -> Value {
    let file = format!("../docs/schemas/{name}.json");
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).expect("a schema is JSON")
}

/// What of a value is not as a schema says. It knows the words that our schemas use, and no others.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let meant = &root["$defs"][name.trim_start_matches("#/$defs/")];
        assert!(meant.is_object(), "{name} is defined nowhere");
        return wrong(root, meant, value, at);
    }
    for either in ["anyOf", "oneOf"] {
        let Some(all) = schema[either].as_array() else { continue };
        let found: Vec<_> = all.iter().map(|one| wrong(root, one, value, at)).collect();
        let is_right = found.iter().any(Vec::is_empty);
        return if is_right { Vec::new() } else { found.concat() };
    }
    if let Some(words) = schema["enum"].as_array() {
        let is_one = words.contains(value);
        return if is_one {
            Vec::new()
        } else {
            vec![format!("{at}: {value} is none of {words:?}")]
        };
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return vec![format!("{at}: {value} is not {}", schema["const"])];
    }
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{at}: no kind is called {other}"),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return vec![format!("{at}: {value} is no {kinds:?}")];
    }
    match value {
        Value::Array(entries) => {
            let of =
                |(index, entry)| wrong(root, &schema["items"], entry, &format!("{at}[{index}]"));
            entries.iter().enumerate().flat_map(of).collect()
        }
        Value::Object(_) => wrong_members(root, schema, value, at),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn wrong_members(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    else {
        return Vec::new();
    };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.filter(|name| !members.contains_key(*name));
    let mut found: Vec<String> = missing.map(|name| format!("{at}: no {name}")).collect();
    for (name, member) in members {
        let at = format!("{at}.{name}");
        let counts = schema.get("patternProperties").is_some() && name.ends_with("Omitted");
        match properties.get(name) {
            Some(property) => found.extend(wrong(root, property, member, &at)),
            None if counts || schema["additionalProperties"] == true => {}
            None => found.push(format!("{at} is not in the schema")),
        }
    }
    found
}

/// What of an answer is not as its schema says.
fn misfits(name: &str, answer: &Value) -> Vec<String> {
    let schema = schema(name);
    let found = wrong(&schema, &schema, answer, name);
    if found.is_empty() { found } else { vec![format!("{}\n{answer:#}", found.join("\n"))] }
}

/// The answers to command lines are as their schemas say.
fn assert_fit(sandbox: &Sandbox, lines: &[(&str, &[&str])]) {
    let found: Vec<String> =
        lines.iter().flat_map(|(name, words)| misfits(name, &answer(sandbox, words))).collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// A sandbox with tasks in every state, and the ids of one that works, one that waits and one that failed.
fn full() -> (Sandbox, [String; 3]) {
    let sandbox = sandbox();
    let runs = sandbox.run_script(&["--name", "works"], &sandbox.until("gate"));
    let waits = sandbox.run_script(&["--hold"], "true");
    let failed = sandbox.run_script(&[], "echo out; exit 3");
    sandbox.ended(&failed);
    sandbox.ended(&sandbox.launch("TOOL Read\nSAY found"));
    (sandbox, [runs, waits, failed])
}

/// The answer to a command line, whatever it exits with.
fn answer(sandbox: &Sandbox, words: &[&str]) -> Value {
    let ran = sandbox.task_bg(words).run();
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {ran}"))
}

#[test]
fn the_answers_over_tasks_are_as_their_schemas_say() {
    let (sandbox, [runs, waits, failed]) = full();
    let launched = answer(&sandbox, &["run", "Named", "--name", "n", "--key", "k", "--", "true"]);
    sandbox.ended(&task_id(&launched));
    let batch = "{\"description\": \"a\", \"command\": [\"true\"]}\n{\"descr\": 1}\n";
    let batched = sandbox.task_bg(["batch", "-", "--wait"]).stdin(batch).run();
    let mut found = misfits("batch", &serde_json::from_str(&batched.stdout).expect("JSON"));
    let batched = sandbox.task_bg(["batch", "-"]).stdin(batch).run();
    found.extend(misfits("batch", &serde_json::from_str(&batched.stdout).expect("JSON")));
    found.extend(misfits("launch", &launched));
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    // Where there is nothing yet.
    assert_fit(
        &crate::sandbox(),
        &[("wait", &["wait"]), ("list", &["list"]), ("queue", &["queue"])],
    );
    let held = sandbox.run_script(&["--hold"], "true");
    let lines: &[(&str, &[&str])] = &[
        ("launch", &["run", "Named", "--key", "k", "--", "true"]),
        ("launch", &["launch", "Ask", "SAY hello", "explorer", "a-session"]),
        ("wait", &["launch", "Ask", "SAY hello", "--wait"]),
        ("retry", &["retry", &failed, "bg_nobody"]),
        ("list", &["list"]),
        ("list", &["list", "--status", "running,queued"]),
        ("list", &["list", "--limit", "1"]),
        ("list", &["list", "--full"]),
        ("status", &["status", &runs]),
        ("status", &["status", &waits]),
        ("status", &["status", &failed, "--full"]),
        ("statuses", &["status", &runs, &failed, "bg_nobody"]),
        ("statuses", &["status", &waits, &failed, "--full"]),
        ("output", &["output", &failed]),
        ("output", &["output", &waits]),
        ("output", &["output", &failed, "--tail", "1"]),
        ("outputs", &["output", &failed, &runs, "bg_nobody"]),
        ("wait", &["wait", &failed]),
        ("wait", &["wait", "--timeout", "0.1s"]),
        ("failure", &["wait", "--parent", "nobody"]),
        ("report", &["report", "--json"]),
        ("report-html", &["report", "--html", "report.html"]),
        ("queue", &["queue"]),
        ("queue", &["release", &waits, "bg_nobody"]),
        ("prune", &["prune", "--dry-run"]),
        ("prune", &["prune"]),
        ("cancel", &["cancel", &runs, &failed, "bg_nobody"]),
        ("cleanup", &["cleanup"]),
        ("cleanup", &["cleanup", "--delete", "--dry-run"]),
        ("cleanup", &["rm", &failed, "bg_nobody"]),
        ("failure", &["status", "bg_nobody"]),
        ("failure", &["lsit"]),
        ("failure", &["run", "x", "--", "/no/such/program"]),
        ("complete", &["complete", &held, "by hand"]),
    ];
    assert_fit(&sandbox, lines);
}

#[test]
fn the_answers_about_a_worktree_are_as_their_schemas_say() {
    let sandbox = sandbox();
    let commit = "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first";
    sandbox.shell(&format!("git init -q . && {commit}")).ok().done();
    let id = sandbox.run_script(&["--worktree=apart"], "echo new > file");
    sandbox.ended(&id);
    let lines: &[(&str, &[&str])] = &[
        ("diff", &["diff", &id]),
        ("status", &["status", &id]),
        ("launch", &["run", "Again", "--worktree", "--", "true"]),
        ("cleanup", &["cleanup", "--delete"]),
    ];
    assert_fit(&sandbox, lines);
}

#[test]
fn the_answers_about_other_machines_are_as_their_schemas_say() {
    let sandbox = sandbox();
    let machines = Machines::beside(&sandbox);
    let words = ["run", "--on", "ssh:near", "--", "echo", "there"];
    let near = task_id(&sandbox.task_bg(words).ok().json());
    sandbox.task_bg(["wait", &near]).ok().done();
    let words = ["run", "--on", "ssh:far", "--", "sleep", "300"];
    let far = task_id(&sandbox.task_bg(words).ok().json());
    machines.make("far", Trouble::Down);
    machines.make("bare", Trouble::Bare);
    let lines: &[(&str, &[&str])] = &[
        ("hosts", &["hosts"]),
        ("hosts", &["hosts", "add", "--yes", "bare"]),
        ("hosts", &["hosts", "remove", "bare"]),
        ("failure", &["hosts", "remove", "bare"]),
        ("failure", &["hosts", "add", "--yes", "far"]),
        ("doctor", &["doctor", "--on", "ssh:near"]),
        ("doctor", &["doctor", "--on", "ssh:far"]),
        ("launch", &["run", "--on", "ssh:near", "--", "true"]),
        ("failure", &["run", "--on", "ssh:far", "--", "true"]),
        ("list", &["list"]),
        ("status", &["status", &near]),
        ("statuses", &["status", &near, &far]),
        ("output", &["output", &near]),
        ("outputs", &["output", &near, &far]),
        ("wait", &["wait", "--timeout", "0.1s", &near, &far]),
        ("queue", &["release", &far]),
        ("cancel", &["cancel", &near, &far]),
        ("report", &["report", "--json"]),
    ];
    assert_fit(&sandbox, lines);
    machines.mend("far", Trouble::Down);
    sandbox.task_bg(["cancel", "--all"]).ok().done();
}

#[test]
fn the_answers_about_the_installation_are_as_their_schemas_say() {
    let (sandbox, _) = full();
    let lines: &[(&str, &[&str])] = &[
        ("droids", &["droids"]),
        ("runners", &["runners"]),
        ("doctor", &["doctor"]),
        ("config", &["config"]),
        ("hooks-print", &["hooks", "print"]),
        ("hooks-status", &["hooks", "status"]),
        ("hooks-install", &["hooks", "install"]),
        ("hooks-status", &["hooks", "status"]),
        ("hooks-install", &["hooks", "uninstall"]),
        ("mcp", &["mcp", "status", "--json"]),
        ("mcp", &["mcp", "install", "--for", "codex", "--json"]),
        ("mcp", &["mcp", "uninstall", "--for", "codex", "--json"]),
    ];
    assert_fit(&sandbox, lines);
}

#[test]
fn the_schema_of_a_batch_line_has_the_fields_that_a_line_may_have() {
    let sandbox = sandbox();
    let schema = schema("batch-line");
    let known = schema["properties"].as_object().expect("fields");
    // A field that there is not is refused with those that there are.
    for name in known.keys() {
        let line = json!({"description": "x", "command": ["true"], (name.as_str()): null});
        let ran = sandbox.task_bg(["batch", "-"]).stdin(format!("{line}\n")).run();
        assert!(!ran.stdout.contains("has no field"), "{name}: {ran}");
    }
    for line in [
        json!({"description": "x", "command": ["true"], "timeout": "5m", "env": {"A": "1"}, "hold": true}),
        json!({"description": "x", "prompt": "SAY x", "worktree": true, "after": ["a"], "timeout": 5}),
    ] {
        let found = wrong(&schema, &schema, &line, "line");
        assert!(found.is_empty(), "{found:?}");
    }
    assert!(!wrong(&schema, &schema, &json!({"descr": "x"}), "line").is_empty());
    // Every field of the help is a property.
    let help = sandbox.task_bg(["batch", "--help"]).ok().stdout;
    let (_, fields) = help.split_once("Fields: ").expect("the fields");
    let (fields, _) = fields.split_once('.').expect("a sentence");
    for field in fields.replace(" (a list of words)", "").replace(" or ", ", ").split(',') {
        let field = field.trim();
        assert!(known.contains_key(field), "`{field}` is not in the schema");
    }
}
