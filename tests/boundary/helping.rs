//! What the help teaches beside the options: topics, and for each verb what it exits with, reads and heeds.

use tests::sandbox::Sandbox;

use crate::sandbox;

fn help(sandbox: &Sandbox, words: &[&str]) -> String {
    let ran = sandbox.task_bg(words).ok();
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{words:?}: {ran}");
    ran.stdout.clone()
}

#[test]
fn each_topic_of_the_help_has_a_page_and_the_help_names_them_all() {
    let sandbox = sandbox();
    let all = help(&sandbox, &["--help"]);
    assert_eq!(help(&sandbox, &["help", "topics"]).lines().count(), 7);
    for (topic, word) in [
        ("states", "no_result"),
        ("json", "nextOffset"),
        ("droids", ".factory/droids/NAME.md"),
        ("queue", "--after-any"),
        ("hooks", "SessionStart"),
        ("agents", "TASK_BG_RUNNER"),
    ] {
        assert!(all.contains(&format!("task-bg help {topic}")), "{all}");
        let page = help(&sandbox, &["help", topic]);
        assert!(page.contains(word), "{topic}: {page}");
    }
    // No page costs a store, and no store a page.
    assert!(!sandbox.store().exists());
}

#[test]
fn a_topic_that_there_is_not_is_refused_with_the_nearest_one() {
    let sandbox = sandbox();
    let refused = sandbox.task_bg(["help", "statess"]).run().failure(2);
    assert_eq!(refused["hint"], "did you mean `task-bg help states`?", "{refused}");
    let refused = sandbox.task_bg(["help", "quue"]).run().failure(2);
    assert_eq!(refused["hint"], "did you mean `task-bg help queue`?", "{refused}");
    let refused = sandbox.task_bg(["help", "states", "more"]).run().failure(2);
    assert_eq!(refused["hint"], "run `task-bg help states`", "{refused}");
}

#[test]
fn the_page_of_each_verb_has_an_example_exit_codes_files_and_variables() {
    let sandbox = sandbox();
    let all = help(&sandbox, &["help"]);
    let (_, verbs) = all.split_once("Commands:\n").expect("the verbs");
    let verbs = verbs.lines().take_while(|line| !line.is_empty());
    let verbs = verbs.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let verbs: Vec<&str> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 20, "{verbs:?}");
    for verb in verbs.into_iter().filter(|verb| !["help", "hook-complete"].contains(verb)) {
        let page = help(&sandbox, &["help", verb]);
        for part in ["Example", "\nExit codes:\n  0 ", "\nEnvironment:\n", "TASK_BG_DIR"] {
            assert!(page.contains(part), "{verb} says nothing of {part:?}: {page}");
        }
        assert_eq!(help(&sandbox, &[verb, "--help"]), page);
    }
    let wait = help(&sandbox, &["help", "wait"]);
    assert!(wait.contains("  5  a task that was waited for ended") && wait.contains("  6  "));
    assert!(wait.contains("ID.json"), "{wait}");
}
