//! Short ways to mean a task: its place, its name, a part of its id; words that hands know; ids alone.

use serde_json::Value;

use crate::sandbox;

/// The lines that a command prints, which are ids.
fn ids(text: &str) -> Vec<&str> {
    assert!(text.lines().all(|line| line.starts_with("bg_")), "{text}");
    text.lines().collect()
}

#[test]
fn a_task_is_meant_by_its_place_its_name_and_any_part_of_its_id_for_every_verb() {
    let sandbox = sandbox();
    let older = sandbox.run_script(&["--name", "older", "--wait"], "echo one");
    let id = sandbox.run_script(&["--name", "Größe-2"], "echo two; exit 3");
    sandbox.ended(&id);
    let ending = &id[id.len() - 6..];
    let beginning = &id[..id.len() - 1];
    for word in ["@1", "Größe-2", ending, beginning, &id] {
        for verb in ["status", "output", "wait", "report"] {
            let ran = sandbox.task_bg([verb, word]).run();
            assert!(
                ran.stdout.contains(&id) && !ran.stdout.contains(&older),
                "{verb} {word}: {ran}"
            );
        }
    }
    assert_eq!(sandbox.task_bg(["status", "@2"]).ok().json()["id"], *older);
    let after = sandbox.task_bg(["run", "c", "--after", "@2", "--wait", "--", "true"]).ok();
    assert_eq!(after.json()["ended"][0]["status"], "completed", "{after}");
    let again = sandbox.task_bg(["retry", "Größe-2", "--wait"]).code(5).json();
    let new = again["ended"][0]["taskId"].as_str().expect("a task").to_owned();
    // The name goes with the order: what is meant by it now is the newest attempt.
    assert_eq!(sandbox.task_bg(["status", "Größe-2"]).ok().json()["id"], *new);
    for word in ["@0", "@99", "@", "@-1", "nobody", "bg", "zzzz"] {
        let ran = sandbox.task_bg(["status", word]).code(3);
        assert_eq!(ran.json()["error"], format!("Task not found: {word}"), "{ran}");
    }
}

// A name of one's own is no new key at the top of a record: readers of the older format would drop the task.
#[test]
fn a_name_stands_in_the_record_below_progress_and_in_every_answer() {
    let sandbox = sandbox();
    let ran = sandbox.task_bg(["run", "a", "--name", "tests", "--", "true"]).ok();
    assert_eq!(ran.json()["name"], "tests", "{ran}");
    let launched = sandbox.task_bg(["launch", "--name", "look", "l", "say hello"]).ok();
    assert_eq!(launched.json()["name"], "look", "{launched}");
    let id = ran.json()["taskId"].as_str().expect("a task").to_owned();
    let record = sandbox.ended(&id);
    assert_eq!(record["progress"]["name"], "tests");
    assert_eq!(record.as_object().expect("an object").len(), 15, "{record}");
    let listed = sandbox.task_bg(["list"]).ok().json();
    let named = |task: &Value| task["progress"]["name"] == "tests" && task["id"] == *id;
    assert!(listed["tasks"].as_array().expect("a list").iter().any(named), "{listed}");
    let lines = "{\"name\":\"look\",\"description\":\"b\",\"command\":[\"true\"]}\n\
                 {\"name\":\"a line\",\"description\":\"c\",\"command\":[\"true\"]}\n";
    let batch = sandbox.task_bg(["batch", "-", "--wait"]).stdin(lines).ok();
    let note = "the name `a line` counts in this batch alone";
    let batch = batch.json();
    assert!(batch["note"].as_str().is_some_and(|said| said.contains(note)), "{batch}");
    assert_eq!(
        sandbox.task_bg(["status", "look"]).ok().json()["id"],
        batch["launched"][0]["taskId"]
    );
    let line = sandbox.task_bg(["status", "@1"]).ok().json();
    assert_eq!((&line["description"], &line["progress"]["name"]), (&"c".into(), &Value::Null));
}

#[test]
fn a_name_that_may_be_an_id_or_an_option_is_refused_with_the_form_of_one() {
    let sandbox = sandbox();
    for name in ["bg_19c0", "beef", "a b", "@1", "", ".x"] {
        let ran = sandbox.task_bg(["run", &format!("--name={name}"), "--", "true"]).code(2);
        assert!(ran.stderr.contains("letters, digits"), "{name}: {ran}");
    }
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
}

#[test]
fn a_name_is_found_although_what_is_derived_was_removed_and_when_its_newest_task_is_gone() {
    let sandbox = sandbox();
    let ids = [1, 2].map(|_| sandbox.run_script(&["--name", "build", "--wait"], "true"));
    let found = || sandbox.task_bg(["status", "build"]).ok().json()["id"].clone();
    assert_eq!(found(), *ids[1]);
    std::fs::remove_dir_all(sandbox.store().join(".names")).expect("removed");
    assert_eq!(found(), *ids[1]);
    drop(sandbox.task_bg(["cleanup"]).ok());
    assert_eq!(found(), *ids[1]);
    assert_eq!(sandbox.task_bg(["rm", "build"]).ok().json()["deleted"][0], *ids[1]);
    assert_eq!(found(), *ids[0]);
    drop(sandbox.task_bg(["rm", "build"]).ok());
    drop(sandbox.task_bg(["status", "build"]).code(3));
}

#[test]
fn the_newest_is_the_newest_that_can_be_read() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--wait"], "true");
    for foreign in ["zz1", "zz2", "zz3"] {
        let path = sandbox.store().join(format!("{foreign}.json"));
        std::fs::write(path, "{\"sessionId\": 1}").expect("written");
    }
    assert_eq!(sandbox.task_bg(["status", "@1"]).ok().json()["id"], *id);
    drop(sandbox.task_bg(["status", "@2"]).code(3));
}

#[test]
fn words_that_hands_know_do_what_they_do_elsewhere() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sh", "-c", "echo hi; sleep 60"]);
    for list in ["ls", "ps"] {
        assert_eq!(sandbox.task_bg([list]).ok().json()["tasks"][0]["id"], *id);
    }
    // What has not ended is not removed, and the answer says what would have to be done first.
    let refused = sandbox.task_bg(["rm", &id]).code(4);
    assert!(refused.stderr.contains("task-bg cancel"), "{refused}");
    assert_eq!(sandbox.task_bg(["kill", "@1"]).ok().json()["cancelled"][0], *id);
    assert_eq!(sandbox.task_bg(["logs", "@1"]).ok().json()["output"], "hi\n");
    let both = sandbox.task_bg(["rm", &id, "nobody"]).code(3).json();
    assert_eq!(
        (&both["deleted"][0], &both["refused"][0]["code"]),
        (&id.into(), &"not_found".into())
    );
    assert_eq!(sandbox.task_bg(["ls"]).ok().json()["total"], 0);
    // Without an id nothing is removed.
    drop(sandbox.task_bg(["rm"]).code(2));
}

#[test]
fn ids_alone_are_printed_where_they_are_asked_for() {
    let sandbox = sandbox();
    let one = sandbox.task_bg(["run", "-q", "--", "true"]).ok().stdout;
    let two = sandbox.task_bg(["launch", "--quiet", "l", "say hello"]).ok().stdout;
    let lines = "{\"description\":\"c\",\"command\":[\"true\"]}\n{\"typo\":1}\n";
    let three = sandbox.task_bg(["batch", "-q", "-"]).stdin(lines).code(2);
    assert!(three.stderr.contains("error: line 2: "), "{three}");
    let all = [ids(&three.stdout), ids(&two), ids(&one)].concat();
    assert_eq!(all.len(), 3);
    assert_eq!(ids(&sandbox.task_bg(["ls", "-q"]).ok().stdout), all);
    for id in &all {
        sandbox.ended(id);
    }
    let failed = sandbox.task_bg(["status", "-q", "@1"]).code(2);
    assert!(failed.stderr.contains("has no option `-q`"), "{failed}");
    let refused = sandbox.task_bg(["kill", "-q", "@1"]).code(4);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("already ended"), "{refused}");
    assert_eq!(ids(&sandbox.task_bg(["rm", "-q", "@1", "@2"]).ok().stdout).len(), 2);
    let both = sandbox.task_bg(["ls", "-q", "--json"]).code(2);
    assert!(both.stderr.contains("cannot go together"), "{both}");
}

#[test]
fn a_command_without_a_description_is_called_by_its_command_line() {
    let sandbox = sandbox();
    let ran = sandbox.task_bg(["run", "--wait", "--", "echo", "two words"]).ok().json();
    assert_eq!(ran["ended"][0]["description"], "echo 'two words'");
    assert_eq!(
        sandbox.record(ran["taskId"].as_str().expect("an id"))["description"],
        "echo 'two words'"
    );
    let long = ["run", "-q", "--", "echo", &"x".repeat(5_000)];
    let id = sandbox.task_bg(long).ok().stdout;
    let record = sandbox.ended(id.trim());
    assert!(
        record["description"].as_str().is_some_and(|it| it.chars().count() < 130),
        "the whole line"
    );
}
