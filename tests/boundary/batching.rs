//! `batch`: many orders in one file, checked before any is launched.

use std::fs;

use serde_json::{Value, json};
use tests::sandbox::{Sandbox, task_id, text};

use crate::sandbox;

/// The batch of these lines, each JSON or whatever else it is.
fn batch(lines: &[Value]) -> String {
    let written = |line: &Value| line.as_str().map_or_else(|| line.to_string(), str::to_owned);
    lines.iter().map(|line| written(line) + "\n").collect()
}

fn order(name: &str) -> Value {
    json!({ "description": name, "command": ["true"], "name": name })
}

/// The same with one more field.
fn with(mut line: Value, field: &str, value: Value) -> Value {
    line[field] = value;
    line
}

/// The numbers of the lines under this key, and what is said of them.
fn numbers(answer: &Value, key: &str) -> Vec<u64> {
    let lines = answer[key].as_array().unwrap_or_else(|| panic!("no `{key}` in {answer:#}"));
    lines.iter().filter_map(|line| line["line"].as_u64()).collect()
}

/// What the answer says is wrong with this line.
fn complaint(answer: &Value, number: u64) -> &str {
    let lines = answer["rejected"].as_array().into_iter().flatten();
    let mut lines = lines.filter(|line| line["line"] == number);
    lines.next().and_then(|line| line["error"].as_str()).unwrap_or_default()
}

fn records(sandbox: &Sandbox) -> usize {
    let listed = sandbox.task_bg(["list"]).ok().json();
    listed["total"].as_u64().and_then(|total| total.try_into().ok()).expect("a number")
}

fn mixed() -> String {
    batch(&[
        order("good"),
        json!("{\"description\": \"torn"),
        with(order("typo"), "timout", json!("5m")),
        json!({ "description": "nothing to do" }),
        json!({ "description": "no such droid", "prompt": "SAY x", "droid": "exekutor-med" }),
        with(order("stray"), "after", json!(["bg_nobody"])),
        with(order("hen"), "after", json!(["egg"])),
        with(order("egg"), "after", json!(["hen"])),
        with(order("child"), "after", json!(["stray"])),
        json!({ "description": "prompt", "prompt": "Use {{task:nobody.result}}" }),
        with(order("late"), "timeout", json!("soon")),
        json!(""),
        with(order("fine"), "after", json!(["good"])),
    ])
}

// Once, the words were those of a parser: "data did not match any variant of untagged enum Span", "expected i8".
#[test]
fn a_wrong_field_is_named_with_its_column_and_what_to_write_there() {
    let sandbox = sandbox();
    for (field, value, said) in [
        ("timeout", json!(true), "`timeout` is true (column 30): give seconds as a number, or a"),
        ("timeout", json!("1w"), "`timeout` is \"1w\" (column 30): write it as seconds, or as in"),
        ("stale", json!(-5), "`stale` is -5 (column 28): write it as seconds"),
        ("priority", json!(300), "`priority` is 300 (column 31): give a whole number from -128 to"),
        ("priority", json!("high"), "give a whole number from -128 to 127"),
        ("env", json!({"A": 1}), "`env` is an object (column 26): give an object of texts"),
        ("env", json!(["A=1"]), "give an object of texts, as in {\"NAME\": \"value\"}"),
        ("hold", json!("yes"), "give true or false"),
        ("after", json!("one"), "give a list of texts"),
        ("retries", json!(-1), "give a whole number from 0 up"),
        ("retry_on", json!(["exitt"]), "`exitt` is no reason; there are exit, "),
        ("autonomy", json!("mid"), "give \"none\", \"low\", \"medium\" or \"high\""),
        ("start_at", json!("soon"), "write it with its offset, as in 2026-"),
        ("worktree", json!(3), "give true, or the name of its branch as a text"),
        ("droid", json!(3), "give a text, in double quotes"),
        ("timeot", json!("5m"), "has no field `timeot` (column 29): did you mean `timeout`?"),
        ("zzzzzzzz", json!(1), "there are description, prompt, command, "),
    ] {
        let line = json!({ "description": "a", field: value, "command": ["true"] });
        let answer = sandbox.task_bg(["batch", "-"]).stdin(line.to_string()).code(2).json();
        let complaint = complaint(&answer, 1);
        assert!(complaint.contains(said), "{line}: {complaint}");
    }
    let answer = sandbox.task_bg(["batch", "-"]).stdin("[\"make\"]\n").code(2).json();
    assert!(complaint(&answer, 1).starts_with("a line is one JSON object"), "{answer}");
    assert_eq!(records(&sandbox), 0);
}

#[test]
fn every_wrong_line_is_named_by_its_number_and_the_others_are_launched() {
    let sandbox = sandbox();
    let answer = sandbox.task_bg(["batch", "-"]).stdin(mixed()).code(2).json();
    assert_eq!(numbers(&answer, "rejected"), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11], "{answer:#}");
    for (number, words) in [
        (2, "a quote is missing"),
        (3, "did you mean `timeout`?"),
        (4, "neither `prompt` nor `command`"),
        (5, "no droid named `exekutor-med`"),
        (6, "bg_nobody"),
        (7, "egg"),
        (8, "hen"),
        (9, "stray"),
        (10, "nobody"),
        (11, "5m"),
    ] {
        let complaint = complaint(&answer, number);
        assert!(complaint.contains(words), "line {number}: {complaint}");
    }
    assert_eq!(numbers(&answer, "launched"), [1, 13], "{answer:#}");
    for line in answer["launched"].as_array().into_iter().flatten() {
        assert_eq!(sandbox.ended(&task_id(line))["status"], "completed");
    }
    assert_eq!(records(&sandbox), 2);
    sandbox.assert_nothing_left();
}

#[test]
fn strictly_nothing_is_launched_if_a_line_is_wrong() {
    let sandbox = sandbox();
    let answer = sandbox.task_bg(["batch", "--strict", "-"]).stdin(mixed()).code(2).json();
    assert_eq!(numbers(&answer, "launched"), [0; 0], "{answer:#}");
    assert_eq!(numbers(&answer, "rejected").len(), 10);
    assert_eq!((records(&sandbox), sandbox.active(), sandbox.queue()), (0, vec![], vec![]));
    sandbox.assert_nothing_left();
}

#[test]
fn names_may_be_used_before_their_lines_in_after_and_in_templates() {
    let sandbox = sandbox();
    let told = |name: &str| text(&sandbox.path(name));
    let lines = batch(&[
        json!({
            "description": "both",
            "prompt": format!("ECHO {}\nGot {{{{task:two.result}}}}", told("both")),
            "after": ["one", "two"],
        }),
        // It does not say that it comes after the first, but wants its result.
        json!({
            "description": "two",
            "name": "two",
            "prompt": format!("ECHO {}\nGot {{{{task:one.result}}}}\nSAY second", told("two")),
        }),
        json!({ "description": "one", "name": "one", "prompt": "SAY first" }),
    ]);
    let file = sandbox.path("orders.jsonl");
    fs::write(&file, lines).expect("a file in the sandbox");
    let ran = sandbox.task_bg(["batch", "--wait=30", &text(&file)]).ok();
    let read = |name: &str| fs::read_to_string(told(name)).expect("the agent was told");
    assert!(read("two").contains("Got first"), "{ran}");
    assert!(read("both").contains("Got second"), "{ran}");
    assert_eq!(records(&sandbox), 3);
    sandbox.assert_nothing_left();
}

#[test]
fn what_a_line_says_arrives() {
    let sandbox = sandbox();
    let folder = sandbox.path("elsewhere");
    fs::create_dir(&folder).expect("a folder in the sandbox");
    let (cwd, token) = (text(&sandbox.path("cwd")), text(&sandbox.path("token")));
    let lines = batch(&[
        json!({
            "description": "all of it",
            "prompt": format!("CWD {cwd}\nENV TOKEN {token}"),
            "droid": "explorer",
            "autonomy": "low",
            "model": "some-model",
            "cwd": folder,
            "env": { "TOKEN": "of the line" },
            "timeout": "5m",
            "stale": 90,
            "parent": "the parent",
            "priority": 3,
            "start_at": "2020-02-29T08:00:00Z",
            "key": "once",
            "retries": 2,
            "retry_on": ["exit", "signal"],
            "backoff": "100ms",
        }),
        json!({
            "description": "overdue", "command": ["sleep", "60"], "timeout": 0.2, "after": [],
        }),
        json!({ "description": "held", "command": ["true"], "hold": true }),
    ]);
    let answer = sandbox.task_bg(["batch", "-"]).stdin(lines).ok().json();
    let ids: Vec<String> =
        answer["launched"].as_array().into_iter().flatten().map(task_id).collect();
    let record = sandbox.ended(&ids[0]);
    assert_eq!(record["status"], "completed", "{record:#}");
    let read = |file: &str| fs::read_to_string(file).expect("the agent wrote it");
    assert_eq!((read(&cwd), read(&token)), (text(&folder), "of the line".to_owned()));
    assert_eq!(
        [&record["agent"], &record["parent_model"], &record["parent_session_id"]],
        ["explorer", "some-model", "the parent"]
    );
    let progress = &record["progress"];
    for (key, value) in [
        ("autonomy", json!("low")),
        ("timeoutMs", json!(300_000)),
        ("staleMs", json!(90_000)),
        ("priority", json!(3)),
        ("notBefore", json!("2020-02-29T08:00:00.000000+00:00")),
        ("key", json!("once")),
        ("retriesLeft", json!(2)),
        ("retryOn", json!(["exit", "signal"])),
        ("backoffMs", json!(100)),
    ] {
        assert_eq!(progress[key], value, "`{key}` in {record:#}");
    }
    assert_eq!(sandbox.ended(&ids[1])["progress"]["reason"], "timeout");
    assert_eq!(sandbox.record(&ids[2])["progress"]["held"], true);
}

#[test]
fn waiting_for_a_batch_in_which_one_fails_says_so_once_all_have_ended() {
    let sandbox = sandbox();
    let lines = batch(&[
        order("good"),
        json!({ "description": "bad", "command": ["false"], "name": "bad" }),
        with(order("next"), "after", json!(["bad"])),
    ]);
    let ran = sandbox.task_bg(["batch", "--wait=30", "-"]).stdin(lines).code(5);
    let listed = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&listed["completed"], &listed["error"]), (&json!(1), &json!(2)), "{ran}");
    sandbox.assert_nothing_left();
}

/// It once spoke of a store that did not work, because nothing had been recorded that could be synced.
#[test]
fn a_first_batch_whose_lines_are_all_refused_says_nothing_of_the_store() {
    let sandbox = sandbox();
    let line = with(order("x"), "cwd", json!("/nowhere/at/all"));
    let refused = sandbox.task_bg(["batch", "-"]).stdin(batch(&[line])).run();
    assert_eq!(refused.code, 2, "{refused}");
    assert!(!refused.stdout.contains("note"), "{refused}");
}

// Once, what a command has no use for was passed over in silence.
#[test]
fn a_line_with_a_command_and_what_only_an_agent_has_is_refused() {
    let sandbox = sandbox();
    for (field, value) in [
        ("runner", "codex"),
        ("droid", "explorer"),
        ("autonomy", "low"),
        ("model", "m"),
        ("reasoning_effort", "high"),
    ] {
        let line = with(json!({ "description": "x", "command": ["true"] }), field, json!(value));
        let answer = sandbox.task_bg(["batch", "-"]).stdin(batch(&[line])).code(2).json();
        let expected = format!("`{field}` goes with `prompt` alone");
        assert_eq!(complaint(&answer, 1), expected, "{answer:#}");
    }
}
