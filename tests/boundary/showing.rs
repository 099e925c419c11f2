//! What is shown of a log that no terminal shows as it is: one that wipes itself out, and one that is asked for raw.

use crate::sandbox;

// `clear` as the last act of a script, as of a trap: "(it printed nothing)", of a test suite with a failure.
#[test]
fn of_a_log_whose_end_clears_the_screen_what_was_there_before_is_shown_by_every_verb() {
    for clears in [r"\033[H\033[2J\033[3J", r"\033[2J\033[H", r"\033c", r"\033[H\033[J\n"] {
        let sandbox = sandbox();
        let script = format!("echo one; echo two; printf '{clears}'");
        let id = sandbox.run_script(&[], &script);
        sandbox.ended(&id);
        let text = |words: &[&str], at: &str| {
            let answer = sandbox.task_bg(words).ok().json();
            answer.pointer(at).and_then(|it| it.as_str()).unwrap_or_default().trim().to_owned()
        };
        for (words, at) in [
            (&["output", &id][..], "/output"),
            (&["output", "--tail", "5", &id], "/output"),
            (&["output", "--result", &id], "/output"),
            (&["wait", &id], "/ended/0/result"),
            (&["list"], "/tasks/0/result"),
            (&["status", &id], "/result"),
        ] {
            assert_eq!(text(words, at), "one\ntwo", "{words:?} after {clears}");
        }
        let raw = sandbox.task_bg(["output", "--raw", &id]).ok().json();
        assert!(raw["output"].as_str().is_some_and(|it| it.contains('\u{1b}')), "{raw}");
    }
}

// Every answer went through a filter for colours, which took it for one.
#[test]
fn what_is_asked_for_as_it_was_written_has_every_character() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["printf", r"a\177b\001\033[1mc\302\233d\n"]);
    sandbox.ended(&id);
    let written = "a\u{7f}b\u{1}\u{1b}[1mc\u{9b}d\n";
    for words in [&["output", &id, "--raw"][..], &["output", &id, "--full"]] {
        let answer = sandbox.task_bg(words).ok().json();
        assert_eq!(answer["output"], written, "{words:?}");
    }
    for words in [
        &["output", &id, "--raw", "--format", "table"][..],
        &["output", &id, "--raw", "--follow", "--format", "table"],
    ] {
        assert_eq!(sandbox.task_bg(words).ok().stdout, written, "{words:?}");
    }
    // Nobody asked for what acts on a terminal.
    let shown = sandbox.task_bg(["output", &id, "--full", "--format", "table"]).ok().stdout;
    assert!(!shown.contains(['\u{7f}', '\u{1b}', '\u{9b}', '\u{1}']), "{shown}");
}
