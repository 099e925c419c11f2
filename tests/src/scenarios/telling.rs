//! What an agent is told reaches the model: every byte of the prompt, and the model of the order.

use std::fs;

use serde_json::{Value, json};

use super::stage::{Stage, assert_completed};

/// Everything that a shell, a JSON writer or an argument parser could trip over.
const SHELL_SYNTAX: &str = "SAY:quoted\n\
    --not-an-option -- $(touch pwned) `touch pwned` ${HOME} $HOME !! \\ \\n %s %n\n\
    \"double\" 'single' \"'mixed'\" ; touch pwned & touch pwned | cat > pwned < /dev/null\n\
    * ? [a-z] {a,b} ~ # no comment\n\
    \ttab, \u{a0}space, \u{1b}[31mred\u{1b}[0m, caf\u{e9}, \u{65e5}\u{672c}, \u{1f980}\n\
    \n\
    {\"json\": [\"\\u0041\"]}\n\
    EOF\n\
    the end";

pub(super) fn a_prompt_full_of_shell_syntax_reaches_the_model_unchanged(stage: &Stage) {
    let answer = stage.ok(["launch", "an argument", SHELL_SYNTAX]);
    let argument = stage.note_task(&answer);
    assert_completed(&stage.ended(&argument, 0), "quoted");
    let (_, piped) = stage.launch(SHELL_SYNTAX, [] as [&str; 0]);
    assert_completed(&stage.ended(&piped, 0), "quoted");
    let arrived = stage.requests().iter().filter(|request| told(request, SHELL_SYNTAX)).count();
    assert_eq!(arrived, 2, "the prompt arrived changed: {:#?}", texts_of(stage));
    for folder in [stage.work(), stage.path("home").into()] {
        assert!(!folder.join("pwned").exists(), "a shell has read the prompt");
    }
    assert_eq!(stage.status(&argument)["prompt"], SHELL_SYNTAX);
}

pub(super) fn a_prompt_of_a_megabyte_reaches_the_model_unchanged(stage: &Stage) {
    let mut prompt = "SAY:read to the end\n".to_owned();
    let mut line = 0;
    while prompt.len() < 1 << 20 {
        line += 1;
        prompt.push_str(&format!("{line:07} \"$(echo no)\" `no` \\ caf\u{e9}\n"));
    }
    prompt.push_str("the end");
    let file = stage.path("prompt.txt");
    fs::write(&file, &prompt).expect("a file in the sandbox");
    let answer = stage.ok(["launch", "a file", "--prompt-file", &file]);
    let id = stage.note_task(&answer);
    assert_completed(&stage.ended(&id, 0), "read to the end");
    let arrived = stage.requests().iter().filter(|request| told(request, &prompt)).count();
    assert_eq!(arrived, 1, "the prompt arrived changed");
    let status = stage.ok(["status", "--full", &id]);
    assert!(status["prompt"] == *prompt, "the record holds another prompt");
}

pub(super) fn the_model_of_the_order_is_the_one_that_is_asked(stage: &Stage) {
    stage.set_up_droid(|settings| {
        let mut second = settings["customModels"][0].clone();
        second["model"] = json!("second-model");
        second["displayName"] = json!("Second");
        settings["customModels"].as_array_mut().expect("a list of models").push(second);
    });
    for (options, asked) in
        [(&[][..], "scripted"), (&["--model", "custom:Second-1"][..], "second-model")]
    {
        let before = stage.requests().len();
        let (_, id) = stage.launch("SAY:asked", options);
        let record = stage.ended(&id, 0);
        assert_completed(&record, "asked");
        assert_eq!(record["parent_model"].as_str(), options.get(1).copied(), "{record:#}");
        let models: Vec<Value> =
            stage.requests().iter().skip(before).map(|request| request["model"].clone()).collect();
        assert_eq!(models, [json!(asked)], "with {options:?}");
    }
}

/// Tells whether a user's text in this request is exactly this one.
fn told(request: &Value, prompt: &str) -> bool {
    texts(request).iter().any(|text| text == prompt)
}

/// The texts of the user in a request.
fn texts(request: &Value) -> Vec<String> {
    let messages = request["messages"].as_array().into_iter().flatten();
    let users = messages.filter(|message| message["role"] == "user");
    let blocks = users.filter_map(|message| message["content"].as_array()).flatten();
    blocks.filter_map(|block| block["text"].as_str().map(str::to_owned)).collect()
}

fn texts_of(stage: &Stage) -> Vec<String> {
    stage.requests().iter().flat_map(texts).collect()
}
