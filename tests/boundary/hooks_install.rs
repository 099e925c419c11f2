//! Registering the hook: into the file that droid reads, beside whatever is there, and out again without a trace.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::sandbox::Sandbox;

use crate::sandbox;

const EVENTS: [&str; 5] =
    ["SessionStart", "PostToolUse", "UserPromptSubmit", "Stop", "SubagentStop"];

const OTHERS: &str = r#"{
    "model": "custom:x",
    "hooks": {
        "Stop": [
            { "matcher": "*", "hooks": [{ "type": "command", "command": "say done", "timeout": 3 }] }
        ]
    },
    "customModels": [ {"model":"x"} ]
}"#;

const COMMENTED: &str = r#"// settings of mine
{
  "theme": "dark", // at night
  /* nothing yet:
     "hooks": {} */
  "model": "x"
}
"#;

const FLAT: &str = r#"{
  "Stop": [{ "hooks": [{ "type": "command", "command": "say flat" }] }]
}
"#;

/// A file below droid's folder, with this in it.
fn put(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let file = sandbox.home().join(".factory").join(name);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder in the sandbox");
    fs::write(&file, text).expect("a file in the sandbox");
    file
}

pub(crate) fn text(file: &PathBuf) -> String {
    fs::read_to_string(file).expect("the file is there")
}

fn hooks(sandbox: &Sandbox, action: &str) -> Value {
    sandbox.task_bg(["hooks", action]).ok().json()
}

/// Holds that ours works at every event, by the program's own account.
fn assert_works(sandbox: &Sandbox) {
    let state = hooks(sandbox, "status");
    assert_eq!(state["working"], json!(EVENTS), "{state}");
}

/// Installs twice and uninstalls over these files, which must be as before at the end.
fn round_trip(files: &[(&str, &str)]) {
    let sandbox = sandbox();
    let files: Vec<_> =
        files.iter().map(|(name, text)| (put(&sandbox, name, text), *text)).collect();
    hooks(&sandbox, "install");
    assert_works(&sandbox);
    let installed: Vec<_> = files.iter().map(|(file, _)| text(file)).collect();
    assert_eq!(hooks(&sandbox, "install")["changed"], json!([]), "nothing is left to do");
    assert_eq!(files.iter().map(|(file, _)| text(file)).collect::<Vec<_>>(), installed);
    hooks(&sandbox, "uninstall");
    for (file, before) in &files {
        assert_eq!(&text(file), before, "{} is as before", file.display());
    }
    let entries = fs::read_dir(sandbox.home().join(".factory")).expect("a folder");
    assert_eq!(
        entries.filter(|entry| entry.as_ref().is_ok_and(|it| it.path().is_file())).count(),
        files
            .iter()
            .filter(|(file, _)| file.parent() == Some(&sandbox.home().join(".factory")))
            .count(),
        "no file is left behind"
    );
}

#[test]
fn where_there_is_no_file_one_is_made_and_taken_away_again() {
    let sandbox = sandbox();
    let changed = &hooks(&sandbox, "install")["changed"][0];
    let file = sandbox.home().join(".factory/settings.json");
    assert_eq!((&changed["done"], &changed["file"]), (&json!("created"), &json!(file)));
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "settings hold keys");
    let settings: Value = serde_json::from_str(&text(&file)).expect("it is JSON");
    for event in EVENTS {
        let hook = &settings["hooks"][event][0]["hooks"][0];
        assert_eq!(hook["type"], "command", "without it droid ignores the whole file");
    }
    assert_works(&sandbox);
    hooks(&sandbox, "uninstall");
    assert!(!file.exists());
}

#[test]
fn others_entries_comments_order_and_every_byte_come_back() {
    round_trip(&[("settings.json", OTHERS)]);
    round_trip(&[("settings.json", COMMENTED)]);
    round_trip(&[("hooks.json", FLAT)]);
    round_trip(&[("hooks/hooks.json", FLAT)]);
    round_trip(&[("settings.json", OTHERS), ("hooks.json", FLAT)]);
    round_trip(&[("settings.json", "{}"), ("hooks.json", FLAT), ("hooks/hooks.json", FLAT)]);
}

#[test]
fn comments_and_others_entries_stay_while_ours_are_there() {
    let sandbox = sandbox();
    let file = put(&sandbox, "settings.json", COMMENTED);
    hooks(&sandbox, "install");
    let now = text(&file);
    for kept in ["// settings of mine", "// at night", "/* nothing yet:", "\"theme\": \"dark\""] {
        assert!(now.contains(kept), "`{kept}` is gone from:\n{now}");
    }
}

#[test]
fn what_came_after_us_stays_when_we_go() {
    let sandbox = sandbox();
    let file = put(&sandbox, "settings.json", OTHERS);
    hooks(&sandbox, "install");
    fs::write(&file, text(&file).replace("custom:x", "custom:y")).expect("an edit");
    let changed = hooks(&sandbox, "uninstall");
    assert_eq!(changed["changed"][0]["done"], "removed");
    let left: Value = serde_json::from_str(&text(&file)).expect("it is JSON");
    let expected: Value =
        serde_json::from_str(&OTHERS.replace("custom:x", "custom:y")).expect("JSON");
    assert_eq!(left, expected);
}

// Droid takes each event from the flat file if that names it, else from the settings: an entry of
// ours in the wrong one would have silenced the user's own hook of that event.
#[test]
fn each_event_goes_where_droid_looks_for_it_so_that_nobodys_hook_falls_silent() {
    let sandbox = sandbox();
    let settings = put(&sandbox, "settings.json", OTHERS);
    let flat = put(&sandbox, "hooks.json", &FLAT.replace("Stop", "SessionStart"));
    hooks(&sandbox, "install");
    let at = |file: &PathBuf| -> Value { serde_json::from_str(&text(file)).expect("it is JSON") };
    assert_eq!(at(&settings)["hooks"]["Stop"].as_array().map(Vec::len), Some(2));
    assert_eq!(at(&flat)["Stop"], Value::Null, "it would hide the user's entry");
    assert_eq!(at(&flat)["SessionStart"].as_array().map(Vec::len), Some(2));
    assert_works(&sandbox);
}

// Seen with droid: an empty or malformed `hooks.json` has no hooks, and still hides `hooks/hooks.json`.
#[test]
fn a_file_that_another_one_hides_is_left_alone() {
    for hiding in ["{}", r#"{"Stop":[{"hooks":[{"command":"x"}]}]}"#] {
        let sandbox = sandbox();
        put(&sandbox, "hooks.json", hiding);
        let hidden = put(&sandbox, "hooks/hooks.json", FLAT);
        let changed = hooks(&sandbox, "install");
        assert_eq!(changed["changed"].as_array().map(Vec::len), Some(1), "{changed}");
        assert_eq!(text(&hidden), FLAT);
        assert_works(&sandbox);
    }
}

#[test]
fn an_entry_under_another_path_is_not_doubled() {
    let sandbox = sandbox();
    let own = OTHERS.replace("say done", "/opt/old/task-bg-hook");
    let file = put(&sandbox, "settings.json", &own);
    hooks(&sandbox, "install");
    let settings: Value = serde_json::from_str(&text(&file)).expect("it is JSON");
    assert_eq!(settings["hooks"]["Stop"].as_array().map(Vec::len), Some(1));
    assert_works(&sandbox);
}

#[test]
fn a_broken_file_is_refused_with_its_place_and_left_as_it_is() {
    let broken = "{\n  \"model\": \"x\",\n}\n";
    for name in ["settings.json", "hooks.json"] {
        let sandbox = sandbox();
        let file = put(&sandbox, name, broken);
        for action in ["install", "uninstall", "status"] {
            let failure = sandbox.task_bg(["hooks", action]).run().failure(4);
            assert!(failure["error"].as_str().is_some_and(|it| it.contains("line 2")), "{failure}");
        }
        assert_eq!(text(&file), broken);
        let alone = fs::read_dir(file.parent().expect("a folder")).expect("a folder").count();
        assert_eq!(alone, 1, "nothing is left beside it");
    }
}

#[test]
fn hooks_that_are_no_object_or_list_are_refused_and_left_as_they_are() {
    for odd in [r#"{"hooks":7}"#, r#"{"hooks":{"Stop":{}}}"#, "[]"] {
        let sandbox = sandbox();
        let file = put(&sandbox, "settings.json", odd);
        sandbox.task_bg(["hooks", "install"]).run().failure(4);
        assert_eq!(text(&file), odd);
    }
}

// The tests may run as root, whom no mode keeps out; /proc lets nobody make a folder.
#[test]
fn where_nothing_can_be_written_it_says_so_and_exits_with_4() {
    let sandbox = sandbox();
    symlink("/proc/self", sandbox.home().join(".factory")).expect("a link");
    let failure = sandbox.task_bg(["hooks", "install"]).run().failure(4);
    assert_eq!(failure["code"], "settings_refused");
    let other = crate::sandbox();
    fs::write(other.home().join(".factory"), "a file").expect("a file in the way");
    other.task_bg(["hooks", "install"]).run().failure(4);
}

#[test]
fn a_linked_file_is_changed_where_it_is_and_its_mode_stays() {
    let sandbox = sandbox();
    let real = sandbox.path("dotfiles.json");
    fs::write(&real, OTHERS).expect("a file");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("a mode");
    fs::create_dir_all(sandbox.home().join(".factory")).expect("a folder");
    let link = sandbox.home().join(".factory/settings.json");
    symlink(&real, &link).expect("a link");
    hooks(&sandbox, "install");
    assert!(link.is_symlink() && text(&real).contains("task-bg-hook"));
    let mode =
        |file: &PathBuf| fs::metadata(file).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&real), 0o640);
    hooks(&sandbox, "uninstall");
    assert_eq!((text(&real).as_str(), mode(&real)), (OTHERS, 0o640));
}

#[test]
fn the_project_and_claude_have_files_of_their_own() {
    let sandbox = sandbox();
    sandbox.task_bg(["hooks", "install", "--scope", "project"]).ok().done();
    sandbox.task_bg(["hooks", "install", "--claude"]).ok().done();
    sandbox.task_bg(["hooks", "install", "--claude", "--scope", "project"]).ok().done();
    for file in [
        sandbox.work().join(".factory/settings.json"),
        sandbox.home().join(".claude/settings.json"),
        sandbox.work().join(".claude/settings.json"),
    ] {
        assert!(text(&file).contains("task-bg-hook"), "{}", file.display());
    }
    assert!(!sandbox.home().join(".factory/settings.json").exists());
}

#[test]
fn status_names_what_keeps_a_registered_hook_from_working() {
    let sandbox = sandbox();
    let ours = r#"{"hooks":[{"type":"command","command":"task-bg-hook"}]}"#;
    for (bad, named) in [
        (
            format!(
                r#"{{"hooks":{{"Stop":[{ours}],"SessionEnd":[{{"hooks":[{{"command":"x"}}]}}]}}}}"#
            ),
            "`\"type\": \"command\"`",
        ),
        (format!(r#"{{"hooks":{{"Stop":[{ours}],"hooksDisabled":true}}}}"#), "hooksDisabled"),
        (
            r#"{"hooks":{"Stop":[{"type":"command","command":"task-bg-hook"}]}}"#.to_owned(),
            "no list `hooks`",
        ),
    ] {
        put(&sandbox, "settings.json", &bad);
        let state = hooks(&sandbox, "status");
        assert_eq!((&state["registered"], &state["working"]), (&json!(false), &json!([])));
        let findings = state["files"][0]["findings"].to_string();
        assert!(findings.contains(&named.replace('"', "\\\"")), "{findings}");
    }
    put(&sandbox, "settings.json", "{}");
    put(&sandbox, "hooks.json", &format!(r#"{{"hooks":{{"Stop":[{ours}]}}}}"#));
    let state = hooks(&sandbox, "status");
    assert_eq!(state["working"], json!([]), "droid does not read the wrapped form there");
    assert!(state["files"][1]["findings"].to_string().contains("inside `hooks`"), "{state}");
}

#[test]
fn print_shows_what_install_would_write_into_a_new_file() {
    let sandbox = sandbox();
    let snippet = hooks(&sandbox, "print");
    assert_eq!(
        (&snippet["form"], sandbox.home().join(".factory").exists()),
        (&json!("wrapped"), false)
    );
    hooks(&sandbox, "install");
    assert_eq!(snippet["snippet"], json!(text(&sandbox.home().join(".factory/settings.json"))));
}

#[test]
fn the_hook_beside_the_program_is_registered_by_its_path() {
    let sandbox = sandbox();
    let folder = sandbox.path("with space");
    fs::create_dir(&folder).expect("a folder");
    for name in ["task-bg", "task-bg-hook"] {
        fs::copy(sandbox.path("bin").join(name), folder.join(name)).expect("a copy");
    }
    let script = format!("'{}/task-bg' hooks install", folder.display());
    let answer = sandbox.shell(&script).ok().json();
    assert_eq!(answer["command"], json!(format!("'{}/task-bg-hook'", folder.display())));
    assert_works(&sandbox);
}

#[test]
fn each_agent_gets_the_hook_in_its_own_form_and_loses_it_to_the_byte() {
    let sandbox = sandbox();
    let run =
        |agent: &str, action: &str| sandbox.task_bg(["hooks", action, "--for", agent]).ok().json();
    let before = "{\n  \"theme\": \"dark\" // mine\n}\n";
    for (agent, file, events) in [
        ("claude", ".claude/settings.json", &EVENTS[..]),
        ("codex", ".codex/hooks.json", &EVENTS[..4]),
        (
            "gemini",
            ".gemini/settings.json",
            &["SessionStart", "AfterTool", "BeforeAgent", "AfterAgent"],
        ),
    ] {
        let file = sandbox.home().join(file);
        for before in [Some(before), None] {
            if let Some(before) = before {
                fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
                fs::write(&file, before).expect("the settings");
            }
            let answer = run(agent, "install");
            assert_eq!(answer["working"], json!(events), "{answer:#}");
            assert_eq!(answer["note"].is_string(), agent == "codex", "{answer:#}");
            let text = text(&file);
            let timeout = if agent == "gemini" { "5000" } else { "5" };
            assert!(text.contains(&format!("\"timeout\": {timeout}")), "{text}");
            assert_eq!(run(agent, "install")["changed"], json!([]), "once is enough");
            run(agent, "uninstall");
            assert_eq!(fs::read_to_string(&file).ok().as_deref(), before, "{agent}");
            drop(fs::remove_file(&file));
        }
    }
    let claude = sandbox.task_bg(["hooks", "install", "--claude"]).ok().json();
    assert!(claude["changed"][0]["file"].to_string().contains(".claude"), "{claude:#}");
}
