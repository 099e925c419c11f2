//! Disks that are full, or fill up: what needs room is refused before anything starts, what runs ends as it would have.
//!
//! A small file system of its own stands for such a disk, see `disks`. Where the tests may not mount one, they say so and
//! prove nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::process::{alive, pause, resume, wait_until};
use tests::sandbox::{pid_at, text};

use crate::disks::Disk;
use crate::sandbox;

/// Every file on the disk, with what is in it.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

// Once, it was found out only after the agent had started that nothing could be recorded.
#[test]
fn on_a_full_disk_nothing_is_launched_and_the_failure_says_so() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store =
        |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", disk.at.join("store"));
    in_store(&["run", "x", "--", "true"]).ok().done();
    in_store(&["wait"]).run().done();
    wait_until("that nothing is kept", || disk.active() == 0);
    let mark = text(&sandbox.path("mark"));
    let script = format!("touch {mark}");
    disk.fill();
    let names = || files(&disk.at).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let before = names();
    let line = json!({"description": "x", "command": ["sh", "-c", script]}).to_string();
    for words in [
        &["run", "x", "--", "sh", "-c", &script][..],
        &["run", "x", "--retries", "2", "--", "sh", "-c", &script],
        &["run", "x", "--hold", "--", "sh", "-c", &script],
        &["run", "x", "--key", "k", "--", "sh", "-c", &script],
        &["launch", "x", &format!("SHELL {script}")],
    ] {
        let failed = in_store(words).run().failure(8);
        let hint = failed["hint"].as_str().unwrap_or_default();
        assert!(hint.contains("make room"), "{words:?}: {failed}");
    }
    let batch = in_store(&["batch", "-"]).stdin(line).run();
    assert_ne!(batch.code, 0, "{batch}");
    assert!(batch.stdout.contains("No space left"), "{batch}");
    assert!(!sandbox.path("mark").exists(), "an agent ran");
    assert_eq!(in_store(&["list"]).ok().json()["total"], 1);
    let new: Vec<PathBuf> = names().into_iter().filter(|path| !before.contains(path)).collect();
    // A lock is never removed, and a key that names no task is free.
    let may_stay =
        |path: &PathBuf| ["/.locks/", "/.keys/"].iter().any(|it| text(path).contains(it));
    assert!(new.iter().all(may_stay), "left behind: {new:?}");
    disk.make_room();
    let launched = in_store(&["run", "x", "--key", "k", "--", "true"]).ok().json();
    assert_ne!(launched["existing"], true, "{launched}");
}

// Once, a task whose agent had ended ran on by its record until somebody made room, and whoever waited for it waited.
#[test]
fn a_disk_that_fills_up_during_a_run_kills_nothing_and_the_ending_is_recorded_at_once() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store =
        |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", disk.at.join("store"));
    let gate = sandbox.until("gate");
    let launch = |options: &[&str], script: &str| {
        let words = [&["run", "x"], options, &["--", "sh", "-c", script]].concat();
        let answer = in_store(&words).ok().json();
        answer["taskId"].as_str().expect("an id").to_owned()
    };
    let good = launch(&[], &format!("echo found; {gate}"));
    let bad = launch(&[], &format!("{gate}; exit 3"));
    let again = launch(&["--retries", "1"], &format!("{gate}; exit 4"));
    let prompt = format!("SAY at work\nWAIT {}\nSAY done", sandbox.path("gate").display());
    let droid = in_store(&["launch", "x", &prompt]).ok().json()["taskId"].clone();
    let droid = droid.as_str().expect("an id");
    wait_until("its words", || in_store(&["output", &good]).ok().stdout.contains("found"));
    wait_until("its words", || in_store(&["output", droid]).ok().stdout.contains("at work"));
    let record = |id: &str| in_store(&["status", id]).ok().json();
    let agents = [&good, &bad].map(|id| pid_at(&record(id), "agentProcess"));
    disk.fill();
    assert!(agents.into_iter().all(alive), "a full disk killed an agent");
    assert_eq!(in_store(&["list"]).ok().json()["running"], 4);
    sandbox.open_gate("gate");
    in_store(&["wait", &good, "--timeout", "15"]).ok().done();
    in_store(&["wait", &bad, droid, "--timeout", "15"]).run().done();
    assert_eq!(record(&good)["status"], "completed");
    assert_eq!(record(&good)["result"], "found");
    assert_eq!(record(&bad)["progress"]["exitCode"], 3);
    assert_ne!(record(droid)["status"], "running");
    wait_until("the first attempt's end", || record(&again)["status"] == "error");
    assert!(fs::metadata(disk.at.join("fill")).is_ok(), "nobody made room");
    let listed = in_store(&["list"]).ok().json();
    assert_eq!(listed["unreadable"], json!([]), "{listed}");
    // Whatever could not be done by then is done by the next look.
    disk.make_room();
    wait_until("that all has ended", || {
        let counts = in_store(&["list"]).ok().json();
        counts["running"] == 0 && counts["queued"] == 0
    });
    let last = record(&again)["progress"]["retriedAs"].clone();
    let last = record(last.as_str().expect("a further attempt"));
    assert_eq!(last["progress"]["exitCode"], 4, "{last:#}");
    sandbox.assert_nothing_left();
    wait_until("that nothing is kept", || disk.active() == 0);
}

#[test]
fn on_a_full_disk_a_cancel_is_recorded_with_its_ending_at_once() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store =
        |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", disk.at.join("store"));
    let words = ["run", "x", "--retries", "2", "--", "sleep", "100"];
    let id = in_store(&words).ok().json()["taskId"].as_str().expect("an id").to_owned();
    disk.fill();
    let answer = in_store(&["cancel", "--grace", "5", &id]).ok().json();
    assert_eq!(answer["cancelled"], json!([id]), "{answer}");
    assert_eq!(in_store(&["status", &id]).ok().json()["status"], "cancelled");
    assert_eq!(in_store(&["list"]).ok().json()["total"], 1);
}

// Once, an answer that was longer than what was set aside for it waited for room, and whoever waited for it waited, too.
#[test]
fn on_a_full_disk_an_ending_with_a_long_answer_is_recorded_at_once_with_the_ends_of_it() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store =
        |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", disk.at.join("store"));
    let said = format!("the first words {} the last words", "0123456789".repeat(6_000));
    let completion = json!({"type": "completion", "finalText": said, "numTurns": 1});
    let (mark, gate) = (text(&sandbox.path("said")), text(&sandbox.path("gate")));
    let prompt = format!("RAW {completion}\nTOUCH {mark}\nWAIT {gate}\nEXIT 0");
    let id = in_store(&["launch", "x", &prompt]).ok().json()["taskId"].clone();
    let id = id.as_str().expect("an id");
    sandbox.wait_for_file("said");
    disk.fill();
    sandbox.open_gate("gate");
    in_store(&["wait", id, "--timeout", "15"]).ok().done();
    let record = in_store(&["status", id]).ok().json();
    assert_eq!(record["status"], "completed");
    // Whole, while an answer of `status` is bounded.
    let written = fs::read_to_string(disk.at.join("store").join(format!("{id}.json")));
    let written: Value = serde_json::from_str(&written.expect("a record")).expect("JSON");
    let result = written["result"].as_str().expect("a result");
    let events = disk.at.join("store").join(format!("{id}.events.jsonl"));
    assert!(result.starts_with("the first words 0123"), "{result:.100}");
    assert!(result.ends_with("789 the last words"), "its end");
    let missing =
        format!("bytes left out, as the disk was full; all of it is in `{}`]", text(&events));
    assert!(result.contains(&missing), "what is missing, and where it is");
    assert!(fs::read_to_string(&events).expect("events").contains(&said), "all of it is there");
    assert!(fs::metadata(disk.at.join("fill")).is_ok(), "nobody made room");
}

// Once, what the supervisor could not add to the log until the end was gone without a word.
#[test]
fn what_could_not_be_added_to_the_log_of_a_task_by_its_end_is_counted_in_its_record() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store =
        |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", disk.at.join("store"));
    let [begin, said, gate] = ["begin", "said", "gate"].map(|name| text(&sandbox.path(name)));
    let prompt = format!("WAIT {begin}\nFLOOD 120000\nTOUCH {said}\nWAIT {gate}\nEXIT 3");
    let id = in_store(&["launch", "x", &prompt]).ok().json()["taskId"].clone();
    let id = id.as_str().expect("an id");
    let log = disk.at.join("store").join(format!("{id}.out"));
    let supervisor = pid_at(&in_store(&["status", id]).ok().json(), "supervisor");
    // It reads what the agent said only when there is no room left.
    pause(supervisor);
    sandbox.open_gate("begin");
    sandbox.wait_for_file("said");
    disk.fill();
    resume(supervisor);
    sandbox.open_gate("gate");
    in_store(&["wait", id, "--timeout", "15"]).code(5).done();
    wait_until("that nothing is kept", || disk.active() == 0);
    let record = in_store(&["status", id]).ok().json();
    let lost = record["progress"]["logLost"].as_u64().expect("what is missing");
    let written = fs::metadata(&log).expect("a log").len();
    disk.make_room();
    // The same again, where there is room for it.
    let whole = in_store(&["launch", "x", &prompt]).ok().json()["taskId"].clone();
    let whole = whole.as_str().expect("an id");
    in_store(&["wait", whole, "--timeout", "15"]).code(5).done();
    wait_until("that nothing is kept", || disk.active() == 0);
    let length = fs::metadata(log.with_file_name(format!("{whole}.out"))).expect("a log").len();
    assert_eq!(written + lost, length, "what is in the log and what is missing are all of it");
    let unharmed = in_store(&["status", whole]).ok().json();
    assert_eq!(unharmed["progress"]["logLost"], Value::Null, "{unharmed:#}");
}

// An ended task gives its room back, and the next launch found enough for its record and none for its start: its agent
// ran for half a minute, and was stopped then.
#[test]
fn where_there_is_room_for_one_launch_more_its_start_and_its_ending_are_recorded() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store =
        |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", disk.at.join("store"));
    in_store(&["run", "x", "--", "true"]).ok().done();
    // Less and less is left, until there is not enough.
    let mut launched = 0;
    for kilobytes in (0..=64).rev().step_by(4) {
        wait_until("that nothing is kept", || disk.active() == 0);
        disk.fill();
        let length = fs::metadata(disk.at.join("fill")).expect("it is there").len();
        let fill = fs::File::options().append(true).open(disk.at.join("fill")).expect("opened");
        fill.set_len(length - kilobytes * 1024).expect("cut");
        let ran = in_store(&["run", "x", "--", "sh", "-c", "exit 3"]).run();
        if ran.code == 0 {
            launched += 1;
            let id = ran.json()["taskId"].as_str().expect("an id").to_owned();
            in_store(&["wait", &id, "--timeout", "15"]).code(5).done();
            assert_eq!(in_store(&["status", &id]).ok().json()["progress"]["exitCode"], 3);
        } else {
            ran.failure(8);
        }
        disk.make_room();
    }
    assert!((1..17).contains(&launched), "{launched}");
}

/// Launches under a key on a disk that has so many names left, then again with room for more, and says how often it ran.
const NAMES_LEFT: &str = r#"
disk=$(mktemp -d)
for names in 12 13 14 15 16 17 18 19 20 21 22; do
    rm -f mark; mount -t tmpfs -o size=2m,nr_inodes=$names none "$disk" || exit 9
    mkdir "$disk/h"; export TASK_BG_DIR="$disk/h/s"
    task-bg run x --key k1 -- sh -c "echo hi >>$PWD/mark" >first 2>&1
    mount -o remount,nr_inodes=200 "$disk"
    task-bg run x --key k1 -- sh -c "echo hi >>$PWD/mark" >second 2>&1
    task-bg wait >/dev/null 2>&1
    echo "$names: $(wc -l <mark)"
    umount -l "$disk"
done
"#;

// Once, the agent ran and its start could not be recorded, for want of a lock; with room again the same order ran again.
#[test]
fn an_order_runs_once_wherever_the_disk_has_no_name_left_for_a_file() {
    let sandbox = sandbox();
    let script = sandbox.path("names.sh");
    fs::write(&script, NAMES_LEFT).expect("a script");
    let ran = sandbox.shell(&format!("unshare -m sh {}", text(&script))).run();
    if ran.code != 0 {
        writeln!(std::io::stderr(), "nothing can be mounted here: nothing is proved")
            .unwrap_or_default();
        return;
    }
    let counts: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(counts.len(), 11, "{ran}");
    assert!(counts.iter().all(|line| line.ends_with(": 1")), "{ran}");
}

/// A task of which the next attempt finds no name left for its record, asked about by two verbs.
const NO_NAME_FOR_THE_NEXT: &str = r#"
disk=$(mktemp -d); mount -t tmpfs -o size=4m,nr_inodes=200 none "$disk" || exit 9
mkdir "$disk/h"; export TASK_BG_DIR="$disk/h/s"
task-bg run x --name again --retries 1 --backoff 10ms -- sh -c "while ! test -e $PWD/full; do sleep .01; done; exit 3" >first
i=0; while mkdir "$disk/$i" 2>/dev/null; do i=$((i + 1)); done; touch full
while ! task-bg status again | grep -q '"exit"'; do sleep .01; done
task-bg wait again --timeout 300ms; echo "wait $?"
task-bg cancel again 2>/dev/null; echo "cancel $?"
rmdir "$disk"/[0-9]*; task-bg wait again >ended; echo "wait $?"
umount -l "$disk"
"#;

// Once, a wait ran into its time without a word, and a cancel spoke of a supervisor that had long gone.
#[test]
fn what_hinders_the_next_attempt_is_said_by_whoever_waits_for_it_or_cancels_it() {
    let sandbox = sandbox();
    let script = sandbox.path("next.sh");
    fs::write(&script, NO_NAME_FOR_THE_NEXT).expect("a script");
    let ran = sandbox.shell(&format!("unshare -m sh {}", text(&script))).run();
    if ran.code != 0 {
        writeln!(std::io::stderr(), "nothing can be mounted here: nothing is proved")
            .unwrap_or_default();
        return;
    }
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let [waited, "wait 6", cancelled, "cancel 8", "wait 5"] = lines[..] else { panic!("{ran}") };
    for answer in [waited, cancelled] {
        assert!(answer.contains("No space left on device"), "{answer}");
        assert!(!answer.contains("does not answer"), "{answer}");
    }
}
