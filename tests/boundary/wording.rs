//! Words: how options are read, and what is said of a command line, a program or a value that is wrong.

use std::fs;

use serde_json::{Value, json};
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// The hint of a command that fails with this exit code, after holding that its error is on both streams.
fn hint(sandbox: &Sandbox, words: &[&str], code: i32) -> String {
    let ran = sandbox.task_bg(words).code(code);
    let answer: Value = serde_json::from_str(ran.stdout.lines().next().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {ran}"));
    let said = answer["error"].as_str().unwrap_or_else(|| panic!("no error in {answer}"));
    assert!(ran.stderr.contains("error: ") && !ran.stderr.contains("Usage:"), "{ran}");
    assert!(!said.contains('\n'), "{said:?}");
    answer["hint"].as_str().unwrap_or_else(|| panic!("no hint in {answer}")).to_owned()
}

// Once, `--after` took every word that followed it, the description and the prompt too.
#[test]
fn options_stand_before_the_words_and_each_takes_one_value() {
    let sandbox = sandbox();
    let first = sandbox.run_command(["true"]);
    let second = sandbox.run_command(["true"]);
    let words = ["launch", "--after", &first, "--after", &second, "a label", "SAY done"];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    let record = sandbox.ended(&id);
    assert_eq!(
        (&record["description"], &record["status"]),
        (&json!("a label"), &json!("completed"))
    );
    assert_eq!(record["progress"]["after"], json!([first, second]));
    let words = ["run", "--wait", "--env", "A=1", "x", "--", "sh", "-c", "test $A = 1"];
    sandbox.task_bg(words).ok().done();
}

// Once, `rm` was answered with "a similar subcommand exists: '__remind'".
#[test]
fn a_command_line_that_is_wrong_is_answered_in_one_sentence_and_with_no_hidden_verb() {
    let sandbox = sandbox();
    let is = |words: &[&str], expected: &str| {
        let hint = hint(&sandbox, words, 2);
        assert!(hint.contains(expected), "{words:?}: {hint}");
        assert!(!hint.contains("__"), "{words:?}: {hint}");
    };
    is(&["remove", "bg_1"], "`task-bg cleanup --delete` all");
    is(&["remind"], "task-bg");
    is(&["stop", "bg_1"], "`task-bg cancel ID`");
    is(&["list", "--statsu", "error"], "`--status`");
    is(&["launch", "label", "-fix it"], "a prompt that begins with a dash");
    is(&["wait", "--timeout", "1w"], "90s, 5m, 2h, 1d");
    is(&["output", "--tail", "x", "bg_1"], "a whole number");
}

// Once, whoever misspelt a command of `run` was told to set the path of droid.
#[test]
fn a_missing_program_of_run_is_named_as_what_it_is_and_droid_is_not_spoken_of() {
    let sandbox = sandbox();
    fs::write(sandbox.work().join("plain"), "#!/bin/sh\n").expect("a file in the sandbox");
    let fails = |program: &str| {
        let answer = sandbox.task_bg(["run", "x", "--", program]).code(7).json();
        let [error, hint] = ["error", "hint"].map(|key| answer[key].as_str().unwrap_or_default());
        assert!(!hint.contains("TASK_BG_DROID"), "{program}: {hint}");
        (error.to_owned(), hint.to_owned())
    };
    let (error, _) = fails("/no/such/program");
    assert!(error.contains("there is no such file") && !error.contains("PATH"), "{error}");
    let (error, _) = fails("./plain");
    assert!(error.contains("not executable") && !error.contains("PATH"), "{error}");
    let (error, hint) = fails("no-such-program");
    assert!(error.contains("not found on PATH") && hint.contains("PATH"), "{error} {hint}");
    let (_, hint) = fails("ls | wc");
    assert!(hint.contains("`-- sh -c 'ls | wc'`"), "{hint}");
    // Once, what only a shell reads was looked for as a program.
    let words = ["run", "x", "--", "FOO=1", "make", "all"];
    let answer = sandbox.task_bg(words).code(7).json();
    let hint = answer["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("`--env FOO=1`") && hint.contains("`-- env FOO=1 make all`"), "{hint}");
    // Once, an empty word was recorded as a task and "not found on PATH".
    for program in ["", " "] {
        let answer = sandbox.task_bg(["run", "x", "--", program]).code(2).json();
        assert_eq!((&answer["code"], answer.get("taskId")), (&json!("usage"), None), "{answer}");
    }
    let batch = "{\"description\":\"x\",\"command\":[\"\"]}\n";
    let answer = sandbox.task_bg(["batch", "-"]).stdin(batch).code(2).json();
    assert!(answer["rejected"][0]["error"].as_str().is_some_and(|it| it.contains("empty")));
    sandbox.remove_droid();
    let answer = sandbox.task_bg(["launch", "x", "SAY hi"]).code(7).json();
    assert!(answer["hint"].as_str().is_some_and(|it| it.contains("`TASK_BG_DROID`")), "{answer}");
}

// Once, the second id became the label of a task that was to do "label", and the message spoke of an unknown droid.
#[test]
fn a_second_value_that_stands_alone_launches_nothing_and_is_answered_with_a_comma() {
    let sandbox = sandbox();
    let [one, two] = [["true"], ["true"]].map(|argv| sandbox.run_command(argv));
    let is = |words: &[&str], expected: &str| {
        let hint = hint(&sandbox, words, 2);
        assert!(hint.contains(expected), "{words:?}: {hint}");
    };
    let commas = format!("`--after {one},{two}`");
    is(&["launch", "--after", &one, &two, "label", "SAY done"], &commas);
    is(&["run", "--after", &one, &two, "label", "--", "true"], &commas);
    is(&["list", "--status", "error", "cancelled"], "`--status error,cancelled`");
    is(&["wait", "--parent", "a", "b"], "`--parent a,b`");
    is(&["run", "x", "--retry-on", "exit", "--", "true"], "add `--retries <N>`");
    is(&["queue", "limit", "-1"], "`task-bg queue limit 4`");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 2);
    let help = sandbox.task_bg(["help", "--help"]).ok();
    assert!(help.stdout.contains("Usage: task-bg"), "{help}");
}

#[test]
fn retry_and_resume_wait_when_asked_to() {
    let sandbox = sandbox();
    let fails = ["run", "x", "--", "sh", "-c", "echo why; exit 3"];
    let first = task_id(&sandbox.task_bg(fails).ok().json());
    sandbox.ended(&first);
    let waited = sandbox.task_bg(["retry", "--wait", &first]).code(5).json();
    assert_eq!(waited["ended"][0]["status"], "error", "{waited}");
    // One that cannot be tried keeps no other from being waited for.
    let waited = sandbox.task_bg(["retry", "--wait=30s", &first, "bg_nobody"]).run().json();
    assert_eq!(
        (&waited["timedOut"], &waited["refused"][0]["taskId"]),
        (&json!(false), &json!("bg_nobody"))
    );
    assert_eq!(waited["ended"].as_array().map(Vec::len), Some(1), "{waited}");

    let session = sandbox.launch("SAY one");
    sandbox.ended(&session);
    let resume = ["resume", "--wait", "--prompt-file", "-", &session];
    let waited = sandbox.task_bg(resume).stdin("SAY two").ok().json();
    assert_eq!(waited["ended"][0]["result"], "two", "{waited}");
    let next = waited["ended"][0]["taskId"].as_str().unwrap_or_default();
    assert_eq!(sandbox.record(next)["prompt"], "SAY two");
    let both = ["resume", &session, "a prompt", "--prompt-file", "-"];
    assert_eq!(sandbox.task_bg(both).code(2).json()["code"], "usage");
    assert_eq!(sandbox.task_bg(["resume", &session]).code(2).json()["code"], "usage");
}

// Once, a negative time was to be "a number", and a missing value was told as an unknown option.
#[test]
fn a_wrong_value_is_answered_with_what_the_option_takes() {
    let sandbox = sandbox();
    let is = |words: &[&str], expected: &str| {
        let hint = hint(&sandbox, words, 2);
        assert!(hint.contains(expected), "{words:?}: {hint}");
    };
    is(&["launch", "x", "y", "--timeout", "-5"], "write it as seconds, or as in 500ms, 90s");
    is(&["launch", "x", "y", "--retries", "-1"], "a number from 0 up");
    is(&["launch", "x", "y", "--priority", "high"], "a whole number from -128 to 127");
    is(&["launch", "x", "y", "--priority", "300"], "a whole number from -128 to 127");
    is(&["launch", "x", "y", "--model", "-x"], "write `--model=-x` if that is meant");
    is(&["launch", "x", "y", "--wait", "30s"], "`--wait=30s`");
    is(&["launch", "x", "y", "--key", ""], "leave it out");
    is(&["launch", "x", "--prompt-file", "/none"], "- for standard input");
    is(&["run", "x", "--stdin", "/none", "--", "true"], "- for what is piped in");
    is(&["run", "x", "--env", "A", "--", "true"], "NAME=VALUE");
    is(&["batch", "/none"], "- for standard input");
    is(&["queue", "limit", "-1"], "`task-bg queue limit 4`");
    let file = sandbox.store().with_file_name("task-bg.toml");
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    for (text, expected) in [
        ("ttl = true", "write it as seconds, or as in"),
        ("max_running = 1.5", "a whole number above 0"),
        ("format = [1]", "use one of json"),
        ("droid = 3", "in double quotes"),
        ("ttl = 5\nttl = 6", "leave out one"),
    ] {
        fs::write(&file, text).expect("a settings file");
        is(&["list"], expected);
    }
}

// Once, five of the ids were named and the others not even counted; of the words that an option takes, all were.
#[test]
fn of_a_long_list_ten_are_named_and_the_others_counted() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..12).map(|_| sandbox.run_command(["true"])).collect();
    for id in &ids {
        sandbox.ended(id);
    }
    let answer = sandbox.task_bg(["status", &ids[0][..6]]).code(3).json();
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(error.contains("fits 12 tasks: ") && error.ends_with(" and 2 more"), "{error}");
    assert_eq!(error.matches("bg_").count(), 11, "what was typed, and ten: {error}");
    // The last ones are looked for most.
    assert!(error.contains(&ids[11]) && !error.contains(&ids[0]), "{error}");
    let words = ["run", "x", "--retries", "1", "--retry-on", "exitt", "--", "true"];
    let hint = hint(&sandbox, &words, 2);
    assert!(hint.starts_with("use one of exit, ") && hint.contains(" more"), "{hint}");
}

// Once, whoever asked for JSON at a terminal got the error twice, in two forms.
#[test]
fn one_terminal_shows_an_error_once() {
    let sandbox = sandbox();
    let script = "command -v script >/dev/null || exit 77; \
                  script -qec 'task-bg status bg_nobody --json' /dev/null; \
                  script -qec 'task-bg status bg_nobody --json 2>err' /dev/null; cat err";
    let ran = sandbox.shell(script).run();
    if ran.code == 77 {
        return;
    }
    let both: Vec<&str> =
        ran.stdout.lines().filter(|line| line.contains("Task not found")).collect();
    assert_eq!(both.len(), 3, "words alone, then JSON, then words: {ran}");
    assert!(both[0].contains("error") && !both[0].contains('{'), "{ran}");
    assert!(both[1].starts_with('{'), "{ran}");
}

/// The time was taken for a prompt, and an agent was told "45s".
#[test]
fn a_time_behind_wait_without_its_equals_sign_is_no_prompt_and_no_id() {
    let sandbox = sandbox();
    for words in [
        &["launch", "label", "--wait", "45s"][..],
        &["launch", "--wait", "45s", "label", "prompt"],
        &["resume", "bg_1", "--wait", "45s"],
        &["retry", "--wait", "3s", "bg_1"],
        &["run", "x", "--wait", "5", "--", "true"],
    ] {
        let refused = sandbox.task_bg(words).run();
        assert_eq!(refused.code, 2, "{refused}");
        assert!(refused.stdout.contains("--wait="), "{refused}");
    }
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
    // Behind `--` it is a word of the command.
    let words = ["run", "x", "--wait=20s", "--", "echo", "--wait", "45s"];
    assert!(sandbox.task_bg(words).ok().stdout.contains("--wait 45s"));
}
