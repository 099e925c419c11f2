//! What a look costs and changes: no record is read twice for one answer, and a dry run changes nothing.

use std::collections::BTreeMap;
use std::fs;

use tests::opened::Opened;
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// How often the records of these tasks were opened while a command ran.
fn opened(sandbox: &Sandbox, ids: &[String], words: &[&str]) -> Vec<usize> {
    let count = Opened::within(&sandbox.store());
    sandbox.task_bg(words).run().done();
    let counts = count.counts();
    let of = |id: &String| counts.get(&format!("{id}.json")).copied().unwrap_or(0);
    ids.iter().map(of).collect()
}

// `doctor` listed the store once for each thing it looks for.
#[test]
fn doctor_reads_each_record_once() {
    let sandbox = sandbox();
    let mut ids: Vec<String> = (0..3).map(|_| sandbox.run_command(["true"])).collect();
    for id in &ids {
        sandbox.ended(id);
    }
    sandbox.wait_until_idle();
    ids.push(sandbox.run_command(["sleep", "300"]));
    let counts = opened(&sandbox, &ids, &["doctor"]);
    assert_eq!(counts, [1, 1, 1, 1]);
}

// The store had just read it to find out that it had not ended, and said no more than its name.
#[test]
fn a_list_of_what_runs_reads_each_of_these_records_once_and_no_other() {
    let sandbox = sandbox();
    let ended = sandbox.run_command(["true"]);
    sandbox.ended(&ended);
    sandbox.wait_until_idle();
    let ids = [ended, sandbox.run_command(["sleep", "300"]), sandbox.run_command(["sleep", "300"])];
    let words = ["list", "--status", "running"];
    // The first look reads what nobody has seen yet.
    sandbox.task_bg(words).ok().done();
    let counts = opened(&sandbox, &ids, &words);
    assert_eq!(counts, [0, 1, 1]);
}

/// All that says how tasks fare, as it lies in the store: records, logs, life locks and the queue.
fn state(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let store = sandbox.store();
    for folder in [store.clone(), store.join(".active"), store.join(".queue")] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_file() {
                found.insert(path.display().to_string(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

// It started what waited in the queue, and ended what had lost its supervisor.
#[test]
fn a_dry_run_of_prune_starts_nothing_ends_nothing_and_changes_no_file() {
    let sandbox = sandbox();
    let lost = sandbox.run_command(["sleep", "300"]);
    let orphan = sandbox.run_command(["sleep", "301"]);
    let [lost_record, orphan_record] = [&lost, &orphan].map(|id| sandbox.record(id));
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let waiting = sandbox.run_command(["true"]);
    fs::remove_file(sandbox.store().join(".queue/.paused")).expect("it was paused");
    for pid in [
        pid_at(&lost_record, "supervisor"),
        pid_at(&orphan_record, "supervisor"),
        pid_at(&lost_record, "agentProcess"),
    ] {
        kill(pid);
        wait_until("that it is gone", || !alive(pid));
    }
    let before = state(&sandbox);
    for words in [&["prune", "--dry-run"][..], &["cleanup", "--delete", "--dry-run"]] {
        sandbox.task_bg(words).ok().done();
        let after = state(&sandbox);
        assert!(before == after, "{words:?}: {:?} became {:?}", before.keys(), after.keys());
    }
    assert_eq!(sandbox.status(&waiting), "queued");
    // Whoever does it in earnest completes it all.
    sandbox.task_bg(["prune"]).ok().done();
    assert_eq!(sandbox.ended(&lost)["progress"]["reason"], "lost");
    assert_eq!(sandbox.ended(&waiting)["status"], "completed");
}
