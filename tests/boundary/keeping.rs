//! What an agent or a command found or said last is in the record, whoever ends the task.

use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// A task whose agent has said this and works on.
fn at_work_after(sandbox: &Sandbox, words: &str) -> String {
    let id = sandbox.launch(&format!("SAY {words}\nTOUCH {}\nSLEEP 60", path(sandbox, "said")));
    sandbox.wait_for_file("said");
    id
}

fn path(sandbox: &Sandbox, name: &str) -> String {
    sandbox.path(name).display().to_string()
}

fn output(sandbox: &Sandbox, id: &str) -> String {
    let ran = sandbox.task_bg(["output", id]).ok();
    ran.json()["output"].as_str().unwrap_or_default().to_owned()
}

// The event log had it all and the result was right, but `output` showed nothing.
#[test]
fn the_words_of_an_agent_without_a_supervisor_are_in_its_log() {
    let sandbox = sandbox();
    let script = format!(
        "SAY first words\nPID {}\nWAIT {}\nTOOL Read {{}}\nSAY last words",
        path(&sandbox, "pid"),
        path(&sandbox, "gate")
    );
    let id = sandbox.launch(&script);
    let agent = sandbox.pid_in("pid");
    wait_until("the first words", || output(&sandbox, &id).contains("first words"));
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    kill(supervisor);
    wait_until("that the supervisor is gone", || !alive(supervisor));
    sandbox.open_gate("gate");
    wait_until("the agent's end", || !alive(agent));
    let waited = sandbox.task_bg(["wait", &id]).ok().json();
    assert_eq!(waited["ended"][0]["result"], "last words", "{waited:#}");
    assert_eq!(output(&sandbox, &id), "first words\nlast words\n");
}

// Such a task was recorded as completed, with the error as its result.
#[test]
fn an_error_of_the_model_that_the_agent_only_repeats_is_no_result() {
    let sandbox = sandbox();
    let line = r#"{"type":"completion","finalText":"API Error: 429 rate_limit_error"}"#;
    let script = format!("SAY half of it\nERROR 429 rate_limit_error\nRAW {line}\nNOCOMPLETE");
    let record = sandbox.ended(&sandbox.launch(&script));
    assert_eq!(record["status"], "error", "{record:#}");
    let words = record["error"].as_str().unwrap_or_default();
    assert!(words.contains("429 rate_limit_error"), "{record:#}");
    assert_eq!(record["result"], "half of it", "{record:#}");
}

// The real droid says that it is done with an empty text where its last turn was a tool call.
#[test]
fn the_last_message_is_the_result_where_the_final_text_is_empty() {
    let sandbox = sandbox();
    let script = "SAY what I found\nRAW {\"type\":\"completion\",\"finalText\":\"\"}\nNOCOMPLETE";
    let record = sandbox.ended(&sandbox.launch(script));
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["result"], "what I found", "{record:#}");
}

// A cancelled task had no result, whatever its agent had found by then.
#[test]
fn a_cancel_keeps_what_was_said_until_then() {
    let sandbox = sandbox();
    let id = at_work_after(&sandbox, "half of it");
    sandbox.task_bg(["cancel", &id]).ok().done();
    let record = sandbox.record(&id);
    assert_eq!((&record["status"], &record["result"]), (&"cancelled".into(), &"half of it".into()));

    let id = sandbox
        .run_script(&[], &format!("echo so far; touch {}; sleep 60", path(&sandbox, "echoed")));
    sandbox.wait_for_file("echoed");
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    kill(supervisor);
    wait_until("that the supervisor is gone", || !alive(supervisor));
    sandbox.task_bg(["cancel", &id]).ok().done();
    let record = sandbox.record(&id);
    assert_eq!((&record["status"], &record["result"]), (&"cancelled".into(), &"so far".into()));
}

#[test]
fn a_task_that_is_given_up_or_completed_by_hand_keeps_what_was_said_until_then() {
    let sandbox = sandbox();
    let id = at_work_after(&sandbox, "half of it");
    wait_until("that it expires", || {
        let prune = sandbox.task_bg(["prune", "--grace", "1"]).env("TASK_BG_TTL", "10ms");
        prune.ok().done();
        sandbox.status(&id) != "running"
    });
    let record = sandbox.record(&id);
    assert_eq!((&record["status"], &record["result"]), (&"error".into(), &"half of it".into()));

    let sandbox = crate::sandbox();
    let id = at_work_after(&sandbox, "half of it");
    wait_until("that it is recorded", || {
        sandbox.record(&id)["progress"]["lastMessage"] == "half of it"
    });
    sandbox.task_bg(["complete", &id, "", "it hangs"]).ok().done();
    let record = sandbox.record(&id);
    assert_eq!((&record["status"], &record["result"]), (&"error".into(), &"half of it".into()));
    sandbox.task_bg(["cancel", "--grace", "0", &id]).ok().done();
}
