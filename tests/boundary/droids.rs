//! Named droids: whose definition counts, what of it reaches the agent, and what an unknown name costs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tests::process::wait_until;
use tests::sandbox::{Sandbox, task_id, text};

use crate::sandbox;

fn define(sandbox: &Sandbox, path: &str, text: &str) {
    let path = sandbox.path(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder in the sandbox");
    fs::write(path, text).expect("a file in the sandbox");
}

/// Writes the files that `droid plugin install` writes, as seen on 0.225.2.
fn install_plugin(sandbox: &Sandbox) {
    let folder = sandbox.path("plugin");
    let entry = json!({
        "schemaVersion": 1,
        "pluginId": "demo@market",
        "entry": {"scope": "user", "installPath": text(&folder), "version": "mws2r5jh"},
    });
    let installed = "home/.factory/plugins/installed_plugins/demo-market-user-5f66.json";
    define(sandbox, installed, &entry.to_string());
    let settings = "// mine\n{\"enabledPlugins\": {\"demo@market\": true}}";
    define(sandbox, "home/.factory/settings.json", settings);
}

/// What the agent was started with: its arguments, and what was appended to its system prompt.
fn started_with(sandbox: &Sandbox, options: &[&str]) -> (Vec<String>, String, Value) {
    let (args, system) = (sandbox.path("args"), sandbox.path("system"));
    for file in [&args, &system] {
        drop(fs::remove_file(file));
    }
    let script = format!("ARGS {}\nSYSTEM {}\nSAY x", args.display(), system.display());
    let record = sandbox.ended(&sandbox.launch_with(options, &script));
    assert_eq!(record["status"], "completed", "{record:#}");
    let arguments = fs::read_to_string(&args).expect("the script writes it");
    let arguments = serde_json::from_str(&arguments).expect("the script writes JSON");
    (arguments, fs::read_to_string(&system).unwrap_or_default(), record)
}

fn value_of<'a>(arguments: &'a [String], option: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|word| word == option)?;
    arguments.get(at + 1).map(String::as_str)
}

/// The skill once listed a level for each droid that no droid got.
#[test]
fn a_definition_may_say_the_autonomy_and_the_order_has_the_last_word() {
    let sandbox = sandbox();
    let file = "work/.factory/droids/careful.md";
    define(&sandbox, file, "---\nautonomy: low\n---\nYou only look.");
    let level = |options: &[&str]| {
        let (arguments, _, record) = started_with(&sandbox, options);
        (value_of(&arguments, "--auto").map(str::to_owned), record["id"].clone())
    };
    let (said, id) = level(&["--droid", "careful"]);
    assert_eq!(said.as_deref(), Some("low"));
    assert_eq!(level(&["--droid", "careful", "--autonomy", "high"]).0.as_deref(), Some("high"));
    assert_eq!(level(&["--droid", "explorer"]).0.as_deref(), Some("medium"));
    assert_eq!(find(&sandbox, "careful")["autonomy"], "low");
    // What the first attempt was allowed the next one is, whatever the definition says by then.
    define(&sandbox, file, "---\nautonomy: high\n---\nYou only look.");
    let again = sandbox.task_bg(["retry", id.as_str().expect("an id")]).ok().json();
    let record = sandbox.ended(&task_id(&again));
    assert_eq!(record["progress"]["autonomy"], "low", "{record:#}");
    define(&sandbox, file, "---\nautonomy: all\n---\nYou only look.");
    let refused = sandbox.task_bg(["launch", "x", "y", "careful"]).run();
    assert_eq!(refused.code, 2, "{refused}");
    assert!(refused.stdout.contains("its `autonomy` is none of `none`, `low`"), "{refused}");
}

#[test]
fn each_source_wins_over_the_next_and_says_what_the_agent_is_told() {
    let sandbox = sandbox();
    install_plugin(&sandbox);
    let name = ["--droid", "oracle"];
    let (_, ours, record) = started_with(&sandbox, &name);
    assert!(ours.contains("root cause") || ours.contains("why something happens"), "{ours}");
    assert_eq!(record["progress"]["droid"], json!({"source": "builtin", "named": true}));
    for (path, words, source) in [
        ("plugin/droids/oracle.md", "from the plugin", "plugin"),
        ("home/.factory/droids/oracle.md", "from the user", "user"),
        ("work/.factory/droids/oracle.md", "from the project", "project"),
    ] {
        define(&sandbox, path, words);
        let (_, told, record) = started_with(&sandbox, &name);
        assert_eq!(told, words);
        let droid = &record["progress"]["droid"];
        assert_eq!(droid["source"], source);
        assert_eq!(droid["path"], text(&sandbox.path(path)));
        assert_eq!(record["agent"], "oracle");
    }
    let droid = find(&sandbox, "oracle");
    assert_eq!(droid["source"], "project");
    let shadows = [
        text(&sandbox.path("home/.factory/droids/oracle.md")),
        text(&sandbox.path("plugin/droids/oracle.md")),
        "builtin".to_owned(),
    ];
    assert_eq!(droid["shadows"], json!(shadows));
}

fn find(sandbox: &Sandbox, name: &str) -> Value {
    let answer = sandbox.task_bg(["droids"]).ok().json();
    let droids = answer["droids"].as_array().expect("a list");
    let found = droids.iter().find(|droid| droid["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {answer:#}")).clone()
}

#[test]
fn model_effort_and_tools_of_a_definition_become_options_and_are_recorded() {
    let sandbox = sandbox();
    define(
        &sandbox,
        "home/.factory/droids/mine.md",
        "---\nname: mine\nmodel: custom:M-0\nreasoningEffort: high\ntools: [Read, LS]\n---\nBe mine.",
    );
    let (arguments, told, record) = started_with(&sandbox, &["--droid", "mine"]);
    assert_eq!(value_of(&arguments, "--model"), Some("custom:M-0"));
    assert_eq!(value_of(&arguments, "--reasoning-effort"), Some("high"));
    assert_eq!(value_of(&arguments, "--only-tools"), Some("Read,LS"));
    assert_eq!(told, "Be mine.");
    assert_eq!(record["parent_model"], "custom:M-0");
    assert_eq!(record["progress"]["reasoningEffort"], "high");
    assert_eq!(record["progress"]["tools"], json!(["Read", "LS"]));
}

#[test]
fn a_flag_on_the_command_line_wins() {
    let sandbox = sandbox();
    define(
        &sandbox,
        "home/.factory/droids/mine.md",
        "---\nmodel: custom:M-0\nreasoningEffort: high\n---\nBe mine.",
    );
    let options = ["--droid", "mine", "--model", "other", "--reasoning-effort", "low"];
    let (arguments, _, record) = started_with(&sandbox, &options);
    assert_eq!(value_of(&arguments, "--model"), Some("other"));
    assert_eq!(value_of(&arguments, "--reasoning-effort"), Some("low"));
    assert_eq!(record["parent_model"], "other");
    assert_eq!(record["progress"]["reasoningEffort"], "low");
}

#[test]
fn what_a_definition_leaves_open_is_left_to_droid() {
    let sandbox = sandbox();
    define(&sandbox, "home/.factory/droids/mine.md", "---\nmodel: inherit\n---\nBe mine.");
    let (arguments, _, record) = started_with(&sandbox, &["--droid", "mine"]);
    for option in ["--model", "--reasoning-effort", "--only-tools"] {
        assert_eq!(value_of(&arguments, option), None, "{arguments:?}");
    }
    assert_eq!(record["parent_model"], Value::Null);
}

#[test]
fn tools_are_a_list_words_between_commas_or_a_category() {
    let sandbox = sandbox();
    for (tools, passed) in [
        ("[Read, Grep]", "Read,Grep"),
        ("Read, Grep", "Read,Grep"),
        ("\n  - Read\n  - web", "Read,WebSearch,FetchUrl"),
        ("read-only", "Read,LS,Grep,Glob"),
        ("edit", "Edit,Create,ApplyPatch"),
        ("execute", "Execute"),
    ] {
        let text = format!("---\ntools: {tools}\n---\nBe mine.");
        define(&sandbox, "home/.factory/droids/mine.md", &text);
        let (arguments, ..) = started_with(&sandbox, &["--droid", "mine"]);
        assert_eq!(value_of(&arguments, "--only-tools"), Some(passed), "{tools}");
    }
}

/// A definition with `Create` once wrote files at `none`, since a list of tools counts more to droid than its level.
#[test]
fn a_droid_that_only_reads_gets_no_tool_that_writes_from_its_definition_and_says_so() {
    let sandbox = sandbox();
    for (tools, passed, dropped) in [
        ("[Read, Create, Grep]", "Read,Grep", "the tools Create, ApplyPatch"),
        ("edit", "Read", "the tools Edit, Create, ApplyPatch"),
        ("[Read, Task]", "Read", "the tools Task"),
    ] {
        let text = format!("---\ntools: {tools}\n---\nBe mine.");
        define(&sandbox, "home/.factory/droids/mine.md", &text);
        let (arguments, _, record) =
            started_with(&sandbox, &["--droid", "mine", "--autonomy", "none"]);
        assert_eq!(value_of(&arguments, "--only-tools"), Some(passed), "{tools}");
        assert_eq!(record["progress"]["notApplied"][0], dropped, "{record:#}");
    }
}

#[test]
fn an_unknown_droid_is_a_usage_error_that_names_near_ones_and_records_nothing() {
    let sandbox = sandbox();
    let arguments = ["launch", "a task", "SAY x", "exporer"];
    let answer = sandbox.task_bg(arguments).run().failure(2);
    assert!(answer["error"].to_string().contains("exporer"), "{answer}");
    assert!(answer["hint"].to_string().contains("`explorer`"), "{answer}");
    for hostile in ["../../etc/passwd", "a/b", "..", "a b", "-x"] {
        let arguments = ["launch", "a task", "SAY x", &format!("--droid={hostile}")];
        sandbox.task_bg(arguments).run().failure(2);
    }
    assert!(!sandbox.store().exists(), "nothing may be recorded, nor begun");
    sandbox.assert_nothing_left();
}

#[test]
fn a_broken_definition_is_an_error_when_it_is_named_and_listed_always() {
    let sandbox = sandbox();
    let path = "work/.factory/droids/oracle.md";
    define(&sandbox, path, "---\nname: oracle\nno end");
    let arguments = ["launch", "a task", "SAY x", "oracle"];
    let answer = sandbox.task_bg(arguments).run().failure(2);
    assert!(answer["error"].to_string().contains("no end"), "{answer}");
    let answer = sandbox.task_bg(["droids"]).ok().json();
    assert_eq!(answer["unreadable"][0]["file"], text(&sandbox.path(path)));
    assert_eq!(answer["droids"].as_array().map(Vec::len), Some(10), "not ours in its place");
    sandbox.ended(&sandbox.launch("SAY the others work"));
}

#[test]
fn explore_is_explorer_and_the_default_is_executor_med() {
    let sandbox = sandbox();
    let (_, told, record) = started_with(&sandbox, &["--droid", "explore"]);
    assert_eq!(record["agent"], "explorer");
    assert!(told.starts_with("You explore"), "{told}");
    let (arguments, told, record) = started_with(&sandbox, &[]);
    assert_eq!(record["agent"], "executor-med");
    assert!(told.starts_with("You implement"), "{told}");
    assert_eq!(value_of(&arguments, "--only-tools"), None);
}

#[test]
fn instructions_of_200_kb_arrive_and_stand_on_no_command_line_and_in_no_record() {
    let sandbox = sandbox();
    let mut body = "secret-word-in-the-instructions\n".to_owned();
    while body.len() < 200_000 {
        body.push_str("it's \"quoted\" `x` $(y) ünïcödé \u{1f980}\n");
    }
    define(&sandbox, "home/.factory/droids/mine.md", &format!("---\nname: mine\n---\n{body}"));
    let (arguments, told, record) = started_with(&sandbox, &["--droid", "mine"]);
    assert!(told == body.trim(), "{} bytes arrived", told.len());
    assert!(!arguments.iter().any(|word| word.contains("secret-word")));
    assert!(!record.to_string().contains("secret-word"));
}

#[test]
fn the_instructions_are_private_while_the_task_runs_and_gone_when_it_has_ended() {
    let sandbox = sandbox();
    let gate = sandbox.path("gate");
    let id = sandbox.launch(&format!("WAIT {}", gate.display()));
    let file = sandbox.store().join(format!(".active/{id}.system.md"));
    let mode = fs::metadata(&file).expect("there while it runs").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 1);
    sandbox.open_gate("gate");
    sandbox.ended(&id);
    wait_until("the life lock to be retired", || sandbox.active().is_empty());
    assert!(!file.exists());

    let id = sandbox.launch("SLEEP 60");
    sandbox.task_bg(["cancel", &id]).ok().done();
    wait_until("the life lock to be retired", || sandbox.active().is_empty());

    sandbox.remove_droid();
    sandbox.task_bg(["launch", "a task", "SAY x"]).run().failure(7).to_string();
    assert_eq!(sandbox.active(), [""; 0]);
}

#[test]
fn a_definition_that_is_changed_after_the_launch_changes_no_task() {
    let sandbox = sandbox();
    let path = "home/.factory/droids/mine.md";
    define(&sandbox, path, "---\ntools: [Read]\n---\nBe the old one.");
    let (gate, system) = (sandbox.path("gate"), sandbox.path("system"));
    let script = format!("WAIT {}\nSYSTEM {}", gate.display(), system.display());
    let id = sandbox.launch_with(["--droid", "mine"], &script);
    define(&sandbox, path, "---\ntools: [Execute]\n---\nBe the new one.");
    sandbox.open_gate("gate");
    let record = sandbox.ended(&id);
    assert_eq!(fs::read_to_string(system).expect("written"), "Be the old one.");
    assert_eq!(record["progress"]["tools"], json!(["Read"]));
}

#[test]
fn the_project_is_the_one_that_the_task_works_in() {
    let sandbox = sandbox();
    define(&sandbox, "other/.git/HEAD", "");
    define(&sandbox, "other/.factory/droids/mine.md", "Be of the project.");
    define(&sandbox, "other/deep/down/file", "");
    let cwd = text(&sandbox.path("other/deep/down"));
    let (_, told, _) = started_with(&sandbox, &["--droid", "mine", "--cwd", &cwd]);
    assert_eq!(told, "Be of the project.");
    sandbox.task_bg(["launch", "a task", "SAY x", "mine"]).run().failure(2);
    let listed = sandbox.task_bg(["droids", "--cwd", &cwd]).ok().json();
    assert!(listed.to_string().contains("mine.md"), "{listed}");
}

#[test]
fn the_list_is_a_table_for_people_with_what_is_hidden_and_what_is_broken() {
    let sandbox = sandbox();
    define(
        &sandbox,
        "home/.factory/droids/oracle.md",
        "---\ndescription: \"\u{1b}[2Jmine\"\n---\nBe.",
    );
    define(&sandbox, "home/.factory/droids/broken.md", "---\n");
    let shown = sandbox.task_bg(["droids", "--format", "table"]).ok().stdout;
    for expected in ["executor-med", "builtin", "oracle hides the one of builtin", "broken.md"] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn the_home_that_droid_is_told_of_counts_here_too() {
    let sandbox = sandbox();
    define(&sandbox, "elsewhere/.factory/droids/mine.md", "Be elsewhere.");
    let answer =
        sandbox.task_bg(["droids"]).env("FACTORY_HOME_OVERRIDE", sandbox.path("elsewhere")).ok();
    assert!(answer.stdout.contains("mine.md"), "{answer}");
}

#[test]
fn a_plain_command_has_no_droid() {
    let sandbox = sandbox();
    let answer = sandbox.task_bg(["run", "a task", "--", "true"]).ok().json();
    let record = sandbox.ended(&task_id(&answer));
    assert_eq!(record["progress"]["droid"], Value::Null);
    assert_eq!(record["agent"], "command");
}
