//! The scenes: what is prepared, which command is killed, and what may have run in the end.

use std::fs;

use serde_json::json;

use super::laws::{Ordered, SECRET};
use crate::process::{kill, wait_until};
use crate::repository;
use crate::run::Run;
use crate::sandbox::{Sandbox, pid_at};

/// Which of its parts a scene belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From an order to a task.
    Launching,
    /// From the start of an agent to the end of its task.
    Running,
    /// Ending tasks from outside.
    Stopping,
    /// Further tasks for others, and several at once.
    Again,
    /// Looking, waiting and telling, which repair and admit in passing.
    Looking,
    /// Removing.
    Tidying,
}

/// One scene.
#[derive(Debug)]
pub struct Scene {
    /// Which part of the matrix it belongs to.
    pub part: Part,
    /// What it is called: the row of the table.
    pub name: &'static str,
    /// The verb of the process that dies.
    pub role: &'static str,
    /// Prepares it.
    pub(super) stage: fn(&Sandbox) -> Staged,
}

/// A scene that is prepared.
pub(super) struct Staged {
    /// The command in which somebody dies.
    pub(super) run: Run,
    /// What may have run in the end.
    pub(super) orders: Vec<Ordered>,
}

/// All of them.
pub const SCENES: &[Scene] = &[
    scene(Part::Launching, "launch", "run", launched),
    scene(Part::Launching, "launch, a droid with instructions", "launch", launched_droid),
    scene(Part::Launching, "launch into the queue", "run", queued),
    scene(Part::Launching, "launch with a key", "run", keyed),
    scene(Part::Launching, "launch in a worktree", "run", in_worktree),
    scene(Part::Running, "supervise and end", "__supervise", launched),
    scene(Part::Running, "supervise a droid", "__supervise", launched_droid),
    scene(Part::Running, "supervise what leaves something", "__supervise", leaving),
    scene(Part::Running, "end, with a further attempt", "__supervise", tried_again),
    scene(Part::Running, "end, and admit the next", "__supervise", admitting_supervisor),
    scene(Part::Looking, "admit by looking", "list", admitting_look),
    scene(Part::Looking, "conclude what was lost", "status", concluding),
    scene(Part::Looking, "have a lost supervisor replaced", "status", taken_over),
    scene(Part::Running, "supervise what was taken over", "__supervise", taken_over_to_its_end),
    scene(Part::Stopping, "complete", "complete", completed),
    scene(Part::Stopping, "cancel", "cancel", cancelled),
    scene(Part::Stopping, "cancel without a supervisor", "cancel", cancelled_orphan),
    scene(Part::Stopping, "cancel what waits", "cancel", cancelled_queued),
    scene(Part::Again, "retry", "retry", retried),
    scene(Part::Again, "resume", "resume", resumed),
    scene(Part::Stopping, "prune", "prune", pruned),
    scene(Part::Looking, "hook: a subagent stops", "hook", hook_stops),
    scene(Part::Looking, "hook: a parent is told", "hook", hook_tells),
    scene(Part::Looking, "wait", "wait", waited),
    scene(Part::Again, "batch", "batch", batched),
    scene(Part::Tidying, "cleanup", "cleanup", cleaned),
    scene(Part::Tidying, "cleanup of a worktree", "cleanup", cleaned_worktree),
    scene(Part::Again, "release", "release", released),
];

const fn scene(
    part: Part,
    name: &'static str,
    role: &'static str,
    stage: fn(&Sandbox) -> Staged,
) -> Scene {
    Scene { part, name, role, stage }
}

/// Holds that its agent ran once and no more.
const fn once(mark: &'static str) -> Ordered {
    Ordered { mark, most: 1, runs: true }
}

/// The same of one that a later verb may have stopped before it ran.
const fn at_most_once(mark: &'static str) -> Ordered {
    Ordered { mark, most: 1, runs: false }
}

/// The script of an agent that leaves its mark.
fn marking(sandbox: &Sandbox, mark: &str) -> String {
    format!("echo ran >> {}", sandbox.path(mark).display())
}

/// The script of an agent that leaves its mark and works until the gate opens.
fn gated(sandbox: &Sandbox, mark: &str) -> String {
    format!("{}; {}", marking(sandbox, mark), sandbox.until("gate"))
}

/// A command of a launcher, whose environment is a secret.
fn launcher(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.task_bg(words).env("SECRET", SECRET).env("TASK_BG_PARENT_SESSION", "P")
}

/// Launches a script, with these options, and returns its id.
fn place(sandbox: &Sandbox, options: &[&str], script: &str) -> String {
    let words = [&["run", "x"], options, &["--", "sh", "-c", script]].concat();
    let answer = launcher(sandbox, &words).ok().json();
    answer["taskId"].as_str().expect("an id").to_owned()
}

fn launched(sandbox: &Sandbox) -> Staged {
    let script = marking(sandbox, "a");
    let run = launcher(sandbox, &["run", "x", "--", "sh", "-c", &script]);
    Staged { run, orders: vec![once("a")] }
}

fn launched_droid(sandbox: &Sandbox) -> Staged {
    let prompt = format!("SHELL {}\nSAY done", marking(sandbox, "a"));
    let run = launcher(sandbox, &["launch", "x", &prompt, "explore"]);
    Staged { run, orders: vec![once("a")] }
}

/// One whose agent is put into its group and leaves something there that ends later.
fn leaving(sandbox: &Sandbox) -> Staged {
    let leave = "sleep 0.05; sleep 0.5 >/dev/null 2>&1 &";
    let script = format!("{}; {leave}", marking(sandbox, "a"));
    let run = launcher(sandbox, &["run", "x", "--", "sh", "-c", &script]);
    Staged { run, orders: vec![once("a")] }
}

fn queued(sandbox: &Sandbox) -> Staged {
    place(sandbox, &[], &gated(sandbox, "a"));
    let script = marking(sandbox, "b");
    let run = launcher(sandbox, &["run", "x", "--retries", "1", "--", "sh", "-c", &script]);
    Staged { run: run.env("TASK_BG_MAX_RUNNING", "1"), orders: vec![once("a"), once("b")] }
}

fn keyed(sandbox: &Sandbox) -> Staged {
    let script = marking(sandbox, "a");
    let run = launcher(sandbox, &["run", "x", "--key", "k", "--", "sh", "-c", &script]);
    Staged { run, orders: vec![once("a")] }
}

fn in_worktree(sandbox: &Sandbox) -> Staged {
    repository::make(sandbox);
    let script = marking(sandbox, "a");
    let run = launcher(sandbox, &["run", "x", "--worktree", "--", "sh", "-c", &script]);
    Staged { run, orders: vec![once("a")] }
}

fn tried_again(sandbox: &Sandbox) -> Staged {
    let script = format!("{}; exit 1", marking(sandbox, "a"));
    let run = launcher(sandbox, &["run", "x", "--retries", "1", "--", "sh", "-c", &script]);
    Staged { run, orders: vec![Ordered { mark: "a", most: 2, runs: true }] }
}

/// Two, of which the second comes to wait for the end of the first, whose supervisor dies.
fn admitting_supervisor(sandbox: &Sandbox) -> Staged {
    let words = ["run", "x", "--hold", "--", "sh", "-c", &marking(sandbox, "b")];
    let next = launcher(sandbox, &words).env("TASK_BG_MAX_RUNNING", "1").ok().json();
    let next = next["taskId"].as_str().expect("an id");
    release_later(sandbox, next);
    let script = format!("{}; task-bg release {next}", marking(sandbox, "a"));
    let run = launcher(sandbox, &["run", "x", "--", "sh", "-c", &script]);
    Staged { run, orders: vec![once("a"), once("b")] }
}

fn admitting_look(sandbox: &Sandbox) -> Staged {
    sandbox.task_bg(["queue", "pause"]).ok().done();
    place(sandbox, &[], &marking(sandbox, "a"));
    place(sandbox, &["--retries", "1"], &marking(sandbox, "b"));
    // As a command leaves it that was killed after it had let the queue go on.
    fs::remove_file(sandbox.store().join(".queue/.paused")).expect("it was paused");
    Staged { run: sandbox.task_bg(["list"]), orders: vec![once("a"), once("b")] }
}

/// A task that lost its supervisor, whose agent has ended since.
fn orphaned(sandbox: &Sandbox, options: &[&str]) -> String {
    let id = place(sandbox, options, &gated(sandbox, "a"));
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    wait_until("that it ran", || !sandbox.lines_of("a").is_empty());
    kill(supervisor);
    wait_until("its end", || !crate::process::alive(supervisor));
    id
}

fn concluding(sandbox: &Sandbox) -> Staged {
    let id = orphaned(sandbox, &["--retries", "1"]);
    let agent = pid_at(&sandbox.record(&id), "agentProcess");
    kill(agent);
    wait_until("its end", || !crate::process::alive(agent));
    let orders = vec![Ordered { mark: "a", most: 2, runs: true }];
    Staged { run: sandbox.task_bg(["status", &id]), orders }
}

fn taken_over(sandbox: &Sandbox) -> Staged {
    let id = orphaned(sandbox, &[]);
    Staged { run: sandbox.task_bg(["status", &id]), orders: vec![once("a")] }
}

/// The same, whose supervisor sees the end.
fn taken_over_to_its_end(sandbox: &Sandbox) -> Staged {
    let id = orphaned(sandbox, &[]);
    let script = format!("task-bg status {id}; >{}", sandbox.path("gate").display());
    Staged { run: sandbox.shell(&script), orders: vec![once("a")] }
}

fn completed(sandbox: &Sandbox) -> Staged {
    let id = place(sandbox, &[], &gated(sandbox, "a"));
    Staged { run: sandbox.task_bg(["complete", &id, "by hand"]), orders: vec![at_most_once("a")] }
}

fn cancelled(sandbox: &Sandbox) -> Staged {
    let id = place(sandbox, &["--retries", "1"], &gated(sandbox, "a"));
    Staged { run: sandbox.task_bg(["cancel", &id]), orders: vec![at_most_once("a")] }
}

fn cancelled_orphan(sandbox: &Sandbox) -> Staged {
    let id = orphaned(sandbox, &["--retries", "1"]);
    // Where nobody got to know of the cancel, a lost task is tried again.
    let orders = vec![Ordered { mark: "a", most: 2, runs: false }];
    Staged { run: sandbox.task_bg(["cancel", &id]), orders }
}

fn cancelled_queued(sandbox: &Sandbox) -> Staged {
    let id = place(sandbox, &["--hold", "--retries", "1"], &marking(sandbox, "a"));
    release_later(sandbox, &id);
    Staged { run: sandbox.task_bg(["cancel", &id]), orders: vec![at_most_once("a")] }
}

/// Has a task released once the command is over, so that everything can come to its end.
fn release_later(sandbox: &Sandbox, id: &str) {
    fs::write(sandbox.path("held"), id).expect("a file in the sandbox");
}

/// A task that failed.
fn failed(sandbox: &Sandbox) -> String {
    let id = place(sandbox, &[], &format!("{}; exit 1", marking(sandbox, "a")));
    sandbox.ended(&id);
    wait_until("that its supervisor is gone", || super::laws::supervisors(sandbox).is_empty());
    id
}

fn retried(sandbox: &Sandbox) -> Staged {
    let id = failed(sandbox);
    let run = sandbox.task_bg(["retry", &id]).env("SECRET", SECRET);
    Staged { run, orders: vec![Ordered { mark: "a", most: 2, runs: true }] }
}

fn resumed(sandbox: &Sandbox) -> Staged {
    let id = sandbox.launch("SAY first");
    sandbox.ended(&id);
    wait_until("that its supervisor is gone", || super::laws::supervisors(sandbox).is_empty());
    let prompt = format!("SHELL {}\nSAY second", marking(sandbox, "b"));
    let run = sandbox.task_bg(["resume", &id, &prompt]).env("SECRET", SECRET);
    Staged { run, orders: vec![once("b")] }
}

fn pruned(sandbox: &Sandbox) -> Staged {
    place(sandbox, &[], &gated(sandbox, "a"));
    orphaned_beside(sandbox);
    let run = sandbox.task_bg(["prune", "--grace", "1"]).env("TASK_BG_TTL", "1ms");
    Staged { run, orders: vec![at_most_once("a"), at_most_once("b")] }
}

/// One more, which has lost its supervisor and still works.
fn orphaned_beside(sandbox: &Sandbox) {
    let id = place(sandbox, &[], &gated(sandbox, "b"));
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    kill(supervisor);
    wait_until("its end", || !crate::process::alive(supervisor));
}

fn hook_stops(sandbox: &Sandbox) -> Staged {
    let id = place(sandbox, &[], &gated(sandbox, "a"));
    let record = sandbox.record(&id);
    let session = record["session_id"].as_str().expect("a session").to_owned();
    let transcript = sandbox.path("transcript.jsonl");
    let line = json!({"type": "message", "message": {"role": "assistant", "content": [{"type": "text", "text": "found"}]}});
    fs::write(&transcript, format!("{line}\n")).expect("a transcript");
    let event = json!({"hook_event_name": "SubagentStop", "session_id": session, "transcript_path": transcript});
    Staged { run: sandbox.hook(event.to_string()), orders: vec![at_most_once("a")] }
}

fn hook_tells(sandbox: &Sandbox) -> Staged {
    failed(sandbox);
    let event = json!({"hook_event_name": "PostToolUse", "session_id": "P", "tool_name": "Read"});
    Staged { run: sandbox.hook(event.to_string()), orders: vec![at_most_once("a")] }
}

fn waited(sandbox: &Sandbox) -> Staged {
    // It ends once somebody waits for it, or has died before.
    let (gate, bells) = (sandbox.path("gate"), sandbox.store().join(".waiters"));
    let waits = format!("test -e {} || ls {} | grep -q .", gate.display(), bells.display());
    let script = format!("{}; until {waits}; do sleep 0.02; done", marking(sandbox, "a"));
    let id = place(sandbox, &[], &script);
    Staged { run: sandbox.task_bg(["wait", &id]), orders: vec![once("a")] }
}

fn batched(sandbox: &Sandbox) -> Staged {
    let line = |mark: &str, more: serde_json::Value| {
        let mut line =
            json!({"description": mark, "command": ["sh", "-c", marking(sandbox, mark)]});
        line.as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        line.to_string()
    };
    let lines = [
        line("a", json!({"name": "one"})),
        line("b", json!({"after": ["one"]})),
        line("c", json!({"retries": 1})),
    ];
    let run = launcher(sandbox, &["batch", "-"]).stdin(lines.join("\n"));
    Staged { run, orders: vec![once("a"), once("b"), once("c")] }
}

fn cleaned(sandbox: &Sandbox) -> Staged {
    failed(sandbox);
    let id = place(sandbox, &[], &gated(sandbox, "b"));
    kill(pid_at(&sandbox.record(&id), "supervisor"));
    let run = sandbox.task_bg(["cleanup", "--delete"]);
    Staged { run, orders: vec![at_most_once("a"), at_most_once("b")] }
}

fn cleaned_worktree(sandbox: &Sandbox) -> Staged {
    repository::make(sandbox);
    let id = place(sandbox, &["--worktree"], &marking(sandbox, "a"));
    sandbox.ended(&id);
    wait_until("that its supervisor is gone", || super::laws::supervisors(sandbox).is_empty());
    Staged { run: sandbox.task_bg(["cleanup", "--delete"]), orders: vec![at_most_once("a")] }
}

fn released(sandbox: &Sandbox) -> Staged {
    let id = place(sandbox, &["--hold"], &marking(sandbox, "a"));
    release_later(sandbox, &id);
    Staged { run: sandbox.task_bg(["release", &id]), orders: vec![once("a")] }
}
