//! What stands on the screen of `top`: marks and wide letters, whole words in the title, and a log that is read.

use std::fs;

use super::{Looked, screen_of};
use crate::sandbox;

/// Whether a letter stands above, below or beside another one.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}')
}

/// A terminal on which marks stand in the cell of their letter.
fn joins(c: char) -> usize {
    if is_mark(c) { 0 } else { 1 + usize::from(('\u{2e80}'..'\u{a000}').contains(&c)) }
}

/// One that gives some of them a cell of their own.
fn spreads(c: char) -> usize {
    if c == '\u{93f}' { 1 } else { joins(c) }
}

// Once, marks were left out, and those that stand beside their letter stayed on the screen whatever came after them.
#[test]
fn marks_and_wide_letters_are_shown_and_nothing_of_them_stays() {
    let sandbox = sandbox();
    let words = "क्षि e\u{301}a\u{308} नमस्ते 日本";
    let id = sandbox.run_command(["echo", words]);
    sandbox.ended(&id);
    let mut looked = Looked::at(&sandbox, (80, 24), "completed");
    looked.press("o");
    looked.shows("log of ");
    let log = screen_of(&looked.seen(), joins);
    for word in ["e\u{301}a\u{308}", "नमस्ते", "日本"] {
        assert!(log.lines().any(|line| line.contains(word) && !line.contains("log of")), "{log}");
    }
    looked.press("\u{1b}");
    looked.shows("q quit");
    looked.press("/nobody\r");
    looked.shows("no task fits");
    for width in [joins, spreads] {
        let left = screen_of(&looked.seen(), width);
        assert!(!left.contains(|c| is_mark(c) || c == '日' || c == 'ष'), "{left}");
    }
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}

// Once, the numbers in it were cut: 13 that had failed became 1.
#[test]
fn of_the_title_whole_parts_are_left_out_where_there_is_no_room() {
    let sandbox = sandbox();
    let line = |command: &str, more: &str| {
        format!("{{\"description\":\"x\",\"command\":[\"{command}\"]{more}}}\n")
    };
    let lines = line("false", "").repeat(3) + &line("true", "").repeat(11);
    drop(sandbox.task_bg(["batch", "-", "--wait"]).stdin(lines).code(5));
    drop(sandbox.task_bg(["batch", "-"]).stdin(line("true", ",\"hold\":true").repeat(12)).ok());
    for (size, title, only) in [
        (
            (80, 24),
            "task-bg  26 tasks: 12 queued, 11 completed, 3 error   ",
            "26 tasks: 12 queued, 11 completed, 3 error   ",
        ),
        (
            (60, 20),
            "26 tasks: 12 queued, 11 completed, 3 error   ",
            "26 tasks: 12 queued, 11 completed, …  ",
        ),
    ] {
        let mut looked = Looked::at(&sandbox, size, "by state");
        looked.shows(title);
        looked.press("fff");
        looked.shows("only error  by state");
        looked.shows(only);
        looked.press("\u{3}");
        drop(looked.ends().0.code_is(0));
        for file in ["keys", "seen"] {
            fs::remove_file(sandbox.path(file)).expect("one of the last");
        }
    }
}

// Once, the place was counted from the end, and the text ran on under whoever read it. Of a long log, what seemed to be
// its beginning was none.
#[test]
fn who_reads_in_a_log_keeps_the_place_while_it_grows_and_hears_of_what_is_left_out() {
    let sandbox = sandbox();
    let script = format!(
        "seq -f 'line %g.' 1 3000; {}; seq -f 'line %g.' 3001 3500; {}",
        sandbox.until("more"),
        sandbox.until("end"),
    );
    let id = sandbox.run_script(&[], &script);
    let mut looked = Looked::at(&sandbox, (80, 24), "line 3000.");
    looked.press("o");
    looked.shows("log of ");
    // Three up: the last of 21 rows is 2997.
    looked.press("\u{1b}[A\u{1b}[A\u{1b}[A");
    looked.shows("it stands still; G follows");
    sandbox.open_gate("more");
    let log = sandbox.store().join(format!("{id}.out"));
    tests::process::wait_until("that more is written", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("line 3500."))
    });
    // What was seen of it by then is no more than what a key that changes nothing shows.
    looked.press("\u{1b}[A");
    looked.shows("line 2976.");
    let shown = super::screen(&looked.seen());
    assert!(shown.contains("line 2996.") && !shown.contains("line 2997."), "{shown}");
    looked.press("g");
    looked.shows("[what it wrote before: `task-bg output --full");
    looked.press("G");
    looked.shows("line 3500.");
    sandbox.open_gate("end");
    sandbox.ended(&id);
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}

#[test]
fn what_has_no_session_asks_for_no_words_and_a_line_can_be_erased() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--name", "worker"], "true");
    sandbox.ended(&id);
    let mut looked = Looked::at(&sandbox, (80, 24), "completed");
    looked.press("R");
    looked.shows("a command has no session");
    looked.press("/one two");
    looked.shows("only with: one two▏");
    looked.press("\u{17}");
    looked.shows("only with: one ▏");
    looked.press("\u{15}");
    looked.shows("only with: ▏");
    looked.press("\r\u{3}");
    drop(looked.ends().0.code_is(0));
}

// Once, it showed how the last lines of a log began, where the list shows how they ended.
#[test]
fn the_last_words_of_a_task_are_in_its_line() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&["--name", "counts"], "seq 1 20000");
    sandbox.ended(&id);
    // There is no room for its log.
    let mut looked = Looked::at(&sandbox, (80, 12), "counts");
    looked.shows("19999 20000");
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}
