//! Worktrees in which somebody changed something by hand: what is said of them, and how a task goes back to one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::repository::with_repository;
use tests::sandbox::{Sandbox, task_id};

use crate::sandbox;

/// A sandbox whose folder is a repository with one commit.
fn repository() -> Sandbox {
    with_repository(sandbox())
}

/// A task that committed on the branch `task-bg/x` of a worktree of its own and has ended: its id and the worktree.
fn committed(sandbox: &Sandbox, script: &str) -> (String, PathBuf) {
    let script = format!("echo two >> it; git commit -qam second; {script}");
    let words = ["run", "apart", "--worktree=x", "--", "sh", "-c", &script];
    let answer = sandbox.task_bg(words).ok().json();
    let path = answer["worktree"]["path"].as_str().expect("a worktree").into();
    let id = task_id(&answer);
    sandbox.ended(&id);
    // Its supervisor has let go of all that a clean-up would have to leave.
    sandbox.assert_nothing_kept();
    (id, path)
}

/// Runs git in a worktree.
fn git(sandbox: &Sandbox, at: &Path, words: &str) {
    sandbox.shell(&format!("cd '{}' && git {words}", at.display())).ok().done();
}

/// What `status` and `diff` say of the worktree besides the difference; it is the same.
#[track_caller]
fn note(sandbox: &Sandbox, id: &str) -> String {
    let diff = sandbox.task_bg(["diff", id]).ok().json();
    let status = sandbox.task_bg(["status", id]).ok().json();
    assert_eq!(status["worktreeChanges"]["note"], diff["note"], "{status:#}");
    let note = diff["note"].as_str().unwrap_or_else(|| panic!("no note in {diff:#}")).to_owned();
    let table = sandbox.task_bg(["diff", id, "--format", "table"]).ok().stdout;
    assert!(table.starts_with(&format!("note: {note}\n")), "{table}");
    note
}

#[track_caller]
fn why_kept(sandbox: &Sandbox, id: &str) -> String {
    let cleaned = sandbox.task_bg(["cleanup", "--delete"]).ok().json();
    assert_eq!(cleaned["worktreesKept"][0]["taskId"], id, "{cleaned:#}");
    cleaned["worktreesKept"][0]["why"].as_str().expect("a reason").to_owned()
}

// Once, the difference was empty, without a word: what the task had committed seemed not to be there.
#[test]
fn another_branch_in_the_worktree_is_said_with_the_command_that_shows_the_tasks_own() {
    let sandbox = repository();
    let (id, path) = committed(&sandbox, "true");
    assert!(sandbox.task_bg(["diff", &id]).ok().json()["note"].is_null());
    git(&sandbox, &path, "checkout -q -b other main");
    let note = note(&sandbox, &id);
    assert!(note.contains("the branch `other`") && note.contains("not `task-bg/x`"), "{note}");
    let command = note.split('`').find(|part| part.starts_with("git -C")).expect("a command");
    let shown = sandbox.shell(command).ok().stdout;
    assert!(shown.contains("+two"), "{shown}");
    let why = why_kept(&sandbox, &id);
    assert_eq!(why, "1 commit of it is on no other branch than `task-bg/x`");
}

// Once, a commit on a detached head was said to be on `task-bg/x`, which did not have it.
#[test]
fn a_commit_on_a_detached_head_is_said_to_be_on_no_branch() {
    let sandbox = repository();
    let (id, _) = committed(&sandbox, "git checkout -q --detach; git commit -qm x --allow-empty");
    let note = note(&sandbox, &id);
    assert!(note.contains("the commit `") && note.contains("without a branch"), "{note}");
    let expected =
        "1 commit of it is on no other branch than `task-bg/x`, and 1 commit of it is on no branch";
    assert_eq!(why_kept(&sandbox, &id), expected);
}

#[test]
fn a_branch_that_was_renamed_or_deleted_is_said_not_to_be_there() {
    let sandbox = repository();
    let (id, path) = committed(&sandbox, "true");
    git(&sandbox, &path, "branch -m mine");
    let said = note(&sandbox, &id);
    let missing = "the branch `task-bg/x` is not there any more: it was deleted or renamed";
    assert_eq!(said, format!("the branch `mine` is checked out there; {missing}"));
    git(&sandbox, &path, "checkout -q --detach");
    git(&sandbox, &path, "branch -q -D mine");
    let said = note(&sandbox, &id);
    assert!(said.contains("without a branch; ") && said.ends_with(missing), "{said}");
    assert_eq!(why_kept(&sandbox, &id), "1 commit of it is on no branch");
    // Checked out, and taken away under it.
    git(&sandbox, &path, "checkout -q -b task-bg/x");
    git(&sandbox, &path, "update-ref -d refs/heads/task-bg/x");
    assert_eq!(note(&sandbox, &id), missing);
}

#[test]
fn a_worktree_without_its_git_file_is_said_in_one_line_by_each_verb() {
    let sandbox = repository();
    let (id, path) = committed(&sandbox, "true");
    fs::remove_file(path.join(".git")).expect("it is there");
    let status = sandbox.task_bg(["status", &id]).ok().json();
    let said = status["worktreeChanges"]["error"].as_str().expect("words");
    assert!(said.contains("has lost its `.git`") && !said.contains('\n'), "{said}");
    assert!(why_kept(&sandbox, &id).contains("has no `.git`"));
    for verb in ["diff", "retry"] {
        let answer = sandbox.task_bg([verb, &id]).run().failure(4);
        assert_eq!(answer["error"], said);
        assert!(
            answer["hint"].as_str().is_some_and(|it| it.contains("move the folder")),
            "{answer}"
        );
    }
}

// Once, an attempt in a worktree that was gone was recorded as a second failure.
#[test]
fn a_retry_makes_a_worktree_anew_that_is_gone_as_long_as_its_branch_is_there() {
    let sandbox = repository();
    let (id, path) = committed(&sandbox, "cat it; exit 3");
    for forgotten in [false, true] {
        fs::remove_dir_all(&path).expect("it is there");
        if forgotten {
            sandbox.shell("git worktree prune").ok().done();
        }
        let answer = sandbox.task_bg(["retry", &id]).ok().json();
        let note = answer["note"].as_str().unwrap_or_else(|| panic!("no note in {answer:#}"));
        assert!(note.contains("was made anew") && note.contains("`task-bg/x`"), "{note}");
        let record = sandbox.ended(&task_id(&answer));
        assert_eq!(record["progress"]["reason"], "exit", "{record:#}");
        assert!(record["result"].as_str().is_some_and(|it| it.contains("one\ntwo")), "{record:#}");
        sandbox.assert_nothing_kept();
    }
    // One that is there is left as it is.
    fs::write(path.join("note"), "mine").expect("a file there");
    let answer = sandbox.task_bg(["retry", &id]).ok().json();
    assert!(answer["note"].is_null(), "{answer:#}");
    sandbox.ended(&task_id(&answer));
    assert_eq!(fs::read_to_string(path.join("note")).expect("it is there"), "mine");
}

#[test]
fn a_retry_without_a_folder_to_work_in_is_refused_before_anything_is_recorded() {
    let sandbox = repository();
    let total = |sandbox: &Sandbox| sandbox.task_bg(["list"]).ok().json()["total"].clone();
    let refused = |words: &[&str], said: &str| {
        let before = total(&sandbox);
        let answer = sandbox.task_bg(words).run().failure(2);
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(said)), "{answer:#}");
        assert!(answer["hint"].as_str().is_some_and(|hint| hint.contains("anew")), "{answer:#}");
        assert_eq!(total(&sandbox), before);
    };
    let (id, path) = committed(&sandbox, "exit 3");
    fs::remove_dir_all(&path).expect("it is there");
    sandbox.shell("git worktree prune && git branch -q -D task-bg/x").ok().done();
    refused(&["retry", &id], "neither is its branch `task-bg/x`");
    // The same for a folder that was never a worktree, and for a session that goes on.
    let folder = sandbox.path("elsewhere");
    fs::create_dir(&folder).expect("a folder in the sandbox");
    let cwd = ["--cwd", folder.to_str().expect("text")];
    let plain = sandbox.run_script(&cwd, "exit 3");
    let session = sandbox.launch_with(cwd, "SAY one");
    for id in [&plain, &session] {
        sandbox.ended(id);
    }
    fs::remove_dir(&folder).expect("it is empty");
    refused(&["retry", &plain], "is no folder any more");
    refused(&["resume", &session, "SAY two"], "is no folder any more");
    let answer: Value = sandbox.task_bg(["retry", "--failed"]).run().json();
    assert_eq!(answer["refused"].as_array().map(Vec::len), Some(2), "{answer:#}");
}

// Once, a git that was killed meant that the repository was gone, and one that prints anything that it was bare.
#[test]
fn of_a_git_that_does_not_answer_nothing_is_concluded() {
    let sandbox = repository();
    let (id, _) = committed(&sandbox, "exit 0");
    let stand_in = |script: &str| {
        let bin = sandbox.path("broken");
        fs::create_dir_all(&bin).expect("a folder in the sandbox");
        tests::sandbox::executable(&bin.join("git"), script);
        format!("PATH={}:$PATH", bin.display())
    };
    let path = stand_in("#!/bin/sh\nkill -9 $$\n");
    for words in [format!("rm {id}"), "cleanup --delete".to_owned()] {
        let kept = sandbox.shell(&format!("{path} task-bg {words}")).run();
        assert!(!kept.stdout.contains("is gone") && kept.stdout.contains("signal"), "{kept}");
    }
    let path = stand_in("#!/bin/sh\necho garbage\n");
    let made = sandbox.shell(&format!("{path} task-bg run x --worktree -- true")).run();
    assert!(!made.stdout.contains("bare") && made.stdout.contains("garbage"), "{made}");
}
