//! Bounded logs: what a task writes never fills the disk, and its beginning and its end can always be read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, pid_at, task_id};

use crate::sandbox;

const MIB: u64 = 1 << 20;

/// A sandbox in which each log may take 4 MiB.
fn bounded() -> Sandbox {
    sandbox().with_env("TASK_BG_MAX_LOG", "4MiB")
}

fn log_of(sandbox: &Sandbox, id: &str) -> PathBuf {
    sandbox.store().join(format!("{id}.out"))
}

/// How long a log is, and how much of the disk it takes.
fn size_of(sandbox: &Sandbox, id: &str) -> (u64, u64) {
    let log = fs::metadata(log_of(sandbox, id)).expect("a log");
    (log.len(), log.blocks() * 512)
}

/// A command that writes 40 MiB between its first and its last words, and then waits for the gate.
fn chatter(sandbox: &Sandbox) -> String {
    let gate = sandbox.until("gate");
    let written = sandbox.path("written");
    let written = written.display();
    let much = 40 * MIB;
    format!("echo the first words; yes | head -c {much}; echo the last words; >{written}; {gate}")
}

fn shows_its_ends(sandbox: &Sandbox, id: &str) {
    let output = sandbox.task_bg(["output", id]).ok().json();
    let text = output["output"].as_str().expect("an output");
    assert!(text.starts_with("the first words\n"), "{text:.100}");
    assert!(text.ends_with("the last words\n"), "{text:.100}");
    assert!(text.contains(" bytes left out …]"), "the gap is named");
    let tail = sandbox.task_bg(["output", id, "--tail", "1"]).ok().json();
    assert_eq!(tail["output"], "the last words\n");
}

#[test]
fn the_middle_of_a_log_that_grows_too_large_is_given_back_to_the_disk() {
    let sandbox = bounded();
    let id = sandbox.run_script(&[], &chatter(&sandbox));
    sandbox.wait_for_file("written");
    wait_until("that its log is cut", || {
        let (size, taken) = size_of(&sandbox, &id);
        size > 40 * MIB && taken <= 4 * MIB
    });
    shows_its_ends(&sandbox, &id);
    sandbox.open_gate("gate");
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "completed", "{record:#}");
    let result = record["result"].as_str().expect("a result");
    assert!(result.ends_with("the last words"), "{record:#}");
}

#[test]
fn a_log_that_grew_while_its_supervisor_was_dead_is_cut_as_soon_as_somebody_looks() {
    let sandbox = bounded();
    let begin = sandbox.until("begin");
    let id = sandbox.run_script(&[], &format!("{begin}; {}", chatter(&sandbox)));
    let supervisor = sandbox.record(&id)["progress"]["supervisor"]["pid"].as_u64();
    let supervisor = u32::try_from(supervisor.expect("a supervisor")).expect("a number");
    kill(supervisor);
    wait_until("that it is gone", || !alive(supervisor));
    sandbox.open_gate("begin");
    sandbox.wait_for_file("written");
    assert!(size_of(&sandbox, &id).1 > 39 * MIB, "nobody cuts it");
    sandbox.task_bg(["list"]).ok().done();
    wait_until("that its log is cut", || size_of(&sandbox, &id).1 <= 4 * MIB);
    shows_its_ends(&sandbox, &id);
}

#[test]
fn the_events_of_an_agent_are_bounded_too_and_its_answer_counts() {
    let sandbox = bounded();
    let words = "x".repeat(60_000);
    let many = format!("SAY {words}\n").repeat(160);
    let gate = sandbox.path("gate");
    let id = sandbox.launch(&format!("{many}WAIT {}\nSAY found", gate.display()));
    let events = sandbox.store().join(format!("{id}.events.jsonl"));
    wait_until("that its events are cut", || {
        let events = fs::metadata(&events).expect("events");
        events.len() > 8 * MIB && events.blocks() * 512 <= 4 * MIB
    });
    sandbox.open_gate("gate");
    let record = sandbox.ended(&id);
    assert_eq!((&record["status"], &record["result"]), (&"completed".into(), &"found".into()));
}

/// `ramfs` makes no holes. Without the bound such a log fills the memory of the machine.
#[test]
fn where_the_middle_cannot_be_given_back_the_task_ends_as_output_limit() {
    let sandbox = bounded();
    let script = "unshare -m sh -c 'mkdir ram && mount -t ramfs none ram && chmod 700 ram || exit 77; \
                  TASK_BG_DIR=$PWD/ram task-bg run t --wait -- sh -c \"yes | head -c 60000000; sleep 60\"'";
    let ran = sandbox.shell(script).run();
    if ran.code == 77 {
        return;
    }
    let answer = ran.json();
    let ended = &answer["ended"][0];
    assert_eq!((&ended["status"], &ended["reason"]), (&"error".into(), &"output_limit".into()));
    assert!(ended["result"].as_str().is_some_and(|words| words.contains("max_log")), "{answer:#}");
}

#[test]
fn a_bound_that_makes_no_sense_is_named() {
    let sandbox = sandbox();
    let config = sandbox.task_bg(["config"]).env("TASK_BG_MAX_LOG", "much");
    let refused = config.code(2);
    assert!(refused.stderr.contains("256MiB"), "{refused}");
    let config = sandbox.task_bg(["config"]).env("TASK_BG_MAX_LOG", "64 MiB").ok();
    assert!(config.stdout.contains("64MiB"), "{config}");
}

// Once, a log whose supervisor was killed stayed as large as it had become until then, for ever; and whoever took a task over
// kept the bound of its own settings.
#[test]
fn the_bound_of_a_task_holds_whoever_takes_it_over_or_concludes_it() {
    for looked_at in [true, false] {
        let sandbox = sandbox();
        let (gate, written) = (sandbox.until("gate"), sandbox.path("written"));
        let much = 40 * MIB;
        let script = format!("{gate}; yes | head -c {much}; >{}", written.display());
        let words = ["run", "x", "--", "sh", "-c", &script];
        let id = task_id(&sandbox.task_bg(words).env("TASK_BG_MAX_LOG", "4MiB").ok().json());
        let record = sandbox.record(&id);
        let [supervisor, agent] = ["supervisor", "agentProcess"].map(|key| pid_at(&record, key));
        kill(supervisor);
        wait_until("that it is gone", || !alive(supervisor));
        if looked_at {
            sandbox.task_bg(["status", &id]).ok().done();
        }
        sandbox.open_gate("gate");
        sandbox.wait_for_file("written");
        wait_until("that it has ended", || !alive(agent));
        sandbox.task_bg(["list"]).ok().done();
        assert_eq!(sandbox.ended(&id)["progress"]["reason"], "lost");
        let (size, taken) = size_of(&sandbox, &id);
        assert!(size == much && taken <= 4 * MIB, "{taken} of {size} bytes, {looked_at}");
    }
}

/// What the kernel says of the group of a task; `None` where it has none.
fn says_of_group(record: &Value, file: &str) -> Option<String> {
    let group = record["progress"]["cgroup"].as_str()?;
    fs::read_to_string(Path::new(group).join(file)).ok()
}

// Once, a writer without end had as many GiB of the disk as it could write while its supervisor was late, or waited for a watch that
// the kernel had taken away.
#[test]
fn a_writer_that_is_too_fast_rests_and_goes_on_whoever_looks_after_it() {
    let sandbox = bounded();
    let id = sandbox.run_script(&[], "exec yes");
    let record = sandbox.record(&id);
    if says_of_group(&record, "cgroup.freeze").is_none() {
        return;
    }
    let rests = || says_of_group(&record, "cgroup.freeze").is_some_and(|it| it.trim() == "1");
    for killed in 1..=2 {
        wait_until("that it rests", rests);
        let supervisor = pid_at(&sandbox.record(&id), "supervisor");
        kill(supervisor);
        wait_until("that it is gone", || !alive(supervisor));
        // Whether it was killed in a rest or beside one, the task goes on.
        sandbox.task_bg(["status", &id]).ok().done();
        let adoptions = || sandbox.record(&id)["progress"]["adoptions"].as_u64();
        wait_until("that it is taken over", || adoptions() == Some(killed));
        let (size, _) = size_of(&sandbox, &id);
        wait_until("that it goes on", || size_of(&sandbox, &id).0 > size + 8 * MIB);
    }
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    wait_until("that it rests", rests);
    kill(supervisor);
    wait_until("that it is gone", || !alive(supervisor));
    let answer = sandbox.task_bg(["cancel", &id, "--grace", "60s"]).ok().json();
    assert_eq!(answer["cancelled"][0], id.as_str(), "{answer:#}");
    assert!(says_of_group(&record, "cgroup.freeze").is_none(), "its group is removed");
}

/// What writes on to its log when its agent has gone, the bound being 16 MiB, with the most that its log took until its ending
/// was on record.
fn outlived(sandbox: &Sandbox) -> (String, u64) {
    let script = format!("{}; yes &", sandbox.until("gate"));
    let words = ["run", "x", "--", "sh", "-c", &script];
    let id = task_id(&sandbox.task_bg(words).env("TASK_BG_MAX_LOG", "16MiB").ok().json());
    sandbox.open_gate("gate");
    let mut most = 0;
    wait_until("that its ending is recorded", || {
        let ended = sandbox.record(&id)["status"] != "running";
        most = most.max(size_of(sandbox, &id).1);
        ended
    });
    (id, most)
}

// Once, what wrote on when its agent was gone had 100 to 500 MiB in the second in which it was waited for.
#[test]
fn the_bound_holds_while_the_last_words_of_a_task_are_waited_for() {
    let sandbox = sandbox();
    let (id, most) = outlived(&sandbox);
    let record = sandbox.record(&id);
    sandbox.task_bg(["cancel", &id]).ok().done();
    assert!(most <= 256 * MIB, "{most} bytes");
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(record["progress"]["survivors"].as_array().map(Vec::len), Some(1), "{record:#}");
}

// Once, whoever looked at an ended task of which something wrote on left its log as large as it was, and so did the `cancel` that
// stopped the writer.
#[test]
fn the_log_of_an_ended_task_that_something_writes_on_to_is_cut_as_soon_as_somebody_looks() {
    let sandbox = bounded();
    let verbs = ["status", "output", "wait", "list", "doctor", "cleanup --delete", "cancel"];
    let step = |number: usize| {
        let (begin, much) = (sandbox.until(&format!("begin{number}")), 40 * MIB);
        format!(
            "{begin}; yes | head -c {much}; >{}",
            sandbox.path(&format!("end{number}")).display()
        )
    };
    let steps: Vec<String> = (0..verbs.len()).map(step).collect();
    let script = format!("( {}; {} ) &", steps.join("; "), sandbox.until("never"));
    let id = sandbox.run_script(&[], &script);
    let record = sandbox.ended(&id);
    let supervisor = pid_at(&record, "supervisor");
    if alive(supervisor) {
        kill(supervisor);
    }
    wait_until("that its supervisor is gone", || !alive(supervisor));
    for (number, verb) in verbs.into_iter().enumerate() {
        sandbox.open_gate(&format!("begin{number}"));
        sandbox.wait_for_file(&format!("end{number}"));
        assert!(size_of(&sandbox, &id).1 > 39 * MIB, "nobody cuts it");
        let of_all = ["list", "doctor", "cleanup --delete"].contains(&verb);
        let words = verb.split(' ').chain((!of_all).then_some(id.as_str()));
        let ran = sandbox.task_bg(words).run();
        assert!(ran.code < 6, "{ran}");
        let (size, taken) = size_of(&sandbox, &id);
        assert!(size > 39 * MIB && taken <= 4 * MIB, "{verb}: {taken} of {size} bytes");
    }
}

// Once, nobody bounded what was written to the log of a task that had ended: 400 MB a second, until the disk was full.
#[test]
fn the_bound_holds_as_long_as_anything_outlives_its_task() {
    let sandbox = sandbox();
    let (id, _) = outlived(&sandbox);
    let supervisor = pid_at(&sandbox.record(&id), "supervisor");
    let (begun, mut most) = (size_of(&sandbox, &id).0, 0);
    wait_until("that it writes on", || {
        let (size, taken) = size_of(&sandbox, &id);
        most = most.max(taken);
        size > begun + 128 * MIB
    });
    assert!(most <= 112 * MIB, "{most} bytes");
    // Whoever keeps the bound is no supervisor any more.
    wait_until("that its life lock is gone", || sandbox.active().is_empty());
    assert!(alive(supervisor), "it stays");
    sandbox.task_bg(["wait", &id]).ok().done();
    let doctor = sandbox.task_bg(["doctor"]).run().json();
    let findings = doctor["findings"].as_array().expect("findings").iter();
    let named: Vec<&Value> = findings
        .filter(|found| {
            ["supervision", "locks", "unrecorded"].iter().any(|it| found["check"] == *it)
        })
        .filter(|found| found["status"] != "ok")
        .collect();
    assert!(named.is_empty(), "{named:?}");
    let answer = sandbox.task_bg(["cancel", &id]).ok().json();
    assert_eq!((&answer["stopped"][0], &answer["survivors"]), (&id.into(), &Value::Array(vec![])));
    wait_until("that nobody stays", || !alive(supervisor));
}

#[test]
fn nobody_stays_for_what_outlives_its_task_and_has_its_log_open_no_more() {
    let sandbox = bounded();
    for (script, ends) in [("exec >>/dev/null 2>&1; ", false), ("", true)] {
        let gate = sandbox.until(&format!("gate{ends}"));
        let id = sandbox.run_script(&[], &format!("( {script}{gate} ) &"));
        let record = sandbox.ended(&id);
        assert!(record["progress"]["survivors"].is_array(), "{record:#}");
        let supervisor = pid_at(&record, "supervisor");
        if ends {
            sandbox.open_gate(&format!("gate{ends}"));
        }
        wait_until("that nobody stays", || !alive(supervisor));
    }
}

// Once, a file of somebody else that had been linked in the place of a log lost its middle.
#[test]
fn a_file_that_has_a_name_besides_those_of_a_log_is_never_cut() {
    for kills in [false, true] {
        let sandbox = bounded();
        let file = sandbox.path("left");
        let script = format!(
            "sleep 300 >/dev/null 2>&1 & echo $! >{}; {}",
            file.display(),
            sandbox.until("gate")
        );
        let id = sandbox.run_script(&[], &script);
        let left = sandbox.pid_in("left");
        let victim = sandbox.path("victim");
        fs::write(&victim, vec![b'v'; 20 << 20]).expect("a file");
        let replace = |log: &Path| {
            fs::remove_file(log).expect("it was there");
            fs::hard_link(&victim, log).expect("a link");
        };
        if kills {
            replace(&log_of(&sandbox, &id));
            replace(&sandbox.store().join(".active").join(format!("{id}.out")));
            let record = sandbox.record(&id);
            for pid in ["supervisor", "agentProcess"].map(|key| pid_at(&record, key)) {
                kill(pid);
                wait_until("that it is gone", || !alive(pid));
            }
            sandbox.task_bg(["list"]).ok().done();
        } else {
            sandbox.open_gate("gate");
            sandbox.ended(&id);
            replace(&log_of(&sandbox, &id));
            sandbox.task_bg(["status", &id]).ok().done();
        }
        sandbox.task_bg(["cancel", &id]).ok().done();
        assert!(!alive(left));
        let whole = fs::read(&victim).expect("it is there").iter().all(|byte| *byte == b'v');
        assert!(whole, "killed: {kills}");
    }
}
