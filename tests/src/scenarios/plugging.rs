//! Our plugin, installed from this checkout by the real `droid` without a network: its hooks do what registered ones do.
//!
//! The checkout is only read. What the hooks say in every case is the business of `hearing` and of the boundary tests.

use std::path::Path;

use serde_json::json;

use super::hearing::{ID, WAIT, exec, last_request, texts};
use super::stage::{Stage, assert_completed};
use super::steering::{execute, held_words};

pub(super) fn the_hooks_of_the_plugin_of_this_checkout_tell_a_session_of_each_ending_once(
    stage: &Stage,
) {
    let settings = install(stage);
    assert!(settings.get("hooks").is_none(), "no hook but those of the plugin: {settings:#}");
    // The server of tools comes with it, switched off until it is installed.
    for (installed, state) in [(false, "disabled"), (true, "connected")] {
        if installed {
            stage.ok(["mcp", "install", "--json"]);
        }
        let servers = stage.shell("droid mcp list").stdout;
        let ours = servers.lines().find(|line| line.trim_start().starts_with("task-bg "));
        assert!(ours.is_some_and(|line| line.contains(state)), "{servers}");
    }
    stage.ok(["mcp", "uninstall", "--json"]);

    let held = held_words(&stage.path("gate"), "findings of the held one");
    let first = format!("{WAIT} $(task-bg launch 'the first' 'SAY:findings of the first' | {ID})");
    let prompt = [
        execute(&format!("task-bg launch 'the held one' '{held}'"), "low"),
        execute(&first, "low"),
    ];
    let prompt = prompt.concat();
    let session = exec(stage, &prompt);
    let tasks = stage.ok(["list", "--parent", &session])["tasks"].clone();
    let [first, held] = ["the first", "the held one"].map(|label| {
        let mut all = tasks.as_array().into_iter().flatten();
        let task = all.find(|task| task["description"] == label);
        let task = task.unwrap_or_else(|| panic!("no `{label}` in {tasks:#}"));
        assert_eq!(task["parent_session_id"], *session, "{task:#}");
        stage.note_task(&json!({ "taskId": task["id"] }))
    });

    let texts = texts(&last_request(stage, &prompt));
    let told = format!("- {first} \"the first\" completed: findings of the first");
    let named = format!("still at work: {held} \"the held one\"");
    for words in [&told, &named] {
        let heard = texts.iter().map(|text| text.matches(words.as_str()).count()).sum::<usize>();
        assert_eq!(heard, 1, "{words}\n{texts:#?}");
    }
    stage.open_gate("gate");
    assert_completed(&stage.ended(&held, 0), "findings of the held one");
    let findings = stage.ok(["doctor"])["findings"].clone();
    for check in ["hooks", "plugin"] {
        let mut all = findings.as_array().into_iter().flatten();
        let finding = all.find(|finding| finding["check"] == check);
        assert_eq!(finding.map(|it| &it["status"]), Some(&json!("ok")), "{findings:#}");
    }
}

/// Has `droid` install the plugin of this checkout, and returns the settings it leaves.
fn install(stage: &Stage) -> serde_json::Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().expect("the checkout");
    // The name of a marketplace is that of its folder.
    let market = root.file_name().and_then(|name| name.to_str()).expect("a name");
    stage.shell(&format!("droid plugin marketplace add '{}'", root.display())).done();
    stage.shell(&format!("droid plugin install 'task-bg@{market}' --scope user")).done();
    stage.droid_settings()
}
