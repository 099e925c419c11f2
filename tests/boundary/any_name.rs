//! Pipes and links in the place of every single file that a store has, one after another, and every verb with a deadline.
//!
//! Whoever may write beside a file of the store can have it be a pipe that nobody writes to, or a link to a device without
//! an end. No verb waits for such a thing, reads it to its end, or dies of it, whichever file it is. Once, the endings that
//! hosts note for each other and the shared answers of a cluster were opened as plain files are.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::meddling::make_pipe;
use tests::process::wait_until;
use tests::run::Run;
use tests::sandbox::Sandbox;

use crate::sandbox;

/// How long a verb may take that has nothing to wait for but a lock.
const DEADLINE: Duration = Duration::from_secs(15);
/// Names that a store may have, and this one has not by itself.
const BESIDES: [&str; 12] = [
    ".active/bg_19b8c0ffee1a2b3c4",
    ".active/bg_19b8c0ffee1a2b3c4.slurm",
    ".active/bg_19b8c0ffee1a2b3c4.report",
    ".agents/versions",
    ".begun/bg_19b8c0ffee1a2b3c4",
    ".ended/node1",
    ".hosts/node1",
    ".queue/.limit",
    ".queue/.paused",
    ".sessions/.outlines",
    ".sessions/.round",
    ".sessions/.seen",
];

/// A task of each kind.
struct Tasks {
    ended: String,
    running: String,
    queued: String,
}

/// A store with a task of each kind and with as many other files as there are.
fn stocked() -> (Sandbox, Tasks) {
    let sandbox = sandbox();
    let words = ["--key", "a-key", "--name", "a-name", "--parent", "P", "--wait"];
    let ended = sandbox.run_script(&words, "echo over");
    let running = sandbox.launch_with(
        ["--parent", "P", "--retries", "1"],
        &format!("SAY one\nWAIT {}", sandbox.path("gate").display()),
    );
    let queued = sandbox.run_script(&["--hold", "--parent", "P"], "true");
    sandbox.task_bg(["list", "--all"]).ok().done();
    (sandbox, Tasks { ended, running, queued })
}

/// Every file of a store, and the names that it might have.
fn files(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = BESIDES.iter().map(|name| sandbox.store().join(name)).collect();
    let mut folders = vec![sandbox.store()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Every verb, about what is there and about what it makes itself.
fn verbs(sandbox: &Sandbox, tasks: &Tasks) -> Vec<(String, Run)> {
    let Tasks { ended, running, queued } = tasks;
    let lines = "{\"description\":\"x\",\"command\":[\"true\"],\"hold\":true}\n";
    let words = [
        "list --all",
        "list --status running",
        &format!("status {ended} {running} {queued}"),
        "status key:a-key",
        "status a-name",
        &format!("output {ended}"),
        &format!("output {running} --events"),
        &format!("output {ended} --result"),
        &format!("output --follow {ended}"),
        &format!("wait {ended} {running} {queued} --timeout 10ms"),
        "wait --parent P --any --timeout 10ms",
        "run -q --key a-key -- true",
        "run -q --name a-name --hold -- true",
        "run -q --wait=10ms -- true",
        &format!("run -q --key after --after {running} -- true"),
        &format!("retry {ended} --key again"),
        &format!("resume {ended} more"),
        &format!("diff {ended}"),
        "queue",
        "queue limit 9",
        "queue pause",
        "queue resume",
        "prune",
        "report",
        "droids",
        "runners",
        "hosts",
        "hooks status",
        "config",
        "doctor",
        "cleanup",
        "cleanup --delete --dry-run",
    ];
    let mut runs: Vec<(String, Run)> = words
        .iter()
        .map(|words| ((*words).to_owned(), sandbox.task_bg(words.split(' '))))
        .collect();
    runs.push(("batch".into(), sandbox.task_bg(["batch", "-"]).stdin(lines)));
    let fresh = "id=$(task-bg run -q --hold -- true) && task-bg release $id && \
                 { task-bg wait $id --timeout 100ms; task-bg complete $id done; task-bg rm $id; }; \
                 id=$(task-bg run -q -- sleep 300) && task-bg cancel $id --grace 1s";
    runs.push((fresh.into(), sandbox.shell(fresh)));
    for event in ["SessionStart", "PostToolUse", "SubagentStop", "Stop"] {
        let input = json!({"session_id": "P", "hook_event_name": event, "cwd": "/"}).to_string();
        runs.push((event.into(), sandbox.hook(input)));
    }
    runs
}

/// Puts something in the place of each file of a store that `is_meant`, and runs the verbs that begin with one of `words`.
fn in_the_place_of_each(
    (what, put): (&str, fn(&Path)),
    is_meant: fn(&Path) -> bool,
    words: &[&str],
) {
    let (sandbox, tasks) = stocked();
    let kept = sandbox.path("kept");
    let mut wrong = Vec::new();
    for path in files(&sandbox).into_iter().filter(|path| is_meant(path)) {
        let name = path.strip_prefix(sandbox.store()).expect("it is in the store").display();
        let name = name.to_string();
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let was_there = fs::rename(&path, &kept).is_ok();
        put(&path);
        let meant = |verb: &str| words.iter().any(|word| verb.starts_with(word));
        for (verb, run) in verbs(&sandbox, &tasks).into_iter().filter(|(verb, _)| meant(verb)) {
            let began = Instant::now();
            let ran = run.run();
            if began.elapsed() > DEADLINE || ran.code == 1 || ran.code > 9 {
                let took = began.elapsed();
                wrong.push(format!("{what} as {name}: `{verb}` took {took:?}\n{ran}"));
            }
        }
        // Somebody may be making something anew in its place.
        wait_until("that it is gone", || {
            drop(fs::remove_dir_all(&path));
            drop(fs::remove_file(&path));
            drop(path.parent().map(fs::create_dir_all));
            !was_there || fs::rename(&kept, &path).is_ok()
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&tasks.running)["status"], "completed");
    sandbox.task_bg(["cancel", "--all"]).ok().done();
}

/// Whether a path is in one of the folders for locks and for what runs and waits.
fn is_for_what_runs(path: &Path) -> bool {
    let is_part = |name: &OsStr| [".active", ".locks", ".queue"].iter().any(|part| name == *part);
    path.components().any(|it| is_part(it.as_os_str()))
}

#[test]
fn no_verb_waits_for_a_pipe_whichever_file_of_what_runs_it_replaced() {
    in_the_place_of_each(("a pipe", make_pipe), is_for_what_runs, &[""]);
}

#[test]
fn no_verb_waits_for_a_pipe_whichever_other_file_of_a_store_it_replaced() {
    in_the_place_of_each(("a pipe", make_pipe), |path| !is_for_what_runs(path), &[""]);
}

#[test]
fn no_verb_reads_a_device_to_its_end_whichever_file_of_a_store_a_link_to_it_replaced() {
    let link = |path: &Path| symlink("/dev/zero", path).expect("a link");
    let reading =
        ["list", "status", "output", "wait", "queue", "doctor", "cleanup", "Stop", "run -q --key"];
    in_the_place_of_each(("a link", link), |_| true, &reading);
}

// The files of agents beside the store, which a neighbour of the same user may have replaced as well.
#[test]
fn no_verb_waits_for_a_pipe_in_the_place_of_settings_definitions_or_hooks() {
    let (sandbox, tasks) = stocked();
    let (home, work) = (sandbox.home(), sandbox.work());
    let places = [
        home.join(".factory/hooks.json"),
        home.join(".factory/settings.json"),
        home.join(".factory/droids/mine.md"),
        home.join(".factory/plugins/installed/p.json"),
        home.join(".factory/mcp.json"),
        home.join(".claude/settings.json"),
        home.join(".claude.json"),
        home.join(".codex/config.toml"),
        home.join(".gemini/settings.json"),
        work.join(".factory/droids/mine.md"),
        work.join(".factory/settings.json"),
        work.join(".git"),
    ];
    let mut wrong = Vec::new();
    for path in places {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let kept = sandbox.path("kept");
        let was_there = fs::rename(&path, &kept).is_ok();
        make_pipe(&path);
        let mut runs = verbs(&sandbox, &tasks);
        for words in [
            "launch --hold x words droid=mine",
            "launch --hold --worktree x words",
            "hooks install --for droid",
            "hooks uninstall --for claude",
            "mcp status",
            "mcp install --for gemini",
            "mcp install --for codex",
        ] {
            runs.push((words.into(), sandbox.task_bg(words.split(' '))));
        }
        for (words, run) in runs {
            let began = Instant::now();
            let ran = run.run();
            if began.elapsed() > DEADLINE || ran.code == 1 || ran.code > 9 {
                let name = path.display();
                wrong.push(format!("{name}: `{words}` took {:?}\n{ran}", began.elapsed()));
            }
        }
        fs::remove_file(&path).unwrap_or_default();
        if was_there {
            fs::rename(&kept, &path).expect("renamed");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    sandbox.open_gate("gate");
    sandbox.task_bg(["cancel", "--all"]).ok().done();
}
