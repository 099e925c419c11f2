//! What is too long, or cannot be written: failures that repeat a long word, tables that go into a pipe, and a standard
//! output without room.

use std::fs;

use serde_json::{Value, json};
use tests::sandbox::Sandbox;

use crate::sandbox;

/// The most characters that a failure has on standard error.
const WORDS: usize = 6_000;

// Once, `run x -- LONG`, `--cwd LONG`, `--runner LONG` and a long `TASK_BG_DIR` wrote all of it to standard error, twice.
#[test]
fn a_failure_that_repeats_a_long_word_is_short_on_both_streams_and_shows_both_of_its_ends() {
    let sandbox = sandbox();
    let long = format!("/begins-{}-ends", "w".repeat(100_000));
    let is_short = |words: &[&str], variable: Option<&str>| {
        let run = sandbox.task_bg(words);
        let run = variable.into_iter().fold(run, |run, name| run.env(name, long.as_str()));
        let ran = run.run();
        let what = words.iter().map(|word| word.chars().take(20).collect::<String>());
        let what: Vec<String> = what.chain(variable.map(ToOwned::to_owned)).collect();
        assert!(ran.stderr.starts_with("error: "), "{what:?}");
        for stream in [&ran.stdout, &ran.stderr] {
            assert!(stream.chars().count() <= WORDS, "{what:?}: {} bytes", stream.len());
            let longest = stream.split_whitespace().map(|word| word.chars().count()).max();
            let is_json = stream.starts_with('{');
            assert!(is_json || longest <= Some(300), "{what:?}: {longest:?}");
        }
        ran.stderr
    };
    for words in [
        &["run", "x", "--", &long][..],
        &["run", "x", "--cwd", &long, "--", "true"],
        &["run", "x", "--stdin", &long, "--", "true"],
        &["launch", "x", "y", "--runner", &long],
        &["launch", "x", "--prompt-file", &long],
        &["launch", "x", "y", "executor-low", "main", &long],
        &["batch", &long],
        &["droids", "--cwd", &long],
    ] {
        let said = is_short(words, None);
        assert!(said.contains("begins-") && said.contains('…'), "{said}");
        assert!(said.contains("-ends"), "{said}");
    }
    for words in
        [&["status", &long][..], &["cancel", &long], &["list", "--status", &long], &[&long]]
    {
        is_short(words, None);
    }
    for variable in
        ["TASK_BG_DIR", "TASK_BG_RUNNER", "TASK_BG_FORMAT", "TASK_BG_TTL", "TASK_BG_DROID"]
    {
        is_short(&["launch", "x", "y"], Some(variable));
    }
}

/// Records so many copies of a task that has ended.
fn multiply(sandbox: &Sandbox, count: usize) {
    let id =
        sandbox.run_script(&[], "seq 2000; echo 'some words that fill the last column of a table'");
    let record = sandbox.ended(&id);
    for number in 0..count {
        let mut record = record.clone();
        let copy = format!("bg_1900000000{number:07x}");
        record["id"] = json!(copy);
        record["description"] = json!("a description of some length 漢字漢字漢字漢字");
        let file = sandbox.store().join(format!("{copy}.json"));
        fs::write(file, record.to_string()).expect("a record");
    }
}

/// Holds that a table is within the bound of an answer, and gives it.
#[track_caller]
fn table(sandbox: &Sandbox, words: &[&str]) -> String {
    let ran = sandbox.task_bg([words, &["--format", "table"]].concat()).run();
    let (characters, bytes) = (ran.stdout.chars().count(), ran.stdout.len());
    assert!(characters <= 30_000 && bytes <= 60_000, "{words:?}: {characters}, {bytes} bytes");
    ran.stdout
}

// Once, only answers as JSON were bounded: a list of 200 tasks as a table had 40,000 characters.
#[test]
fn a_table_that_goes_into_a_pipe_is_bounded_and_names_the_command_for_the_rest() {
    let sandbox = sandbox();
    multiply(&sandbox, 300);
    for format in ["table", "markdown"] {
        let ran = sandbox.task_bg(["list", "--format", format]).ok().stdout;
        assert!(ran.chars().count() <= 30_000 && ran.len() <= 60_000, "{format}: {}", ran.len());
        assert!(ran.contains("301 tasks: "), "{ran}");
        let said = ran.lines().find(|line| line.contains("more are not shown")).expect("a count");
        let shown = ran
            .lines()
            .filter(|line| line.trim_start_matches(['|', ' ']).starts_with("bg_"))
            .count();
        let left_out = said.split(' ').next().and_then(|count| count.parse().ok());
        assert_eq!(Some(shown + left_out.unwrap_or(0)), Some(301), "{said}");
        let more = said.split('`').nth(1).expect("a command");
        let next = sandbox.shell(&format!("{more} --json")).ok().json();
        assert_eq!(
            next["tasks"].as_array().map(|it| it.len() + shown >= 300),
            Some(true),
            "{more}"
        );
        // Whoever asks for all gets all.
        let all = sandbox.task_bg(["list", "--all", "--format", format]).ok().stdout;
        assert!(all.lines().filter(|line| line.contains("bg_")).count() >= 301);
    }
    for number in 0..1_000 {
        let folder = sandbox.work().join(".factory/droids");
        fs::create_dir_all(&folder).expect("a folder");
        let words = "what this one is good for ".repeat(4);
        let text = format!("---\nname: d{number}\ndescription: {words}\n---\nWork.\n");
        fs::write(folder.join(format!("d{number}.md")), text).expect("a definition");
    }
    let droids = table(&sandbox, &["droids"]);
    assert!(droids.contains("lines are not shown; `task-bg droids --all` shows more"), "{droids}");
    let json = sandbox.task_bg(["droids"]).ok();
    assert!(json.stdout.chars().count() <= 30_000);
    assert!(json.json()["more"].as_str().is_some_and(|more| more.contains("--all")));
    let all = sandbox.task_bg(["droids", "--all"]).ok().json();
    assert!(all["droids"].as_array().map(Vec::len) >= Some(1_000));
    table(&sandbox, &["wait", "--parent", "main", "--timeout", "1ms"]);
    let ids: Vec<String> = (0..300).map(|number| format!("bg_1900000000{number:07x}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let waited = table(&sandbox, &[&["wait"], ids.as_slice()].concat());
    assert!(waited.contains("lines are not shown; `task-bg list"), "{waited}");
    table(&sandbox, &[&["cancel"], ids.as_slice()].concat());
    table(&sandbox, &["report"]);
    table(&sandbox, &["runners"]);
    table(&sandbox, &["cleanup", "--delete"]);
}

// Once, `output --follow` said that nothing can be written and exited with 0, and the help said nothing at all.
#[test]
fn a_standard_output_without_room_is_an_error_with_its_own_exit_code() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], &format!("echo one; {}; echo two", sandbox.until("gate")));
    for words in [&format!("output --follow {id}"), "list", "--help", "list --help", "--version"] {
        let script = format!("task-bg {words} > /dev/full");
        let ran = sandbox.shell(&script).code(1);
        assert!(ran.stderr.contains("standard output cannot be written"), "{words}: {ran}");
        assert!(ran.stderr.contains("hint: make room"), "{words}: {ran}");
    }
    // Nobody would know of the task that runs.
    for words in ["", "-q"] {
        let launched = sandbox.shell(&format!("task-bg run {words} x -- true > /dev/full")).code(1);
        let newest = sandbox.task_bg(["list"]).ok().json()["tasks"][0]["id"].clone();
        assert!(launched.stderr.contains(newest.as_str().unwrap_or("?")), "{launched}");
    }
    let failed = sandbox.shell("task-bg status bg_none > /dev/full").code(3);
    assert!(failed.stderr.contains("Task not found"), "{failed}");
    // A reader that has read enough is none.
    sandbox.shell(&format!("task-bg output --follow {id} | head -n 1")).ok().done();
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["status"], "completed");
}

// Once, a row of a list, a report or a wait was blank where a task had been given no description.
#[test]
fn a_task_without_a_description_is_recognised_by_what_it_was_told() {
    let sandbox = sandbox();
    let words = ["run", " ", "--", "sh", "-c", "echo found it"];
    let id = tests::sandbox::task_id(&sandbox.task_bg(words).ok().json());
    sandbox.ended(&id);
    let told = "sh -c 'echo found it'";
    for words in [&["list"][..], &["wait", &id], &["report", &id], &["output", &id, &id]] {
        let shown = sandbox.task_bg([words, &["--format", "table"]].concat()).ok().stdout;
        let several = words[0] == "output";
        assert!(several || shown.contains(told), "{words:?}: {shown}");
    }
    let waited = sandbox.task_bg(["wait", &id]).ok().json();
    assert_eq!(waited["ended"][0]["description"], told);
    let report = sandbox.task_bg(["report", "--json", &id]).ok().json();
    assert_eq!(report["tasks"][0]["description"], told);
    let batch = "{\"description\":\"look for it\",\"command\":[\"true\"]}\n{\"description\":\"\",\"command\":[\"echo\",\"hi\"]}\n";
    let launched = sandbox.task_bg(["batch", "-", "--format", "table"]).stdin(batch).ok().stdout;
    assert!(launched.contains("look for it") && launched.contains("echo hi"), "{launched}");
    // The record says what was given.
    assert_eq!(sandbox.record(&id)["description"], Value::from(" "));
}

// `runners` and `droids` answered with a table for a terminal where Markdown was asked for.
#[test]
fn what_is_asked_for_as_markdown_is_markdown() {
    let sandbox = sandbox();
    for verb in ["list", "runners", "droids"] {
        let text = sandbox.task_bg([verb, "--format", "markdown"]).ok().stdout;
        let mut lines = text.lines();
        assert!(lines.next().is_some_and(|head| head.starts_with("| ")), "{verb}: {text}");
        assert!(lines.next().is_some_and(|rule| rule.starts_with("|---|")), "{verb}: {text}");
    }
}

// Once, an answer that went nowhere counted as read: the session was never told of the ending, and the rule of `keep_ended`
// removed a task that nobody had seen end.
#[test]
fn an_answer_that_could_not_be_written_tells_no_session_of_an_ending() {
    // The second reader is gone before anything is written.
    let nowhere = [
        "task-bg WORDS > /dev/full",
        "mkfifo go; { read go < go; task-bg WORDS; } | { exec <&-; echo > go; }",
    ];
    for words in ["wait ID", "status ID", "output ID --result", "wait ID -q"] {
        for script in nowhere {
            let sandbox = sandbox();
            let run = ["run", "x", "--parent", "PP", "--wait", "--", "echo", "found"];
            let id = sandbox.task_bg(run).ok().json()["id"].as_str().expect("an id").to_owned();
            let script = script.replace("WORDS", &words.replace("ID", &id));
            sandbox.shell(&script).env("TASK_BG_PARENT_SESSION", "PP").run().done();
            let told = sandbox.hook(r#"{"session_id":"PP","hook_event_name":"PostToolUse"}"#).ok();
            assert!(told.stdout.contains("found"), "{script}: {told}");
        }
    }
}
