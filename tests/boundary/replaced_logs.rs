//! Logs in whose place something else was put while their supervisor was dead: whatever it is, the task is looked after and ends.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use tests::meddling::make_pipe;
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// Puts something where a log was.
type Put = fn(&Path);

/// What somebody may put in the place of a log, and whether the log can be put back in its place.
const PUTS: [(&str, Put, bool); 5] = [
    ("a pipe", make_pipe, true),
    ("a link", |log| symlink("/nowhere", log).expect("a link"), true),
    ("a link to itself", |log| symlink(log, log).expect("a link"), true),
    ("a folder", |log| fs::create_dir(log).expect("a folder"), false),
    ("another file", |log| fs::write(log, "a stranger's words\n").expect("a file"), true),
];

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
            assert_eq!(record["result"], "one\ntwo", "{what}: {record:#}");
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
            // As on a file system that knows no second names.
            let second = sandbox.store().join(".active").join(format!("{id}.{ending}"));
            fs::remove_file(second).expect("removed");
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

// Once, `output` gave what a stranger had written for what the task had.
#[test]
fn another_file_in_the_place_of_a_log_is_not_shown_as_what_the_task_wrote() {
    let replace: [Put; 2] = [
        |log| fs::write(log, "a stranger's words\n").expect("a file"),
        |log| {
            let other = log.with_extension("other");
            fs::write(&other, "a stranger's words\n").expect("a file");
            fs::hard_link(&other, log).expect("a link");
        },
    ];
    for (put, killed) in replace.into_iter().flat_map(|put| [(put, false), (put, true)]) {
        let sandbox = sandbox();
        let said = sandbox.path("said");
        let script = format!("echo one; >{}; {}", said.display(), sandbox.until("gate"));
        let id = sandbox.run_script(&[], &script);
        sandbox.wait_for_file("said");
        let shown = sandbox.task_bg(["output", &id]).ok().json();
        assert_eq!(shown["output"], "one\n", "{shown:#}");
        if killed {
            kill_supervisor(&sandbox, &id);
        }
        let log = sandbox.store().join(format!("{id}.out"));
        fs::remove_file(&log).expect("removed");
        put(&log);
        let shown = sandbox.task_bg(["output", &id]).ok().json();
        assert!(!shown.to_string().contains("stranger"), "{shown:#}");
        assert_eq!(shown["output"], "one\n", "{shown:#}");
        assert!(shown["note"].as_str().is_some_and(|it| it.contains("replaced")), "{shown:#}");
        let follow = sandbox.task_bg(["output", "--follow", &id]).start();
        sandbox.open_gate("gate");
        let followed = follow.finish().ok();
        assert_eq!(followed.stdout, "one\n", "{followed}");
        sandbox.ended(&id);
        let shown = sandbox.task_bg(["output", &id]).ok().json();
        assert_eq!(shown["output"], "one\n", "{shown:#}");
    }
}

// Once, whoever took such a task over let it go on first, and then waited five seconds for the lock of the record.
#[test]
fn a_task_that_rests_and_holds_the_locks_of_its_store_is_bounded_by_whoever_takes_it_over() {
    const MOST: u64 = 4 << 20;
    let sandbox = sandbox().with_env("TASK_BG_MAX_LOG", "4MiB");
    let holder = env!("CARGO_BIN_EXE_lock-holder");
    let locks = sandbox.store().join(".locks");
    let (held, gate) = (sandbox.path("held"), sandbox.until("gate"));
    // In a session of its own, so that nothing ends the writer when its supervisor is gone.
    let script = format!(
        "setsid {holder} $(seq -f '{}/%02.0f' 0 15) >{} & {gate}; exec yes",
        locks.display(),
        held.display()
    );
    let id = sandbox.run_script(&[], &script);
    let record = sandbox.record(&id);
    let Some(group) = record["progress"]["cgroup"].as_str().map(PathBuf::from) else { return };
    let freeze = group.join("cgroup.freeze");
    wait_until("that it holds the locks", || {
        fs::read_to_string(&held).is_ok_and(|it| it == "held\n")
    });
    sandbox.open_gate("gate");
    wait_until("that it rests", || fs::read_to_string(&freeze).is_ok_and(|it| it.trim() == "1"));
    kill_supervisor(&sandbox, &id);
    fs::write(&freeze, "1").expect("it rests");
    let log = sandbox.store().join(format!("{id}.out"));
    thread::scope(|scope| {
        let listing = scope.spawn(|| sandbox.task_bg(["list"]).run().code);
        while !listing.is_finished() {
            let taken = fs::metadata(&log).map_or(0, |log| log.blocks() * 512);
            assert!(taken < 64 * MOST, "{taken} bytes");
            thread::yield_now();
        }
    });
    fs::write(group.join("cgroup.kill"), "1").expect("killed");
    fs::write(&freeze, "0").unwrap_or_default();
    assert_eq!(sandbox.ended(&id)["progress"]["reason"], "lost");
}

// Once, what a stranger had written counted as the output and the result of such a task, and what it had printed was lost.
#[test]
fn a_log_that_was_replaced_is_back_also_where_supervisor_and_agent_are_dead() {
    for (what, put, is_back) in PUTS {
        for (ending, order) in [("out", "echo one"), ("events.jsonl", "SAY one")] {
            let sandbox = sandbox();
            let gate = sandbox.path("gate");
            let id = if ending == "out" {
                sandbox.run_script(&[], &format!("{order}; {}", sandbox.until("gate")))
            } else {
                sandbox.launch(&format!("{order}\nWAIT {}", gate.display()))
            };
            let log = sandbox.store().join(format!("{id}.{ending}"));
            wait_until("that it wrote", || {
                fs::read_to_string(&log).is_ok_and(|text| text.contains("one"))
            });
            let written = fs::read_to_string(&log).expect("it is there");
            let agent = pid_at(&sandbox.record(&id), "agentProcess");
            kill_supervisor(&sandbox, &id);
            fs::remove_file(&log).expect("removed");
            put(&log);
            kill(agent);
            wait_until("that its agent is gone", || !alive(agent));
            let waited = sandbox.task_bg(["wait", &id, "--timeout", "20s"]).code(5).json();
            let ended = &waited["ended"][0];
            assert_eq!(ended["reason"], "lost", "{what}: {waited:#}");
            assert!(waited.to_string().contains("one"), "{what}: {waited:#}");
            assert!(!waited.to_string().contains("stranger"), "{what}: {waited:#}");
            if is_back {
                let there = fs::read_to_string(&log).unwrap_or_default();
                assert_eq!(there, written, "{what}, {ending}");
            }
            let kept = sandbox.store().join(".active").join(format!("{id}.{ending}"));
            assert!(fs::symlink_metadata(kept).is_err(), "{what}, {ending}: a name is left");
        }
    }
}

// A store that was put back from a copy has other files, and each of them counts as what it is a copy of.
#[test]
fn a_store_that_was_restored_from_a_copy_shows_its_logs() {
    for copy in ["cp -a", "cp -r", "cp -r --no-preserve=all"] {
        let sandbox = sandbox();
        let script = format!("echo one; {}", sandbox.until("gate"));
        let id = sandbox.run_script(&[], &script);
        let ended = sandbox.run_script(&[], "echo over");
        sandbox.ended(&ended);
        let log = sandbox.store().join(format!("{id}.out"));
        wait_until("that it wrote", || fs::read(&log).is_ok_and(|text| text == b"one\n"));
        let agent = pid_at(&sandbox.record(&id), "agentProcess");
        kill_supervisor(&sandbox, &id);
        kill(agent);
        wait_until("that its agent is gone", || !alive(agent));
        // Whoever ends its task admits the next, and may make what that takes.
        sandbox.wait_until_idle();
        let (store, kept) = (sandbox.store(), sandbox.path("kept"));
        let (store, kept) = (store.display(), kept.display());
        let words = format!("{copy} {store} {kept} && rm -r {store} && {copy} {kept} {store}");
        sandbox.shell(&words).ok().done();
        sandbox.task_bg(["wait", &id, "--timeout", "20s"]).code(5).done();
        for (id, text) in [(&id, "one\n"), (&ended, "over\n")] {
            let shown = sandbox.task_bg(["output", id]).ok().json();
            assert_eq!(shown["output"], text, "{copy}: {shown:#}");
            assert!(shown["note"].is_null(), "{copy}: {shown:#}");
        }
    }
}
