//! What is said of command lines that are wrong. Nothing here runs a verb.

use clap::Parser;

use super::*;

/// What is said of a command line that is wrong: the message and the hint.
fn said(words: &[&str]) -> (String, String) {
    let words: Vec<String> =
        std::iter::once(&"task-bg").chain(words).map(|it| (*it).to_owned()).collect();
    let Err(error) = Args::try_parse_from(&words) else { panic!("{words:?} is right") };
    let failure = failure(&error, &words);
    assert_eq!(failure.hints.len(), 1, "{words:?}");
    let hint = failure.hints.concat();
    for words in [&failure.message, &hint] {
        assert!(!words.contains("Usage:") && !words.contains('\n'), "{words}");
    }
    (failure.message, hint)
}

#[track_caller]
fn says(words: &[&str], message: &str, hint: &str) {
    let (found, advice) = said(words);
    assert!(found.contains(message), "{words:?}: {found}");
    assert!(advice.contains(hint), "{words:?}: {advice}");
}

// Once, `task-bg rm` offered `__remind`, and what people type by habit was answered with a list of usage.
#[test]
fn words_that_hands_know_from_other_programs_are_answered_with_ours() {
    says(&["remove", "bg_1"], "`remove` is no command", "`task-bg rm ID`");
    for (word, ours) in [("jobs", "list"), ("log", "output"), ("stop", "cancel")] {
        says(&[word], word, &format!("task-bg {ours}"));
    }
    for (word, ours) in
        [("stop", "cancel"), ("show", "status"), ("tail", "--tail"), ("start", "launch")]
    {
        says(&[word], word, ours);
    }
}

#[test]
fn an_alias_is_spoken_of_by_the_name_of_its_verb() {
    says(&["kill"], "`task-bg cancel` needs", "`--parent`");
    says(&["ps", "--statu", "error"], "`task-bg list` has no option", "`--status`");
    says(&["rm"], "`task-bg rm` needs `<ID>...`", "help rm");
}

#[test]
fn a_hidden_verb_is_never_offered() {
    for word in ["remind", "_remind", "__remin", "__generate", "supervise", "generated"] {
        let (_, hint) = said(&[word]);
        assert!(!hint.contains("__"), "{word}: {hint}");
    }
    says(&["statu"], "`statu` is no command", "did you mean `task-bg status`?");
    says(&["zzz"], "`zzz`", "task-bg --help");
}

#[test]
fn a_prompt_that_begins_with_a_dash_is_spoken_of_only_where_there_is_a_prompt() {
    says(&["launch", "label", "-do it"], "has no option", "goes after `--` or into --prompt-file");
    says(&["resume", "bg_1", "-go on"], "has no option", "goes after `--` or into --prompt-file");
    for words in [&["list", "--stats"][..], &["run", "x", "--nope", "--", "true"], &["wait", "-z"]]
    {
        let (_, hint) = said(words);
        assert!(!hint.contains("prompt"), "{words:?}: {hint}");
    }
    says(&["list", "--statu", "error"], "`task-bg list` has no option `--statu`", "`--status`");
}

#[test]
fn a_command_without_its_dashes_and_a_value_without_its_equals_sign_are_understood() {
    says(&["run", "x", "ls"], "no use for the word `ls`", "goes after `--`");
    says(&["run", "x"], "needs `<CMD>...`", "goes after `--`");
    says(&["run", "x", "--wait", "5m", "--", "ls"], "`5m`", "`--wait=5m`");
    says(&["run", "x", "--worktree", "mine", "--", "ls"], "`mine`", "`--worktree=mine`");
}

#[test]
fn what_a_value_has_to_be_is_said_in_words() {
    says(
        &["wait", "--timeout", "5 minutes", "x"],
        "`--timeout` cannot be `5 minutes`",
        "as in 500ms",
    );
    says(&["list", "--limit", "many"], "`--limit` cannot be `many`", "whole number");
    says(&["run", "x", "--retries", "-1", "--", "ls"], "`--retries` cannot be `-1`", "from 0 up");
    says(&["run", "x", "--priority", "300", "--", "ls"], "`--priority`", "from -128 to 127");
    says(&["run", "x", "--priority", "high", "--", "ls"], "`--priority`", "whole number");
    says(&["queue", "limit", "0"], "`0`", "whole number above 0");
    says(&["run", "x", "--env", "A", "--", "ls"], "`--env` cannot be `A`", "NAME=VALUE");
    says(
        &["launch", "x", "y", "--autonomy", "hi"],
        "`--autonomy` cannot be `hi`",
        "use one of high, ",
    );
    says(
        &["launch", "x", "y", "--autonomy"],
        "`--autonomy` has no value",
        "none, low, medium, high",
    );
    says(&["list", "--json", "--format", "table"], "cannot go together", "leave out one");
    says(&["list", "--json", "--json"], "more than once", "once");
    says(&["status"], "`task-bg status` needs", "task-bg help status");
    says(&["queue", "limit", "--", "-1"], "`N` cannot be `-1`", "whole number above 0");
    says(
        &["run", "x", "--retry-on", "exit", "--", "ls"],
        "needs `--retries`",
        "add `--retries <N>`",
    );
    says(&["cleanup", "--status", "error"], "needs `--delete` as well", "add `--delete`");
    says(&["retry", "bg_1", "--parent", "x"], "cannot go together", "leave out one");
}

// Once, the second value of an option became the description of a task, and the message spoke of something else.
#[test]
fn a_second_value_behind_an_option_is_answered_with_a_comma() {
    let commas = "several values go with commas: `--status error,cancelled`";
    says(&["list", "--status", "error", "cancelled"], "no use for the word `cancelled`", commas);
    says(&["wait", "--parent", "a", "b"], "cannot go together", "`--parent a,b`");
    says(&["run", "--after", "bg_1", "bg_2", "x", "--", "ls"], "`bg_2`", "`--after bg_1,bg_2`");
    let stray = |line: &str| {
        let words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
        let args = Args::try_parse_from(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
        let found = stray::value(&words).map(|failure| failure.hints.concat());
        assert!(found.is_none() || stray::is_possible(&args.what), "{line}");
        found
    };
    for (line, hint) in [
        ("task-bg launch --after bg_1 bg_2 label prompt", Some("write `--after bg_1,bg_2`")),
        ("task-bg launch --after=bg_1 bg_2 bg_3 prompt", Some("write `--after bg_1,bg_2,bg_3`")),
        ("task-bg launch --after-any bg_1 bg_2 label p", Some("write `--after-any bg_1,bg_2`")),
        (
            "task-bg launch --retries 1 --retry-on exit signal label prompt",
            Some("write `--retry-on exit,signal`"),
        ),
        ("task-bg launch --wait 45s label prompt", Some("write `--wait=45s`")),
        ("task-bg launch --after bg_1 --after bg_2 label prompt", None),
        ("task-bg launch label prompt --after bg_1 --wait", None),
        ("task-bg run x -- echo --after bg_1 bg_2 --wait 5", None),
    ] {
        assert_eq!(stray(line).as_deref(), hint, "{line}");
    }
}

// Once, `--json=true` was answered with "has no option `--json`", and `LIST` with nothing.
#[test]
fn a_word_that_is_nearly_right_is_answered_with_the_right_one() {
    says(&["list", "--json=true"], "`--json` takes no value", "write `--json` alone");
    says(&["list", "--STATUS", "error"], "no option `--STATUS`", "did you mean `--status`?");
    says(&["LIST"], "`LIST` is no command", "did you mean `task-bg list`?");
    says(&["nope"], "`nope` is no command", "run `task-bg --help`");
    says(&["--json"], "no command is given", "run `task-bg --help`");
    says(&["cancel"], "needs `<ID>...`", "`--parent`, or all there are with `--all`");
    says(&["retry"], "needs `<ID>...`", "with `--failed`");
    says(&["retry", "--parent", "x"], "`--failed` or `<ID>...`", "with `--failed`");
    says(&["batch"], "needs `<FILE>`", "- for standard input");
    says(&["resume", "bg_1"], "needs `<PROMPT>`", "--prompt-file FILE");
    let words = ["launch", "a", "b", "c", "d", "e", "f", "g"];
    says(&words, "no use for the word `g`", "quote what holds spaces");
}

#[test]
fn the_help_says_what_the_program_is_for_in_its_short_form_too() {
    let help = Args::command().render_help().to_string();
    assert!(help.starts_with("Runs coding agents"), "{help}");
}

#[test]
fn the_help_of_help_is_the_help() {
    for (words, part) in [
        (&["help", "--help"][..], "Usage: task-bg"),
        (&["help", "list", "-h"], "--droid"),
        (&["help", "hooks", "install"], "hooks [OPTIONS]"),
        (&["help", "queue", "limit"], "queue [OPTIONS]"),
        (&["help", "mcp", "install", "--help"], "mcp [OPTIONS]"),
    ] {
        let words: Vec<String> = ["task-bg"].iter().chain(words).map(ToString::to_string).collect();
        let help = help_meant(&words).unwrap_or_else(|| panic!("{words:?}"));
        assert!(help.to_string().contains(part), "{words:?}: {help}");
    }
    for words in [&["list", "--help"][..], &["help", "list"], &["help", "hooks", "instal"]] {
        let words: Vec<String> = ["task-bg"].iter().chain(words).map(ToString::to_string).collect();
        assert!(help_meant(&words).is_none(), "{words:?}");
    }
}
