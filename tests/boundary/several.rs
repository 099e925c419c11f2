//! Several ids in one command: what cannot be done for one of them is told in words, as any failure is.

use serde_json::Value;

use crate::sandbox;

/// Once, the words about an unknown id stood in the answer for programs alone, where others were known.
#[test]
fn of_several_ids_the_unknown_one_is_named_on_standard_error_as_well() {
    let sandbox = sandbox();
    let failed = sandbox.run_command(["false"]);
    sandbox.ended(&failed);
    for (verb, code) in [("cancel", 3), ("retry", 3), ("release", 3), ("output", 3)] {
        let known = match verb {
            "retry" | "output" => failed.clone(),
            "release" => sandbox.run_script(&["--hold"], "true"),
            _ => sandbox.run_command(["sleep", "60"]),
        };
        let ran = sandbox.task_bg([verb, "bg_unknown", &known]).code(code);
        assert!(ran.stderr.contains("error: Task not found: bg_unknown"), "{ran}");
        assert!(ran.stderr.contains("hint: "), "{ran}");
        assert_eq!(ran.json()["code"], "not_found", "{ran}");
    }
    let lines = "{\"description\":\"a\",\"command\":[\"true\"]}\n{\"typo\":1}\n";
    let ran = sandbox.task_bg(["batch", "-"]).stdin(lines).code(2);
    assert!(ran.stderr.contains("error: line 2: "), "{ran}");
}

#[test]
fn of_many_unknown_ids_the_first_are_told_in_words_and_the_others_counted() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..30).map(|number| format!("bg_unknown{number}")).collect();
    let words = [vec!["cancel".to_owned()], ids].concat();
    let ran = sandbox.task_bg(words).code(3);
    assert_eq!(ran.stderr.matches("error: Task not found").count(), 10, "{ran}");
    assert!(ran.stderr.contains("and 20 more"), "{ran}");
    assert_eq!(ran.stderr.matches("hint: ").count(), 1, "{ran}");
}

// An answer of lines had one for each task that was launched and none for the others: nothing at all was said to a
// program.
#[test]
fn what_was_refused_is_a_line_of_an_answer_of_lines() {
    let sandbox = sandbox();
    let ran = sandbox.task_bg(["retry", "bg_x1", "bg_x2", "--format", "ndjson"]).code(3);
    let lines: Vec<Value> =
        ran.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let named: Vec<&Value> = lines.iter().map(|line| &line["taskId"]).collect();
    assert_eq!(named, ["bg_x1", "bg_x2"], "{ran}");
    assert_eq!(lines[0]["code"], "not_found", "{ran}");
    // So is a record that cannot be read.
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    std::fs::write(sandbox.store().join("bg_broken.json"), "{").expect("a file");
    let listed = sandbox.task_bg(["list", "--format", "ndjson"]).ok();
    assert!(listed.stdout.lines().count() == 2 && listed.stdout.contains("bg_broken"), "{listed}");
}
