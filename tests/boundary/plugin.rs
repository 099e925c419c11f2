//! The plugin as it lies in the repository: what droid reads of it, and what its hooks do where the program is missing.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::sandbox;

fn read(name: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn json_of(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The keys of a front matter, each with its value.
fn front_matter(text: &str) -> Vec<(&str, &str)> {
    let (head, _) = text.strip_prefix("---\n").and_then(|it| it.split_once("\n---\n")).expect("it");
    head.lines().map(|line| line.split_once(": ").expect("a key and a value")).collect()
}

#[test]
fn the_marketplace_leads_to_the_plugin_and_both_have_its_name() {
    let market = json_of(".factory-plugin/marketplace.json");
    let plugin = json_of("plugin/.factory-plugin/plugin.json");
    let entry = &market["plugins"][0];
    assert_eq!((&entry["name"], &entry["source"]), (&json!("task-bg"), &json!("./plugin")));
    assert_eq!(plugin["name"], "task-bg");
    let manifest = read("Cargo.toml");
    let version = format!("version = {}", plugin["version"]);
    assert!(manifest.contains(&version), "the plugin's {version} is the workspace's");
}

#[test]
fn the_skill_is_short_and_says_when_to_use_it() {
    let skill = read("plugin/skills/task-bg/SKILL.md");
    assert!(skill.lines().count() < 100, "{} lines", skill.lines().count());
    let keys = front_matter(&skill);
    assert_eq!(keys[0], ("name", "task-bg"));
    assert!(keys[1].0 == "description" && keys[1].1.len() < 1024, "{keys:?}");
    assert_eq!(front_matter(&read("plugin/commands/task-bg.md"))[0].0, "description");
}

#[test]
fn it_brings_the_server_of_tools_switched_off() {
    let server = &json_of("plugin/mcp.json")["mcpServers"]["task-bg"];
    let expected =
        json!({"type": "stdio", "command": "task-bg", "args": ["mcp"], "disabled": true});
    assert_eq!(*server, expected);
}

#[test]
fn its_hooks_are_in_the_form_that_droid_reads_and_at_our_events() {
    let hooks = json_of("plugin/hooks/hooks.json");
    let events = hooks["hooks"].as_object().expect("the wrapped form");
    let expected = ["SessionStart", "PostToolUse", "UserPromptSubmit", "Stop", "SubagentStop"];
    assert_eq!(events.keys().collect::<Vec<_>>(), expected);
    for entries in events.values() {
        let hook = &entries[0]["hooks"][0];
        assert_eq!((&hook["type"], &hook["timeout"]), (&json!("command"), &json!(5)));
    }
}

#[test]
fn where_the_program_is_missing_its_hooks_are_silent_and_else_they_hand_it_the_event() {
    let sandbox = sandbox();
    let hooks = json_of("plugin/hooks/hooks.json");
    let command = hooks["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().expect("a command");
    let missing = sandbox.shell(command).env("PATH", "/usr/bin:/bin").stdin("{}").ok();
    assert_eq!((missing.stdout.as_str(), missing.stderr.as_str()), ("", ""));
    let stub = sandbox.path("stub");
    fs::create_dir(&stub).expect("a folder");
    let seen = sandbox.path("seen");
    let script = format!("#!/bin/sh\ncat > '{}'\nexit 3\n", seen.display());
    fs::write(stub.join("task-bg-hook"), script).expect("a script");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(stub.join("task-bg-hook"), executable).expect("a mode");
    let path = format!("{}:/usr/bin:/bin", stub.display());
    let ran = sandbox.shell(command).env("PATH", path).stdin("an event").run();
    assert_eq!(ran.code, 3, "the program takes the shell's place\n{ran}");
    assert_eq!(fs::read_to_string(seen).expect("it was run"), "an event");
}
