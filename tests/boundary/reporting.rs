//! `report`: the Markdown that an agent puts into its own answer, and the same for programs.

use serde_json::json;
use tests::sandbox::task_id;

use crate::sandbox;

#[test]
fn a_report_has_the_table_what_was_found_and_what_still_runs() {
    let sandbox = sandbox();
    let launch = |parent: &str, label: &str, script: &str| {
        let words = ["run", label, "--parent", parent, "--", "sh", "-c", script];
        task_id(&sandbox.task_bg(words).ok().json())
    };
    let gate = format!("until [ -e {} ]; do sleep 0.01; done", sandbox.path("gate").display());
    let found = launch("p", "count", "echo '42 | beans'");
    let failed = launch("p", "fail", "exit 3");
    let other = launch("q", "not mine", "true");
    for id in [&found, &failed, &other] {
        sandbox.ended(id);
    }
    let working = launch("p", "long", &gate);
    let report = sandbox.task_bg(["report", "--parent", "p"]).ok().stdout;
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(
        lines[..4],
        ["## Background Tasks", "", "| Task ID | Droid | Status | Result |", "|---|---|---|---|"]
    );
    for part in [
        format!("| {found} | command | completed | 42 \\| beans |"),
        format!("| {failed} | command | error (exit) | "),
        format!("### Completed\n\n- count (`{found}`)\n"),
        format!("### Not Completed\n\n- fail (`{failed}`) error (exit)\n"),
        format!("### Still Running\n\n- long (`{working}`) running\n"),
    ] {
        assert_eq!(report.matches(&part).count(), 1, "{part}\n{report}");
    }
    assert!(!report.contains(&other), "{report}");
    let answer = sandbox.task_bg(["report", "--json"]).env("TASK_BG_PARENT_SESSION", "p");
    let answer = answer.ok().json();
    assert_eq!(answer["completed"], json!([found]), "{answer:#}");
    assert_eq!(answer["notCompleted"], json!([failed]), "{answer:#}");
    assert_eq!(answer["stillRunning"], json!([working]), "{answer:#}");
    assert_eq!(answer["total"], 3, "{answer:#}");
    sandbox.open_gate("gate");
    sandbox.ended(&working);
}

#[test]
fn without_tasks_a_report_says_so() {
    let sandbox = sandbox();
    let report = sandbox.task_bg(["report"]).ok().stdout;
    let none = "### Completed\n\n- none\n\n### Still Running\n\n- none\n";
    assert!(report.ends_with(none), "{report}");
    assert_eq!(sandbox.task_bg(["report", "--json"]).ok().json()["total"], 0);
}
