//! Orders that an agent could not be held to, or could not carry out: each is refused with a way out that is one.

use serde_json::{Value, json};
use tests::sandbox::task_id;

use crate::runners::agents;
use crate::sandbox;

#[test]
fn an_unknown_runner_is_refused_with_names_like_it_and_a_missing_one_with_how_to_install_it() {
    let sandbox = sandbox();
    let words = |runner| ["launch", "x", "SAY x", "--runner", runner];
    let refused = sandbox.task_bg(words("cluade")).code(2).json();
    assert!(refused["hint"].to_string().contains("did you mean `claude`"), "{refused:#}");
    let refused = sandbox.task_bg(words("")).code(2).json();
    assert!(refused["error"].to_string().contains("no runner named ``"), "{refused:#}");
    let refused = sandbox.task_bg(words("no such/runner")).code(2).json();
    assert!(refused["hint"].to_string().contains("task-bg runners"), "{refused:#}");
    assert!(!sandbox.store().exists() || sandbox.active().is_empty());
    let missing = sandbox.task_bg(words("codex")).code(7).json();
    assert!(missing["error"].to_string().contains("`codex` was not found"), "{missing:#}");
    assert!(missing["hint"].to_string().contains("npm install -g @openai/codex"), "{missing:#}");
    sandbox.assert_nothing_kept();
}

#[test]
fn a_level_that_an_agent_would_refuse_as_root_is_refused_before_anything_starts() {
    let sandbox = agents();
    let words = ["launch", "x", "SAY x", "--runner", "claude", "--autonomy", "high"];
    if !rustix::process::geteuid().is_root() {
        let id = task_id(&sandbox.task_bg(words).ok().json());
        sandbox.ended(&id);
        return;
    }
    let refused = sandbox.task_bg(words).code(2).json();
    assert!(refused["error"].to_string().contains("as root"), "{refused:#}");
    assert!(refused["hint"].to_string().contains("IS_SANDBOX=1"), "{refused:#}");
    assert!(!sandbox.store().exists(), "something was recorded");
    let allowed = sandbox.task_bg(words.into_iter().chain(["--env", "IS_SANDBOX=1"])).ok().json();
    let id = task_id(&allowed);
    assert_eq!(sandbox.ended(&id)["status"], "completed");
    let claude = sandbox.task_bg(["runners"]).ok().json()["runners"][1].clone();
    assert_eq!(claude["levels"], json!(["none", "low", "medium"]), "{claude:#}");
    assert!(claude["warning"].to_string().contains("`high` as root"), "{claude:#}");
    let claude = sandbox.task_bg(["runners"]).env("IS_SANDBOX", "1").ok().json();
    assert_eq!(claude["runners"][1]["levels"].as_array().map(Vec::len), Some(4));
}

// Once, `retry` and `resume` named `--env` as the way out, which they did not have.
#[test]
fn every_way_out_that_a_refused_order_names_is_one_whatever_the_verb() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let sandbox = agents();
    let line = json!({
        "description": "x", "prompt": "SAY x", "runner": "claude", "autonomy": "high",
    });
    let line = line.to_string();
    let launch = ["launch", "x", "SAY x", "--runner", "claude", "--autonomy", "high"];
    let first =
        task_id(&sandbox.task_bg(launch.into_iter().chain(["--env", "IS_SANDBOX=1"])).ok().json());
    sandbox.ended(&first);
    let verbs: [(&[&str], bool); 4] = [
        (&launch, true),
        (&["retry", &first], true),
        (&["resume", &first, "SAY x"], true),
        (&["batch", "-", "--strict"], false),
    ];
    for (words, has_options) in verbs {
        let run = || sandbox.task_bg(words.iter().copied()).stdin(line.clone());
        let refused = run().code(2).json().to_string();
        for way_out in ["the autonomy `medium`", "set `IS_SANDBOX=1` in the environment"] {
            assert!(refused.contains(way_out), "{words:?}: {refused}");
        }
        let end = |answer: Value| {
            let answer = answer["launched"].get(0).cloned().unwrap_or(answer);
            assert_eq!(sandbox.ended(&task_id(&answer))["status"], "completed", "{answer:#}");
        };
        end(run().env("IS_SANDBOX", "1").ok().json());
        if has_options {
            let words: Vec<&str> = words
                .iter()
                .copied()
                .filter(|word| !["--autonomy", "high"].contains(word))
                .collect();
            let high = ["--autonomy", "high", "--env", "IS_SANDBOX=1"];
            end(sandbox.task_bg(words.iter().copied().chain(high)).ok().json());
            let medium = ["--autonomy", "medium"];
            end(sandbox.task_bg(words.iter().copied().chain(medium)).ok().json());
        }
    }
}

#[test]
fn a_variable_that_opencode_cannot_be_held_with_is_named_with_what_works() {
    let sandbox = agents();
    let launch = || sandbox.task_bg(["launch", "x", "SAY x", "--runner", "opencode"]);
    for name in ["OPENCODE_PERMISSION", "OPENCODE_CONFIG_CONTENT"] {
        let refused = launch().env(name, "[]").code(2).json();
        let hint = refused["hint"].to_string();
        assert!(hint.contains("as an object") && hint.contains("unset"), "{refused:#}");
        for answer in [launch().env(name, "{}").ok().json(), launch().ok().json()] {
            assert_eq!(sandbox.ended(&task_id(&answer))["status"], "completed", "{answer:#}");
        }
    }
}

// It was told to put the store elsewhere, where the task would have died with the command that launched it.
#[test]
fn a_launch_from_within_the_sandbox_of_codex_names_the_way_out() {
    let sandbox = sandbox();
    let file = sandbox.path("file");
    std::fs::write(&file, "").expect("a file");
    let launch = |variables: &[(&'static str, &str)]| {
        let run =
            sandbox.task_bg(["run", "x", "--", "true"]).env("TASK_BG_DIR", file.join("store"));
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, *value));
        run.code(8).json()["hint"].to_string()
    };
    let hint = launch(&[("CODEX_THREAD_ID", "s")]);
    assert!(hint.contains("outside the sandbox") && !hint.contains("TASK_BG_DIR"), "{hint}");
    assert!(!launch(&[]).contains("sandbox"));
}

#[test]
fn the_level_that_an_ending_names_is_one_that_a_retry_takes() {
    let sandbox = agents();
    for (runner, script) in [("opencode", "REJECT"), ("droid", "PERMISSION high")] {
        let id = sandbox.launch_with(["--runner", runner, "--autonomy", "low"], script);
        let words = sandbox.ended(&id)["error"].to_string();
        let named = ["--autonomy ", "--auto "].iter().find_map(|option| words.split_once(option));
        let rest = named.map(|(_, rest)| rest).expect("a level is named");
        let level: String = rest.chars().take_while(|letter| letter.is_alphabetic()).collect();
        let answer = sandbox.task_bg(["retry", &id, "--autonomy", &level]).ok().json();
        let record = sandbox.ended(&task_id(&answer));
        assert_eq!(record["progress"]["autonomy"], level, "{runner}: {words}");
    }
}
