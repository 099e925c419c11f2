//! Tasks that rest since they write faster than their logs may grow: whoever leaves them so, nobody of ours who looks does,
//! or it says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tests::process::{alive, kill, pause, resume, wait_until};
use tests::sandbox::{Sandbox, pid_at, task_id, text};

use crate::sandbox;

/// The session that launches.
const PARENT: &str = "its parent";

/// A task that rests, whose supervisor was stopped by a signal in that rest.
struct Rests {
    sandbox: Sandbox,
    id: String,
    supervisor: u32,
    agent: u32,
    /// The folder of its control group.
    group: PathBuf,
}

impl Rests {
    /// `None` where there are no control groups, in which alone a task rests.
    fn begin(options: &[&str]) -> Option<Self> {
        let sandbox = sandbox().with_env("TASK_BG_MAX_LOG", "4MiB");
        let words = [&["run", "writer"][..], options, &["--", "yes"]].concat();
        let ran = sandbox.task_bg(words).env("TASK_BG_PARENT_SESSION", PARENT).ok();
        let id = task_id(&ran.json());
        let record = sandbox.record(&id);
        let [supervisor, agent] = ["supervisor", "agentProcess"].map(|key| pid_at(&record, key));
        let group = PathBuf::from(record["progress"]["cgroup"].as_str()?);
        let begun = Self { sandbox, id, supervisor, agent, group };
        wait_until("that its supervisor is stopped in a rest", || {
            pause(supervisor);
            wait_until("that it is stopped", || state(supervisor) == Some('T'));
            let rests = begun.is_frozen();
            if !rests {
                resume(supervisor);
            }
            rests
        });
        Some(begun)
    }

    /// The same, with a supervisor that was killed then.
    fn forsaken(options: &[&str]) -> Option<Self> {
        let begun = Self::begin(options)?;
        kill(begun.supervisor);
        wait_until("that it is gone", || !alive(begun.supervisor));
        assert!(begun.is_frozen(), "it rests");
        Some(begun)
    }

    fn is_frozen(&self) -> bool {
        fs::read_to_string(self.group.join("cgroup.freeze")).is_ok_and(|it| it.trim() == "1")
    }

    fn goes_on(&self) {
        let log = self.sandbox.store().join(format!("{}.out", self.id));
        let length = || fs::metadata(&log).expect("a log").len();
        let before = length();
        wait_until("that it goes on", || length() > before);
    }

    fn has_left_nothing(&self) {
        wait_until("that it is gone", || !alive(self.agent));
        wait_until("that its group is removed", || !self.group.exists());
    }
}

impl Drop for Rests {
    fn drop(&mut self) {
        fs::write(self.group.join("cgroup.kill"), "1").unwrap_or_default();
    }
}

/// The state of a process, as the kernel names it by a letter.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn finding(sandbox: &Sandbox, check: &str) -> Value {
    let answer = sandbox.task_bg(["doctor"]).run().json();
    let findings = answer["findings"].as_array().cloned().unwrap_or_default();
    findings.into_iter().find(|finding| finding["check"] == check).unwrap_or_default()
}

fn mentions(said: &Value, words: &[&str]) {
    let said = said.to_string();
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

// Once, `status` and `doctor` said of such a task that its supervisor records nothing, and not that it stands still.
#[test]
fn that_a_task_is_frozen_with_its_stopped_supervisor_is_said_with_what_to_do() {
    let Some(rests) = Rests::begin(&[]) else { return };
    let Rests { sandbox, id, supervisor, .. } = &rests;
    let cont = format!("kill -CONT {supervisor}");
    let status = sandbox.task_bg(["status", id]).ok().json();
    mentions(&status["note"], &["frozen", &cont, &format!("task-bg cancel {id}")]);
    mentions(&sandbox.task_bg(["list"]).ok().json()["tasks"][0]["note"], &["frozen", &cont]);
    mentions(&finding(sandbox, "supervision"), &["frozen", &cont]);
    // Nobody would bound its log.
    assert!(rests.is_frozen());
    resume(*supervisor);
    rests.goes_on();
    sandbox.task_bg(["cancel", id, "--grace", "10s"]).ok().done();
    rests.has_left_nothing();
}

#[test]
fn a_cancel_of_a_task_that_is_frozen_with_its_stopped_supervisor_leaves_nothing_frozen() {
    let Some(rests) = Rests::begin(&[]) else { return };
    let Rests { sandbox, id, supervisor, .. } = &rests;
    // Its agent hears the polite signal, for which it has to run.
    let cancelled = sandbox.task_bg(["cancel", id, "--grace", "60s"]).run();
    assert!(cancelled.to_string().contains(&supervisor.to_string()), "{cancelled}");
    assert!(!alive(rests.agent), "{cancelled}");
    assert!(!rests.is_frozen(), "{cancelled}");
    resume(*supervisor);
    assert_eq!(sandbox.ended(id)["status"], "cancelled");
    rests.has_left_nothing();
}

#[test]
fn a_task_that_rests_since_its_supervisor_was_killed_goes_on_by_any_hook_of_its_parent() {
    for name in ["PostToolUse", "UserPromptSubmit", "SessionStart", "Stop"] {
        let Some(rests) = Rests::forsaken(&[]) else { return };
        let event = json!({
            "session_id": PARENT,
            "transcript_path": "/nowhere.jsonl",
            "cwd": "/",
            "permission_mode": "off",
            "hook_event_name": name,
            "source": "startup",
        });
        rests.sandbox.hook(event.to_string()).ok().done();
        // Whoever took it over has it rest from time to time.
        rests.goes_on();
    }
}

#[test]
fn a_task_that_rests_since_its_supervisor_was_killed_goes_on_by_any_verb_that_looks() {
    let looks: [&[&str]; 9] = [
        &["list"],
        &["status", "ID"],
        &["wait", "ID", "--timeout", "100ms"],
        &["output", "ID", "--tail", "1"],
        &["queue"],
        &["report"],
        &["cleanup"],
        &["prune"],
        &["run", "another", "--", "true"],
    ];
    for look in looks {
        let Some(rests) = Rests::forsaken(&[]) else { return };
        let words = look.iter().map(|word| if *word == "ID" { rests.id.as_str() } else { word });
        rests.sandbox.task_bg(words).run().done();
        // Whoever took it over may have it rest again.
        rests.goes_on();
        rests.sandbox.task_bg(["cancel", &rests.id, "--grace", "10s"]).ok().done();
        rests.has_left_nothing();
    }
}

#[test]
fn a_task_that_rests_since_its_supervisor_was_killed_is_not_left_frozen_by_whoever_ends_it() {
    let ends: [&[&str]; 4] = [
        &["cancel", "ID", "--grace", "60s"],
        &["cancel", "--all", "--grace", "60s"],
        &["complete", "ID", "enough"],
        &["prune"],
    ];
    for end in ends {
        let Some(rests) = Rests::forsaken(&["--timeout", "1s"]) else { return };
        let words = end.iter().map(|word| if *word == "ID" { rests.id.as_str() } else { word });
        let ended = rests.sandbox.task_bg(words).env("TASK_BG_TTL", "1s").run();
        rests.sandbox.ended(&rests.id);
        if alive(rests.agent) {
            // `complete` lets an agent finish.
            assert!(!rests.is_frozen(), "{end:?}: {ended}");
            rests.sandbox.task_bg(["cancel", &rests.id, "--grace", "10s"]).run().done();
        }
        rests.has_left_nothing();
    }
}

// Once, it went before all others for as long as it ran, also before whoever took it over.
#[test]
fn the_session_of_a_task_whose_supervisor_was_killed_in_a_rest_goes_before_others_no_more() {
    for look in [&["status"][..], &["hook"]] {
        let Some(rests) = Rests::forsaken(&[]) else { return };
        let session = format!("/proc/{}/autogroup", rests.agent);
        let is_nice =
            |nice: &str| fs::read_to_string(&session).is_ok_and(|it| it.trim_end().ends_with(nice));
        if !is_nice(" nice -10") {
            return;
        }
        if look == ["hook"] {
            let event = json!({"session_id": PARENT, "hook_event_name": "Stop"});
            rests.sandbox.hook(event.to_string()).ok().done();
        } else {
            rests.sandbox.task_bg(["status", &rests.id]).ok().done();
        }
        assert!(is_nice(" nice 0"), "{look:?}");
    }
}

/// Takes a folder away and puts a copy of it in its place.
fn restore(folder: &Path) {
    let copy = folder.with_extension("copy");
    let copied = Command::new("cp").arg("-a").args([folder, &copy]).status();
    assert!(copied.is_ok_and(|it| it.success()), "it is copied");
    fs::remove_dir_all(folder).expect("removed");
    fs::rename(&copy, folder).expect("renamed");
}

#[test]
fn a_task_that_rests_goes_on_in_a_store_that_was_restored_from_a_copy_which_says_so() {
    let Some(rests) = Rests::forsaken(&[]) else { return };
    restore(&rests.sandbox.store());
    let status = rests.sandbox.task_bg(["status", &rests.id]).ok().json();
    mentions(&status["note"], &["started from another store"]);
    assert!(!rests.is_frozen());
}

// Once, `doctor` named such a process with a signal that it cannot hear.
#[test]
fn a_frozen_task_whose_store_is_gone_is_named_by_doctor_with_how_to_end_it() {
    let Some(rests) = Rests::forsaken(&[]) else { return };
    fs::remove_dir_all(rests.sandbox.store()).expect("removed");
    let found = finding(&rests.sandbox, "unrecorded");
    let agent = format!("{} (process {}, frozen)", rests.id, rests.agent);
    mentions(&found, &[&agent, "kill -9"]);
    kill(rests.agent);
    wait_until("that it is gone", || !alive(rests.agent));
    let store = text(&rests.sandbox.store());
    assert_eq!(finding(&rests.sandbox, "unrecorded"), Value::Null, "{store}");
}
