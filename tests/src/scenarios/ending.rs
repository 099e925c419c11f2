//! Endings other than a good one: what droid does, and what a task makes of it.

use super::stage::{Stage, assert_completed, error_of, process_of};
use super::steering::{execute, held_words};
use crate::process::{kill, terminate};

pub(super) fn a_refused_permission_names_the_level_with_which_a_retry_passes(stage: &Stage) {
    for level in ["medium", "high"] {
        let done = stage.work().join(level);
        let command = execute(&format!("echo did it > {level}"), level);
        let prompt = format!("{command}SAY:permitted");
        let (_, id) = stage.launch(&prompt, ["--autonomy", "low"]);
        let record = stage.ended(&id, 5);
        let message = error_of(&record, "permission");
        assert!(!done.exists(), "it was refused and done");
        let named =
            ["--auto", "--autonomy"].map(|flag| message.contains(&format!("{flag} {level}")));
        assert!(named.contains(&true), "does not name {level}: {message}");
        let (_, again) = stage.launch(&prompt, ["--autonomy", level]);
        assert_completed(&stage.ended(&again, 0), "permitted");
        assert!(done.exists(), "it was permitted and not done");
    }
}

pub(super) fn credentials_that_the_model_refuses_end_as_auth(stage: &Stage) {
    let id = stage.launched("STATUS:401");
    let record = stage.ended(&id, 5);
    let message = error_of(&record, "auth");
    assert!(message.contains("401"), "{message}");
    assert_eq!(record["progress"]["exitCode"], 1, "{record:#}");
    let waited = stage.code(5, ["wait", &id]).json();
    assert_eq!(waited["ended"][0]["reason"], "auth", "{waited:#}");
}

pub(super) fn an_agent_killed_by_a_signal_ends_as_signal(stage: &Stage) {
    let id = stage.launched(&held_words(&stage.path("never"), "never said"));
    stage.until_asked(1);
    kill(process_of(&stage.status(&id), "agentProcess"));
    let record = stage.ended(&id, 5);
    let message = error_of(&record, "signal");
    assert!(message.contains("SIGKILL"), "{message}");
    assert_eq!(record["progress"]["signal"], 9, "{record:#}");
}

pub(super) fn an_agent_that_somebody_else_terminates_has_no_result_though_it_exits_with_0(
    stage: &Stage,
) {
    let id = stage.launched(&held_words(&stage.path("never"), "never said"));
    // By then droid has its handlers; a signal before that would simply kill it.
    stage.until_asked(1);
    terminate(process_of(&stage.status(&id), "agentProcess"));
    let record = stage.ended(&id, 5);
    error_of(&record, "no_result");
    assert_eq!(record["progress"]["exitCode"], 0, "{record:#}");
}
