//! What Slurm is asked and told, and that it is always about the job of that task.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::fake_slurm::FakeSlurm;
use tests::process::wait_until;

use super::{Beaten, moved, submit};
use crate::sandbox;

/// Once, a cancel went by the number alone, and stopped the task that Slurm had given the number to.
#[test]
fn a_cancel_stops_no_other_task_whose_job_has_the_number_by_now() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let forgotten = submit(&sandbox, &[], "true");
    slurm.remove("1.state");
    slurm.remove("waits");
    slurm.remove("last");
    let other = submit(&sandbox, &[], &sandbox.until("gate"));
    assert_eq!(sandbox.record(&other)["progress"]["slurm"]["jobId"], "1");
    wait_until("the start", || sandbox.status(&other) == "running");
    moved(&sandbox, &forgotten, Beaten::Now);
    let cancel = sandbox.task_bg(["cancel", "--grace", "0", &forgotten]).start();
    wait_until("both ways to be told", || slurm.calls("scancel").len() == 2);
    let mut record = sandbox.record(&forgotten);
    record["status"] = json!("cancelled");
    record["completed_at"] = record["started_at"].clone();
    let file = sandbox.store().join(format!("{forgotten}.json"));
    fs::write(file, record.to_string()).expect("a record that can be written");
    cancel.finish().ok().done();
    assert_eq!(sandbox.status(&other), "running");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&other)["status"], "completed");
}

/// Once, each task of a lost node cost a question of its own.
#[test]
fn slurm_is_asked_once_about_all_nodes_however_many_tasks_were_on_those_it_lost() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    slurm.write("down", "");
    for number in 1..=4 {
        let id = submit(&sandbox, &[], "true");
        moved(&sandbox, &id, Beaten::LongAgo);
        slurm.write(&format!("{number}.state"), "NODE_FAIL|NodeDown");
    }
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!(list["running"], 4, "{list:#}");
    let asked = ["squeue", "sinfo"].map(|program| slurm.calls(program).len());
    assert_eq!(asked, [1, 1]);
}

#[test]
fn a_task_whose_job_slurm_does_not_know_cannot_be_released_and_neither_is_another_one() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &["--hold"], "true");
    slurm.write("1.name", "bg_of_somebody_else\n");
    let failure = sandbox.task_bg(["release", &id]).run().failure(1);
    assert!(failure.to_string().contains("knows no job"), "{failure:#}");
    assert!(slurm.calls("scontrol").is_empty(), "{:?}", slurm.calls("scontrol"));
}

/// Once, each task asked again, and a list of a hundred took minutes while the controller was down.
#[test]
fn a_controller_that_does_not_answer_is_asked_once_a_command_as_well() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let ids: Vec<String> = (0..4).map(|_| submit(&sandbox, &[], "true")).collect();
    moved(&sandbox, &ids[0], Beaten::LongAgo);
    slurm.write("squeue.fails", "error: Unable to contact slurm controller (connect failure)\n");
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&list["running"], &list["queued"]), (&json!(1), &json!(3)), "{list:#}");
    assert_eq!(slurm.calls("squeue").len(), 1);
}

/// Once, that took up to 20 s. Nothing here tells of it: Slurm alone knows.
#[test]
fn a_wait_notices_within_two_seconds_that_slurm_ended_a_job_before_its_task_began() {
    for (state, status, says) in [
        ("CANCELLED|None", "cancelled", ""),
        ("FAILED|JobLaunchFailure", "error", "may not be there or not be writable"),
    ] {
        let sandbox = sandbox();
        let slurm = FakeSlurm::new(&sandbox).waiting();
        let ids: Vec<String> = (0..20).map(|_| submit(&sandbox, &[], "true")).collect();
        for waited in [&ids[..1], &ids[1..]] {
            let waiter = sandbox
                .task_bg(["wait", "--any"].into_iter().chain(waited.iter().map(String::as_str)));
            let waiter = waiter.start();
            let asked = slurm.calls("squeue").len();
            wait_until("the first question", || slurm.calls("squeue").len() > asked);
            let number = ids.iter().position(|id| *id == waited[0]).expect("it is known") + 1;
            slurm.write(&format!("{number}.state"), state);
            let ended = Instant::now();
            let ran = waiter.finish();
            let late = ended.elapsed();
            assert!(late < Duration::from_secs(8), "{late:?}: {ran}");
            let record = sandbox.record(&waited[0]);
            assert_eq!(record["status"], status, "{record:#}");
            assert!(record["error"].as_str().unwrap_or_default().contains(says), "{record:#}");
        }
    }
}

/// Once, that took longer than a shell tool waits, and then spoke of a supervisor that may be stopped.
#[test]
fn a_cancel_of_a_task_whose_node_does_not_answer_says_so_at_once_and_the_wish_stays() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &[], "true");
    moved(&sandbox, &id, Beaten::LongAgo);
    slurm.write("1.state", "NODE_FAIL|NodeDown");
    slurm.write("down", "");
    let retry = sandbox.task_bg(["retry", &id]).run().failure(4);
    assert!(retry["hint"].to_string().contains("elsewhere"), "{retry:#}");
    assert!(retry["hint"].to_string().contains(&format!("task-bg cancel {id}")), "{retry:#}");
    let began = Instant::now();
    let cancel = sandbox.task_bg(["cancel", "--grace", "30s", &id]).run().failure(1);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(cancel.to_string().contains("its node `elsewhere` does not answer"), "{cancel:#}");
    assert!(cancel.to_string().contains(&format!("task-bg status {id}")), "{cancel:#}");
    slurm.remove("down");
    slurm.write("1.state", "NODE_FAIL|NodeDown");
    sandbox.task_bg(["list"]).ok().done();
    assert_eq!(sandbox.status(&id), "cancelled");
}

/// Once, it said that a task had not ended well.
#[test]
fn doctor_says_that_a_node_does_not_see_the_store_with_what_to_do() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let doctor = sandbox.task_bg(["doctor", "--on", "slurm", "--json"]).start();
    wait_until("its job", || !slurm.read("1.state").is_empty());
    slurm.write("1.state", "FAILED|JobLaunchFailure");
    let answer = doctor.finish().code_is(1).json();
    let checks = answer["findings"].as_array().expect("rows");
    let node = checks.iter().find(|check| check["check"] == "node").expect("one of the node");
    assert!(node.to_string().contains("may not be there or not be writable"), "{node:#}");
    assert!(node["fix"].to_string().contains("under the same path and writable"), "{node:#}");
}

#[test]
fn a_cancel_that_nobody_answers_tells_what_happens_next_within_fifteen_seconds_of_the_grace() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &[], "true");
    moved(&sandbox, &id, Beaten::Now);
    slurm.write("1.state", "RUNNING|None");
    slurm.write("scancel.fails", "");
    let began = Instant::now();
    let cancel = sandbox.task_bg(["cancel", "--grace", "0", &id]).run().failure(1);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(cancel.to_string().contains("has not ended yet"), "{cancel:#}");
}

/// Once, nothing was said of the job, which waited on for as long as the cluster kept it.
#[test]
fn who_cancels_a_waiting_task_while_the_controller_is_down_is_told_that_its_job_may_stay() {
    let sandbox = sandbox();
    let slurm = FakeSlurm::new(&sandbox).waiting();
    let id = submit(&sandbox, &[], "true");
    slurm.write("scancel.fails", "error: Unable to contact slurm controller (connect failure)\n");
    let ran = sandbox.task_bg(["cancel", &id]).ok();
    assert!(ran.stdout.contains("its job may stay in the queue of the cluster"), "{ran}");
    assert_eq!(sandbox.status(&id), "cancelled");
}
