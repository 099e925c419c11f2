//! Losing the supervisor: what droid wrote by itself decides.

use super::stage::{Stage, assert_completed, process_of, until_gone};
use super::steering::held_words;
use crate::process::{alive, kill};

pub(super) fn a_task_whose_supervisor_was_killed_completes_with_its_final_text(stage: &Stage) {
    let id = stage.launched(&held_words(&stage.path("gate"), "said to nobody"));
    stage.until_asked(1);
    let seen = stage.status(&id);
    let (supervisor, agent) = (process_of(&seen, "supervisor"), process_of(&seen, "agentProcess"));
    kill(supervisor);
    until_gone(supervisor);
    let orphaned = stage.status(&id);
    assert!(alive(agent), "the agent went with its supervisor: {orphaned:#}");
    assert_eq!(orphaned["status"], "running", "{orphaned:#}");
    stage.open_gate("gate");
    until_gone(agent);
    assert_completed(&stage.status(&id), "said to nobody");
    let result = stage.ok(["output", "--result", &id]);
    assert_eq!(result["output"], "said to nobody", "{result:#}");
}
