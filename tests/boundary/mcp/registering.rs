//! `mcp install`, `uninstall` and `status`: into which file each agent gets the server, and what it has to be told.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox;

/// Each agent, where its user's servers stand, and where a project's do.
const PLACES: [(&str, &str, &str); 5] = [
    ("droid", ".factory/mcp.json", ".factory/mcp.json"),
    ("claude", ".claude.json", ".mcp.json"),
    ("codex", ".codex/config.toml", ".codex/config.toml"),
    ("gemini", ".gemini/settings.json", ".gemini/settings.json"),
    ("opencode", ".config/opencode/opencode.json", "opencode.json"),
];

#[test]
fn each_agent_gets_the_server_where_it_looks_for_servers_and_the_file_is_as_before_afterwards() {
    let sandbox = sandbox();
    for (agent, of_user, of_project) in PLACES {
        for (scope, file) in
            [("user", sandbox.home().join(of_user)), ("project", sandbox.work().join(of_project))]
        {
            let mcp = |action: &str| {
                sandbox
                    .task_bg(["mcp", action, "--for", agent, "--scope", scope, "--json"])
                    .ok()
                    .json()
            };
            let before = if of_user.ends_with("toml") {
                "model = \"x\" # mine\n"
            } else {
                "{ \"mine\": 1.50 }\n"
            };
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(&file, before).expect("written");
            assert_eq!(mcp("status")["registered"], false);
            let answer = mcp("install");
            assert_eq!(
                (&answer["done"], &answer["registered"]),
                (&json!("added"), &json!(true)),
                "{answer}"
            );
            assert_eq!(answer["file"], json!(file), "{answer}");
            assert!(answer["approval"].as_str().is_some_and(|it| !it.is_empty()), "{answer}");
            let text = fs::read_to_string(&file).expect("it is there");
            assert!(text.contains("task-bg") && text.contains("\"mcp\""), "{text}");
            let again = mcp("install");
            assert_eq!(
                (&again["done"], &again["registered"]),
                (&Value::Null, &json!(true)),
                "{again}"
            );
            assert_eq!(mcp("status")["command"][1], "mcp");
            assert_eq!(mcp("uninstall")["done"], "restored");
            assert_eq!(fs::read_to_string(&file).expect("it is there"), before);
            fs::remove_file(&file).expect("removed");
        }
    }
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_place_and_stays() {
    let sandbox = sandbox();
    let file = sandbox.home().join(".codex/config.toml");
    fs::create_dir_all(file.parent().expect("a folder")).expect("made");
    fs::write(&file, "a = 1\nb = \n").expect("written");
    let refused = sandbox.task_bg(["mcp", "install", "--for", "codex", "--json"]).run().failure(4);
    assert!(refused["error"].as_str().is_some_and(|it| it.contains("line 2")), "{refused}");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "a = 1\nb = \n");
}
