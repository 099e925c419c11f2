//! Adding and taking out our entries, on texts that people really have.

use super::document::{Document, Form, fresh, with, without};
use super::{EVENTS, command_for};

const COMMENTED: &str = r#"{
  // the model I like
  "model": "custom:x",
  "hooks": {
    /* my own */
    "Stop": [
      { "matcher": "*", "hooks": [{ "type": "command", "command": "say done" }] } // mine
    ]
  }
}
"#;

fn entries() -> Vec<(&'static str, &'static str)> {
    EVENTS.into_iter().map(|event| (event, "/opt/task-bg-hook")).collect()
}

#[test]
fn a_fresh_file_is_what_adding_to_nothing_gives_and_works() {
    for form in [Form::Wrapped, Form::Flat] {
        let text = fresh(form, &EVENTS, "/opt/task-bg-hook", 5);
        assert_eq!(with("", form, &entries(), 5).as_ref(), Ok(&text));
        let document = Document::parse(&text, form).expect("it is valid");
        assert_eq!(document.ours().len(), EVENTS.len());
        assert!(document.flaws().is_empty() && document.counts());
    }
}

#[test]
fn adding_keeps_every_line_that_was_there() {
    let after = with(COMMENTED, Form::Wrapped, &entries(), 5).expect("it can be edited");
    // A comma may come between an entry and the comment behind it.
    let plain = |text: &str| text.replace([',', ' ', '\n'], "");
    let kept = COMMENTED.lines().map(plain).filter(|line| line.len() > 2);
    for line in kept {
        assert!(plain(&after).contains(&line), "`{line}` is gone from:\n{after}");
    }
    let document = Document::parse(&after, Form::Wrapped).expect("it is valid");
    assert_eq!((document.ours().len(), document.flaws()), (EVENTS.len(), vec![]));
}

#[test]
fn taking_out_what_was_added_leaves_others_entries_and_comments() {
    let after = with(COMMENTED, Form::Wrapped, &entries(), 5).expect("it can be edited");
    let back = without(&after, Form::Wrapped);
    let document = Document::parse(&back, Form::Wrapped).expect("it is valid");
    assert!(document.mentions().is_empty());
    for kept in ["// the model I like", "/* my own */", "say done", "// mine"] {
        assert!(back.contains(kept), "`{kept}` is gone from:\n{back}");
    }
}

#[test]
fn an_entry_that_switches_off_the_whole_file_is_named() {
    let flaws = |stop: &str| {
        let text = format!(r#"{{"hooks":{{"Stop":[{stop}]}}}}"#);
        Document::parse(&text, Form::Wrapped).expect("it is valid").flaws()
    };
    for bad in [
        r#"{"hooks":[{"command":"true"}]}"#,
        r#"{"type":"command","command":"true"}"#,
        r#"{"hooks":[{"type":"command","command":"true","timeout":"5"}]}"#,
    ] {
        assert_eq!(flaws(bad).len(), 1, "{bad}");
    }
    assert!(flaws(r#"{"hooks":[{"type":"command","command":"true"}]}"#).is_empty());
}

#[test]
fn what_an_agent_would_not_read_is_refused_with_its_place() {
    let broken = Document::parse("{\n  \"a\": 1,\n}", Form::Wrapped).expect_err("a trailing comma");
    assert_eq!(broken.line, 2, "{broken:?}");
    assert!(Document::parse("[]", Form::Flat).is_err());
}

#[test]
fn our_program_is_known_under_any_path_and_only_alone_is_it_ours() {
    let document = |command: &str| {
        let command = serde_json::Value::from(command);
        let text =
            format!(r#"{{"Stop":[{{"hooks":[{{"type":"command","command":{command}}}]}}]}}"#);
        Document::parse(&text, Form::Flat).expect("it is valid")
    };
    for ours in
        ["task-bg-hook", "/a/task-bg-hook", "'/with space/task-bg-hook'", "task-bg hook-complete"]
    {
        assert_eq!(document(ours).ours().len(), 1, "{ours}");
    }
    let mixed = document("notify; task-bg-hook");
    assert_eq!((mixed.ours().len(), mixed.mentions().len()), (0, 1));
    assert!(document("my-task-bg-hook").mentions().is_empty());
    let quoted = command_for(std::path::Path::new("/with space/task-bg-hook"));
    assert_eq!(quoted, "'/with space/task-bg-hook'");
}
