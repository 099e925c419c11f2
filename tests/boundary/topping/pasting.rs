//! A text that is pasted into the terminal of `top`: it is a text for the line that is typed, and nothing elsewhere.

use serde_json::Value;

use super::Looked;
use crate::sandbox;

/// What a terminal that was asked to sends for a pasted text.
fn pasted(text: &str) -> String {
    format!("\u{1b}[200~{text}\u{1b}[201~")
}

/// The prompts of the tasks that go on with this one.
fn told(looked: &Looked<'_>, id: &str) -> Vec<String> {
    let list = looked.sandbox.task_bg(["list", "--full"]).ok().json();
    let tasks = list["tasks"].as_array().cloned().unwrap_or_default();
    let ids: Vec<&str> = tasks.iter().filter_map(|task| task["id"].as_str()).collect();
    let records = ids.into_iter().map(|id| looked.sandbox.record(id));
    let follow = records.filter(|record| record["progress"]["resumeOf"] == id);
    follow.filter_map(|record| record["prompt"].as_str().map(ToOwned::to_owned)).collect()
}

// Once, its first line alone was sent, and the rest was taken for keys: `c` and `y` in it cancelled a task.
#[test]
fn a_pasted_text_of_several_lines_is_told_whole_and_none_of_it_is_a_key() {
    let sandbox = sandbox();
    let agent = sandbox.launch("SAY done");
    sandbox.ended(&agent);
    let victim = sandbox.run_script(&["--name", "victim"], "exec sleep 600");
    let mut looked = Looked::at(&sandbox, (80, 24), "victim");
    assert!(looked.seen().contains("\u{1b}[?2004h"), "the terminal is asked to mark it");
    looked.press("jR");
    looked.shows("tell ");
    looked.press(&pasted("SAY fix the bug\rgo up\rkcy"));
    looked.shows("SAY fix the bug⏎go up⏎kcy");
    assert_eq!(told(&looked, &agent), Vec::<String>::new());
    looked.press("\r");
    looked.shows("follows");
    assert_eq!(told(&looked, &agent), ["SAY fix the bug\ngo up\nkcy"]);
    assert_eq!(sandbox.status(&victim), "running");
    looked.press("\u{3}");
    let (ran, seen) = looked.ends();
    drop(ran.code_is(0));
    assert!(seen.contains("\u{1b}[?2004l"), "{seen}");
}

#[test]
fn a_text_that_is_pasted_where_nothing_is_typed_means_nothing() {
    let sandbox = sandbox();
    let victim = sandbox.run_script(&["--name", "victim"], "exec sleep 600");
    let mut looked = Looked::at(&sandbox, (80, 24), "victim");
    looked.press(&pasted("policy\rr\rq"));
    looked.press("o");
    looked.shows("log of ");
    looked.press(&pasted("q\rcy\r"));
    looked.press("\u{1b}");
    looked.shows("q quit");
    // No answer to a question either, and no end of it.
    looked.press("c");
    looked.shows("? y: yes");
    looked.press(&pasted("y\r"));
    looked.press("n");
    // A filter is one line.
    looked.press("/");
    looked.press(&pasted("vic\rtim"));
    looked.shows("only with: vic tim▏");
    looked.press("\r");
    looked.press("?");
    looked.shows("any key: back");
    let list: Value = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&list["total"], &list["running"]), (&Value::from(1), &Value::from(1)), "{list}");
    assert_eq!(sandbox.status(&victim), "running");
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}

// Not every terminal marks it.
#[test]
fn a_text_that_comes_unmarked_and_at_once_is_not_sent_by_the_line_breaks_in_it() {
    let sandbox = sandbox();
    let agent = sandbox.launch("SAY done");
    sandbox.ended(&agent);
    let mut looked = Looked::at(&sandbox, (80, 24), "done");
    looked.press("R");
    looked.shows("tell ");
    looked.press("SAY one\rtwo\rqqq");
    looked.shows("SAY one⏎two⏎qqq");
    looked.press("\u{1b}");
    looked.shows("q quit");
    assert_eq!(told(&looked, &agent), Vec::<String>::new());
    looked.press("\u{3}");
    drop(looked.ends().0.code_is(0));
}
