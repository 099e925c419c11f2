//! What the definition of a named droid gives reaches the model: its words, its tools and its model.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::stage::{Stage, assert_completed};

pub(super) fn a_named_droid_of_each_source_tells_the_model_its_words_and_has_its_tools(
    stage: &Stage,
) {
    stage.set_up_droid(|settings| {
        let mut second = settings["customModels"][0].clone();
        second["model"] = json!("second-model");
        second["displayName"] = json!("Second");
        settings["customModels"].as_array_mut().expect("a list of models").push(second);
    });
    install_plugin(stage);
    define(
        stage,
        "work/.factory/droids/of-project.md",
        "---\ndescription: p\nmodel: custom:Second-1\ntools: [Read]\n---\nWORDS OF THE PROJECT",
    );
    define(
        stage,
        "home/.factory/droids/of-user.md",
        "---\ndescription: u\nmodel: inherit\nreasoningEffort: high\ntools: edit\n---\nWORDS OF THE USER",
    );
    for (name, source, words, tools, model) in [
        ("of-project", "project", "WORDS OF THE PROJECT", &["Read"][..], "second-model"),
        ("of-user", "user", "WORDS OF THE USER", &["Edit", "Create"][..], "scripted"),
        ("of-plugin", "plugin", "WORDS OF THE PLUGIN", &["Grep", "Glob"][..], "scripted"),
        ("explorer", "builtin", "You explore", &["Read", "LS", "Grep", "Glob"][..], "scripted"),
    ] {
        let before = stage.requests().len();
        let (_, id) = stage.launch("SAY:told", ["--droid", name]);
        let record = stage.ended(&id, 0);
        assert_completed(&record, "told");
        assert_eq!(record["progress"]["droid"]["source"], source, "{record:#}");
        let requests = stage.requests();
        let request = requests.get(before).expect("the model was asked");
        assert!(system(request).contains(words), "{name}: {}", system(request));
        let mut offered = tool_names(request);
        offered.sort_unstable();
        let mut expected = tools.to_vec();
        expected.sort_unstable();
        assert_eq!(offered, expected, "{name}");
        assert_eq!(request["model"], model, "{name}");
    }
}

fn define(stage: &Stage, path: &str, text: &str) {
    let path = stage.path(path);
    let folder = Path::new(&path).parent().expect("a folder");
    fs::create_dir_all(folder).expect("a folder in the sandbox");
    fs::write(&path, text).expect("a file in the sandbox");
}

/// Has the real `droid` install a plugin that defines a droid.
fn install_plugin(stage: &Stage) {
    let plugin = json!({"name": "demo", "source": "./demo", "description": "d"});
    let market = json!({"name": "market", "owner": {"name": "x"}, "plugins": [plugin]});
    define(stage, "market/.factory-plugin/marketplace.json", &market.to_string());
    let manifest = json!({"name": "demo", "description": "d", "version": "1.0.0"});
    define(stage, "market/demo/.factory-plugin/plugin.json", &manifest.to_string());
    define(
        stage,
        "market/demo/droids/of-plugin.md",
        "---\nname: of-plugin\ndescription: no: yaml\ntools: Grep, Glob\n---\nWORDS OF THE PLUGIN",
    );
    let market = stage.path("market");
    for words in [&["marketplace", "add", &market][..], &["install", "demo@market"][..]] {
        let done = Command::new(stage.path("bin/droid"))
            .arg("plugin")
            .args(words)
            .env("HOME", stage.path("home"))
            .env("FACTORY_AIRGAP_ENABLED", "1")
            .current_dir(stage.work())
            .output()
            .expect("droid starts");
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// The system prompt of a request.
fn system(request: &Value) -> String {
    let blocks = request["system"].as_array().into_iter().flatten();
    blocks.filter_map(|block| block["text"].as_str()).collect()
}

fn tool_names(request: &Value) -> Vec<&str> {
    let tools = request["tools"].as_array().into_iter().flatten();
    tools.filter_map(|tool| tool["name"].as_str()).collect()
}
