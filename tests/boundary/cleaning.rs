//! Cleaning up: what goes, what stays because somebody needs it, and what is said of both.

use serde_json::json;
use tests::sandbox::{names, task_id};

use crate::sandbox;

// Once, a task that waited for another ended with "is not there any more" because of a clean-up.
#[test]
fn what_an_unfinished_task_waits_for_or_asks_the_result_of_is_kept_and_said() {
    let sandbox = sandbox();
    let [first, asked, free] =
        ["found", "asked", "free"].map(|it| sandbox.run_command(["echo", it]));
    for id in [&first, &asked, &free] {
        sandbox.ended(id);
    }
    // The supervisors are done with them only once nothing is kept.
    sandbox.assert_nothing_kept();
    let held = ["run", "y", "--hold", "--after", &first, "--", "echo", "ran"];
    let next = task_id(&sandbox.task_bg(held).ok().json());
    let prompt = format!("SAY {{{{task:{asked}.result}}}}");
    let told = task_id(&sandbox.task_bg(["launch", "z", &prompt, "--hold"]).ok().json());
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert_eq!(cleaned["deleted"], json!([free]), "{cleaned}");
    assert!(names(&cleaned["kept"], &first) && names(&cleaned["kept"], &asked), "{cleaned}");
    let why = cleaned["kept"][0]["error"].as_str().unwrap_or_default();
    assert!(why.contains("has not ended"), "{why}");
    sandbox.task_bg(["release", &next, &told]).ok().done();
    for id in [&next, &told] {
        assert_eq!(sandbox.ended(id)["status"], "completed");
    }
}

#[test]
fn a_task_that_was_tried_again_is_kept_with_its_last_attempt_for_whoever_waits() {
    let sandbox = sandbox();
    let first = sandbox.run_script(&[], "exit 3");
    sandbox.ended(&first);
    let again = task_id(&sandbox.task_bg(["retry", &first]).ok().json());
    sandbox.ended(&again);
    sandbox.assert_nothing_kept();
    let held = ["run", "y", "--hold", "--after-any", &first, "--", "true"];
    sandbox.task_bg(held).ok().done();
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert_eq!(cleaned["deleted"], json!([]), "{cleaned}");
}

#[test]
fn a_dry_run_says_what_would_go_and_removes_nothing() {
    let sandbox = sandbox().with_env("TASK_BG_PARENT_SESSION", "P");
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    sandbox.assert_nothing_kept();
    for words in [&["cleanup", "--delete", "--dry-run"][..], &["cleanup", "--dry-run"]] {
        let said = sandbox.task_bg(words).ok().json();
        assert_eq!(said["dryRun"], true);
        let expected = if words.len() == 3 { json!([id]) } else { json!([]) };
        assert_eq!((&said["deleted"], &said["untold"]), (&expected, &expected), "{said}");
        assert_eq!(sandbox.status(&id), "completed");
    }
    // Nobody told the session of the ending, and it goes with its notice: that is said.
    let table = sandbox.task_bg(["cleanup", "--delete", "--dry-run", "--format", "table"]).ok();
    assert!(table.stdout.contains("would remove 1 task and"), "{table}");
    assert!(table.stdout.contains("1 of them are not told"), "{table}");
    let done = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert_eq!((&done["deleted"], &done["untold"]), (&json!([id]), &json!([id])), "{done}");
    assert_eq!(done["dryRun"], false);
}

// Once, one in five of such tasks was kept, since "its agent still works": its supervisor had not let go of it yet.
#[test]
fn what_a_wait_saw_end_can_be_removed_at_once() {
    let sandbox = sandbox();
    for round in 0..25 {
        let id = sandbox.run_command(["false"]);
        sandbox.task_bg(["wait", &id]).code(5).done();
        let words = if round % 2 == 0 { vec!["rm", &id] } else { vec!["cleanup", "--delete"] };
        let removed = sandbox.task_bg(&words).ok().json();
        assert_eq!(removed["deleted"], json!([id]), "{words:?} of round {round}: {removed}");
    }
}
