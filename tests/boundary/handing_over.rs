//! Handing over: from the queue to a supervisor, and from one task to the next, whoever dies in between.
//!
//! A waiting task is never lost, never started twice, and never started where that would exceed a limit; the
//! environment that was kept for it is gone when the task has ended. Where no kill comes at the right moment,
//! the test prepares by hand what the killed program would leave.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::meddling::{lock_life, lock_records, supervisor_of, within};
use tests::process::{alive, kill, processes_of_task, resume, wait_until};
use tests::sandbox::{Sandbox, pid_at, task_id, text};

use crate::sandbox;

/// How long the test waits for a program that may be unable to answer.
const A_MOMENT: Duration = Duration::from_millis(300);

fn limited(max_running: usize) -> Sandbox {
    sandbox().with_env("TASK_BG_MAX_RUNNING", max_running.to_string())
}

/// A task that waits in a paused queue and notes its name in the file `order` when it starts.
fn waiting(sandbox: &Sandbox, name: &str) -> String {
    sandbox.task_bg(["queue", "pause"]).ok().done();
    noting(sandbox, &[], name)
}

fn noting(sandbox: &Sandbox, options: &[&str], name: &str) -> String {
    sandbox.run_script(options, &format!("echo {name} >> {}", text(&sandbox.path("order"))))
}

/// Resumes the queue without admitting anybody.
fn unpause(sandbox: &Sandbox) {
    fs::remove_file(sandbox.store().join(".queue/.paused")).expect("the queue is paused");
}

/// Removes the names of a task from the queue, as an admission does that is about to start it.
fn take_from_queue(sandbox: &Sandbox, id: &str) {
    for name in sandbox.queue().into_iter().filter(|name| name.contains(id)) {
        fs::remove_file(sandbox.store().join(".queue").join(name)).expect("it waits");
    }
}

/// Holds that nothing of an ended task is left, and that nobody takes it for one that has not ended.
fn is_over(sandbox: &Sandbox, id: &str) {
    sandbox.task_bg(["list"]).ok().done();
    assert_eq!(sandbox.traces(id), [""; 0]);
    let all = sandbox.task_bg(["cancel", "--all"]).ok().json();
    assert_eq!(all["refused"], json!([]), "{all:#}");
    sandbox.task_bg(["wait", "--timeout", "1"]).ok().done();
}

// Once, nobody named it: the kernel says only who had taken the lock that it was handed.
#[test]
fn a_supervisor_that_was_stopped_while_it_starts_its_task_is_named() {
    let sandbox = sandbox();
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let armed = format!("__supervise:0:stop:{}", text(&sandbox.path("token")));
    let order = sandbox.task_bg(["run", "x", "--", "true"]);
    let id = task_id(&order.env("__TASK_BG_CRASH_AT", armed).ok().json());
    let admitter = sandbox.task_bg(["queue", "resume"]).start();
    wait_until("its supervisor", || sandbox.path("token").exists());
    let supervisor = supervisor_of(&id).expect("it is stopped");
    kill(admitter.pid());
    admitter.finish().done();
    let doctor = sandbox.task_bg(["doctor"]).run();
    let hint = format!("kill -CONT {supervisor}");
    assert!(doctor.stdout.contains(&hint), "{doctor}");
    let cancelled = sandbox.task_bg(["cancel", "--grace", "1ms", &id]).code(1);
    let named = format!("process {supervisor}");
    assert!(cancelled.stdout.contains(&named) && cancelled.stdout.contains(&hint), "{cancelled}");
    resume(supervisor);
    assert_eq!(sandbox.ended(&id)["status"], "cancelled");
    sandbox.assert_nothing_left();
}

/// The supervisor found that its task had ended and left; the environment that was kept, with all its
/// secrets, stayed for ever, and `cancel --all` and `wait` took the task for one that had not ended.
#[test]
fn a_task_that_ends_while_its_supervisor_starts_leaves_no_environment() {
    for words in [&["cancel"][..], &["complete", "by hand"]] {
        let sandbox = sandbox();
        sandbox.task_bg(["queue", "pause"]).ok().done();
        // A supervisor is stopped before the first thing that it does, which is to make the log.
        let armed = format!("__supervise:0:stop:{}", text(&sandbox.path("token")));
        let script = format!("echo ran >> {}", text(&sandbox.path("order")));
        let order = sandbox.task_bg(["run", "x", "--", "sh", "-c", &script]);
        let id = task_id(&order.env("__TASK_BG_CRASH_AT", armed).ok().json());
        let admitter = sandbox.task_bg(["queue", "resume"]).start();
        wait_until("its supervisor", || sandbox.path("token").exists());
        let supervisor = supervisor_of(&id).expect("it is stopped");
        let arguments = [&[words[0], &id], &words[1..]].concat();
        let mut ending = sandbox.task_bg(arguments).start();
        within(A_MOMENT, || !ending.runs());
        resume(supervisor);
        ending.finish().ok().done();
        admitter.finish().ok().done();
        sandbox.assert_nothing_left();
        is_over(&sandbox, &id);
        assert_eq!(sandbox.lines_of("order"), [""; 0]);
    }
}

/// The same where the process that was about to start it was killed: nobody else removed what was kept.
#[test]
fn a_task_that_ends_while_somebody_who_dies_is_about_to_start_it_leaves_no_environment() {
    let sandbox = sandbox();
    let id = waiting(&sandbox, "ran");
    let claimed = lock_life(&sandbox, &id);
    take_from_queue(&sandbox, &id);
    let mut cancel = sandbox.task_bg(["cancel", "--grace", "0", &id]).start();
    within(A_MOMENT, || !cancel.runs());
    drop(claimed);
    cancel.finish().ok().done();
    assert_eq!(sandbox.status(&id), "cancelled");
    is_over(&sandbox, &id);
}

/// A launcher was killed after it had kept the environment and before it recorded the task. `queue` named a
/// task that did not exist, and nobody ever removed the secrets.
#[test]
fn what_a_launcher_leaves_that_was_killed_before_its_record_is_swept_up() {
    for (words, queued) in
        [(&["cleanup"][..], true), (&["cleanup"], false), (&["doctor", "--fix"], true)]
    {
        let sandbox = sandbox();
        let id = waiting(&sandbox, "ran");
        let store = sandbox.store();
        fs::remove_file(store.join(format!("{id}.json"))).expect("its record");
        if !queued {
            take_from_queue(&sandbox, &id);
        }
        let entries = sandbox.queue().into_iter().map(|name| store.join(".queue").join(name));
        let kept = store.join(format!(".active/{id}.env"));
        // As if it had been left two hours ago: a launcher that lives may be about to record its task.
        for path in entries.chain([kept]) {
            let file = File::options().append(true).open(&path).expect("the launcher made it");
            let at = file.metadata().and_then(|it| it.modified()).expect("a time");
            file.set_modified(at - Duration::from_secs(2 * 60 * 60)).expect("the owner may");
        }
        unpause(&sandbox);
        drop(sandbox.task_bg(words.iter().copied()).run());
        let queue = sandbox.task_bg(["queue"]).ok().json();
        assert_eq!(queue["waiting"], json!([]), "{queue:#}");
        assert_eq!(sandbox.traces(&id), [""; 0]);
    }
}

/// The same where the launcher lived and the disk was full: it said so, and left all it had kept.
#[test]
fn a_launch_whose_record_cannot_be_written_leaves_nothing() {
    let sandbox = sandbox();
    sandbox.task_bg(["queue", "pause"]).ok().done();
    // No file may be larger than 8 KiB: room for an environment, and none for this record.
    let words = "x".repeat(20_000);
    let script = format!("trap '' XFSZ; ulimit -f 16; exec task-bg run full -- echo {words}");
    let ran = sandbox.shell(&script).run();
    assert_ne!(ran.code, 0, "{ran}");
    sandbox.assert_nothing_kept();
}

/// A life lock that the admission could not take ended the whole admission: it dropped a task that it had
/// taken out of the queue before, and nobody ever started that one.
#[test]
fn one_task_that_cannot_be_started_now_costs_no_other_its_start() {
    let sandbox = sandbox();
    let first = waiting(&sandbox, "first");
    let second = waiting(&sandbox, "second");
    let held = lock_life(&sandbox, &second);
    let admitter = sandbox.task_bg(["queue", "resume"]).start();
    let ended = within(Duration::from_secs(4), || sandbox.status(&first) == "completed");
    drop(held);
    drop(admitter.finish());
    assert!(ended, "it was dropped: {:#}", sandbox.record(&first));
    let waited = sandbox.task_bg(["wait", "--timeout", "10", &second]).ok().json();
    assert_eq!(waited["ended"][0]["status"], "completed", "{waited:#}");
    assert_eq!(sandbox.lines_of("order"), ["first", "second"]);
}

/// A probe shared a free life lock for a moment, and an attempt to take the lock in that moment failed:
/// `wait` ended with exit code 8, or the task stayed where it was.
#[test]
fn a_look_at_a_free_life_lock_is_in_nobodys_way() {
    let sandbox = sandbox();
    let id = waiting(&sandbox, "ran");
    take_from_queue(&sandbox, &id);
    let lock = sandbox.store().join(".active").join(&id);
    let looked_at = File::create(&lock).expect("a free life lock");
    looked_at.lock_shared().expect("a free lock");
    unpause(&sandbox);
    let mut wait = sandbox.task_bg(["wait", "--timeout", "10", &id]).start();
    within(A_MOMENT, || !wait.runs());
    looked_at.unlock().expect("a lock that is held");
    let waited = wait.finish().ok().json();
    assert_eq!(waited["ended"][0]["status"], "completed", "{waited:#}");
    assert_eq!(sandbox.lines_of("order"), ["ran"]);
}

/// A supervisor that was killed before it had recorded the start left an agent that no admission counted.
#[test]
fn an_agent_whose_start_was_never_recorded_takes_up_room_or_is_stopped() {
    let sandbox = limited(1);
    // So that there is a store.
    sandbox.ended(&sandbox.run_command(["true"]));
    let records = lock_records(&sandbox);
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 60", text(&sandbox.path("pid")));
    let launcher = sandbox.task_bg(["run", "first", "--", "sh", "-c", &script]).start();
    let started = within(Duration::from_millis(1_500), || sandbox.path("pid").exists());
    kill(launcher.pid());
    drop(launcher.finish());
    let is_supervisor = |seen: &tests::process::Seen| seen.command_line.contains(" __supervise ");
    for seen in sandbox.leftovers().into_iter().filter(is_supervisor) {
        kill(seen.pid);
        wait_until("the supervisor's end", || !alive(seen.pid));
    }
    records.free();
    let answer = sandbox.task_bg(["run", "second", "--", "sleep", "60"]).ok().json();
    let both = started && answer["status"] == "running" && alive(sandbox.pid_in("pid"));
    assert!(!both, "two agents run where one may: {answer:#}");
    sandbox.task_bg(["list"]).ok().done();
    sandbox.task_bg(["cancel", "--all"]).ok().done();
    sandbox.assert_nothing_left();
}

/// An agent was stopped in its first second, and its task called not launched, where the store did not work in
/// the moment of its start; whoever had it tried again then had its work done twice.
#[test]
fn an_agent_works_on_whose_start_cannot_be_recorded_at_once() {
    let sandbox = sandbox();
    let script = "echo ran >> ../ran; until [ -e ../gate ]; do sleep 0.01; done";
    let id = sandbox.run_script(&["--start-in", "300ms"], script);
    let records = lock_records(&sandbox);
    wait_until("its start", || sandbox.lines_of("ran") == ["ran"]);
    let agent =
        || sandbox.leftovers().into_iter().find(|seen| seen.command_line.contains("../gate"));
    // A store that does not answer is waited for, for 5 s, at each try.
    let stopped = within(Duration::from_millis(6_500), || agent().is_none());
    records.free();
    assert!(!stopped, "{:#}", sandbox.record(&id));
    wait_until("its record", || sandbox.status(&id) == "running");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&id)["status"], "completed");
    assert_eq!(sandbox.lines_of("ran"), ["ran"]);
    sandbox.assert_nothing_kept();
}

/// A launcher freed the gate before it had recorded its task, and the next launcher counted a task whose
/// group it could not know.
#[test]
fn a_group_never_has_more_than_its_limit_however_many_launch_at_once() {
    let sandbox = sandbox();
    let settings = sandbox.store().with_file_name("task-bg.toml");
    fs::create_dir_all(sandbox.store()).expect("a folder in the sandbox");
    fs::write(settings, "max_running = 100\n[limits]\ncommand = 1\n").expect("a file");
    let log = text(&sandbox.path("log"));
    let script = format!("echo start >> {log}; sleep 0.03; echo end >> {log}");
    for _ in 0..4 {
        let words = ["run", "of a group", "--", "sh", "-c", &script];
        let launches: Vec<_> = (0..12).map(|_| sandbox.task_bg(words).start()).collect();
        let answers = launches.into_iter().map(|launch| launch.finish().ok().json());
        let ids: Vec<String> = answers.map(|answer| task_id(&answer)).collect();
        let wait = ["wait", "--timeout", "30"].map(str::to_owned);
        sandbox.task_bg(wait.iter().chain(&ids)).ok().done();
    }
    let (mut now, mut most) = (0, 0);
    for line in sandbox.lines_of("log") {
        now = if line == "start" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    assert_eq!((now, most), (0, 1));
    sandbox.assert_nothing_left();
}

/// The supervisor became that of the next task by `exec` and forgot that a task had failed in the same round:
/// the dependants of the failed one waited for the whole run of another.
#[test]
fn who_depends_on_a_task_that_failed_is_told_though_another_starts_in_the_same_moment() {
    let sandbox = limited(1);
    let first = sandbox.run_script(&[], &format!("{}; exit 3", sandbox.until("gate")));
    let second = noting(&sandbox, &["--after", &first], "second");
    // Considered before what it waits for.
    let third = noting(&sandbox, &["--after", &second, "--priority", "5"], "third");
    let other = sandbox.run_script(&[], &sandbox.until("gate-of-another"));
    sandbox.open_gate("gate");
    wait_until("the other's start", || sandbox.status(&other) == "running");
    let ended = within(Duration::from_secs(2), || sandbox.status(&third) == "error");
    assert!(ended, "{:#}", sandbox.record(&third));
    assert_eq!(sandbox.record(&third)["progress"]["reason"], "dependency");
    assert_eq!(sandbox.status(&other), "running");
    sandbox.open_gate("gate-of-another");
    sandbox.assert_nothing_left();
    sandbox.assert_nothing_kept();
}

/// Commands that only look end tasks whose end nobody saw, and so free slots. They admitted nobody, and a
/// task stayed queued however often somebody looked.
#[test]
fn whoever_finds_that_a_task_is_lost_admits_the_next() {
    for verb in ["list", "status", "output", "report"] {
        let sandbox = limited(1);
        let first = sandbox.run_command(["sleep", "60"]);
        let second = noting(&sandbox, &[], "second");
        let record = sandbox.record(&first);
        for key in ["supervisor", "agentProcess"] {
            let pid = pid_at(&record, key);
            kill(pid);
            wait_until("its end", || !alive(pid));
        }
        let id = matches!(verb, "status" | "output").then_some(first.as_str());
        sandbox.task_bg([verb].into_iter().chain(id)).ok().done();
        assert_eq!(sandbox.record(&first)["progress"]["reason"], "lost", "{verb}");
        let started = within(Duration::from_secs(2), || !sandbox.lines_of("order").is_empty());
        assert!(started, "`{verb}` made room and admitted nobody");
        assert_eq!(sandbox.ended(&second)["status"], "completed");
        sandbox.assert_nothing_left();
    }
}

/// A supervisor went by the limits of the moment at which it was started.
#[test]
fn a_limit_that_was_lowered_holds_for_supervisors_that_were_there_before() {
    let sandbox = sandbox();
    let settings = sandbox.store().with_file_name("task-bg.toml");
    fs::create_dir_all(sandbox.store()).expect("a folder in the sandbox");
    fs::write(&settings, "max_running = 2\n").expect("a file");
    let first = sandbox.run_script(&[], &sandbox.until("first"));
    let second = sandbox.run_script(&[], &sandbox.until("second"));
    let script = format!(
        "[ -e {} ] || echo early > {}",
        text(&sandbox.path("second")),
        text(&sandbox.path("early"))
    );
    let third = sandbox.run_script(&[], &script);
    assert_eq!(sandbox.status(&third), "queued");
    fs::write(&settings, "max_running = 1\n").expect("a file");
    let supervisor = pid_at(&sandbox.record(&first), "supervisor");
    sandbox.open_gate("first");
    // A supervisor admits the next task before it ends.
    wait_until("that its supervisor is done", || {
        !alive(supervisor) || supervisor_of(&first) != Some(supervisor)
    });
    let third_runs = supervisor_of(&third).is_some() || sandbox.status(&third) != "queued";
    assert!(!third_runs, "two run where one may");
    sandbox.open_gate("second");
    assert_eq!(sandbox.ended(&third)["status"], "completed");
    assert!(!sandbox.path("early").exists());
    assert_eq!(sandbox.ended(&second)["status"], "completed");
    sandbox.assert_nothing_left();
    assert!(processes_of_task(&third).is_empty());
}

/// Agents that had lost their supervisors before their start was recorded were not counted: with supervisors
/// killed at random, the number of agents grew far beyond the limit.
#[test]
fn no_more_agents_live_than_may_though_supervisors_are_killed_at_random() {
    const LIMIT: usize = 3;
    let sandbox = limited(LIMIT);
    let line = json!({ "description": "an agent", "command": ["sleep", "1.5"] });
    let batch = sandbox.task_bg(["batch", "-"]).stdin(format!("{line}\n").repeat(60));
    batch.ok().done();
    let (began, mut most) = (Instant::now(), 0);
    let mut random = u64::from(std::process::id()) | 1;
    while began.elapsed() < Duration::from_secs(4) {
        sandbox.task_bg(["queue"]).ok().done();
        let all = sandbox.leftovers();
        let agents = all.iter().filter(|seen| seen.command_line == "sleep 1.5");
        // Those that were seen and live still have all lived at once.
        most = most.max(agents.filter(|seen| alive(seen.pid)).count());
        for seen in all.iter().filter(|seen| seen.command_line.contains(" __supervise ")) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random.is_multiple_of(2) {
                kill(seen.pid);
            }
        }
    }
    assert!((1..=LIMIT).contains(&most), "{most} agents lived at once");
    sandbox.task_bg(["list"]).ok().done();
    sandbox.task_bg(["cancel", "--all", "--grace", "0"]).run().json();
    sandbox.assert_nothing_left();
    sandbox.task_bg(["cleanup"]).ok().done();
    sandbox.assert_only_half_written_kept();
}
