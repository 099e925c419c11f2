//! Losing the supervisor: another one takes the task over, and what droid writes decides.

use super::stage::{Stage, assert_completed, process_of, until_gone};
use super::steering::{execute, held_words};
use crate::process::{alive, kill};

pub(super) fn a_task_whose_supervisor_was_killed_completes_with_its_final_text(stage: &Stage) {
    let id = stage.launched(&held_words(&stage.path("gate"), "said to nobody"));
    stage.until_asked(1);
    lose(stage, &id);
    let agent = process_of(&stage.status(&id), "agentProcess");
    stage.open_gate("gate");
    until_gone(agent);
    let waited = stage.ok(["wait", &id]);
    assert_eq!(waited["ended"][0]["status"], "completed", "{waited:#}");
    assert_completed(&stage.status(&id), "said to nobody");
    let result = stage.ok(["output", "--result", &id]);
    assert_eq!(result["output"], "said to nobody", "{result:#}");
}

pub(super) fn a_task_whose_supervisor_was_killed_twice_in_a_tool_call_is_waited_for_and_completes(
    stage: &Stage,
) {
    let (gate, pid) = (stage.path("gate"), stage.path("tool"));
    let command = format!(
        "echo $$ > '{pid}.new'; mv '{pid}.new' '{pid}'; while [ ! -e '{gate}' ]; do sleep 0.1; done"
    );
    let id = stage.launched(&format!("{}\nSAY:the call returned", execute(&command, "low")));
    let tool = stage.pid_in("tool");
    lose(stage, &id);
    lose(stage, &id);
    let blocked = stage.start(["wait", &id, "--timeout", "50"]);
    assert!(alive(tool), "the tool call went with its supervisor");
    stage.open_gate("gate");
    let waited = stage.heard(blocked.finish()).ok().json();
    assert_eq!(waited["ended"][0]["status"], "completed", "{waited:#}");
    let record = stage.status(&id);
    assert_eq!(record["progress"]["adoptions"], 2, "{record:#}");
    assert_completed(&record, "the call returned");
}

/// Kills the supervisor of a task, and looks: another one is there, and the agent works.
fn lose(stage: &Stage, id: &str) {
    let seen = stage.status(id);
    let (supervisor, agent) = (process_of(&seen, "supervisor"), process_of(&seen, "agentProcess"));
    kill(supervisor);
    until_gone(supervisor);
    let adopted = stage.status(id);
    assert!(alive(agent), "the agent went with its supervisor: {adopted:#}");
    assert_eq!(adopted["status"], "running", "{adopted:#}");
    let note = adopted["note"].as_str().unwrap_or_default();
    assert!(note.starts_with("re-adopted"), "{adopted:#}");
    assert!(alive(process_of(&adopted, "supervisor")), "{adopted:#}");
}
