//! Options: those that take several values take them with commas and repeated, and a limit of 0 is none.

use serde_json::{Value, json};
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// The ids that a list answers with.
fn listed(sandbox: &Sandbox, options: &[&str]) -> Vec<String> {
    let answer = sandbox.task_bg([&["list", "--sort", "oldest"], options].concat()).ok().json();
    let rows = answer["tasks"].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Runs a command that ends with this code, for a session; its id.
fn ended(sandbox: &Sandbox, parent: &str, code: &str) -> String {
    let words = ["run", "x", "--parent", parent, "--", "sh", "-c", &format!("exit {code}")];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    sandbox.ended(&id);
    id
}

// Once, `--parent a,b` meant one session with a comma in its name, and a second `--parent` was a usage error.
#[test]
fn several_sessions_are_meant_with_commas_and_by_repeating_wherever_a_verb_asks_for_one() {
    let sandbox = sandbox();
    let [one, two, three] = ["a", "b", "c"].map(|parent| ended(&sandbox, parent, "3"));
    let both = [one.clone(), two.clone()];
    assert_eq!(listed(&sandbox, &["--parent", "a,b"]), both);
    assert_eq!(listed(&sandbox, &["--parent", "a", "--parent", "b"]), both);
    let report = sandbox.task_bg(["report", "--json", "--parent", "a,b"]).ok().json();
    assert_eq!(
        (&report["total"], &report["parents"], &report["parent"]),
        (&json!(2), &json!(["a", "b"]), &Value::Null)
    );
    let report = sandbox.task_bg(["report", "--json", "--parent", "c"]).ok().json();
    assert_eq!((&report["parent"], &report["tasks"][0]["id"]), (&json!("c"), &json!(three)));
    let waited = sandbox.task_bg(["wait", "--parent", "a,b"]).code(5).json();
    assert_eq!(waited["ended"].as_array().map(Vec::len), Some(2), "{waited}");
    // A session that nobody knows is said, and keeps no other from being waited for.
    let waited = sandbox.task_bg(["wait", "--parent", "a,nobody"]).code(5).json();
    assert!(waited["note"].as_str().is_some_and(|it| it.contains("`nobody`")), "{waited}");
    assert_eq!(waited["ended"].as_array().map(Vec::len), Some(1), "{waited}");
    let missing = sandbox.task_bg(["wait", "--parent", "nobody,none"]).code(3).json();
    assert!(missing["error"].as_str().is_some_and(|it| it.contains("`nobody`, `none`")));
    let retried = sandbox.task_bg(["retry", "--failed", "--parent", "a,b"]).ok().json();
    assert_eq!(retried["launched"].as_array().map(Vec::len), Some(2), "{retried}");
    let runs = ["d", "e", "f"].map(|parent| {
        let words = ["run", "x", "--parent", parent, "--", "sleep", "300"];
        task_id(&sandbox.task_bg(words).ok().json())
    });
    let cancelled = sandbox.task_bg(["cancel", "--parent", "d,e"]).ok().json();
    assert_eq!(cancelled["cancelled"], json!(runs[..2]), "{cancelled}");
    sandbox.task_bg(["cancel", &runs[2]]).ok().done();
}

// Once, `cleanup --status` and `list --droid` took one value, and the second was refused or found nothing.
#[test]
fn several_statuses_and_droids_are_meant_with_commas_and_by_repeating() {
    let sandbox = sandbox();
    let of_droid = |droid: &str| {
        let id = sandbox.launch_with(["--droid", droid], "SAY done");
        sandbox.ended(&id);
        id
    };
    let [low, oracle, _] = ["executor-low", "oracle", "explorer"].map(of_droid);
    let both = [low, oracle];
    assert_eq!(listed(&sandbox, &["--droid", "executor-low,oracle"]), both);
    assert_eq!(listed(&sandbox, &["--droid", "oracle", "--droid", "executor-low"]), both);
    // The command for the rest asks for the same.
    let limited = ["list", "--droid", "executor-low,oracle", "--limit", "1"];
    let more = sandbox.task_bg(limited).ok().json()["more"].clone();
    let more = more.as_str().expect("a command").to_owned();
    assert_eq!(sandbox.shell(&more).ok().json()["tasks"][0]["id"], both[0], "{more}");
    // Once, an unset variable in its place was a droid that nobody has, and all was well.
    for option in ["--droid", "--parent", "--status"] {
        let answer = sandbox.task_bg(["list", option, ""]).code(2).json();
        assert!(answer["hint"].is_string(), "{option}: {answer}");
    }
    let failed = ended(&sandbox, "a", "3");
    // What its supervisor has not let go of is not removed yet.
    sandbox.wait_until_idle();
    let dry = ["cleanup", "--delete", "--dry-run", "--status", "error,cancelled"];
    assert_eq!(sandbox.task_bg(dry).ok().json()["deleted"], json!([failed]));
    let repeated = ["cleanup", "--delete", "--status", "error", "--status", "completed"];
    let removed = sandbox.task_bg(repeated).ok().json();
    assert_eq!(removed["deleted"].as_array().map(Vec::len), Some(4), "{removed}");
}

// Once, 0 ended a task at once: `--timeout 0` when it started, a `ttl` or `stale` of 0 when `prune` looked.
#[test]
fn a_limit_of_0_is_none_wherever_a_limit_is_meant() {
    let sandbox = sandbox();
    let options = ["--timeout", "0", "--stale", "0"];
    let id = sandbox.run_script(&options, &sandbox.until("gate"));
    let usual = sandbox.run_script(&[], &sandbox.until("gate"));
    let tight = [("TASK_BG_TTL", "1ms"), ("TASK_BG_STALE", "1ms")];
    let none = [("TASK_BG_TTL", "0"), ("TASK_BG_STALE", "0")];
    let prune = |env: [(&str, &str); 2]| {
        let run = sandbox.task_bg(["prune", "--dry-run"]);
        env.into_iter().fold(run, |run, (name, value)| run.env(name, value)).ok().json()
    };
    assert_eq!(prune(tight)["removed"], json!([usual]));
    assert_eq!(prune(none)["removed"], json!([]));
    let config = sandbox.task_bg(["config"]).env("TASK_BG_STALE", "2h").env("TASK_BG_TTL", "0");
    let config = config.ok().json();
    assert_eq!(config["contradictions"], json!([]), "{config}");
    let table = sandbox.task_bg(["config", "--format", "table"]).env("TASK_BG_TTL", "0").ok();
    assert!(table.stdout.contains("0s (no limit)"), "{table}");
    assert_eq!(listed(&sandbox, &["--since", "0"]).len(), 2);
    sandbox.open_gate("gate");
    for id in [id, usual] {
        assert_eq!(sandbox.ended(&id)["status"], "completed");
    }
}
