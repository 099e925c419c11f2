//! Queueing: how many run at once, in which order the others are admitted, and what a waiting task
//! costs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tests::process::{alive, kill, wait_for, wait_until};
use tests::sandbox::{Sandbox, task_id, text};

use crate::sandbox;

/// A sandbox in which so many tasks run at once.
fn limited(max_running: usize) -> Sandbox {
    sandbox().with_env("TASK_BG_MAX_RUNNING", max_running.to_string())
}

/// The words of a shell that goes on once the file is there.
fn until(sandbox: &Sandbox, gate: &str) -> String {
    format!("until [ -e {} ]; do sleep 0.01; done", sandbox.path(gate).display())
}

/// Runs a shell script in the background, with these options.
fn shell(sandbox: &Sandbox, options: &[&str], script: &str) -> String {
    let words = [&["run", "a script"], options, &["--", "sh", "-c", script]].concat();
    task_id(&sandbox.task_bg(words).ok().json())
}

/// A task that has the only slot until the gate is open.
fn blocked(sandbox: &Sandbox) -> String {
    shell(sandbox, &[], &until(sandbox, "gate"))
}

/// A task that notes its name in the file `order` when it starts.
fn noting(sandbox: &Sandbox, options: &[&str], name: &str) -> String {
    shell(sandbox, options, &format!("echo {name} >> {}", sandbox.path("order").display()))
}

fn wait(sandbox: &Sandbox, ids: &[String]) -> Value {
    let words = ["wait", "--timeout", "60"].map(str::to_owned);
    sandbox.task_bg(words.iter().chain(ids)).run().json()
}

fn supervisors(sandbox: &Sandbox) -> Vec<u32> {
    let all = sandbox.leftovers().into_iter();
    all.filter(|seen| seen.command_line.contains(" __supervise ")).map(|seen| seen.pid).collect()
}

fn status(sandbox: &Sandbox, id: &str) -> String {
    sandbox.record(id)["status"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn never_more_run_at_once_than_may_and_as_many_as_may() {
    let sandbox = limited(3);
    let log = text(&sandbox.path("log"));
    // Each waits for two others to have begun: with fewer than three at once none would end.
    let script = format!(
        "echo start >> {log}; until [ $(grep -c start {log}) -ge 3 ]; do sleep 0.01; done; \
         sleep 0.02; echo end >> {log}"
    );
    let ids: Vec<String> = (0..12).map(|_| shell(&sandbox, &[], &script)).collect();
    let waited = wait(&sandbox, &ids);
    assert_eq!(waited["ended"].as_array().map(Vec::len), Some(12), "{waited:#}");
    let (mut now, mut most) = (0, 0);
    for line in sandbox.lines_of("log") {
        now = if line == "start" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    assert_eq!((now, most), (0, 3));
    assert!(ids.iter().all(|id| status(&sandbox, id) == "completed"));
    sandbox.assert_nothing_left();
}

#[test]
fn first_come_is_first_served_and_a_higher_priority_goes_before() {
    let sandbox = limited(1);
    let mut ids = vec![blocked(&sandbox)];
    for (name, options) in [
        ("first", &[][..]),
        ("second", &[]),
        ("last", &["--priority", "-3"]),
        ("urgent", &["--priority", "5"]),
        ("third", &[]),
        ("pressing", &["--priority", "4"]),
    ] {
        ids.push(noting(&sandbox, options, name));
    }
    sandbox.open_gate("gate");
    wait(&sandbox, &ids);
    let order = ["urgent", "pressing", "first", "second", "third", "last"];
    assert_eq!(sandbox.lines_of("order"), order);
    assert_eq!(sandbox.queue(), [""; 0]);
}

#[test]
fn a_task_that_waits_costs_no_process_and_is_let_in_though_nobody_looks() {
    let sandbox = limited(2);
    let gate = sandbox.path("gate");
    let script = format!("WAIT {}\nSAY done", gate.display());
    let ids: Vec<String> = (0..8).map(|_| sandbox.launch(&script)).collect();
    wait_until("two supervisors with their agents", || sandbox.leftovers().len() == 4);
    assert_eq!(supervisors(&sandbox).len(), 2);
    assert_eq!(sandbox.queue().len(), 6);
    let list = sandbox.task_bg(["list"]).ok().json();
    assert_eq!((&list["running"], &list["queued"]), (&json!(2), &json!(6)), "{list:#}");
    sandbox.open_gate("gate");
    for id in ids {
        assert_eq!(sandbox.ended(&id)["status"], "completed");
    }
    sandbox.assert_nothing_left();
    sandbox.assert_nothing_kept();
}

#[test]
fn a_held_task_waits_until_it_is_released_and_is_in_nobodys_way() {
    let sandbox = limited(2);
    let held = noting(&sandbox, &["--hold"], "held");
    let answer = sandbox.task_bg(["run", "another", "--", "true"]).ok().json();
    // So short a task may have ended by then.
    assert_ne!(answer["status"], "queued", "a held task is in the way: {answer}");
    sandbox.ended(&task_id(&answer));
    let queue = sandbox.task_bg(["queue"]).ok().json();
    assert_eq!(queue["waiting"], json!([held]), "{queue}");
    assert_eq!(sandbox.lines_of("order"), [""; 0]);
    sandbox.task_bg(["release", &held]).ok().done();
    assert_eq!(sandbox.ended(&held)["status"], "completed");
    let again = sandbox.task_bg(["release", &held]).run().failure(4);
    assert_eq!(again["code"], "already_ended", "{again}");
}

#[test]
fn a_launch_that_fails_says_so_though_somebody_is_held() {
    let sandbox = limited(2);
    noting(&sandbox, &["--hold"], "held");
    let ran = sandbox.task_bg(["run", "nothing", "--", "no-such-program"]).run();
    assert_eq!(ran.failure(7)["code"], "launch_failed");
}

#[test]
fn a_paused_queue_lets_nobody_in_and_what_runs_goes_on() {
    let sandbox = limited(4);
    let first = blocked(&sandbox);
    let paused = sandbox.task_bg(["queue", "pause"]).ok().json();
    assert_eq!(paused["paused"], true, "{paused}");
    let second = noting(&sandbox, &[], "second");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&first)["status"], "completed");
    wait_until("that the first is gone", || supervisors(&sandbox).is_empty());
    assert_eq!(status(&sandbox, &second), "queued");
    let waited = sandbox.task_bg(["wait", "--timeout", "300ms", &second]).code(6).json();
    assert_eq!(waited["timedOut"], true, "{waited}");
    sandbox.task_bg(["queue", "resume"]).ok().done();
    assert_eq!(sandbox.ended(&second)["status"], "completed");
}

#[test]
fn a_task_cancelled_while_it_waits_leaves_nothing_and_never_starts() {
    let sandbox = limited(1);
    let first = blocked(&sandbox);
    let second = sandbox.launch(&format!("TOUCH {}", sandbox.path("ran").display()));
    assert_eq!(sandbox.queue().len(), 1);
    sandbox.task_bg(["cancel", &second]).ok().done();
    assert_eq!(status(&sandbox, &second), "cancelled");
    assert_eq!(supervisors(&sandbox).len(), 1);
    assert_eq!((sandbox.queue(), sandbox.active()), (Vec::new(), vec![first.clone()]));
    sandbox.open_gate("gate");
    sandbox.ended(&first);
    sandbox.assert_nothing_left();
    assert!(!sandbox.path("ran").exists());
    assert_eq!(sandbox.active(), [""; 0]);
}

/// The files of a folder and below, but for environments that are kept.
fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path));
        } else if path.extension().is_none_or(|kind| kind != "env") {
            files.push(path);
        }
    }
    files
}

#[test]
fn a_task_that_waited_starts_with_the_environment_of_its_launcher_which_nobody_else_sees() {
    const SECRET: &str = "s3cr3t-value-of-the-launcher";
    let sandbox = limited(1);
    let first = ["run", "the first", "--", "sh", "-c", &until(&sandbox, "gate")];
    let first = sandbox.task_bg(first).env("WHOSE", "the admitter's");
    let first = task_id(&first.ok().json());
    let waits = |name: &str| {
        let (whose, token) = (sandbox.path(name), sandbox.path(&format!("{name}-token")));
        let prompt = format!("ENV WHOSE {}\nENV TOKEN {}", whose.display(), token.display());
        let words = ["launch", "a secret", &prompt, "--env", &format!("TOKEN={SECRET}")];
        let ran = sandbox.task_bg(words).env("WHOSE", format!("{SECRET} too")).ok();
        assert!(!ran.to_string().replace(&format!("TOKEN={SECRET}"), "").contains(SECRET), "{ran}");
        task_id(&ran.json())
    };
    let (second, third) = (waits("second"), waits("third"));
    let kept = |id: &str| sandbox.store().join(".active").join(format!("{id}.env"));
    for id in [&second, &third] {
        let mode = fs::metadata(kept(id)).expect("its environment is kept").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    }
    sandbox.task_bg(["cancel", &third]).ok().done();
    assert!(!kept(&third).exists(), "a cancelled task leaves its environment behind");
    let seen: Vec<String> = [["list", "--full"], ["status", &second], ["queue", "--json"]]
        .map(|words| sandbox.task_bg(words).ok().stdout)
        .into();
    sandbox.open_gate("gate");
    sandbox.ended(&first);
    assert_eq!(sandbox.ended(&second)["status"], "completed");
    assert!(!kept(&second).exists(), "a task that started leaves its environment behind");
    let read = |name: &str| fs::read_to_string(sandbox.path(name)).expect("the agent wrote it");
    assert_eq!(read("second"), format!("{SECRET} too"));
    assert_eq!(read("second-token"), SECRET);
    assert!(!seen.concat().contains(SECRET), "{seen:?}");
    for file in files_below(&sandbox.store()) {
        let content = fs::read(&file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&content).contains(SECRET), "{}", file.display());
    }
}

#[test]
fn the_queue_gets_through_though_supervisors_are_killed_at_random_and_nothing_runs_twice() {
    const ORDERS: usize = 40;
    let sandbox = limited(4);
    fs::create_dir(sandbox.path("ran")).expect("a folder in the sandbox");
    let orders: String = (0..ORDERS)
        .map(|number| {
            let mark = sandbox.path(&format!("ran/{number}"));
            let script = format!("echo ran >> {}; sleep 0.05", mark.display());
            let line =
                json!({ "description": format!("{number}"), "command": ["sh", "-c", script] });
            format!("{line}\n")
        })
        .collect();
    let answer = sandbox.task_bg(["batch", "-"]).stdin(orders).ok().json();
    let launched = answer["launched"].as_array().expect("all are launched").iter();
    let ids: Vec<String> = launched.map(task_id).collect();
    assert_eq!(ids.len(), ORDERS);
    let words = ["wait", "--timeout", "60"].map(str::to_owned);
    let mut waiter = sandbox.task_bg(words.iter().chain(&ids)).start();
    let (mut random, mut killed) = (u64::from(std::process::id()) | 1, 0);
    // Kills some and spares some, so that the queue goes on by itself at times and at times is left.
    while waiter.runs() {
        for pid in supervisors(&sandbox) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random.is_multiple_of(10) {
                kill(pid);
                killed += 1;
            }
        }
    }
    let ran = waiter.finish();
    assert!(matches!(ran.code, 0 | 5), "{ran}");
    for (number, id) in ids.iter().enumerate() {
        let record = sandbox.record(id);
        let ran = sandbox.lines_of(&format!("ran/{number}")).len();
        let fits = match record["progress"]["reason"].as_str() {
            None => record["status"] == "completed" && ran == 1,
            // Killed after, while or before it said that it had started its agent. A supervisor that
            // is just becoming the agent looks like one, and is killed for one.
            Some("lost" | "signal" | "launch_failed") => ran <= 1,
            Some(_) => false,
        };
        assert!(fits, "{number} ran {ran} times: {record:#}");
    }
    assert!(killed > 0, "nobody was killed");
    sandbox.assert_nothing_left();
    // What those left who were killed once all was recorded is nobody's any more.
    sandbox.task_bg(["cleanup"]).ok().done();
    sandbox.assert_only_half_written_kept();
}

/// A recorded task that waits, as it is left when whoever admits it is killed meanwhile.
fn half_started(sandbox: &Sandbox) -> String {
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let id = noting(sandbox, &[], "half");
    let store = sandbox.store();
    for name in sandbox.queue() {
        fs::remove_file(store.join(".queue").join(name)).expect("it waits");
    }
    fs::write(store.join(".active").join(&id), "").expect("a free life lock");
    fs::remove_file(store.join(".queue/.paused")).expect("the queue is paused");
    id
}

#[test]
fn a_task_whose_admitter_was_killed_before_it_started_it_is_let_in_again() {
    let sandbox = limited(2);
    let id = half_started(&sandbox);
    let waited = wait(&sandbox, std::slice::from_ref(&id));
    assert_eq!(waited["ended"][0]["status"], "completed", "{waited:#}");
    assert_eq!(sandbox.lines_of("order"), ["half"]);
}

#[test]
fn a_task_whose_launcher_was_killed_and_whose_environment_is_gone_failed_to_launch() {
    let sandbox = limited(2);
    let id = half_started(&sandbox);
    let kept = sandbox.store().join(".active").join(format!("{id}.env"));
    fs::remove_file(kept).expect("its environment is kept");
    let waited = wait(&sandbox, std::slice::from_ref(&id));
    assert_eq!(waited["ended"][0]["reason"], "launch_failed", "{waited:#}");
    assert_eq!(sandbox.lines_of("order"), [""; 0]);
    assert_eq!(sandbox.active(), [""; 0]);
}

#[test]
fn an_agent_that_lost_its_supervisor_still_takes_up_room() {
    let sandbox = limited(1);
    let first = blocked(&sandbox);
    let agent = &sandbox.record(&first)["progress"]["agentProcess"]["pid"];
    let agent = agent.as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("an agent");
    let supervisor = wait_for("its supervisor", || supervisors(&sandbox).pop());
    kill(supervisor);
    wait_until("the supervisor's end", || !alive(supervisor));
    let second = noting(&sandbox, &[], "second");
    let queue = sandbox.task_bg(["queue"]).ok().json();
    assert_eq!(queue["waiting"], json!([second]), "{queue}");
    assert!(alive(agent));
    let waiter = sandbox.task_bg(["wait", "--timeout", "30", &second]).start();
    sandbox.open_gate("gate");
    waiter.finish().ok().done();
    assert_eq!(sandbox.lines_of("order"), ["second"]);
}

#[test]
fn a_limit_of_the_store_lasts_is_shown_with_its_source_and_is_taken_back() {
    let sandbox = sandbox();
    let gated = || sandbox.run_script(&[], &sandbox.until("gate"));
    let limited = sandbox.task_bg(["queue", "limit", "1"]).ok().json();
    assert_eq!(
        (&limited["maxRunning"], &limited["maxRunningSource"]),
        (&json!(1), &json!("store"))
    );
    let (first, second) = (gated(), gated());
    assert_eq!(
        (sandbox.status(&first), sandbox.status(&second)),
        ("running".into(), "queued".into())
    );
    let queue = sandbox.task_bg(["queue"]).ok().json();
    assert_eq!((&queue["running"], &queue["waiting"]), (&json!(1), &json!([second])), "{queue}");
    let config = sandbox.task_bg(["config"]).ok().json().to_string();
    assert!(config.contains(r#""name":"max_running","value":1,"source":"store""#), "{config}");
    // The environment of a command counts before it, and that is said.
    let other =
        sandbox.task_bg(["queue", "limit", "2"]).env("TASK_BG_MAX_RUNNING", "1").ok().json();
    assert!(other["note"].as_str().is_some_and(|it| it.contains("TASK_BG_MAX_RUNNING")), "{other}");
    let table = sandbox.task_bg(["queue", "--format", "table"]).ok();
    assert!(table.stdout.contains("of 2 run"), "{table}");
    sandbox.task_bg(["queue", "limit", "none"]).ok().done();
    let back = sandbox.task_bg(["queue"]).ok().json();
    assert_eq!((&back["maxRunning"], &back["maxRunningSource"]), (&json!(10), &json!("default")));
    assert_eq!(back["running"], 2, "whoever lets more run admits at once: {back}");
    for (words, code) in
        [(&["limit"][..], 2), (&["limit", "0"], 2), (&["pause", "3"], 2), (&["3"], 2)]
    {
        sandbox.task_bg([&["queue"], words].concat()).code(code).done();
    }
    sandbox.open_gate("gate");
}

#[test]
fn the_queue_says_how_many_run_of_each_group_that_has_a_limit() {
    let sandbox = sandbox();
    fs::create_dir_all(sandbox.store()).expect("a folder");
    let settings = sandbox.store().with_file_name("task-bg.toml");
    fs::write(settings, "[limits]\ncommand = 2\nexplorer = 1\n").expect("a file");
    sandbox.run_script(&[], &sandbox.until("gate"));
    let queue = sandbox.task_bg(["queue"]).ok().json();
    assert_eq!(queue["runningByGroup"], json!({"command": 1, "explorer": 0}), "{queue}");
    let table = sandbox.task_bg(["queue", "--format", "table"]).ok();
    assert!(table.stdout.contains("1 of 2 of command"), "{table}");
    sandbox.open_gate("gate");
}

// Once, whoever waited in vain for the queue's lock was told to check the owner of a folder.
#[test]
fn whoever_holds_the_queue_is_named_to_those_that_wait_in_vain() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_command(["true"]));
    let gate = fs::File::open(sandbox.store().join(".locks/gate")).expect("the lock");
    gate.lock().expect("nobody holds it");
    let answer = sandbox.task_bg(["run", "x", "--", "true"]).ok().json();
    let note = answer["note"].as_str().unwrap_or_default();
    let holder = format!("process {} (`", std::process::id());
    assert!(note.contains(&holder) && note.contains("holds the lock of the queue"), "{answer}");
}
