//! Elsewhere: two machines share a home, and a result comes after a wrong verdict.
//!
//! A lock, a process id and a boot id mean something on their own machine only. Commands show a task of another
//! machine and leave it alone, and a wrong verdict on it never costs the real result.

use std::fs;

use serde_json::{Value, json};
use tests::meddling::lock_records;
use tests::process::wait_until;
use tests::sandbox::{Sandbox, names, task_id};

use crate::sandbox;

const OTHER: &str = "another-machine";

fn rewrite(sandbox: &Sandbox, record: &Value) {
    let id = record["id"].as_str().expect("an id");
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(file, record.to_string()).expect("a record that can be written");
}

/// A record that another machine wrote: its task runs there, under numbers that mean nothing here.
fn of_another_machine(sandbox: &Sandbox) -> Value {
    let id = sandbox.run_command(["true"]);
    let mut record = sandbox.ended(&id);
    sandbox.assert_nothing_left();
    record["status"] = json!("running");
    for key in ["completed_at", "result", "error"] {
        record[key] = Value::Null;
    }
    let progress = record["progress"].as_object_mut().expect("an object");
    for key in ["exitCode", "reason"] {
        progress.remove(key);
    }
    progress.insert("host".to_owned(), json!(OTHER));
    for key in ["supervisor", "agentProcess"] {
        progress[key]["bootId"] = json!("11111111-2222-3333-4444-555555555555");
    }
    rewrite(sandbox, &record);
    record
}

/// Without the machine's name nobody can tell whose process ids a record holds.
#[test]
fn every_record_names_the_machine_that_its_task_runs_on() {
    let sandbox = sandbox();
    let here = sandbox.shell("uname -n").ok().stdout;
    let queued = sandbox.run_script(&["--hold"], "true");
    for id in [sandbox.run_command(["true"]), sandbox.launch("SAY done"), queued] {
        assert_eq!(sandbox.record(&id)["progress"]["host"], here.trim());
    }
}

/// `list` on one machine ended the living tasks of another as lost, since none of their numbers was known here.
#[test]
fn a_task_of_another_machine_is_left_as_it_is_by_every_command() {
    // A lock is not seen across machines either: there may be one that looks free, or none.
    for locked in [false, true] {
        let sandbox = sandbox();
        let record = of_another_machine(&sandbox);
        let id = record["id"].as_str().expect("an id");
        if locked {
            fs::write(sandbox.store().join(".active").join(id), "").expect("a free life lock");
        }
        for (words, code) in [
            (&["list"][..], 0),
            (&["status", id], 0),
            (&["output", id], 0),
            (&["wait", "--timeout", "300ms", id], 6),
            (&["report"], 0),
            (&["prune"], 0),
            (&["cleanup", "--delete"], 0),
            (&["queue"], 0),
            (&["doctor", "--fix"], 0),
        ] {
            let run = sandbox.task_bg(words.iter().copied()).env("TASK_BG_TTL", "1");
            let ran = run.run();
            assert_eq!(sandbox.record(id), record, "{ran}");
            assert!(ran.code == code || words[0] == "doctor", "{ran}");
        }
    }
}

/// Whoever sees such a task has to know on which machine to deal with it.
#[test]
fn answers_say_on_which_machine_a_task_runs() {
    let sandbox = sandbox();
    let record = of_another_machine(&sandbox);
    let id = record["id"].as_str().expect("an id");
    let says_so = |note: &Value, answer: &Value| {
        let words = format!("runs on {OTHER}");
        assert!(note.as_str().is_some_and(|note| note.contains(&words)), "{answer:#}");
    };
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(list["running"], 1, "{list:#}");
    assert!(list["tasks"].to_string().contains(&format!("runs on {OTHER}")), "{list:#}");
    let waited = sandbox.task_bg(["wait", "--timeout", "200ms", id]).code(6).json();
    says_so(&waited["pending"][0]["note"], &waited);
    let status = sandbox.task_bg(["status", id]).ok().json();
    let notes = [&status["note"], &status["progress"]["note"]];
    says_so(notes.into_iter().find(|note| note.is_string()).unwrap_or(&Value::Null), &status);
}

/// `cancel` ended such a task as lost and said that it had ended, while its agent worked on.
#[test]
fn a_task_of_another_machine_can_not_be_cancelled_from_here() {
    let sandbox = sandbox();
    let record = of_another_machine(&sandbox);
    let id = record["id"].as_str().expect("an id");
    let ran = sandbox.task_bg(["cancel", "--grace", "0", id]).run();
    assert_ne!(ran.code, 0, "{ran}");
    assert!(names(&ran.json()["refused"], id), "{ran}");
    assert!(ran.stdout.contains(&format!("runs on {OTHER}")), "{ran}");
    assert_eq!(sandbox.record(id), record, "{ran}");
}

/// The supervisor's ending was refused because somebody had guessed one before, and what the agent had found
/// was thrown away.
#[test]
fn a_result_that_comes_after_an_ending_that_was_a_guess_is_kept_beside_it() {
    for reason in ["lost", "stale", "timeout", "launch_failed"] {
        let sandbox = sandbox();
        let gate = sandbox.path("gate");
        let words = ["launch", "a task", &format!("WAIT {}\nSAY found after all", gate.display())];
        let id = task_id(&sandbox.task_bg(words).ok().json());
        // As another program wrote it that could not see the supervisor.
        let records = lock_records(&sandbox);
        let mut record = sandbox.record(&id);
        record["status"] = json!("error");
        record["error"] = json!("nobody knows");
        record["completed_at"] = record["started_at"].clone();
        record["progress"]["reason"] = json!(reason);
        rewrite(&sandbox, &record);
        records.free();
        sandbox.open_gate("gate");
        wait_until("the supervisor's end", || sandbox.leftovers().is_empty());
        let record = sandbox.record(&id);
        assert_eq!(record["progress"]["lateResult"], "found after all", "{record:#}");
        assert_eq!(
            (&record["status"], &record["progress"]["reason"]),
            (&json!("error"), &json!(reason))
        );
        for words in
            [&["status", &id][..], &["output", "--result", &id], &["wait", &id], &["report"]]
        {
            let ran = sandbox.task_bg(words.iter().copied()).run();
            assert!(ran.stdout.contains("found after all"), "{ran}");
        }
    }
}

// Once, the reason was that it runs on another machine, whatever the record said, and which one it did not say.
#[test]
fn what_keeps_an_ended_task_of_another_machine_names_the_machine_and_what_can_be_done() {
    let sandbox = sandbox();
    let record = of_another_machine(&sandbox);
    let id = record["id"].as_str().expect("an id");
    let host = record["progress"]["host"].as_str().expect("a name");
    // Once, nobody said what to do with a task of a container that is gone.
    let (status, cancelled) = (sandbox.task_bg(["status", id]), sandbox.task_bg(["cancel", id]));
    for said in [status.ok().stdout, cancelled.code(4).stdout] {
        assert!(said.contains(&format!("no more, `task-bg complete {id}` ends")), "{said}");
    }
    sandbox.task_bg(["complete", id, "done"]).ok().done();
    let kept = sandbox.task_bg(["rm", id]).code(4).json();
    let why = kept["kept"][0]["error"].as_str().unwrap_or_default();
    assert!(
        why.contains(&format!("ran on `{host}`")) && why.contains(&format!("{id}.*")),
        "{kept}"
    );
}
