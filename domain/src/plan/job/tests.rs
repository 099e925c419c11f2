//! The table of endings of jobs, and what is believed meanwhile.

use super::*;
use crate::task::{CancelIntent, Event, Job, Order, Target};
use crate::testing;
use std::boxed::Box;
use std::string::ToString;

const MINUTE: Duration = Duration::from_secs(60);

fn task(started: bool) -> Task {
    let order = Order { target: Target::Slurm { partition: None }, ..testing::order() };
    let id = testing::running_task().id().clone();
    let task = Task::ordered(id, order, None, testing::ORDERED);
    let job = Job { id: Some("7".into()), submitted_at: Some(testing::ORDERED), ..Job::default() };
    let placed = Event::Placed { job: Box::new(job), host: None };
    let task = task.apply(placed, testing::ORDERED).expect("it waits").task;
    if !started {
        return task;
    }
    let start = Event::Started(testing::started());
    task.apply(start, testing::ORDERED).expect("it waits").task
}

fn seen(state: &str) -> JobSeen {
    let end = Some(testing::ORDERED.plus(MINUTE));
    JobSeen { id: "7".into(), state: state.into(), end, ..JobSeen::default() }
}

fn facts(seen: Option<&JobSeen>, after: Duration) -> Facts<'_> {
    Facts {
        seen,
        last_words: "",
        silence: Some(MINUTE * 5),
        to_be_cancelled: false,
        node_answers: None,
        lag: MINUTE,
        now: testing::ORDERED.plus(after),
    }
}

fn reason(outlook: Outlook) -> (Option<Reason>, String) {
    if let Outlook::Over(Ending::Failed { reason, message, .. }) = outlook {
        (Some(reason), message)
    } else {
        (None, std::format!("{outlook:?}"))
    }
}

#[test]
fn a_word_of_the_cluster_that_a_job_is_over_counts_once_a_late_record_would_have_been_seen() {
    let seen = seen("FAILED");
    let at = |after| outlook(&task(true), &facts(Some(&seen), after));
    assert_eq!(at(MINUTE + MINUTE / 2), Outlook::Settling);
    let (why, message) = reason(at(MINUTE * 3));
    assert_eq!(why, Some(Reason::Lost));
    assert!(message.contains("FAILED"), "{message}");
}

#[test]
fn a_job_that_is_over_while_its_supervisor_gives_signs_of_life_is_not_believed() {
    let seen = seen("FAILED");
    let mut facts = facts(Some(&seen), MINUTE * 9);
    facts.silence = Some(MINUTE / 2);
    assert_eq!(outlook(&task(true), &facts), Outlook::Settling);
}

#[test]
fn every_word_of_the_cluster_has_its_ending() {
    for (state, started, ended) in [
        ("TIMEOUT", true, Some(Reason::Timeout)),
        ("PREEMPTED", true, Some(Reason::Lost)),
        ("BOOT_FAIL", true, Some(Reason::Lost)),
        ("DEADLINE", true, Some(Reason::Lost)),
        ("OUT_OF_MEMORY", true, Some(Reason::Lost)),
        ("COMPLETED", true, Some(Reason::Lost)),
        ("FAILED", true, Some(Reason::Lost)),
        ("FAILED", false, Some(Reason::LaunchFailed)),
        ("BOOT_FAIL", false, Some(Reason::LaunchFailed)),
        ("NODE_FAIL", false, Some(Reason::LaunchFailed)),
    ] {
        let seen = seen(state);
        let (why, message) = reason(outlook(&task(started), &facts(Some(&seen), MINUTE * 3)));
        assert_eq!(why, ended, "{state} {started}: {message}");
        assert!(message.contains(state), "{message}");
    }
    for started in [true, false] {
        let seen = seen("CANCELLED");
        let over = outlook(&task(started), &facts(Some(&seen), MINUTE * 3));
        assert_eq!(over, Outlook::Over(Ending::CANCELLED));
    }
}

#[test]
fn a_word_that_nobody_knows_and_one_of_a_job_that_still_has_processes_mean_that_it_is_there() {
    for state in ["RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "STAGE_OUT", "A_NEW_WORD"] {
        let seen = seen(state);
        let judged = outlook(&task(true), &facts(Some(&seen), MINUTE * 99));
        assert_eq!(judged, Outlook::There, "{state}");
    }
}

#[test]
fn a_node_that_does_not_answer_is_not_dead() {
    let seen = seen("NODE_FAIL");
    let mut facts = facts(Some(&seen), MINUTE * 99);
    for answers in [None, Some(false)] {
        facts.node_answers = answers;
        assert_eq!(outlook(&task(true), &facts), Outlook::NotAnswering);
    }
    facts.node_answers = Some(true);
    assert_eq!(reason(outlook(&task(true), &facts)).0, Some(Reason::Lost));
}

#[test]
fn a_job_that_the_cluster_forgot_is_lost_only_after_a_long_silence() {
    let mut facts = facts(None, MINUTE * 99);
    assert_eq!(outlook(&task(true), &facts), Outlook::There);
    facts.silence = Some(MINUTE * 11);
    assert_eq!(reason(outlook(&task(true), &facts)).0, Some(Reason::Lost));
}

#[test]
fn an_intent_decides_whatever_the_cluster_calls_it() {
    let seen = seen("TIMEOUT");
    let mut facts = facts(Some(&seen), MINUTE * 3);
    facts.to_be_cancelled = true;
    assert_eq!(outlook(&task(true), &facts), Outlook::Over(Ending::CANCELLED));
    facts.to_be_cancelled = false;
    let intent = CancelIntent { at: testing::ORDERED, grace: Duration::ZERO };
    let asked = task(true).apply(Event::CancelRequested(intent), testing::ORDERED);
    let judged = outlook(&asked.expect("it runs").task, &facts);
    assert_eq!(judged, Outlook::Over(Ending::CANCELLED));
}

#[test]
fn the_clusters_last_words_in_the_jobs_output_say_why_before_anybody_is_asked() {
    let line = |tail: &str| {
        std::format!(
            "x\nslurmstepd-node1: error: *** JOB 3 ON node1 CANCELLED AT 2026-01-01T00:00:00{tail} ***\n"
        )
    };
    for (tail, word) in [
        ("", Some("CANCELLED")),
        (" DUE TO TIME LIMIT", Some("TIMEOUT")),
        (" DUE TO PREEMPTION", Some("PREEMPTED")),
        (" DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", Some("NODE_FAIL")),
        (" DUE TO JOB REQUEUE", Some("REQUEUED")),
    ] {
        assert_eq!(told(&line(tail)), word);
    }
    assert_eq!(told("an agent wrote CANCELLED AT noon\n"), None);
    // A job that Slurm calls failed, although it had reached its limit.
    let (seen, words) = (seen("FAILED"), line(" DUE TO TIME LIMIT"));
    let mut facts = facts(Some(&seen), MINUTE * 3);
    facts.last_words = &words;
    assert_eq!(reason(outlook(&task(true), &facts)).0, Some(Reason::Timeout));
}

#[test]
fn a_job_whose_number_was_never_recorded_is_handed_over_again_once_nobody_does_so() {
    let order = Order { target: Target::Slurm { partition: None }, ..testing::order() };
    let id = testing::running_task().id().clone();
    let task = Task::ordered(id, order, None, testing::ORDERED);
    let job = Job { submitted_at: Some(testing::ORDERED), ..Job::default() };
    let placed = Event::Placed { job: Box::new(job), host: None };
    let task = task.apply(placed, testing::ORDERED).expect("it waits").task;
    assert_eq!(outlook(&task, &facts(None, MINUTE / 2)), Outlook::Waits);
    assert_eq!(outlook(&task, &facts(None, MINUTE * 2)), Outlook::NotTaken);
    let pending = seen("PENDING");
    assert_eq!(outlook(&task, &facts(Some(&pending), MINUTE * 2)), Outlook::Waits);
}

#[test]
fn a_reason_is_said_in_words_with_the_clusters_own_behind() {
    let waits = |reason: &str, licences: &str| {
        let (reason, licences) = (reason.into(), licences.into());
        in_words(&JobSeen { reason, licences, ..seen("PENDING") }).expect("words")
    };
    assert_eq!(waits("Licenses", "model-a:1"), "waits for a licence model-a (Licenses)");
    assert_eq!(waits("Resources", ""), "waits for a free node (Resources)");
    assert!(waits("Nodes required for job are DOWN, DRAINED", "").contains("are down"));
    assert!(waits("SomethingNew", "").contains("SomethingNew"));
    assert_eq!(in_words(&seen("RUNNING")), None);
    assert_eq!(
        in_words(&JobSeen { reason: "TimeLimit".into(), ..seen("TIMEOUT") }),
        Some("TimeLimit".to_string())
    );
}

/// A controller that was killed too soon forgets that it has started a job, and a release that let it start.
#[test]
fn a_job_that_slurm_put_back_to_wait_has_lost_its_first_run() {
    let pending = seen("PENDING");
    let mut facts = facts(Some(&pending), MINUTE * 9);
    facts.silence = Some(FRESH / 2);
    assert_eq!(outlook(&task(true), &facts), Outlook::There);
    facts.silence = Some(FRESH * 3);
    let (why, message) = reason(outlook(&task(true), &facts));
    assert_eq!(why, Some(Reason::Lost));
    assert!(message.contains("requeued"), "{message}");
}

#[test]
fn a_job_of_which_nothing_ever_ran_is_over_however_late_files_are_seen() {
    for (node, reason) in [("", "None"), ("node1", "JobLaunchFailure")] {
        let (node, reason) = (node.into(), reason.into());
        let seen = JobSeen { node, reason, end: Some(testing::ORDERED), ..seen("CANCELLED") };
        let facts = Facts { lag: MINUTE, silence: None, ..facts(Some(&seen), MINUTE / 60) };
        assert_eq!(outlook(&task(false), &facts), Outlook::Over(Ending::CANCELLED), "{seen:?}");
        assert_eq!(outlook(&task(true), &facts), Outlook::Settling, "{seen:?}");
    }
}
