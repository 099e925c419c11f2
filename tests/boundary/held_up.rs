//! Locks whose holder was stopped by a signal, as by Ctrl-Z in the wrong moment: every command answers in time, names the
//! holder, and `doctor` says how it goes on.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// How long a command may take that waits for a lock in vain, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(18);

/// A stopped process that holds locks; it is ended when this is dropped.
struct Holder(Child);

impl Holder {
    fn of(sandbox: &Sandbox, locks: &[String]) -> Self {
        let paths = locks.iter().map(|lock| sandbox.store().join(lock));
        let mut holder = Command::new(env!("CARGO_BIN_EXE_lock-holder"));
        let mut child =
            holder.args(paths).stdout(Stdio::piped()).spawn().expect("it is one of the tests");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert_eq!(line, "held\n");
        let stat = format!("/proc/{}/stat", child.id());
        wait_until("that it is stopped", || {
            std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "))
        });
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        kill(self.0.id());
        drop(self.0.wait());
    }
}

/// All that a command says, within its deadline.
#[track_caller]
fn said(sandbox: &Sandbox, words: &[&str]) -> (i32, String) {
    let began = Instant::now();
    let ran = sandbox.task_bg(words).run();
    assert!(began.elapsed() < DEADLINE, "{words:?} took {:?}", began.elapsed());
    (ran.code, format!("{}{}", ran.stdout, ran.stderr))
}

fn holders(sandbox: &Sandbox) -> Value {
    let answer = sandbox.task_bg(["doctor"]).run().json();
    let findings = answer["findings"].as_array().cloned().unwrap_or_default();
    findings.into_iter().find(|finding| finding["check"] == "holders").unwrap_or_default()
}

#[track_caller]
fn names(text: &str, pid: u32) {
    assert!(text.contains(&format!("process {pid}")) && text.contains("is stopped"), "{text}");
}

// Each task that a command was about cost five seconds more: `wait --timeout 2s` took half a minute.
#[test]
fn where_no_record_can_be_changed_every_command_answers_in_time_and_names_the_holder() {
    let sandbox = sandbox();
    let running: Vec<String> = (0..3).map(|_| sandbox.run_command(["sleep", "300"])).collect();
    let locks: Vec<String> = (0..16).map(|shard| format!(".locks/{shard:02}")).collect();
    let holder = Holder::of(&sandbox, &locks);
    let pid = holder.0.id();
    for words in [&["list"][..], &["status", &running[0]], &["output", &running[0]]] {
        assert_eq!(said(&sandbox, words).0, 0, "{words:?}");
    }
    let (code, text) = said(&sandbox, &["complete", &running[0], "x"]);
    assert_eq!(code, 8, "{text}");
    names(&text, pid);
    let (code, text) = said(&sandbox, &["release", &running[0], &running[1], &running[2]]);
    assert_ne!(code, 0, "{text}");
    // Half a minute, and then the words said that it had waited a tenth of a second.
    let (code, text) = said(&sandbox, &["run", "t", "--", "sleep", "300"]);
    assert_eq!(code, 7, "{text}");
    names(&text, pid);
    assert!(text.contains("was not free for 5000 ms"), "{text}");
    let event = json!({"session_id": "P", "hook_event_name": "Stop"}).to_string();
    sandbox.hook(event).ok().done();
    let found = holders(&sandbox);
    names(found["detail"].as_str().unwrap_or_default(), pid);
    assert!(found.to_string().contains(&format!("kill -CONT {pid}")), "{found:#}");
    assert!(found["fix"].as_str().is_some_and(|fix| fix.contains("kill -CONT")), "{found:#}");
    drop(holder);
    assert_eq!(holders(&sandbox), Value::Null);
    let cancelled = sandbox.task_bg(["cancel", "--all", "--grace", "1s"]).ok().json();
    assert_eq!(cancelled["cancelled"].as_array().map(Vec::len), Some(3), "{cancelled:#}");
}

/// Once, whoever had two seconds waited five for the first lock.
#[test]
fn a_wait_with_a_limit_waits_no_longer_for_a_lock() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "300"]);
    let record = sandbox.record(&id);
    let locks: Vec<String> = (0..16).map(|shard| format!(".locks/{shard:02}")).collect();
    let holder = Holder::of(&sandbox, &locks);
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("that it is gone", || !alive(pid));
    }
    let began = Instant::now();
    let (code, text) = said(&sandbox, &["wait", &id, "--timeout", "1s"]);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}: {text}", began.elapsed());
    assert_ne!(code, 0, "{text}");
    drop(holder);
    sandbox.task_bg(["wait", &id, "--timeout", "20s"]).code(5).done();
}

#[test]
fn where_nothing_can_be_admitted_what_is_launched_waits_and_the_holder_is_named() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_command(["true"]));
    let holder = Holder::of(&sandbox, &[".locks/gate".to_owned()]);
    let pid = holder.0.id();
    let (code, text) = said(&sandbox, &["run", "x", "--", "echo", "hi"]);
    assert_eq!(code, 0, "{text}");
    names(&text, pid);
    let answer: Value =
        serde_json::from_str(text.lines().next().unwrap_or_default()).expect("JSON comes first");
    assert_eq!(answer["status"], "queued", "{answer:#}");
    for words in [&["list"][..], &["queue"], &["prune"], &["cleanup"], &["wait", "--timeout", "1s"]]
    {
        let (code, text) = said(&sandbox, words);
        assert!(matches!(code, 0 | 6), "{words:?}: {text}");
    }
    names(holders(&sandbox)["detail"].as_str().unwrap_or_default(), pid);
    drop(holder);
    let id = answer["taskId"].as_str().expect("an id");
    sandbox.task_bg(["wait", id, "--timeout", "20s"]).ok().done();
}

// Once, they said that the store did not work, and nothing else.
#[test]
fn what_cannot_be_removed_for_a_lock_is_kept_with_the_name_of_its_holder_and_what_to_do() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["true"]);
    sandbox.ended(&id);
    sandbox.assert_nothing_kept();
    let locks: Vec<String> = (0..16).map(|shard| format!(".locks/{shard:02}")).collect();
    let holder = Holder::of(&sandbox, &locks);
    let pid = holder.0.id();
    for words in [&["rm", &id][..], &["cleanup", "--delete"]] {
        let (code, text) = said(&sandbox, words);
        assert_eq!(code, 8, "{words:?}: {text}");
        names(&text, pid);
        assert!(text.contains(&format!("kill -CONT {pid}")), "{words:?}: {text}");
        let (_, table) = said(&sandbox, &[words, &["--format", "table"]].concat());
        names(&table, pid);
    }
    drop(holder);
    let cleaned = sandbox.task_bg(["rm", &id]).ok().json();
    assert_eq!(cleaned["deleted"], json!([id]), "{cleaned}");
}

// Once, whoever had been stopped while it looked at a task without a supervisor was named by nobody.
#[test]
fn whoever_keeps_the_life_lock_of_a_task_without_a_supervisor_and_was_stopped_is_named() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "300"]);
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    kill(supervisor);
    wait_until("that it is gone", || !alive(supervisor));
    let holder = Holder::of(&sandbox, &[format!(".active/{id}")]);
    let pid = holder.0.id();
    let (code, text) = said(&sandbox, &["status", &id]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("another process holds its life lock"), "{text}");
    names(holders(&sandbox)["detail"].as_str().unwrap_or_default(), pid);
    let cancelled = sandbox.task_bg(["cancel", "--grace", "1ms", &id]).run();
    let text = format!("{}{}", cancelled.stdout, cancelled.stderr);
    assert_ne!(cancelled.code, 0, "{text}");
    names(&text, pid);
    assert!(text.contains(&format!("kill -CONT {pid}")), "{text}");
    drop(holder);
    wait_until("that it has ended", || {
        sandbox.task_bg(["status", &id]).ok().json()["status"] == "cancelled"
    });
    sandbox.assert_nothing_left();
}

// Once, a writer had five seconds and more to itself while its supervisor waited for the lock of the record: gigabytes.
#[test]
fn a_log_keeps_its_bound_while_the_start_of_its_writer_cannot_be_recorded() {
    const MOST: u64 = 4 << 20;
    let sandbox = sandbox().with_env("TASK_BG_MAX_LOG", "4MiB");
    sandbox.ended(&sandbox.run_command(["true"]));
    let locks: Vec<String> = (0..16).map(|shard| format!(".locks/{shard:02}")).collect();
    let holder = Holder::of(&sandbox, &locks);
    let taken = || {
        let logs = std::fs::read_dir(sandbox.store()).expect("a store").flatten();
        logs.filter_map(|it| Some(it.metadata().ok()?.blocks() * 512)).max().unwrap_or(0)
    };
    thread::scope(|scope| {
        let running = scope.spawn(|| said(&sandbox, &["run", "t", "--", "yes"]));
        let mut wrote = false;
        while !running.is_finished() {
            let taken = taken();
            wrote |= taken > MOST / 4;
            // How much it takes where nobody finds a processor for a moment is no matter of a test.
            assert!(taken < 128 * MOST, "{taken} bytes");
            thread::yield_now();
        }
        let (code, text) = running.join().expect("it ran");
        assert!(code == 7 && wrote, "{text}");
        names(&text, holder.0.id());
    });
    drop(holder);
    sandbox.assert_nothing_left();
}

// Once, a look waited two seconds for each of such tasks, one after another.
#[test]
fn a_look_waits_for_all_tasks_together_whose_locks_are_held_up() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..10).map(|_| sandbox.run_command(["sleep", "300"])).collect();
    let supervisors = ids.iter().map(|id| pid_at(&sandbox.record(id), "supervisor"));
    let supervisors: Vec<u32> = supervisors.collect();
    supervisors.iter().copied().for_each(kill);
    wait_until("that all are gone", || supervisors.iter().all(|pid| !alive(*pid)));
    let locks: Vec<String> = ids.iter().map(|id| format!(".active/{id}")).collect();
    let holder = Holder::of(&sandbox, &locks);
    for words in [&["list"][..], &["doctor"], &["prune"]] {
        said(&sandbox, words);
    }
    let of_all = |words: &[&'static str]| -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).chain(ids.iter().cloned()).collect()
    };
    for words in [&["status"][..], &["report"], &["rm"]] {
        let words = of_all(words);
        said(&sandbox, &words.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let began = Instant::now();
    let waited = sandbox.task_bg(of_all(&["wait", "--timeout", "1s"])).code(6).json();
    assert!(began.elapsed() < DEADLINE / 2, "{:?}", began.elapsed());
    let pending = waited["pending"].as_array().expect("those that wait");
    for task in pending {
        names(task["note"].as_str().unwrap_or_default(), holder.0.id());
    }
    assert_eq!(pending.len(), 10, "{waited:#}");
    drop(holder);
    let cancelled = sandbox.task_bg(["cancel", "--all", "--grace", "1s"]).ok().json();
    assert_eq!(cancelled["cancelled"].as_array().map(Vec::len), Some(10), "{cancelled:#}");
}

// Once, each of the tasks waited for the gate as long as the first: eight took half a minute.
#[test]
fn who_orders_many_waits_for_the_gate_once() {
    let sandbox = sandbox();
    for _ in 0..8 {
        sandbox.ended(&sandbox.run_command(["false"]));
    }
    let keyed =
        |number: u32| json!({"description": "d", "command": ["true"], "key": number.to_string()});
    let lines: Vec<String> = (0..10).map(|number| keyed(number).to_string()).collect();
    let batch = sandbox.path("batch");
    std::fs::write(&batch, lines.join("\n")).expect("written");
    let shards = (0..16).map(|shard| format!(".locks/{shard:02}"));
    let gate = ".locks/gate".to_owned();
    let holder = Holder::of(&sandbox, &shards.chain([gate.clone()]).collect::<Vec<_>>());
    let (code, text) = said(&sandbox, &["retry", "--failed"]);
    assert_ne!(code, 0, "{text}");
    names(&text, holder.0.id());
    drop(holder);
    let holder = Holder::of(&sandbox, &[gate]);
    let (code, text) = said(&sandbox, &["batch", &batch.to_string_lossy()]);
    assert_eq!(code, 0, "{text}");
    names(&text, holder.0.id());
    drop(holder);
    let waited = sandbox.task_bg(["wait", "--timeout", "60s"]).ok().json();
    assert_eq!(waited["ended"].as_array().map(Vec::len), Some(10), "{waited:#}");
}
