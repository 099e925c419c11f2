//! Isolating: a worktree and a branch for each task, with the real git, and nothing lost afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// A sandbox in which `git` knows who commits.
fn sandbox_with_repository() -> Sandbox {
    let sandbox = sandbox();
    fs::write(sandbox.home().join(".gitconfig"), "[user]\n\tname = A\n\temail = a@example.org\n")
        .expect("a file in the sandbox");
    git(
        &sandbox,
        "git init -q -b main . && mkdir -p src && echo one > src/it && git add . && git commit -q -m first",
    );
    sandbox
}

fn git(sandbox: &Sandbox, script: &str) -> String {
    sandbox.shell(script).ok().stdout.trim().to_owned()
}

/// Runs a shell script in a worktree of its own, and returns the answer to that.
fn isolated(sandbox: &Sandbox, options: &[&str], script: &str) -> Value {
    let mut words = vec!["run", "a command"];
    words.extend(options);
    words.extend(["--", "sh", "-c", script]);
    sandbox.task_bg(words).ok().json()
}

fn path(answer: &Value) -> PathBuf {
    PathBuf::from(answer["worktree"]["path"].as_str().expect("a worktree"))
}

fn branches(sandbox: &Sandbox) -> String {
    git(sandbox, "git branch --format='%(refname:short)'")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn two_tasks_change_one_file_and_do_not_see_each_other() {
    let sandbox = sandbox_with_repository();
    let gate = sandbox.path("gate");
    let script = |word: &str| {
        format!(
            "echo {word} >> src/it; touch {0}.{word}; while [ ! -e {0} ]; do sleep 0.01; done; cat src/it",
            gate.display()
        )
    };
    let one = isolated(&sandbox, &["--worktree"], &script("red"));
    let two = isolated(&sandbox, &["--worktree"], &script("blue"));
    sandbox.wait_for_file("gate.red");
    sandbox.wait_for_file("gate.blue");
    sandbox.open_gate("gate");
    assert_eq!(sandbox.ended(&task_id(&one))["result"], "one\nred");
    assert_eq!(sandbox.ended(&task_id(&two))["result"], "one\nblue");
    assert_eq!(read(&sandbox.work().join("src/it")), "one\n");
    assert_eq!(git(&sandbox, "git status --porcelain"), "");
    assert_eq!(one["worktree"]["branch"], format!("task-bg/{}", task_id(&one)));
    let record = sandbox.record(&task_id(&one));
    let worktree = &record["progress"]["worktree"];
    assert_eq!(worktree["path"], one["worktree"]["path"]);
    assert_eq!(worktree["base"], git(&sandbox, "git rev-parse HEAD"));
    assert_eq!(worktree["repository"], sandbox.work().to_string_lossy().as_ref());
}

#[test]
fn what_changed_is_said_and_shown_committed_or_not_tracked_or_not() {
    let sandbox = sandbox_with_repository();
    let script = "echo two >> src/it; git commit -qam second; echo three >> src/it; echo new > new; \
         printf 'ü%.0s' $(seq 20000) > wide";
    let answer = isolated(&sandbox, &["--worktree=mine"], script);
    let id = task_id(&answer);
    sandbox.ended(&id);
    let changes = &sandbox.task_bg(["status", &id]).ok().json()["worktreeChanges"];
    assert_eq!(changes["files"], serde_json::json!(["new", "src/it", "wide"]), "{changes}");
    assert_eq!((&changes["ahead"], &changes["dirty"]), (&1.into(), &true.into()));
    let whole = sandbox.task_bg(["diff", "--full", &id]).ok().json();
    let diff = whole["diff"].as_str().expect("a diff");
    for part in ["+two", "+three", "+new", "b/wide"] {
        assert!(diff.contains(part), "no {part} in {diff}");
    }
    assert_eq!((&whole["truncated"], &whole["ahead"]), (&false.into(), &1.into()));
    fs::write(path(&answer).join("long"), "ü\n".repeat(40_000)).expect("a file there");
    let part = sandbox.task_bg(["diff", &id]).ok().json();
    let shown = part["diff"].as_str().expect("a diff").chars().count();
    assert!((15_000..30_000).contains(&shown), "{shown}");
    assert!(part.to_string().chars().count() < 30_000);
    assert_eq!(part["truncated"], true);
    assert_eq!(part["more"], format!("task-bg diff --full {id}"));
    // Looking leaves no trace: what was not tracked still is not.
    let shown = format!("git -C '{}' status --porcelain", path(&answer).display());
    assert_eq!(git(&sandbox, &shown), "M src/it\n?? long\n?? new\n?? wide");
    let table = sandbox.task_bg(["status", &id, "--format", "table"]).ok().stdout;
    assert!(table.contains("task-bg/mine") && table.contains("1 commit ahead"), "{table}");
}

#[test]
fn cleaning_up_removes_the_clean_one_with_its_branch_and_names_what_it_keeps() {
    let sandbox = sandbox_with_repository();
    let clean = isolated(&sandbox, &["--worktree=clean"], "true");
    let dirty = isolated(&sandbox, &["--worktree=dirty"], "echo two >> src/it");
    let untracked = isolated(&sandbox, &["--worktree=untracked"], "echo new > new");
    let ahead =
        isolated(&sandbox, &["--worktree=ahead"], "echo x > x; git add x; git commit -qm x");
    let aside = isolated(
        &sandbox,
        &["--worktree=aside"],
        "git checkout -q --detach; echo y > y; git add y; git commit -qm y",
    );
    let merged =
        isolated(&sandbox, &["--worktree=merged"], "echo z > z; git add z; git commit -qm z");
    for answer in [&clean, &dirty, &untracked, &ahead, &aside, &merged] {
        assert_eq!(sandbox.ended(&task_id(answer))["status"], "completed");
    }
    git(&sandbox, "git merge -q task-bg/merged");
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    let kept = cleaned["worktreesKept"].as_array().expect("a list");
    let mut named: Vec<&str> = kept.iter().filter_map(|kept| kept["branch"].as_str()).collect();
    named.sort_unstable();
    let expected = ["task-bg/ahead", "task-bg/aside", "task-bg/dirty", "task-bg/untracked"];
    assert_eq!(named, expected, "{cleaned:#}");
    assert!(kept.iter().all(|kept| kept["why"].as_str().is_some_and(|why| !why.is_empty())));
    for gone in [&clean, &merged] {
        assert!(!path(gone).exists());
        sandbox.task_bg(["status", &task_id(gone)]).run().failure(3);
    }
    for kept in [&dirty, &untracked, &ahead, &aside] {
        assert!(path(kept).is_dir());
        sandbox.task_bg(["status", &task_id(kept)]).ok().done();
    }
    assert_eq!(read(&path(&dirty).join("src/it")), "one\ntwo\n");
    let expected = [&["main"], &expected[..]].concat().join("\n");
    assert_eq!(branches(&sandbox), expected);
}

#[test]
fn a_worktree_in_which_an_agent_still_works_is_kept() {
    let sandbox = sandbox_with_repository();
    let script = format!("while [ ! -e {} ]; do sleep 0.01; done", sandbox.path("gate").display());
    let answer = isolated(&sandbox, &["--worktree"], &script);
    let id = task_id(&answer);
    sandbox.task_bg(["complete", &id, "by hand"]).ok().done();
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert_eq!(cleaned["worktreesKept"][0]["taskId"], id.as_str(), "{cleaned:#}");
    assert!(path(&answer).is_dir());
    sandbox.open_gate("gate");
    sandbox.assert_nothing_left();
    sandbox.task_bg(["cleanup", "--delete"]).ok().done();
    assert!(!path(&answer).exists());
}

#[test]
fn the_agent_stands_in_the_folder_that_stands_for_its_callers() {
    let sandbox = sandbox_with_repository();
    fs::create_dir(sandbox.work().join("unknown")).expect("a folder in the repository");
    for below in ["src", "unknown"] {
        let words = ["run", "a command", "--worktree", "--", "pwd"];
        let answer = sandbox.task_bg(words).cwd(sandbox.work().join(below)).ok().json();
        let expected = path(&answer).join(below);
        let record = sandbox.ended(&task_id(&answer));
        assert_eq!(record["result"], expected.to_string_lossy().as_ref());
        assert_eq!(record["progress"]["cwd"], expected.to_string_lossy().as_ref());
    }
    let droid = ["launch", "a task", "SAY hi", "--worktree"];
    let answer = sandbox.task_bg(droid).ok().json();
    let record = sandbox.ended(&task_id(&answer));
    assert_eq!(record["progress"]["cwd"], answer["worktree"]["path"]);
}

#[test]
fn where_there_can_be_no_worktree_nothing_is_recorded() {
    let sandbox = sandbox_with_repository();
    git(
        &sandbox,
        "mkdir ../none ../empty && git -C ../empty init -q && git clone -q --bare . ../bare && git branch task-bg/taken",
    );
    for (folder, options, said) in [
        ("none", ["--worktree"], "no git repository"),
        ("empty", ["--worktree"], "no commit"),
        ("bare", ["--worktree"], "bare"),
        ("work/.git", ["--worktree"], "bare"),
        ("work", ["--worktree=taken"], "already a branch"),
        ("work", ["--worktree=a..b"], "cannot be the name"),
    ] {
        let folder = sandbox.path(folder);
        let words = ["run", "a command", options[0], "--", "true"];
        let answer = sandbox.task_bg(words).cwd(&folder).run().failure(2);
        let error = answer["error"].as_str().expect("words");
        assert!(error.contains(said), "{}: {answer}", folder.display());
        assert!(answer["hint"].is_string(), "{answer}");
    }
    let words = ["run", "a command", "--worktree", "--", "true"];
    let answer = sandbox.task_bg(words).env("PATH", "/there/is/none").run().failure(2);
    assert!(answer["error"].to_string().contains("`git` was not found"), "{answer}");
    assert_eq!(sandbox.task_bg(["list"]).ok().json()["total"], 0);
    assert_eq!(branches(&sandbox), "main\ntask-bg/taken");
    assert_eq!(git(&sandbox, "git worktree list").lines().count(), 1);
    sandbox.task_bg(["diff", &sandbox.run_command(["true"])]).run().failure(4);
}

#[test]
fn a_launch_that_fails_takes_its_worktree_back() {
    let sandbox = sandbox_with_repository();
    let words = ["run", "a command", "--worktree", "--", "/there/is/none"];
    sandbox.task_bg(words).run().failure(7);
    assert_eq!(branches(&sandbox), "main");
    assert_eq!(git(&sandbox, "git worktree list").lines().count(), 1);
}

#[test]
fn of_many_that_want_one_name_exactly_one_gets_it() {
    let sandbox = sandbox_with_repository();
    let launch = || sandbox.task_bg(["run", "a command", "--worktree=one", "--", "true"]).start();
    let started: Vec<_> = (0..8).map(|_| launch()).collect();
    let codes = started.into_iter().map(|started| started.finish().code);
    assert_eq!(codes.filter(|code| *code == 0).count(), 1);
    assert_eq!(git(&sandbox, "git worktree list").lines().count(), 2);
    assert_eq!(branches(&sandbox), "main\ntask-bg/one");
}

#[test]
fn a_hook_of_git_that_launches_leads_nobody_into_the_wrong_repository() {
    let sandbox = sandbox_with_repository();
    // As `git commit` calls it: with variables that name its own repository and index.
    let hook = ".git/hooks/post-commit";
    let answer = sandbox.path("answer");
    let launch = format!(
        "#!/bin/sh\ntask-bg run 'a command' --worktree -- sh -c 'echo y > y; git add y; git -c core.hooksPath=/dev/null commit -qm y' > {}\n",
        answer.display()
    );
    let script = format!(
        "cat > {hook} <<'END'\n{launch}\nEND\nchmod +x {hook}; export GIT_DIR=$PWD/.git GIT_WORK_TREE=$PWD; echo x > x; git add x; git commit -qm x"
    );
    sandbox.shell(&script).ok().done();
    let answer: Value = serde_json::from_str(&read(&answer)).expect("the answer of a launch");
    let record = sandbox.ended(&task_id(&answer));
    assert_eq!(record["status"], "completed", "{record:#}");
    assert_eq!(git(&sandbox, "git log --format=%s main"), "x\nfirst");
    let branch = answer["worktree"]["branch"].as_str().expect("a branch");
    assert_eq!(git(&sandbox, &format!("git log --format=%s '{branch}'")), "y\nx\nfirst");
}

#[test]
fn the_folder_of_the_worktrees_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox_with_repository();
    let answer = isolated(&sandbox, &["--worktree"], "true");
    let folder = path(&answer).parent().expect("a folder").to_owned();
    assert_eq!(folder, sandbox.store().with_file_name("worktrees"));
    let mode = fs::metadata(&folder).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    sandbox.ended(&task_id(&answer));
}

#[test]
fn one_key_with_one_name_is_one_task_in_one_worktree_however_many_ask() {
    let sandbox = sandbox_with_repository();
    let words = ["run", "a command", "--key", "k", "--worktree=one", "--", "true"];
    let started: Vec<_> = (0..6).map(|_| sandbox.task_bg(words).start()).collect();
    let answers = started.into_iter().map(|started| started.finish().ok().json());
    let mut ids: Vec<String> = answers.map(|answer| task_id(&answer)).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(branches(&sandbox), "main\ntask-bg/one");
}

#[test]
fn the_lines_of_a_batch_may_have_worktrees_too() {
    let sandbox = sandbox_with_repository();
    let line = |worktree: Value| {
        let command = ["sh", "-c", "echo two >> src/it; cat src/it"];
        serde_json::json!({"description": "a line", "command": command, "worktree": worktree})
    };
    let lines =
        format!("{}\n{}\n{}\n", line(true.into()), line("named".into()), line(false.into()));
    let answer = sandbox.task_bg(["batch", "-"]).stdin(lines).ok().json();
    let ids: Vec<String> =
        answer["launched"].as_array().expect("a list").iter().map(task_id).collect();
    let records: Vec<Value> = ids.iter().map(|id| sandbox.ended(id)).collect();
    for record in &records {
        assert_eq!(record["result"], "one\ntwo");
    }
    assert_eq!(records[0]["progress"]["worktree"]["branch"], format!("task-bg/{}", ids[0]));
    assert_eq!(records[1]["progress"]["worktree"]["branch"], "task-bg/named");
    assert!(records[2]["progress"]["worktree"].is_null());
}
