//! Disks that are full, or may only be read: looking works, stopping works, and what could not be recorded is
//! said.
//!
//! A small file system of its own stands for such a disk. Where the tests may not mount one, they say so and
//! prove nothing.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at, text};

use crate::sandbox;

/// A file system of one megabyte, and how it looks through a second, read-only mount.
pub(crate) struct Disk {
    /// Where it can be written.
    pub(crate) at: PathBuf,
    /// Where it can be read alone.
    pub(crate) read_only: PathBuf,
}

impl Disk {
    /// `None` where nothing can be mounted.
    pub(crate) fn mount(sandbox: &Sandbox) -> Option<Self> {
        let disk = Self { at: sandbox.path("disk"), read_only: sandbox.path("read-only") };
        for folder in [&disk.at, &disk.read_only] {
            fs::create_dir(folder).expect("a folder in the sandbox");
        }
        let (at, read_only) = (text(&disk.at), text(&disk.read_only));
        let steps = [
            vec!["-t", "tmpfs", "-o", "size=1m", "tmpfs", &at],
            vec!["--bind", &at, &read_only],
            vec!["-o", "remount,bind,ro", &read_only],
        ];
        let mounted = steps.iter().all(|words| {
            Command::new("mount").args(words).output().is_ok_and(|done| done.status.success())
        });
        if !mounted {
            writeln!(std::io::stderr(), "nothing can be mounted here: nothing is proved")
                .unwrap_or_default();
        }
        mounted.then_some(disk)
    }

    /// Makes the second mount take changes as well.
    pub(crate) fn open(&self) {
        let mut mount = Command::new("mount");
        let opened = mount.args(["-o", "remount,bind,rw"]).arg(&self.read_only).output();
        assert!(opened.is_ok_and(|done| done.status.success()), "what was mounted is mounted anew");
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.at.join("fill")).expect("a file on the disk");
        while file.write_all(&[0; 512]).is_ok() {}
    }

    /// How much is kept for tasks that have not ended.
    pub(crate) fn active(&self) -> usize {
        let entries = fs::read_dir(self.at.join("store/.active")).into_iter().flatten().flatten();
        entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
    }

    /// Makes room again.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.at.join("fill")).expect("the file that fills the disk");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for folder in [&self.read_only, &self.at] {
            drop(Command::new("umount").arg("-l").arg(folder).output());
        }
    }
}

const LOOKS: [&[&str]; 9] = [
    &["list"],
    &["list", "--full"],
    &["queue"],
    &["config"],
    &["droids"],
    &["report"],
    &["list", "--status", "running"],
    &["prune", "--dry-run"],
    &["wait", "--timeout", "0.1s", "--any"],
];

#[test]
fn looking_works_on_a_full_and_on_a_read_only_disk() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store = |words: &[&str], root: &PathBuf| {
        sandbox.task_bg(words).env("TASK_BG_DIR", root.join("store"))
    };
    let id = |words: &[&str]| {
        let answer = in_store(words, &disk.at).ok().json();
        answer["taskId"].as_str().expect("an id").to_owned()
    };
    let ended = id(&["run", "x", "--", "echo", "hi"]);
    in_store(&["wait", &ended], &disk.at).ok().done();
    let running = id(&["run", "x", "--", "sleep", "100"]);
    let waiting = id(&["run", "x", "--hold", "--", "true"]);
    let looks = |root: &PathBuf| {
        for words in LOOKS {
            let ran = in_store(words, root).run();
            assert!(matches!(ran.code, 0 | 6), "{words:?}: {ran}");
        }
        for id in [&ended, &running, &waiting] {
            for verb in ["status", "output"] {
                in_store(&[verb, id], root).ok().done();
            }
        }
        let listed = in_store(&["list"], root).ok().json();
        assert_eq!(listed["unreadable"], json!([]), "{listed}");
        in_store(&["doctor"], root).run().json()
    };
    let doctor = looks(&disk.read_only).to_string();
    assert!(doctor.contains("Read-only file system"), "{doctor}");
    disk.fill();
    let doctor = looks(&disk.at).to_string();
    assert!(doctor.contains("0 MiB are left"), "{doctor}");
    disk.make_room();
    in_store(&["cancel", "--all", "--grace", "1"], &disk.at).ok().done();
}

// Once, a cancel on a full disk was refused, and what it was to stop worked on.
#[test]
fn cancel_stops_processes_on_a_full_and_on_a_read_only_disk_and_says_what_could_not_be_recorded() {
    for full in [true, false] {
        let sandbox = sandbox();
        let Some(disk) = Disk::mount(&sandbox) else { return };
        let in_store = |words: &[&str], root: &PathBuf| {
            sandbox.task_bg(words).env("TASK_BG_DIR", root.join("store"))
        };
        let words = ["run", "x", "--retries", "2", "--", "sleep", "100"];
        let id =
            in_store(&words, &disk.at).ok().json()["taskId"].as_str().expect("an id").to_owned();
        let record = || in_store(&["status", &id], &disk.at).ok().json();
        let agent = pid_at(&record(), "agentProcess");
        if full {
            // Where it is still there, a cancel is recorded as anywhere.
            let reserve = disk.at.join(format!("store/.active/{id}.reserve"));
            fs::remove_file(reserve).expect("it was set aside");
            disk.fill();
        }
        let root = if full { &disk.at } else { &disk.read_only };
        let answer = in_store(&["cancel", "--grace", "5", &id], root).code(8).json();
        assert_eq!(answer["stopped"], json!([id]), "{answer}");
        let why = answer["refused"][0]["error"].as_str().unwrap_or_default();
        assert!(why.contains("could not be recorded"), "{answer}");
        let hint = answer["hint"].as_str().unwrap_or_default();
        assert!(hint.contains(if full { "room" } else { "read-only" }), "{hint}");
        assert!(!alive(agent), "full: {full}");
        if full {
            disk.make_room();
        }
        // The supervisor, which was asked, records what was meant, and nothing is tried again.
        wait_until("the ending", || record()["status"] == "cancelled");
        assert_eq!(in_store(&["list"], &disk.at).ok().json()["total"], 1);
    }
}

// Once, whoever looked at a task that had died tried to record its ending, and on a read-only store got a
// failure in place of an answer; `list` called the task running without a word.
#[test]
fn a_dead_task_on_a_read_only_disk_is_shown_as_recorded_with_a_note() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store = |words: &[&str], root: &PathBuf| {
        sandbox.task_bg(words).env("TASK_BG_DIR", root.join("store"))
    };
    let launched = in_store(&["run", "x", "--", "sleep", "100"], &disk.at).ok().json();
    let id = launched["taskId"].as_str().expect("an id");
    let record = in_store(&["status", id], &disk.at).ok().json();
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("its end", || !alive(pid));
    }
    let shown = in_store(&["status", id], &disk.read_only).ok().json();
    assert_eq!(shown["status"], "running", "{shown:#}");
    let note = shown["progress"]["note"].as_str().unwrap_or_default();
    assert!(note.contains("read-only"), "{shown:#}");
    in_store(&["output", id], &disk.read_only).ok().done();
    in_store(&["output", "--result", id], &disk.read_only).code(4).done();
    let listed = in_store(&["list"], &disk.read_only).ok().stdout;
    assert!(listed.contains("cannot be recorded"), "{listed}");
    in_store(&["wait", "--timeout", "0.2s", id], &disk.read_only).code(6).done();
    // A dry run only looks, too; once, these failed with 1 and 8.
    for words in [
        &["prune", "--dry-run"][..],
        &["cleanup", "--dry-run"],
        &["cleanup", "--delete", "--dry-run"],
        &["report"],
        &["queue"],
    ] {
        let ran = in_store(words, &disk.read_only).env("TASK_BG_TTL", "1ms").ok();
        assert!(!ran.stdout.contains("Read-only"), "{words:?}: {ran}");
    }
    let later = in_store(&["status", id], &disk.at).ok().json();
    assert_eq!(later["status"], "error", "it was recorded once that was possible: {later:#}");
}

// Its agent was "still at work" at every stop, it ran by all answers, without a note, and `doctor` found nothing.
#[test]
fn a_task_whose_agent_ended_while_the_disk_was_full_is_named_as_such_and_at_a_stop_once() {
    let sandbox = sandbox();
    let Some(disk) = Disk::mount(&sandbox) else { return };
    let in_store =
        |words: &[&str]| sandbox.task_bg(words).env("TASK_BG_DIR", disk.at.join("store"));
    let launched = in_store(&["run", "x", "--", "sleep", "100"])
        .env("TASK_BG_PARENT_SESSION", "P")
        .ok()
        .json();
    let id = launched["taskId"].as_str().expect("an id");
    let agent = pid_at(&in_store(&["status", id]).ok().json(), "agentProcess");
    // As where an ending is longer than the room that was set aside for it.
    fs::remove_file(disk.at.join(format!("store/.active/{id}.reserve"))).expect("it was set aside");
    disk.fill();
    kill(agent);
    wait_until("its end", || !alive(agent));
    let gone = "its agent is gone";
    let status = in_store(&["status", id]).ok().json();
    assert_eq!(status["status"], "running", "{status:#}");
    for words in
        [&["status", id][..], &["list"], &["report", id], &["wait", "--timeout", "0.1s", id]]
    {
        let ran = in_store(words).run();
        assert!(ran.stdout.contains(gone), "{words:?}: {ran}");
    }
    let doctor = in_store(&["doctor"]).run();
    assert!(doctor.stdout.contains("lost its agent"), "{doctor}");
    let stop = || {
        let event = r#"{"session_id":"P","hook_event_name":"Stop"}"#;
        sandbox.hook(event).env("TASK_BG_DIR", disk.at.join("store")).ok().stdout
    };
    let said: String = (0..3).map(|_| stop()).collect();
    assert!(!said.contains("at work"), "{said}");
    assert!(said.matches("the agent is gone").count() <= 1, "{said}");
    disk.make_room();
    wait_until("the ending", || in_store(&["status", id]).ok().json()["status"] == "error");
    assert!(stop().contains("error (signal)"));
}
