//! Where the hooks of other agents go, and what of somebody else's is never touched there.

use std::fs;

use serde_json::json;

use crate::hooks_install::text;
use crate::sandbox;

#[test]
fn opencode_gets_a_plugin_that_is_ours_alone() {
    let sandbox = sandbox();
    let run = |action: &str| sandbox.task_bg(["hooks", action, "--for", "opencode"]);
    let file = sandbox.home().join(".config/opencode/plugin/task-bg.js");
    let answer = run("install").ok().json();
    assert_eq!(answer["changed"][0]["done"], "created", "{answer:#}");
    assert!(text(&file).contains("OPENCODE_SESSION_ID") && text(&file).contains("task-bg-hook"));
    assert_eq!(run("install").ok().json()["changed"], json!([]));
    assert_eq!(run("status").ok().json()["registered"], true);
    run("uninstall").ok().done();
    assert!(!file.exists());
    // Once, lines that somebody had added to ours were thrown away.
    run("install").ok().done();
    let edited = text(&file).replace("5000", "9000");
    fs::write(&file, &edited).expect("an edited plugin");
    for action in ["install", "uninstall"] {
        let refused = run(action).code(4).json();
        assert!(refused.to_string().contains("it was edited"), "{refused:#}");
        assert_eq!(text(&file), edited);
    }
    fs::write(&file, "export const Mine = 1\n").expect("somebody's plugin");
    for action in ["install", "uninstall"] {
        run(action).code(4).json();
        assert_eq!(text(&file), "export const Mine = 1\n");
    }
}

/// Once, they went into `~/.claude`, where a Claude Code with another folder looks for nothing.
#[test]
fn claudes_hooks_go_where_its_variable_says_its_settings_are() {
    let sandbox = sandbox();
    let folder = sandbox.path("elsewhere");
    let run = |action: &str| {
        let run = sandbox.task_bg(["hooks", action, "--for", "claude"]);
        run.env("CLAUDE_CONFIG_DIR", &folder).ok().json()
    };
    run("install");
    assert!(text(&folder.join("settings.json")).contains("task-bg-hook"));
    assert!(!sandbox.home().join(".claude").exists());
    assert_eq!(run("status")["registered"], true);
    run("uninstall");
    assert!(!folder.join("settings.json").exists());
}

/// Once, they were written into the first of two sections, of which an agent reads the last.
#[test]
fn a_file_that_says_a_key_of_hooks_twice_is_refused_and_stays_as_it_is() {
    let sandbox = sandbox();
    let file = sandbox.home().join(".claude/settings.json");
    fs::create_dir_all(sandbox.home().join(".claude")).expect("a folder");
    for before in [
        r#"{"hooks": {}, "model": "m", "hooks": {"Stop": []}}"#,
        r#"{"hooks": {"Stop": [], "Stop": []}}"#,
    ] {
        fs::write(&file, before).expect("settings");
        for action in ["install", "uninstall"] {
            let refused = sandbox.task_bg(["hooks", action, "--for", "claude"]).code(4).json();
            assert!(refused.to_string().contains("is there twice"), "{refused:#}");
            assert_eq!(text(&file), before);
        }
    }
}

/// Once, the folders that had been made for a file stayed behind, empty.
#[test]
fn the_folders_that_were_made_for_a_file_go_with_it_unless_something_is_in_them() {
    for (agent, folder, kept) in [
        ("claude", ".claude", ".claude/CLAUDE.md"),
        ("codex", ".codex", ".codex/config.toml"),
        ("gemini", ".gemini", ".gemini/GEMINI.md"),
        ("opencode", ".config/opencode", ".config/opencode/opencode.json"),
    ] {
        let sandbox = sandbox();
        let run = |action: &str| sandbox.task_bg(["hooks", action, "--for", agent]).ok().done();
        let folder = sandbox.home().join(folder);
        run("install");
        assert!(folder.exists(), "{agent}");
        run("uninstall");
        assert!(!folder.exists(), "{agent}");
        let kept = sandbox.home().join(kept);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(&kept, "mine").expect("a file of somebody's");
        run("install");
        run("uninstall");
        let left: Vec<_> = fs::read_dir(&folder).expect("the folder").flatten().collect();
        assert_eq!((left.len(), text(&kept).as_str()), (1, "mine"), "{agent}");
    }
}
