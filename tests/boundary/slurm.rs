//! Tasks on Slurm, over a stand-in for its programs: what is submitted, what is asked and what is believed.
//!
//! How a real cluster behaves is tried on a real one; see `cargo xtask slurm`.

mod asking;
mod calling;
mod ordering;

use std::fs::{self, File};
use std::time::SystemTime;

use serde_json::{Value, json};
use tests::fake_slurm::FakeSlurm;
use tests::process::wait_until;
use tests::sandbox::{Sandbox, names, task_id};

use crate::sandbox;

/// A task on Slurm with this script.
fn submit(sandbox: &Sandbox, options: &[&str], script: &str) -> String {
    let command = ["a task", "--", "sh", "-c", script];
    let words = ["run", "--on", "slurm"].iter().chain(options).chain(&command);
    task_id(&sandbox.task_bg(words.copied()).ok().json())
}

/// When a supervisor gave its last sign of life.
#[derive(Clone, Copy)]
enum Beaten {
    Now,
    LongAgo,
}

/// Has a task run on another host.
fn moved(sandbox: &Sandbox, id: &str, beaten: Beaten) {
    let mut record = sandbox.record(id);
    record["status"] = json!("running");
    record["started_at"] = record["queued_at"].clone();
    record["progress"]["host"] = json!("elsewhere");
    record["progress"]["supervisor"] = json!({"pid": 1, "startTime": 1, "bootId": "x"});
    record["progress"]["agentProcess"] = json!({"pid": 2, "startTime": 1, "bootId": "x"});
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(file, record.to_string()).expect("a record that can be written");
    let lock = File::create(sandbox.store().join(".active").join(id)).expect("a life lock");
    if let Beaten::LongAgo = beaten {
        lock.set_modified(SystemTime::UNIX_EPOCH).expect("its time");
    }
}

fn row(sandbox: &Sandbox, id: &str) -> Value {
    let list = sandbox.task_bg(["list"]).ok().json();
    let rows = list["tasks"].as_array().expect("a list").clone();
    rows.into_iter().find(|row| row["id"] == id).expect("the task is listed")
}

#[test]
fn a_task_on_slurm_is_recorded_waited_for_and_ended_as_any_other() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let id = submit(&sandbox, &[], "echo job $SLURM_JOB_ID; test -z \"$LEFT\" && exit 3");
    let waited = sandbox.task_bg(["wait", &id]).code(5).json();
    assert!(names(&waited["ended"], &id), "{waited}");
    let record = sandbox.record(&id);
    assert_eq!(record["progress"]["exitCode"], 3, "{record:#}");
    assert_eq!(record["progress"]["target"], "slurm");
    assert_eq!(record["progress"]["slurm"]["jobId"], "1");
    assert!(record["error"].as_str().is_some_and(|it| it.contains("job 1")), "{record:#}");
    sandbox.assert_nothing_kept();
    assert_eq!(slurm.calls("sbatch").len(), 1);
}

/// Whatever a cluster keeps of a job, administrators, backups and often other users see.
#[test]
fn a_job_has_neither_the_prompt_nor_the_environment_nor_the_description_of_its_task() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let words = [
        "launch",
        "--on",
        "slurm:gpu",
        "my description",
        "SAY my-prompt",
        "--env",
        "TOKEN=hunter2",
    ];
    let id = task_id(&sandbox.task_bg(words).env("SECRET", "hunter3").ok().json());
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "completed", "{record:#}");
    let all = ["1.words", "1.env", "1.script"].map(|name| slurm.read(name)).concat();
    for secret in ["hunter", "SECRET", "TOKEN", "my-prompt", "description"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    for word in ["--export=ALL", "--no-requeue", "--partition=gpu", "--open-mode=append"] {
        assert!(slurm.read("1.words").lines().any(|line| line == word), "{all}");
    }
    assert!(slurm.read("1.words").contains(&format!("--job-name={id}\n")), "{all}");
    assert!(slurm.read("1.script").contains("/.bin/task-bg-"), "{all}");
}

#[test]
fn an_agent_has_its_launchers_environment_without_what_belongs_to_that_machine() {
    let sandbox = sandbox();
    let _slurm = FakeSlurm::new(&sandbox);
    let script = "echo token=$TOKEN display=$DISPLAY job=$SLURM_JOB_ID nodes=$SLURM_NODELIST grace=$__TASK_BG_MOST_GRACE.";
    let words = ["run", "--on", "slurm", "x", "--", "sh", "-c", script];
    let run =
        sandbox.task_bg(words).env("TOKEN", "t").env("DISPLAY", ":0").env("SLURM_NODELIST", "old");
    let record = sandbox.ended(&task_id(&run.ok().json()));
    assert_eq!(record["result"], "token=t display= job=1 nodes= grace=.", "{record:#}");
}

#[test]
fn a_job_that_is_not_taken_is_a_launch_that_failed_in_the_words_of_sbatch() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    for words in [
        "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
        "sbatch: error: Unable to contact slurm controller (connect failure)\n",
    ] {
        slurm.write("sbatch.fails", words);
        let failure = sandbox.task_bg(["run", "--on", "slurm:nope", "--", "true"]).run().failure(7);
        let said = words.split_once(": error: ").expect("words").1.trim();
        assert!(failure.to_string().contains(said), "{failure:#}");
        let id = failure["taskId"].as_str().or(failure["id"].as_str()).expect("the task");
        let record = sandbox.record(id);
        assert_eq!(
            (&record["status"], &record["progress"]["reason"]),
            (&json!("error"), &json!("launch_failed"))
        );
        assert!(record["error"].as_str().is_some_and(|it| it.contains(said)), "{record:#}");
    }
    sandbox.assert_nothing_kept();
}

/// A controller may take a job and be too busy to say so.
#[test]
fn a_job_whose_answer_was_lost_is_found_by_its_name_and_not_submitted_again() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    slurm.write("answer.lost", "");
    let id = submit(&sandbox, &[], "true");
    assert_eq!(sandbox.record(&id)["progress"]["slurm"]["jobId"], "1");
    assert_eq!(slurm.calls("sbatch").len(), 1);
}

#[test]
fn a_pending_job_is_a_queued_task_with_the_clusters_reason_in_words_and_expires_by_nobodys_hand() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &[], "true");
    slurm.write("1.state", "PENDING|Licenses");
    let row = row(&sandbox, &id);
    assert_eq!(row["status"], "queued", "{row:#}");
    assert_eq!(row["progress"]["slurm"]["state"], "PENDING", "{row:#}");
    let reason = "waits for a licence model-a (Licenses)";
    assert_eq!(row["progress"]["slurm"]["reason"], reason, "{row:#}");
    assert_eq!(row["progress"]["note"], reason, "{row:#}");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["progress"]["slurm"]["reason"], reason, "{status:#}");
    let mut record = sandbox.record(&id);
    record["queued_at"] = json!("2020-01-01T00:00:00+00:00");
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(file, record.to_string()).expect("a record that can be written");
    sandbox.task_bg(["prune"]).ok().done();
    assert_eq!(sandbox.record(&id), record);
    let cancelled = sandbox.task_bg(["cancel", &id]).ok().json();
    assert!(names(&cancelled["cancelled"], &id), "{cancelled}");
    assert_eq!(sandbox.status(&id), "cancelled");
    assert_eq!(slurm.calls("scancel"), [format!("--name={id} 1")]);
    sandbox.assert_nothing_kept();
}

/// A controller that is killed at the wrong moment starts a job a second time, whatever it was told.
#[test]
fn a_job_that_is_started_twice_runs_its_task_once() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let script =
        format!("echo ran >> {}; {}", sandbox.path("ran").display(), sandbox.until("gate"));
    let id = submit(&sandbox, &[], &script);
    let first = sandbox.shell(&slurm.start(1)).start();
    wait_until("the start", || sandbox.status(&id) == "running");
    sandbox.shell(&slurm.start(1)).ok().done();
    assert_eq!(sandbox.status(&id), "running");
    sandbox.open_gate("gate");
    first.finish().ok().done();
    sandbox.shell(&slurm.start(1)).ok().done();
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(sandbox.lines_of("ran"), ["ran"]);
}

#[test]
fn a_job_that_starts_after_its_task_was_cancelled_starts_nothing() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &[], &format!("echo ran >> {}", sandbox.path("ran").display()));
    sandbox.task_bg(["cancel", &id]).ok().done();
    sandbox.shell(&slurm.start(1)).ok().done();
    assert_eq!(sandbox.status(&id), "cancelled");
    assert!(sandbox.lines_of("ran").is_empty());
    sandbox.assert_nothing_kept();
}

#[test]
fn the_cluster_is_asked_once_a_command_for_all_tasks_and_not_at_all_while_they_give_signs_of_life()
{
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let ids: Vec<String> = (0..5).map(|_| submit(&sandbox, &[], "true")).collect();
    sandbox.task_bg(["list"]).ok().done();
    assert_eq!(slurm.calls("squeue").len(), 1, "{:?}", slurm.calls("squeue"));
    for id in &ids {
        moved(&sandbox, id, Beaten::Now);
    }
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(list["running"], 5, "{list:#}");
    assert_eq!(slurm.calls("squeue").len(), 1, "{:?}", slurm.calls("squeue"));
    for id in &ids {
        moved(&sandbox, id, Beaten::LongAgo);
    }
    sandbox.task_bg(["list"]).ok().done();
    assert_eq!(slurm.calls("squeue").len(), 2, "{:?}", slurm.calls("squeue"));
}

#[test]
fn a_controller_that_does_not_answer_decides_nothing_and_that_is_said() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let (waits, runs) = (submit(&sandbox, &[], "true"), submit(&sandbox, &[], "true"));
    moved(&sandbox, &runs, Beaten::LongAgo);
    slurm.write(
        "squeue.fails",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
    );
    let before = [sandbox.record(&waits), sandbox.record(&runs)];
    for id in [&waits, &runs] {
        let note = row(&sandbox, id)["note"].as_str().unwrap_or_default().to_owned();
        assert!(note.contains("Slurm does not answer"), "{note}");
    }
    sandbox.task_bg(["wait", "--timeout", "300ms", &runs]).code(6).done();
    sandbox.task_bg(["prune"]).ok().done();
    assert_eq!([sandbox.record(&waits), sandbox.record(&runs)], before);
}

/// The agents of a node that was cut off work on.
#[test]
fn a_node_that_does_not_answer_is_not_dead_and_its_task_cannot_be_tried_again() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &[], "true");
    moved(&sandbox, &id, Beaten::LongAgo);
    slurm.write("1.state", "NODE_FAIL|NodeDown");
    slurm.write("down", "");
    let row = row(&sandbox, &id);
    assert!(row["note"].as_str().is_some_and(|note| note.contains("not answering")), "{row:#}");
    assert_eq!(sandbox.status(&id), "running");
    sandbox.task_bg(["retry", &id]).run().code_is(4).done();
    slurm.remove("down");
    sandbox.task_bg(["list"]).ok().done();
    let record = sandbox.record(&id);
    assert_eq!(
        (&record["status"], &record["progress"]["reason"]),
        (&json!("error"), &json!("lost"))
    );
    assert!(record["error"].as_str().is_some_and(|it| it.contains("NODE_FAIL")), "{record:#}");
}

#[test]
fn a_job_that_is_over_without_an_ending_ends_its_task_by_the_clusters_word() {
    for (state, status, reason) in [
        ("TIMEOUT|TimeLimit", "error", json!("timeout")),
        ("CANCELLED|None", "cancelled", Value::Null),
        ("PREEMPTED|None", "error", json!("lost")),
        ("FAILED|NonZeroExitCode", "error", json!("lost")),
    ] {
        let sandbox = sandbox();
        let slurm = FakeSlurm::new(&sandbox).waiting();
        let id = submit(&sandbox, &[], "true");
        moved(&sandbox, &id, Beaten::LongAgo);
        slurm.write("1.state", state);
        sandbox.task_bg(["list"]).ok().done();
        let record = sandbox.record(&id);
        assert_eq!(record["status"], status, "{record:#}");
        assert_eq!(record["progress"]["reason"], reason, "{record:#}");
        assert_eq!(record["progress"]["slurm"]["exitCode"], "0:9", "{record:#}");
        if status == "cancelled" {
            let words = record["progress"]["slurm"]["reason"].as_str().unwrap_or_default();
            assert!(words.contains("scancel"), "{record:#}");
        }
        sandbox.assert_nothing_kept();
    }
}

/// A controller that was killed soon after it took a job forgets the number, and gives it to the next one.
#[test]
fn a_number_that_another_job_has_now_touches_no_task() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &[], "true");
    slurm.write("1.name", "bg_of_somebody_else\n");
    slurm.write("1.state", "FAILED|NonZeroExitCode");
    sandbox.task_bg(["list"]).ok().done();
    assert_eq!(sandbox.status(&id), "queued");
    moved(&sandbox, &id, Beaten::Now);
    sandbox.task_bg(["list"]).ok().done();
    assert_eq!(sandbox.status(&id), "running");
}

#[test]
fn a_cancel_from_another_host_leaves_its_wish_and_asks_the_supervisor_alone() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let id = submit(&sandbox, &[], &sandbox.until("gate"));
    wait_until("the start", || sandbox.status(&id) == "running");
    // As a command on another host sees it.
    let mut record = sandbox.record(&id);
    record["progress"]["host"] = json!("elsewhere");
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(file, record.to_string()).expect("a record that can be written");
    let cancelled = sandbox.task_bg(["cancel", "--grace", "2s", &id]).ok().json();
    assert!(names(&cancelled["cancelled"], &id), "{cancelled}");
    assert_eq!(slurm.calls("scancel"), [format!("--batch --signal=TERM --name={id} 1")]);
    assert_eq!(sandbox.status(&id), "cancelled");
    sandbox.assert_nothing_kept();
}

#[test]
fn a_job_that_somebody_ends_with_scancel_is_a_task_that_was_cancelled_from_outside() {
    let sandbox = sandbox();
    let _slurm = FakeSlurm::new(&sandbox);
    let id = submit(&sandbox, &[], &sandbox.until("gate"));
    wait_until("the start", || sandbox.status(&id) == "running");
    sandbox.shell("scancel 1").ok().done();
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "cancelled", "{record:#}");
    let words = record["progress"]["slurm"]["reason"].as_str().unwrap_or_default();
    assert!(words.contains("outside"), "{record:#}");
}

#[test]
fn a_job_that_slurm_ends_at_its_time_limit_says_so() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let id = submit(&sandbox, &[], &sandbox.until("gate"));
    wait_until("the start", || sandbox.status(&id) == "running");
    let words = "slurmstepd: error: *** JOB 1 ON node1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***\n";
    fs::write(slurm.read("1.out").trim(), words).expect("the output of the job");
    sandbox.shell("scancel 1").ok().done();
    let record = sandbox.ended(&id);
    assert_eq!(
        (&record["status"], &record["progress"]["reason"]),
        (&json!("error"), &json!("timeout"))
    );
    assert!(record["error"].as_str().is_some_and(|it| it.contains("time limit")), "{record:#}");
    assert_eq!(record["progress"]["slurm"]["state"], "TIMEOUT", "{record:#}");
}

/// Once, it was recorded as cancelled by scancel, which nobody had called.
#[test]
fn a_job_that_slurm_puts_back_to_wait_has_lost_its_run_and_nobody_is_said_to_have_cancelled_it() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox);
    let id = submit(&sandbox, &[], &sandbox.until("gate"));
    wait_until("the start", || sandbox.status(&id) == "running");
    let words = "slurmstepd: error: *** JOB 1 ON node1 CANCELLED AT 2026-01-01T00:00:00 DUE TO JOB REQUEUE ***\n";
    fs::write(slurm.read("1.out").trim(), words).expect("the output of the job");
    sandbox.shell("scancel 1").ok().done();
    let record = sandbox.ended(&id);
    assert_eq!(
        (&record["status"], &record["progress"]["reason"]),
        (&json!("error"), &json!("lost"))
    );
    assert!(record["error"].as_str().is_some_and(|it| it.contains("requeued")), "{record:#}");
    assert_eq!(record["progress"]["slurm"]["state"], "REQUEUED", "{record:#}");
}
