//! What somebody takes away under a running task: its store, moved or put elsewhere, its log, what its next attempt starts with.
//! What can be had after all is had, and what is gone is said.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::process::{
    alive, descriptors, kill, pause, resume, terminate, wait_at_most, wait_until,
};
use tests::run::Run;
use tests::sandbox::{Sandbox, pid_at};

use crate::disks::Disk;
use crate::sandbox;

/// How long a supervisor waits for a store that is gone, and more.
const GIVEN_UP: Duration = Duration::from_secs(40);

/// Moves the store; returns where it is then.
fn moved(sandbox: &Sandbox) -> PathBuf {
    let away = sandbox.path("away");
    fs::rename(sandbox.store(), &away).expect("renamed");
    away
}

fn in_store<const N: usize>(sandbox: &Sandbox, store: &Path, words: [&str; N]) -> Run {
    sandbox.task_bg(words).env("TASK_BG_DIR", store)
}

// Once, such a task ended as lost, "the supervisor that started it was gone", which had seen its status.
#[test]
fn a_task_whose_store_is_moved_ends_there_with_its_status_and_its_log() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], &format!("{}; echo found; exit 3", sandbox.until("gate")));
    let away = moved(&sandbox);
    let waited = in_store(&sandbox, &away, ["wait", &id, "--timeout", "20s"]).start();
    sandbox.open_gate("gate");
    let waited = waited.finish().code_is(5).json();
    assert_eq!(waited["ended"][0]["reason"], "exit", "{waited:#}");
    assert!(waited.to_string().contains("found"), "{waited:#}");
    wait_until("that its life lock is gone", || !away.join(".active").join(&id).exists());
    assert!(!sandbox.store().exists(), "an empty store was made where it was");
}

// Once, this took 25 s, and said that the supervisor did not answer.
#[test]
fn a_task_whose_store_is_moved_is_cancelled_there_at_once_and_retried_there() {
    let sandbox = sandbox();
    let options = ["--retries", "1", "--backoff", "0s"];
    let id = sandbox.run_script(&options, &format!("{}; exit 3", sandbox.until("gate")));
    let away = moved(&sandbox);
    sandbox.open_gate("gate");
    let record = || fs::read_to_string(away.join(format!("{id}.json"))).unwrap_or_default();
    wait_until("that it is tried again", || record().contains("retriedAs"));
    let waited = in_store(&sandbox, &away, ["wait", &id, "--timeout", "20s"]).code(5).json();
    assert_eq!(waited["ended"][0]["reason"], "exit", "{waited:#}");
    let words = ["run", "-q", "--", "sleep", "300"];
    let next = in_store(&sandbox, &away, words).ok().stdout.trim().to_owned();
    let again = sandbox.path("again");
    fs::rename(&away, &again).expect("renamed");
    let began = Instant::now();
    let answer = in_store(&sandbox, &again, ["cancel", &next]).ok().json();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(answer["cancelled"][0], next.as_str(), "{answer:#}");
}

// Once, these said that there was no such task.
#[test]
fn who_waits_for_a_task_whose_store_is_moved_waits_on_and_says_where_it_is() {
    let waits: [(&[&str], _); 4] = [
        (&["wait"], "found"),
        (&["wait", "--any"], "found"),
        (&["output", "--follow"], "one\nfound\n"),
        (&["output", "--follow", "--events"], ""),
    ];
    for (words, shown) in waits {
        for is_another_there in [false, true] {
            let sandbox = sandbox();
            let script = format!("echo one; {}; echo found", sandbox.until("gate"));
            let id = sandbox.run_script(&[], &script);
            let waiting = sandbox.task_bg(words.iter().copied().chain([&*id])).start();
            let store = fs::metadata(sandbox.store()).expect("a store").ino();
            let is_held = |number: &u32| {
                let held = fs::metadata(format!("/proc/{}/fd/{number}", waiting.pid()));
                held.is_ok_and(|held| held.ino() == store)
            };
            wait_until("that it waits", || descriptors(waiting.pid()).iter().any(is_held));
            let away = moved(&sandbox);
            if is_another_there {
                drop(in_store(&sandbox, &sandbox.store(), ["run", "-q", "--", "true"]).ok());
            }
            sandbox.open_gate("gate");
            let run = waiting.finish().code_is(0);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains(shown), "{words:?}: {run}");
            // Programs that follow a log are told nothing beside it.
            let moved = format!("was moved meanwhile: it is `{}`", away.display());
            assert!(said.contains(&moved) || words[0] == "output", "{words:?}: {run}");
        }
    }
}

// Once, it said that there was no such task.
#[test]
fn a_wait_whose_store_is_removed_says_that_it_is_gone() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], &sandbox.until("gate"));
    let waiting = sandbox.task_bg(["wait", &id]).start();
    wait_until("that it waits", || {
        fs::read_dir(sandbox.store().join(".waiters")).is_ok_and(|mut bells| bells.next().is_some())
    });
    fs::remove_dir_all(sandbox.store()).expect("removed");
    let run = waiting.finish().code_is(8);
    assert!(run.stdout.contains("the store was removed"), "{run}");
    sandbox.open_gate("gate");
}

// Once, such a supervisor asked for ever, SIGTERM did not end it, and the group of its task was left.
#[test]
fn a_supervisor_whose_store_is_gone_ends_and_leaves_no_group() {
    let sandbox = sandbox();
    let id = sandbox.run_script(&[], &sandbox.until("gate"));
    let record = sandbox.record(&id);
    let supervisor = pid_at(&record, "supervisor");
    fs::remove_dir_all(sandbox.store()).expect("removed");
    fs::write(sandbox.store(), "").expect("a file");
    sandbox.open_gate("gate");
    let is_gone = || (!alive(supervisor)).then_some(());
    wait_at_most(GIVEN_UP, "that its supervisor gives up", is_gone);
    let group = record["progress"]["cgroup"].as_str().map(PathBuf::from);
    assert!(!group.is_some_and(|group| group.exists()), "its group is left");
    fs::remove_file(sandbox.store()).expect("removed");
}

// A disk may have room again, so its supervisor waits; once, SIGTERM did not end it either.
#[test]
fn a_supervisor_that_only_waits_to_record_ends_when_it_is_asked_to() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let store = disk.at.join("store");
    let script = sandbox.until("gate");
    let words = ["run", "-q", "--", "sh", "-c", script.as_str()];
    let id = in_store(&sandbox, &store, words).ok().stdout.trim().to_owned();
    let path = store.join(format!("{id}.json"));
    let record: Value = serde_json::from_slice(&fs::read(&path).expect("a record")).expect("JSON");
    let [supervisor, agent] = ["supervisor", "agentProcess"].map(|key| pid_at(&record, key));
    disk.fill();
    // Without what was set aside nothing can be recorded.
    fs::remove_file(store.join(format!(".active/{id}.reserve"))).expect("removed");
    disk.fill();
    sandbox.open_gate("gate");
    wait_until("that its agent is gone", || !alive(agent));
    wait_until("that it ends", || {
        if alive(supervisor) {
            terminate(supervisor);
        }
        !alive(supervisor)
    });
    fs::remove_file(disk.at.join("fill")).expect("removed");
    let ended = in_store(&sandbox, &store, ["status", &id]).ok().json();
    assert_eq!(ended["progress"]["reason"], "lost", "{ended:#}");
}

// Once, `wait` said of such a task that it had printed nothing, and `output` that there was no output yet.
#[test]
fn a_log_that_is_taken_away_under_a_task_is_back_when_it_ends() {
    let takes: [fn(&Path); 3] = [
        |log| fs::remove_file(log).expect("removed"),
        |log| {
            fs::remove_file(log).expect("removed");
            symlink("/nowhere", log).expect("a link");
        },
        |log| {
            let older = log.with_extension("older");
            fs::write(&older, "what an older store had").expect("a file");
            fs::rename(&older, log).expect("replaced");
        },
    ];
    for take in takes {
        let sandbox = sandbox();
        let said = sandbox.path("said");
        let script = format!("echo one; >{}; {}; echo two", said.display(), sandbox.until("gate"));
        let id = sandbox.run_script(&[], &script);
        sandbox.wait_for_file("said");
        let log = sandbox.store().join(format!("{id}.out"));
        take(&log);
        if !log.is_symlink() && !log.exists() {
            let output = sandbox.task_bg(["output", &id]).ok().json();
            assert_eq!(output["output"], "one\n", "{output:#}");
            assert!(output["note"].as_str().is_some_and(|it| it.contains("removed")), "{output:#}");
        }
        let waited = sandbox.task_bg(["wait", &id, "--timeout", "20s"]).start();
        sandbox.open_gate("gate");
        assert_eq!(waited.finish().ok().json()["ended"][0]["result"], "one\ntwo");
        let output = sandbox.task_bg(["output", &id]).ok().json();
        assert_eq!(output["output"], "one\ntwo\n", "{output:#}");
        fs::remove_file(&log).expect("removed");
        let output = sandbox.task_bg(["output", &id]).ok().json();
        assert!(output["error"].as_str().is_some_and(|it| it.contains("not known")), "{output:#}");
    }
}

#[test]
fn a_log_that_is_removed_while_nobody_looks_after_its_task_is_back_when_that_ends() {
    let sandbox = sandbox();
    let gate = sandbox.path("gate");
    let command =
        sandbox.run_script(&[], &format!("echo one; {}; echo two", sandbox.until("gate")));
    let droid = sandbox.launch(&format!("SAY one\nWAIT {}\nSAY two", gate.display()));
    wait_until("that it speaks", || sandbox.record(&droid)["progress"]["lastMessage"] == "one");
    for id in [&command, &droid] {
        let supervisor = pid_at(&sandbox.record(id), "supervisor");
        kill(supervisor);
        wait_until("that it is gone", || !alive(supervisor));
        for ending in ["out", "events.jsonl"] {
            fs::remove_file(sandbox.store().join(format!("{id}.{ending}"))).expect("removed");
        }
    }
    sandbox.task_bg(["list"]).ok().done();
    for id in [&command, &droid] {
        wait_until("that it is taken over", || {
            sandbox.record(id)["progress"]["adoptions"].as_u64() == Some(1)
        });
    }
    sandbox.open_gate("gate");
    let ended = sandbox.ended(&droid);
    assert_eq!((&ended["status"], &ended["result"]), (&"completed".into(), &"two".into()));
    assert_eq!(sandbox.ended(&command)["progress"]["reason"], "lost");
    let output = sandbox.task_bg(["output", &command]).ok().json();
    assert_eq!(output["output"], "one\ntwo\n", "{output:#}");
}

// Once, nothing named the process, and the answer came after 16 s.
#[test]
fn a_cancel_names_a_supervisor_that_is_stopped_and_what_lets_it_go_on() {
    let sandbox = sandbox();
    let id = sandbox.run_command(["sleep", "300"]);
    let record = sandbox.record(&id);
    let [supervisor, agent] = ["supervisor", "agentProcess"].map(|key| pid_at(&record, key));
    pause(supervisor);
    let doctor = sandbox.task_bg(["doctor"]).run();
    assert!(doctor.stdout.contains(&format!("kill -CONT {supervisor}")), "{doctor}");
    let began = Instant::now();
    let refused = sandbox.task_bg(["cancel", &id, "--grace", "1s"]).code(1);
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert!(refused.stdout.contains(&format!("kill -CONT {supervisor}")), "{refused}");
    assert!(!alive(agent), "its agent was ended all the same");
    resume(supervisor);
    assert_eq!(sandbox.ended(&id)["status"], "cancelled");
}

// Once, a task said that its start was cut short, where nothing had been started.
#[test]
fn an_attempt_whose_environment_was_taken_away_says_so() {
    let sandbox = sandbox();
    let options = ["--retries", "1", "--backoff", "0s"];
    let id = sandbox.run_script(&options, &format!("{}; exit 3", sandbox.until("gate")));
    fs::remove_dir_all(sandbox.store().join(".active")).expect("removed");
    sandbox.open_gate("gate");
    let waited = sandbox.task_bg(["wait", &id, "--timeout", "20s"]).run().json();
    let ended = &waited["ended"][0];
    if ended["reason"] == "launch_failed" {
        let words = ended["result"].as_str().unwrap_or_default();
        assert!(words.contains("was removed from the store"), "{waited:#}");
    }
}

#[test]
fn a_link_among_the_keys_that_names_no_task_is_named() {
    let sandbox = sandbox();
    sandbox.task_bg(["run", "x", "--key", "k", "--wait", "--", "true"]).ok().done();
    let keys = sandbox.store().join(".keys");
    for (name, target) in [("junk", "/nowhere"), ("loop", "loop"), ("home", "/tmp")] {
        symlink(target, keys.join(name)).expect("a link");
    }
    let doctor = sandbox.task_bg(["doctor"]).run().json().to_string();
    assert!(doctor.contains("3 entries of the store"), "{doctor}");
    assert!(doctor.contains(".keys/loop` is a link that names no task"), "{doctor}");
}
