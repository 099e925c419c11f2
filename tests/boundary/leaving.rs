//! What a task leaves behind when its agent is gone: it is named, and `cancel` ends it.

use serde_json::{Value, json};
use tests::process::{alive, kill, wait_until};
use tests::sandbox::{Sandbox, names, pid_at};

use crate::sandbox;

/// A task that ends and leaves a process, with this before its command; the process, too.
fn leaving(sandbox: &Sandbox, before: &str) -> (String, u32) {
    let file = sandbox.path("left").display().to_string();
    let script = format!("{before} sleep 300 >/dev/null 2>&1 & echo $! >{file}; exit 3");
    let id = sandbox.run_script(&[], &script);
    sandbox.ended(&id);
    (id, sandbox.pid_in("left"))
}

/// A task that ended and left a process, which then started another with this before its command, and went; the latter.
fn leaving_late(sandbox: &Sandbox, before: &str) -> (String, u32) {
    let (gate, file) = (sandbox.until("gate"), sandbox.path("late").display().to_string());
    let script = format!("({gate}; {before} sleep 300 & echo $! >{file}) & exit 3");
    let id = sandbox.run_script(&[], &script);
    sandbox.ended(&id);
    sandbox.open_gate("gate");
    let pid = sandbox.pid_in("late");
    wait_until("only the late one is left", || {
        let status = sandbox.task_bg(["status", &id]).ok().json();
        status["survivors"] == json!([pid])
    });
    (id, pid)
}

#[track_caller]
fn named(answer: &Value, id: &str, pid: u32) {
    let note = answer["note"].as_str().unwrap_or_default();
    assert!(note.contains(&format!("1 process left: {pid}")), "{answer:#}");
    assert!(note.contains(&format!("task-bg cancel {id}")), "{answer:#}");
}

// Nobody said a word of it: not `status`, `wait` or `list`, not `doctor` and not the notice.
#[test]
fn what_lives_on_when_a_task_has_ended_is_named_by_whoever_shows_the_task() {
    let sandbox = sandbox().with_env("TASK_BG_PARENT_SESSION", "P");
    let (id, pid) = leaving(&sandbox, "");
    let event = r#"{"session_id":"P","hook_event_name":"UserPromptSubmit"}"#;
    let notice = sandbox.hook(event).ok();
    assert!(notice.stdout.contains("left 1 process behind"), "{notice}");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    named(&status, &id, pid);
    assert_eq!(status["survivors"], json!([pid]), "{status:#}");
    assert_eq!(status["progress"]["survivors"][0]["pid"], pid, "{status:#}");
    let list = sandbox.task_bg(["list"]).ok().json();
    named(&list["tasks"][0], &id, pid);
    let doctor = sandbox.task_bg(["doctor"]).run().json();
    let finding = doctor["findings"].as_array().into_iter().flatten();
    let finding = finding.into_iter().find(|finding| finding["check"] == "survivors");
    let finding = finding.unwrap_or_else(|| panic!("{doctor:#}"));
    assert!(
        finding["detail"].as_str().unwrap_or_default().contains(&pid.to_string()),
        "{finding:#}"
    );
    let waited = sandbox.task_bg(["wait", &id]).code(5).json();
    named(&waited["ended"][0], &id, pid);

    let cancelled = sandbox.task_bg(["cancel", &id]).ok().json();
    assert!(names(&cancelled["stopped"], &id), "{cancelled:#}");
    assert!(!alive(pid));
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert!(status["note"].is_null() && status["survivors"].is_null(), "{status:#}");
    // Once, these were named for ever.
    let progress = &status["progress"];
    assert!(progress["survivors"].is_null() && progress["survivorCount"].is_null(), "{status:#}");
}

// The record went, and with it the only trace of the process; its worktree was removed below it.
#[test]
fn cleanup_keeps_a_task_whose_processes_live_on_and_the_worktree_they_are_in() {
    let sandbox = sandbox();
    let git =
        "git init -q . && git -c user.email=a@b -c user.name=a commit -q --allow-empty -m one";
    sandbox.shell(git).ok().done();
    let file = sandbox.path("left").display().to_string();
    let script = format!("sleep 300 & echo $! >{file}");
    let id = sandbox.run_script(&["--worktree=w"], &script);
    sandbox.ended(&id);
    let lock = sandbox.store().join(".active").join(&id);
    wait_until("that its supervisor has let go of its lock", || !lock.exists());
    let pid = sandbox.pid_in("left");
    let worktree = sandbox.record(&id)["progress"]["worktree"]["path"].as_str().map(str::to_owned);
    let worktree = worktree.expect("it has one");
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert_eq!(cleaned["deleted"], json!([]), "{cleaned:#}");
    assert!(cleaned.to_string().contains(&pid.to_string()), "{cleaned:#}");
    assert!(std::path::Path::new(&worktree).exists() && alive(pid));
    sandbox.task_bg(["cancel", &id]).ok().done();
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert!(names(&cleaned["deleted"], &id), "{cleaned:#}");
    assert!(!std::path::Path::new(&worktree).exists());
}

// Once the supervisor had ended, nothing led to such a process any more.
#[test]
fn what_was_left_with_an_empty_environment_is_found_and_ended() {
    let sandbox = sandbox();
    let (id, pid) = leaving(&sandbox, "env -i setsid");
    named(&sandbox.task_bg(["status", &id]).ok().json(), &id, pid);
    let cancelled = sandbox.task_bg(["cancel", &id]).ok().json();
    assert!(names(&cancelled["stopped"], &id), "{cancelled:#}");
    assert!(!alive(pid));
}

#[test]
fn a_number_that_another_process_has_now_is_neither_named_nor_signalled() {
    for key in ["startTime", "bootId"] {
        let sandbox = sandbox();
        let (id, pid) = leaving(&sandbox, "env -i setsid");
        let mut record = sandbox.record(&id);
        // The group of a task says the same without any number.
        record["progress"]["cgroup"] = json!(null);
        let process = &mut record["progress"]["survivors"][0];
        process[key] = if key == "bootId" { json!("another boot") } else { json!(1) };
        std::fs::write(sandbox.store().join(format!("{id}.json")), record.to_string())
            .expect("a record that can be written");
        let status = sandbox.task_bg(["status", &id]).ok().json();
        assert!(status["note"].is_null(), "{status:#}");
        sandbox.task_bg(["cancel", &id]).code(4).done();
        assert!(alive(pid), "a stranger was ended");
        let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
        assert!(names(&cleaned["deleted"], &id), "{cleaned:#}");
        kill(pid);
    }
}

// Agents give each tool call a session of its own; what was left of one was reparented to init and
// belonged to nobody.
#[test]
fn what_is_left_when_supervisor_and_agent_were_killed_is_named_and_ended() {
    let sandbox = sandbox();
    let file = sandbox.path("left").display().to_string();
    let script = format!("setsid nohup sleep 300 >/dev/null 2>&1 & echo $! >{file}; sleep 60");
    let id = sandbox.run_script(&[], &script);
    let pid = sandbox.pid_in("left");
    let record = sandbox.record(&id);
    for key in ["supervisor", "agentProcess"] {
        kill(pid_at(&record, key));
    }
    for key in ["supervisor", "agentProcess"] {
        wait_until("that it is gone", || !alive(pid_at(&record, key)));
    }
    let status = sandbox.task_bg(["status", &id]).ok().json();
    assert_eq!(status["progress"]["reason"], "lost", "{status:#}");
    let note = status["note"].as_str().unwrap_or_default();
    assert!(note.contains("left: ") && note.contains(&pid.to_string()), "{status:#}");
    sandbox.task_bg(["cancel", &id]).ok().done();
    assert!(!alive(pid));
    sandbox.assert_nothing_left();
}

// The log was read the moment the shell was gone, before `tee` had written a byte of it.
#[test]
fn the_words_of_children_that_are_about_to_end_are_in_the_result() {
    let sandbox = sandbox();
    for _ in 0..5 {
        let id =
            sandbox.run_command(["bash", "-c", "exec > >(sleep 0.05; tee -a f) 2>&1; echo hi"]);
        let record = sandbox.ended(&id);
        assert_eq!(record["result"], "hi", "{record:#}");
        assert!(record["progress"]["survivors"].is_null(), "{record:#}");
    }
}

// Once, whoever wrote nothing for a fifth of a second counted as left behind, also where a busy machine had kept it waiting.
#[test]
fn the_last_words_of_a_child_that_computes_first_are_in_the_result() {
    let sandbox = sandbox();
    let busy = "timeout 0.5 sh -c 'while :; do :; done'";
    let script = format!("exec > >({busy}; tee -a f) 2>&1; echo hi");
    let id = sandbox.run_command(["bash", "-c", &script]);
    assert_eq!(sandbox.ended(&id)["result"], "hi");
}

// A look at all processes is no snapshot: the parent was gone, and its child not there yet. Cancel said
// that nothing was left, and it went on for ever.
#[test]
fn a_process_that_replaces_itself_all_the_time_does_not_survive_a_cancel() {
    let chain = "trap '' TERM; f(){ [ -e stop ] && exit; echo >>alive; f & }; f & sleep 100";
    let doubling = "trap '' TERM; export N=0; cat >d <<'E'\n[ -e stop ] && exit; echo >>alive\n\
         [ $(wc -l <alive) -gt 600 ] && exit\nsleep 0.005\nenv -i setsid sh ./d & env -i setsid sh ./d &\nE\n\
         sh ./d & sleep 100";
    for (script, supervised) in [(chain, true), (doubling, true), (chain, false)] {
        let sandbox = sandbox();
        let id = sandbox.run_command(["bash", "-c", script]);
        let lines = || {
            let text = std::fs::read_to_string(sandbox.work().join("alive")).unwrap_or_default();
            text.lines().count()
        };
        wait_until("that it is under way", || lines() > 20);
        if !supervised {
            let supervisor = pid_at(&sandbox.record(&id), "supervisor");
            kill(supervisor);
            wait_until("that the supervisor is gone", || !alive(supervisor));
        }
        let answer = sandbox.task_bg(["cancel", "--grace", "300ms", &id]).ok().json();
        assert_eq!(answer["survivors"], json!([]), "{answer:#}");
        let before = lines();
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(lines(), before, "{script}: it goes on (supervised: {supervised})");
        sandbox.assert_nothing_left();
    }
}

/// Only the processes were named that lived when the task ended; what these started was called absent.
#[test]
fn what_a_leftover_starts_before_it_goes_is_named_as_well() {
    let sandbox = sandbox();
    let (id, pid) = leaving_late(&sandbox, "");
    let list = sandbox.task_bg(["list"]).ok().json();
    named(&list["tasks"][0], &id, pid);
    let doctor = sandbox.task_bg(["doctor"]).run();
    assert!(doctor.stdout.contains(&format!("{id} ({pid})")), "{doctor}");
    let cancelled = sandbox.task_bg(["cancel", &id]).ok().json();
    assert!(names(&cancelled["stopped"], &id), "{cancelled:#}");
    assert!(!alive(pid));
}

// One look at the processes fell between two of these: the note was null, and `cancel` said only that the task had ended.
#[test]
fn what_an_ended_task_left_and_replaces_itself_all_the_time_is_named_and_ended() {
    for _ in 0..4 {
        let sandbox = sandbox();
        let work = sandbox.work();
        std::fs::write(
            work.join("h.sh"),
            "[ -e stop ] && exit; echo >>alive; sleep 0.01; setsid sh ./h.sh &\n",
        )
        .expect("a script");
        let id = sandbox.run_command(["sh", "-c", "setsid sh ./h.sh & exit 3"]);
        sandbox.ended(&id);
        let lines =
            || std::fs::read_to_string(work.join("alive")).unwrap_or_default().lines().count();
        wait_until("that it is under way", || lines() > 3);
        let waited = sandbox.task_bg(["wait", &id]).code(5).json();
        let note = waited["ended"][0]["note"].as_str().unwrap_or_default();
        assert!(note.contains("left"), "{waited:#}");
        let answer = sandbox.task_bg(["cancel", &id]).ok().json();
        assert!(names(&answer["stopped"], &id), "{answer:#}");
        let before = lines();
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(lines(), before, "it goes on");
        sandbox.assert_nothing_left();
    }
}

// "has already ended", as if nothing had been left: the record knew better.
#[test]
fn where_a_task_left_something_of_which_nothing_is_found_cancel_says_that_this_is_no_proof() {
    // A control group would be the proof.
    let sandbox = sandbox().with_env("TASK_BG_CGROUPS", "off");
    let (id, pid) = leaving(&sandbox, "env -i setsid");
    kill(pid);
    // A supervisor that has yet to put away its lock is asked to stop what it finds.
    for pid in [pid, pid_at(&sandbox.record(&id), "supervisor")] {
        wait_until("that it is gone", || !alive(pid));
    }
    let answer = sandbox.task_bg(["cancel", &id]).code(4).json();
    assert!(names(&answer["unproved"], &id), "{answer:#}");
    let nothing = sandbox.run_script(&[], "exit 0");
    sandbox.ended(&nothing);
    let answer = sandbox.task_bg(["cancel", &nothing]).code(4).json();
    assert!(answer["unproved"].is_null(), "{answer:#}");
}

// It named no task any more, and its parent was gone: nobody found it, and `cleanup` took its log away below it.
#[test]
fn a_leftover_that_started_another_with_an_empty_environment_is_found_by_where_it_writes() {
    let sandbox = sandbox();
    let (id, pid) = leaving_late(&sandbox, "env -i setsid");
    let doctor = sandbox.task_bg(["doctor"]).run();
    assert!(doctor.stdout.contains(&format!("{id} ({pid})")), "{doctor}");
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert_eq!(cleaned["deleted"], json!([]), "{cleaned:#}");
    let cancelled = sandbox.task_bg(["cancel", &id]).ok().json();
    assert!(names(&cancelled["stopped"], &id), "{cancelled:#}");
    assert!(!alive(pid));
}
