//! Logs in whose place something else was put while their supervisor was dead: whatever it is, the task is looked after and ends.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// Puts something where a log was.
type Put = fn(&Path);

/// What somebody may put in the place of a log, and whether the log can be put back in its place.
const PUTS: [(&str, Put, bool); 5] = [
    ("a pipe", |log| pipe(log), true),
    ("a link", |log| symlink("/nowhere", log).expect("a link"), true),
    ("a link to itself", |log| symlink(log, log).expect("a link"), true),
    ("a folder", |log| fs::create_dir(log).expect("a folder"), false),
    ("another file", |log| fs::write(log, "a stranger's words\n").expect("a file"), true),
];

fn pipe(at: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, at, mode).expect("a pipe");
}

fn kill_supervisor(sandbox: &Sandbox, id: &str) {
    let supervisor = pid_at(&sandbox.record(id), "supervisor");
    kill(supervisor);
    wait_until("that its supervisor is gone", || !alive(supervisor));
}

// Once, a pipe kept whoever took the task over waiting for a reader, with the life lock in its hands, and the task ran for ever;
// a link or a folder ended the task as `launch_failed`, while its agent went on.
#[test]
fn a_task_whose_log_was_replaced_is_taken_over_and_its_log_goes_on_in_the_agent() {
    for (what, put, is_back) in PUTS {
        let sandbox = sandbox();
        let id = sandbox.run_script(
            &[],
            &format!(
                "echo one; >{}; {}; echo two",
                sandbox.path("said").display(),
                sandbox.until("gate")
            ),
        );
        sandbox.wait_for_file("said");
        kill_supervisor(&sandbox, &id);
        let log = sandbox.store().join(format!("{id}.out"));
        fs::remove_file(&log).expect("removed");
        put(&log);
        let status = sandbox.task_bg(["status", &id]).ok().json();
        assert_eq!(status["status"], "running", "{what}: {status:#}");
        wait_until("that it is taken over", || {
            sandbox.record(&id)["progress"]["adoptions"].as_u64() == Some(1)
        });
        sandbox.open_gate("gate");
        let record = sandbox.ended(&id);
        let progress = &record["progress"];
        assert_eq!(progress["reason"], "lost", "{what}: {record:#}");
        if is_back {
            let output = sandbox.task_bg(["output", &id]).ok().json();
            assert_eq!(output["output"], "one\ntwo\n", "{what}: {output:#}");
        } else {
            assert_eq!(progress["logLost"], "one\ntwo\n".len(), "{what}: {record:#}");
            assert!(record.to_string().contains("it is no plain file"), "{what}: {record:#}");
        }
    }
}

// Once, such a task ran for ever: `list` said so, and `wait` that its log could not be read.
#[test]
fn a_task_whose_log_was_replaced_and_whose_agent_is_gone_ends_without_its_log() {
    for (what, put, _) in PUTS {
        for ending in ["out", "events.jsonl"] {
            let sandbox = sandbox();
            let gate = sandbox.path("gate");
            let id = if ending == "out" {
                sandbox.run_script(&[], &format!("echo one; {}; echo two", sandbox.until("gate")))
            } else {
                sandbox.launch(&format!("SAY one\nWAIT {}\nSAY two", gate.display()))
            };
            let agent = pid_at(&sandbox.record(&id), "agentProcess");
            kill_supervisor(&sandbox, &id);
            let log = sandbox.store().join(format!("{id}.{ending}"));
            fs::remove_file(&log).expect("removed");
            put(&log);
            sandbox.open_gate("gate");
            wait_until("that its agent is gone", || !alive(agent));
            let list = sandbox.task_bg(["list"]).ok().json();
            assert!(list.to_string().contains("exit status unknown"), "{what}: {list:#}");
            let waited = sandbox.task_bg(["wait", &id, "--timeout", "20s"]).code(5).json();
            let ended = &waited["ended"][0];
            assert_eq!(ended["reason"], "lost", "{what}: {waited:#}");
            if ending == "out" && what != "another file" {
                let words = ended["result"].as_str().unwrap_or_default();
                assert!(
                    words.contains("what it printed is not known: reading the log"),
                    "{what}: {waited:#}"
                );
            }
        }
    }
}
