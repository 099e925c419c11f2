//! Whatever is in an answer, it fits, is JSON, and counts what is not in it.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const ROWS: List = List {
    key: "tasks",
    keep: &["id", "status"],
    counted: "omitted",
    first: |row| row["status"] != "error",
};

fn shape() -> Shape {
    let more = Some("task-bg list --all".to_owned());
    Shape { texts: &[100, 20], lists: vec![ROWS], more }
}

fn row(number: usize, status: &str, text: &str) -> Value {
    json!({"id": format!("bg_{number}"), "status": status, "description": text, "result": null})
}

#[track_caller]
fn assert_fits(answer: &Value) {
    let printed = format!("{answer}\n");
    assert!(printed.chars().count() <= 30_000, "{} characters", printed.chars().count());
    assert!(printed.len() <= 60_000, "{} bytes", printed.len());
    assert_eq!(serde_json::from_str::<Value>(&printed).ok().as_ref(), Some(answer));
}

#[test]
fn what_fits_is_not_touched() {
    let answer = json!({"tasks": [row(1, "completed", &"x".repeat(20_000))], "omitted": 0});
    assert_eq!(fit(&mut |_| answer.clone(), &shape()), answer);
}

#[test]
fn texts_give_way_before_rows_and_endings_that_were_bad_last() {
    let build = |count: usize| {
        move |texts: Option<usize>| {
            let text = "long ".repeat(40);
            let text = text::preview(&text, texts.unwrap_or(200));
            let rows = (0..count).map(|number| {
                row(number, if number % 100 == 0 { "error" } else { "completed" }, &text)
            });
            json!({"total": count, "tasks": rows.collect::<Vec<_>>(), "omitted": 0})
        }
    };
    let shorter = fit(&mut build(150), &shape());
    assert_fits(&shorter);
    assert_eq!(shorter["tasks"].as_array().map(Vec::len), Some(150));
    assert_eq!(shorter["tasks"][149]["description"].as_str().map(str::len), Some(103));
    let reduced = fit(&mut build(500), &shape());
    assert_fits(&reduced);
    assert_eq!(reduced["tasks"].as_array().map(Vec::len), Some(500));
    assert_eq!(reduced["tasks"][499], json!({"id": "bg_499", "status": "completed"}));
    assert!(reduced["tasks"][400]["description"].is_string(), "a failure stays as it is");
    assert_eq!(reduced["more"], "task-bg list --all");
    let counted = fit(&mut build(2_000), &shape());
    assert_fits(&counted);
    let rows = counted["tasks"].as_array().expect("rows");
    assert_eq!(rows.len() as u64 + counted["omitted"].as_u64().expect("a count"), 2_000);
    let failed = rows.iter().filter(|row| row["status"] == "error").count();
    assert_eq!(failed, 20, "no failure is left out");
}

fn text_of_any_kind() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("plain words "),
        Just("\"quoted\" \\ "),
        Just("\u{1b}[31m\0\u{1}"),
        Just("漢字仮名"),
        Just("😀👩‍🚀"),
        Just("\u{fffd}\u{fffd}"),
        Just("line\n\ttab\r"),
    ];
    (proptest::collection::vec(piece, 0..6), 1usize..2_000).prop_map(|(pieces, times)| {
        let text = pieces.concat();
        let times = times.min(15_000 / text.len().max(1));
        text.repeat(times.max(1))
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        text_of_any_kind().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((".{0,9}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn invariant_an_answer_fits_whatever_is_in_it(
        members in proptest::collection::vec(("[a-z]{1,9}", value()), 0..9),
        rows in 0usize..1_500,
        text in text_of_any_kind(),
    ) {
        let build = |texts: Option<usize>| {
            let mut answer: Map<String, Value> = members.iter().cloned().collect();
            let short = text::preview(&text, texts.unwrap_or(300));
            let tasks = (0..rows).map(|number| row(number, "completed", &short));
            answer.insert("tasks".to_owned(), tasks.collect::<Vec<_>>().into());
            answer.insert("omitted".to_owned(), 7.into());
            Value::Object(answer)
        };
        let answer = fit(&mut |texts| build(texts), &shape());
        assert_fits(&answer);
        if let (Some(shown), Some(omitted)) = (answer["tasks"].as_array(), answer["omitted"].as_u64()) {
            prop_assert_eq!(shown.len() as u64 + omitted, rows as u64 + 7);
        }
    }

    #[test]
    fn invariant_a_value_weighs_what_is_printed_of_it(value in value(), text in text_of_any_kind()) {
        for value in [value, text.into()] {
            prop_assert_eq!(weight(&value), text_weight(&value.to_string()), "{}", value);
        }
    }
}
