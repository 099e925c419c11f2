//! The line that is typed in `top`, and questions that are not asked.

use super::Looked;
use crate::sandbox;

// Once, arrows and Home did nothing there: whoever had forgotten a word began anew.
#[test]
fn a_line_is_mended_where_the_cursor_is() {
    let sandbox = sandbox();
    sandbox.run_script(&["--name", "abc"], "exec sleep 600");
    let mut looked = Looked::at(&sandbox, (80, 24), "sleep");
    looked.press("/bd");
    looked.shows("only with: bd▏");
    looked.press("\u{1b}[D\u{1b}[D\u{1b}[Da\u{1b}[C");
    looked.shows("only with: ab▏d");
    looked.press("\u{1b}[3~c\u{1b}[H");
    looked.shows("only with: ▏abc");
    looked.press("\u{5}\r");
    looked.shows("/abc");
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}

// Once, it asked, and refused what was answered.
#[test]
fn whoever_would_cancel_what_has_ended_is_told_so_and_not_asked() {
    let sandbox = sandbox();
    let ended = sandbox.run_script(&["--name", "over"], "exit 0");
    sandbox.ended(&ended);
    let mut looked = Looked::at(&sandbox, (80, 24), "over");
    looked.press("c");
    looked.shows("it has ended: there is nothing to cancel");
    assert!(!looked.seen().contains("y: yes"));
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}
