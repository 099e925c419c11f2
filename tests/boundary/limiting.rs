//! Limits of the caller: of open files, of processes, of the length of files. What cannot be done for want of them is said,
//! with what to raise, and nothing is lost.

use serde_json::Value;
use tests::crashing::laws;
use tests::process::{alive, kill, wait_until};
use tests::run::Ran;
use tests::sandbox::{Sandbox, pid_at};

use crate::sandbox;

/// Runs words of `task-bg` below a limit, and says what came of them.
fn limited(sandbox: &Sandbox, limit: &str, words: &str) -> Ran {
    sandbox.shell(&format!("ulimit {limit} || exit 99; exec task-bg {words}")).run()
}

/// Holds that a launch below the limit worked, or was refused with words that name the limit; whether it worked.
fn launched_or_refused(sandbox: &Sandbox, limit: &str, reason: &str, mark: &str) -> bool {
    let words = format!("run x -- sh -c 'echo ran >> {}'", sandbox.path(mark).display());
    let ran = limited(sandbox, limit, &words);
    let told = ran.stdout.contains(reason) || ran.stderr.contains(reason);
    match ran.code {
        7 | 8 => assert!(told, "{limit} is not named: {ran}"),
        // The loader of the program, or the shell, did not get that far.
        0 | 126 | 127 => {}
        _ => panic!("{limit}: {ran}"),
    }
    assert_eq!(laws::at_rest(sandbox), Vec::<String>::new(), "{limit}: {ran}");
    let times = sandbox.lines_of(mark).len();
    assert!(times <= 1, "{limit}: it ran {times} times");
    if ran.code == 0 {
        assert_eq!(times, 1, "{limit}: it was announced and never ran: {ran}");
    }
    ran.code == 0
}

#[test]
fn with_few_open_files_a_launch_works_or_says_why_not_and_nothing_is_lost() {
    let sandbox = sandbox();
    let known = sandbox.run_script(&[], &sandbox.until("gate"));
    let mut works = 0;
    for files in 4..32 {
        for words in ["list", "wait --timeout 0.05", "prune", &format!("status {known}")] {
            let ran = limited(&sandbox, &format!("-n {files}"), words);
            assert!(matches!(ran.code, 0 | 6 | 8 | 127), "{files}: {ran}");
        }
        assert_eq!(sandbox.status(&known), "running");
    }
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&known)["status"], "completed");
    for files in 4..32 {
        let (limit, mark) = (format!("-n {files}"), format!("mark-{files}"));
        let reason = "Too many open files";
        works += usize::from(launched_or_refused(&sandbox, &limit, reason, &mark));
    }
    assert!((1..28).contains(&works), "{works}");
}

// Once, the system ended a command in the middle of what it wrote, as it does with whoever exceeds this limit.
#[test]
fn with_a_limit_of_the_length_of_files_a_launch_works_or_says_why_not_and_nothing_is_lost() {
    let sandbox = sandbox();
    sandbox.ended(&sandbox.run_script(&[], "exit 0"));
    let mut works = 0;
    for blocks in (0..20).map(|step| step * 8) {
        let (limit, mark) = (format!("-f {blocks}"), format!("mark-{blocks}"));
        works += usize::from(launched_or_refused(&sandbox, &limit, "File too large", &mark));
    }
    assert!((1..20).contains(&works), "{works}");
}

#[test]
fn an_agent_that_writes_more_than_its_limit_allows_is_ended_by_the_system_and_its_task_says_so() {
    let sandbox = sandbox();
    let script = "head -c 200000 /dev/zero | tr '\\0' x; exec head -c 200000 /dev/zero";
    let ran = limited(&sandbox, "-f 200", &format!("run x -- sh -c \"{script}\"")).ok();
    let id = ran.json()["taskId"].as_str().expect("an id").to_owned();
    let record = sandbox.ended(&id);
    assert_eq!(record["status"], "error", "{record:#}");
    assert_eq!(laws::at_rest(&sandbox), Vec::<String>::new());
}

// Once, whoever looked first handed its limits to the next supervisor, which could then record nothing: the task ran for ever.
#[test]
fn whoever_looks_with_narrow_limits_hands_them_to_no_supervisor() {
    for limit in ["-f 0", "-f 100", "-n 10", "-n 12", "-n 20"] {
        let sandbox = sandbox();
        let id = sandbox.run_script(&[], &sandbox.until("gate"));
        let supervisor = pid_at(&sandbox.record(&id), "supervisor");
        kill(supervisor);
        wait_until("that its supervisor is gone", || !alive(supervisor));
        limited(&sandbox, limit, "list").done();
        limited(&sandbox, limit, &format!("status {id}")).done();
        assert_eq!(sandbox.record(&id)["progress"]["adoptions"], Value::Null, "{limit}");
        let seen = sandbox.task_bg(["status", &id]).ok().json();
        assert_eq!(seen["status"], "running", "{limit}: {seen:#}");
        assert_eq!(sandbox.record(&id)["progress"]["adoptions"], 1, "{limit}");
        sandbox.open_gate("gate");
        sandbox.ended(&id);
        assert_eq!(laws::at_rest(&sandbox), Vec::<String>::new(), "{limit}");
    }
}

// The same of a task that waits: it waits on for somebody who can start it.
#[test]
fn whoever_admits_with_narrow_limits_starts_no_supervisor_for_somebody_else() {
    let sandbox = sandbox();
    sandbox.task_bg(["queue", "pause"]).ok().done();
    let id = sandbox.run_script(&[], "echo ran");
    let resumed = limited(&sandbox, "-f 100", "queue resume");
    assert!(resumed.to_string().contains("the length of files, in bytes, is"), "{resumed}");
    assert_eq!(sandbox.record(&id)["status"], "queued");
    sandbox.task_bg(["list"]).ok().done();
    assert_eq!(sandbox.ended(&id)["status"], "completed");
}
