//! Told once, and nothing but the truth: what dies unseen, what cannot be marked, many tellers at once.

use std::path::Path;
use std::process::Command;

use tests::process::{alive, kill, wait_until};
use tests::sandbox::pid_at;

use super::*;

/// Every event at which a parent can be told something.
const EVENTS: [&str; 4] = ["SessionStart", "UserPromptSubmit", "PostToolUse", "Stop"];

/// Everything that the hook prints on this event.
fn says(sandbox: &Sandbox, name: &str) -> String {
    hook(sandbox, &event(name)).stdout
}

/// A task of the parent whose supervisor and agent were killed while nobody looked.
fn dead(sandbox: &Sandbox) -> String {
    let id = gated(sandbox, "the dead one");
    let record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        let pid = pid_at(&record, key);
        kill(pid);
        wait_until("that it is gone", || !alive(pid));
    }
    id
}

// Once, the hook was silent about a dead task at every event but `Stop`, where it called it "still at
// work"; nobody was ever told that it was gone.
#[test]
fn a_task_that_died_with_its_supervisor_is_told_as_lost_at_the_first_event_and_then_no_more() {
    for first in EVENTS {
        let sandbox = sandbox();
        let id = dead(&sandbox);
        let said = says(&sandbox, first);
        assert!(
            said.contains(&format!("- {id} ")) && said.contains("error (lost)"),
            "{first}: {said}"
        );
        assert!(!said.contains("at work") && !said.contains("not ended"), "{first}: {said}");
        assert_eq!(sandbox.record(&id)["progress"]["reason"], "lost");
        for next in EVENTS {
            assert_eq!(says(&sandbox, next), "", "{first}, then {next}");
        }
    }
}

#[test]
fn a_session_that_is_resumed_after_a_reboot_is_told_what_did_not_survive_it() {
    let sandbox = sandbox();
    let id = dead(&sandbox);
    let mut record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        // A number that somebody else has now.
        record["progress"][key]["pid"] = json!(std::process::id());
        record["progress"][key]["bootId"] = json!("00000000-0000-0000-0000-000000000000");
    }
    let file = sandbox.store().join(format!("{id}.json"));
    fs::write(file, record.to_string()).expect("written");
    let said = says(&sandbox, "SessionStart");
    assert!(said.contains(&id) && said.contains("error (lost)"), "{said}");
}

#[test]
fn an_agent_that_lost_its_supervisor_is_at_work_until_it_ends_and_then_told_as_it_ended() {
    let sandbox = sandbox();
    let script = format!("WAIT {}\nSAY found alone", sandbox.path("gate").display());
    let words = ["launch", "an orphan", &script, "--parent", PARENT];
    let id = task_id(&sandbox.task_bg(words).ok().json());
    let record = sandbox.record(&id);
    kill(pid_at(&record, "supervisor"));
    let agent = pid_at(&record, "agentProcess");
    assert_eq!(told(&sandbox, "PostToolUse"), None);
    assert!(kept_from_stopping(&sandbox).expect("a reason").contains("still at work"));
    assert!(alive(agent), "the hook stops nothing");
    sandbox.open_gate("gate");
    wait_until("the agent's end", || !alive(agent));
    assert!(told(&sandbox, "PostToolUse").expect("a message").contains("completed: found alone"));
}

// What a session knew of its tasks is gone when it was compacted; it heard of them at its next stop.
#[test]
fn a_session_that_goes_on_is_told_what_has_not_ended_each_time_it_begins() {
    let sandbox = sandbox();
    let (one, two) = (gated(&sandbox, "one"), gated(&sandbox, "two"));
    for source in ["compact", "resume"] {
        let mut start = event("SessionStart");
        start["source"] = json!(source);
        let said = hook(&sandbox, &start).stdout;
        assert!(said.starts_with("task-bg: 2 background tasks have not ended: "), "{said}");
        assert!(said.contains(&format!("`task-bg wait {one} {two}`")), "{said}");
    }
    assert_eq!(told(&sandbox, "PostToolUse"), None);
    sandbox.open_gate("gate");
    sandbox.ended(&one);
    sandbox.ended(&two);
    assert!(says(&sandbox, "SessionStart").contains("2 background tasks have ended"));
    assert_eq!(says(&sandbox, "SessionStart"), "");
}

#[test]
fn an_ending_that_could_not_be_noted_is_told_all_the_same() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "one", "echo found");
    // Without the note, the hook reads the record once nobody holds the life lock any more; the supervisor
    // lets go of it a moment after it has recorded the ending.
    wait_until("the supervisor's end", || sandbox.traces(&id).is_empty());
    // As where the disk was full at that moment.
    let note = format!(".notices/7c1d-parent%20session/{id}.ended");
    fs::remove_file(sandbox.store().join(note)).expect("it is noted");
    assert!(told(&sandbox, "PostToolUse").expect("a message").contains(&id));
    assert_eq!(told(&sandbox, "PostToolUse"), None);
}

/// A folder in which nothing can be changed as long as this is there.
struct Closed<'a>(&'a Path);

impl<'a> Closed<'a> {
    /// `None`, with a word about it, where that is not allowed.
    #[expect(clippy::print_stderr, reason = "a test that could not look has to say so")]
    fn new(folder: &'a Path) -> Option<Self> {
        if mount(folder, &["--bind"]) && mount(folder, &["-o", "remount,ro,bind"]) {
            return Some(Self(folder));
        }
        eprintln!("skipped: a folder can be mounted by root alone");
        None
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0).output());
    }
}

fn mount(folder: &Path, words: &[&str]) -> bool {
    let mut command = Command::new("mount");
    command.args(words);
    if words == ["--bind"] {
        command.arg(folder);
    }
    command.arg(folder).output().is_ok_and(|output| output.status.success())
}

// Where the marks could not be written, every hook told the same ending again.
#[test]
fn where_it_cannot_be_marked_an_ending_waits_until_it_can_and_is_told_once() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "one", "echo found");
    let folder = sandbox.store().join(".notices");
    let Some(closed) = Closed::new(&folder) else { return };
    for number in 0..50 {
        assert_eq!(says(&sandbox, EVENTS[number % 4]), "");
    }
    drop(closed);
    assert!(told(&sandbox, "PostToolUse").expect("a message").contains(&id));
    assert_eq!(told(&sandbox, "PostToolUse"), None);
}

// A note that could not be removed was told of again at every event.
#[test]
fn an_ending_whose_note_cannot_be_removed_is_told_once() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "one", "echo found");
    let folder = sandbox.store().join(".notices/7c1d-parent%20session");
    let note = folder.join(&id);
    let mounted = Command::new("mount").arg("--bind").args([&note, &note]).output();
    if !mounted.is_ok_and(|done| done.status.success()) {
        return;
    }
    // Nothing is removed that something is mounted on.
    let mounted = Closed(&note);
    assert!(told(&sandbox, "PostToolUse").expect("a message").contains(&id));
    for event in EVENTS {
        assert_eq!(says(&sandbox, event), "", "{event}");
    }
    drop(mounted);
    assert_eq!(told(&sandbox, "PostToolUse"), None);
    assert!(!note.exists(), "it is removed once that is possible");
}

#[test]
fn an_ending_is_told_once_whatever_becomes_of_the_store_around_it() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "one", "printf 'long %.0s' $(seq 100)");
    let mut heard = String::new();
    for number in 0..50 {
        heard.push_str(&says(&sandbox, "PostToolUse"));
        match number {
            10 => sandbox.task_bg(["cleanup"]).ok().done(),
            20 => sandbox.shell(&format!("touch {}/*", sandbox.store().display())).ok().done(),
            30 => sandbox.task_bg(["doctor", "--fix"]).run().stdout.clear(),
            _ => {}
        }
    }
    assert_eq!(heard.matches(&format!("- {id} ")).count(), 1, "{heard}");
}

#[test]
fn many_that_end_in_one_moment_are_each_told_once_by_hooks_that_run_side_by_side() {
    let sandbox = sandbox().with_env("TASK_BG_MAX_RUNNING", "20");
    let ids: Vec<String> = (0..20).map(|_| gated(&sandbox, "one of many")).collect();
    let done = sandbox.path("done");
    let heard: String = thread::scope(|scope| {
        let tellers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut heard = String::new();
                    while !done.exists() {
                        heard.push_str(&says(&sandbox, "PostToolUse"));
                    }
                    heard
                })
            })
            .collect();
        sandbox.open_gate("gate");
        for id in &ids {
            sandbox.ended(id);
        }
        // All have ended: one more hook tells what is left, or waits for the one that does.
        let last = says(&sandbox, "UserPromptSubmit");
        fs::write(&done, "").expect("written");
        let others = tellers.into_iter().map(|teller| teller.join().expect("no panic"));
        others.chain([last]).collect()
    });
    for id in &ids {
        assert_eq!(heard.matches(&format!("- {id} ")).count(), 1, "{id}: {heard}");
    }
}

#[test]
fn the_second_ending_of_a_session_that_was_resumed_is_told_too() {
    let sandbox = sandbox();
    let words = ["launch", "first", "SAY one", "--parent", PARENT];
    let first = task_id(&sandbox.task_bg(words).ok().json());
    sandbox.ended(&first);
    assert!(told(&sandbox, "PostToolUse").expect("a message").contains(&first));
    let second = task_id(&sandbox.task_bg(["resume", &first, "SAY two"]).ok().json());
    sandbox.ended(&second);
    let message = told(&sandbox, "UserPromptSubmit").expect("a message");
    assert!(message.contains(&format!("- {second} ")) && !message.contains(&first), "{message}");
}

// Once, the results for which a reminder had no room counted as named, and were never named.
#[test]
fn each_result_that_was_not_read_to_the_end_is_named_at_some_stop() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..22).map(|_| ended(&sandbox, "long", "seq 1000 1100")).collect();
    while told(&sandbox, "PostToolUse").is_some() {}
    let heard: Vec<String> =
        (0..2).map(|_| hook(&sandbox, &event("Stop")).stdout.clone()).collect();
    let named = |heard: &str| {
        ids.iter().filter(|id| heard.contains(&format!("output --result {id}"))).count()
    };
    assert_eq!(heard.iter().map(|it| named(it)).collect::<Vec<_>>(), [20, 2], "{heard:?}");
    assert_eq!(hook(&sandbox, &event("Stop")).stdout, "");
}
