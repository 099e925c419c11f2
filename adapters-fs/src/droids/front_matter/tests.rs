//! What front matter says in every spelling, and what is refused with which words.

use super::*;
use proptest::prelude::*;

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn refused(text: &str) -> String {
    parse(text).expect_err("it cannot be read")
}

#[test]
fn every_key_is_read_and_others_are_passed_over() {
    let text = "---\nname: x\ndescription: \"what: it is for\"\nmodel: inherit\n\
        reasoningEffort: high\nautonomy: low\ncolor: {a: [b, {c: d}]}\ntools: [Read, 'Grep']\n---\n\nBe one.\n";
    let matter = parse(text).expect("it is well formed");
    assert_eq!(matter.name.as_deref(), Some("x"));
    assert_eq!(matter.description.as_deref(), Some("what: it is for"));
    assert_eq!(matter.model.as_deref(), Some("inherit"));
    assert_eq!(matter.reasoning_effort.as_deref(), Some("high"));
    assert_eq!(matter.autonomy.as_deref(), Some("low"));
    assert_eq!(matter.tools, Some(words(&["Read", "Grep"])));
    assert_eq!(matter.body.trim(), "Be one.");
}

#[test]
fn tools_are_a_list_a_line_of_words_or_nothing() {
    let tools = |value: &str| parse(&format!("---\ntools:{value}\n---\nx")).map(|m| m.tools);
    assert_eq!(tools("\n  - Read\n  - LS"), Ok(Some(words(&["Read", "LS"]))));
    assert_eq!(tools("\n- Read"), Ok(Some(words(&["Read"]))));
    assert_eq!(tools(" Read, LS"), Ok(Some(words(&["Read", "LS"]))));
    assert_eq!(tools(" read-only"), Ok(Some(words(&["read-only"]))));
    assert_eq!(tools(" []"), Ok(Some(Vec::new())));
    for nothing in ["", " ~", " null", " \"\""] {
        assert_eq!(tools(nothing), Ok(None), "{nothing}");
    }
    for odd in [" {a: b}", " [[a]]", " [{a: b}]"] {
        assert!(tools(odd).is_err(), "{odd}");
    }
}

#[test]
fn a_description_that_is_no_yaml_is_read_as_droid_reads_it() {
    let text =
        "---\r\nname: 'x'\r\ndescription: Use when: always\r\ntools:\r\n  - Read\r\n---\r\nBe.";
    let matter = parse(text).expect("droid would read it");
    assert_eq!(matter.name.as_deref(), Some("x"));
    assert_eq!(matter.description.as_deref(), Some("Use when: always"));
    assert_eq!(matter.tools, Some(words(&["Read"])));
    assert_eq!(matter.body, "Be.");
    let text = "---\nname: x\ndescription: a: b\ntools: [Read, \"LS\"]\n---\nBe.";
    assert_eq!(parse(text).expect("droid would read it").tools, Some(words(&["Read", "LS"])));
}

#[test]
fn without_front_matter_all_is_body() {
    for text in ["Be one.", "# Title\n---\n", "", "----\nx\n---\n"] {
        let matter = parse(text).expect("nothing can be wrong");
        assert_eq!(matter, FrontMatter { body: text, ..FrontMatter::default() });
    }
    assert_eq!(parse("\u{feff}---\nname: x\n---\ny").expect("read").name.as_deref(), Some("x"));
    assert_eq!(parse("---\n---\ny").expect("read").body, "y");
}

#[test]
fn what_is_broken_is_refused_with_the_reason() {
    assert!(refused("---\nname: x\nBe one.").contains("no end"));
    assert!(refused("---\n: [ {\n---\nx").contains("no YAML"));
    for no_mapping in ["just words", "- a\n- b"] {
        assert!(refused(&format!("---\n{no_mapping}\n---\nx")).contains("no mapping"));
    }
    assert!(refused("---\n? [a, b]\n: c\n---\nx").contains("no text"));
    assert!(refused("---\nname: [x]\n---\nx").contains("`name`"));
    assert!(refused("---\nmodel: {a: b}\n---\nx").contains("`model`"));
    let long = format!("---\nname: {}\n---\nx", "y".repeat(MAX_FRONT_MATTER));
    assert!(refused(&long).contains("64 KiB"));
}

#[test]
fn an_alias_is_never_resolved() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (one, next) in ('a'..'y').zip('b'..'z') {
        bomb += &format!("{next}: &{next} [*{one}, *{one}, *{one}, *{one}, *{one}, *{one}]\n");
    }
    let text = format!("---\n{bomb}name: x\n---\nBe.");
    assert_eq!(parse(&text).expect("nothing of it counts").name.as_deref(), Some("x"));
    assert!(refused(&format!("---\n{bomb}tools: *y\n---\nBe.")).contains("`tools`"));
}

#[test]
fn nesting_and_repetition_cost_neither_the_stack_nor_the_day() {
    let begun = std::time::Instant::now();
    for part in
        ["[", "{", "{a: ", "- ", "? ", "a: ", "&a ", "!a ", "\"", "|\n ", "a\n", "%\n", "a: b\n"]
    {
        let front = part.repeat((MAX_FRONT_MATTER - 100) / part.len());
        drop(parse(&format!("---\nx: {front}\n---\nbody")));
        drop(parse(&format!("---\n{front}\n---\nbody")));
    }
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn invariant_no_text_makes_it_panic(front in "[a-z:\\-\\[\\]{}&*'\"|>#%@`!?, \\n\\t]{0,80}") {
        drop(parse(&format!("---\n{front}\n---\nbody")));
        drop(by_lines(&front));
    }
}
