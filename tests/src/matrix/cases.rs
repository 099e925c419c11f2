//! The cases: what has to hold with every agent, each as one function whose answer is a cell of the table.

use std::time::Duration;

use serde_json::{Value, json};

use super::agent::Agent;
use crate::process::{processes_of_task, terminate, wait_at_most};

/// One case.
pub(super) struct Case {
    /// What holds, as the head of its row.
    pub(super) name: &'static str,
    /// Plays it; a panic says what did not hold.
    pub(super) play: fn(&Agent) -> String,
}

/// All of them.
pub(super) const CASES: [Case; 9] = [
    Case { name: "launched, a tool called, result, usage and session recorded", play: works },
    Case { name: "resume: the same session, the model is shown the earlier turn", play: resumes },
    Case { name: "resume --fork: another session that knows the earlier turn", play: forks },
    Case { name: "cancel in a tool call leaves no process", play: cancelled_in_a_tool },
    Case { name: "SIGTERM from outside is never completed", play: terminated },
    Case { name: "a shell command at `none`, and at `medium`", play: levels },
    Case { name: "401", play: |agent| refused(agent, 401, "auth") },
    Case { name: "429", play: |agent| refused(agent, 429, "rate_limit") },
    Case { name: "500", play: |agent| refused(agent, 500, "exit") },
];

fn yes() -> String {
    "yes".to_owned()
}

fn works(agent: &Agent) -> String {
    let words = agent.shell("echo done > made");
    let record = agent.ended(&agent.launch("medium", &format!("{words}SAY:used it")));
    assert_eq!(
        (&record["status"], &record["result"]),
        (&json!("completed"), &json!("used it")),
        "{record}"
    );
    assert!(agent.sandbox().work().join("made").exists(), "the tool did nothing");
    let progress = &record["progress"];
    assert_eq!(progress["toolCalls"], 1, "{progress}");
    assert_eq!(progress["usage"]["outputTokens"], 14, "{progress}");
    assert!(progress["droidSessionId"].is_string(), "{progress}");
    yes()
}

/// A task that has ended, and its session.
fn first(agent: &Agent) -> (String, Value) {
    let id = agent.launch("medium", "The number to keep in mind is 271828.\nSAY:noted");
    let record = agent.ended(&id);
    assert_eq!(record["result"], "noted", "{record}");
    (id, record["progress"]["droidSessionId"].clone())
}

fn follow_up(agent: &Agent, id: &str, options: &[&str]) -> Value {
    let before = agent.asked_since(0).len();
    let record = agent.ended(&agent.resume(id, options, "Which number was it?\nSAY:that one"));
    assert_eq!(record["result"], "that one", "{record}");
    let asked = agent.asked_since(before);
    let knows = |request: &String| request.contains("271828") && request.contains("noted");
    assert!(asked.iter().any(knows), "the model was not shown the earlier turn");
    record["progress"]["droidSessionId"].clone()
}

fn resumes(agent: &Agent) -> String {
    let (id, session) = first(agent);
    assert_eq!(follow_up(agent, &id, &[]), session);
    yes()
}

fn forks(agent: &Agent) -> String {
    let (id, session) = first(agent);
    if !agent.kind.forks {
        agent.sandbox().task_bg(["resume", &id, "x", "--fork"]).code(4).json();
        return "refused".to_owned();
    }
    assert_ne!(follow_up(agent, &id, &["--fork"]), session);
    yes()
}

/// Launches a task, and returns its id once its tool sleeps.
fn asleep(agent: &Agent, file: &str) -> String {
    let command = format!("touch {file}; exec python3 -c 'import time; time.sleep(300)'");
    let id = agent.launch("medium", &format!("{}SAY:never", agent.shell(&command)));
    agent.until_made(file);
    id
}

fn cancelled_in_a_tool(agent: &Agent) -> String {
    let id = asleep(agent, "cancelled");
    let answer = agent.sandbox().task_bg(["cancel", &id]).ok().json();
    assert_eq!(answer["survivors"], json!([]), "{answer}");
    let left = processes_of_task(&id);
    assert!(left.is_empty(), "{} processes are left", left.len());
    assert_eq!(agent.ended(&id)["status"], "cancelled");
    yes()
}

fn terminated(agent: &Agent) -> String {
    let id = asleep(agent, "terminated");
    let pid = agent.sandbox().record(&id)["progress"]["agentProcess"]["pid"].as_u64();
    terminate(pid.and_then(|pid| u32::try_from(pid).ok()).expect("its process"));
    let record = agent.ended(&id);
    assert_eq!(
        (&record["status"], &record["progress"]["reason"]),
        (&json!("error"), &json!(agent.kind.terminated)),
        "{record}"
    );
    let survives = record["progress"]["survivors"].is_array();
    drop(agent.sandbox().task_bg(["cancel", &id]).run());
    wait_at_most(Duration::from_secs(20), "the end of what it left", || {
        processes_of_task(&id).is_empty().then_some(())
    });
    let tool = if survives { "; its tool lives on and is named" } else { "" };
    format!("`{}`{tool}", agent.kind.terminated)
}

fn levels(agent: &Agent) -> String {
    let ran = |level: &str| {
        let file = agent.sandbox().work().join(format!("ran-{level}"));
        let words = agent.shell(&format!("echo x > ran-{level}"));
        let record = agent.ended(&agent.launch(level, &format!("{words}SAY:over")));
        assert_eq!(record["status"], "completed", "{record}");
        file.exists()
    };
    assert_eq!((ran("none"), ran("medium")), (false, true));
    "refused, ran".to_owned()
}

fn refused(agent: &Agent, status: u16, reason: &str) -> String {
    if !agent.kind.gives_up && status != 401 {
        return "not run: it tries for minutes".to_owned();
    }
    let record = agent.ended(&agent.launch("medium", &format!("STATUS:{status}")));
    assert_eq!(
        (&record["status"], &record["progress"]["reason"]),
        (&json!("error"), &json!(reason)),
        "{record}"
    );
    assert_eq!(record["result"], Value::Null, "{record}");
    format!("`{reason}`")
}
